//! The grants that open a session: a client's own (client_credentials), and an assertion's (jwt-bearer, RFC 7523 section 2.1).
use crate::session::room::make_room;
use crate::token::client::same_client;
use crate::token::form::Form;
use crate::token::reply::{No, Stop};
use crate::token::settings::ClientSettings;
use crate::token::{Asked, TokenApi};
use bytes::Bytes;
use countersign::ask::Use;
use countersign::dpop::{Proof, Wanted};
use countersign::incoming::Target;
use countersign::life::session::{Grant, Session};
use countersign::reason::Reason;
use countersign::time::Span;
use countersign::verified::Verified;
use http::Response;

impl TokenApi {
    /// Tokens for a client that proved itself (RFC 6749 section 4.4). No refresh token: the client can prove itself again.
    pub(crate) async fn client_credentials(
        &self,
        asked: &Asked<'_>,
        form: &Form<'_>,
        possession: Option<Proof<'_>>,
    ) -> Result<Response<Bytes>, Stop> {
        let client = self.client(asked, form).await?;
        self.grant(asked, form, &client, possession, false, true).await
    }

    /// Tokens for an assertion. A client may prove itself beside it, and then it is the one that the assertion names.
    pub(crate) async fn jwt_bearer(
        &self,
        asked: &Asked<'_>,
        form: &Form<'_>,
        possession: Option<Proof<'_>>,
    ) -> Result<Response<Bytes>, Stop> {
        let client = self.maybe_client(asked, form).await?;
        let assertion =
            form.get("assertion").ok_or_else(|| No::invalid_request("`assertion` is missing."))?;
        let subject = self.judged(asked, assertion, "invalid_grant").await?;
        same_client(form, &subject)?;
        if client.as_ref().is_some_and(|client| *client.caller().id != *subject.caller().id) {
            return Err(No::proof("invalid_grant", Reason::WrongClaim).into());
        }
        self.grant(asked, form, &subject, possession, self.settings.refresh_tokens, client.is_some()).await
    }

    async fn grant(
        &self,
        asked: &Asked<'_>,
        form: &Form<'_>,
        client: &Verified,
        possession: Option<Proof<'_>>,
        refreshes: bool,
        authenticated: bool,
    ) -> Result<Response<Bytes>, Stop> {
        let own = self.settings.client(client.caller());
        let scope = self.scope(form, &own)?;
        let resource = self.resource(form, &own)?;
        let jkt = match possession {
            Some(possession) => Some(self.possessed(asked, possession).await?),
            None if self.settings.dpop_required => return Err(No::dpop(Reason::MissingDpop).into()),
            None => None,
        };
        let windows = &self.settings.windows;
        let life: Span = if refreshes { windows.whole } else { windows.access };
        let grant = Grant { scope, resource, jkt, refreshes, authenticated };
        let session = Session {
            id: self.mark(),
            account: client.caller().id.to_string(),
            identifier: client.identifier().to_owned(),
            organisation: None,
            key: client.key().id.to_string(),
            opened: asked.now,
            ends: asked.now + life,
            iteration: self.mark(),
            rotated: asked.now,
            previous: None,
            ended: None,
            grant: Some(grant.clone()),
        };
        let sessions = self.guard.sessions();
        sessions.open(&session).await?;
        make_room(&**sessions, &session.account, self.settings.most_sessions, asked.now).await?;
        let response = self.granted(&session, &grant, &grant.scope, asked.now)?;
        Ok(self.told(response, &session.account, &session.key))
    }

    /// Checks a DPoP proof for this endpoint and uses it up: the thumbprint of its key.
    pub(crate) async fn possessed(&self, asked: &Asked<'_>, proof: Proof<'_>) -> Result<String, Stop> {
        let path = asked.request.uri().path();
        let wanted = Wanted {
            method: asked.request.method().as_str(),
            target: Target::new(&self.scheme, &self.authority, path),
            token: None,
            window: self.guard.dpop_window,
        };
        if !asked.allowance.may_check(None) {
            return Err(No::dpop(Reason::TooManyFailures).into());
        }
        let outcome = countersign_keys::verify(&proof.job());
        let held = proof.finish(&outcome, &wanted, asked.now).map_err(No::dpop)?;
        match self.guard.once().claim(held.claim(), asked.now).await? {
            Use::First => Ok(held.jkt().to_owned()),
            Use::Again => Err(No::dpop(Reason::Replayed).into()),
            Use::Barred => Err(No::dpop(Reason::BeforeRestart).into()),
        }
    }

    /// Whether there is such a scope, for this client.
    pub(crate) fn may_have_scope(&self, scope: &str, own: &ClientSettings) -> bool {
        listed(&self.settings.scopes, scope) && own.scopes.as_ref().is_none_or(|list| listed(list, scope))
    }

    /// Whether there is such a resource, for this client.
    pub(crate) fn may_have_resource(&self, resource: &str, own: &ClientSettings) -> bool {
        listed(&self.settings.resources, resource)
            && own.resources.as_ref().is_none_or(|list| listed(list, resource))
    }

    /// The scopes that are granted: those asked for, or all that the client may have.
    fn scope(&self, form: &Form<'_>, own: &ClientSettings) -> Result<String, No> {
        let may_have = |one: &str| self.may_have_scope(one, own);
        match form.get("scope") {
            Some(asked) => check_scope(asked, may_have),
            None => {
                let all = self.settings.scopes.iter().map(String::as_str).filter(|one| may_have(one));
                Ok(all.collect::<Vec<_>>().join(" "))
            }
        }
    }

    /// The resource that the tokens are for (RFC 8707).
    fn resource(&self, form: &Form<'_>, own: &ClientSettings) -> Result<String, No> {
        let mut known = self.settings.resources.iter().filter(|one| self.may_have_resource(one, own));
        let found = match form.get("resource") {
            Some(wanted) => known.find(|known| *known == wanted),
            None => known.next(),
        };
        let found = found.cloned();
        found.ok_or_else(|| No::new("invalid_target", "There is no such resource for this client."))
    }
}

fn listed(list: &[String], one: &str) -> bool {
    list.iter().any(|listed| listed == one)
}

/// The scopes of a text, each of which must be allowed; in their order, each once.
pub(crate) fn check_scope(asked: &str, may_have: impl Fn(&str) -> bool) -> Result<String, No> {
    let mut scopes: Vec<&str> = Vec::new();
    for one in asked.split(' ').filter(|one| !one.is_empty()) {
        if !may_have(one) {
            return Err(No::new("invalid_scope", "There is no such scope for this client."));
        }
        if !scopes.contains(&one) {
            scopes.push(one);
        }
    }
    Ok(scopes.join(" "))
}
