//! A client over reqwest that signs each request, asks once more when its clock was off, and keeps sessions fresh.
mod admit;
mod fetch;
pub mod no_answer;
mod transport;

use self::no_answer::NoAnswer;
use self::transport::{bearer, elsewhere, transport};
use crate::ambient::Ambient;
use crate::answers::{Answers, Asked};
use crate::exchange::Exchange;
use crate::keeper::{self, Call, Keeper, LONGEST_ANSWER};
use crate::offset::ClockOffset;
use crate::signer::RequestSigner;
use bytes::{Bytes, BytesMut};
use countersign::answer::judge::Signed;
use countersign::time::Time;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Request, StatusCode};
use std::sync::{Mutex, PoisonError};

/// A refusal longer than this (bytes) is handed on as far as it was read: it is no refusal of ours.
pub const LONGEST_REFUSAL: usize = 64 * 1024;

/// Sends requests as one caller. Share it; each request is signed by itself.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    credential: Credential,
    ambient: Ambient,
    offset: Mutex<ClockOffset>,
    answers: Option<Answers>,
}

#[derive(Debug)]
enum Credential {
    Signer(Box<RequestSigner>),
    Session { base: String, keeper: Box<tokio::sync::Mutex<Keeper>> },
    Token(Box<tokio::sync::Mutex<Exchange>>),
}

/// An answer, read whole, with what was learned on the way.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The answer, its body read up to the limit that was asked for.
    pub response: http::Response<Bytes>,
    /// How often it was asked: 2 when the first try was refused for its time.
    pub tries: u8,
    /// The correction of the clock in use.
    pub offset: ClockOffset,
    /// Who signed it; `None` where nobody asked for that ([`Client::wanting_signed`]).
    pub signed: Option<Signed>,
}

/// What an answer calls for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    /// It is the answer.
    Keep,
    /// Something was learned from it: prove anew and ask once more.
    AskAgain,
}

impl Client {
    /// A client that signs each request.
    ///
    /// # Errors
    /// When no TLS roots can be had.
    pub fn signing(signer: RequestSigner, ambient: Ambient) -> Result<Self, NoAnswer> {
        Ok(Self::with(transport(true)?, Credential::Signer(Box::new(signer)), ambient))
    }

    /// A client that opens a session at `base` (such as `https://api.example`) and keeps it fresh.
    ///
    /// # Errors
    /// When no TLS roots can be had.
    pub fn in_session(keeper: Keeper, base: &str, ambient: Ambient) -> Result<Self, NoAnswer> {
        let base = base.trim_end_matches('/').to_owned();
        let keeper = Box::new(tokio::sync::Mutex::new(keeper));
        Ok(Self::with(transport(true)?, Credential::Session { base, keeper }, ambient))
    }

    /// A client that sends each request with an access token, which it fetches and replaces.
    ///
    /// # Errors
    /// When no TLS roots can be had.
    pub fn with_tokens(exchange: Exchange, ambient: Ambient) -> Result<Self, NoAnswer> {
        let exchange = Box::new(tokio::sync::Mutex::new(exchange));
        Ok(Self::with(transport(true)?, Credential::Token(exchange), ambient))
    }

    /// The same client without the proxies that the environment names: for servers on this machine.
    ///
    /// # Errors
    /// When no TLS roots can be had.
    pub fn direct(self) -> Result<Self, NoAnswer> {
        Ok(Self { http: transport(false)?, ..self })
    }

    /// The same client over another one of reqwest, such as one with roots of its own; it must follow no redirects.
    #[must_use]
    pub fn over(self, http: reqwest::Client) -> Self {
        Self { http, ..self }
    }

    fn with(http: reqwest::Client, credential: Credential, ambient: Ambient) -> Self {
        Self { http, credential, ambient, offset: Mutex::default(), answers: None }
    }

    /// Sends a request; its address must be absolute. Redirects are not followed: what was signed is this address.
    ///
    /// At most `limit` bytes of the answer are read. A refusal is an answer, not an error; one about time is answered with
    /// the server's clock and asked once more.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub async fn send(&self, request: Request<Bytes>, limit: usize) -> Result<Answer, NoAnswer> {
        self.send_as(request, None, limit).await
    }

    /// Like [`Client::send`], signing for another address than the one it is sent to: the public one, where the server behind
    /// a proxy is asked directly.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub async fn send_as(
        &self,
        request: Request<Bytes>,
        public: Option<&str>,
        limit: usize,
    ) -> Result<Answer, NoAnswer> {
        let local = self.ambient.now();
        let (ready, token) = self.ready(&request, public).await?;
        let mut asked = asked(&ready, public);
        let (mut response, mut tries) = (self.once(ready, limit).await?, 1);
        let (status, headers, body) = (response.status(), response.headers(), response.body());
        let next = self.heed(Some(&asked), status, headers, body, local, token);
        if next.await? == Next::AskAgain {
            let (ready, _) = self.ready(&request, public).await?;
            asked = self::asked(&ready, public);
            (response, tries) = (self.once(ready, limit).await?, 2);
        }
        let signed = self.admit(&asked, response.status(), response.headers(), response.body())?;
        Ok(Answer { response, tries, offset: self.offset(), signed })
    }

    /// Learns from an answer to what [`Client::prove`] proved when this machine's clock showed `local`; `token` is what it gave.
    ///
    /// A client that wants signed answers learns the time from a signed one alone, and needs to know what was `asked` for that.
    ///
    /// # Errors
    /// [`NoAnswer::Clock`] when the clocks are more than a day apart.
    pub async fn heed(
        &self,
        asked: Option<&Asked>,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        local: Time,
        token: Option<String>,
    ) -> Result<Next, NoAnswer> {
        if self.learn(asked, status, headers, body, local)? {
            return Ok(Next::AskAgain);
        }
        if let Credential::Token(exchange) = &self.credential
            && status == StatusCode::UNAUTHORIZED
            && exchange.lock().await.refused(headers)
        {
            return Ok(Next::AskAgain);
        }
        // A session may have ended on the server: its token is given up and a new one fetched, once.
        if let (Credential::Session { keeper, .. }, Some(token)) = (&self.credential, token)
            && status == StatusCode::UNAUTHORIZED
        {
            keeper.lock().await.distrust_access(&token);
            return Ok(Next::AskAgain);
        }
        Ok(Next::Keep)
    }

    /// Ends the session, where there is one.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub async fn logout(&self) -> Result<(), NoAnswer> {
        let Credential::Session { base, keeper } = &self.credential else { return Ok(()) };
        let mut keeper = keeper.lock().await;
        if let Some(call) = keeper.logout() {
            self.walk(base, &mut keeper, call).await?;
        }
        Ok(())
    }

    /// The tokens of the session, fetched or refreshed where needed; `None` for a client that signs.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub async fn tokens(&self) -> Result<Option<crate::tokens::Tokens>, NoAnswer> {
        let Credential::Session { base, keeper } = &self.credential else { return Ok(None) };
        let mut keeper = keeper.lock().await;
        self.access(base, &mut keeper).await?;
        Ok(keeper.tokens().cloned())
    }

    /// The correction of the clock in use.
    #[must_use]
    pub fn offset(&self) -> ClockOffset {
        *self.offset.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Time {
        self.offset().correct(self.ambient.now())
    }

    /// The request with its proof, and the access token where it has one.
    async fn ready(
        &self,
        request: &Request<Bytes>,
        public: Option<&str>,
    ) -> Result<(reqwest::Request, Option<String>), NoAnswer> {
        let mut request = request.clone();
        // What goes over the wire is what this library makes of the address; sign that.
        let url = reqwest::Url::parse(&request.uri().to_string()).map_err(|error| {
            NoAnswer::Request(format!("wanted an absolute address, found {}: {error}", request.uri()))
        })?;
        let token = self.prove(&mut request, public.unwrap_or(url.as_str())).await?;
        let (parts, body) = request.into_parts();
        let mut ready = reqwest::Request::new(parts.method, url);
        *ready.headers_mut() = parts.headers;
        if !body.is_empty() {
            *ready.body_mut() = Some(body.into());
        }
        Ok((ready, token))
    }

    /// Adds the proof to a request for this address, for transports of one's own; gives the access token where it has one.
    ///
    /// The body is looked at only where [`Client::covers_body`] says so.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub async fn prove(&self, request: &mut Request<Bytes>, url: &str) -> Result<Option<String>, NoAnswer> {
        match &self.credential {
            Credential::Signer(signer) => {
                let (now, random) = (self.now(), self.ambient.random());
                if signer.key().waits() {
                    *request =
                        elsewhere(signer.as_ref().clone(), request.clone(), url.to_owned(), now, random)
                            .await?;
                    return Ok(None);
                }
                signer.sign(request, url, now, random).map_err(NoAnswer::NotSigned)?;
                Ok(None)
            }
            Credential::Session { base, keeper } => {
                let mut keeper = keeper.lock().await;
                let token = self.access(base, &mut keeper).await?;
                request.headers_mut().insert(AUTHORIZATION, bearer(&token)?);
                Ok(Some(token))
            }
            Credential::Token(exchange) => {
                let mut exchange = exchange.lock().await;
                if !exchange.is_ready(self.now()) {
                    self.fetch(&mut exchange).await?;
                }
                let (method, random) = (request.method().as_str().to_owned(), self.ambient.random());
                let signed = exchange.sign(request.headers_mut(), &method, url, self.now(), random);
                signed.map_err(NoAnswer::NoToken)?;
                Ok(None)
            }
        }
    }

    /// Whether a proof of this client covers the body, which must then be there whole.
    #[must_use]
    pub fn covers_body(&self) -> bool {
        match &self.credential {
            Credential::Signer(signer) => signer.dialect().needs_body(),
            Credential::Session { .. } | Credential::Token(_) => false,
        }
    }

    /// The time on this machine.
    #[must_use]
    pub fn local(&self) -> Time {
        self.ambient.now()
    }

    /// The lock on the keeper is held meanwhile: one call is under way, the others wait for its answer.
    async fn access(&self, base: &str, keeper: &mut Keeper) -> Result<String, NoAnswer> {
        // The lock is ours: who made a call that is still under way was dropped before its answer came.
        keeper.abandoned();
        // Code, token, and a refresh that failed before them: no session needs a fourth round.
        for _ in 0..4 {
            match keeper.next(self.now()) {
                keeper::Next::Ready(token) => return Ok(token.to_string()),
                keeper::Next::Call(call) => self.walk(base, keeper, call).await?,
                keeper::Next::Wait => break,
            }
        }
        Err(NoAnswer::Request(
            "the server gives tokens that are over when they come; check both clocks".to_owned(),
        ))
    }

    async fn walk(&self, base: &str, keeper: &mut Keeper, first: Call) -> Result<(), NoAnswer> {
        let mut next = Some(first);
        // Refresh, code, token: each answer leads one step on.
        for _ in 0..3 {
            let Some(call) = next else { break };
            let answer = self.session_call(base, &call).await;
            let answer = answer.inspect_err(|_| keeper.failed(&call))?;
            next = keeper
                .answered(&call, answer.status(), answer.body(), self.now())
                .map_err(NoAnswer::NoSession)?;
        }
        Ok(())
    }

    async fn session_call(&self, base: &str, call: &Call) -> Result<http::Response<Bytes>, NoAnswer> {
        let mut request = self.http.post(format!("{base}{}", call.path));
        if let Some(token) = &call.bearer {
            request = request.header(AUTHORIZATION, bearer(token)?);
        }
        if let Some(body) = &call.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        let request = request.build().map_err(NoAnswer::Connection)?;
        self.once(request, LONGEST_ANSWER).await
    }

    async fn once(&self, request: reqwest::Request, limit: usize) -> Result<http::Response<Bytes>, NoAnswer> {
        let mut response = self.http.execute(request).await.map_err(NoAnswer::Connection)?;
        let limit = if response.status().is_success() { limit } else { limit.max(LONGEST_REFUSAL) };
        let mut body = BytesMut::new();
        // Ends when the body does or the limit is reached.
        while let Some(chunk) = response.chunk().await.map_err(NoAnswer::Connection)? {
            let room = limit.saturating_sub(body.len());
            body.extend_from_slice(chunk.get(..room.min(chunk.len())).unwrap_or_default());
            if body.len() >= limit {
                break;
            }
        }
        let mut answer = http::Response::new(body.freeze());
        *answer.status_mut() = response.status();
        *answer.version_mut() = response.version();
        *answer.headers_mut() = std::mem::take(response.headers_mut());
        Ok(answer)
    }
}

/// The request as it goes out, under the address that it was signed for.
fn asked(ready: &reqwest::Request, public: Option<&str>) -> Asked {
    Asked {
        method: ready.method().to_string(),
        url: public.unwrap_or(ready.url().as_str()).to_owned(),
        headers: ready.headers().clone(),
    }
}

#[cfg(test)]
pub(crate) mod tests;
