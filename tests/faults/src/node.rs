//! The real program, serving: started, killed, stopped and started again on the same ports and the same folder.
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A busy machine takes its time to start a program.
const START: Duration = Duration::from_secs(120);

/// What a node is started with.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    /// Settings of the store, and routes.
    pub(crate) more: String,
    /// Words before the program's name, such as those that bring it into a network of its own.
    pub(crate) before: Vec<String>,
    /// More of the environment.
    pub(crate) variables: Vec<(String, String)>,
    /// The address it listens on.
    pub(crate) host: String,
    /// Where its data lies; otherwise below its own folder.
    pub(crate) data: Option<PathBuf>,
}

/// A server, or one that was ended for a while.
pub(crate) struct Node {
    folder: tempfile::TempDir,
    setting: Setting,
    ports: (u16, u16),
    child: Mutex<Option<Child>>,
    log: Arc<Mutex<Vec<String>>>,
}

impl Setting {
    /// On loopback, with these settings.
    pub(crate) fn with(more: impl Into<String>) -> Self {
        let host = "127.0.0.1".to_owned();
        Self { more: more.into(), before: Vec::new(), variables: Vec::new(), host, data: None }
    }
}

impl Node {
    /// Starts it on free ports.
    pub(crate) fn start(setting: Setting) -> Self {
        let node = Self {
            folder: tempfile::tempdir().unwrap(),
            ports: (free_port(), free_port()),
            setting,
            child: Mutex::default(),
            log: Arc::default(),
        };
        node.begin();
        node
    }

    /// Starts it again.
    pub(crate) fn begin(&self) {
        if let Err(why) = self.try_begin() {
            panic!("wanted the server to start, found: {why}");
        }
    }

    /// The same, giving what it said when it does not start.
    pub(crate) fn try_begin(&self) -> Result<(), String> {
        let (host, (public, manage)) = (&self.setting.host, self.ports);
        let text = format!(
            "version = 1\n[server]\ndrain = \"0s\"\ninsecure_http = true\n\
             [[listener]]\naddress = \"{host}:{public}\"\nsurfaces = [\"gateway\", \"session\", \"health\"]\n\
             [[listener]]\naddress = \"{host}:{manage}\"\nsurfaces = [\"manage\", \"health\", \"metrics\"]\n{}",
            self.setting.more
        );
        std::fs::write(self.path("server.toml"), text).unwrap();
        let arguments = ["serve", "--config", "server.toml", "--set", "server.log=warn,countersign=info"];
        let mut command = self.command(&self.setting.before, &arguments);
        command.envs(self.setting.variables.iter().map(|(name, value)| (name, value)));
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log = Arc::clone(&self.log);
        let first = log.lock().unwrap().len();
        let mut reader = Some(std::thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| log.lock().unwrap().push(line));
        }));
        let from = Instant::now();
        loop {
            // Its last words may still be on the way when it is gone.
            let gone = matches!(child.try_wait(), Ok(Some(_)));
            if gone && let Some(reader) = reader.take() {
                reader.join().unwrap();
            }
            let told = self.log.lock().unwrap();
            let told = told.get(first..).unwrap_or_default();
            if told.iter().filter(|line| line.contains("listening on")).count() >= 2 {
                break;
            }
            if gone {
                return Err(told.join("\n"));
            }
            assert!(from.elapsed() < START, "wanted the server to start, found {told:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
        *self.child.lock().unwrap() = Some(child);
        Ok(())
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(&self) {
        if let Some(mut child) = self.child.lock().unwrap().take() {
            // It may be gone already.
            let _gone = child.kill();
            let _gone = child.wait();
        }
    }

    /// Whether the process that was started is still the one that runs.
    pub(crate) fn lives(&self) -> bool {
        self.child
            .lock()
            .unwrap()
            .as_mut()
            .is_some_and(|child| child.try_wait().is_ok_and(|ended| ended.is_none()))
    }

    /// Where callers go.
    pub(crate) fn public(&self) -> SocketAddr {
        SocketAddr::new(self.setting.host.parse().unwrap(), self.ports.0)
    }

    /// Where operators go.
    pub(crate) fn manage(&self) -> SocketAddr {
        SocketAddr::new(self.setting.host.parse().unwrap(), self.ports.1)
    }

    /// A file of its folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where its data lies.
    pub(crate) fn data(&self) -> PathBuf {
        self.setting.data.clone().unwrap_or_else(|| self.path("data"))
    }

    /// Runs another command of the program in its folder; standard output, or the error stream.
    pub(crate) fn run(&self, line: &str) -> Result<String, String> {
        let output = self.command(&[], &line.split(' ').collect::<Vec<_>>()).output().unwrap();
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(format!("{:?}: {}", output.status.code(), String::from_utf8_lossy(&output.stderr)))
        }
    }

    /// Lines of its log with these words.
    pub(crate) fn logged(&self, words: &str) -> usize {
        self.log.lock().unwrap().iter().filter(|line| line.contains(words)).count()
    }

    /// The last lines of its log.
    pub(crate) fn tail(&self) -> String {
        let log = self.log.lock().unwrap();
        log.get(log.len().saturating_sub(5)..).unwrap_or_default().join("\n")
    }

    fn command(&self, before: &[String], arguments: &[&str]) -> Command {
        let mut words: Vec<std::ffi::OsString> = before.iter().map(Into::into).collect();
        words.push(program().into());
        words.extend(arguments.iter().map(Into::into));
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).current_dir(self.folder.path()).env_clear().stdin(Stdio::null());
        command.env("HOME", self.folder.path()).env("COUNTERSIGN_DATA", self.data());
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("RUST_BACKTRACE", "0");
        command
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The program beside this one.
fn program() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let program = own.parent().unwrap_or(Path::new(".")).join("countersign");
    assert!(program.is_file(), "wanted {}: cargo build -p countersign-cli", program.display());
    program
}

/// A port that nobody has, below those that the kernel gives to outgoing connections; never the same twice.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id().wrapping_mul(53);
    for _ in 0..20_000 {
        let place = begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % 20_000;
        let port = 10_500_u16.saturating_add(u16::try_from(place).unwrap_or(0));
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("wanted a free port between 10500 and 30500, found none")
}
