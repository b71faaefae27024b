//! The axum extractor: who sent this request.
use crate::answer;
use crate::layer::Recognised;
use axum_core::extract::FromRequestParts;
use axum_core::response::Response;
use countersign::verified::Verified;
use http::request::Parts;
use std::sync::Arc;

/// Who sent the request; only there behind a [`crate::layer::GuardLayer`]. Without one the answer is 503, since a missing layer is
/// our mistake and must let nobody in.
#[derive(Clone, Debug)]
pub struct Caller(pub Arc<Verified>);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        match parts.extensions.get::<Recognised>() {
            Some(Recognised(verified)) => Ok(Self(Arc::clone(verified))),
            None => {
                tracing::error!("a handler asks who calls, and no guard stands before it");
                Err(answer::failed())
            }
        }
    }
}
