//! Who asks: a client proves itself by an assertion that its own key signed, judged by the dialect engine like any proof.
use crate::guard::Verdict;
use crate::policy::Policy;
use crate::token::form::Form;
use crate::token::reply::{No, Stop};
use crate::token::{Asked, TokenApi};
use countersign::incoming::{Body, Incoming, Target};
use countersign::reason::Reason;
use countersign::verified::Verified;
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// The one way in which clients prove themselves (RFC 7523 section 2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Where the dialect looks for an assertion: no request has this header, it is made here from the form.
const PLACE: HeaderName = HeaderName::from_static("client-assertion");

impl TokenApi {
    /// The client, which must have proved itself.
    pub(crate) async fn client(&self, asked: &Asked<'_>, form: &Form<'_>) -> Result<Box<Verified>, Stop> {
        let client = self.maybe_client(asked, form).await?;
        Ok(client.ok_or_else(|| No::proof("invalid_client", Reason::MissingCredentials))?)
    }

    /// The client, where the form has a proof of one.
    pub(crate) async fn maybe_client(
        &self,
        asked: &Asked<'_>,
        form: &Form<'_>,
    ) -> Result<Option<Box<Verified>>, Stop> {
        let headers = asked.request.headers();
        if headers.contains_key(header::AUTHORIZATION) || form.get("client_secret").is_some() {
            let text = "Clients prove themselves by `client_assertion` alone (private_key_jwt); there are no secrets.";
            return Err(No::invalid_request(text).into());
        }
        let assertion = match (form.get("client_assertion_type"), form.get("client_assertion")) {
            (None, None) => return Ok(None),
            (Some(ASSERTION_TYPE), Some(assertion)) => assertion,
            _ => {
                let text = "`client_assertion` goes with `client_assertion_type` urn:ietf:params:oauth:client-assertion-type:jwt-bearer.";
                return Err(No::invalid_request(text).into());
            }
        };
        let client = self.judged(asked, assertion, "invalid_client").await?;
        same_client(form, &client)?;
        Ok(Some(client))
    }

    /// Judges an assertion; `error` is what it is called when it does not hold.
    pub(crate) async fn judged(
        &self,
        asked: &Asked<'_>,
        assertion: &str,
        error: &'static str,
    ) -> Result<Box<Verified>, Stop> {
        let refused = |reason: Reason| Stop::No(No::proof(error, reason));
        let verdict = self.judge_by(asked, assertion, &self.assertion).await?;
        let verdict = match (verdict, &self.legacy) {
            // Nothing was used up yet: what works once is claimed last. Only the clients that are listed are admitted.
            (Verdict::Refused(denial), Some(legacy)) if denial.refusal.reason == Reason::WrongAudience => {
                let verdict = self.judge_by(asked, assertion, legacy).await?;
                if let Verdict::Verified(client) = &verdict {
                    tracing::warn!(
                        account = &*client.caller().name,
                        "a client assertion names the token endpoint as its audience; have it name the issuer"
                    );
                }
                verdict
            }
            (verdict, _) => verdict,
        };
        match verdict {
            Verdict::Verified(client) => {
                asked.allowance.proved(&client.caller().id);
                Ok(client)
            }
            Verdict::Refused(denial) => Err(refused(denial.refusal.reason)),
            Verdict::Absent(_) => Err(refused(Reason::MissingCredentials)),
        }
    }

    async fn judge_by(&self, asked: &Asked<'_>, assertion: &str, policy: &Policy) -> Result<Verdict, Stop> {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_str(assertion)
            .map_err(|_| No::proof("invalid_request", Reason::MalformedCredential))?;
        headers.insert(PLACE, value);
        let incoming = Incoming {
            method: asked.request.method().as_str(),
            target: Target::new(&self.scheme, &self.authority, asked.request.uri().path()),
            headers: &headers,
            body: Body::Empty,
            client: asked.client.address,
            challenge: None,
        };
        Ok(self.guard.judge_within(policy, &incoming, asked.allowance, None).await?)
    }
}

/// A `client_id` beside a proof must be that of the proof (RFC 7521 section 4.2).
pub(crate) fn same_client(form: &Form<'_>, client: &Verified) -> Result<(), No> {
    match form.get("client_id") {
        Some(id) if id != client.identifier() => Err(No::proof("invalid_client", Reason::WrongClaim)),
        _ => Ok(()),
    }
}
