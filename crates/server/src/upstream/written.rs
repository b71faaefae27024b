//! A connection to an upstream that knows whether anything of a request went out, and looks before it begins one.
use socket2::SockRef;
use std::io::{self, ErrorKind, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// How much was written to one connection, for those who do not hold it.
#[derive(Clone, Debug, Default)]
pub(super) struct Written(Arc<State>);

#[derive(Debug, Default)]
struct State {
    bytes: AtomicU64,
    /// The next write first looks whether the other end has closed.
    careful: AtomicBool,
}

impl Written {
    /// Bytes so far.
    pub(super) fn bytes(&self) -> u64 {
        self.0.bytes.load(Ordering::Acquire)
    }

    /// Has the next write look first: what closed a moment ago may not have been noticed yet, and what is written to it is lost.
    pub(super) fn look(&self) {
        self.0.careful.store(true, Ordering::Release);
    }
}

/// A connection with its count.
pub(super) struct Counted {
    stream: TcpStream,
    written: Written,
}

impl Counted {
    pub(super) fn new(stream: TcpStream, written: Written) -> Self {
        Self { stream, written }
    }

    fn check(&self) -> io::Result<()> {
        if self.written.0.careful.swap(false, Ordering::AcqRel) && is_closed(&self.stream) {
            return Err(ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }

    fn count(&self, count: usize) {
        self.written.0.bytes.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::AcqRel);
    }
}

/// Whether the other end has closed, as the kernel knows it; the runtime may not have heard of it yet.
fn is_closed(stream: &TcpStream) -> bool {
    match SockRef::from(stream).peek(&mut [MaybeUninit::uninit()]) {
        Ok(read) => read == 0,
        Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, out)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.count(written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, pieces))?;
        self.count(written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use tokio::io::AsyncWriteExt;

    #[tokio::test]
    async fn a_close_is_noticed_before_anything_goes_out() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut other, _) = listener.accept().unwrap();
        let written = Written::default();
        let mut counted = Counted::new(stream, written.clone());
        written.look();
        counted.write_all(b"one").await.unwrap();
        assert_eq!(written.bytes(), 3);
        // Bytes that wait to be read are no end.
        other.read_exact(&mut [0; 3]).unwrap();
        other.write_all(b"answer").unwrap();
        written.look();
        counted.write_all(b"two").await.unwrap();
        assert_eq!(tokio::io::AsyncReadExt::read(&mut counted, &mut [0; 16]).await.unwrap(), 6);
        other.read_exact(&mut [0; 3]).unwrap();
        drop(other);
        // Nothing here waited for it, so only a look tells.
        written.look();
        let error = counted.write_all(b"three").await.unwrap_err();
        assert_eq!((error.kind(), written.bytes()), (ErrorKind::ConnectionReset, 6));
        // Without one, it goes out and is lost.
        counted.write_all(b"three").await.unwrap();
        assert_eq!(written.bytes(), 11);
    }
}
