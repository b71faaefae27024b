//! The two tokens of a session, with the times at which they end.
use countersign::time::Time;
use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::Zeroizing;

/// What signing in or refreshing gave. Its JSON is what the session API answers, so it can be kept in a file as it came.
#[derive(Clone, Serialize, Deserialize)]
pub struct Tokens {
    /// Sent as `Authorization: Bearer` with each request.
    #[serde(rename = "accessToken", with = "secret")]
    access: Zeroizing<String>,
    #[serde(rename = "accessTokenExpires")]
    access_expires: i64,
    /// Buys the next pair, once.
    #[serde(rename = "refreshToken", with = "secret")]
    refresh: Zeroizing<String>,
    #[serde(rename = "refreshTokenExpires")]
    refresh_expires: i64,
}

impl Tokens {
    /// Reads an answer of the session API; `None` when it is none.
    #[must_use]
    pub fn read(body: &[u8]) -> Option<Self> {
        let tokens: Self = serde_json::from_slice(body).ok()?;
        // Both travel in a header.
        let travels = |token: &str| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        (travels(&tokens.access) && travels(&tokens.refresh)).then_some(tokens)
    }

    /// The access token.
    #[must_use]
    pub fn access(&self) -> &str {
        &self.access
    }

    /// The refresh token.
    #[must_use]
    pub fn refresh(&self) -> &str {
        &self.refresh
    }

    /// When the access token ends, by the server's clock.
    #[must_use]
    pub fn access_until(&self) -> Time {
        Time::from_millis(self.access_expires)
    }

    /// When the refresh token ends, by the server's clock.
    #[must_use]
    pub fn refresh_until(&self) -> Time {
        Time::from_millis(self.refresh_expires)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("access_until", &self.access_until())
            .field("refresh_until", &self.refresh_until())
            .finish_non_exhaustive()
    }
}

/// Texts that are wiped from memory when they are dropped.
mod secret {
    use serde::{Deserialize, Deserializer, Serializer};
    use zeroize::Zeroizing;

    pub(super) fn serialize<S: Serializer>(text: &Zeroizing<String>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Zeroizing<String>, D::Error> {
        String::deserialize(from).map(Zeroizing::new)
    }
}
