//! The server's own signing keys: list them, have a new one take over without a refused token, and remove one that leaked.
use super::moment::Moment;
use super::operator::Owner;
use super::page::Ask;
use super::problem::{Changing, Problem, Reading};
use super::state::Manage;
use crate::secrets::{SIGNING, read, uuid};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use countersign::time::{Span, Time};
use countersign_guard::clock::draw;
use countersign_keys::{KeyKind, PrivateKey};
use countersign_store::denied::{Denial, Denied};
use countersign_store::fault::Fault;
use countersign_store::model::SecretRecord;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Seconds that a new key is published before it signs: the key set may be kept for 300 ([`crate::surface::jwks`]), and clocks differ.
const LEAD: i64 = 360;

/// The calls about signing keys.
pub(crate) fn routes() -> OpenApiRouter<Arc<Manage>> {
    OpenApiRouter::new()
        .routes(routes!(list_signing_keys))
        .routes(routes!(rotate_signing_key))
        .routes(routes!(remove_signing_key))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Rotation {
    /// Take over as soon as every node knows the new key, instead of after six minutes: whoever keeps the key set and does not read it again
    /// for a key it does not know may refuse tokens until then. For a key that leaked.
    at_once: Option<bool>,
}

/// The server's signing keys, newest first.
#[derive(Serialize, ToSchema)]
struct SigningKeysView {
    /// The keys; the private halves are never shown.
    items: Vec<SigningKeyView>,
}

/// One of the server's signing keys (ES256).
#[derive(Serialize, ToSchema)]
struct SigningKeyView {
    /// Its id, as tokens and the key set name it.
    kid: String,
    /// `next` (published, and yet to sign), `signing` or `retired`.
    state: &'static str,
    /// When it was made.
    created: Moment,
    /// From when it no longer signs; what it signed still verifies.
    retired: Option<Moment>,
    /// When it is removed: nothing that it signed counts any more.
    removed: Option<Moment>,
    /// Whether it is sealed where it is kept.
    sealed: bool,
}

impl SigningKeyView {
    fn of(row: SecretRecord, signing: Option<&str>, now: Time, keep: Span) -> Self {
        let kid = row.name.strip_prefix(SIGNING).unwrap_or(&row.name).to_owned();
        let state = match row.retired {
            Some(retired) if retired <= now => "retired",
            _ if signing == Some(&kid) => "signing",
            _ => "next",
        };
        let removed = row.retired.map(|retired| Moment(retired + keep));
        Self {
            kid,
            state,
            created: Moment(row.created),
            retired: row.retired.map(Moment),
            removed,
            sealed: row.sealed,
        }
    }
}

/// List the server's signing keys.
#[utoipa::path(get, path = "/api/v1/signing-keys", tag = "signing keys",
    responses((status = 200, body = SigningKeysView), Reading))]
async fn list_signing_keys(State(manage): State<Arc<Manage>>) -> Json<SigningKeysView> {
    let mut rows = manage.directory.secrets(SIGNING);
    rows.sort_by_key(|row| Reverse(row.created));
    let now = manage.shared.clock.now();
    let view = |row| shown(&manage, row, now);
    Json(SigningKeysView { items: rows.into_iter().map(view).collect() })
}

/// Make a new signing key: it is published at once and takes over later, and what the others signed still verifies until it ends.
#[utoipa::path(post, path = "/api/v1/signing-keys/rotate", tag = "signing keys", params(Rotation),
    responses((status = 201, body = SigningKeyView), Changing))]
async fn rotate_signing_key(
    State(manage): State<Arc<Manage>>,
    Owner(operator): Owner,
    Ask(Rotation { at_once }): Ask<Rotation>,
) -> Result<(StatusCode, Json<SigningKeyView>), Problem> {
    let key = PrivateKey::generate(KeyKind::P256, 256)
        .map_err(|error| Fault::caused("a signing key could not be made", error))?;
    let name = format!("{SIGNING}{}", uuid(draw(&*manage.entropy)));
    let (value, sealed) = manage.seal.seal(&name, key.to_pkcs8_der(), &*manage.entropy)?;
    // In two steps: by the time that is counted from, the new key is published, however long writing it took.
    let row = operator.change(&manage, |draft| draft.put_secret(&name, &value, sealed)).await?;
    // A node that has not heard of it after `stale_after` answers 503 itself.
    let soon = i64::try_from(manage.shared.stale_after.as_secs()).unwrap_or(LEAD).saturating_add(2);
    let lead = if at_once == Some(true) { soon } else { LEAD };
    let from = manage.shared.clock.now() + Span::from_seconds(lead);
    // Of two that are made at the same time, one goes on.
    let rank = |row: &SecretRecord| (row.created, row.name.clone());
    let mut older = manage.directory.secrets(SIGNING);
    older.retain(|old| rank(old) < rank(&row));
    let change = operator.change(&manage, |draft| {
        for old in &older {
            // One that was removed meanwhile need not be retired.
            if draft.secret(&old.name).is_ok() {
                draft.retire_secret(&old.name, from)?;
            }
        }
        Ok(())
    });
    change.await?;
    manage.signing.replace(read(&manage.directory, &manage.seal, Some(&manage.signing))?)?;
    Ok((StatusCode::CREATED, Json(shown(&manage, row, operator.now))))
}

/// Remove a signing key: what it signed no longer verifies, from the next second on, on every node.
#[utoipa::path(delete, path = "/api/v1/signing-keys/{kid}", tag = "signing keys",
    params(("kid" = String, Path, description = "The key's id.")),
    responses((status = 204, description = "Removed."), Changing))]
async fn remove_signing_key(
    State(manage): State<Arc<Manage>>,
    Owner(operator): Owner,
    Path(kid): Path<String>,
) -> Result<StatusCode, Problem> {
    let name = format!("{SIGNING}{kid}");
    let change = operator.change(&manage, |draft| {
        if draft.secret(&name)?.retired.is_none() {
            return Err(Denied::new(
                Denial::State,
                "signing-key-in-use",
                "nothing is to take over from this key; rotate first, then remove it",
            ));
        }
        draft.delete_secret(&name)
    });
    change.await?;
    manage.signing.replace(read(&manage.directory, &manage.seal, Some(&manage.signing))?)?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(manage: &Manage, row: SecretRecord, now: Time) -> SigningKeyView {
    SigningKeyView::of(row, manage.signing.signs_at(now).as_deref(), now, manage.shared.keeps_signed())
}
