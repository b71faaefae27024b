//! A session kept fresh: says which HTTP call to make next, and is told what came back. Opens no connection itself.
//!
//! ```
//! use countersign_client::keeper::{Keeper, Next, Step};
//! use countersign_client::signer::RequestSigner;
//! use countersign_client::{countersign::time::Time, dialects, keys};
//! use std::sync::Arc;
//!
//! let key = Arc::new(keys::PrivateKey::generate(keys::KeyKind::Ed25519, 256)?);
//! let dialect = Arc::new(dialects::load("spacetime", &Default::default())?);
//! let mut keeper = Keeper::new(RequestSigner::new(dialect, key, "alice"), "/v1");
//!
//! let now = Time::from_seconds(1_700_000_000);
//! let Next::Call(call) = keeper.next(now) else { panic!("there is no session yet") };
//! assert_eq!((call.step, call.path.as_str()), (Step::Code, "/v1/auth/code"));
//! // Send it as you like, hand the answer in, and go on until there is a token.
//! let answer = br#"{"authCode":"00112233445566778899aa"}"#;
//! let next = keeper.answered(&call, http::StatusCode::OK, answer, now)?.expect("the challenge is answered next");
//! assert_eq!(next.step, Step::Token);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
use crate::signer::{NotSigned, RequestSigner};
use crate::tokens::Tokens;
use countersign::time::{Span, Time};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::Zeroizing;

/// How long before its end an access token is replaced: long enough for a request that takes its time on the way.
const EARLY_SECONDS: i64 = 30;
/// Longest answer of the session API that is read: real ones have 2 KiB.
pub const LONGEST_ANSWER: usize = 64 * 1024;

/// Keeps one session of one caller. Only one call is under way at a time, however many ask.
#[derive(Debug)]
pub struct Keeper {
    signer: RequestSigner,
    prefix: String,
    join_code: Option<String>,
    tokens: Option<Tokens>,
    under_way: Option<Step>,
    calls: u64,
}

/// What to do now.
#[derive(Debug)]
pub enum Next {
    /// Send this access token.
    Ready(Zeroizing<String>),
    /// Make this call, and tell [`Keeper::answered`] or [`Keeper::failed`].
    Call(Call),
    /// Another call is under way: ask again when it has been answered.
    Wait,
}

/// A call of the session API to make.
pub struct Call {
    /// Tells late answers from the one that is waited for.
    pub number: u64,
    /// Which step it is, for messages.
    pub step: Step,
    /// The path, to be put behind the server's address; the method is always POST.
    pub path: String,
    /// The token for `Authorization: Bearer`.
    pub bearer: Option<Zeroizing<String>>,
    /// The JSON body; no body when `None`.
    pub body: Option<String>,
}

/// The steps of a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Asking for a challenge.
    Code,
    /// Answering it.
    Token,
    /// Buying a new pair of tokens.
    Refresh,
    /// Ending the session.
    Logout,
}

/// Why there is no session.
#[derive(Debug)]
pub enum NoSession {
    /// The challenge cannot be answered.
    NotSigned(NotSigned),
    /// The server said no.
    Refused {
        /// In which step.
        step: Step,
        /// Its status.
        status: StatusCode,
        /// What it said, shortened.
        said: String,
    },
    /// The server answered something that is no answer of a session API.
    Strange {
        /// In which step.
        step: Step,
        /// What is wrong with it.
        what: &'static str,
    },
}

impl Keeper {
    /// A keeper without a session; `signer` is one of a dialect that answers challenges, `prefix` that of the paths (`/v1`).
    #[must_use]
    pub fn new(signer: RequestSigner, prefix: &str) -> Self {
        let prefix = prefix.trim_end_matches('/').to_owned();
        Self { signer, prefix, join_code: None, tokens: None, under_way: None, calls: 0 }
    }

    /// Joins an organisation with this code when it signs in.
    #[must_use]
    pub fn join_code(self, code: &str) -> Self {
        Self { join_code: Some(code.to_owned()), ..self }
    }

    /// Goes on with tokens that were kept.
    #[must_use]
    pub fn resume(self, tokens: Tokens) -> Self {
        Self { tokens: Some(tokens), ..self }
    }

    /// The tokens, to be kept.
    #[must_use]
    pub fn tokens(&self) -> Option<&Tokens> {
        self.tokens.as_ref()
    }

    /// What to do to have an access token at `now` (by the server's clock).
    pub fn next(&mut self, now: Time) -> Next {
        if self.under_way.is_some() {
            return Next::Wait;
        }
        let early = now + Span::from_seconds(EARLY_SECONDS);
        match &self.tokens {
            Some(tokens) if early < tokens.access_until() => {
                Next::Ready(Zeroizing::new(tokens.access().to_owned()))
            }
            Some(tokens) if now < tokens.refresh_until() => {
                let bearer = Zeroizing::new(tokens.refresh().to_owned());
                Next::Call(self.call(Step::Refresh, "/auth/refresh", Some(bearer), None))
            }
            _ => Next::Call(self.ask_code()),
        }
    }

    /// The server refused the access token although it should still count: the next step is a refresh or a new session.
    pub fn distrust_access(&mut self, token: &str) {
        // Somebody else may have fetched a new one meanwhile; that one is not to blame.
        if self.tokens.as_ref().is_some_and(|tokens| tokens.access() == token) {
            self.tokens = None;
        }
    }

    /// The call that ends the session; `None` when there is none. The tokens are forgotten at once.
    pub fn logout(&mut self) -> Option<Call> {
        let tokens = self.tokens.take()?;
        let bearer = Zeroizing::new(tokens.access().to_owned());
        Some(self.call(Step::Logout, "/auth/logout", Some(bearer), None))
    }

    /// Takes the answer to a call. Gives the next call where one follows at once.
    ///
    /// # Errors
    /// [`NoSession`].
    pub fn answered(
        &mut self,
        call: &Call,
        status: StatusCode,
        body: &[u8],
        now: Time,
    ) -> Result<Option<Call>, NoSession> {
        if call.number != self.calls {
            return Ok(None);
        }
        self.under_way = None;
        let step = call.step;
        if !status.is_success() {
            self.tokens = None;
            // A session that ended on the server: sign in anew, once; a refused sign-in is final.
            if step == Step::Refresh && status.is_client_error() {
                return Ok(Some(self.ask_code()));
            }
            return Err(NoSession::Refused { step, status, said: shortened(body) });
        }
        match step {
            Step::Logout => Ok(None),
            Step::Code => {
                #[derive(Deserialize)]
                struct Challenge {
                    #[serde(rename = "authCode")]
                    code: String,
                }
                let challenge: Challenge = serde_json::from_slice(body)
                    .map_err(|_| NoSession::Strange { step, what: "no member authCode in the answer" })?;
                let answer = self.signer.answer(&challenge.code, now).map_err(NoSession::NotSigned)?;
                Ok(Some(self.call(Step::Token, "/auth/token", None, Some(answer))))
            }
            Step::Token | Step::Refresh => {
                let tokens = Tokens::read(body).ok_or(NoSession::Strange {
                    step,
                    what: "the answer does not have the four members of a session",
                })?;
                self.tokens = Some(tokens);
                Ok(None)
            }
        }
    }

    /// A call got no answer. Tokens stay: the network failed, not the session.
    pub fn failed(&mut self, call: &Call) {
        if call.number == self.calls {
            self.under_way = None;
        }
    }

    /// Whoever made the call under way has given it up and will not tell: the next question makes a new one.
    ///
    /// Only for who knows that nobody waits for an answer any more, as the holder of a lock on the keeper does.
    pub fn abandoned(&mut self) {
        self.under_way = None;
    }

    fn ask_code(&mut self) -> Call {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Ask<'a> {
            user_id: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            join_code: Option<&'a str>,
        }
        let ask = Ask { user_id: self.signer.identifier(), join_code: self.join_code.as_deref() };
        // Two texts always serialise.
        let body = serde_json::to_string(&ask).unwrap_or_default();
        self.call(Step::Code, "/auth/code", None, Some(body))
    }

    fn call(
        &mut self,
        step: Step,
        path: &str,
        bearer: Option<Zeroizing<String>>,
        body: Option<String>,
    ) -> Call {
        self.under_way = Some(step);
        self.calls = self.calls.wrapping_add(1);
        Call { number: self.calls, step, path: format!("{}{path}", self.prefix), bearer, body }
    }
}

impl Step {
    /// What it does, in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Code => "asking for a challenge",
            Self::Token => "answering the challenge",
            Self::Refresh => "refreshing the session",
            Self::Logout => "ending the session",
        }
    }
}

/// The beginning of an answer, for a message: enough to recognise it, no control characters.
fn shortened(body: &[u8]) -> String {
    // 200 characters fill three lines of a terminal.
    String::from_utf8_lossy(body).chars().take(200).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("step", &self.step).field("path", &self.path).finish_non_exhaustive()
    }
}

impl fmt::Display for NoSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSigned(error) => error.fmt(f),
            Self::Refused { step, status, said } => {
                write!(f, "{} was refused with {status}: {said}", step.words())?;
                if *step == Step::Token {
                    f.write_str("; check that this key is registered for this identifier")?;
                }
                Ok(())
            }
            Self::Strange { step, what } => {
                write!(f, "{}: {what}; is this the address of a session API?", step.words())
            }
        }
    }
}

impl std::error::Error for NoSession {}

#[cfg(test)]
mod tests;
