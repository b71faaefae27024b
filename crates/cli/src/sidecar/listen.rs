//! Where tools ask: a TCP address, or a socket file that only its owner may open.
use crate::exit::{Exit, Failure};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// A place as it is written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// An open place.
pub(super) enum Door {
    Tcp(TcpListener, SocketAddr),
    Unix(UnixListener, PathBuf),
}

/// A connection from a tool.
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Place {
    pub(super) fn read(text: &str) -> Result<Self, Failure> {
        if let Some(path) = text.strip_prefix("unix:").filter(|path| !path.is_empty()) {
            return Ok(Self::Unix(PathBuf::from(path)));
        }
        let text =
            text.strip_prefix("localhost:").map_or(text.to_owned(), |port| format!("127.0.0.1:{port}"));
        text.parse().map(Self::Tcp).map_err(|_| {
            Failure::usage(format!(
                "--listen: wanted an address with a port such as 127.0.0.1:7070, or unix:/run/user/1000/api.sock, found {text}"
            ))
        })
    }

    /// Whether only this machine reaches it.
    pub(super) fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().is_loopback(),
            Self::Unix(_) => true,
        }
    }

    /// Whether other users of this machine reach it.
    pub(super) fn is_shared(&self) -> bool {
        matches!(self, Self::Tcp(_))
    }
}

impl Door {
    pub(super) async fn open(place: &Place) -> Result<Self, Failure> {
        match place {
            Place::Tcp(address) => {
                let told = |error: io::Error| {
                    let exit =
                        if error.kind() == io::ErrorKind::AddrInUse { Exit::Conflict } else { Exit::Failed };
                    Failure::new(
                        exit,
                        format!("{address} cannot be listened on: {error}; choose another with --listen"),
                    )
                };
                let listener = TcpListener::bind(address).await.map_err(told)?;
                let bound = listener.local_addr().map_err(told)?;
                Ok(Self::Tcp(listener, bound))
            }
            Place::Unix(path) => {
                vacate(path)?;
                let listener =
                    socket(path).map_err(|error| Failure::of_file(path.display(), "listened on", &error))?;
                Ok(Self::Unix(listener, path.clone()))
            }
        }
    }

    /// The next connection; `None` when none could be taken.
    pub(super) async fn accept(&self) -> Option<Stream> {
        match self {
            Self::Tcp(listener, _) => {
                let (stream, _) = listener.accept().await.ok()?;
                // Small requests go out at once; a socket that refuses the option works without.
                let _ = stream.set_nodelay(true);
                Some(Stream::Tcp(stream))
            }
            Self::Unix(listener, _) => listener.accept().await.ok().map(|(stream, _)| Stream::Unix(stream)),
        }
    }

    /// As tools write it.
    pub(super) fn address(&self) -> String {
        match self {
            Self::Tcp(_, bound) => format!("http://{bound}"),
            Self::Unix(_, path) => format!("unix:{}", path.display()),
        }
    }

    /// Takes no more connections.
    pub(super) fn close(self) {
        if let Self::Unix(_, path) = &self {
            // It may have been removed already.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Removes a socket that nobody serves any more; whatever else is there stays.
fn vacate(path: &Path) -> Result<(), Failure> {
    let Ok(found) = std::fs::symlink_metadata(path) else { return Ok(()) };
    if !found.file_type().is_socket() {
        return Err(Failure::new(
            Exit::Conflict,
            format!("{} is there and is no socket; choose another name", path.display()),
        ));
    }
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(Failure::new(
            Exit::Conflict,
            format!("somebody serves {} already; end that, or choose another name", path.display()),
        ));
    }
    std::fs::remove_file(path).map_err(|error| Failure::of_file(path.display(), "removed", &error))
}

/// Binds in a folder that nobody else can enter, narrows the mode, and only then puts the socket where it can be found.
fn socket(path: &Path) -> io::Result<UnixListener> {
    let folder = path.with_extension(format!("new{}", std::process::id()));
    std::fs::DirBuilder::new().mode(0o700).create(&folder)?;
    let inside = folder.join("s");
    let made = UnixListener::bind(&inside).and_then(|listener| {
        std::fs::set_permissions(&inside, std::fs::Permissions::from_mode(0o600))?;
        std::fs::rename(&inside, path)?;
        Ok(listener)
    });
    if made.is_err() {
        // It was made here a moment ago, if at all.
        let _ = std::fs::remove_file(&inside);
    }
    std::fs::remove_dir(&folder)?;
    made
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_and_told_apart() {
        let read = |text: &str| Place::read(text).unwrap();
        assert!(
            read("127.0.0.1:1").is_local() && read("[::1]:1").is_local() && read("localhost:1").is_local()
        );
        assert!(
            !read("0.0.0.0:1").is_local() && !read("[::]:1").is_local() && !read("10.0.0.1:1").is_local()
        );
        assert!(!read("unix:/x").is_shared());
        for bad in ["", "7070", "host:1", "unix:", "127.0.0.1"] {
            assert!(Place::read(bad).is_err(), "{bad}");
        }
    }
}
