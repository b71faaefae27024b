//! The audit log: read in pages from either end, and its chain checked from the first entry to the last.
use super::moment::Moment;
use super::page::{Ask, Page, limit_of};
use super::problem::{Problem, Reading};
use super::state::Manage;
use axum::Json;
use axum::extract::State;
use countersign_store::audit::{ChainBreak, NotWhole, verify};
use countersign_store::model::{AuditDraft, AuditEntry};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Entries looked at for one page: a search in millions is answered in steps.
const LOOKED_AT: u64 = 20_000;
/// Entries read at once.
const CHUNK: u64 = 1000;

/// The calls about the audit log.
pub(crate) fn routes() -> OpenApiRouter<Arc<Manage>> {
    OpenApiRouter::new().routes(routes!(list_audit)).routes(routes!(verify_audit))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Since {
    /// The `next` of the last page.
    after: Option<u64>,
    /// Entries wanted, at most 200.
    limit: Option<u32>,
    /// Newest first.
    #[serde(default)]
    newest: bool,
    /// Only what this account did, and what was done to it or to its keys: its id.
    account: Option<String>,
    /// Only actions of this name, such as `key.revoke`, or whose names begin so, such as `key`.
    action: Option<String>,
}

impl Since {
    /// What is wanted of the log, the account's keys being those that it has now.
    fn wants(&self, manage: &Manage) -> impl Fn(&AuditDraft) -> bool {
        let own: Option<BTreeSet<String>> = self.account.as_ref().map(|account| {
            let keys = manage.directory.keys_of(account).into_iter().map(|key| key.id);
            keys.chain([account.clone()]).collect()
        });
        let action = self.action.clone();
        move |entry| {
            let about =
                own.as_ref().is_none_or(|own| own.contains(&entry.actor) || own.contains(&entry.subject));
            let named = action.as_ref().is_none_or(|wanted| {
                entry
                    .action
                    .strip_prefix(wanted.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || wanted.ends_with('.'))
            });
            about && named
        }
    }
}

/// What was done, when, by whom.
#[derive(Serialize, ToSchema)]
struct EntryView {
    /// Its number, from 1, without gaps.
    number: u64,
    /// When.
    at: Moment,
    /// An account id, `local` (access to the data directory) or `self` (the caller itself).
    actor: String,
    /// What was done, such as `key.revoke`.
    action: String,
    /// To what.
    subject: String,
    /// What changed.
    detail: String,
    /// SHA-256 over the entry before it and this one.
    chain: String,
}

/// What checking the chain found.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
struct Chain {
    /// Whether every entry follows from the one before it.
    intact: bool,
    /// Entries that follow from each other, from the first on.
    entries: u64,
    /// The first entry that does not follow.
    broken_at: Option<u64>,
    /// What is wrong there: `missing`, `changed`, `put-in` or `unreadable`.
    flaw: Option<&'static str>,
    /// The chain value of the last entry of an intact log: keep it elsewhere with its number, and `countersign audit verify --expect` notices a
    /// log that was made anew or cut.
    head: Option<String>,
}

impl From<AuditEntry> for EntryView {
    fn from(row: AuditEntry) -> Self {
        Self {
            number: row.number,
            at: Moment(row.entry.at),
            actor: row.entry.actor,
            action: row.entry.action,
            subject: row.entry.subject,
            detail: row.entry.detail,
            chain: row.chain,
        }
    }
}

/// List the audit log, oldest first unless asked otherwise. A page of a search may be short although there is a next one.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(Since),
    responses((status = 200, body = Page<EntryView>), Reading))]
async fn list_audit(
    State(manage): State<Arc<Manage>>,
    Ask(ask): Ask<Since>,
) -> Result<Json<Page<EntryView>>, Problem> {
    let limit = limit_of(ask.limit)?;
    let wants = ask.wants(&manage);
    let last = manage.registry.last_audit().await?.map_or(0, |last| last.number);
    // Both ways it is a place between two entries: what was seen, or what is left, lies before it.
    let begun = if ask.newest {
        ask.after.map_or(last, |after| after.saturating_sub(1).min(last))
    } else {
        ask.after.unwrap_or(0)
    };
    let searched = ask.account.is_some() || ask.action.is_some();
    let chunk =
        if searched { CHUNK } else { u64::try_from(limit).map_or(CHUNK, |limit| limit.saturating_add(1)) };
    let (mut at, mut items, mut looked_at) = (begun, Vec::new(), 0_u64);
    // Ends: every round looks at entries, and at most `LOOKED_AT` of them.
    while if ask.newest { at > 0 } else { at < last } {
        if looked_at >= LOOKED_AT {
            return Ok(Json(Page { items, next: Some(place(at, ask.newest)) }));
        }
        let from = if ask.newest { at.saturating_sub(chunk) } else { at };
        let most = if ask.newest { at.saturating_sub(from) } else { chunk };
        let mut rows = manage.registry.audit(from, u32::try_from(most).unwrap_or(u32::MAX)).await?;
        if ask.newest {
            rows.retain(|row| row.number <= at);
            rows.reverse();
        }
        if rows.is_empty() {
            break;
        }
        for row in rows {
            if items.len() >= limit {
                return Ok(Json(Page { items, next: Some(place(at, ask.newest)) }));
            }
            looked_at = looked_at.saturating_add(1);
            at = if ask.newest { row.number.saturating_sub(1) } else { row.number };
            if wants(&row.entry) {
                items.push(row.into());
            }
        }
    }
    Ok(Json(Page { items, next: None }))
}

/// What is sent as `after` for the next page.
fn place(at: u64, newest: bool) -> String {
    if newest { at.saturating_add(1) } else { at }.to_string()
}

/// Check the chain of the audit log.
#[utoipa::path(get, path = "/api/v1/audit/chain", tag = "audit",
    responses((status = 200, body = Chain), Reading))]
async fn verify_audit(State(manage): State<Arc<Manage>>) -> Result<Json<Chain>, Problem> {
    match verify(&*manage.registry, None).await {
        Ok(head) => Ok(Json(Chain {
            intact: true,
            entries: head.as_ref().map_or(0, |head| head.number),
            broken_at: None,
            flaw: None,
            head: head.map(|head| head.chain),
        })),
        Err(NotWhole::Broken(ChainBreak { number, flaw })) => Ok(Json(Chain {
            intact: false,
            entries: number.saturating_sub(1),
            broken_at: Some(number),
            flaw: Some(flaw.name()),
            head: None,
        })),
        Err(NotWhole::Fault(fault)) => Err(fault.into()),
    }
}
