//! Port 9 of this machine, where poisoned tokens point: a server of ours that connects there fetched what a stranger named.
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;

/// The port of discarded bytes: nothing listens there as a rule, which is why other tests of this machine connect to it too.
pub(crate) const PORT: u16 = 9;

/// Listens there for as long as it is kept.
pub(crate) struct Trap {
    task: JoinHandle<()>,
    shared: Arc<Shared>,
    port: u16,
}

#[derive(Default)]
struct Shared {
    caught: AtomicBool,
    /// The port from which we connect ourselves, so that whoever came before was seen.
    mark: AtomicU16,
}

impl Trap {
    /// Begins to listen on a port; `None` where this user may not, or another run does.
    pub(crate) async fn set(port: u16) -> Option<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.ok()?;
        let port = listener.local_addr().ok()?.port();
        let shared = Arc::new(Shared::default());
        let task = tokio::spawn(watch(listener, port, shared.clone()));
        Some(Self { task, shared, port })
    }

    /// Whether one of our processes has connected since the last look.
    pub(crate) async fn caught(&self) -> Result<bool, String> {
        self.marked().await.map_err(|error| format!("the trap does not answer: {error}"))?;
        Ok(self.shared.caught.swap(false, Ordering::SeqCst))
    }

    /// Connections are taken in the order in which they came, so that when ours was, all before it were.
    async fn marked(&self) -> std::io::Result<()> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        self.shared.mark.store(socket.local_addr()?.port(), Ordering::SeqCst);
        let mut stream = socket.connect((Ipv4Addr::LOCALHOST, self.port).into()).await?;
        let mut nothing = [0];
        // Ended by the other side, in whatever way.
        let _ = stream.read(&mut nothing).await;
        Ok(())
    }
}

impl Drop for Trap {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn watch(listener: TcpListener, port: u16, shared: Arc<Shared>) {
    // Kept open, so that who fetches waits for an answer.
    let mut fetching: Vec<TcpStream> = Vec::new();
    while let Ok((stream, peer)) = listener.accept().await {
        if peer.port() == shared.mark.load(Ordering::SeqCst) {
            continue;
        }
        if is_ours(peer, port) {
            shared.caught.store(true, Ordering::SeqCst);
            fetching.push(stream);
        } else {
            // Whoever expects that nobody listens here is not kept waiting.
            let _ = stream.set_zero_linger();
        }
    }
}

/// Whether a connection was made by this process or one that it started; where nobody can tell, it was.
fn is_ours(peer: SocketAddr, port: u16) -> bool {
    let Some(socket) = socket(peer, port) else { return true };
    processes().iter().any(|process| holds(process, &socket))
}

/// What the kernel calls the socket at the other end of a connection to the trap; `None` where it does not say.
fn socket(peer: SocketAddr, port: u16) -> Option<PathBuf> {
    let from = format!("0100007F:{:04X}", peer.port());
    let to = format!("0100007F:{port:04X}");
    let table = std::fs::read_to_string("/proc/net/tcp").ok()?;
    let mut rows = table.lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    let row = rows.find(|row| row.get(1) == Some(&&*from) && row.get(2) == Some(&&*to))?;
    // A socket that was closed already is numbered 0.
    row.get(9).filter(|number| **number != "0").map(|number| format!("socket:[{number}]").into())
}

/// This process and those that it started.
fn processes() -> Vec<PathBuf> {
    let own = std::process::id().to_string();
    let started = |path: &PathBuf| {
        let status = std::fs::read_to_string(path.join("status")).unwrap_or_default();
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).map(str::trim);
        parent == Some(&own)
    };
    let all = std::fs::read_dir("/proc").into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    std::iter::once(PathBuf::from("/proc/self")).chain(all.filter(started)).collect()
}

fn holds(process: &Path, socket: &Path) -> bool {
    let open = std::fs::read_dir(process.join("fd")).into_iter().flatten().filter_map(Result::ok);
    open.filter_map(|entry| std::fs::read_link(entry.path()).ok()).any(|target| target == socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Child, Command};
    use std::time::Duration;

    fn bash(line: &str) -> Child {
        Command::new("bash").args(["-c", line]).spawn().unwrap()
    }

    #[tokio::test]
    async fn only_our_own_processes_are_caught() {
        let trap = Trap::set(0).await.unwrap();
        let to = format!("exec 3<>/dev/tcp/127.0.0.1/{}", trap.port);
        assert_eq!(trap.caught().await, Ok(false));
        // Of a process that is no child of ours, since its shell ends at once; it is done when it is turned away.
        let done = std::env::temp_dir().join(format!("trap-{}", trap.port));
        bash(&format!("({to}; cat <&3; touch {}) >/dev/null 2>&1 &", done.display())).wait().unwrap();
        while !done.exists() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        std::fs::remove_file(done).unwrap();
        assert_eq!(trap.caught().await, Ok(false), "another program of this machine");
        let own = TcpStream::connect((Ipv4Addr::LOCALHOST, trap.port)).await.unwrap();
        assert_eq!(trap.caught().await, Ok(true), "this process");
        drop(own);
        let mut child = bash(&format!("{to}; exec cat <&3"));
        while trap.caught().await != Ok(true) {
            assert!(child.try_wait().unwrap().is_none(), "one that this process started was turned away");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(trap.caught().await, Ok(false));
    }
}
