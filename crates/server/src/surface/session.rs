//! The session API on a listener.
use crate::app::App;
use crate::surface::posted::{Api, answer};
use axum::Router;
use axum::extract::State;
use http::Request;
use std::sync::Arc;

/// The session API with its full paths.
pub(crate) fn router(app: Arc<App>) -> Router {
    let answer = |State(app): State<Arc<App>>, request: Request<axum::body::Body>| async move {
        answer(&app, Api::Session, request).await
    };
    Router::new().fallback(answer).with_state(app)
}
