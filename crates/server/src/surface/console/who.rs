//! Who is signed in, and what the account may do.
use super::holder::Holder;
use super::session::expires;
use super::site::Site;
use super::state::{Console, Here};
use crate::surface::manage::moment::Moment;
use crate::surface::manage::problem::Reading;
use crate::surface::manage::views::{IdentifierView, RoleView};
use axum::{Extension, Json};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The calls about the account.
pub(super) fn routes() -> OpenApiRouter<Arc<Console>> {
    OpenApiRouter::new().routes(routes!(get_me)).routes(routes!(get_delegations))
}

/// Who is signed in.
#[derive(Serialize, ToSchema)]
struct Me {
    /// The account.
    account: OwnAccount,
    /// The id of the key that opened the session; missing where a link of an operator's did.
    key: Option<String>,
    /// When the session ends if nothing more is done.
    expires: Moment,
    /// Whether the management API answers here, and to this session.
    manage: bool,
    /// What answers.
    server: Answering,
}

/// The account that is signed in.
#[derive(Serialize, ToSchema)]
struct OwnAccount {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// For operators: what they may do.
    role: Option<RoleView>,
    /// How it names itself.
    identifiers: Vec<IdentifierView>,
    /// The id of its organisation.
    organisation: Option<String>,
}

/// What answers.
#[derive(Serialize, ToSchema)]
struct Answering {
    /// Its version.
    version: &'static str,
    /// Its time.
    now: Moment,
    /// The console's origin, as signatures name it.
    origin: String,
}

/// For whom the account may act, and where.
#[derive(Serialize, ToSchema)]
struct Delegations {
    /// Users, by name.
    acts_as: Vec<String>,
    /// Path prefixes it may use; empty: all.
    paths: Vec<String>,
}

/// Tell who is signed in.
#[utoipa::path(get, path = "/console/api/v1/me", tag = "account", responses((status = 200, body = Me), Reading))]
async fn get_me(Extension(site): Extension<Site>, here: Option<Extension<Here>>, holder: Holder) -> Json<Me> {
    let manage = here.is_some_and(|Extension(here)| here.manages) && holder.role().is_some();
    let key = holder.key.as_ref().map(|key| key.id.to_string());
    let account = holder.account;
    Json(Me {
        account: OwnAccount {
            id: account.id,
            name: account.name,
            role: account.role.map(Into::into),
            identifiers: account.identifiers.into_iter().map(Into::into).collect(),
            organisation: account.organisation,
        },
        key,
        expires: Moment(expires(&holder.session, holder.now)),
        manage,
        server: Answering {
            version: env!("CARGO_PKG_VERSION"),
            now: Moment(holder.now),
            origin: site.origin,
        },
    })
}

/// Tell for whom the account may act, and where.
#[utoipa::path(get, path = "/console/api/v1/delegations", tag = "account",
    responses((status = 200, body = Delegations), Reading))]
async fn get_delegations(holder: Holder) -> Json<Delegations> {
    Json(Delegations { acts_as: holder.account.acts_as, paths: holder.account.paths })
}
