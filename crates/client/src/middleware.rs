//! The client as a middleware of reqwest: whatever an application sends through it carries a proof.
use crate::answers::Asked;
use crate::http::no_answer::NoAnswer;
use crate::http::{Client, LONGEST_REFUSAL, Next};
use ::http::{Extensions, Request as Head, Response as Answer, StatusCode};
use bytes::{Bytes, BytesMut};
use reqwest::{Request, Response, ResponseBuilderExt};
use reqwest_middleware::{Error, Middleware, Next as Onward, Result};
use std::sync::Arc;

/// Bytes of an answer that are held to check its signature: more than a server holds to make one.
const LONGEST_SIGNED: usize = 64 * 1024 * 1024;

/// Signs every request that passes, learns the clock's offset from a refusal about time and asks once more.
///
/// Put it last: what stands behind it must not change what was signed. The client below should follow no redirects
/// (`reqwest::redirect::Policy::none()`), since a proof is for one address.
///
/// # Example
/// ```
/// use countersign_client::{ambient::Ambient, countersign::time::Time, http::Client, middleware::Signing};
/// use countersign_client::{dialects, keys, signer::RequestSigner};
/// use std::sync::Arc;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let key = Arc::new(keys::PrivateKey::generate(keys::KeyKind::Ed25519, 256)?);
/// let dialect = Arc::new(dialects::load("asymmetric-jwt", &Default::default())?);
/// # let (now, random) = (|| Time::from_seconds(1_700_000_000), || [7; 16]);
/// let signing = Client::signing(RequestSigner::new(dialect, key, "guido"), Ambient::new(now, random))?;
///
/// let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
/// let http = reqwest_middleware::ClientBuilder::new(http).with(Signing::new(Arc::new(signing))).build();
/// let request = http.get("https://api.example/v1/things");
/// # drop(request);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Signing {
    client: Arc<Client>,
}

impl Signing {
    /// Proves as this client does; several may share it, and then share its clock offset and its session.
    #[must_use]
    pub fn new(client: Arc<Client>) -> Self {
        Self { client }
    }

    async fn prove(&self, request: &mut Request) -> std::result::Result<Option<String>, NoAnswer> {
        let body = match request.body().map(reqwest::Body::as_bytes) {
            None => Bytes::new(),
            Some(Some(bytes)) => Bytes::copy_from_slice(bytes),
            Some(None) if self.client.covers_body() => {
                return Err(NoAnswer::Request(
                    "this dialect signs the body, so it must be there whole: wanted bytes or a text, found a stream"
                        .to_owned(),
                ));
            }
            Some(None) => Bytes::new(),
        };
        let url = request.url().to_string();
        let mut head = Head::new(body);
        *head.method_mut() = request.method().clone();
        *head.uri_mut() = url
            .parse()
            .map_err(|error| NoAnswer::Request(format!("wanted an address, found {url}: {error}")))?;
        *head.headers_mut() = request.headers().clone();
        let token = self.client.prove(&mut head, &url).await?;
        *request.headers_mut() = std::mem::take(head.headers_mut());
        Ok(token)
    }
}

impl Signing {
    /// The answer, which the client holds against its wish that the server signs: then it is read whole first.
    async fn admit(&self, asked: &Asked, answer: Response) -> Result<Response> {
        if !self.client.wants_signed() {
            return Ok(answer);
        }
        let (answer, body) = read(answer, LONGEST_SIGNED).await?;
        let admitted = self.client.admit(asked, answer.status(), answer.headers(), &body);
        admitted.map(|_| answer).map_err(Error::middleware)
    }
}

fn asked(request: &Request) -> Asked {
    Asked {
        method: request.method().to_string(),
        url: request.url().to_string(),
        headers: request.headers().clone(),
    }
}

#[async_trait::async_trait]
impl Middleware for Signing {
    async fn handle(
        &self,
        mut request: Request,
        kept: &mut Extensions,
        onward: Onward<'_>,
    ) -> Result<Response> {
        // A body that is a stream can be sent once.
        let again = request.try_clone();
        let local = self.client.local();
        let token = self.prove(&mut request).await.map_err(Error::middleware)?;
        let asked = asked(&request);
        let first = onward.clone().run(request, kept).await?;
        let (Some(mut again), true) = (again, teaches(&first)) else {
            return self.admit(&asked, first).await;
        };
        let (first, body) = read(first, LONGEST_REFUSAL).await?;
        let (status, headers) = (first.status(), first.headers());
        let heeded = self.client.heed(Some(&asked), status, headers, &body, local, token);
        match heeded.await.map_err(Error::middleware)? {
            Next::Keep => self.admit(&asked, first).await,
            Next::AskAgain => {
                self.prove(&mut again).await.map_err(Error::middleware)?;
                let asked = self::asked(&again);
                self.admit(&asked, onward.run(again, kept).await?).await
            }
        }
    }
}

/// A refusal that says how long it is, and is short enough to be one of ours.
fn teaches(response: &Response) -> bool {
    let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&response.status());
    let longest = u64::try_from(LONGEST_REFUSAL).unwrap_or(u64::MAX);
    refused && response.content_length().is_some_and(|length| length <= longest)
}

/// Reads the body and gives it beside a response that has it still.
async fn read(mut response: Response, most: usize) -> Result<(Response, Bytes)> {
    let (status, version, url) = (response.status(), response.version(), response.url().clone());
    let headers = std::mem::take(response.headers_mut());
    let mut body = BytesMut::new();
    // Ends with the body, or past what may be held.
    while let Some(piece) = response.chunk().await? {
        body.extend_from_slice(&piece);
        if body.len() > most {
            let told = format!(
                "wanted an answer of at most {most} bytes to check its signature, found a longer one"
            );
            return Err(Error::middleware(NoAnswer::Request(told)));
        }
    }
    let body = body.freeze();
    let mut whole = Answer::builder()
        .status(status)
        .version(version)
        .url(url)
        .body(body.clone())
        .map_err(Error::middleware)?;
    *whole.headers_mut() = headers;
    Ok((whole.into(), body))
}

#[cfg(test)]
mod tests;
