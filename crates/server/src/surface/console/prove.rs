//! The proof of a key by which somebody signs in: one answer, and the same work, for everything that does not hold.
use super::challenge::{self, Opened};
use super::holder::comes_from;
use super::pass::refused;
use super::site::Site;
use super::state::Console;
use crate::blind;
use crate::call::Call;
use crate::judge::limited;
use crate::limiter::Spent;
use crate::limiter::allowance::{Source, Turn};
use axum::response::Response;
use countersign::ask::KnownKey;
use countersign::base64::{Alphabet, decode};
use countersign::reason::Reason;
use countersign::time::Time;
use countersign_guard::allowance::Allowance;
use countersign_store::model::{Account, KeyRecord};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;

/// Bytes of a signature's text: RSA-8192 has 1366.
const LONGEST: usize = 2048;

/// A proof of a key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Proof {
    /// The challenge.
    challenge: String,
    /// The key: its id or a fingerprint. Reading public keys is work that is done for nobody who proved nothing.
    key: String,
    /// Its signature over three lines: `countersign console sign-in 1`, the console's origin, the challenge. base64url without padding.
    signature: String,
}

/// Who proved a key.
pub(super) struct Proved {
    pub(super) account: Account,
    pub(super) key: Arc<KnownKey>,
}

/// Judges a proof, and uses its challenge up when it holds.
pub(super) async fn prove(
    console: &Console,
    call: Option<&Call>,
    site: &Site,
    proof: &Proof,
) -> Result<Proved, Box<Response>> {
    let app = &console.app;
    let now = app.clock.now();
    let opened = challenge::open(&app.console, &proof.challenge, now).map_err(|why| refused(app, why))?;
    let source = call.map_or_else(Source::default, |call| super::pass::source(app, call));
    let turn = Turn::new(&app.limiter, &app.config.limits, &source);
    let found = find(console, &opened, &proof.key);
    let claimed = found.as_ref().map(|(account, _)| account.id.as_str());
    let text = challenge::signed_text(&site.origin, &proof.challenge);
    let mut signature = Vec::new();
    let read = proof.signature.len() <= LONGEST
        && decode(Alphabet::Url, proof.signature.as_bytes(), &mut signature).is_ok();
    let may = turn.may_check(claimed);
    let held =
        may && read && blind::holds(found.as_ref().map(|(_, key)| key.key()), text.as_bytes(), &signature);
    let proved = found.filter(|(account, key)| held && counts(account, key, site, now));
    let Some((account, key)) = proved else {
        let reason = if may { Reason::BadSignature } else { Reason::TooManyFailures };
        if let Some(Spent(wait)) = turn
            .failed(reason, blind::more_than_one(signature.len()))
            .or_else(|| (!may).then_some(Spent(Duration::ZERO)))
        {
            turn.even().await;
            return Err(limited(app, &source, None, None, Reason::TooManyFailures, Spent(wait)));
        }
        return Err(refused(app, reason));
    };
    if !turn.may_pass(&account.id) {
        let spent = Spent(Duration::ZERO);
        return Err(limited(app, &source, None, None, Reason::TooManyRequests, spent));
    }
    super::pass::once(app, opened.claim(), now).await?;
    turn.proved(&account.id);
    // No use of the key: whoever looks for what still signs with it, is not that.
    Ok(Proved { account, key })
}

/// The registered key that is named, at the account that the challenge was asked for.
fn find(console: &Console, opened: &Opened, named: &str) -> Option<(Account, Arc<KnownKey>)> {
    let directory = &console.app.directory;
    let registered: Vec<KeyRecord> = match directory.key(named) {
        Some(record) => vec![record],
        None => directory.printed(named),
    };
    let mut found = registered.into_iter().filter_map(|record| {
        let account = directory.account(&record.account)?;
        let key = Arc::clone(directory.caller(&record.account)?.key(&record.id)?);
        opened.is_for(&console.app.console, &account, &key).then_some((account, key))
    });
    // A name for several accounts is nobody's.
    found.next().filter(|_| found.next().is_none())
}

/// Whether account and key count, from where the call came.
fn counts(account: &Account, key: &KnownKey, site: &Site, now: Time) -> bool {
    account.enabled && key.life.is_live(now) && comes_from(key, site.client)
}
