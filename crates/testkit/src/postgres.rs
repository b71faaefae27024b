//! A real PostgreSQL for tests: made in a scratch folder, run by an unprivileged user, ended with the test that started it.
use crate::process::{free_port, from_lasting_thread, is_root, said, signal, sweep};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// No test depends on a loss of power, and many share one disk.
const SETTINGS: &[&str] =
    &["fsync=off", "full_page_writes=off", "max_connections=200", "listen_addresses=127.0.0.1"];
/// The role that tests work as: it owns its databases and is nothing else.
const ROLE: &str = "countersign";
/// How the folders of servers are named, before the number of the process that they belong to.
const SCRATCH: &str = "countersign-pg-";
/// How often a server is asked whether it is up, ten times a second: a busy machine takes its time.
const TRIES: u32 = 600;

pub use crate::process::Stop;

/// A PostgreSQL server of its own.
pub struct Postgres {
    folder: PathBuf,
    programs: PathBuf,
    root: bool,
    port: u16,
    settings: Vec<String>,
    /// Words before the server's own, such as those that bring it into a network of its own.
    before: Vec<String>,
    running: Mutex<Option<Child>>,
    databases: AtomicU32,
}

impl Postgres {
    /// The one server of this test program.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&[]))
    }

    /// Starts one with more settings, each `name=value`.
    #[must_use]
    pub fn start(settings: &[&str]) -> Self {
        Self::within(&[], settings)
    }

    /// Starts one by these words, such as `ip netns exec NAME`; with any, it listens on every address it finds there.
    #[must_use]
    pub fn within(before: &[String], settings: &[&str]) -> Self {
        let mut server = Self::nowhere(SETTINGS.iter().chain(settings));
        server.before = before.to_vec();
        let mut made = server.by_user("initdb");
        made.args([
            "--auth=trust",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--username=postgres",
        ]);
        said(made.arg("--pgdata").arg(server.data()));
        if !before.is_empty() {
            server.settings.push("listen_addresses=*".to_owned());
            let file = server.data().join("pg_hba.conf");
            let text = fs::read_to_string(&file).unwrap_or_default() + "host all all all trust\n";
            fs::write(&file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        }
        server.begin();
        server.sql("postgres", &format!("CREATE ROLE {ROLE} LOGIN"));
        server
    }

    /// Starts a standby that follows this one.
    #[must_use]
    pub fn standby(&self) -> Self {
        let server = Self::nowhere(SETTINGS.iter());
        let mut made = server.by_user("pg_basebackup");
        made.args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync", "--username=postgres"]);
        made.arg("--host").arg(&self.folder).args(["--port", &self.port.to_string()]);
        said(made.arg("--pgdata").arg(server.data()));
        server.begin();
        server
    }

    fn nowhere<'s>(settings: impl Iterator<Item = &'s &'s str>) -> Self {
        let root = is_root();
        Self {
            folder: scratch(root),
            programs: programs(),
            root,
            port: free_port(),
            settings: settings.map(|setting| (*setting).to_owned()).collect(),
            before: Vec::new(),
            running: Mutex::new(None),
            databases: AtomicU32::new(0),
        }
    }

    /// Makes an empty database; gives its address.
    pub fn database(&self) -> String {
        let name = format!("d{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name} OWNER {ROLE}"));
        format!("postgres://{ROLE}@127.0.0.1:{}/{name}", self.port)
    }

    /// Runs SQL as the superuser on a database, named alone or by its address; gives what it said, a row a line.
    pub fn sql(&self, database: &str, text: &str) -> String {
        let name = database.rsplit('/').next().unwrap_or(database);
        let mut psql = Command::new(self.programs.join("psql"));
        psql.arg("-h").arg(&self.folder).args(["-p", &self.port.to_string(), "-U", "postgres", "-d", name]);
        said(psql.args(["-v", "ON_ERROR_STOP=1", "-AtXqc", text]))
    }

    /// The port on loopback.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder of the server's data.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Gives a file to the user that servers run as.
    pub fn give(file: &Path) {
        if is_root() {
            said(Command::new("chown").arg("postgres").arg(file));
        }
    }

    /// Stops it.
    pub fn stop(&self, how: Stop) {
        let Some(mut child) = self.running.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return;
        };
        match how {
            // SIGINT ends all connections; a crash ends every process of the group, as a loss of the machine does.
            Stop::Fast => signal(child.id(), "INT"),
            Stop::Crash => signal_all(child.id(), "KILL"),
        }
        let _gone = child.wait();
    }

    /// Holds every process of it, so that it answers nothing and closes nothing; or lets them go on.
    pub fn hold(&self, held: bool) {
        if let Some(child) = self.running.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            signal_all(child.id(), if held { "STOP" } else { "CONT" });
        }
    }

    /// Starts it again after [`Self::stop`].
    pub fn begin(&self) {
        let _left = fs::remove_file(self.folder.join("data/postmaster.pid"));
        let log = fs::OpenOptions::new().create(true).append(true).open(self.folder.join("log"));
        let log = log.unwrap_or_else(|error| panic!("no log for PostgreSQL: {error}"));
        let errors = log.try_clone().unwrap_or_else(|error| panic!("no log for PostgreSQL: {error}"));
        let mut words = self.before.iter().map(String::as_str).chain(["setpriv"]);
        let mut server = Command::new(words.next().unwrap_or_default());
        server.args(words);
        // Whatever becomes of the test, the server goes with it.
        server.args(["--pdeathsig", "INT"]);
        if self.root {
            server.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
        }
        server.arg(self.programs.join("postgres")).arg("-D").arg(self.data()).arg("-k").arg(&self.folder);
        server.args(["-p", &self.port.to_string()]);
        for setting in &self.settings {
            server.args(["-c", setting]);
        }
        server.stdin(Stdio::null()).stdout(log).stderr(errors);
        let child = from_lasting_thread(server);
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
        let mut ready = Command::new(self.programs.join("pg_isready"));
        ready.arg("-q").arg("-h").arg(&self.folder).args(["-p", &self.port.to_string()]);
        for _ in 0..TRIES {
            if ready.status().is_ok_and(|status| status.success()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        panic!("wanted PostgreSQL to start, found: {log}");
    }

    fn by_user(&self, program: &str) -> Command {
        let path = self.programs.join(program);
        if !self.root {
            return Command::new(path);
        }
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(path);
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop(Stop::Crash);
        let _gone = fs::remove_dir_all(&self.folder);
    }
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Postgres({})", self.port)
    }
}

/// Where the newest PostgreSQL's programs lie, as Debian puts them.
fn programs() -> PathBuf {
    let folders = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = folders.map(|folder| folder.path()).filter_map(|path| Some((number(&path)?, path))).max();
    let found = newest.map(|(_, path)| path.join("bin")).filter(|bin| bin.join("initdb").is_file());
    match found {
        Some(found) => found,
        None => panic!("wanted PostgreSQL in /usr/lib/postgresql, found none: apt-get install postgresql"),
    }
}

/// A folder that the server's user owns, with a short name: its socket lies there.
fn scratch(root: bool) -> PathBuf {
    sweep(SCRATCH);
    let name = format!("/tmp/{SCRATCH}{}.XXXXXX", std::process::id());
    let folder = PathBuf::from(said(Command::new("mktemp").args(["-d", &name])));
    if root {
        said(Command::new("chown").arg("postgres").arg(&folder));
    }
    let opened = fs::set_permissions(&folder, fs::Permissions::from_mode(0o755));
    opened.unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    folder
}

/// To a process and all that it started.
fn signal_all(process: u32, name: &str) {
    let pids = said(Command::new("ps").args(["-o", "pid=", "--ppid", &process.to_string()]));
    signal(process, name);
    pids.split_whitespace().filter_map(|pid| pid.parse().ok()).for_each(|pid| signal(pid, name));
}
