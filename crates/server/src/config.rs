//! The configuration: one TOML file under environment under flags, read whole, every fault told at once.
pub mod acme;
pub mod check;
pub mod console;
pub mod dialect;
mod doubts;
pub mod identity;
mod issuer;
pub mod keys;
pub mod limits;
pub mod listener;
pub mod mode;
mod reader;
pub mod replay;
pub mod route;
pub mod sample;
pub mod server;
pub mod session;
mod spelling;
pub mod store;
pub mod token;
pub mod traces;
mod tree;
pub mod upstream;
pub mod webhooks;

use console::ConsoleSection;
use dialect::DialectSection;
use identity::Identity;
use keys::KeysSection;
use limits::Limits;
use listener::Listener;
use reader::{Notes, Section};
use route::Route;
use server::{ForwardAuthSection, JwksSection, ManageSection, ServerSection};
use session::SessionSection;
use std::collections::BTreeMap;
use std::fmt;
use store::StoreSection;
use token::TokenSection;
use traces::TracesSection;
use tree::Node;
use upstream::Upstream;
use webhooks::WebhooksSection;

pub use reader::{Finding, Shown};
pub use tree::Origin;

/// The variables of the environment that are settings begin with this.
pub const ENVIRONMENT_PREFIX: &str = "COUNTERSIGN_";

/// Where the configuration comes from; later ones win.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file's name (for messages) and text.
    pub file: Option<(String, String)>,
    /// Variables of the environment; those named `COUNTERSIGN_SECTION__KEY` count, others are ignored.
    pub environment: Vec<(String, String)>,
    /// Flags: a dotted path such as `server.log`, and the value.
    pub flags: Vec<(String, String)>,
}

/// Everything an operator can set.
#[derive(Clone, Debug)]
pub struct Config {
    /// What holds for every listener.
    pub server: ServerSection,
    /// Addresses and what answers there.
    pub listeners: Vec<Listener>,
    /// Which requests go where.
    pub routes: Vec<Route>,
    /// Pools of addresses that routes go to by name.
    pub upstreams: Vec<Upstream>,
    /// Settings of dialects, by name.
    pub dialects: BTreeMap<String, DialectSection>,
    /// The question that other proxies ask.
    pub forward_auth: ForwardAuthSection,
    /// Sessions and their tokens.
    pub session: SessionSection,
    /// The token endpoint.
    pub token: TokenSection,
    /// How the upstream learns who was recognised.
    pub identity: Identity,
    /// Which public keys are taken.
    pub keys: KeysSection,
    /// The management API.
    pub manage: ManageSection,
    /// The web console.
    pub console: ConsoleSection,
    /// Key sets.
    pub jwks: JwksSection,
    /// The database.
    pub store: StoreSection,
    /// What a caller may make the server read.
    pub limits: Limits,
    /// Traces of requests.
    pub traces: TracesSection,
    /// What happens to keys, told to somebody else.
    pub webhooks: WebhooksSection,
    shown: Vec<Shown>,
}

/// Why a configuration cannot be used: everything that is wrong with it.
#[derive(Clone, Debug)]
pub struct ConfigErrors {
    /// The file's name, when there was one.
    pub file: Option<String>,
    /// Each fault, in the order of the file.
    pub findings: Vec<Finding>,
}

impl Config {
    /// Reads the sources over the defaults.
    ///
    /// # Errors
    /// Everything that is wrong: syntax, unknown names, values that cannot be.
    pub fn load(sources: &Sources) -> Result<Self, ConfigErrors> {
        let notes = Notes::default();
        let mut tree = Node::empty();
        if let Some((_, text)) = &sources.file {
            let (read, errors) = Node::parse(text);
            tree = read;
            let faults = errors.into_iter().map(|(line, message)| Finding {
                path: "syntax".to_owned(),
                origin: Origin::File(line),
                message,
                fix: "correct the TOML of this line".to_owned(),
            });
            notes.findings.borrow_mut().extend(faults);
        }
        for (name, value) in &sources.environment {
            // `COUNTERSIGN_DATA` and the like are not of the form SECTION__KEY; they are flags' own variables.
            let Some(path) = name.strip_prefix(ENVIRONMENT_PREFIX).filter(|path| path.contains("__")) else {
                continue;
            };
            let origin = Origin::Environment(name.clone());
            let steps: Vec<&str> = path.split("__").collect();
            if !tree.set(&steps, value, &origin) {
                notes.findings.borrow_mut().push(misplaced(name, origin));
            }
        }
        for (path, value) in &sources.flags {
            let origin = Origin::Flag(path.clone());
            let steps: Vec<&str> = path.split('.').collect();
            if !tree.set(&steps, value, &origin) {
                notes.findings.borrow_mut().push(misplaced(path, origin));
            }
        }
        let config = Self::read(&Section::root(&tree, &notes), &notes);
        let mut findings = notes.findings.take();
        // Errors of one line stay in the order they were found.
        findings.sort_by_key(|finding| match finding.origin {
            Origin::File(line) => line,
            _ => usize::MAX,
        });
        match config {
            Some(config) if findings.is_empty() => Ok(Self { shown: notes.shown.take(), ..config }),
            _ => Err(ConfigErrors { file: sources.file.as_ref().map(|file| file.0.clone()), findings }),
        }
    }

    /// Every setting in effect and where it came from.
    #[must_use]
    pub fn shown(&self) -> &[Shown] {
        &self.shown
    }

    /// The route with this name.
    #[must_use]
    pub fn route(&self, name: &str) -> Option<&Route> {
        self.routes.iter().find(|route| route.name == name)
    }

    fn read(root: &Section<'_>, notes: &Notes) -> Option<Self> {
        let version = root.count("version", 1, 0..=1_000_000);
        if version != 1 {
            root.wrong("version", format!("wanted 1, found {version}"), "write version = 1");
        }
        let listeners = match root.sections("listener") {
            Some(sections) => sections.into_iter().filter_map(Listener::read).collect(),
            None => Listener::defaults(),
        };
        let routes = root.sections("route").unwrap_or_default().into_iter().filter_map(Route::read).collect();
        let upstreams = root.sections("upstream").unwrap_or_default();
        let upstreams = upstreams.into_iter().filter_map(Upstream::read).collect();
        let dialects = root.named("dialect");
        let dialects = dialects.into_iter().map(|(name, section)| (name, DialectSection::read(section)));
        let config = Self {
            listeners,
            routes,
            upstreams,
            dialects: dialects.collect(),
            server: ServerSection::read(root.section("server")),
            forward_auth: ForwardAuthSection::read(root.section("forward_auth")),
            session: SessionSection::read(root.section("session")),
            token: TokenSection::read(root.section("token")),
            identity: Identity::read(root.section("identity")),
            keys: KeysSection::read(root.section("keys")),
            manage: ManageSection::read(root.section("manage")),
            console: ConsoleSection::read(root.section("console")),
            jwks: JwksSection::read(root.section("jwks")),
            store: StoreSection::read(root.section("store")),
            limits: Limits::read(root.section("limits")),
            traces: TracesSection::read(root.section("traces")),
            webhooks: WebhooksSection::read(root.section("webhooks")),
            shown: Vec::new(),
        };
        root.unknown();
        notes.findings.borrow().is_empty().then_some(config)
    }
}

impl Default for Config {
    fn default() -> Self {
        let notes = Notes::default();
        let tree = Node::empty();
        let root = Section::root(&tree, &notes);
        Self {
            server: ServerSection::read(root.section("server")),
            listeners: Listener::defaults(),
            routes: Vec::new(),
            upstreams: Vec::new(),
            dialects: BTreeMap::new(),
            forward_auth: ForwardAuthSection::read(root.section("forward_auth")),
            session: SessionSection::read(root.section("session")),
            token: TokenSection::read(root.section("token")),
            identity: Identity::read(root.section("identity")),
            keys: KeysSection::read(root.section("keys")),
            manage: ManageSection::read(root.section("manage")),
            console: ConsoleSection::read(root.section("console")),
            jwks: JwksSection::read(root.section("jwks")),
            store: StoreSection::read(root.section("store")),
            limits: Limits::read(root.section("limits")),
            traces: TracesSection::read(root.section("traces")),
            webhooks: WebhooksSection::read(root.section("webhooks")),
            shown: notes.shown.take(),
        }
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.as_deref().unwrap_or("configuration");
        for (index, finding) in self.findings.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            match finding.origin {
                Origin::File(line) => {
                    write!(f, "{file}:{line}: {}: {}; {}", finding.path, finding.message, finding.fix)?;
                }
                _ => write!(f, "{finding}")?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// The known name that differs least from `name`, when it is near enough to be meant.
pub(crate) fn nearest_name<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    spelling::nearest(name, known)
}

fn misplaced(path: &str, origin: Origin) -> Finding {
    Finding {
        path: path.to_owned(),
        origin,
        message: "there is no such place in the configuration".to_owned(),
        fix: "name a section and a key; lists of tables take a number that exists in the file".to_owned(),
    }
}

#[cfg(test)]
mod tests;
