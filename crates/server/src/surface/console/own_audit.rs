//! What was done to the account of whoever is signed in, and by it.
use super::holder::Holder;
use super::state::Console;
use crate::surface::manage::moment::Moment;
use crate::surface::manage::page::{Ask, limit_of};
use crate::surface::manage::problem::{Problem, Reading};
use axum::Json;
use axum::extract::State;
use countersign_store::model::{AuditDraft, AuditEntry};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Entries of the log that are looked through: an account's own are among the newest, or are left to operators.
const LOOKED_AT: u64 = 5000;
/// Entries read at once.
const CHUNK: u32 = 1000;

/// The call about the account's own entries.
pub(super) fn routes() -> OpenApiRouter<Arc<Console>> {
    OpenApiRouter::new().routes(routes!(list_own_audit))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Most {
    /// Entries wanted, at most 200.
    limit: Option<u32>,
}

/// What was done to the account.
#[derive(Serialize, ToSchema)]
struct OwnEntries {
    /// Newest first.
    items: Vec<OwnEntry>,
}

/// What was done, when, by whom.
#[derive(Serialize, ToSchema)]
struct OwnEntry {
    /// When.
    at: Moment,
    /// The account's id, or `operator`.
    actor: String,
    /// What was done, such as `key.revoke`.
    action: String,
    /// To what.
    subject: String,
    /// What changed.
    detail: String,
}

/// List what was done to the account, and by it, newest first.
#[utoipa::path(get, path = "/console/api/v1/audit", tag = "account", params(Most),
    responses((status = 200, body = OwnEntries), Reading))]
async fn list_own_audit(
    State(console): State<Arc<Console>>,
    holder: Holder,
    Ask(ask): Ask<Most>,
) -> Result<Json<OwnEntries>, Problem> {
    let limit = limit_of(ask.limit)?;
    let account = holder.account.id.as_str();
    let keys = console.app.directory.keys_of(account).into_iter().map(|key| key.id);
    let own: BTreeSet<String> = keys.chain([account.to_owned()]).collect();
    let found = newest(&console, LOOKED_AT, |entry| entry.actor == account || own.contains(&entry.subject));
    let shown = |AuditEntry { entry, .. }: AuditEntry| OwnEntry {
        at: Moment(entry.at),
        // Which operator it was is between operators.
        actor: if entry.actor == account { entry.actor } else { "operator".to_owned() },
        action: entry.action,
        subject: entry.subject,
        detail: entry.detail,
    };
    Ok(Json(OwnEntries { items: found.await?.into_iter().rev().take(limit).map(shown).collect() }))
}

/// The entries among the newest `most` that are wanted, oldest first.
pub(super) async fn newest(
    console: &Console,
    most: u64,
    wanted: impl Fn(&AuditDraft) -> bool,
) -> Result<Vec<AuditEntry>, Problem> {
    let registry = &console.manage.registry;
    let last = registry.last_audit().await?.map_or(0, |last| last.number);
    let mut after = last.saturating_sub(most);
    let mut found = Vec::new();
    // Ends: each round reads on, and at most `most` are read.
    while after < last {
        let rows = registry.audit(after, CHUNK).await?;
        let Some(end) = rows.last().map(|row| row.number) else { break };
        after = end;
        found.extend(rows.into_iter().filter(|row| wanted(&row.entry)));
    }
    Ok(found)
}
