//! Who holds the token that a call came with: judged like any request, with the session's newest state.
use crate::guard::Verdict;
use crate::policy::Policy;
use crate::session::reply::{No, Stop, json};
use crate::session::{Asked, SessionApi};
use bytes::Bytes;
use countersign::ask::Caller;
use countersign::base64::{Alphabet, decode};
use countersign::incoming::Body;
use countersign::json::{Bounds, read_object};
use countersign::life::session::Session;
use countersign::reason::Reason;
use http::{HeaderMap, Response, header};
use serde::Serialize;
use std::sync::Arc;

/// The holder of a good token.
pub(crate) struct Holder {
    pub(crate) caller: Arc<Caller>,
    pub(crate) session: Arc<Session>,
    /// The mark of the pair that the token belongs to.
    pub(crate) mark: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ValidToken<'a> {
    user_id: &'a str,
    subscription_id: Option<String>,
    restricted: bool,
    quota_exceeded: bool,
    trial: bool,
}

impl SessionApi {
    /// The holder of an access token.
    pub(crate) async fn holder(&self, asked: &Asked<'_>) -> Result<Holder, Stop> {
        self.holder_of(asked, &self.access).await
    }

    /// The holder of a refresh token.
    pub(crate) async fn refresher(&self, asked: &Asked<'_>) -> Result<Holder, Stop> {
        self.holder_of(asked, &self.refresh).await
    }

    /// The holder of an access token that was got by signing in: an API key alone changes nothing about its account, or
    /// whoever saw it once could register a key and stay.
    pub(crate) async fn signed_in(&self, asked: &Asked<'_>) -> Result<Holder, Stop> {
        let holder = self.holder(asked).await?;
        if holder.caller.key(&holder.session.key).is_some() {
            Ok(holder)
        } else {
            Err(No::forbidden("A session opened by an API key may not do this; sign in with a key.").into())
        }
    }

    async fn holder_of(&self, asked: &Asked<'_>, policy: &Policy) -> Result<Holder, Stop> {
        let incoming = asked.incoming(Body::Empty, None);
        let verified = match self.guard.judge_within(policy, &incoming, asked.allowance, None).await? {
            Verdict::Verified(verified) => verified,
            Verdict::Absent(_) => return Err(No::refused(Reason::MissingCredentials).into()),
            Verdict::Refused(denial) => return Err(No::refused(denial.refusal.reason).into()),
        };
        asked.allowance.proved(&verified.caller().id);
        let id = verified.session().unwrap_or_default();
        let session =
            self.guard.sessions().get(id).await?.ok_or_else(|| No::refused(Reason::SessionUnknown))?;
        let mark = iteration(asked.request.headers()).ok_or_else(|| No::refused(Reason::MissingClaim))?;
        Ok(Holder { caller: Arc::clone(verified.caller()), session, mark })
    }

    /// What a client asks to learn whether its token still counts.
    pub(crate) async fn valid_token(&self, asked: &Asked<'_>) -> Result<Response<Bytes>, Stop> {
        let holder = self.holder(asked).await?;
        Ok(json(&ValidToken {
            user_id: &holder.session.identifier,
            subscription_id: self.organisation_of(&holder.session.account),
            restricted: false,
            quota_exceeded: false,
            trial: false,
        }))
    }

    /// The id of an account's organisation.
    pub(crate) fn organisation_of(&self, account: &str) -> Option<String> {
        self.directory().account(account)?.organisation
    }
}

/// The mark in a token that was judged good.
fn iteration(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (_, token) = value.split_once(' ')?;
    let payload = token.split('.').nth(1)?;
    let mut bytes = Vec::new();
    decode(Alphabet::Url, payload.as_bytes(), &mut bytes).ok()?;
    let mut mark = None;
    // Our own tokens have ten members, none of them nested.
    read_object(&bytes, Bounds { depth: 2, members: 32 }, |name, value| {
        if name == "iteration" {
            mark = value.text().map(str::to_owned);
        }
    })
    .ok()?;
    mark
}
