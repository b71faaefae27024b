//! Finds the surface that answers a request, then logs and counts how it ended; the only place that does.
use crate::accept::Peer;
use crate::app::App;
use crate::call::{Asked, Call, Outcome};
use crate::config::listener::Surface;
use crate::problem::{not_found, problem};
use crate::surface::{explain, ext_authz, forward_auth, gateway, health, jwks, origin};
use crate::telemetry::{Told, request as log_request};
use axum::Router;
use axum::body::Body;
use http::{Method, Request, Response, StatusCode};
use std::net::SocketAddr;
use std::sync::Arc;
use tower::ServiceExt;

/// What answers on one listener.
pub(crate) struct Surfaces {
    pub(crate) app: Arc<App>,
    pub(crate) named: Vec<Surface>,
    /// The listener's address.
    pub(crate) address: SocketAddr,
    pub(crate) session: Option<Router>,
    pub(crate) manage: Option<Router>,
}

/// Where the management API's paths begin.
const MANAGE: &str = "/api";

impl Surfaces {
    /// Answers a request that came over a connection from `peer`.
    pub(crate) async fn answer(self: Arc<Self>, mut request: Request<Body>, peer: Peer) -> Response<Body> {
        let app = &self.app;
        let started = app.clock.now();
        let surface = self.surface(request.uri().path());
        let call = Call {
            id: app.ids.next("req").into(),
            peer: peer.address,
            local: self.address,
            tls: peer.tls,
            at: started,
            surface: surface.unwrap_or(Surface::Gateway),
        };
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let client = origin::client(&app.config.server, peer.address.ip(), request.headers());
        request.extensions_mut().insert(call.clone());
        let response = if request.headers().len() > app.config.limits.header_fields {
            // HTTP/2 comes here unbounded in number, though not in size.
            problem(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "too-many-headers",
                "There are too many headers",
            )
        } else {
            match surface {
                Some(surface) => self.run(surface, &call, request).await,
                None => not_found(),
            }
        };
        let outcome = response.extensions().get::<Outcome>().cloned().unwrap_or_default();
        let nanos = app.clock.now().nanos().saturating_sub(started.nanos());
        // A clock that stepped back took no time.
        let micros = u64::try_from(nanos / 1000).unwrap_or(0);
        let mut status = response.status().as_u16();
        let (mut method, mut path, mut client) = (method.as_str(), uri.path(), client);
        let asked = response.extensions().get::<Asked>();
        if let Some(asked) = asked {
            (method, path) = (&asked.method, &asked.path);
            client = asked.client.unwrap_or(client);
            status = asked.status.unwrap_or(status);
        }
        log_request(&call, &outcome, Told { method, path, client }, status, micros);
        let seconds = std::time::Duration::from_micros(micros).as_secs_f64();
        app.metrics.count(&call, &outcome, status, seconds);
        app.used(&outcome, started, client);
        response
    }

    /// Open paths match exactly; what none of them takes goes to the gateway.
    fn surface(&self, path: &str) -> Option<Surface> {
        let app = &self.app;
        let here = |surface: Surface| self.named.contains(&surface);
        let under = |path: &str, prefix: &str| crate::surface::path::under(path, prefix);
        if here(Surface::Health) && (path == health::LIVE || path == health::READY) {
            return Some(Surface::Health);
        }
        if here(Surface::Metrics) && path == health::METRICS {
            return Some(Surface::Metrics);
        }
        if here(Surface::Jwks) && path == jwks::PATH {
            return Some(Surface::Jwks);
        }
        if here(Surface::Explain) && path == explain::PATH {
            return Some(Surface::Explain);
        }
        if here(Surface::ForwardAuth) && forward_auth::asked(app, path).is_some() {
            return Some(Surface::ForwardAuth);
        }
        if here(Surface::ExtAuthz) && ext_authz::asked(path) {
            return Some(Surface::ExtAuthz);
        }
        if here(Surface::Manage) && self.manage.is_some() && under(path, MANAGE) {
            return Some(Surface::Manage);
        }
        if here(Surface::Session) && self.session.is_some() {
            let rest = path.strip_prefix(app.config.session.prefix.as_str());
            if rest.is_some_and(|rest| under(rest, "/auth") || under(rest, "/subscription")) {
                return Some(Surface::Session);
            }
        }
        here(Surface::Gateway).then_some(Surface::Gateway)
    }

    async fn run(&self, surface: Surface, call: &Call, request: Request<Body>) -> Response<Body> {
        let app = &self.app;
        let reading = matches!(*request.method(), Method::GET | Method::HEAD);
        match surface {
            Surface::Gateway => gateway::answer(app, call, request).await,
            Surface::ForwardAuth => {
                let path = request.uri().path().to_owned();
                let route = forward_auth::asked(app, &path).flatten();
                forward_auth::answer(app, call, route, request).await
            }
            Surface::ExtAuthz => ext_authz::answer(app, call, request).await,
            Surface::Explain => {
                // Operators ask where the management API answers.
                let own = self.named.contains(&Surface::Manage);
                explain::answer(app, call, own, request).await
            }
            Surface::Jwks if reading => jwks::answer(app),
            Surface::Health if reading && request.uri().path() == health::LIVE => health::live(),
            Surface::Health if reading => health::ready(app).await,
            Surface::Metrics if reading => health::metrics(app).await,
            Surface::Session => mounted(self.session.as_ref(), request).await,
            Surface::Manage => mounted(self.manage.as_ref(), request).await,
            Surface::Jwks | Surface::Health | Surface::Metrics => {
                problem(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Only GET is taken here")
            }
        }
    }
}

async fn mounted(router: Option<&Router>, request: Request<Body>) -> Response<Body> {
    match router {
        // A router answers everything; its error type has no values.
        Some(router) => router.clone().oneshot(request).await.unwrap_or_else(|never| match never {}),
        None => not_found(),
    }
}
