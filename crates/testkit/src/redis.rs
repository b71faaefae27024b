//! A real Redis for tests: alone, with replicas and sentinels, or in a cluster; in a scratch folder, ended with the test.
use crate::process::{free_port, from_lasting_thread, said, signal, sweep};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

pub use crate::process::Stop;

/// How the folders of servers are named, before the number of the process that they belong to.
const SCRATCH: &str = "countersign-redis-";
/// How often a server is asked whether it is up, ten times a second: a busy machine takes its time.
const TRIES: u32 = 600;
/// The name that sentinels know the master by.
pub const MASTER: &str = "boss";

/// A server of its own.
pub struct Redis {
    folder: PathBuf,
    port: u16,
    sentinel: bool,
    /// How the client of the command line reaches it, beside the port.
    client: Vec<String>,
    running: Mutex<Option<Child>>,
}

impl Redis {
    /// The one server of this test program.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Redis> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&[]))
    }

    /// Starts one with more settings, each `name value`; without them it keeps nothing on disk.
    #[must_use]
    pub fn start(settings: &[&str]) -> Self {
        let server = Self::nowhere(false);
        let port = format!("port {}", server.port);
        let common = ["bind 127.0.0.1", "save \"\"", port.as_str(), "enable-debug-command yes"];
        server.write(common.iter().chain(settings));
        server.begin();
        server
    }

    /// Starts one that speaks TLS only, by these files, each of PEM.
    #[must_use]
    pub fn secure(chain: &Path, key: &Path, ca: &Path) -> Self {
        let mut server = Self::nowhere(false);
        let files = [("tls-cert-file", chain), ("tls-key-file", key), ("tls-ca-cert-file", ca)];
        let mut lines = vec!["bind 127.0.0.1".to_owned(), "save \"\"".to_owned(), "port 0".to_owned()];
        lines.extend(files.map(|(name, file)| format!("{name} {}", file.display())));
        lines.push(format!("tls-port {}", server.port));
        lines.push("tls-auth-clients no".to_owned());
        server.write(lines.iter());
        server.client = vec!["--tls".to_owned(), "--insecure".to_owned()];
        server.client.extend(["-h".to_owned(), "localhost".to_owned()]);
        server.begin();
        server
    }

    /// Starts a replica of this one, and waits until it has everything.
    #[must_use]
    pub fn replica(&self) -> Self {
        let follows = format!("replicaof 127.0.0.1 {}", self.port);
        let server = Self::start(&[&follows, "repl-diskless-sync-delay 0"]);
        server.until(&["INFO", "replication"], "master_link_status:up");
        server
    }

    /// Starts a sentinel of a quorum of two that watches this one as [`MASTER`].
    #[must_use]
    pub fn sentinel(&self) -> Self {
        let server = Self::nowhere(true);
        let lines = [
            "bind 127.0.0.1".to_owned(),
            format!("port {}", server.port),
            format!("sentinel monitor {MASTER} 127.0.0.1 {} 2", self.port),
            format!("sentinel down-after-milliseconds {MASTER} 1500"),
            format!("sentinel failover-timeout {MASTER} 10000"),
        ];
        server.write(lines.iter());
        server.begin();
        server
    }

    /// Starts a cluster of as many masters, each with an equal part of the slots.
    #[must_use]
    pub fn cluster(masters: usize) -> Vec<Self> {
        let nodes: Vec<Self> = (0..masters)
            .map(|_| {
                let bus = format!("cluster-port {}", free_port());
                Self::start(&[
                    "cluster-enabled yes",
                    "cluster-node-timeout 2000",
                    &bus,
                    "cluster-require-full-coverage no",
                ])
            })
            .collect();
        let mut create = Command::new("redis-cli");
        create.args(["--cluster", "create"]);
        create.args(nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)));
        said(create.args(["--cluster-replicas", "0", "--cluster-yes"]));
        for node in &nodes {
            node.until(&["CLUSTER", "INFO"], "cluster_state:ok");
        }
        nodes
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The port on loopback.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Runs a command; gives what it said.
    pub fn run(&self, words: &[&str]) -> String {
        said(self.client().args(words))
    }

    /// Runs a command until what it says has these words.
    pub fn until(&self, words: &[&str], wanted: &str) {
        let mut told = String::new();
        for _ in 0..TRIES {
            if let Ok(output) = self.client().args(words).output() {
                told = String::from_utf8_lossy(&output.stdout).into_owned();
                if told.contains(wanted) {
                    return;
                }
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("wanted {wanted} from {words:?}, found {told}");
    }

    /// Stops it.
    pub fn stop(&self, how: Stop) {
        let Some(mut child) = self.running.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return;
        };
        signal(child.id(), if how == Stop::Crash { "KILL" } else { "TERM" });
        let _gone = child.wait();
    }

    /// Sends it a signal, such as `STOP` and `CONT`.
    pub fn signal(&self, name: &str) {
        if let Some(child) = &*self.running.lock().unwrap_or_else(PoisonError::into_inner) {
            signal(child.id(), name);
        }
    }

    /// Starts it again after [`Self::stop`].
    pub fn begin(&self) {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.folder.join("log"));
        let log = log.unwrap_or_else(|error| panic!("no log for Redis: {error}"));
        let mut server = Command::new("setpriv");
        // Whatever becomes of the test, the server goes with it.
        server.args(["--pdeathsig", "KILL", "redis-server"]).arg(self.folder.join("conf"));
        if self.sentinel {
            server.arg("--sentinel");
        }
        server.current_dir(&self.folder).stdin(Stdio::null()).stdout(log).stderr(Stdio::null());
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(from_lasting_thread(server));
        self.until(&["PING"], "PONG");
    }

    fn nowhere(sentinel: bool) -> Self {
        sweep(SCRATCH);
        let name = format!("/tmp/{SCRATCH}{}.XXXXXX", std::process::id());
        let folder = PathBuf::from(said(Command::new("mktemp").args(["-d", &name])));
        Self { folder, port: free_port(), sentinel, client: Vec::new(), running: Mutex::new(None) }
    }

    fn write(&self, lines: impl Iterator<Item = impl AsRef<str>>) {
        let text: String = lines.map(|line| format!("{}\n", line.as_ref())).collect();
        let written = fs::write(self.folder.join("conf"), text);
        written.unwrap_or_else(|error| panic!("no settings for Redis: {error}"));
    }

    fn client(&self) -> Command {
        let mut client = Command::new("redis-cli");
        client.args(["-p", &self.port.to_string()]).args(&self.client);
        client
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.stop(Stop::Crash);
        let _gone = fs::remove_dir_all(&self.folder);
    }
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redis({})", self.port)
    }
}
