//! Why a request got no answer.
use crate::exchange::NoToken;
use crate::keeper::NoSession;
use crate::offset::TooFar;
use crate::signer::NotSigned;
use countersign::answer::judge::Unproved;
use std::fmt;

/// Why a request got no answer.
#[derive(Debug)]
pub enum NoAnswer {
    /// It could not be signed.
    NotSigned(NotSigned),
    /// There is no session to send it in.
    NoSession(NoSession),
    /// There is no access token to send it with.
    NoToken(NoToken),
    /// The clocks are more than a day apart.
    Clock(TooFar),
    /// The connection failed.
    Connection(reqwest::Error),
    /// One came that the server did not sign, or not to this request.
    Unproved(Unproved),
    /// The request cannot be sent as it is.
    Request(String),
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSigned(error) => error.fmt(f),
            Self::NoSession(error) => error.fmt(f),
            Self::NoToken(error) => error.fmt(f),
            Self::Clock(error) => error.fmt(f),
            Self::Connection(error) => {
                write!(f, "{error}")?;
                // The innermost cause is the one a person understands ("connection refused").
                let mut cause: &dyn std::error::Error = error;
                while let Some(inner) = cause.source() {
                    cause = inner;
                }
                write!(f, ": {cause}")
            }
            Self::Unproved(error) => error.fmt(f),
            Self::Request(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for NoAnswer {}
