//! Where the session and management APIs and the console, which are routers of their own, hang into the server.
use crate::app::App;
use crate::surface;
use axum::Router;
use std::sync::Arc;

/// The session API, with its full paths; `None` while there is none.
pub(crate) fn session(app: &Arc<App>) -> Option<Router> {
    Some(surface::session::router(Arc::clone(app)))
}

/// The management API, with its full paths; `None` where nothing could judge its calls.
pub(crate) fn manage(app: &Arc<App>) -> Option<Router> {
    surface::manage::router(app)
}

/// The console and its API, with full paths.
pub(crate) fn console(app: &Arc<App>) -> Router {
    surface::console::router(app)
}
