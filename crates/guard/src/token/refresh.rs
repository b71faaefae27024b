//! Refresh tokens: a session's id and mark under a key of ours. Each works once; one that comes again ends its whole family.
use crate::token::form::Form;
use crate::token::grant::check_scope;
use crate::token::reply::{No, Stop};
use crate::token::{Asked, TokenApi};
use bytes::Bytes;
use countersign::ask::Standing;
use countersign::base64::{Alphabet, decode, encode, encode_hex};
use countersign::dpop::Proof;
use countersign::life::session::{Refresh, Session};
use countersign::reason::Reason;
use countersign::time::Time;
use countersign_store::fault::Fault;
use http::Response;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// What a refresh token begins with, so that a leaked one is found by who looks for such.
const BEGINS: &str = "csr_";
/// Bytes of a session's id and of its mark, and of the tag over both.
const PART: usize = 12;
const TAG: usize = 32;
/// Characters of a refresh token at most: ours have 79.
const LONGEST: usize = 128;
/// Tries when others change the same session at the same time: each loser reads again, and a winner ends the race.
const MOST_TRIES: u32 = 64;

/// A refresh token that we made; whether it still counts its session says.
pub(crate) struct Presented {
    pub(crate) session: String,
    pub(crate) mark: String,
}

impl TokenApi {
    /// The refresh token of a session as it stands.
    pub(crate) fn refresh_token(&self, session: &Session) -> String {
        let mut bytes = unhex(&session.id);
        bytes.extend(unhex(&session.iteration));
        let tag = self.tag(&bytes);
        bytes.extend(tag);
        format!("{BEGINS}{}", encode(Alphabet::Url, &bytes))
    }

    /// Reads a refresh token of ours; what is none costs no look at the store.
    pub(crate) fn read_refresh(&self, token: &str) -> Option<Presented> {
        let text = token.strip_prefix(BEGINS).filter(|text| text.len() <= LONGEST)?;
        let mut bytes = Vec::new();
        decode(Alphabet::Url, text.as_bytes(), &mut bytes).ok()?;
        let (own, tag) = bytes.split_at_checked(2 * PART)?;
        if !bool::from(self.tag(own).ct_eq(tag)) {
            return None;
        }
        let (session, mark) = own.split_at_checked(PART)?;
        Some(Presented { session: encode_hex(session), mark: encode_hex(mark) })
    }

    fn tag(&self, own: &[u8]) -> [u8; TAG] {
        self.refresh.tag(&[b"countersign refresh token\0", own])
    }

    /// The session of a refresh token, if it is live in every respect but the token's own mark.
    pub(crate) async fn refreshable(
        &self,
        presented: &Presented,
        now: Time,
    ) -> Result<Option<Arc<Session>>, Fault> {
        let Some(session) = self.guard.sessions().get(&presented.session).await? else { return Ok(None) };
        let counts = session.grant.as_ref().is_some_and(|grant| grant.refreshes)
            && now < session.refresh_until(session.rotated, &self.settings.windows)
            && matches!(self.guard.stands(&session, now).await, Standing::Live(until) if now < until);
        Ok(counts.then_some(session))
    }

    /// A new pair for a refresh token (RFC 6749 section 6).
    pub(crate) async fn refreshed(
        &self,
        asked: &Asked<'_>,
        form: &Form<'_>,
        possession: Option<Proof<'_>>,
    ) -> Result<Response<Bytes>, Stop> {
        let client = self.maybe_client(asked, form).await?;
        let token =
            form.get("refresh_token").ok_or_else(|| No::invalid_request("`refresh_token` is missing."))?;
        let presented = self.read_refresh(token).ok_or_else(No::invalid_grant)?;
        let session = self.refreshable(&presented, asked.now).await?.ok_or_else(No::invalid_grant)?;
        let grant = session.grant.as_ref().ok_or_else(No::invalid_grant)?;
        match &client {
            Some(client) if *client.caller().id != *session.account => return Err(No::invalid_grant().into()),
            None if grant.authenticated => {
                return Err(No::proof("invalid_client", Reason::MissingCredentials).into());
            }
            _ => {}
        }
        if form.get("client_id").is_some_and(|id| id != session.identifier) {
            return Err(No::invalid_grant().into());
        }
        // What the operator took away since is taken from what is made from now on.
        let caller = self.guard.directory().caller(&session.account).ok_or_else(No::invalid_grant)?;
        let own = self.settings.client(&caller);
        if !self.may_have_resource(&grant.resource, &own)
            || form.get("resource").is_some_and(|resource| resource != grant.resource)
        {
            return Err(No::new("invalid_target", "The refresh token is not for that resource.").into());
        }
        let had = grant.scope.split(' ').filter(|scope| self.may_have_scope(scope, &own));
        let had: Vec<&str> = had.collect();
        let scope = match form.get("scope") {
            None => had.join(" "),
            Some(scope) => check_scope(scope, |one| had.contains(&one))?,
        };
        // Before the token is used up: a proof that does not hold costs its sender nothing, and a thief without the key gets nowhere.
        let jkt = match possession {
            Some(possession) => Some(self.possessed(asked, possession).await?),
            None => None,
        };
        if jkt.is_none() && self.settings.dpop_required {
            return Err(No::dpop(Reason::MissingDpop).into());
        }
        if jkt != grant.jkt {
            let reason = if jkt.is_none() { Reason::MissingDpop } else { Reason::DpopKeyElsewhere };
            return Err(No::dpop(reason).into());
        }
        let next = self.rotate(&presented, asked.now).await?;
        asked.allowance.proved(&caller.id);
        let response = self.granted(&next, grant, &scope, asked.now)?;
        Ok(self.told(response, &next.account, &next.key))
    }

    /// Moves a session to its next pair, or ends it when this token was used before (RFC 9700 section 4.14.2). Compare-and-swap: of
    /// several at one time one wins, and the next one ends what it won.
    async fn rotate(&self, presented: &Presented, now: Time) -> Result<Session, Stop> {
        let fresh = self.mark();
        for _ in 0..MOST_TRIES {
            let Some(session) = self.guard.sessions().get(&presented.session).await? else {
                return Err(No::invalid_grant().into());
            };
            match session.refresh(&presented.mark, &fresh, now, &self.settings.windows) {
                Refresh::Rotate(next) => {
                    if self.guard.sessions().replace(&session, &next).await? {
                        return Ok(next);
                    }
                }
                Refresh::Reused(over) => {
                    if self.guard.sessions().replace(&session, &over).await? {
                        tracing::warn!(
                            account = session.account,
                            session = session.id,
                            "a refresh token came a second time: its session is ended"
                        );
                        return Err(No::proof("invalid_grant", Reason::SessionEnded).into());
                    }
                }
                // There is no grace here.
                Refresh::Repeat(_) | Refresh::Over => {
                    return Err(No::proof("invalid_grant", Reason::SessionEnded).into());
                }
            }
        }
        let text = format!("a session changed {MOST_TRIES} times while it was to be changed once; try again");
        Err(Fault::new(text).into())
    }
}

/// The bytes of a mark of ours, which is hexadecimal.
fn unhex(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    match countersign::base64::decode_hex(text.as_bytes(), &mut bytes) {
        Ok(()) => bytes,
        // Not one of ours: no token comes of it that would be read again.
        Err(_) => Vec::new(),
    }
}
