//! One node: the real server over its link, in simulated time, started and killed as often as somebody wants.
use crate::chance::Chance;
use crate::flaw::Flaw;
use crate::link::{Claims, Link, Network};
use crate::watch::Watch;
use bytes::Bytes;
use countersign::incoming::{Body, Incoming, Target};
use countersign_guard::clock::Clock;
use countersign_guard::guard::Verdict;
use countersign_guard::policy::Policy;
use countersign_guard::session::Told;
use countersign_server::config::Sources;
use countersign_server::{App, Config, Parts, Running, Server};
use http::{HeaderMap, Request, Response};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Nobody connects: requests are handed to what judges them.
const CONFIG: &str = r#"
[[listener]]
address = "127.0.0.1:0"
surfaces = ["session", "health"]

[server]
lanes = false

[session]
self_registration = false
"#;

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Let in, or done.
    Passed,
    /// Not let in, for this reason.
    Refused(String),
    /// The node's own fault: 503.
    Fault,
    /// The node went away before it answered.
    Lost,
}

/// One node, running or not.
pub struct Node {
    /// Its number.
    pub number: usize,
    /// Its clock.
    pub watch: Arc<Watch>,
    network: Arc<Network>,
    config: Config,
    seed: u64,
    up: Mutex<Option<Arc<Up>>>,
    /// Rung when it goes away. Whoever waits is woken in the order of waiting, so that a seed is the same run each time.
    gone: Notify,
    booting: Mutex<Option<JoinHandle<()>>>,
    boots: Mutex<u64>,
}

/// A node while it runs.
pub struct Up {
    running: Running,
    /// Its way to the database.
    pub link: Arc<Link>,
    own: Policy,
    proofs: Policy,
}

impl Node {
    /// A node that does not run yet.
    ///
    /// # Errors
    /// When its configuration cannot be read.
    pub fn new(number: usize, watch: Arc<Watch>, network: Arc<Network>, seed: u64) -> Result<Self, String> {
        let file = Some(("simulated.toml".to_owned(), CONFIG.to_owned()));
        let config =
            Config::load(&Sources { file, ..Sources::default() }).map_err(|errors| errors.to_string())?;
        Ok(Self {
            number,
            watch,
            network,
            config,
            seed,
            up: Mutex::default(),
            gone: Notify::new(),
            booting: Mutex::default(),
            boots: Mutex::default(),
        })
    }

    /// Kills it: whatever it was doing is never finished.
    pub fn crash(&self) {
        if let Some(booting) = self.booting().take() {
            booting.abort();
        }
        self.set_up(None);
        self.gone.notify_waiters();
    }

    /// Starts it after a while, again and again until it runs.
    pub fn boot(self: &Arc<Self>, after: Duration) {
        let node = Arc::clone(self);
        let task = tokio::spawn(async move {
            sleep(after).await;
            loop {
                match node.start().await {
                    Ok(up) => {
                        node.set_up(Some(Arc::new(up)));
                        return;
                    }
                    Err(_) => sleep(Duration::from_millis(700)).await,
                }
            }
        });
        if let Some(before) = self.booting().replace(task) {
            before.abort();
        }
    }

    async fn start(&self) -> Result<Up, String> {
        let boot = {
            let mut boots = self.boots.lock().unwrap_or_else(PoisonError::into_inner);
            *boots += 1;
            self.seed ^ (*boots << 8) ^ u64::try_from(self.number).unwrap_or(0)
        };
        let link = Link::new(Arc::clone(&self.network), self.number, boot);
        // As when the store on PostgreSQL is opened: before anything is accepted.
        for scope in 0..2 {
            link.join(scope, self.watch.now()).await.map_err(|fault| fault.to_string())?;
        }
        let parts = Parts {
            clock: self.watch.clone(),
            entropy: Arc::new(Chance::new(boot, "entropy")),
            registry: link.clone(),
            once: Arc::new(Claims(link.clone(), 0)),
            challenges: Arc::new(Claims(link.clone(), 1)),
            sessions: link.clone(),
        };
        let running = Server::start(self.config.clone(), parts).await.map_err(|error| error.to_string())?;
        let app = running.app();
        let policy = |name: &str| {
            let dialect = app.dialects.get(name).cloned().ok_or_else(|| format!("no dialect {name}"))?;
            Ok::<_, String>(Policy::of(vec![dialect]))
        };
        let (own, proofs) = (policy("own-session")?, policy("asymmetric-jwt")?);
        Ok(Up { running, link, own, proofs })
    }

    fn set_up(&self, up: Option<Arc<Up>>) {
        *self.up.lock().unwrap_or_else(PoisonError::into_inner) = up;
    }

    fn booting(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.booting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something on the node that runs now; `None` when there is none, or it goes away before the end.
    pub async fn on<T>(&self, work: impl AsyncFnOnce(&Up) -> T) -> Option<T> {
        let mut gone = std::pin::pin!(self.gone.notified());
        gone.as_mut().enable();
        let up = self.up.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        tokio::select! {
            biased;
            () = gone => None,
            done = work(&up) => Some(done),
        }
    }

    /// A one-time proof, or an access token, as a request to something behind the server.
    pub async fn judge(&self, headers: &HeaderMap, session: bool) -> Answer {
        let flaw = self.network.database.flaw;
        let done = self.on(async |up| {
            let target = Target::new("https", "api.example.test", "/");
            let incoming =
                Incoming { method: "GET", target, headers, body: Body::Empty, client: None, challenge: None };
            let (app, policy) = (up.app(), if session { &up.own } else { &up.proofs });
            // As every surface begins.
            if app.is_stale() && flaw != Flaw::StaleIgnored {
                return Answer::Fault;
            }
            match app.guard.judge(policy, &incoming).await {
                Ok(Verdict::Verified(_)) => Answer::Passed,
                Ok(Verdict::Refused(denial)) => Answer::Refused(denial.refusal.reason.code().to_owned()),
                Ok(Verdict::Absent(_)) => Answer::Refused("absent".to_owned()),
                Err(_) => Answer::Fault,
            }
        });
        done.await.unwrap_or(Answer::Lost)
    }

    /// A call of the session API; the body of a good answer.
    pub async fn call(&self, request: &Request<Bytes>) -> (Answer, Bytes) {
        let done = self.on(async |up| {
            let app = up.app();
            if app.is_stale() {
                return (Answer::Fault, Bytes::new());
            }
            let nobody: Option<std::net::IpAddr> = None;
            match app.session.call(request, nobody).await {
                Ok(response) => told(&response),
                Err(_) => (Answer::Fault, Bytes::new()),
            }
        });
        done.await.unwrap_or((Answer::Lost, Bytes::new()))
    }
}

impl Up {
    /// What judges.
    #[must_use]
    pub fn app(&self) -> Arc<App> {
        self.running.app()
    }
}

fn told(response: &Response<Bytes>) -> (Answer, Bytes) {
    if response.status().is_success() {
        return (Answer::Passed, response.body().clone());
    }
    let reason = response.extensions().get::<Told>().and_then(|told| told.reason);
    let text =
        reason.map_or_else(|| format!("status {}", response.status()), |reason| reason.code().to_owned());
    (Answer::Refused(text), Bytes::new())
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Node({})", self.number)
    }
}
