//! The session API on a listener.
use crate::app::App;
use crate::problem::problem;
use crate::surface::callers;
use crate::surface::posted::{Api, answer, open};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;
use http::{Method, Request, StatusCode, Uri};
use std::sync::Arc;

/// The session API with its full paths, and the document of all that callers call.
pub(crate) fn router(app: Arc<App>) -> Router {
    let text = callers::served(&app);
    // No pattern of the router: the prefix is the operator's, and may hold what a pattern would read as its own.
    let place = format!("{}{}", app.config.session.prefix, callers::DOCUMENT);
    let answer = move |State(app): State<Arc<App>>, request: Request<Body>| async move {
        if request.uri().path() != place {
            return answer(&app, Api::Session, request).await;
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let title = "Only GET is taken here";
            return problem(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", title);
        }
        match open(&app, &request) {
            Ok(()) => ([(CONTENT_TYPE, "application/json")], text).into_response(),
            Err(answer) => *answer,
        }
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
