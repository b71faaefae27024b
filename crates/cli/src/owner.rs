//! An owner of keys at the server's console: signed in by proving one of them, as a browser is, and with no more rights than there.
use crate::console::{origin, proof};
use crate::exit::{Exit, Failure};
use crate::manage::text;
use crate::member::at;
use crate::used::instant;
use crate::world;
use countersign::time::Span;
use countersign_keys::KeyPair;
use http::StatusCode;
use http::header::SET_COOKIE;
use reqwest::Client;
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// Seconds to wait for the server.
const PATIENCE: u64 = 30;
/// Bytes of an answer that are read: the 512 keys that an account has at most take some 2 MiB.
const LONGEST_ANSWER: usize = 8 * 1024 * 1024;

/// Whoever holds a key, signed in.
pub(crate) struct Owner {
    door: Door,
    session: Session,
}

/// The console, and the key that opens it.
struct Door {
    http: Client,
    base: String,
    origin: String,
    key: Arc<dyn KeyPair>,
    account: Option<String>,
}

/// What signing in gave.
struct Session {
    /// The cookie, as it is sent back.
    cookie: Zeroizing<String>,
    /// The half that a page keeps.
    page: Zeroizing<String>,
    account: String,
    /// The id of the key that signed in.
    key: String,
    /// How far the server's clock is ahead: proofs are made by it.
    ahead: Span,
}

impl Owner {
    /// Signs in; `account` where the same key stands under several.
    pub(crate) async fn sign_in(
        server: &str,
        key: Arc<dyn KeyPair>,
        account: Option<&str>,
    ) -> Result<Self, Failure> {
        let base = server.trim_end_matches('/').to_owned();
        let origin = origin(&base)?;
        let near = is_here(&base);
        if origin.starts_with("http:") && !near {
            return Err(Failure::usage(format!(
                "--server: wanted an address that begins with https://, found {base}; over plain http whoever sits between could take \
                 the session and register a key of its own"
            )));
        }
        let mut http = Client::builder().redirect(Policy::none()).timeout(Duration::from_secs(PATIENCE));
        if near {
            http = http.no_proxy();
        }
        let http = http.build().map_err(Failure::failed)?;
        let door = Door { http, base, origin, key, account: account.map(str::to_owned) };
        let session = door.open().await?;
        Ok(Self { door, session })
    }

    /// The account's id.
    pub(crate) fn account(&self) -> &str {
        &self.session.account
    }

    /// The id of the key that signed in.
    pub(crate) fn key(&self) -> &str {
        &self.session.key
    }

    /// Unix seconds by the server's clock.
    pub(crate) fn now(&self) -> i64 {
        (world::now() + self.session.ahead).seconds()
    }

    pub(crate) async fn get(&mut self, path: &str) -> Result<Value, Failure> {
        self.call(path, None).await
    }

    pub(crate) async fn post(&mut self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.call(path, Some(body)).await
    }

    /// Goes on by another key of the account, if that one signs in.
    pub(crate) async fn turn_to(&mut self, key: Arc<dyn KeyPair>) {
        let account = Some(self.session.account.clone());
        let door = Door {
            http: self.door.http.clone(),
            base: self.door.base.clone(),
            origin: self.door.origin.clone(),
            key,
            account,
        };
        if let Ok(session) = door.open().await {
            // The other session ends by itself where it cannot be ended.
            let _ = self.door.send("sign-out", Some(&Value::Null), Some(&self.session)).await;
            *self = Self { door, session };
        }
    }

    /// Ends the session. Where that fails it ends by itself: half an hour after it was used last.
    pub(crate) async fn sign_out(self) {
        let _ = self.door.send("sign-out", Some(&Value::Null), Some(&self.session)).await;
    }

    /// One call; where the session has ended meanwhile, in a new one.
    async fn call(&mut self, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        match self.door.send(path, body, Some(&self.session)).await? {
            (StatusCode::UNAUTHORIZED, ..) => {
                self.session = self.door.open().await?;
                let (status, told, _) = self.door.send(path, body, Some(&self.session)).await?;
                self.door.told(status, told)
            }
            (status, told, _) => self.door.told(status, told),
        }
    }
}

impl Door {
    async fn open(&self) -> Result<Session, Failure> {
        let print = self.key.public_key().fingerprints().spki_sha256_hex;
        let named = self.account.as_deref().unwrap_or(&print);
        let (status, asked, _) = self.send("challenge", Some(&json!({ "identifier": named })), None).await?;
        let asked = self.told(status, asked)?;
        let challenge = text(&asked, "challenge")?;
        // The text is put together here: a server must not have any other text signed.
        let (key, signature) = proof(&*self.key, &self.origin, challenge)?;
        let proof = json!({ "challenge": challenge, "key": key, "signature": signature });
        let (status, entered, cookie) = self.send("sign-in", Some(&proof), None).await?;
        let entered = self.told(status, entered)?;
        let cookie = cookie.ok_or_else(|| self.strange(status))?;
        let page = Zeroizing::new(text(&entered, "page")?.to_owned());
        let mut session =
            Session { cookie, page, account: String::new(), key: String::new(), ahead: Span::ZERO };
        let (status, me, _) = self.send("me", None, Some(&session)).await?;
        let me = self.told(status, me)?;
        text(at(&me, "account"), "id")?.clone_into(&mut session.account);
        text(&me, "key")?.clone_into(&mut session.key);
        if let Some(now) = instant(at(at(&me, "server"), "now")) {
            session.ahead = now.since(world::now());
        }
        Ok(session)
    }

    /// Status, what was said, and the cookie that was set.
    async fn send(
        &self,
        path: &str,
        body: Option<&Value>,
        session: Option<&Session>,
    ) -> Result<(StatusCode, Value, Option<Zeroizing<String>>), Failure> {
        let url = format!("{}/console/api/v1/{path}", self.base);
        let unreachable = |error: reqwest::Error| {
            Failure::new(Exit::Unreachable, format!("{url}: {error}"))
                .next("is the address right, and does the server run? with --key, --server names a listener with the surface `console`")
        };
        let mut request = match body {
            Some(body) => {
                let body = if body.is_null() { String::new() } else { body.to_string() };
                self.http.post(&url).header("content-type", "application/json").body(body)
            }
            None => self.http.get(&url),
        }
        .header("countersign-console", "1");
        if let Some(Session { cookie, page, .. }) = session {
            request =
                request.header("cookie", cookie.as_str()).header("countersign-console-page", page.as_str());
        }
        let mut answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
        let set = answer.headers().get(SET_COOKIE).and_then(|line| line.to_str().ok());
        let cookie = set.and_then(|line| line.split(';').next()).map(|pair| Zeroizing::new(pair.to_owned()));
        let mut read = Zeroizing::new(Vec::new());
        while let Some(part) = answer.chunk().await.map_err(unreachable)? {
            if read.len().saturating_add(part.len()) > LONGEST_ANSWER {
                return Err(self.strange(status));
            }
            read.extend_from_slice(&part);
        }
        Ok((status, serde_json::from_slice(&read).unwrap_or_default(), cookie))
    }

    /// What an answer says, or why it is none.
    fn told(&self, status: StatusCode, told: Value) -> Result<Value, Failure> {
        if status.is_success() {
            return Ok(told);
        }
        let code = at(&told, "code").as_str().unwrap_or_default();
        let parts = [at(&told, "title"), at(&told, "detail")];
        let said: Vec<&str> = parts.into_iter().filter_map(Value::as_str).collect();
        let said = format!("{} [{status}]", said.join(" "));
        Err(match (status.as_u16(), code) {
            // What a console does not find it names.
            (404 | 405, code) if !code.ends_with("-not-found") => self.strange(status),
            (401, _) => Failure::new(Exit::Unauthenticated, format!("{} does not take this key [{status}]", self.base)).next(
                "is it registered there, and live? one that waits for approval, is kept for recovery, was revoked or has ended signs \
                 nobody in; where several accounts have it, say whose with --as",
            ),
            (421, _) => Failure::usage(said).next("name the console with --server as its configuration names it"),
            (429, _) => Failure::new(Exit::Unreachable, said).next("wait a moment and try again"),
            (403, _) => Failure::new(Exit::Unauthenticated, said)
                .next("what an owner may not do an operator does; ask one"),
            (404, _) => Failure::new(Exit::Missing, said).next("`countersign key list` with the same --key shows what there is"),
            (409, _) => Failure::new(Exit::Conflict, said),
            (400 | 413 | 415 | 422, _) => Failure::new(Exit::Usage, said),
            _ => Failure::new(Exit::Unreachable, said).next("try again; the server's log has the cause"),
        })
    }

    fn strange(&self, status: StatusCode) -> Failure {
        Failure::new(Exit::Unreachable, format!("{} answered {status}, which no console does", self.base))
            .next("with --key, --server names a listener with the surface `console`")
    }
}

/// Whether an address is on this machine, and nothing sits between.
fn is_here(base: &str) -> bool {
    let host =
        base.parse::<http::Uri>().ok().and_then(|uri| uri.host().map(str::to_owned)).unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known_by_its_whole_name() {
        for here in ["http://127.0.0.1:8701", "http://localhost", "http://[::1]:8701"] {
            assert!(is_here(here), "{here}");
        }
        for there in
            ["http://localhost.example", "http://127.0.0.1.example", "http://keys@10.0.0.1", "nonsense"]
        {
            assert!(!is_here(there), "{there}");
        }
    }
}
