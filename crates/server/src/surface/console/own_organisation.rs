//! The organisation of whoever is signed in: who is in it, inviting by join code, and joining.
use super::holder::Holder;
use super::state::Console;
use crate::surface::manage::input::Input;
use crate::surface::manage::moment::Moment;
use crate::surface::manage::problem::{Changing, Problem, Reading};
use crate::surface::manage::secret;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use countersign_guard::session::membership::{ADMIN, at_least, invite};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The calls about the account's organisation.
pub(super) fn routes() -> OpenApiRouter<Arc<Console>> {
    OpenApiRouter::new()
        .routes(routes!(get_own_organisation))
        .routes(routes!(make_join_code))
        .routes(routes!(join))
}

/// The account's organisation.
#[derive(Serialize, ToSchema)]
struct OwnOrganisation {
    /// The organisation; missing where the account is in none.
    organisation: Option<Named>,
    /// The account's role in it: `MEMBER`, `ADMIN` or `OWNER`.
    role: Option<String>,
    /// Who is in it.
    members: Vec<Fellow>,
    /// Its open join codes, for those who may make them.
    #[serde(skip_serializing_if = "Option::is_none")]
    join_codes: Option<Vec<OpenCode>>,
}

/// An organisation.
#[derive(Serialize, ToSchema)]
struct Named {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
}

/// An account of the organisation.
#[derive(Serialize, ToSchema)]
struct Fellow {
    /// Its id.
    account: String,
    /// Its name.
    name: String,
    /// Its role in the organisation.
    role: String,
}

/// A join code that is open; the code itself is not kept.
#[derive(Serialize, ToSchema)]
struct OpenCode {
    /// SHA-256 of the code, lower-case hexadecimal.
    digest: String,
    /// The role it gives.
    role: String,
    /// When it ends.
    expires: Moment,
}

/// A join code to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Invitation {
    /// The role it gives: `MEMBER`, `ADMIN` or `OWNER`, at most the inviter's.
    role: String,
    /// When it ends.
    expires: Moment,
}

/// A join code that somebody was given. It works like a password: it stands in no address, which logs keep.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Joining {
    /// The join code.
    code: String,
}

/// A join code just made.
#[derive(Serialize, ToSchema)]
struct MadeCode {
    /// The code: shown now and never again. It works once.
    #[schema(value_type = String)]
    code: secret::Secret,
    /// The role it gives.
    role: String,
    /// When it ends.
    expires: Moment,
}

/// Tell the account's organisation.
#[utoipa::path(get, path = "/console/api/v1/organisation", tag = "organisation",
    responses((status = 200, body = OwnOrganisation), Reading))]
async fn get_own_organisation(State(console): State<Arc<Console>>, holder: Holder) -> Json<OwnOrganisation> {
    Json(shown(&console, &holder))
}

/// Make a join code for one account. The answer shows it, once.
#[utoipa::path(post, path = "/console/api/v1/organisation/join-codes", tag = "organisation",
    request_body = Invitation, responses((status = 201, body = MadeCode), Changing))]
async fn make_join_code(
    State(console): State<Arc<Console>>,
    holder: Holder,
    Input(new): Input<Invitation>,
) -> Result<(StatusCode, Json<MadeCode>), Problem> {
    if !["MEMBER", ADMIN, "OWNER"].contains(&new.role.as_str()) {
        let title = "There is no such role in an organisation.";
        return Err(Problem::invalid("invalid-role", title)
            .detail("Wanted MEMBER, ADMIN or OWNER.")
            .at("role"));
    }
    let code = secret::make(&console.manage);
    let digest = secret::digest(code.text());
    let most = console.manage.most_join_codes;
    let actor = holder.actor();
    let row = actor
        .change(&console.manage, |draft| invite(draft, &actor.id, &digest, &new.role, new.expires.0, most));
    let row = row.await?;
    Ok((StatusCode::CREATED, Json(MadeCode { code, role: row.role, expires: Moment(row.expires) })))
}

/// Join an organisation by a join code.
#[utoipa::path(post, path = "/console/api/v1/organisation/join", tag = "organisation", request_body = Joining,
    responses((status = 200, body = OwnOrganisation), Changing))]
async fn join(
    State(console): State<Arc<Console>>,
    holder: Holder,
    Input(joining): Input<Joining>,
) -> Result<Json<OwnOrganisation>, Problem> {
    let digest = secret::digest(&joining.code);
    holder.actor().change(&console.manage, |draft| draft.join(&holder.account.id, &digest)).await?;
    Ok(Json(shown(&console, &holder)))
}

fn shown(console: &Console, holder: &Holder) -> OwnOrganisation {
    let directory = &console.app.directory;
    let membership = directory.membership(&holder.account.id);
    let Some(own) = membership else {
        return OwnOrganisation { organisation: None, role: None, members: Vec::new(), join_codes: None };
    };
    let named = directory.organisation(&own.organisation).map(|row| Named { id: row.id, name: row.name });
    let members = directory.members_of(&own.organisation).into_iter().filter_map(|member| {
        let name = directory.account(&member.account)?.name;
        Some(Fellow { account: member.account, name, role: member.role })
    });
    let codes = || {
        let open = directory.join_codes_of(&own.organisation).into_iter();
        let open = open.filter(|code| holder.now < code.expires);
        open.map(|code| OpenCode { digest: code.digest, role: code.role, expires: Moment(code.expires) })
            .collect()
    };
    OwnOrganisation {
        organisation: named,
        members: members.collect(),
        join_codes: at_least(&own, ADMIN).is_ok().then(codes),
        role: Some(own.role),
    }
}
