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
use http::{Method, Request, StatusCode};
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
