//! The tokens of a session: two JWS with the members, in the order, that clients in the wild know.
use crate::session::SessionApi;
use countersign::life::session::Session;
use countersign_store::fault::Fault;
use serde::Serialize;

/// The answer that opens or refreshes a session.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Pair {
    access_token: String,
    refresh_token: String,
    access_token_expires: i64,
    refresh_token_expires: i64,
}

/// The answer that opens a session without a refresh.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Single {
    access_token: String,
    access_token_expires: i64,
}

/// The members and their order are part of the wire: every token starts `eyJ0eXBlIjoi…`.
#[derive(Serialize)]
struct Head<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    kid: &'a str,
    alg: &'a str,
}

#[derive(Serialize)]
struct Claims<'a> {
    iat: i64,
    nbf: i64,
    exp: i64,
    #[serde(rename = "type")]
    kind: &'a str,
    user: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription: Option<&'a str>,
    session: &'a str,
    ssn_exp: i64,
    iteration: &'a str,
}

impl SessionApi {
    /// The current pair of a session. Made anew it says the same, since everything in it is kept with the session.
    pub(crate) fn pair(&self, session: &Session) -> Result<Pair, Fault> {
        let windows = &self.settings.windows;
        let access = session.access_until(session.rotated, windows);
        let refresh = session.refresh_until(session.rotated, windows);
        Ok(Pair {
            access_token: self.token("access", session, access.seconds())?,
            refresh_token: self.token("refresh", session, refresh.seconds())?,
            access_token_expires: access.millis(),
            refresh_token_expires: refresh.millis(),
        })
    }

    /// The access token of a session that is not refreshed.
    pub(crate) fn single(&self, session: &Session) -> Result<Single, Fault> {
        let until = session.access_until(session.rotated, &self.settings.windows);
        let access_token = self.token("access", session, until.seconds())?;
        Ok(Single { access_token, access_token_expires: until.millis() })
    }

    fn token(&self, kind: &str, session: &Session, exp: i64) -> Result<String, Fault> {
        let made = session.rotated.seconds();
        let claims = Claims {
            iat: made,
            nbf: made,
            exp,
            kind,
            user: &session.identifier,
            subscription: session.organisation.as_deref(),
            session: &session.id,
            ssn_exp: session.ends.millis(),
            iteration: &session.iteration,
        };
        let payload = serde_json::to_string(&claims)
            .map_err(|error| Fault::caused("a token's claims do not print", error))?;
        // A struct of three texts always prints.
        let head = |kid: &str| serde_json::to_string(&Head { kind, kid, alg: "ES256" }).unwrap_or_default();
        self.signing.sign(session.rotated, head, &payload)
    }
}
