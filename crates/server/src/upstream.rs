//! The upstreams that routes go to: one running pool for each, kept over a reload when its settings did not change.
mod connect;
mod forward;
mod health;
mod member;
mod members;
mod outflow;
mod pool;
mod post;
mod replay;
mod tunnel;
mod written;

pub(crate) use connect::roots;
pub(crate) use forward::{Came, Failure, Forward};
pub(crate) use member::InFlight;
pub(crate) use post::Post;
pub(crate) use tunnel::{Tunnel, Waiting};

use crate::config::Config;
use crate::config::route::To;
use crate::config::upstream::Upstream;
use crate::inflow::Inflow;
use countersign_store::fault::Fault;
use pool::Pool;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Every pool, by the name or address that routes have. Dropped, it ends its tasks and connections; answers that are under way
/// finish first.
#[derive(Default)]
pub(crate) struct Upstreams(BTreeMap<String, Arc<Pool>>);

/// How one address stands.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) upstream: String,
    pub(crate) address: String,
    /// Requests go there.
    pub(crate) well: bool,
    pub(crate) in_flight: usize,
}

impl Upstreams {
    /// Starts the pools of a configuration; takes over those of `before` whose settings did not change.
    ///
    /// # Errors
    /// [`Fault`] when TLS cannot be set up or a certificate cannot be read.
    pub(crate) fn start(config: &Config, before: Option<&Self>) -> Result<Self, Fault> {
        let mut pools = BTreeMap::new();
        let own = config.routes.iter().filter_map(|route| match &route.upstream {
            Some(To::Address(address)) => Some((address.to_string(), Upstream::single(address))),
            _ => None,
        });
        let named = config.upstreams.iter().map(|upstream| (upstream.name.clone(), upstream.clone()));
        for (key, settings) in own.chain(named) {
            if pools.contains_key(&key) {
                continue;
            }
            let kept = before.and_then(|before| before.0.get(&key)).filter(|pool| pool.serves(&settings));
            let pool = match kept {
                Some(pool) => Arc::clone(pool),
                None => Arc::new(Pool::start(&settings)?),
            };
            pools.insert(key, pool);
        }
        Ok(Self(pools))
    }

    /// The pool that a route goes to.
    pub(crate) fn pool(&self, to: &To) -> Option<&Arc<Pool>> {
        match to {
            To::Address(address) => self.0.get(&address.to_string()),
            To::Pool(name) => self.0.get(name),
        }
    }

    /// How every address stands.
    pub(crate) fn standings(&self) -> Vec<Standing> {
        let pools = self.0.values().map(|pool| pool.members());
        let standings = pools.flat_map(|members| {
            members.all.iter().map(|member| Standing {
                upstream: members.settings.name.clone(),
                address: member.label.to_string(),
                well: member.is_well(),
                in_flight: member.in_flight(),
            })
        });
        standings.collect()
    }
}

impl Pool {
    /// What `Host` tells the upstream; `None`: the caller's.
    pub(crate) fn host(&self) -> Option<&str> {
        self.members().settings.host.as_deref()
    }

    /// `https` where it speaks TLS, else `http`: all of its addresses do the same.
    pub(crate) fn scheme(&self) -> &'static str {
        let first = self.members().all.first();
        if first.is_some_and(|member| member.is_tls()) { "https" } else { "http" }
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.members().settings.name
    }

    /// How long a tunnel through it may be silent.
    pub(crate) fn idle_timeout(&self) -> std::time::Duration {
        self.members().settings.idle_timeout
    }

    /// Sends a request that was judged.
    ///
    /// # Errors
    /// [`Failure`] when no answer came.
    pub(crate) async fn send(&self, request: Forward<'_>, body: Inflow) -> Result<Came, Failure> {
        forward::forward(self.members(), request, body).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    #[tokio::test]
    async fn a_reload_keeps_the_pools_that_did_not_change() {
        let started = |text: &str, before: Option<&Upstreams>| {
            let sources = Sources { file: Some(("f".to_owned(), text.to_owned())), ..Sources::default() };
            let config = Config::load(&sources).map_err(|errors| panic!("{errors}")).unwrap();
            Upstreams::start(&config, before).unwrap()
        };
        let text = "[[upstream]]\nname = \"a\"\naddresses = [\"http://127.0.0.1:1\"]\n\
                    [[upstream]]\nname = \"b\"\naddresses = [\"http://127.0.0.1:2\"]\n";
        let first = started(text, None);
        let second = started(&text.replace(":2", ":3"), Some(&first));
        let pool = |upstreams: &Upstreams, name: &str| {
            Arc::clone(upstreams.pool(&To::Pool(name.to_owned())).unwrap())
        };
        assert!(Arc::ptr_eq(&pool(&first, "a"), &pool(&second, "a")));
        assert!(!Arc::ptr_eq(&pool(&first, "b"), &pool(&second, "b")));
        drop(first);
        assert_eq!(second.standings().len(), 2);
    }
}
