//! The server's own signing keys: list them, and put a new one in place of the one that signs.
use super::moment::Moment;
use super::operator::Operator;
use super::problem::{Changing, Problem, Reading};
use super::state::Manage;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use countersign_store::model::SecretRecord;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The calls about signing keys.
pub(crate) fn routes() -> OpenApiRouter<Arc<Manage>> {
    OpenApiRouter::new().routes(routes!(list_signing_keys)).routes(routes!(rotate_signing_key))
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
    /// When it was made.
    created: Moment,
    /// From when it no longer signs; what it signed still verifies.
    retired: Option<Moment>,
    /// Whether it is sealed where it is kept.
    sealed: bool,
}

impl From<SecretRecord> for SigningKeyView {
    fn from(row: SecretRecord) -> Self {
        let kid = row.name.strip_prefix(SIGNING).unwrap_or(&row.name).to_owned();
        Self { kid, created: Moment(row.created), retired: row.retired.map(Moment), sealed: row.sealed }
    }
}
