//! Programs that tests start: ended with the test that started them, on ports that nobody has.
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;

/// How a server is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Connections are ended, what was written is kept in order.
    Fast,
    /// As by kill -9.
    Crash,
}

/// A signal is sent when the thread that started a program ends; this one does not end before the process.
pub(crate) fn from_lasting_thread(mut command: Command) -> Child {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let _heard = send.send(command.spawn());
        loop {
            std::thread::park();
        }
    });
    match receive.recv() {
        Ok(Ok(child)) => child,
        other => panic!("wanted setpriv and a server to start, found {other:?}"),
    }
}

/// Removes what test programs left that are gone: the shared server outlives every test, and so nothing else does it.
pub(crate) fn sweep(scratch: &str) {
    for folder in fs::read_dir("/tmp").into_iter().flatten().flatten().map(|entry| entry.path()) {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let owner = name.strip_prefix(scratch).and_then(|rest| rest.split('.').next());
        if owner.is_some_and(|owner| !Path::new("/proc").join(owner).exists()) {
            // Another test program may be at it as well.
            let _gone = fs::remove_dir_all(&folder);
        }
    }
}

/// A port of loopback that nobody has, below those that the kernel gives to outgoing connections; never the same twice, since a
/// server that is stopped for a while wants to find its own again.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id().wrapping_mul(37);
    for _ in 0..20_000 {
        let place = begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % 20_000;
        let port = 11_000_u16.saturating_add(u16::try_from(place).unwrap_or(0));
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("wanted a free port between 11000 and 31000, found none")
}

/// Whether this is root, as which some servers refuse to run.
pub(crate) fn is_root() -> bool {
    said(Command::new("id").arg("-u")) == "0"
}

pub(crate) fn signal(process: u32, name: &str) {
    let _gone = Command::new("kill").args(["-s", name, &process.to_string()]).stderr(Stdio::null()).status();
}

pub(crate) fn said(command: &mut Command) -> String {
    match command.output() {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Ok(output) => panic!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim()),
        Err(error) => panic!("{command:?}: {error}"),
    }
}
