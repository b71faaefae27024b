//! Access tokens (RFC 9068): made from a session, and read again when somebody asks about one.
use crate::token::TokenApi;
use crate::token::reply::json;
use bytes::Bytes;
use countersign::life::session::{Grant, Session};
use countersign::time::Time;
use countersign_store::fault::Fault;
use http::Response;
use serde::{Deserialize, Serialize};

/// The `typ` of an access token.
const TYPE: &str = "at+jwt";
/// Bytes of an access token: ours have under 1,500.
const LONGEST: usize = 16 * 1024;

#[derive(Serialize)]
struct Head<'a> {
    typ: &'a str,
    alg: &'a str,
    kid: &'a str,
}

/// The claims of an access token.
#[derive(Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    pub(crate) sub: String,
    pub(crate) aud: String,
    pub(crate) client_id: String,
    pub(crate) iat: i64,
    pub(crate) exp: i64,
    pub(crate) jti: String,
    /// The session that it belongs to.
    pub(crate) sid: String,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub(crate) scope: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) cnf: Option<Confirmation>,
}

/// The key that a token is bound to (RFC 9449 section 6.1).
#[derive(Serialize, Deserialize)]
pub(crate) struct Confirmation {
    pub(crate) jkt: String,
}

/// The answer of RFC 6749 section 5.1.
#[derive(Serialize)]
struct Granted<'a> {
    access_token: String,
    token_type: &'a str,
    expires_in: i64,
    #[serde(skip_serializing_if = "str::is_empty")]
    scope: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
}

impl TokenApi {
    /// The tokens of a session as it stands; `scope` may be less than the session's.
    pub(crate) fn granted(
        &self,
        session: &Session,
        grant: &Grant,
        scope: &str,
        now: Time,
    ) -> Result<Response<Bytes>, Fault> {
        let until = session.access_until(now, &self.settings.windows);
        let claims = Claims {
            iss: self.settings.issuer.clone(),
            sub: session.identifier.clone(),
            aud: grant.resource.clone(),
            client_id: session.identifier.clone(),
            iat: now.seconds(),
            exp: until.seconds(),
            jti: self.mark(),
            sid: session.id.clone(),
            scope: scope.to_owned(),
            cnf: grant.jkt.clone().map(|jkt| Confirmation { jkt }),
        };
        let payload = serde_json::to_string(&claims)
            .map_err(|error| Fault::caused("a token's claims do not print", error))?;
        // A struct of three texts always prints.
        let head =
            |kid: &str| serde_json::to_string(&Head { typ: TYPE, alg: "ES256", kid }).unwrap_or_default();
        Ok(json(&Granted {
            access_token: self.signing.sign(now, head, &payload)?,
            token_type: if grant.jkt.is_some() { "DPoP" } else { "Bearer" },
            expires_in: until.seconds().saturating_sub(now.seconds()),
            scope,
            refresh_token: grant.refreshes.then(|| self.refresh_token(session)),
        }))
    }

    /// The claims of an access token of ours that is not over yet, as far as it says so itself.
    pub(crate) fn read_access(&self, token: &str, now: Time) -> Option<Claims> {
        if token.len() > LONGEST {
            return None;
        }
        let payload = self.signing.open(token, TYPE)?;
        let claims: Claims = serde_json::from_slice(&payload).ok()?;
        (claims.iss == self.settings.issuer && now < Time::from_seconds(claims.exp)).then_some(claims)
    }
}
