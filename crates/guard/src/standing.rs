//! How a session stands now, which every one of its tokens depends on.
use crate::guard::Guard;
use countersign::ask::{Keys, Standing};
use countersign::life::session::Session;
use countersign::time::Time;
use countersign_store::fault::Fault;

impl Guard {
    /// The answer to the first question for a session's token: our own keys, and what is known of the session.
    pub(crate) async fn session_keys(&self, id: &str, now: Time) -> Result<Keys, Fault> {
        let Some(session) = self.sessions.get(id).await? else { return Ok(Keys::default()) };
        let caller = self.directory.caller(&session.account);
        let opened_by = caller.as_ref().and_then(|caller| caller.key(&session.key)).cloned();
        Ok(Keys {
            caller,
            opened_by,
            keys: self.signing.as_ref().map(|signing| signing.known()).unwrap_or_default(),
            session: self.stands(&session, now).await,
            bound_to: session.bound_to().map(Into::into),
            ..Keys::default()
        })
    }

    /// How a session stands, also one that was opened by a key which its account publishes itself: that ends with its place in
    /// the account's key set.
    pub(crate) async fn stands(&self, session: &Session, now: Time) -> Standing {
        let standing = self.directory.standing(session, now, false);
        if standing != Standing::Ended || !session.is_live(now) {
            return standing;
        }
        let Some((jwks, url)) = self.jwks.as_ref().zip(self.directory.jwks_url(&session.account)) else {
            return standing;
        };
        let published = jwks.publishes(&session.account, &url, &session.key, now).await;
        self.directory.standing(session, now, published)
    }
}
