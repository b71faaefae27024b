//! The web console: pages as files, and the JSON calls behind them, for whoever proved a key in a browser.
//!
//! The pages are plain files without any outside resource; all they do goes through these calls and the management API's, so a
//! page can do nothing that the API does not allow.
mod challenge;
mod cookie;
mod document;
mod entry;
mod files;
mod headers;
pub(crate) mod holder;
pub(crate) mod link;
pub(crate) mod maker;
mod own_audit;
mod own_dialects;
mod own_keys;
mod own_limits;
mod own_organisation;
mod own_refusals;
mod own_send;
mod own_sessions;
mod own_snippets;
pub(crate) mod pass;
mod prove;
mod reach;
pub(crate) mod session;
pub(crate) mod site;
pub(crate) mod state;
mod token;
mod who;

use crate::app::App;
use crate::surface::manage::described::complete;
use crate::surface::manage::problem::Problem;
use crate::surface::manage::state::Manage;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Method, StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::Request;
use state::{CALLS, Console, UNDER};
use std::sync::Arc;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

/// The OpenAPI document.
pub(crate) fn openapi() -> OpenApi {
    parts().2
}

/// What wants a session, what opens one, and the document of both.
fn parts() -> (Router<Arc<Console>>, Router<Arc<Console>>, OpenApi) {
    let own = OpenApiRouter::with_openapi(document::head())
        .merge(who::routes())
        .merge(own_keys::routes())
        .merge(own_limits::routes())
        .merge(own_sessions::routes())
        .merge(own_organisation::routes())
        .merge(own_dialects::routes())
        .merge(own_snippets::routes())
        .merge(own_refusals::routes())
        .merge(own_send::routes())
        .merge(own_audit::routes());
    let (own, mut document) = own.split_for_parts();
    let (entry, doors) = entry::routes().split_for_parts();
    document.merge(doors);
    complete(&mut document);
    (own, entry, document)
}

/// The console with its full paths.
pub(crate) fn router(app: &Arc<App>) -> Router {
    let console = Arc::new(Console { app: Arc::clone(app), manage: Manage::of(app) });
    let (own, entry, document) = parts();
    let own = own.layer(from_fn_with_state(Arc::clone(&console), pass::signed_in));
    let entry = entry.layer(from_fn_with_state(Arc::clone(&console), pass::anybody));
    let text = Bytes::from(document.to_json().unwrap_or_default());
    let shown = move || async move { ([(header::CONTENT_TYPE, "application/json")], text) };
    let shown = get(shown).layer(from_fn_with_state(Arc::clone(&console), pass::open));
    own.merge(entry)
        .route(&format!("{CALLS}/openapi.json"), shown)
        .fallback(file)
        .method_not_allowed_fallback(async || wrong_method())
        .layer(from_fn(headers::dress))
        .with_state(console)
}

async fn file(request: Request<Body>) -> Response {
    let path = request.uri().path();
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return wrong_method().into_response();
    }
    match files::find(path) {
        Some(file) => file.answer(request.headers()),
        None if path == UNDER => files::beginning(),
        None => Problem::new(StatusCode::NOT_FOUND, "no-such-path", "There is nothing at this path.")
            .into_response(),
    }
}

fn wrong_method() -> Problem {
    let title = "This path does not take that method.";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", title)
}

#[cfg(test)]
mod tests;
