//! The way from one node to its database: it can be slow, swallow everything, or lose what the database announces.
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

/// A way on loopback, without TLS.
pub(crate) struct Road {
    pub(crate) port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    delay: AtomicU64,
    frozen: AtomicBool,
    bus: AtomicU8,
}

/// What becomes of announcements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bus {
    /// They arrive.
    Passes,
    /// They are left out; everything else on that connection passes, so that it looks well.
    Drops,
    /// A connection that listens is closed.
    Closes,
}

impl Road {
    /// A way that leads to a port of loopback.
    pub(crate) fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let Ok(far) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                let _set = (near.set_nodelay(true), far.set_nodelay(true));
                let (near_too, far_too) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                let listens = Arc::new(AtomicBool::new(false));
                let (ours, theirs) = (Arc::clone(&shared), Arc::clone(&shared));
                let heard = Arc::clone(&listens);
                std::thread::spawn(move || outward(near, far, &ours, &heard));
                std::thread::spawn(move || inward(far_too, near_too, &theirs, &listens));
            }
        });
        Self { port: own, state }
    }

    /// A database's address by this way.
    pub(crate) fn address(&self, url: &str, port: u16) -> String {
        url.replace(&format!(":{port}/"), &format!(":{}/", self.port))
    }

    /// Every piece, either way, takes so much longer.
    pub(crate) fn delay(&self, delay: Duration) {
        self.state.delay.store(u64::try_from(delay.as_millis()).unwrap_or(0), Ordering::SeqCst);
    }

    /// Swallows everything; what was under way then never arrives.
    pub(crate) fn freeze(&self, frozen: bool) {
        self.state.frozen.store(frozen, Ordering::SeqCst);
    }

    /// What becomes of announcements from now on.
    pub(crate) fn bus(&self, bus: Bus) {
        let number = match bus {
            Bus::Passes => 0,
            Bus::Drops => 1,
            Bus::Closes => 2,
        };
        self.state.bus.store(number, Ordering::SeqCst);
    }
}

impl State {
    /// Waits as long as the way takes; whether anything arrives.
    fn passes(&self) -> bool {
        std::thread::sleep(Duration::from_millis(self.delay.load(Ordering::SeqCst)));
        !self.frozen.load(Ordering::SeqCst)
    }
}

fn outward(mut from: TcpStream, mut to: TcpStream, state: &State, listens: &AtomicBool) {
    let mut piece = [0; 8192];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        if !state.passes() {
            swallow(&mut from);
            return;
        }
        if piece[..count].windows(6).any(|six| six == b"LISTEN") {
            listens.store(true, Ordering::SeqCst);
        }
        if listens.load(Ordering::SeqCst) && state.bus.load(Ordering::SeqCst) == 2 {
            break;
        }
        if to.write_all(&piece[..count]).is_err() {
            break;
        }
    }
    let _closed = (to.shutdown(std::net::Shutdown::Both), from.shutdown(std::net::Shutdown::Both));
}

/// Message by message, so that one kind can be left out: a letter, four bytes of length, and the rest.
fn inward(mut from: TcpStream, mut to: TcpStream, state: &State, listens: &AtomicBool) {
    let mut held = Vec::new();
    let mut piece = [0; 8192];
    'way: while let Ok(count @ 1..) = from.read(&mut piece) {
        if !state.passes() {
            swallow(&mut from);
            return;
        }
        if listens.load(Ordering::SeqCst) && state.bus.load(Ordering::SeqCst) == 2 {
            break;
        }
        held.extend_from_slice(&piece[..count]);
        let mut passed = Vec::new();
        while let Some(&[a, b, c, d]) = held.get(1..5).and_then(|four| four.first_chunk::<4>()) {
            let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(0) + 1;
            if held.len() < length {
                break;
            }
            let message: Vec<u8> = held.drain(..length).collect();
            let announces = message.first() == Some(&b'A');
            if !(announces && state.bus.load(Ordering::SeqCst) == 1) {
                passed.extend_from_slice(&message);
            }
        }
        if to.write_all(&passed).is_err() {
            break 'way;
        }
    }
    let _closed = (to.shutdown(std::net::Shutdown::Both), from.shutdown(std::net::Shutdown::Both));
}

/// A connection that was frozen once never comes back, as when the machine behind it is gone; whoever sends gets no word.
fn swallow(from: &mut TcpStream) {
    let mut piece = [0; 8192];
    while let Ok(1..) = from.read(&mut piece) {}
}
