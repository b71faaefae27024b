//! The gRPC service `envoy.service.auth.v3.Authorization`: takes one call apart, has it decided, frames the answer.
use crate::wire::{CheckRequest, CheckResponse};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Request, Response, Version};
use http_body_util::Full;
use prost::Message;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, UnaryService};
use tonic::{Code, Status};

/// Where Envoy asks.
pub const PATH: &str = "/envoy.service.auth.v3.Authorization/Check";

/// The message is none that Envoy sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

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

/// Answers a call that was read whole. `decide` gets the question; what it calls malformed becomes a gRPC status, and Envoy
/// fails the request as its `failure_mode_allow` says.
pub async fn answer<'d, F, A>(call: Request<Bytes>, decide: F) -> Response<tonic::body::Body>
where
    F: FnOnce(CheckRequest) -> A + Send + 'd,
    A: Future<Output = Result<CheckResponse, Malformed>> + Send + 'd,
{
    let most = call.body().len();
    let mut grpc = Grpc::new(Messages).max_decoding_message_size(most);
    grpc.unary(Deciding(Some(decide), PhantomData), call.map(Full::new)).await
}

/// Answers a call whose message was not read.
pub async fn reply(response: CheckResponse) -> Response<tonic::body::Body> {
    // One frame that is not compressed and has no bytes: an empty message, which nobody looks at.
    answer(Request::new(Bytes::from_static(&[0; 5])), |_| async move { Ok(response) }).await
}

/// Hands the one question of a call over.
struct Deciding<'d, F>(Option<F>, PhantomData<&'d ()>);

impl<'d, F, A> UnaryService<Option<CheckRequest>> for Deciding<'d, F>
where
    F: FnOnce(CheckRequest) -> A + Send + 'd,
    A: Future<Output = Result<CheckResponse, Malformed>> + Send + 'd,
{
    type Response = CheckResponse;
    type Future =
        Pin<Box<dyn Future<Output = Result<tonic::Response<CheckResponse>, Status>> + Send + 'd>>;

    fn call(&mut self, request: tonic::Request<Option<CheckRequest>>) -> Self::Future {
        let decide = self.0.take();
        Box::pin(async move {
            let check = request.into_inner();
            let check = check.ok_or_else(|| malformed("the message is no CheckRequest"))?;
            let decide = decide.ok_or_else(|| malformed("a call asks once"))?;
            decide(check).await.map(tonic::Response::new).map_err(|Malformed(why)| malformed(why))
        })
    }
}

fn malformed(why: &'static str) -> Status {
    Status::new(Code::InvalidArgument, why)
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

    async fn status(response: Response<tonic::body::Body>) -> (Option<String>, Bytes) {
        let in_head = response.headers().get("grpc-status").cloned();
        let collected = response.into_body().collect().await.unwrap();
        let status = in_head.or_else(|| collected.trailers()?.get("grpc-status").cloned());
        (status.map(|status| status.to_str().unwrap().to_owned()), collected.to_bytes())
    }

    #[tokio::test]
    async fn a_question_is_answered() {
        let question = CheckRequest { attributes: Some(crate::wire::Attributes::default()) };
        let call = Request::new(framed(&question.encode_to_vec()));
        let response = answer(call, |asked| {
            assert_eq!(asked, question);
            async { Ok(pass(&HeaderMap::new(), &[])) }
        });
        let (status, body) = status(response.await).await;
        assert_eq!(status.as_deref(), Some("0"));
        let message = CheckResponse::decode(body.slice(5..)).unwrap();
        assert_eq!(message, pass(&HeaderMap::new(), &[]));
        let (replied, body) = self::status(reply(pass(&HeaderMap::new(), &[])).await).await;
        assert_eq!((replied.as_deref(), body.len() > 5), (Some("0"), true));
    }

    #[tokio::test]
    async fn what_is_no_message_is_never_answered_with_a_pass() {
        let cut = framed(b"abc").slice(..6);
        let compressed: Bytes = [&[1_u8, 0, 0, 0, 1][..], b"x"].concat().into();
        let longer = framed(b"").slice(..4);
        for bytes in [framed(b"\xff\xff"), framed(b"\x0a\x7f"), cut, compressed, longer, Bytes::new()] {
            let response =
                answer(Request::new(bytes.clone()), |_| async { Ok(pass(&HeaderMap::new(), &[])) });
            let (status, _) = status(response.await).await;
            assert!(status.as_deref().is_some_and(|code| code != "0"), "{bytes:?}: {status:?}");
        }
        let response =
            answer(Request::new(framed(b"")), |_| async { Err(Malformed("the check has no attributes")) });
        assert_eq!(status(response.await).await.0.as_deref(), Some("3"));
    }
}
