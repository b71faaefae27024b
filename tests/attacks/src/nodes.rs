//! Three nodes of the real program on one PostgreSQL, their clocks standing at the corpus's instant.
use crate::installation::rows;
use countersign_store::model::{Record, Write};
use countersign_store::registry::{NotWritten, Registry};
use countersign_store_postgres::{PostgresStore, Settings};
use countersign_testkit::postgres::{Postgres, Stop};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Nodes of an installation.
const NODES: usize = 3;
/// The instant of the corpus, as the library that tells it wants it; without a sign before it the clock stands.
const INSTANT: &str = "2026-01-01 00:00:00";
/// Another node's write is seen within a second, also when nothing announces it.
const SEEN: Duration = Duration::from_millis(1500);

/// The nodes, and the database that they share with those of other kinds.
pub(crate) struct Nodes {
    database: Arc<Postgres>,
    url: String,
    store: PostgresStore,
    rows: Vec<Write>,
    nodes: Vec<Node>,
    turn: AtomicUsize,
    away: bool,
}

struct Node {
    folder: PathBuf,
    child: Option<Child>,
    address: SocketAddr,
    log: Arc<Mutex<Vec<String>>>,
}

/// What is not here, when real nodes cannot be driven.
pub(crate) fn missing() -> Option<String> {
    if library().is_none() {
        return Some("libfaketime: apt-get install faketime".to_owned());
    }
    match program() {
        Some(program) if !program.is_file() => {
            Some(format!("{}: cargo build -p countersign-cli", program.display()))
        }
        Some(_) => None,
        None => Some("the program beside this one".to_owned()),
    }
}

fn library() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    folders.map(|folder| folder.path().join("faketime/libfaketime.so.1")).find(|file| file.is_file())
}

fn program() -> Option<PathBuf> {
    std::env::current_exe().ok()?.parent().map(|folder| folder.join("countersign"))
}

/// A pool has no more connections that may be lost.
const LOST: u32 = 16;

impl Nodes {
    /// Starts them on a database of their own with the corpus's rows.
    pub(crate) async fn start(
        database: &Arc<Postgres>,
        principals: &str,
        configuration: &str,
    ) -> Result<Self, String> {
        let url = database.database();
        let store = PostgresStore::open(&Settings::new(&url)).await.map_err(|fault| fault.to_string())?;
        let rows: Vec<Write> = rows(principals)?.into_iter().map(Write::Put).collect();
        written(store.commit(0, &rows, &[]).await)?;
        let text = format!("{configuration}[store]\nurl = {url:?}\n");
        let mut nodes = Vec::new();
        for _ in 0..NODES {
            let folder = scratch()?;
            std::fs::write(folder.join("server.toml"), &text).map_err(|error| error.to_string())?;
            let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
            let mut node = Node { folder, child: None, address: nowhere, log: Arc::default() };
            node.begin()?;
            nodes.push(node);
        }
        let database = Arc::clone(database);
        Ok(Self { database, url, store, rows, nodes, turn: AtomicUsize::new(0), away: false })
    }

    /// Where the next request goes: one node after another.
    pub(crate) fn address(&self) -> SocketAddr {
        self.nodes[self.turn.fetch_add(1, Ordering::Relaxed) % NODES].address
    }

    /// Ends one node as `kill -9` does, and starts it again.
    pub(crate) fn restart(&mut self) -> Result<(), String> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % NODES;
        let node = &mut self.nodes[turn];
        node.kill();
        node.begin()
    }

    /// Kills the database.
    pub(crate) fn lose(&mut self) {
        self.database.stop(Stop::Crash);
        self.away = true;
    }

    /// Writes the key with this label as revoked, as another node would.
    pub(crate) async fn revoke(&self, writes: &[Write]) -> Result<(), String> {
        let version = self.store.version().await.map_err(|fault| fault.to_string())?;
        written(self.store.commit(version, writes, &[]).await)?;
        tokio::time::sleep(SEEN).await;
        Ok(())
    }

    /// Every row.
    pub(crate) async fn records(&self) -> Result<Vec<Record>, String> {
        self.store.load().await.map(|loaded| loaded.records).map_err(|fault| fault.to_string())
    }

    /// Makes the installation as it was: what was used or opened is forgotten, rows are as at first, and when all nodes are started
    /// anew, none remembers callers.
    pub(crate) async fn made_new(&mut self, all: bool) -> Result<(), String> {
        if std::mem::take(&mut self.away) {
            self.database.begin();
        }
        self.database.sql(&self.url, "DELETE FROM used; DELETE FROM sessions");
        let version = self.version().await?;
        written(self.store.commit(version, &self.rows, &[]).await)?;
        for node in self.nodes.iter_mut().filter(|_| all) {
            node.kill();
            node.begin()?;
        }
        Ok(())
    }

    /// The registry's version; connections from before the database was lost say so first.
    async fn version(&self) -> Result<u64, String> {
        let mut tries = 0;
        loop {
            match self.store.version().await {
                Ok(version) => return Ok(version),
                Err(fault) if tries == LOST => return Err(fault.to_string()),
                Err(_) => tries += 1,
            }
        }
    }

    /// Whether a node panicked or ended by itself.
    pub(crate) fn well(&mut self) -> Result<(), String> {
        for node in &mut self.nodes {
            let log = node.log.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(line) = log.iter().find(|line| line.contains("panicked")) {
                return Err(format!("a node panicked: {line}"));
            }
            if let Some(Ok(Some(status))) = node.child.as_mut().map(Child::try_wait) {
                return Err(format!("a node ended by itself with {status}"));
            }
        }
        Ok(())
    }
}

impl Node {
    fn begin(&mut self) -> Result<(), String> {
        let (Some(library), Some(program)) = (library(), program()) else {
            return Err("no program".to_owned());
        };
        let mut server = Command::new(program);
        server.args(["serve", "--config", "server.toml", "--set", "server.log=error"]);
        server.current_dir(&self.folder).env_clear().env("HOME", &self.folder);
        server.env("COUNTERSIGN_DATA", self.folder.join("data")).env("TZ", "UTC").env("LD_PRELOAD", library);
        server.env("FAKETIME", INSTANT).env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("NO_FAKE_STAT", "1");
        let mut child =
            server.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().map_err(|error| error.to_string())?;
        let out = child.stderr.take().ok_or("no error stream")?;
        self.child = Some(child);
        let mut lines = BufReader::new(out).lines().map_while(Result::ok);
        let mut told = Vec::new();
        let address = loop {
            let Some(line) = lines.next() else { return Err(format!("a node did not start: {told:?}")) };
            if let Some(rest) = line.strip_prefix("listening on http://") {
                break rest.split(' ').next().and_then(|address| address.parse().ok());
            }
            told.push(line);
        };
        self.address = address.ok_or("a node listens nowhere")?;
        let log = Arc::clone(&self.log);
        std::thread::spawn(move || {
            lines.for_each(|line| log.lock().unwrap_or_else(PoisonError::into_inner).push(line));
        });
        Ok(())
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may be gone already.
            let _gone = (child.kill(), child.wait());
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
        let _gone = std::fs::remove_dir_all(&self.folder);
    }
}

fn scratch() -> Result<PathBuf, String> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = Path::new("/tmp").join(format!("countersign-attacks-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}

fn written(outcome: Result<u64, NotWritten>) -> Result<u64, String> {
    outcome.map_err(|not| match not {
        NotWritten::Conflict => "someone else wrote to the registry".to_owned(),
        NotWritten::Fault(fault) => fault.to_string(),
    })
}
