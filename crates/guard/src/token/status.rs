//! Questions about tokens, and their end: introspection (RFC 7662) and revocation (RFC 7009), for callers who proved themselves.
use crate::token::form::Form;
use crate::token::reply::{No, Stop, json, nothing};
use crate::token::{Asked, TokenApi};
use bytes::Bytes;
use countersign::ask::Standing;
use countersign::life::session::{Ended, Session};
use countersign::time::Time;
use countersign::verified::Verified;
use countersign_store::fault::Fault;
use http::Response;
use serde::Serialize;
use std::sync::Arc;

/// Tries when others change the same session at the same time.
const MOST_TRIES: u32 = 64;

/// RFC 7662 section 2.2.
#[derive(Serialize, Default)]
struct Status {
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<crate::token::access::Confirmation>,
}

/// A token that is good now, with its session.
struct Known {
    session: Arc<Session>,
    status: Status,
}

impl TokenApi {
    /// Whether a token counts. What is none, what has ended and what is none of the asker's business are one answer.
    pub(crate) async fn introspect(
        &self,
        asked: &Asked<'_>,
        form: &Form<'_>,
    ) -> Result<Response<Bytes>, Stop> {
        let client = self.client(asked, form).await.map_err(|stop| match stop {
            Stop::No(no) => Stop::No(no.unauthorized()),
            fault @ Stop::Fault(_) => fault,
        })?;
        let token = form.get("token").ok_or_else(|| No::invalid_request("`token` is missing."))?;
        let known = self.known(token, asked.now).await?.filter(|known| self.may_ask(&client, known));
        let response = json(&known.map(|known| known.status).unwrap_or_default());
        Ok(self.told(response, &client.caller().id, &client.key().id))
    }

    /// Ends the session of a token. What is no token that counts needs no ending (RFC 7009 section 2.2).
    pub(crate) async fn revoke(&self, asked: &Asked<'_>, form: &Form<'_>) -> Result<Response<Bytes>, Stop> {
        let client = self.client(asked, form).await?;
        let token = form.get("token").ok_or_else(|| No::invalid_request("`token` is missing."))?;
        if let Some(known) = self.known(token, asked.now).await? {
            if *known.session.account != *client.caller().id {
                let text = "The token was issued to another client.";
                return Err(No::new("unauthorized_client", text).into());
            }
            self.end(&known.session.id).await?;
        }
        Ok(self.told(nothing(), &client.caller().id, &client.key().id))
    }

    /// Whose own token it is may ask, and a resource server for whose resource it is.
    fn may_ask(&self, client: &Verified, known: &Known) -> bool {
        let own = self.settings.client(client.caller());
        let resource = known.session.grant.as_ref().map(|grant| &grant.resource);
        let serves = own.introspects
            && own.resources.as_ref().is_none_or(|list| resource.is_some_and(|one| list.contains(one)));
        serves || *known.session.account == *client.caller().id
    }

    async fn known(&self, token: &str, now: Time) -> Result<Option<Known>, Fault> {
        if let Some(claims) = self.read_access(token, now) {
            let Some(session) = self.guard.sessions().get(&claims.sid).await? else { return Ok(None) };
            if !matches!(self.guard.stands(&session, now).await, Standing::Live(until) if now < until) {
                return Ok(None);
            }
            let status = Status {
                active: true,
                scope: Some(claims.scope).filter(|scope| !scope.is_empty()),
                client_id: Some(claims.client_id),
                token_type: Some(if claims.cnf.is_some() { "DPoP" } else { "Bearer" }),
                exp: Some(claims.exp),
                iat: Some(claims.iat),
                sub: Some(claims.sub),
                aud: Some(claims.aud),
                iss: Some(claims.iss),
                jti: Some(claims.jti),
                cnf: claims.cnf,
            };
            return Ok(Some(Known { session, status }));
        }
        let Some(presented) = self.read_refresh(token) else { return Ok(None) };
        let Some(session) = self.refreshable(&presented, now).await? else { return Ok(None) };
        // One that was used before is no longer good. Asking about it ends nothing: who asks did not use it.
        if session.iteration != presented.mark {
            return Ok(None);
        }
        let grant = session.grant.clone();
        let status = Status {
            active: true,
            scope: grant.as_ref().map(|grant| grant.scope.clone()).filter(|scope| !scope.is_empty()),
            client_id: Some(session.identifier.clone()),
            sub: Some(session.identifier.clone()),
            exp: Some(session.refresh_until(session.rotated, &self.settings.windows).seconds()),
            iat: Some(session.rotated.seconds()),
            iss: Some(self.settings.issuer.clone()),
            ..Status::default()
        };
        Ok(Some(Known { session, status }))
    }

    async fn end(&self, id: &str) -> Result<(), Fault> {
        for _ in 0..MOST_TRIES {
            let Some(session) = self.guard.sessions().get(id).await? else { return Ok(()) };
            if session.ended.is_some()
                || self.guard.sessions().replace(&session, &session.end(Ended::Logout)).await?
            {
                return Ok(());
            }
        }
        Err(Fault::new(format!("a session changed {MOST_TRIES} times while it was to be ended; try again")))
    }
}
