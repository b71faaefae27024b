//! Takes the server's configuration anew from where it was read, as SIGHUP does, and says what changed or what is wrong.
use super::operator::Operator;
use super::problem::{Changing, Problem};
use super::state::Manage;
use crate::reloads::{Change, Note, Reloaded, StartError};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use countersign_store::denied::ChangeError;
use countersign_store::fault::Fault;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The call about the configuration.
pub(crate) fn routes() -> OpenApiRouter<Arc<Manage>> {
    OpenApiRouter::new().routes(routes!(reload_configuration))
}

/// Settings named in an audit entry; the answer has all.
const NAMED: usize = 20;

/// The configuration that is in force now.
#[derive(Serialize, ToSchema)]
struct ReloadedView {
    /// Its number since the server started.
    generation: u64,
    /// What differs from the one before; none when the file says the same.
    changes: Vec<ChangeView>,
}

/// A setting that changed.
#[derive(Serialize, ToSchema)]
struct ChangeView {
    /// The setting, such as `limits.body_time`; entries of lists go by their place.
    setting: String,
    /// Its value before, as text; left out when it was not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    /// Its value now, as text; left out when it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

impl From<Change> for ChangeView {
    fn from(Change { setting, before, after }: Change) -> Self {
        Self { setting, before, after }
    }
}

/// Take the configuration anew: in force for every new request, or refused with all that is wrong.
#[utoipa::path(post, path = "/api/v1/configuration/reload", tag = "configuration",
    responses((status = 200, body = ReloadedView), Changing))]
async fn reload_configuration(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
) -> Result<Json<ReloadedView>, Problem> {
    let note = note(Arc::clone(&manage), operator);
    let Some(reload) = manage.shared.reloads.reload(note) else {
        let title = "This server cannot read its configuration again.";
        return Err(Problem::new(StatusCode::CONFLICT, "cannot-reload", title)
            .detail("It was started from within another program; restart that."));
    };
    // A task of its own: a caller that leaves must not stop a reload halfway.
    let ended = tokio::spawn(reload).await.map_err(|error| Fault::caused("the reload did not end", error))?;
    let Reloaded { generation, changes } = ended.map_err(refused)?;
    Ok(Json(ReloadedView { generation, changes: changes.into_iter().map(Into::into).collect() }))
}

/// Puts who asked and what changes into the audit log.
fn note(manage: Arc<Manage>, operator: Operator) -> Note {
    Box::new(move |reloaded| {
        Box::pin(async move {
            let mut named: Vec<&str> =
                reloaded.changes.iter().take(NAMED).map(|change| change.setting.as_str()).collect();
            if reloaded.changes.len() > NAMED {
                named.push("and more");
            }
            let changed = named.join(", ");
            let stamp = operator.stamp(&manage);
            let written = manage.registrar.change(&stamp, |draft| {
                draft.reload_configuration(reloaded.generation, &changed);
                Ok(())
            });
            written.await.map_err(|error| match error {
                ChangeError::Fault(fault) => fault,
                ChangeError::Denied(denied) => Fault::caused("the reload could not be noted", denied),
            })
        })
    })
}

fn refused(error: StartError) -> Problem {
    match error {
        StartError::Fault(fault) => fault.into(),
        wrong => {
            let title = "The configuration cannot be used; the old one stays in force.";
            Problem::invalid("wrong-configuration", title).detail(wrong.to_string())
        }
    }
}
