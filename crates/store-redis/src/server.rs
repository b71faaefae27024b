//! Finds the server in charge: the one that is named, the master that sentinels tell, or the owner of a key in a cluster.
use crate::connection::{Connection, Dial, Role};
use crate::settings::{Address, Host, Kind, Settings};
use countersign_store::fault::Fault;
use futures_util::stream::{FuturesUnordered, StreamExt};
use redis::Value;
use redis::aio::PubSub;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Most nodes of a cluster that are remembered beside those that are named.
const MOST_LEARNT: usize = 64;

/// The servers of one installation.
pub(crate) struct Servers {
    settings: Settings,
    address: Address,
    dial: Dial,
    /// Nodes that the cluster told of.
    learnt: Mutex<Vec<Host>>,
}

impl Servers {
    /// # Errors
    /// When the settings cannot be used.
    pub(crate) fn new(settings: &Settings) -> Result<Self, Fault> {
        let wrong = |wrong| Fault::caused("Redis cannot be used", wrong);
        settings.check().map_err(wrong)?;
        let address = settings.address().map_err(wrong)?;
        let dial = Dial::new(settings, &address)?;
        Ok(Self { settings: settings.clone(), address, dial, learnt: Mutex::default() })
    }

    /// A connection to the server in charge of a key, scripts loaded.
    ///
    /// # Errors
    /// When it is not found, or does not answer.
    pub(crate) async fn connect(&self, key: &str) -> Result<Connection, Fault> {
        let host = self.in_charge(key).await?;
        self.dial.connect(&host, Role::Server).await?.prepare().await
    }

    /// A connection that listens, to a server that hears whatever is published.
    ///
    /// # Errors
    /// As for [`Self::connect`].
    pub(crate) async fn listen(&self, key: &str) -> Result<PubSub, Fault> {
        self.dial.listen(&self.in_charge(key).await?).await
    }

    /// What messages call it.
    pub(crate) fn place(&self) -> String {
        self.settings.place()
    }

    /// What keys begin with.
    pub(crate) fn prefix(&self) -> &str {
        &self.settings.prefix
    }

    /// Whether there are several owners of keys.
    pub(crate) fn is_cluster(&self) -> bool {
        self.address.kind == Kind::Cluster
    }

    /// How long one answer may take.
    pub(crate) fn patience(&self) -> Duration {
        self.dial.patience()
    }

    async fn in_charge(&self, key: &str) -> Result<Host, Fault> {
        match &self.address.kind {
            Kind::Single => {
                self.address.hosts.first().cloned().ok_or_else(|| Fault::new("no host of Redis is named"))
            }
            Kind::Sentinel(name) => self.master(name).await,
            Kind::Cluster => self.owner(key).await,
        }
    }

    /// What most of the sentinels say, as soon as that is known: one that was cut off may not know of a promotion.
    async fn master(&self, name: &str) -> Result<Host, Fault> {
        let hosts = &self.address.hosts;
        let mut asked: FuturesUnordered<_> =
            hosts.iter().map(|sentinel| self.master_by(sentinel, name)).collect();
        let mut told: Vec<(Host, usize)> = Vec::new();
        let mut fault = None;
        while let Some(answer) = asked.next().await {
            match answer {
                Ok(host) => {
                    let place = told.iter().position(|(one, _)| *one == host).unwrap_or_else(|| {
                        told.push((host, 0));
                        told.len() - 1
                    });
                    if let Some((host, votes)) = told.get_mut(place) {
                        *votes += 1;
                        if *votes > hosts.len() / 2 {
                            return Ok(host.clone());
                        }
                    }
                }
                Err(failed) => fault = Some(failed),
            }
        }
        let most = told.into_iter().max_by_key(|(_, votes)| *votes).map(|(host, _)| host);
        most.ok_or_else(|| fault.unwrap_or_else(|| Fault::new("no sentinel is named")))
    }

    async fn master_by(&self, sentinel: &Host, name: &str) -> Result<Host, Fault> {
        let connection = self.dial.connect(sentinel, Role::Sentinel).await?;
        let told: Option<(String, u16)> = connection
            .ask(redis::cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(name))
            .await
            .map_err(|error| connection.failed("ask the sentinel of", error))?;
        let (name, port) = told.ok_or_else(|| {
            Fault::new(format!(
                "the sentinel at {sentinel} knows no master {name:?}: name the one of its `sentinel monitor` line"
            ))
        })?;
        Ok(Host { name, port })
    }

    async fn owner(&self, key: &str) -> Result<Host, Fault> {
        let mut known = self.learnt.lock().unwrap_or_else(PoisonError::into_inner).clone();
        known.extend(self.address.hosts.iter().cloned());
        let mut asked: FuturesUnordered<_> = known.iter().map(|node| self.owner_by(node, key)).collect();
        let mut fault = Fault::new("no node of the cluster is named");
        while let Some(answer) = asked.next().await {
            match answer {
                Ok((host, all)) => {
                    *self.learnt.lock().unwrap_or_else(PoisonError::into_inner) = all;
                    return Ok(host);
                }
                Err(failed) => fault = failed,
            }
        }
        Err(fault)
    }

    /// The owner of a key, and every node, as one node tells it.
    async fn owner_by(&self, node: &Host, key: &str) -> Result<(Host, Vec<Host>), Fault> {
        let connection = self.dial.connect(node, Role::Server).await?;
        let failed = |error| connection.failed("ask about the cluster", error);
        let slot: i64 =
            connection.ask(redis::cmd("CLUSTER").arg("KEYSLOT").arg(key)).await.map_err(failed)?;
        let ranges: Vec<Vec<Value>> =
            connection.ask(redis::cmd("CLUSTER").arg("SLOTS")).await.map_err(failed)?;
        let mut all = Vec::new();
        let mut owner = None;
        for range in ranges {
            let [Value::Int(from), Value::Int(to), nodes @ ..] = range.as_slice() else { continue };
            let hosts: Vec<Host> = nodes.iter().filter_map(|one| host_of(one, node)).collect();
            if (*from..=*to).contains(&slot) {
                owner = hosts.first().cloned();
            }
            for host in hosts {
                if all.len() < MOST_LEARNT && !all.contains(&host) {
                    all.push(host);
                }
            }
        }
        let owner = owner.ok_or_else(|| {
            Fault::new(format!("the cluster at {node} has no owner for slot {slot}: it is not whole"))
        })?;
        Ok((owner, all))
    }
}

/// A node as `CLUSTER SLOTS` tells it; without a name it is the one that was asked.
fn host_of(value: &Value, asked: &Host) -> Option<Host> {
    let Value::Array(parts) = value else { return None };
    let [name, Value::Int(port), ..] = parts.as_slice() else { return None };
    let name = match name {
        Value::BulkString(name) => std::str::from_utf8(name).ok()?,
        Value::SimpleString(name) => name.as_str(),
        _ => "",
    };
    let name = if name.is_empty() || name == "?" { asked.name.as_str() } else { name };
    Some(Host { name: name.to_owned(), port: u16::try_from(*port).ok()? })
}
