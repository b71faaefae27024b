//! The console's sessions: opened by a proof or a link, found by their cookie on every node, ended at once.
use super::cookie;
use super::holder::Holder;
use super::site::Site;
use crate::app::App;
use crate::surface::origin::single;
use axum::http::HeaderMap;
use countersign::base64::{Alphabet, decode, encode, encode_hex};
use countersign::life::session::{CONSOLE, Ended, Session};
use countersign::reason::Reason;
use countersign::time::{Span, Time};
use countersign_guard::clock::draw;
use countersign_keys::sha256;
use countersign_store::fault::Fault;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A session that nothing was done with for so long is over.
const IDLE: i64 = 30 * 60;
/// A session is over after so long, whatever is done with it.
const WHOLE: i64 = 12 * 3600;
/// What is done is noted this often: each note is a write.
const NOTED: i64 = 60;
/// Sessions of one account; one more ends the oldest.
const MOST: usize = 16;
/// Bytes of the secret in the cookie, and of that which the page keeps.
const SECRET: usize = 32;
/// The header in which a page sends its secret.
pub(crate) const PAGE: &str = "countersign-console-page";
/// Tries to end a session that another call notes a use of meanwhile.
const TRIES: u32 = 16;

/// A session as its cookie's holder has it.
pub(super) struct New {
    pub(super) session: Session,
    /// The cookie's value.
    pub(super) value: Zeroizing<String>,
    /// What the page keeps and sends beside the cookie, which browsers show to every port of a host.
    pub(super) page: Zeroizing<String>,
}

/// Why nobody is signed in.
pub(crate) enum Out {
    /// There is no cookie.
    Absent,
    /// It opens nothing.
    Refused(Reason),
    /// It could not be found out.
    Fault(Fault),
}

impl From<Fault> for Out {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Whether a call carries a session's cookie, good or not.
pub(crate) fn present(site: &Site, headers: &HeaderMap) -> bool {
    cookie::read(site, headers).is_some()
}

/// Opens a session of an account; `key` is what opened it. Only a digest of both secrets is kept.
pub(super) async fn open(app: &App, site: &Site, account: &str, key: &str) -> Result<New, Fault> {
    let now = app.clock.now();
    let secret = Zeroizing::new(draw::<SECRET>(&*app.entropy));
    let own = Zeroizing::new(draw::<SECRET>(&*app.entropy));
    let page = Zeroizing::new(encode(Alphabet::Url, &*own));
    let id = format!("{CONSOLE}{}", encode_hex(&draw::<12>(&*app.entropy)));
    let value = Zeroizing::new(format!("{id}.{}", encode(Alphabet::Url, &*secret)));
    let session = Session {
        id,
        account: account.to_owned(),
        identifier: site.origin.clone(),
        organisation: None,
        key: key.to_owned(),
        opened: now,
        ends: now + Span::from_seconds(WHOLE),
        iteration: kept(&*secret, &*own),
        rotated: now,
        previous: None,
        ended: None,
        grant: None,
    };
    app.sessions.open(&session).await?;
    // Oldest first.
    let live = app.sessions.list(Some(account), now).await?;
    let own: Vec<_> = live.iter().filter(|session| session.is_console()).collect();
    for old in own.iter().take(own.len().saturating_sub(MOST)) {
        end(app, old).await?;
    }
    Ok(New { session, value, page })
}

/// Who holds the session of a call's cookie, by the newest state of session, account and key.
pub(crate) async fn find(app: &App, site: &Site, headers: &HeaderMap) -> Result<Holder, Out> {
    if app.is_stale() {
        return Err(Fault::new("the registry has not answered for some time").into());
    }
    let value = cookie::read(site, headers).ok_or(Out::Absent)?;
    let unknown = || Out::Refused(Reason::SessionUnknown);
    let (id, secret) = value.split_once('.').ok_or_else(unknown)?;
    if !id.starts_with(CONSOLE) || id.len() > 64 {
        return Err(unknown());
    }
    let page = single(headers, PAGE).ok().flatten().ok_or_else(unknown)?;
    let (secret, own) = (opened(secret).ok_or_else(unknown)?, opened(page).ok_or_else(unknown)?);
    let session = app.sessions.get(id).await?.filter(|session| session.is_console()).ok_or_else(unknown)?;
    if !bool::from(kept(&secret, &own).as_bytes().ct_eq(session.iteration.as_bytes())) {
        return Err(unknown());
    }
    let now = app.clock.now();
    let over = || Out::Refused(Reason::SessionEnded);
    if session.identifier != site.origin || !session.is_live(now) || now >= idle_end(&session) {
        return Err(over());
    }
    let holder = Holder::of(app, Arc::clone(&session), site, now).ok_or_else(over)?;
    if now.since(session.rotated) >= Span::from_seconds(NOTED) {
        let used = Session { rotated: now, ..Session::clone(&session) };
        if !app.sessions.replace(&session, &used).await? {
            // Another call noted it, or it ended at this moment.
            let found = app.sessions.get(id).await?;
            found.filter(|session| session.is_live(now)).ok_or_else(over)?;
        }
    }
    Ok(holder)
}

/// Ends a session, whatever is done with it meanwhile.
pub(super) async fn end(app: &App, session: &Session) -> Result<(), Fault> {
    let mut held = Arc::new(session.clone());
    for _ in 0..TRIES {
        if held.ended.is_some() || app.sessions.replace(&held, &held.end(Ended::Logout)).await? {
            return Ok(());
        }
        match app.sessions.get(&session.id).await? {
            Some(now) => held = now,
            None => return Ok(()),
        }
    }
    Err(Fault::new("a session changed all the time while it was being ended; end it again"))
}

/// When a session is over if nothing more is done with it.
pub(super) fn expires(session: &Session, now: Time) -> Time {
    session.ends.min(now + Span::from_seconds(IDLE))
}

fn idle_end(session: &Session) -> Time {
    session.rotated + Span::from_seconds(IDLE)
}

fn opened(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    // Longer texts are nobody's: they are not read.
    let read = text.len() <= 2 * SECRET && decode(Alphabet::Url, text.as_bytes(), &mut bytes).is_ok();
    // One length: where the first secret ends in what is digested is no matter of choice.
    Some(bytes).filter(|bytes| read && bytes.len() == SECRET)
}

fn kept(secret: &[u8], page: &[u8]) -> String {
    encode_hex(&sha256(&[b"countersign console session\0", secret, page]))
}
