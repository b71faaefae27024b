//! A whole installation described in one document: shows what would change, or changes it, in one unit.
use super::access::{self, DIALECT};
use super::input::Input;
use super::intake;
use super::operator::Operator;
use super::problem::{Changing, Problem};
use super::state::Manage;
use axum::Json;
use axum::extract::State;
use countersign_store::desired::Desired;
use countersign_store::plan::PlannedChange;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The call that applies a document.
pub(crate) fn routes() -> OpenApiRouter<Arc<Manage>> {
    OpenApiRouter::new().routes(routes!(apply_document))
}

/// A document to apply.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Application {
    /// What should be there: `organisations`, `users`, `accounts` with `keys` and `companions`, and `prune`. The same
    /// members as in the file of `countersign apply`, in JSON.
    #[schema(value_type = Object)]
    document: Desired,
    /// Whether only to show what would change.
    #[serde(default)]
    dry_run: bool,
}

/// What a document leads to.
#[derive(Serialize, ToSchema)]
struct Applied {
    /// Whether it was only shown.
    dry_run: bool,
    /// The changes in order; none when everything is as described.
    changes: Vec<ChangeView>,
}

/// One change that a document leads to.
#[derive(Serialize, ToSchema)]
struct ChangeView {
    /// What is done, such as `key.add`.
    action: String,
    /// To what, by id; of what is yet to be made, the id is known only once it is.
    subject: String,
    /// To what, by name.
    name: String,
    /// What changes.
    detail: String,
}

impl From<PlannedChange> for ChangeView {
    fn from(change: PlannedChange) -> Self {
        Self { action: change.action, subject: change.subject, name: change.name, detail: change.detail }
    }
}

/// Apply a document, or show what it would change.
#[utoipa::path(post, path = "/api/v1/apply", tag = "apply", request_body = Application,
    responses((status = 200, body = Applied), Changing))]
async fn apply_document(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Input(Application { mut document, dry_run }): Input<Application>,
) -> Result<Json<Applied>, Problem> {
    may_describe(&manage, &operator, &document)?;
    let read =
        |text: &str| intake::one_key(text, &manage.keys, "document").map(|read| read.key.spki_der().to_vec());
    document.read_keys(read).map_err(|(place, problem)| problem.at(format!("document: {place}")))?;
    for account in &document.account {
        let at = format!("document: account {}", account.name);
        intake::key_set_url(account.jwks_url.as_deref(), &manage, &at)?;
    }
    let changes = if dry_run {
        manage.registrar.plan(&operator.stamp(&manage), &document)?
    } else {
        operator
            .change(&manage, |draft| {
                let changes = draft.describe(&document)?;
                access::keep_an_owner(&manage.directory, draft)?;
                Ok(changes)
            })
            .await?
    };
    Ok(Json(Applied { dry_run, changes: changes.into_iter().map(Into::into).collect() }))
}

/// Operators, and whatever could make one, are an owner's to describe.
fn may_describe(manage: &Manage, operator: &Operator, document: &Desired) -> Result<(), Problem> {
    for account in &document.account {
        let names_operator = account.identifiers.as_ref().is_some_and(|all| all.contains_key(DIALECT));
        let signs = account.key.iter().any(|key| key.dialects.iter().any(|name| name == DIALECT));
        if account.role.is_some() || names_operator || signs {
            operator.owner_only()?;
        }
        if let Some(known) = manage.directory.account_by_name(&account.name) {
            operator.may_change(&known)?;
        }
    }
    Ok(())
}
