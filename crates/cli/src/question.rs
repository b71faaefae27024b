//! Asks a server how it would judge a captured request; whoever proves a key of the account is told everything.
use crate::captured::Captured;
use crate::exit::{Exit, Failure};
use crate::manage::is_here;
use crate::member::at;
use crate::world;
use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use countersign::base64::encode_hex;
use countersign_keys::{KeyPair, sha256};
use serde_json::{Value, json};
use std::time::Duration;

/// How long the server may take: it may try several keys and spellings.
const PATIENCE: Duration = Duration::from_secs(30);

/// The server's explanation of a request; `signed` is what its caller signed, `key` one of the account's.
pub(crate) async fn ask(
    server: &str,
    captured: &Captured,
    signed: Option<&[u8]>,
    key: Option<&dyn KeyPair>,
) -> Result<Value, Failure> {
    let url = format!("{}/explain", server.trim_end_matches('/'));
    let wrong =
        || Failure::usage(format!("--ask: wanted an address such as https://api.example, found {server:?}"));
    let address = reqwest::Url::parse(&url).map_err(|_| wrong())?;
    let host = address.host_str().ok_or_else(wrong)?;
    // As the Host header will have it.
    let authority = address.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let question = question(captured, signed)?.to_string();
    let mut builder =
        reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none());
    if is_here(server) {
        builder = builder.no_proxy();
    }
    let mut request = builder.build().map_err(Failure::ours)?.post(address);
    if let Some(key) = key {
        let print = key.public_key().fingerprints().spki_sha256_hex;
        let time = world::now().seconds().to_string();
        let digest = encode_hex(&sha256(&[question.as_bytes()]));
        let text =
            format!("countersign explain 2\n{}\n{print}\n{time}\n{digest}", authority.to_ascii_lowercase());
        let signature =
            key.sign(key.public_key().kind().usual_algorithm(), text.as_bytes()).map_err(Failure::failed)?;
        request = request
            .header("countersign-explain-key", print)
            .header("countersign-explain-time", time)
            .header("countersign-explain-signature", Base64UrlUnpadded::encode_string(&signature));
    }
    let unreachable = |error: reqwest::Error| {
        Failure::new(Exit::Unreachable, format!("{url}: {error}"))
            .next("is the address right, and does the server run?")
    };
    let answer = request.header("content-type", "application/json").body(question).send().await;
    let answer = answer.map_err(unreachable)?;
    let status = answer.status();
    let body = answer.text().await.map_err(unreachable)?;
    let told: Option<Value> = serde_json::from_str(&body).ok();
    match told {
        Some(told) if status.is_success() => Ok(told),
        Some(told) => {
            let said =
                [at(&told, "title"), at(&told, "detail")].map(|part| part.as_str().unwrap_or_default());
            let next = match status.as_u16() {
                429 => "wait a moment and ask again",
                404 => "does a listener there have the surface explain?",
                _ => {
                    "is the capture whole, and its address one that a route of the server takes? judge it here instead, without --ask"
                }
            };
            Err(Failure::failed(format!("{url}: {status}: {}", said.join(" ").trim())).next(next))
        }
        None => Err(Failure::new(
            Exit::Unreachable,
            format!("{url} answered {status} with no JSON; does a listener there have the surface explain?"),
        )),
    }
}

fn question(captured: &Captured, signed: Option<&[u8]>) -> Result<Value, Failure> {
    let mut headers = Vec::new();
    for (name, value) in &captured.headers {
        let value = value.to_str().map_err(|_| {
            Failure::usage(format!("the header {name} of the capture holds bytes that are no text; judge it here instead, without --ask"))
        })?;
        headers.push((name.as_str(), value));
    }
    let encoded = |bytes: &[u8]| Value::from(Base64::encode_string(bytes));
    let mut question = json!({ "method": captured.method, "url": captured.url, "headers": headers });
    if let (Value::Object(members), Some(body)) = (&mut question, &captured.body) {
        members.insert("body_b64".to_owned(), encoded(body));
    }
    if let (Value::Object(members), Some(signed)) = (&mut question, signed) {
        members.insert("signed_b64".to_owned(), encoded(signed));
    }
    Ok(question)
}
