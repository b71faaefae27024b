//! Whether the caller of an open tunnel may still be here: looked at each second, and again in full when the registry changed.
use crate::shared::Shared;
use countersign::ask::Standing;
use countersign::time::Time;
use countersign::verified::Verified;
use countersign_store::fault::Fault;
use std::sync::Arc;
use std::time::Duration;

/// A revoked key closes a tunnel within this.
const LOOK: Duration = Duration::from_secs(1);

/// Keys that an account publishes are no rows of the registry.
const PUBLISHED: &str = "jwks:";

/// Who opened a tunnel, and by what.
#[derive(Debug)]
pub(super) struct Holder {
    account: String,
    name: String,
    key: String,
    session: Option<String>,
}

impl Holder {
    pub(super) fn of(verified: &Verified) -> Self {
        Self {
            account: verified.caller().id.to_string(),
            name: verified.caller().name.to_string(),
            key: verified.key().id.to_string(),
            session: verified.session().map(str::to_owned),
        }
    }

    /// Ends when the account, the key or the session that opened the tunnel no longer counts; says so in the log.
    pub(super) async fn gone(self, shared: Arc<Shared>) {
        let mut seen = None;
        let mut end = Ok(None);
        loop {
            tokio::time::sleep(LOOK).await;
            // A session ends without a change of the registry.
            let version = Some(shared.directory.version()).filter(|_| self.session.is_none());
            if version.is_none() || version != seen {
                end = match self.end(&shared).await {
                    Ok(end) => end,
                    Err(fault) => {
                        tracing::warn!(%fault, account = self.name, "a tunnel's session cannot be looked up");
                        continue;
                    }
                };
                seen = version;
            }
            let why = match end {
                Err(why) => why,
                Ok(Some(end)) if shared.clock.now() >= end => "its key has expired",
                Ok(_) => continue,
            };
            tracing::info!(
                account = self.name,
                key = self.key,
                why,
                "a tunnel's caller may no longer be here: closed"
            );
            return;
        }
    }

    /// Until when it counts, `None` without an end; or why it does not.
    async fn end(&self, shared: &Shared) -> Result<Result<Option<Time>, &'static str>, Fault> {
        let now = shared.clock.now();
        if let Some(id) = &self.session {
            // As the next request of it would be judged: a session may be an account key's or a companion key's.
            let session = shared.sessions.get(id).await?;
            return Ok(match session.map(|session| shared.directory.standing(&session, now)) {
                Some(Standing::Live(end)) => Ok(Some(end)),
                _ => Err("its session has ended, or what opened it counts no more"),
            });
        }
        let Some(account) = shared.directory.account(&self.account).filter(|account| account.enabled) else {
            return Ok(Err("its account is disabled or deleted"));
        };
        if self.key.starts_with(PUBLISHED) {
            return Ok(account.jwks_url.map(|_| None).ok_or("its account publishes no keys any more"));
        }
        let key =
            shared.directory.key(&self.key).filter(|key| key.account == account.id && key.life.is_live(now));
        Ok(key.map(|key| key.life.ends()).ok_or("its key is revoked, disabled or has expired"))
    }
}
