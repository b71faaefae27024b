//! Posts messages to one address, one after another over one connection that is kept.
use super::connect::{Dial, Sender, Unreached, roots};
use crate::config::upstream::{Protocol, Upstream};
use axum::body::Body;
use bytes::Bytes;
use countersign_store::fault::Fault;
use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri, Version};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use std::path::Path;

/// The way to one address.
pub(crate) struct Post {
    dial: Dial,
    host: HeaderValue,
    path: PathAndQuery,
    kept: Option<SendRequest<Body>>,
}

impl Post {
    /// The way to an address; nothing is connected yet.
    ///
    /// # Errors
    /// [`Fault`] when the address cannot be one, or its certificates cannot be read.
    pub(crate) fn new(address: &Uri, ca: Option<&Path>) -> Result<Self, Fault> {
        let host = address.authority().and_then(|authority| HeaderValue::try_from(authority.as_str()).ok());
        let host = host.ok_or_else(|| Fault::new(format!("{address} has no host")))?;
        let path = address.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        let roots = ca.map(roots).transpose()?;
        let settings = Upstream { protocol: Protocol::One, ..Upstream::single(address) };
        Ok(Self { dial: Dial::new(&settings, address, roots.as_ref())?, host, path, kept: None })
    }

    /// Posts one message. A kept connection that was closed meanwhile is replaced; what may have arrived is not sent again.
    ///
    /// # Errors
    /// Says why no answer came.
    pub(crate) async fn send(
        &mut self,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Response<Incoming>, String> {
        let kept = match self.kept.take() {
            Some(mut kept) => kept.ready().await.is_ok().then_some(kept),
            None => None,
        };
        let mut sender = match kept {
            Some(kept) => kept,
            None => self.connect().await?,
        };
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from(self.path.clone());
        *request.version_mut() = Version::HTTP_11;
        *request.headers_mut() = headers.clone();
        request.headers_mut().insert(HOST, self.host.clone());
        let answer = match sender.try_send_request(request).await {
            Ok(answer) => answer,
            Err(mut error) => {
                let Some(request) = error.take_message() else { return Err(error.into_error().to_string()) };
                sender = self.connect().await?;
                sender.send_request(request).await.map_err(|error| error.to_string())?
            }
        };
        self.kept = Some(sender);
        Ok(answer)
    }

    async fn connect(&self) -> Result<SendRequest<Body>, String> {
        match self.dial.connect(true).await {
            Ok(Sender::One(sender, _)) => Ok(sender),
            Ok(Sender::Two(_)) => Err("wanted HTTP/1.1, found HTTP/2".to_owned()),
            Err(Unreached::Failed(why) | Unreached::Ours(why)) => Err(why),
            Err(Unreached::TooSlow) => Err("connecting took too long".to_owned()),
        }
    }
}
