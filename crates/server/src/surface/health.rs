//! Whether the process lives, whether it can serve, and what it counted.
use crate::app::App;
use crate::metrics::Levels;
use axum::body::Body;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};

/// The process lives.
pub(crate) const LIVE: &str = "/healthz";
/// The server can decide, and means to go on.
pub(crate) const READY: &str = "/readyz";
/// What was counted.
pub(crate) const METRICS: &str = "/metrics";

/// The process lives: it answers.
pub(crate) fn live() -> Response<Body> {
    plain(StatusCode::OK, "ok\n")
}

/// Asks the stores; says no while draining, so that load balancers go elsewhere.
pub(crate) async fn ready(app: &App) -> Response<Body> {
    if app.is_draining() {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "draining\n");
    }
    if app.is_stale() {
        let text = "the registry was not confirmed for too long: nobody is let in\n";
        return plain(StatusCode::SERVICE_UNAVAILABLE, text);
    }
    match app.registry.version().await {
        Ok(_) => {
            let standings = app.upstreams.standings();
            let well = standings.iter().filter(|standing| standing.well).count();
            let mut text = "ready\n".to_owned();
            // It serves, so it is ready; but somebody should look at the file.
            if app.is_unread() {
                text.push_str("the last reload of the configuration failed\n");
            }
            if app.registry.hears() == Some(false) {
                text.push_str("changes of other nodes are not announced here: they are seen by polling\n");
            }
            if well < standings.len() {
                // Not by name: strangers may ask. It stays ready: other routes are served, and leaving would help nobody.
                text.push_str(&format!("upstreams: {well} of {} addresses well\n", standings.len()));
            }
            plain(StatusCode::OK, text)
        }
        Err(fault) => {
            tracing::error!(%fault, "not ready");
            plain(StatusCode::SERVICE_UNAVAILABLE, "the registry does not answer\n")
        }
    }
}

/// What was counted, for Prometheus.
pub(crate) async fn metrics(app: &App) -> Response<Body> {
    let sessions = app.sessions.list(None, app.clock.now()).await.map_or(0, |sessions| sessions.len());
    let levels = Levels {
        accounts: app.directory.account_count(),
        keys: app.directory.key_count(),
        sessions,
        replay: app.once.remembered(),
        lanes: app.lanes.as_ref().map(|lanes| lanes.batcher.lanes().counts()),
        version: app.directory.version(),
    };
    app.metrics.standings(&app.upstreams.standings());
    let mut response = plain(StatusCode::OK, "");
    *response.body_mut() = Body::from(app.metrics.text(levels));
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn plain(status: StatusCode, text: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
