//! Runs the command in a folder of its own, without the environment of whoever runs the tests.
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// A folder to run in.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
}

/// What came of a run.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.current_dir(self.folder.path()).args(arguments).env_clear();
        command.env("HOME", self.folder.path()).env("COUNTERSIGN_DATA", self.path("data"));
        command
    }

    /// Runs with words split at spaces; no argument of these tests has one in it.
    pub(crate) fn run(&self, line: &str) -> Ran {
        self.run_all(&line.split(' ').collect::<Vec<_>>())
    }

    pub(crate) fn run_all(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).stdin(Stdio::null()).output().unwrap();
        Ran::of(output)
    }

    pub(crate) fn run_with_input(&self, line: &str, input: &[u8]) -> Ran {
        let mut command = self.command(&line.split(' ').collect::<Vec<_>>());
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        Ran::of(child.wait_with_output().unwrap())
    }
}

impl Ran {
    pub(crate) fn of(output: std::process::Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Asserts success and gives standard output.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, 0, "stdout: {}\nstderr: {}", self.out, self.err);
        self.out
    }

    /// Asserts success and gives standard output as JSON.
    #[track_caller]
    pub(crate) fn json(self) -> serde_json::Value {
        serde_json::from_str(&self.ok()).unwrap()
    }

    /// Asserts an exit code and words on the error stream.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.out, self.err);
        for word in words {
            assert!(self.err.contains(word), "wanted {word:?} in: {}", self.err);
        }
    }
}

/// A server that ends with the test.
pub(crate) struct Server {
    child: Child,
    pub(crate) public: String,
    pub(crate) manage: String,
    log: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Starts on free ports and waits until both listeners are told.
    pub(crate) fn start(place: &Place) -> Self {
        Self::with(place, "")
    }

    /// The same with more settings.
    pub(crate) fn with(place: &Place, more: &str) -> Self {
        Self::within(place, more, &[])
    }

    /// The same in an environment with more variables.
    pub(crate) fn within(place: &Place, more: &str, variables: &[(&str, &str)]) -> Self {
        let text = format!(
            "version = 1\n[server]\ndrain = \"0s\"\n\
             [[listener]]\naddress = \"127.0.0.1:0\"\nsurfaces = [\"explain\", \"gateway\", \"session\", \"health\"]\n\
             [[listener]]\naddress = \"127.0.0.1:0\"\nsurfaces = [\"manage\"]\n\
             [[route]]\nname = \"own\"\npath = \"/own/\"\ndialects = [\"skykit\"]\nupstream = \"http://127.0.0.1:9\"\n\
             [[route]]\nname = \"watched\"\npath = \"/watched/\"\ndialects = [\"skykit\"]\nmode = \"shadow\"\nupstream = \"http://127.0.0.1:9\"\n{more}"
        );
        Self::started(place, &text, variables)
    }

    /// Starts with a whole configuration, whose first listener is for callers and whose second is for operators.
    pub(crate) fn of(place: &Place, text: &str) -> Self {
        Self::started(place, text, &[])
    }

    fn started(place: &Place, text: &str, variables: &[(&str, &str)]) -> Self {
        use std::io::{BufRead, BufReader};
        place.write("server.toml", text);
        let mut child = place
            .command(&["serve", "--config", "server.toml", "--set", "server.log=error"])
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let mut told = lines.by_ref().filter(|line| line.starts_with("listening on"));
        let mut address = || {
            let line = told.next().unwrap();
            line.split(' ').nth(2).unwrap().to_owned()
        };
        let (public, manage) = (address(), address());
        // Whatever else it says must not fill the pipe.
        let log = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&log);
        std::thread::spawn(move || lines.for_each(|line| kept.lock().unwrap().push(line)));
        Self { child, public, manage, log }
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for words in a line of the log.
    #[track_caller]
    pub(crate) fn logs(&self, words: &[&str]) {
        let told =
            || self.log.lock().unwrap().iter().any(|line| words.iter().all(|word| line.contains(word)));
        for _ in 0..500 {
            if told() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        assert!(told(), "no line with {words:?} in: {:#?}", self.log.lock().unwrap());
    }

    /// Waits for the end after a signal.
    pub(crate) fn ended(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The mode of a file, in octal.
pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
