//! The way to the receiver: one push of one token (RFC 8935), bounded in everything that the other side decides.
use crate::config::webhooks::WebhooksSection;
use crate::outside::{Outside, Terms};
use crate::upstream::roots;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use serde::Deserialize;

/// Bytes of a refusal that are read.
const MOST_BYTES: usize = 4096;
/// Characters of a refusal's code that are told.
const MOST_CODE: usize = 64;

/// The receiver as the configuration has it.
pub(super) struct Receiver {
    pub(super) section: WebhooksSection,
    url: Uri,
    terms: Terms,
    client: Outside<Full<Bytes>>,
}

/// A refusal (RFC 8935 section 2.3).
#[derive(Deserialize)]
struct Refused {
    err: String,
}

impl Receiver {
    /// Reads the certificates; nothing is connected yet.
    ///
    /// # Errors
    /// Says why nothing can be sent.
    pub(super) async fn new(section: &WebhooksSection) -> Result<Self, String> {
        let url = section.url.clone().ok_or("no address is configured")?;
        let terms = Terms {
            what: "the receiver of webhooks",
            private: (section.allow_private_networks, "[webhooks] allow_private_networks"),
            http: (section.allow_http, "[webhooks] allow_http"),
        };
        let (file, timeout) = (section.ca_file.clone(), section.timeout);
        let made = tokio::task::spawn_blocking(move || {
            let authorities = file.as_deref().map(roots).transpose().map_err(|fault| fault.to_string())?;
            terms.client(authorities, timeout)
        });
        let client = made.await.map_err(|lost| lost.to_string())??;
        Ok(Self { section: section.clone(), url, terms, client })
    }

    /// Whom the tokens are for: the address without its query, which may hold a secret.
    pub(super) fn audience(&self) -> String {
        let url = &self.url;
        let authority = url.authority().map_or("", |authority| authority.as_str());
        format!("{}://{authority}{}", url.scheme_str().unwrap_or_default(), url.path())
    }

    /// Pushes a token.
    ///
    /// # Errors
    /// Says why it was not taken, or why that is not known.
    pub(super) async fn push(&self, token: String) -> Result<(), String> {
        let timeout = self.section.timeout;
        let pushed = tokio::time::timeout(timeout, self.once(token)).await;
        pushed.unwrap_or_else(|_| Err(format!("wanted an answer within {timeout:?}, found none")))
    }

    async fn once(&self, token: String) -> Result<(), String> {
        self.terms.allow(&self.url)?;
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.url.clone())
            .header(CONTENT_TYPE, "application/secevent+jwt")
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, concat!("countersign/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(Bytes::from(token)))
            .map_err(|error| error.to_string())?;
        let answer = self.client.request(request).await.map_err(|error| told(&error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let mut why = format!("wanted status 202, found {}", status.as_u16());
        if status.is_redirection() {
            why.push_str("; redirects are not followed");
        }
        if status == StatusCode::BAD_REQUEST
            && let Ok(body) = Limited::new(answer.into_body(), MOST_BYTES).collect().await
            && let Ok(Refused { err }) = serde_json::from_slice(&body.to_bytes())
        {
            // The other side's word stands in our log: nothing but letters of it.
            let plain = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
            let code: String = err.chars().filter(plain).take(MOST_CODE).collect();
            why.push_str(&format!(" with the error {code}"));
        }
        Err(why)
    }
}

/// An error with what caused it: "client error" alone helps nobody.
fn told(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}
