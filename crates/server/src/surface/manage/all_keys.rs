//! All keys of the installation, account by account: who still uses which dialect, kind of key or old key.
use super::operator::Operator;
use super::page::{Ask, MOST, Page, limit_of};
use super::problem::{Problem, Reading};
use super::state::Manage;
use super::views::KeyView;
use axum::Json;
use axum::extract::State;
use countersign::life::key::KeyState;
use countersign::time::{Span, Time};
use countersign_keys::{Algorithm, CompactKey, KeyKind};
use countersign_store::model::KeyRecord;
use serde::Deserialize;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Accounts looked at for one page: a search over millions is answered in steps.
const LOOKED_AT: usize = 10_000;

/// The state of a key whose date ended it.
const EXPIRED: &str = "expired";

/// The call about all keys.
pub(crate) fn routes() -> OpenApiRouter<Arc<Manage>> {
    OpenApiRouter::new().routes(routes!(list_all_keys))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// The `next` of the last page.
    #[serde(alias = "cursor")]
    after: Option<String>,
    /// Entries wanted, at most 200.
    limit: Option<u32>,
    /// `pending`, `active`, `retiring`, `disabled`, `recovery` or `revoked`; `expired` for what none of these ended, but its date.
    state: Option<String>,
    /// A kind of key, such as `RSA` or `Ed25519`, or an algorithm that keys may sign with, such as `RS256`.
    algorithm: Option<String>,
    /// A dialect that keys are for.
    dialect: Option<String>,
    /// Not used for so many days, or never and registered before.
    unused_days: Option<u32>,
    /// Live, and ends within so many days.
    ends_within_days: Option<u32>,
}

impl Wanted {
    fn wants(&self, key: &KeyRecord, now: Time) -> bool {
        let past = key.life.ends().is_some_and(|end| end <= now)
            && !matches!(key.life.state, KeyState::Revoked | KeyState::Disabled);
        let state = self.state.as_ref().is_none_or(|state| match state.as_str() {
            EXPIRED => past,
            state => key.life.state.name() == state && !past,
        });
        let dialect = self.dialect.as_ref().is_none_or(|dialect| key.dialects.contains(dialect));
        let unused = self.unused_days.is_none_or(|days| {
            now.since(key.last_used.unwrap_or(key.created)) >= Span::from_seconds(i64::from(days) * 86_400)
        });
        let algorithm = self.algorithm.as_ref().is_none_or(|name| {
            let Ok(kind) = CompactKey::from_spki_der(&key.spki).map(|key| key.kind()) else { return false };
            match Algorithm::from_name(name).filter(|_| KeyKind::from_name(name).is_none()) {
                // What is not narrowed signs with every one of its kind that is not weak.
                Some(wanted) if key.algorithms.is_empty() => wanted.kind() == kind && !wanted.is_weak(),
                Some(wanted) => key.algorithms.iter().any(|own| own == wanted.name()),
                None => kind.name().eq_ignore_ascii_case(name),
            }
        });
        let soon = self.ends_within_days.is_none_or(|days| {
            let within = Span::from_seconds(i64::from(days) * 86_400);
            key.life.is_live(now) && key.life.ends().is_some_and(|end| end.since(now) <= within)
        });
        state && dialect && unused && algorithm && soon
    }
}

/// List the keys of all accounts. A page may be short although there is a next one.
#[utoipa::path(get, path = "/api/v1/keys", tag = "keys", params(Wanted),
    responses((status = 200, body = Page<KeyView>), Reading))]
async fn list_all_keys(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Ask(ask): Ask<Wanted>,
) -> Result<Json<Page<KeyView>>, Problem> {
    let limit = limit_of(ask.limit)?;
    // A place is an account and its last key that was seen, if not all were.
    let (mut account, key) =
        match ask.after.as_deref().map(|after| after.split_once('/').unwrap_or((after, ""))) {
            Some((account, key)) => {
                (Some(account.to_owned()), Some(key.to_owned()).filter(|key| !key.is_empty()))
            }
            None => (None, None),
        };
    let mut items = Vec::new();
    if let (Some(begun), Some(seen)) = (&account, &key) {
        let rest = sorted(&manage, begun).into_iter().filter(|row| row.id > *seen);
        if let Some(next) = fill(&mut items, rest, &ask, limit, operator.now)? {
            return Ok(Json(Page { items, next: Some(format!("{begun}/{next}")) }));
        }
    }
    let mut looked_at = 0_usize;
    // Ends: every round moves on, and one without accounts is the last.
    loop {
        let accounts = manage.directory.accounts(account.as_deref(), MOST);
        if accounts.is_empty() {
            return Ok(Json(Page { items, next: None }));
        }
        for row in accounts {
            if looked_at >= LOOKED_AT {
                return Ok(Json(Page { items, next: account }));
            }
            looked_at = looked_at.saturating_add(1);
            let keys = sorted(&manage, &row.id);
            if let Some(next) = fill(&mut items, keys, &ask, limit, operator.now)? {
                // Before the first key, it begins with this account again.
                let at = if next.is_empty() { account } else { Some(format!("{}/{next}", row.id)) };
                return Ok(Json(Page { items, next: at }));
            }
            account = Some(row.id);
        }
    }
}

fn sorted(manage: &Manage, account: &str) -> Vec<KeyRecord> {
    let mut keys = manage.directory.keys_of(account);
    keys.sort_by(|one, other| one.id.cmp(&other.id));
    keys
}

/// Fills the page; where it is full with keys left, gives the last key that was seen, empty before the first.
fn fill(
    items: &mut Vec<KeyView>,
    keys: impl IntoIterator<Item = KeyRecord>,
    ask: &Wanted,
    limit: usize,
    now: Time,
) -> Result<Option<String>, Problem> {
    let mut seen = String::new();
    for row in keys {
        if !ask.wants(&row, now) {
            continue;
        }
        if items.len() >= limit {
            return Ok(Some(seen));
        }
        seen.clone_from(&row.id);
        items.push(KeyView::of(row, now)?);
    }
    Ok(None)
}
