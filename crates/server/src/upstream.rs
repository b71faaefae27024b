//! Sends a request that holds to its upstream and brings the answer back.
use crate::config::limits::Limits;
use crate::hop::returned;
use crate::inflow::{Inflow, Passed, ReadFault};
use crate::problem::{bad_request, problem, too_slow};
use crate::routes::Place;
use axum::body::Body;
use countersign_store::fault::Fault;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, Version};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::sync::Arc;
use std::time::Duration;

/// How long connecting to an upstream may take: it stands nearby.
const CONNECTING: Duration = Duration::from_secs(5);
/// How long an unused connection is kept; most servers close theirs after 60 seconds or more.
const UNUSED: Duration = Duration::from_secs(30);

/// The client side of the proxy, with its connections.
pub(crate) struct Upstreams {
    client: Client<HttpsConnector<HttpConnector>, Body>,
}

impl Upstreams {
    /// # Errors
    /// [`Fault`] when the TLS library cannot be set up.
    pub(crate) fn new() -> Result<Self, Fault> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_connect_timeout(Some(CONNECTING));
        http.set_nodelay(true);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let https = match HttpsConnectorBuilder::new().with_provider_and_native_roots(Arc::clone(&provider)) {
            Ok(builder) => builder.https_or_http().enable_http1().wrap_connector(http),
            Err(error) => {
                tracing::warn!(%error, "the machine has no root certificates: https upstreams will not be reached");
                let config = rustls::ClientConfig::builder_with_provider(provider)
                    .with_safe_default_protocol_versions()
                    .map_err(|error| Fault::caused("TLS cannot be set up", error))?
                    .with_root_certificates(rustls::RootCertStore::empty())
                    .with_no_client_auth();
                HttpsConnectorBuilder::new()
                    .with_tls_config(config)
                    .https_or_http()
                    .enable_http1()
                    .wrap_connector(http)
            }
        };
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(UNUSED)
            .build(https);
        Ok(Self { client })
    }

    /// Sends a request; the path's bytes are those that were judged.
    ///
    /// # Errors
    /// The answer to send when the upstream gave none.
    #[expect(
        clippy::too_many_arguments,
        reason = "one request in its parts; a struct would live for this call only"
    )]
    pub(crate) async fn send(
        &self,
        place: &Place,
        upstream: &Uri,
        method: Method,
        target: &PathAndQuery,
        headers: HeaderMap,
        body: Inflow,
        limits: Limits,
    ) -> Result<Response<Body>, Box<Response<Body>>> {
        let mut uri = upstream.clone().into_parts();
        uri.path_and_query = Some(target.clone());
        let uri =
            Uri::from_parts(uri).map_err(|_| Box::new(bad_request("the target cannot be passed on")))?;
        let (body, failed) = match body {
            Inflow::Whole(bytes) => (Body::from(bytes), None),
            Inflow::Stream(body) => {
                let (passed, failed) = Passed::new(body, limits.body_time);
                // An empty body stays empty: no framing headers appear that the caller did not send.
                (
                    if http_body::Body::is_end_stream(&passed) { Body::empty() } else { Body::new(passed) },
                    Some(failed),
                )
            }
        };
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        *request.version_mut() = Version::HTTP_11;
        let route = place.route.name.as_str();
        let answer = match tokio::time::timeout(place.route.timeout, self.client.request(request)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                return Err(Box::new(match failed.and_then(|failed| failed.how()) {
                    Some(ReadFault::TooSlow) => too_slow(),
                    Some(_) => bad_request("the body cannot be read"),
                    None => {
                        tracing::warn!(route, error = %told(&error), "the upstream gave no answer");
                        problem(
                            StatusCode::BAD_GATEWAY,
                            "bad-gateway",
                            "The service behind this address gave no answer",
                        )
                    }
                }));
            }
            Err(_) => {
                tracing::warn!(route, "the upstream took too long");
                let title = "The service behind this address took too long";
                return Err(Box::new(problem(StatusCode::GATEWAY_TIMEOUT, "gateway-timeout", title)));
            }
        };
        if answer.status().is_informational() {
            // Upgrades are not asked for, so none can be granted.
            tracing::warn!(route, "the upstream switched protocols unasked");
            let title = "The service behind this address gave no answer";
            return Err(Box::new(problem(StatusCode::BAD_GATEWAY, "bad-gateway", title)));
        }
        let mut response = answer.map(Body::new);
        *response.version_mut() = Version::HTTP_11;
        returned(response.headers_mut());
        Ok(response)
    }
}

/// An error with its causes, for the log.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
