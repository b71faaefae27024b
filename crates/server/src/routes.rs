//! The routes with everything that judging them needs, found by host and path.
use crate::config::Config;
use crate::config::check::DialectFacts;
use crate::config::dialect::DialectSection;
use crate::config::route::Route;
use crate::surface::path::under;
use countersign::dialect::Dialect;
use countersign::dialect::settings::Settings;
use countersign::incoming::Limits;
use countersign_guard::policy::Policy;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// A route ready to judge by.
#[derive(Debug)]
pub struct Place {
    /// What the configuration says.
    pub route: Route,
    /// What it takes and whom it admits.
    pub policy: Policy,
}

/// All routes, in the order in which they are asked: own hosts before all hosts, long paths before short ones.
#[derive(Debug, Default)]
pub struct Routes(Vec<Arc<Place>>);

/// The dialects by name, with their settings from the configuration.
pub type Dialects = BTreeMap<String, Arc<Dialect>>;

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
            let policy = Policy { dialects: taken?, admit: route.admit.clone(), limits };
            places.push(Arc::new(Place { route: route.clone(), policy }));
        }
        places.sort_by_key(|place| (place.route.host.is_none(), usize::MAX - place.route.path.len()));
        Ok(Self(places))
    }

    /// The route for a host (lower case, without port) and a path.
    #[must_use]
    pub fn find(&self, host: &str, path: &str) -> Option<&Arc<Place>> {
        self.0.iter().find(|place| {
            place.route.host.as_deref().is_none_or(|wanted| wanted == host) && under(path, &place.route.path)
        })
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

/// Reads every dialect: the shipped ones and those of one's own, with the configuration's settings.
///
/// # Errors
/// Says for each dialect that cannot be used what is wrong with it.
pub fn dialects(config: &Config) -> Result<Dialects, Vec<String>> {
    let mut all = Dialects::new();
    let mut errors = Vec::new();
    let shipped = countersign_dialects::FOLDERS.iter().map(|folder| folder.name);
    let own = config
        .dialects
        .keys()
        .map(String::as_str)
        .filter(|name| countersign_dialects::folder(name).is_none());
    let nothing = DialectSection::default();
    for name in shipped.chain(own) {
        let section = config.dialects.get(name).unwrap_or(&nothing);
        match dialect(section, name) {
            Ok(dialect) => {
                all.insert(name.to_owned(), Arc::new(dialect));
            }
            Err(error) => errors.push(format!("[dialect.{name}]: {error}")),
        }
    }
    if errors.is_empty() { Ok(all) } else { Err(errors) }
}

fn dialect(section: &DialectSection, name: &str) -> Result<Dialect, String> {
    let settings: Settings = section.settings.clone();
    match &section.file {
        None => countersign_dialects::load(name, &settings).map_err(|error| error.to_string()),
        Some(path) => Dialect::parse(&read(path)?, &settings).map_err(|error| error.to_string()),
    }
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// What the configuration's check has to know of the dialects.
#[must_use]
pub fn facts(dialects: &Dialects) -> Vec<DialectFacts> {
    let facts = dialects.iter().map(|(name, dialect)| DialectFacts {
        name: name.clone(),
        signs_body: dialect.needs_body(),
        carriers: dialect.places(),
        discriminated: dialect.has_discriminator(),
    });
    facts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    fn routes(text: &str) -> Routes {
        let config =
            Config::load(&Sources { file: Some(("f".to_owned(), text.to_owned())), ..Sources::default() });
        let config = config.map_err(|errors| panic!("{errors}")).unwrap();
        Routes::new(&config, &dialects(&config).unwrap()).unwrap()
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
