//! Organisations and their members.
use super::found;
use super::input::Input;
use super::moment::Moment;
use super::operator::Operator;
use super::page::{Ask, Page, limit_of};
use super::problem::{Changing, Problem, Reading, ReadingOne};
use super::state::Manage;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use countersign_store::model::{Member, Organisation};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The calls about organisations.
pub(crate) fn routes() -> OpenApiRouter<Arc<Manage>> {
    OpenApiRouter::new()
        .routes(routes!(list_organisations, create_organisation))
        .routes(routes!(get_organisation, change_organisation, delete_organisation))
        .routes(routes!(list_members))
        .routes(routes!(set_member, remove_member))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Paging {
    /// The last entry seen.
    after: Option<String>,
    /// Entries wanted, at most 200.
    limit: Option<u32>,
}

/// An organisation to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewOrganisation {
    /// Unique name.
    name: String,
    /// Whether keys that its members register themselves wait for a manager of this server, who activates them.
    #[serde(default)]
    approval: bool,
}

/// What to change of an organisation; members that are left out stay as they are.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OrganisationChange {
    /// Unique name.
    name: Option<String>,
    /// Whether keys that its members register themselves wait for a manager of this server, who activates them.
    approval: Option<bool>,
}

/// A member's place.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Place {
    /// What it is there.
    role: MemberRole,
}

/// What an account is in its organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum MemberRole {
    /// Belongs to it.
    Member,
    /// Invites others.
    Admin,
    /// Sets roles, too.
    Owner,
}

/// Accounts that belong together.
#[derive(Serialize, ToSchema)]
struct OrganisationView {
    /// `org_…`.
    id: String,
    /// Unique name.
    name: String,
    /// Whether keys that its members register themselves wait for a manager of this server.
    approval: bool,
    /// When it was made.
    created: Moment,
}

/// An account's place in an organisation.
#[derive(Serialize, ToSchema)]
struct MemberView {
    /// The account's id.
    account: String,
    /// `MEMBER`, `ADMIN` or `OWNER`.
    role: String,
}

impl MemberRole {
    /// The word for it in rows and tokens.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Member => "MEMBER",
            Self::Admin => "ADMIN",
            Self::Owner => "OWNER",
        }
    }
}

impl From<Organisation> for OrganisationView {
    fn from(row: Organisation) -> Self {
        Self { id: row.id, name: row.name, approval: row.approval, created: Moment(row.created) }
    }
}

impl From<Member> for MemberView {
    fn from(row: Member) -> Self {
        Self { account: row.account, role: row.role }
    }
}

/// List organisations.
#[utoipa::path(get, path = "/api/v1/organisations", tag = "organisations", params(Paging),
    responses((status = 200, body = Page<OrganisationView>), Reading))]
async fn list_organisations(
    State(manage): State<Arc<Manage>>,
    Ask(ask): Ask<Paging>,
) -> Result<Json<Page<OrganisationView>>, Problem> {
    let rows = manage.directory.organisations(ask.after.as_deref(), limit_of(ask.limit)?.saturating_add(1));
    Page::cut(rows, None, ask.limit, |row| row.id.clone(), Into::into).map(Json)
}

/// Make an organisation.
#[utoipa::path(post, path = "/api/v1/organisations", tag = "organisations", request_body = NewOrganisation,
    responses((status = 201, body = OrganisationView), Changing))]
async fn create_organisation(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Input(new): Input<NewOrganisation>,
) -> Result<(StatusCode, Json<OrganisationView>), Problem> {
    let row = operator.change(&manage, |draft| {
        let row = draft.add_organisation(&new.name)?;
        draft.set_approval(&row.id, new.approval)
    });
    let row = row.await?;
    Ok((StatusCode::CREATED, Json(row.into())))
}

/// Show an organisation.
#[utoipa::path(get, path = "/api/v1/organisations/{organisation}", tag = "organisations",
    params(("organisation" = String, Path, description = "The organisation's id.")),
    responses((status = 200, body = OrganisationView), ReadingOne))]
async fn get_organisation(
    State(manage): State<Arc<Manage>>,
    Path(organisation): Path<String>,
) -> Result<Json<OrganisationView>, Problem> {
    Ok(Json(found::organisation(&manage, &organisation)?.into()))
}

/// Change an organisation's name, or whether keys that its members register themselves wait for a manager of this server.
#[utoipa::path(patch, path = "/api/v1/organisations/{organisation}", tag = "organisations",
    params(("organisation" = String, Path, description = "The organisation's id.")),
    request_body = OrganisationChange, responses((status = 200, body = OrganisationView), Changing))]
async fn change_organisation(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Path(organisation): Path<String>,
    Input(change): Input<OrganisationChange>,
) -> Result<Json<OrganisationView>, Problem> {
    let row = operator.change(&manage, |draft| {
        if let Some(name) = &change.name {
            draft.rename_organisation(&organisation, name)?;
        }
        if let Some(approval) = change.approval {
            draft.set_approval(&organisation, approval)?;
        }
        draft.organisation(&organisation)
    });
    Ok(Json(row.await?.into()))
}

/// Delete an organisation that has no members.
#[utoipa::path(delete, path = "/api/v1/organisations/{organisation}", tag = "organisations",
    params(("organisation" = String, Path, description = "The organisation's id.")),
    responses((status = 204), Changing))]
async fn delete_organisation(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Path(organisation): Path<String>,
) -> Result<StatusCode, Problem> {
    operator.change(&manage, |draft| draft.delete_organisation(&organisation)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the members of an organisation.
#[utoipa::path(get, path = "/api/v1/organisations/{organisation}/members", tag = "organisations",
    params(("organisation" = String, Path, description = "The organisation's id."), Paging),
    responses((status = 200, body = Page<MemberView>), ReadingOne))]
async fn list_members(
    State(manage): State<Arc<Manage>>,
    Path(organisation): Path<String>,
    Ask(ask): Ask<Paging>,
) -> Result<Json<Page<MemberView>>, Problem> {
    found::organisation(&manage, &organisation)?;
    let rows = manage.directory.members_of(&organisation);
    Page::cut(rows, ask.after.as_deref(), ask.limit, |row| row.account.clone(), Into::into).map(Json)
}

/// Take an account into an organisation, or change its place there.
#[utoipa::path(put, path = "/api/v1/organisations/{organisation}/members/{account}", tag = "organisations",
    params(("organisation" = String, Path, description = "The organisation's id."),
        ("account" = String, Path, description = "The account's id.")),
    request_body = Place, responses((status = 200, body = MemberView), Changing))]
async fn set_member(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Path((organisation, account)): Path<(String, String)>,
    Input(place): Input<Place>,
) -> Result<Json<MemberView>, Problem> {
    found::organisation(&manage, &organisation)?;
    operator.may_change(&found::account(&manage, &account)?)?;
    let role = place.role.name();
    let row = operator.change(&manage, |draft| {
        let here = draft.account(&account)?.organisation.as_deref() == Some(&*organisation);
        if here {
            draft.set_member_role(&organisation, &account, role)
        } else {
            draft.add_member(&organisation, &account, role)
        }
    });
    Ok(Json(row.await?.into()))
}

/// Take an account out of an organisation.
#[utoipa::path(delete, path = "/api/v1/organisations/{organisation}/members/{account}", tag = "organisations",
    params(("organisation" = String, Path, description = "The organisation's id."),
        ("account" = String, Path, description = "The account's id.")),
    responses((status = 204), Changing))]
async fn remove_member(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Path((organisation, account)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    found::organisation(&manage, &organisation)?;
    operator.may_change(&found::account(&manage, &account)?)?;
    operator.change(&manage, |draft| draft.remove_member(&organisation, &account)).await?;
    Ok(StatusCode::NO_CONTENT)
}
