//! The routes with everything that judging them needs, found by host and path.
use crate::config::Config;
use crate::config::route::Route;
use crate::dialects::Dialects;
use crate::identity::plain;
use crate::surface::path::{decoded, under};
use countersign::incoming::Limits;
use countersign_guard::policy::Policy;
use http::HeaderName;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A route ready to judge by.
#[derive(Debug)]
pub struct Place {
    /// Its name, as every answer's outcome has it.
    pub name: Arc<str>,
    /// What the configuration says.
    pub route: Route,
    /// What it takes and whom it admits.
    pub policy: Policy,
    /// Its path prefix as it is compared: decoded where it is plain.
    prefix: String,
    /// Headers that carry credentials in one of its dialects, as [`plain`] spells them.
    credentials: Vec<String>,
}

impl Place {
    /// Whether a header carries a credential in one of the route's dialects, in any spelling.
    pub(crate) fn carries(&self, name: &HeaderName) -> bool {
        let name = plain(name.as_str());
        self.credentials.iter().any(|carrier| *carrier == *name)
    }
}

/// All routes, in the order in which they are asked: own hosts before all hosts, long paths before short ones.
#[derive(Debug, Default)]
pub struct Routes(Vec<Arc<Place>>);

impl Routes {
    /// Puts routes and dialects together.
    ///
    /// # Errors
    /// Names a dialect that is not there; the configuration's check finds it first, with its line.
    pub fn new(config: &Config, dialects: &Dialects) -> Result<Self, String> {
        let mut places = Vec::new();
        for route in &config.routes {
            let taken: Result<Vec<_>, _> = route
                .dialects
                .iter()
                .map(|name| {
                    dialects.get(name).cloned().ok_or_else(|| format!("there is no dialect {name:?}"))
                })
                .collect();
            let limits = limits(config, route.body_limit);
            let policy = Policy {
                dialects: taken?,
                admit: route.admit.clone(),
                organisations: route.organisations.clone(),
                require: route.require,
                limits,
            };
            let carriers = policy.dialects.iter().flat_map(|dialect| {
                dialect
                    .carriers()
                    .into_iter()
                    .chain(dialect.companion())
                    .map(|name| plain(name.as_str()).into_owned())
            });
            let credentials = carriers.collect();
            let prefix = decoded(&route.path).into_owned();
            places.push(Arc::new(Place {
                name: route.name.as_str().into(),
                route: route.clone(),
                policy,
                prefix,
                credentials,
            }));
        }
        places.sort_by_key(|place| (place.route.host.is_none(), usize::MAX - place.prefix.len()));
        Ok(Self(places))
    }

    /// The route for a host (lower case, without port) and a path. `/%7Ea` is `/~a`, since it is to upstreams: another
    /// spelling must not find a route that asks for less.
    #[must_use]
    pub fn find(&self, host: &str, path: &str) -> Option<&Arc<Place>> {
        let path = decoded(path);
        self.0.iter().find(|place| {
            place.route.host.as_deref().is_none_or(|wanted| wanted == host) && under(&path, &place.prefix)
        })
    }

    /// Every account that a route admits by name or id.
    #[must_use]
    pub fn admitted(&self) -> BTreeSet<String> {
        self.0.iter().flat_map(|place| place.policy.admit.iter().flatten()).cloned().collect()
    }

    /// Every organisation that a route admits, by name.
    #[must_use]
    pub fn organisations(&self) -> BTreeSet<String> {
        self.0.iter().flat_map(|place| place.policy.organisations.iter().flatten()).cloned().collect()
    }

    /// The route with a name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Arc<Place>> {
        self.0.iter().find(|place| place.route.name == name)
    }
}

/// The limits of judging that the configuration sets.
#[must_use]
pub fn limits(config: &Config, body: Option<usize>) -> Limits {
    Limits {
        credential: config.limits.credential_bytes,
        body: body.unwrap_or(config.limits.body_bytes),
        ..Limits::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;
    use crate::dialects::dialects;

    fn routes(text: &str) -> Routes {
        let config =
            Config::load(&Sources { file: Some(("f".to_owned(), text.to_owned())), ..Sources::default() });
        let config = config.map_err(|errors| panic!("{errors}")).unwrap();
        Routes::new(&config, &dialects(&config).unwrap()).unwrap()
    }

    #[test]
    fn other_spellings_of_a_path_find_the_same_route() {
        let routes = routes(
            "[[route]]\nname = \"all\"\ndialects = [\"skykit\"]\n\
             [[route]]\nname = \"me\"\npath = \"/~me/@x\"\ndialects = [\"skykit\"]\n\
             [[route]]\nname = \"cafe\"\npath = \"/caf%C3%A9\"\ndialects = [\"skykit\"]\n",
        );
        for (path, wanted) in [
            ("/~me/@x/a", "me"),
            ("/%7Eme/@x/a", "me"),
            ("/%7eme/%40x/a", "me"),
            ("/caf%c3%a9", "cafe"),
            ("/caf%C3%A9/b", "cafe"),
            ("/caf%C3%A8", "all"),
            // Not plain, so compared as it came; the gateway refuses it.
            ("/%7Eme%2F@x", "all"),
        ] {
            assert_eq!(routes.find("x", path).map(|place| place.route.name.as_str()), Some(wanted), "{path}");
        }
    }

    #[test]
    fn own_hosts_win_and_then_the_longest_path() {
        let routes = routes(
            "[[route]]\nname = \"all\"\ndialects = [\"skykit\"]\n\
             [[route]]\nname = \"deep\"\npath = \"/a/b\"\ndialects = [\"skykit\"]\n\
             [[route]]\nname = \"host\"\nhost = \"H.example\"\npath = \"/a\"\ndialects = [\"skykit\"]\n",
        );
        let name = |host, path| routes.find(host, path).map(|place| place.route.name.clone());
        assert_eq!(name("x", "/a/b/c").as_deref(), Some("deep"));
        assert_eq!(name("x", "/a/bc").as_deref(), Some("all"));
        assert_eq!(name("h.example", "/a/b/c").as_deref(), Some("host"));
        assert_eq!(name("h.example", "/b").as_deref(), Some("all"));
        assert!(routes.named("deep").is_some() && routes.named("none").is_none());
    }
}
