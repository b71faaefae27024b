//! The server's own signing keys: list them, and put a new one in place of the one that signs.
use super::moment::Moment;
use super::operator::Owner;
use super::problem::{Changing, Problem, Reading};
use super::state::Manage;
use crate::secrets::{SIGNING, read, uuid};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use countersign_guard::clock::draw;
use countersign_keys::{KeyKind, PrivateKey};
use countersign_store::fault::Fault;
use countersign_store::model::SecretRecord;
use serde::Serialize;
use std::cmp::Reverse;
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

/// List the server's signing keys.
#[utoipa::path(get, path = "/api/v1/signing-keys", tag = "signing keys",
    responses((status = 200, body = SigningKeysView), Reading))]
async fn list_signing_keys(State(manage): State<Arc<Manage>>) -> Json<SigningKeysView> {
    let mut rows = manage.directory.secrets(SIGNING);
    rows.sort_by_key(|row| Reverse(row.created));
    Json(SigningKeysView { items: rows.into_iter().map(Into::into).collect() })
}

/// Make a new signing key and retire the others: what they signed still verifies.
#[utoipa::path(post, path = "/api/v1/signing-keys/rotate", tag = "signing keys",
    responses((status = 201, body = SigningKeyView), Changing))]
async fn rotate_signing_key(
    State(manage): State<Arc<Manage>>,
    Owner(operator): Owner,
) -> Result<(StatusCode, Json<SigningKeyView>), Problem> {
    let key = PrivateKey::generate(KeyKind::P256, 256)
        .map_err(|error| Fault::caused("a signing key could not be made", error))?;
    let name = format!("{SIGNING}{}", uuid(draw(&*manage.entropy)));
    let (value, sealed) = manage.seal.seal(&name, key.to_pkcs8_der(), &*manage.entropy)?;
    let before = manage.directory.secrets(SIGNING);
    let row = operator.change(&manage, |draft| {
        for old in &before {
            draft.retire_secret(&old.name)?;
        }
        draft.put_secret(&name, &value, sealed)
    });
    let row = row.await?;
    manage.signing.replace(read(&manage.directory, &manage.seal)?)?;
    Ok((StatusCode::CREATED, Json(row.into())))
}
