//! Programs under measurement: started on one core, their CPU time read from `/proc`, ended when dropped.
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The core that servers run on.
pub(crate) const SERVER_CORE: &str = "1";
/// The core that the load comes from, and what answers behind a server under measurement.
pub(crate) const LOAD_CORE: &str = "0";
/// How long a program may take until it answers.
const PATIENCE: Duration = Duration::from_secs(60);
/// The kernel counts CPU time in hundredths of a second for programs to read, on every Linux.
const TICK: f64 = 0.01;

/// A running program.
pub(crate) struct Running(Child);

impl Running {
    /// Starts `program` pinned to the servers' core, in `folder`; what it prints goes to a file there.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(program: &Path, arguments: &[&str], folder: &Path) -> Result<Self, String> {
        let mut command = Command::new("taskset");
        command.args(["-c", SERVER_CORE]).arg(program).args(arguments).current_dir(folder);
        Self::spawn(command, &folder.join("log"))
    }

    /// Starts `program` on the load's core: what stands behind the server under measurement.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start_beside(program: &Path, arguments: &[&str], folder: &Path) -> Result<Self, String> {
        let mut command = Command::new("taskset");
        command.args(["-c", LOAD_CORE]).arg(program).args(arguments).current_dir(folder);
        Self::spawn(command, &folder.join("log"))
    }

    /// Starts a command as it is; what it prints goes to a file.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn spawn(mut command: Command, log: &Path) -> Result<Self, String> {
        let told = format!("{command:?}");
        let trouble = |error: std::io::Error| format!("{told}: {error}");
        let out = std::fs::OpenOptions::new().create(true).append(true).open(log).map_err(trouble)?;
        let err = out.try_clone().map_err(trouble)?;
        command.stdin(Stdio::null()).stdout(out).stderr(err).spawn().map(Self).map_err(trouble)
    }

    /// Waits until it accepts connections.
    ///
    /// # Errors
    /// When it ends before, or takes too long.
    pub(crate) fn accepts(&mut self, address: SocketAddr) -> Result<(), String> {
        let from = crate::measure::now();
        while crate::measure::now().duration_since(from) < PATIENCE {
            if TcpStream::connect(address).is_ok() {
                return Ok(());
            }
            if let Ok(Some(status)) = self.0.try_wait() {
                return Err(format!("the server for {address} ended with {status}"));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Err(format!("no server answers at {address}"))
    }

    /// Seconds of CPU time so far, its threads together: user and system.
    ///
    /// # Errors
    /// When it has ended.
    pub(crate) fn cpu(&self) -> Result<f64, String> {
        cpu(self.0.id())
    }

    /// The same with the processes that it started and that still run.
    ///
    /// # Errors
    /// As [`Running::cpu`].
    pub(crate) fn cpu_of_all(&self) -> Result<f64, String> {
        self.family().into_iter().map(cpu).sum()
    }

    /// It and the processes that it started, oldest first.
    fn family(&self) -> Vec<u32> {
        let mut family = vec![self.0.id()];
        let mut next = 0;
        // Each process is looked at once.
        while let Some(process) = family.get(next).copied() {
            let path = format!("/proc/{process}/task/{process}/children");
            let children = std::fs::read_to_string(path).unwrap_or_default();
            family.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
            next += 1;
        }
        family
    }

    /// Kilobytes of memory that it holds now.
    ///
    /// # Errors
    /// When it has ended.
    pub(crate) fn resident_kilobytes(&self) -> Result<f64, String> {
        let path = format!("/proc/{}/status", self.0.id());
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.ok_or_else(|| format!("{path} has no VmRSS"))
    }

    /// Ends it in order and waits for it.
    pub(crate) fn end(mut self) {
        let asked = Command::new("kill").args(["-INT", &self.0.id().to_string()]).status();
        let from = crate::measure::now();
        while asked.is_ok() && self.0.try_wait().is_ok_and(|ended| ended.is_none()) {
            if crate::measure::now().duration_since(from) > Duration::from_secs(20) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Parents first, so that none starts its children anew.
        for process in self.family() {
            // Children may have ended with their parent.
            let _ = Command::new("kill").args(["-KILL", &process.to_string()]).stderr(Stdio::null()).status();
        }
        let _ = self.0.wait();
    }
}

/// Seconds of CPU time of a process.
fn cpu(process: u32) -> Result<f64, String> {
    let path = format!("/proc/{process}/stat");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    // After the name in parentheses: state, 10 more fields, then utime and stime.
    let rest = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: Option<f64> =
        rest.split_whitespace().skip(11).take(2).map(|field| field.parse::<f64>().ok()).sum();
    ticks.map(|ticks| ticks * TICK).ok_or_else(|| format!("{path} has no times"))
}

/// When it began, for measuring a start.
pub(crate) fn began() -> Instant {
    crate::measure::now()
}

/// A loopback address with a port that is free now.
///
/// # Errors
/// When there is none.
pub(crate) fn free_address() -> Result<SocketAddr, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    listener.local_addr().map_err(|error| error.to_string())
}

/// A program that `cargo xtask bench` has built.
///
/// # Errors
/// When it is not there.
pub(crate) fn built(variable: &str) -> Result<PathBuf, String> {
    let path = std::env::var_os(variable).map(PathBuf::from);
    path.filter(|path| path.is_file()).ok_or_else(|| {
        format!("wanted a program in {variable}, found none: run `cargo xtask bench`, which builds it")
    })
}
