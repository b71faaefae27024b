//! A real server, or three nodes, on loopback with the corpus's registry and settings, the clock standing, an upstream behind.
use crate::installation::{HOST, NOW, rows, settings};
use crate::nodes::Nodes;
use crate::upstream::Seen;
use countersign::ask::{Claim, Use};
use countersign::life::key::{KeyLife, KeyState};
use countersign::time::Time;
use countersign_guard::clock::{FrozenClock, SystemEntropy};
use countersign_server::config::{Config, Sources};
use countersign_server::{Parts, Running, Server};
use countersign_store::fault::Fault;
use countersign_store::memory::MemoryStore;
use countersign_store::model::{Record, Write};
use countersign_store::once::Once;
use countersign_store::registry::{Answer, NotWritten, Registry};
use countersign_testkit::postgres::Postgres;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a server is for: the dialects of its one route, and whether the peer is a trusted proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kind {
    pub(crate) route: &'static str,
    pub(crate) dialects: &'static [&'static str],
    pub(crate) behind_proxy: bool,
}

/// A running server and what stands around it.
pub(crate) struct Served {
    what: What,
    kind: Kind,
    upstream: SocketAddr,
    /// What the upstream saw.
    pub(crate) seen: Seen,
}

enum What {
    /// One in this process, its store in memory.
    One { running: Box<Running>, store: Arc<MemoryStore>, once: Arc<MayFail>, address: SocketAddr },
    /// Real ones, their store shared.
    Nodes(Box<Nodes>),
}

/// A replay memory that can be taken away.
struct MayFail {
    inner: Arc<MemoryStore>,
    gone: AtomicBool,
}

impl Once for MayFail {
    fn claim(&self, claim: Claim, now: Time) -> Answer<'_, Result<Use, Fault>> {
        if self.gone.load(Ordering::SeqCst) {
            return Box::pin(async { Err(Fault::new("the replay memory is gone")) });
        }
        self.inner.claim(claim, now)
    }
    fn peek(&self, claim: Claim, now: Time) -> Answer<'_, Result<Use, Fault>> {
        if self.gone.load(Ordering::SeqCst) {
            return Box::pin(async { Err(Fault::new("the replay memory is gone")) });
        }
        self.inner.peek(claim, now)
    }
}

impl Served {
    /// Starts it with a fresh registry.
    pub(crate) async fn start(kind: Kind, principals: &str) -> Result<Self, String> {
        let store = Arc::new(MemoryStore::new([7; 16]));
        let writes: Vec<Write> = rows(principals)?.into_iter().map(Write::Put).collect();
        written(store.commit(0, &writes, &[]).await)?;
        let (upstream, seen) = crate::upstream::start().await.map_err(|error| error.to_string())?;
        Self::over(kind, store.clone(), store, upstream, seen).await
    }

    /// Starts three nodes with a fresh registry.
    pub(crate) async fn nodes(
        kind: Kind,
        principals: &str,
        database: &Arc<Postgres>,
    ) -> Result<Self, String> {
        let (upstream, seen) = crate::upstream::start().await.map_err(|error| error.to_string())?;
        let nodes = Nodes::start(database, principals, &configuration(kind, upstream)?).await?;
        Ok(Self { what: What::Nodes(Box::new(nodes)), kind, upstream, seen })
    }

    /// Where the next caller goes.
    pub(crate) fn address(&self) -> SocketAddr {
        match &self.what {
            What::One { address, .. } => *address,
            What::Nodes(nodes) => nodes.address(),
        }
    }

    /// The nodes, where there are several.
    pub(crate) fn several(&mut self) -> Option<&mut Nodes> {
        match &mut self.what {
            What::One { .. } => None,
            What::Nodes(nodes) => Some(nodes),
        }
    }

    async fn over(
        kind: Kind,
        store: Arc<MemoryStore>,
        uses: Arc<MemoryStore>,
        upstream: SocketAddr,
        seen: Seen,
    ) -> Result<Self, String> {
        let once = Arc::new(MayFail { inner: uses, gone: AtomicBool::new(false) });
        let text = configuration(kind, upstream)?;
        let sources = Sources { file: Some(("attacks.toml".to_owned(), text)), ..Sources::default() };
        let config = Config::load(&sources).map_err(|errors| errors.to_string())?;
        let parts = Parts {
            clock: Arc::new(FrozenClock::at(Time::from_seconds(NOW))),
            entropy: Arc::new(SystemEntropy),
            registry: store.clone(),
            once: once.clone(),
            challenges: once.clone(),
            sessions: store.clone(),
        };
        let running = Server::start(config, parts)
            .await
            .map_err(|error| format!("the server did not start: {error}"))?;
        let address =
            running.addresses().first().map(|bound| bound.address).ok_or("the server listens nowhere")?;
        let what = What::One { running: Box::new(running), store, once, address };
        Ok(Self { what, kind, upstream, seen })
    }

    /// Ends it and starts another over the same registry; what the replay memory cannot vouch for is barred. Of several nodes, one
    /// is killed and started again.
    pub(crate) async fn restarted(self) -> Result<Self, String> {
        let Self { what, kind, upstream, seen } = self;
        match what {
            What::One { running, store, .. } => {
                running.shutdown().await;
                let uses = Arc::new(MemoryStore::new([8; 16]));
                uses.window().raise_barrier(Time::from_seconds(NOW + 20));
                Self::over(kind, store, uses, upstream, seen).await
            }
            What::Nodes(mut nodes) => {
                nodes.restart()?;
                Ok(Self { what: What::Nodes(nodes), kind, upstream, seen })
            }
        }
    }

    /// Takes the replay memory away.
    pub(crate) fn lose_uses(&mut self) {
        match &mut self.what {
            What::One { once, .. } => once.gone.store(true, Ordering::SeqCst),
            What::Nodes(nodes) => nodes.lose(),
        }
    }

    /// Revokes the key with this label, as an operator would.
    pub(crate) async fn revoke(&self, label: &str) -> Result<(), String> {
        match &self.what {
            What::One { running, store, .. } => {
                let loaded = store.load().await.map_err(|fault| fault.to_string())?;
                let writes = revoked(loaded.records, label)?;
                let version = written(store.commit(loaded.version, &writes, &[]).await)?;
                running.app().directory.apply(&writes, version).map_err(|fault| fault.to_string())
            }
            What::Nodes(nodes) => nodes.revoke(&revoked(nodes.records().await?, label)?).await,
        }
    }

    /// Ends it.
    pub(crate) async fn stop(self) {
        if let What::One { running, .. } = self.what {
            running.shutdown().await;
        }
    }
}

/// The rows of the keys with this label, revoked.
fn revoked(records: Vec<Record>, label: &str) -> Result<Vec<Write>, String> {
    let revoked = records.into_iter().filter_map(|record| match record {
        Record::Key(mut key) if key.label == label => {
            key.life = KeyLife { state: KeyState::Revoked, ..key.life };
            Some(Write::Put(Record::Key(key)))
        }
        _ => None,
    });
    let revoked: Vec<Write> = revoked.collect();
    if revoked.is_empty() { Err(format!("no key is called {label}")) } else { Ok(revoked) }
}

fn written(outcome: Result<u64, NotWritten>) -> Result<u64, String> {
    outcome.map_err(|not| match not {
        NotWritten::Conflict => "someone else wrote to the registry".to_owned(),
        NotWritten::Fault(fault) => fault.to_string(),
    })
}

fn configuration(kind: Kind, upstream: SocketAddr) -> Result<String, String> {
    let proxies = if kind.behind_proxy { "\"127.0.0.0/8\"" } else { "" };
    let mut text = format!(
        "version = 1\n\
         [server]\npublic_url = \"https://{HOST}\"\ntrusted_proxies = [{proxies}]\ndrain = \"0s\"\n\
         [[listener]]\naddress = \"127.0.0.1:0\"\nsurfaces = [\"gateway\", \"forward-auth\", \"session\"]\n\
         [[route]]\nname = \"{}\"\nhost = \"{HOST}\"\npath = \"/\"\ndialects = {:?}\nupstream = \"http://{upstream}\"\n\
         [forward_auth]\npath = \"/authz\"\n\
         [session]\nchallenge_life = \"60s\"\nself_registration = false\n\
         [limits]\nheader_time = \"2s\"\nbody_time = \"2s\"\nidle_time = \"5s\"\n\
         failures_per_address = 0\nconnections_per_address = 0\n\
         [identity]\nstrip = [{}]\n",
        kind.route,
        kind.dialects,
        STRIPPED.map(|name| format!("{name:?}")).join(", "),
    );
    let tokens = kind.dialects.contains(&"access-token");
    if tokens {
        text = text.replace("\"session\"]", "\"session\", \"token\"]");
        text.push_str(TOKEN);
    }
    for dialect in kind.dialects.iter().chain(tokens.then_some(&"client-assertion")) {
        let settings = settings(dialect);
        if !settings.is_empty() {
            writeln!(text, "[dialect.{dialect}]").map_err(|error| error.to_string())?;
        }
        for (name, value) in settings {
            writeln!(text, "{name} = {value:?}").map_err(|error| error.to_string())?;
        }
    }
    Ok(text)
}

/// The token endpoint as the corpus has it: the issuer is another host than the resource.
const TOKEN: &str = "[token]\nissuer = \"https://auth.example.test\"\npath = \"/token\"\n";

/// Identity headers of other products, which upstreams may still believe.
const STRIPPED: [&str; 16] = [
    "X-Auth-User",
    "X-Auth-Request-User",
    "X-Auth-Request-Email",
    "X-Remote-User",
    "Remote-User",
    "X-User",
    "X-Authenticated-User",
    "X-WEBAUTH-USER",
    "X-Consumer-Username",
    "X-Userinfo",
    "X-Forwarded-User",
    "X-Forwarded-Client-Cert",
    "X-SSL-Client-Cert",
    "X-Original-User",
    "Cf-Access-Authenticated-User-Email",
    "X-HTTP-Method",
];
