//! How requests go out: over which client of reqwest, signed on which thread, with which token.
use crate::http::no_answer::NoAnswer;
use crate::signer::RequestSigner;
use bytes::Bytes;
use countersign::time::Time;
use http::{HeaderValue, Request};
use std::time::Duration;

/// A server that does not answer for so long is taken for gone.
const PATIENCE: Duration = Duration::from_secs(60);

/// Signs on a thread that may wait: for a person who is asked, or for a slow device.
pub(super) async fn elsewhere(
    signer: RequestSigner,
    mut request: Request<Bytes>,
    url: String,
    now: Time,
    random: [u8; 16],
) -> Result<Request<Bytes>, NoAnswer> {
    let signed = tokio::task::spawn_blocking(move || {
        signer.sign(&mut request, &url, now, random).map(|()| request).map_err(NoAnswer::NotSigned)
    });
    signed.await.map_err(|error| NoAnswer::Request(format!("signing was broken off: {error}")))?
}

pub(super) fn transport(proxies: bool) -> Result<reqwest::Client, NoAnswer> {
    let builder = reqwest::Client::builder();
    let builder = if proxies { builder } else { builder.no_proxy() };
    builder
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
        .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(NoAnswer::Connection)
}

pub(super) fn bearer(token: &str) -> Result<HeaderValue, NoAnswer> {
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| {
        NoAnswer::Request("the access token has characters that no header carries".to_owned())
    })?;
    value.set_sensitive(true);
    Ok(value)
}
