//! The management API: accounts, keys and all around them, for operators with keys of their own.
mod about;
pub(crate) mod access;
mod accounts;
mod all_keys;
mod apply;
mod audit;
pub(crate) mod authority;
mod companions;
mod configuration;
mod connections;
pub(crate) mod described;
mod dialects;
mod doctor;
pub(crate) mod document;
mod found;
mod gate;
mod identifiers;
pub(crate) mod input;
pub(crate) mod intake;
mod join_codes;
mod key_life;
pub(crate) mod key_uses;
pub(crate) mod keys;
pub(crate) mod moment;
mod names;
pub(crate) mod operator;
mod operators;
mod organisations;
pub(crate) mod page;
pub(crate) mod possession;
pub(crate) mod problem;
mod readiness;
mod refusals;
pub(crate) mod rotation;
pub(crate) mod secret;
pub(crate) mod sessions;
mod sign_in_links;
mod signed;
mod signing_keys;
pub(crate) mod standing;
pub(crate) mod state;
mod statistics;
mod users;
pub(crate) mod views;

use crate::app::App;
use axum::Router;
use axum::body::Bytes;
use axum::http::{StatusCode, header};
use axum::middleware;
use axum::routing::get;
use gate::Gate;
use problem::Problem;
use state::Manage;
use std::sync::Arc;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

/// Where the OpenAPI document is.
const DOCUMENT: &str = "/api/v1/openapi.json";

/// The management API with its full paths; `None` where nothing could judge its calls.
pub(crate) fn router(app: &Arc<App>) -> Option<Router> {
    let policy = app.operators.clone()?;
    Some(build(Manage::of(app), Arc::new(Gate { app: Arc::clone(app), policy })))
}

/// The OpenAPI document.
pub(crate) fn openapi() -> OpenApi {
    parts().2
}

/// What is behind the gate, what is before it, and the document of both.
fn parts() -> (Router<Arc<Manage>>, Router<Arc<Manage>>, OpenApi) {
    let guarded = OpenApiRouter::with_openapi(document::head())
        .merge(about::routes())
        .merge(accounts::routes())
        .merge(sign_in_links::routes())
        .merge(identifiers::routes())
        .merge(keys::routes())
        .merge(all_keys::routes())
        .merge(key_life::routes())
        .merge(key_uses::routes())
        .merge(names::routes())
        .merge(companions::routes())
        .merge(users::routes())
        .merge(organisations::routes())
        .merge(join_codes::routes())
        .merge(connections::routes())
        .merge(sessions::routes())
        .merge(operators::routes())
        .merge(audit::routes())
        .merge(readiness::routes())
        .merge(refusals::routes())
        .merge(apply::routes())
        .merge(dialects::routes())
        .merge(signing_keys::routes())
        .merge(statistics::routes())
        .merge(doctor::routes())
        .merge(configuration::routes());
    let (guarded, mut document) = guarded.split_for_parts();
    let (open, about) = about::open_routes().split_for_parts();
    document.merge(about);
    described::complete(&mut document);
    (guarded, open, document)
}

/// Everything behind the gate, and the two documents before it.
fn build(manage: Arc<Manage>, gate: Arc<Gate>) -> Router {
    let (guarded, open, document) = parts();
    let text = Bytes::from(document.to_json().unwrap_or_default());
    let shown = move || async move { ([(header::CONTENT_TYPE, "application/json")], text) };
    let open = open.route(DOCUMENT, get(shown));
    guarded
        .fallback(async || {
            Problem::new(StatusCode::NOT_FOUND, "no-such-path", "There is nothing at this path.")
        })
        .method_not_allowed_fallback(async || {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "This path does not take that method.",
            )
        })
        .layer(middleware::from_fn_with_state(Arc::clone(&gate), gate::pass))
        .merge(open.layer(middleware::from_fn_with_state(gate, gate::open)))
        .with_state(manage)
}

#[cfg(test)]
mod tests;
