//! The gRPC service `envoy.service.auth.v3.Authorization`: takes one call apart, has it decided, frames the answer.
use crate::wire::{CheckRequest, CheckResponse};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Request, Response, Version};
use http_body_util::Full;
use prost::Message;
use std::future::{Ready, ready};
use tonic::body::Body;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, UnaryService};
use tonic::{Code, Status};

/// Where Envoy asks.
pub const PATH: &str = "/envoy.service.auth.v3.Authorization/Check";

/// Whether a request is a gRPC call, as far as its head tells.
///
/// # Errors
/// Says what it lacks.
pub fn is_call<B>(request: &Request<B>) -> Result<(), &'static str> {
    let kind = request.headers().get(CONTENT_TYPE).map(|kind| kind.as_bytes());
    if request.method() != Method::POST || request.version() != Version::HTTP_2 {
        return Err("gRPC calls are POST over HTTP/2");
    }
    match kind {
        Some(b"application/grpc" | b"application/grpc+proto") => Ok(()),
        _ => Err("gRPC calls have the content type application/grpc"),
    }
}

/// Takes the question out of a call that was read whole.
///
/// # Errors
/// The answer to bytes that are no message: a gRPC status, and Envoy fails the request as its `failure_mode_allow` says.
pub async fn read(call: Request<Bytes>) -> Result<CheckRequest, Response<Body>> {
    let most = call.body().len();
    let mut asked = None;
    let mut grpc = Grpc::new(Messages).max_decoding_message_size(most);
    let response = grpc.unary(Ask(&mut asked), call.map(Full::new)).await;
    match asked {
        Some(Some(check)) => Ok(check),
        Some(None) => Err(malformed("the message is no CheckRequest")),
        None => Err(response),
    }
}

/// Answers a call.
pub async fn reply(response: CheckResponse) -> Response<Body> {
    // The call's own message was read apart; one frame that is not compressed and has no bytes stands for it.
    let read = Request::new(Full::new(Bytes::from_static(&[0; 5])));
    Grpc::new(Messages).unary(Tell(Some(response)), read).await
}

/// Answers a message that Envoy would not send, with a gRPC status as [`read`] does.
#[must_use]
pub fn malformed(why: &'static str) -> Response<Body> {
    Status::new(Code::InvalidArgument, why).into_http()
}

/// Keeps what was asked; what it answers is never sent.
struct Ask<'a>(&'a mut Option<Option<CheckRequest>>);

impl UnaryService<Option<CheckRequest>> for Ask<'_> {
    type Response = CheckResponse;
    type Future = Ready<Result<tonic::Response<CheckResponse>, Status>>;

    fn call(&mut self, request: tonic::Request<Option<CheckRequest>>) -> Self::Future {
        *self.0 = Some(request.into_inner());
        ready(Err(Status::new(Code::Internal, "not decided yet")))
    }
}

/// Tells what was decided.
struct Tell(Option<CheckResponse>);

impl UnaryService<Option<CheckRequest>> for Tell {
    type Response = CheckResponse;
    type Future = Ready<Result<tonic::Response<CheckResponse>, Status>>;

    fn call(&mut self, _: tonic::Request<Option<CheckRequest>>) -> Self::Future {
        let told = self.0.take().ok_or_else(|| Status::new(Code::Internal, "a call is answered once"));
        ready(told.map(tonic::Response::new))
    }
}

/// Reads questions and writes answers. What cannot be read is `None`.
#[derive(Clone, Copy)]
struct Messages;

impl Codec for Messages {
    type Encode = CheckResponse;
    type Decode = Option<CheckRequest>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

/// Answers have about a thousand bytes.
const ANSWER: usize = 1024;

impl Encoder for Messages {
    type Item = CheckResponse;
    type Error = Status;

    fn encode(&mut self, answer: CheckResponse, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        answer.encode(out).map_err(|_| Status::internal("the answer cannot be written"))
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(ANSWER, ANSWER)
    }
}

impl Decoder for Messages {
    type Item = Option<CheckRequest>;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<Self::Item>, Status> {
        Ok(Some(CheckRequest::decode(bytes).ok()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::pass;
    use http::HeaderMap;
    use http_body_util::BodyExt;

    fn framed(message: &[u8]) -> Bytes {
        let mut bytes = vec![0];
        bytes.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(message);
        bytes.into()
    }

    async fn status(response: Response<Body>) -> (Option<String>, Bytes) {
        let in_head = response.headers().get("grpc-status").cloned();
        let collected = response.into_body().collect().await.unwrap();
        let status = in_head.or_else(|| collected.trailers()?.get("grpc-status").cloned());
        (status.map(|status| status.to_str().unwrap().to_owned()), collected.to_bytes())
    }

    #[tokio::test]
    async fn a_question_is_answered() {
        let question = CheckRequest { attributes: Some(crate::wire::Attributes::default()) };
        let call = Request::new(framed(&question.encode_to_vec()));
        assert_eq!(read(call).await.unwrap(), question);
        let (status, body) = status(reply(pass(&HeaderMap::new(), &[], &HeaderMap::new())).await).await;
        assert_eq!(status.as_deref(), Some("0"));
        let message = CheckResponse::decode(body.slice(5..)).unwrap();
        assert_eq!(message, pass(&HeaderMap::new(), &[], &HeaderMap::new()));
    }

    #[tokio::test]
    async fn what_is_no_message_is_never_answered_with_a_pass() {
        let cut = framed(b"abc").slice(..6);
        let compressed: Bytes = [&[1_u8, 0, 0, 0, 1][..], b"x"].concat().into();
        let short = framed(b"").slice(..4);
        for bytes in [framed(b"\xff\xff"), framed(b"\x0a\x7f"), cut, compressed, short, Bytes::new()] {
            let response = read(Request::new(bytes.clone())).await.unwrap_err();
            let (status, body) = status(response).await;
            assert!(status.as_deref().is_some_and(|code| code != "0"), "{bytes:?}: {status:?}");
            assert!(body.is_empty());
        }
        assert_eq!(status(malformed("the check has no attributes")).await.0.as_deref(), Some("3"));
    }

    #[test]
    fn only_grpc_is_a_call() {
        let call = |method: Method, version, kind: &'static str| {
            let request = Request::builder().method(method).version(version).header("content-type", kind);
            is_call(&request.body(()).unwrap()).is_ok()
        };
        assert!(call(Method::POST, Version::HTTP_2, "application/grpc"));
        assert!(call(Method::POST, Version::HTTP_2, "application/grpc+proto"));
        assert!(!call(Method::POST, Version::HTTP_11, "application/grpc"));
        assert!(!call(Method::GET, Version::HTTP_2, "application/grpc"));
        assert!(!call(Method::POST, Version::HTTP_2, "application/grpc-web"));
    }
}
