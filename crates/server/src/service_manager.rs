//! Tells the service manager how the server does, as sd_notify(3) has it: ready, reloading, stopping, and alive.
use rustix::time::{ClockId, clock_gettime};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// How long a message may wait for room in the manager's queue; a few fit into it.
const PATIENCE: Duration = Duration::from_millis(500);

/// Whoever started this process and listens at a socket for how it does, such as systemd.
#[derive(Debug)]
pub struct ServiceManager {
    socket: UnixDatagram,
    address: SocketAddr,
    /// It takes the process for dead when it hears nothing for so long.
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// The one that the environment names: `NOTIFY_SOCKET`, and `WATCHDOG_USEC` with `WATCHDOG_PID` where it wants to hear that the
    /// process `own` lives. `None` when nobody listens.
    ///
    /// # Errors
    /// When the name is none of a socket.
    pub fn named(variable: impl Fn(&str) -> Option<OsString>, own: u32) -> io::Result<Option<Self>> {
        let Some(name) = variable("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else { return Ok(None) };
        let number = |name: &str| variable(name).and_then(|text| text.to_str()?.parse::<u64>().ok());
        let for_us = number("WATCHDOG_PID").is_none_or(|process| process == u64::from(own));
        let watchdog = number("WATCHDOG_USEC").filter(|micros| for_us && *micros > 0);
        let socket = UnixDatagram::unbound()?;
        // A manager that does not read must not hold up the server for long.
        socket.set_write_timeout(Some(PATIENCE))?;
        let address = address(&name)?;
        Ok(Some(Self { socket, address, watchdog: watchdog.map(Duration::from_micros) }))
    }

    /// The addresses accept requests.
    pub(crate) fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={status}\n"));
    }

    /// A new configuration is being read; [`ServiceManager::ready`] follows.
    pub(crate) fn reloading(&self) {
        // The manager tells by it whether this answers its own signal.
        let now = clock_gettime(ClockId::Monotonic);
        let micros = now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1000);
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={micros}\nSTATUS=Reading the configuration\n"));
    }

    /// The server ends.
    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=Finishing what was begun\n");
    }

    /// Says that the process lives, twice as often as it must; returns when nobody wants to hear it.
    pub(crate) async fn watch(&self) {
        let Some(watchdog) = self.watchdog else { return };
        let mut tick = tokio::time::interval(watchdog / 2);
        loop {
            tick.tick().await;
            self.tell("WATCHDOG=1\n");
        }
    }

    fn tell(&self, text: &str) {
        if let Err(error) = self.socket.send_to_addr(text.as_bytes(), &self.address) {
            tracing::warn!(%error, "the service manager could not be told");
        }
    }
}

/// A path, or with `@` before it a name of Linux's that is no file.
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes() {
        [b'/', ..] => SocketAddr::from_pathname(name),
        #[cfg(target_os = "linux")]
        [b'@', rest @ ..] => {
            use std::os::linux::net::SocketAddrExt;
            SocketAddr::from_abstract_name(rest)
        }
        _ => Err(io::Error::other(format!(
            "NOTIFY_SOCKET: wanted a path that starts with a slash, or a name after @, found {}",
            name.display()
        ))),
    }
}
