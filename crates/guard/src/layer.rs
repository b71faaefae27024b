//! A tower layer: requests that are recognised go on with who sent them, others are answered here.
use crate::answer;
use crate::guard::{Guard, Verdict};
use crate::policy::Policy;
use bytes::Bytes;
use countersign::incoming::{Body, Incoming, Target};
use countersign::reason::Reason;
use countersign::verified::Verified;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Limited};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Carries a nonce for the next DPoP proof (RFC 9449 section 9).
const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// Who sent a request; found in its extensions behind the layer.
#[derive(Clone, Debug)]
pub struct Recognised(pub Arc<Verified>);

/// Puts a guard before a service.
#[derive(Clone)]
pub struct GuardLayer {
    guard: Arc<Guard>,
    policy: Arc<Policy>,
    scheme: Arc<str>,
    authority: Arc<str>,
}

/// A service behind a guard.
#[derive(Clone)]
pub struct Guarded<S> {
    layer: GuardLayer,
    inner: S,
}

/// The public address is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoAddress(String);

impl GuardLayer {
    /// A layer that judges by `policy`. `public` is the address callers use, such as `https://api.example.com`: dialects that sign
    /// the address are judged against it, never against what the request says of itself.
    ///
    /// # Errors
    /// [`NoAddress`] when `public` is no http address.
    pub fn new(guard: Arc<Guard>, policy: Policy, public: &str) -> Result<Self, NoAddress> {
        let target = Target::from_url(public).ok_or_else(|| NoAddress(public.to_owned()))?;
        Ok(Self {
            guard,
            policy: Arc::new(policy),
            scheme: target.scheme.into(),
            authority: target.authority.into(),
        })
    }
}

impl<S> tower_layer::Layer<S> for GuardLayer {
    type Service = Guarded<S>;
    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { layer: self.clone(), inner }
    }
}

impl<S, B, R> tower_service::Service<Request<B>> for Guarded<S>
where
    S: tower_service::Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: http_body::Body + From<Bytes> + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    R: From<Bytes> + Send + 'static,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let layer = self.layer.clone();
        // The service that was asked whether it is ready is the one that is called.
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        Box::pin(async move {
            match layer.judge(request).await {
                Ok(request) => inner.call(request).await,
                Err(answer) => Ok(*answer),
            }
        })
    }
}

impl GuardLayer {
    async fn judge<B, R>(&self, request: Request<B>) -> Result<Request<B>, Box<Response<R>>>
    where
        B: http_body::Body + From<Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
        R: From<Bytes>,
    {
        let (mut parts, body) = request.into_parts();
        let (body, seen) = if body.is_end_stream() {
            (body, Some(Bytes::new()))
        } else if self.policy.needs_body() {
            // What is signed must be read whole before it can be judged; the bound keeps a caller from filling memory.
            let Ok(read) = Limited::new(body, self.policy.limits.body).collect().await else {
                return Err(refused(&self.policy, Reason::BodyTooLarge));
            };
            let bytes = read.to_bytes();
            (B::from(bytes.clone()), Some(bytes))
        } else {
            (body, None)
        };
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let incoming = Incoming {
            method: parts.method.as_str(),
            target: Target::new(&self.scheme, &self.authority, path),
            headers: &parts.headers,
            body: match &seen {
                Some(bytes) if bytes.is_empty() => Body::Empty,
                Some(bytes) => Body::Seen(bytes),
                None => Body::Unseen,
            },
            client: None,
            challenge: None,
        };
        match self.guard.judge(&self.policy, &incoming).await {
            Ok(Verdict::Verified(verified)) => {
                parts.extensions.insert(Recognised(Arc::from(verified)));
                Ok(Request::from_parts(parts, body))
            }
            Ok(Verdict::Refused(denial)) => {
                let mut response = answer::refused(&denial.reply, denial.refusal.reason);
                let nonce = denial.nonce.as_deref().and_then(|nonce| HeaderValue::from_str(nonce).ok());
                if let Some(nonce) = nonce {
                    response.headers_mut().insert(NONCE, nonce);
                }
                Err(Box::new(response))
            }
            Ok(Verdict::Absent(reply)) => Err(Box::new(answer::refused(&reply, Reason::MissingCredentials))),
            Err(fault) => {
                tracing::error!(%fault, "cannot judge");
                Err(Box::new(answer::failed()))
            }
        }
    }
}

fn refused<R: From<Bytes>>(policy: &Policy, reason: Reason) -> Box<Response<R>> {
    Box::new(answer::refused(&policy.reply(reason), reason))
}

impl std::fmt::Display for NoAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "wanted a public address such as https://api.example.com, found {}", self.0)
    }
}

impl std::error::Error for NoAddress {}
