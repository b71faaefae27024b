//! Companion keys, the API keys that some dialects want beside the proof: make, list, switch, delete.
use super::found;
use super::input::Input;
use super::moment::Moment;
use super::operator::Operator;
use super::page::{Ask, Page};
use super::problem::{Changing, Problem, ReadingOne};
use super::secret::{self, Secret};
use super::state::Manage;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use countersign_store::draft::Draft;
use countersign_store::draft::NewCompanion as Companion;
use countersign_store::model::CompanionRecord;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Fewest characters of a secret that a provider brings along: shorter ones are guessed.
const LEAST_SECRET: usize = 8;
/// Most characters of it: real ones stay under 200, and it travels in a header.
const MOST_SECRET: usize = 1024;

/// The calls about companion keys.
pub(crate) fn routes() -> OpenApiRouter<Arc<Manage>> {
    OpenApiRouter::new()
        .routes(routes!(list_companions, create_companion))
        .routes(routes!(enable_companion))
        .routes(routes!(disable_companion))
        .routes(routes!(delete_companion))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Paging {
    /// The id of the last entry seen.
    after: Option<String>,
    /// Entries wanted, at most 200.
    limit: Option<u32>,
}

/// A new companion key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewCompanion {
    /// The dialect it goes with.
    dialect: String,
    /// What its owner calls it, unique in the account; chosen here when left out.
    #[serde(default)]
    label: String,
    /// Whether it is good beside this account's proofs only.
    #[serde(default = "yes")]
    bound: bool,
    /// A secret that callers hold already (8 to 1024 visible ASCII characters); left out, the server makes one of 256 bits.
    #[schema(value_type = Option<String>)]
    secret: Option<Secret>,
}

/// A companion key; its secret is not kept.
#[derive(Serialize, ToSchema)]
struct CompanionView {
    /// `cmp_…`.
    id: String,
    /// The account's id.
    account: String,
    /// The dialect it goes with.
    dialect: String,
    /// What its owner calls it.
    label: String,
    /// Whether it is good beside this account's proofs only.
    bound: bool,
    /// Whether it is switched on.
    enabled: bool,
    /// When it was made.
    created: Moment,
}

/// A companion key just made.
#[derive(Serialize, ToSchema)]
struct MadeCompanion {
    /// The companion key.
    companion: CompanionView,
    /// The secret that the server made: shown now and never again. Missing when the caller brought its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    secret: Option<Secret>,
}

impl From<CompanionRecord> for CompanionView {
    fn from(row: CompanionRecord) -> Self {
        Self {
            id: row.id,
            account: row.account,
            dialect: row.dialect,
            label: row.label,
            bound: row.bound,
            enabled: row.enabled,
            created: Moment(row.created),
        }
    }
}

/// List the companion keys of an account.
#[utoipa::path(get, path = "/api/v1/accounts/{account}/companions", tag = "companions",
    params(("account" = String, Path, description = "The account's id."), Paging),
    responses((status = 200, body = Page<CompanionView>), ReadingOne))]
async fn list_companions(
    State(manage): State<Arc<Manage>>,
    Path(account): Path<String>,
    Ask(ask): Ask<Paging>,
) -> Result<Json<Page<CompanionView>>, Problem> {
    found::account(&manage, &account)?;
    let rows = manage.directory.companions_of(&account);
    Page::cut(rows, ask.after.as_deref(), ask.limit, |row| row.id.clone(), Into::into).map(Json)
}

/// Make a companion key. The answer shows the secret, once.
#[utoipa::path(post, path = "/api/v1/accounts/{account}/companions", tag = "companions",
    params(("account" = String, Path, description = "The account's id.")), request_body = NewCompanion,
    responses((status = 201, body = MadeCompanion), Changing))]
async fn create_companion(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Path(account): Path<String>,
    Input(new): Input<NewCompanion>,
) -> Result<(StatusCode, Json<MadeCompanion>), Problem> {
    operator.may_change(&found::account(&manage, &account)?)?;
    let (digest, made) = match new.secret {
        Some(secret) => (secret::digest(checked(&secret)?), None),
        None => {
            let secret = secret::make(&manage);
            (secret::digest(secret.text()), Some(secret))
        }
    };
    let row = operator.change(&manage, |draft| {
        draft.add_companion(&Companion {
            account: account.clone(),
            dialect: new.dialect.clone(),
            label: if new.label.is_empty() { free_label(draft, &account) } else { new.label.clone() },
            digest: digest.clone(),
            bound: new.bound,
            enabled: true,
        })
    });
    let row = row.await?;
    Ok((StatusCode::CREATED, Json(MadeCompanion { companion: row.into(), secret: made })))
}

/// Switch a companion key on.
#[utoipa::path(post, path = "/api/v1/companions/{companion}/enable", tag = "companions",
    params(("companion" = String, Path, description = "The companion key's id.")),
    responses((status = 200, body = CompanionView), Changing))]
async fn enable_companion(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Path(companion): Path<String>,
) -> Result<Json<CompanionView>, Problem> {
    switch(&manage, &operator, &companion, true).await
}

/// Switch a companion key off, at once.
#[utoipa::path(post, path = "/api/v1/companions/{companion}/disable", tag = "companions",
    params(("companion" = String, Path, description = "The companion key's id.")),
    responses((status = 200, body = CompanionView), Changing))]
async fn disable_companion(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Path(companion): Path<String>,
) -> Result<Json<CompanionView>, Problem> {
    switch(&manage, &operator, &companion, false).await
}

/// Delete a companion key for ever.
#[utoipa::path(delete, path = "/api/v1/companions/{companion}", tag = "companions",
    params(("companion" = String, Path, description = "The companion key's id.")),
    responses((status = 204), Changing))]
async fn delete_companion(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Path(companion): Path<String>,
) -> Result<StatusCode, Problem> {
    let (row, owner) = found::companion_and_owner(&manage, &companion)?;
    operator.may_change(&owner)?;
    operator.change(&manage, |draft| draft.delete_companion(&row.id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn switch(
    manage: &Manage,
    operator: &Operator,
    id: &str,
    on: bool,
) -> Result<Json<CompanionView>, Problem> {
    let (row, owner) = found::companion_and_owner(manage, id)?;
    operator.may_change(&owner)?;
    let row = operator.change(manage, |draft| draft.set_companion_enabled(&row.id, on)).await?;
    Ok(Json(row.into()))
}

/// A label that no other companion key of the account has.
fn free_label(draft: &Draft<'_>, account: &str) -> String {
    let own = draft.companions_of(account);
    // There is a free one among one more than there are companion keys.
    let mut labels = (1..=own.len().saturating_add(1)).map(|number| format!("companion-{number}"));
    labels.find(|label| own.iter().all(|row| row.label != *label)).unwrap_or_default()
}

/// A secret brought along must be able to travel in a header and hard to guess. The problem never repeats it.
fn checked(secret: &Secret) -> Result<&str, Problem> {
    let secret = secret.text();
    let long_enough = (LEAST_SECRET..=MOST_SECRET).contains(&secret.len());
    if long_enough && secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(secret);
    }
    Err(Problem::invalid("weak-secret", "The secret is not usable.")
        .detail(format!(
            "Wanted {LEAST_SECRET} to {MOST_SECRET} visible ASCII characters, since it travels in a header; send such a one, or none and the server makes one."
        ))
        .at("secret"))
}

const fn yes() -> bool {
    true
}
