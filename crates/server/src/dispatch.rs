//! Finds the surface that answers a request, then logs and counts how it ended; the only place that does.
use crate::accept::{Away, Peer};
use crate::app::App;
use crate::arrival;
use crate::call::{Asked, Call, Outcome};
use crate::config::listener::Surface;
use crate::limiter::Purse;
use crate::limiter::allowance::trusts;
use crate::limiter::doors::Door;
use crate::limiter::network::Network;
use crate::problem::{bad_request, not_found, problem};
use crate::surface::path::without_code;
use crate::surface::posted::{self, Api};
use crate::surface::{acme, console, explain, ext_authz, forward_auth, gateway, health, jwks, origin};
use crate::telemetry::{Told, request as log_request};
use crate::traces::told::finish;
use crate::upstream::Waiting;
use axum::Router;
use axum::body::Body;
use countersign::answer::DIRECTORY;
use countersign::time::Time;
use http::header::HOST;
use http::{Method, Request, Response, StatusCode, Uri, Version};
use http_body::{Body as HttpBody, Frame, SizeHint};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::ServiceExt;

/// What answers on one listener.
pub(crate) struct Surfaces {
    pub(crate) app: Arc<App>,
    pub(crate) named: Vec<Surface>,
    /// The listener's address.
    pub(crate) address: SocketAddr,
    pub(crate) session: Option<Router>,
    pub(crate) manage: Option<Router>,
    pub(crate) console: Option<Router>,
}

/// Where the management API's paths begin.
const MANAGE: &str = "/api";

impl Surfaces {
    /// Answers a request that came over a connection from `peer`.
    pub(crate) async fn answer(self: Arc<Self>, mut request: Request<Body>, peer: Peer) -> Response<Body> {
        let app = &self.app;
        let started = app.clock.now();
        let surface = self.surface(request.uri().path());
        let trusted = trusts(&app.config.server, peer.address.ip());
        // What asks every few seconds whether we live would drown the rest.
        let seen = !matches!(surface, Some(Surface::Health | Surface::Metrics));
        let trace = app.tracer.as_ref().filter(|_| seen).and_then(|tracer| {
            let wall = u64::try_from(started.nanos()).unwrap_or_default();
            tracer.begin(request.headers(), trusted, wall)
        });
        // Only traces tell it.
        let host = trace.as_ref().and_then(|_| host(&request));
        let call = Call {
            id: app.ids.next(*b"req"),
            peer: peer.address,
            local: self.address,
            tls: peer.tls,
            at: started,
            surface: surface.unwrap_or(Surface::Gateway),
            client: origin::told_client(&app.config.server, peer.address.ip(), request.headers()),
            conduct: Some(peer.conduct).filter(|_| !trusted),
            trace,
        };
        let (method, uri) = (request.method().clone(), request.uri());
        // A join code in an address opens an organisation; clients that other providers' servers shaped put it there.
        let uri = match surface {
            Some(Surface::Session) => without_code(&app.config.session.prefix, uri),
            _ => uri.clone(),
        };
        let protocol = request.version();
        let mut examined = None;
        if let Some((id, probe)) = app.doctor.called(request.headers(), started) {
            let (seen, same) = Box::pin(arrival::look(app, &call, probe, request)).await;
            request = same;
            examined = Some((id, seen));
        }
        let mut response = if protocol == Version::HTTP_2 && !speaks_http(request.uri()) {
            bad_request("The request's scheme is not that of HTTP")
        } else if request.headers().len() > app.config.limits.header_fields {
            // HTTP/2 comes here unbounded in number, though not in size.
            problem(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "too-many-headers",
                "There are too many headers",
            )
        } else {
            match surface {
                Some(Surface::ForwardAuth) => forward_auth::answer(app, &call, request).await,
                // In a box, so that the state of one question does not have room for the state of everything.
                Some(surface) => Box::pin(self.run(surface, &call, request)).await,
                None => not_found(),
            }
        };
        let outcome = response.extensions_mut().remove::<Outcome>().unwrap_or_default();
        let micros = since(app, started);
        // What another proxy asked about is told in place of the question.
        let asked = response.extensions_mut().remove::<Asked>();
        let client = asked.as_ref().and_then(|asked| asked.client).unwrap_or(call.told());
        let status = asked.as_ref().and_then(|asked| asked.status).unwrap_or(response.status().as_u16());
        if let Some((id, seen)) = examined {
            app.doctor.keep(&id, seen, &outcome, status);
        }
        let seconds = std::time::Duration::from_micros(micros).as_secs_f64();
        app.metrics.count(&call, &outcome, status, seconds);
        app.used(&outcome, started, client);
        let answered = response.status().as_u16();
        let told = Told { method, uri, asked, protocol, client, status, answered, host, micros };
        app.verdicts.note(&call, &outcome, &told);
        let line = Line { app: Arc::clone(app), call, outcome, told };
        line.follow(response)
    }

    /// Whether somebody at this address may connect. Trusted proxies carry everybody's requests: they always may.
    pub(crate) fn door(&self, address: IpAddr) -> Door {
        let (server, limits) = (&self.app.config.server, &self.app.config.limits);
        if trusts(server, address) {
            return Door::Open;
        }
        let network = Network::from(address);
        if limits.failures().is_some_and(|rate| !self.app.limiter.may_connect(network, rate)) {
            return Door::Shut;
        }
        match limits.connections_per_address {
            0 => Door::Open,
            most => Door::Counted(network, most),
        }
    }

    /// Counts a connection that came to nothing.
    pub(crate) fn turned_away(&self, address: IpAddr, why: Away) {
        let app = &self.app;
        let limit = match why {
            Away::Many => "connections-per-address",
            Away::Spent => "connections-after-failures",
            Away::Handshake => {
                // As costly as the checks of a proof that failed.
                if let Some(rate) =
                    app.config.limits.failures().filter(|_| !trusts(&app.config.server, address))
                {
                    app.limiter.failed(Purse::Enforced(Network::from(address)), 1, rate);
                }
                return;
            }
        };
        app.metrics.limited(limit);
        app.limiter.tell(limit, address);
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
        if here(Surface::Jwks) && crate::surface::path::publishes(path) {
            return Some(Surface::Jwks);
        }
        if here(Surface::Acme) && path.starts_with(acme::UNDER) {
            return Some(Surface::Acme);
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
        if here(Surface::Console) && under(path, console::state::UNDER) {
            return Some(Surface::Console);
        }
        if here(Surface::Session) && self.session.is_some() {
            let rest = path.strip_prefix(app.config.session.prefix.as_str());
            if rest.is_some_and(|rest| under(rest, "/auth") || under(rest, "/subscription")) {
                return Some(Surface::Session);
            }
        }
        if here(Surface::Token) && app.token.as_ref().is_some_and(|token| token.owns(path)) {
            return Some(Surface::Token);
        }
        here(Surface::Gateway).then_some(Surface::Gateway)
    }

    async fn run(&self, surface: Surface, call: &Call, mut request: Request<Body>) -> Response<Body> {
        let app = &self.app;
        let reading = matches!(*request.method(), Method::GET | Method::HEAD);
        match surface {
            Surface::Gateway => gateway::answer(app, call, request).await,
            Surface::ForwardAuth => forward_auth::answer(app, call, request).await,
            Surface::ExtAuthz => ext_authz::answer(app, call, request).await,
            Surface::Explain => {
                // Operators ask where the management API answers.
                let own = self.named.contains(&Surface::Manage);
                explain::answer(app, call, own, request).await
            }
            Surface::Token => {
                request.extensions_mut().insert(call.clone());
                posted::answer(app, Api::Token, request).await
            }
            Surface::Jwks if reading && request.uri().path() == DIRECTORY => jwks::directory(app),
            Surface::Jwks if reading => jwks::answer(app),
            Surface::Acme if reading => acme::answer(app, request.uri().path()),
            Surface::Health if reading && request.uri().path() == health::LIVE => health::live(),
            Surface::Health if reading => health::ready(app).await,
            Surface::Metrics if reading => health::metrics(app).await,
            Surface::Session | Surface::Manage | Surface::Console => {
                // Routers hand on the request alone.
                request.extensions_mut().insert(call.clone());
                request.extensions_mut().insert(console::state::Here { manages: self.manage.is_some() });
                let router = match surface {
                    Surface::Session => &self.session,
                    Surface::Manage => &self.manage,
                    _ => &self.console,
                };
                mounted(router.as_ref(), request).await
            }
            Surface::Jwks | Surface::Health | Surface::Metrics | Surface::Acme => {
                problem(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Only GET is taken here")
            }
        }
    }
}

/// Whether a request's target names HTTP's own schemes, or none. HTTP/2 lets callers write any, and an empty one.
fn speaks_http(uri: &Uri) -> bool {
    uri.scheme_str().is_none_or(|scheme| scheme == "http" || scheme == "https")
}

/// The host that a request was sent to, as far as it is one line.
fn host(request: &Request<Body>) -> Option<Box<str>> {
    let told = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    told.or(request.uri().authority().map(|authority| authority.as_str())).map(Into::into)
}

/// Microseconds since then; a clock that stepped back took no time.
fn since(app: &App, started: Time) -> u64 {
    let nanos = app.clock.now().nanos().saturating_sub(started.nanos());
    u64::try_from(nanos).map_or(0, |nanos| nanos / 1000)
}

/// A request whose line is written when nothing of it is left.
struct Line {
    app: Arc<App>,
    call: Call,
    outcome: Outcome,
    told: Told,
}

impl Line {
    /// Goes with what comes from an upstream until its end; writes what we answer ourselves at once.
    fn follow(self, mut response: Response<Body>) -> Response<Body> {
        if let Some(tunnel) = response.extensions_mut().remove::<Waiting>().and_then(|waiting| waiting.take())
        {
            tokio::spawn(async move {
                tunnel.run().await;
                drop(self);
            });
            return response;
        }
        let Some(trip) = &self.outcome.trip else {
            return response;
        };
        if response.body().is_end_stream() || trip.micros().is_none() {
            return response;
        }
        response.map(|body| Body::new(Logged { body, _line: self }))
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // What is not followed is over with its head.
        let over = self.outcome.trip.is_none();
        let total = || if over { self.told.micros } else { since(&self.app, self.call.at) };
        log_request(&self.call, &self.outcome, &self.told, total);
        if let (Some(tracer), Some(trace)) = (&self.app.tracer, &self.call.trace) {
            let named = self.outcome.route.as_deref().and_then(|name| self.app.routes.named(name));
            let route = named.map(|place| place.route.path.as_str());
            finish(tracer, trace, &self.call, &self.outcome, &self.told, route);
        }
    }
}

/// An answer's body that takes its line along.
struct Logged {
    body: Body,
    _line: Line,
}

impl HttpBody for Logged {
    type Data = bytes::Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

async fn mounted(router: Option<&Router>, request: Request<Body>) -> Response<Body> {
    match router {
        // A router answers everything; its error type has no values.
        Some(router) => router.clone().oneshot(request).await.unwrap_or_else(|never| match never {}),
        None => not_found(),
    }
}
