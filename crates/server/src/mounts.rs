//! Where the session and management APIs, which are routers of their own, hang into the server.
use crate::app::App;
use axum::Router;
use std::sync::Arc;

/// The session API, with its full paths; `None` while there is none.
pub(crate) fn session(_app: &Arc<App>) -> Option<Router> {
    None
}

/// The management API, with its full paths; `None` where nothing could judge its calls.
pub(crate) fn manage(app: &Arc<App>) -> Option<Router> {
    crate::surface::manage::router(app)
}
