//! The audit log: read in pages, and its chain checked from the first entry to the last.
use super::moment::Moment;
use super::page::{Ask, Page, limit_of};
use super::problem::{Problem, Reading};
use super::state::Manage;
use axum::Json;
use axum::extract::State;
use countersign_store::audit::{ChainBreak, NotWhole, verify};
use countersign_store::model::AuditEntry;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The calls about the audit log.
pub(crate) fn routes() -> OpenApiRouter<Arc<Manage>> {
    OpenApiRouter::new().routes(routes!(list_audit)).routes(routes!(verify_audit))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Since {
    /// The number of the last entry seen.
    after: Option<u64>,
    /// Entries wanted, at most 200.
    limit: Option<u32>,
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

/// List the audit log, oldest first.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(Since),
    responses((status = 200, body = Page<EntryView>), Reading))]
async fn list_audit(
    State(manage): State<Arc<Manage>>,
    Ask(ask): Ask<Since>,
) -> Result<Json<Page<EntryView>>, Problem> {
    let limit = limit_of(ask.limit)?;
    let wanted = u32::try_from(limit.saturating_add(1)).unwrap_or(u32::MAX);
    let mut rows = manage.registry.audit(ask.after.unwrap_or(0), wanted).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| row.number.to_string());
    Ok(Json(Page { items: rows.into_iter().map(Into::into).collect(), next }))
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
