//! The session API on a listener.
use crate::app::App;
use crate::surface::posted::{Api, answer};
use axum::Router;
use axum::extract::State;
use http::{Request, Uri};
use std::sync::Arc;

/// The session API with its full paths.
pub(crate) fn router(app: Arc<App>) -> Router {
    let answer = |State(app): State<Arc<App>>, request: Request<axum::body::Body>| async move {
        answer(&app, Api::Session, request).await
    };
    Router::new().fallback(answer).with_state(app)
}

/// The address as it may stand in logs, traces and pages: of a join code, only that there was one.
pub(crate) fn without_code(prefix: &str, uri: &Uri) -> Uri {
    let Some(rest) = uri.path().strip_prefix(prefix) else { return uri.clone() };
    if rest.strip_prefix("/subscription/invite/").is_none_or(str::is_empty) {
        return uri.clone();
    }
    // The path alone: what stands behind a question mark may be the rest of the code.
    format!("{prefix}/subscription/invite/(code)").parse().unwrap_or_default()
}
