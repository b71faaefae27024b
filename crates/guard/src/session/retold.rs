//! Why a call was refused, told step by step afterwards: to operators, and to the account whose key or token it proved.
use crate::explain::{Asking, Explanation, Sight};
use crate::policy::Policy;
use crate::session::body::Members;
use crate::session::possession::Proof;
use crate::session::route::{self, Call};
use crate::session::{Asked, Client, SessionApi};
use bytes::Bytes;
use countersign::dialect::Dialect;
use countersign::incoming::{Answered, Body};
use countersign::life::challenge::Purpose;
use countersign::reason::{Reason, Stage};
use countersign::time::Time;
use countersign::trace::Step;
use countersign_store::fault::Fault;
use http::Request;
use std::sync::Arc;

/// A refused call, explained. Nothing of it goes to whoever called.
#[derive(Debug)]
pub struct Retold {
    /// All of it, for operators.
    pub told: Explanation,
    /// What the account may know that proved itself; none where nobody did.
    pub own: Option<Explanation>,
}

impl SessionApi {
    /// The dialects whose proofs the calls carry.
    #[must_use]
    pub fn dialects(&self) -> Vec<Arc<Dialect>> {
        [&self.login, &self.access].into_iter().flat_map(|policy| policy.dialects.iter().cloned()).collect()
    }

    /// Explains a call that was refused at `now` for that reason. Uses nothing up and lets nobody in; none where there was no proof that could
    /// be explained.
    ///
    /// # Errors
    /// [`Fault`] when a store failed.
    pub async fn retell(
        &self,
        request: &Request<Bytes>,
        client: Client,
        now: Time,
        reason: Reason,
    ) -> Result<Option<Retold>, Fault> {
        let asking = Asking { at: Some(now), ..Asking::everything() };
        let asked = Asked { request, client, now, allowance: asking.allowance };
        let (method, path) = (request.method().as_str(), request.uri().path());
        let policy = match route::find(&self.settings.prefix, method, path) {
            Ok(Call::Token) => return self.retell_login(&asked, &asking, reason).await,
            Ok(Call::Refresh) => &self.refresh,
            // An API key says nothing but itself.
            Ok(Call::ApiKey) | Err(_) => return Ok(None),
            Ok(_) => &self.access,
        };
        self.retell_by(policy, &asked, Body::Empty, None, &asking, reason).await.map(Some)
    }

    /// A code that was signed.
    async fn retell_login(
        &self,
        asked: &Asked<'_>,
        asking: &Asking<'_>,
        reason: Reason,
    ) -> Result<Option<Retold>, Fault> {
        let Ok(members) = Members::read(asked.body()) else { return Ok(None) };
        let (Ok(user), Ok(answer)) = (members.user(), members.answer()) else { return Ok(None) };
        let proof = Proof { user, code: answer.code, signature: answer.signature };
        let Ok(body) = serde_json::to_vec(&proof) else { return Ok(None) };
        let life = self.settings.challenge_life;
        let open = |purpose| self.challenges.open(answer.code, user, purpose, asked.now, life).ok();
        let opened = open(Purpose::Login).or_else(|| open(Purpose::Register));
        let challenge = opened.as_ref().map(|opened| Answered {
            prefix: opened.prefix.as_deref(),
            issued: opened.issued,
            until: opened.until,
        });
        self.retell_by(&self.login, asked, Body::Seen(&body), challenge, asking, reason).await.map(Some)
    }

    async fn retell_by(
        &self,
        policy: &Policy,
        asked: &Asked<'_>,
        body: Body<'_>,
        challenge: Option<Answered<'_>>,
        asking: &Asking<'_>,
        reason: Reason,
    ) -> Result<Retold, Fault> {
        let incoming = asked.incoming(body, challenge);
        let mut told = self.guard.explain_to(policy, &incoming, asking).await?;
        let owner = told.claimed.as_ref().filter(|_| told.proved).map(|caller| caller.id.clone());
        let mut own = None;
        if let Some(id) = owner {
            let asking = Asking { sight: Sight::Account(&id), ..*asking };
            let mut seen = self.guard.explain_to(policy, &incoming, &asking).await?;
            settle(&mut seen, reason);
            own = Some(seen);
        }
        settle(&mut told, reason);
        Ok(Retold { told, own })
    }
}

/// What the call itself refused, beyond the proof: a code that was used before, a refresh token that another one followed.
fn settle(told: &mut Explanation, reason: Reason) {
    if told.judged.is_some() {
        return;
    }
    told.judged = Some(reason);
    told.verdict = "refused";
    (told.reason, told.text, told.hint) = (Some(reason.code()), Some(reason.text()), Some(reason.hint()));
    told.caller = None;
    let wanted = "what the session API takes once, and from whoever it is for";
    told.steps.push(Step::new(Stage::Once, "the call", wanted, reason.text(), Some(reason)));
}
