//! The demo's requests in the four dialects that sign requests or carry tokens of their own.
use super::callers::{Caller, Callers};
use super::stage::{ACCEPTED, Stage};
use crate::exit::{Done, Failure};
use crate::world;
use bytes::Bytes;
use countersign::base64::{Alphabet, decode, encode};
use countersign::time::Span;
use countersign_keys::Algorithm;
use http::{HeaderValue, Request, header::AUTHORIZATION};

pub(crate) async fn play(stage: &mut Stage, callers: &Callers) -> Done {
    skykit(stage, callers).await?;
    skillhive(stage, callers).await?;
    asymmetric(stage, callers).await?;
    partner(stage, callers).await
}

async fn skykit(stage: &mut Stage, callers: &Callers) -> Done {
    let (name, me) = ("skykit", &callers.skykit);
    let good = signed(stage, me, "GET", "/reports?year=2026", "", &[], 0)?;
    stage.judge(name, "good", ACCEPTED, good.clone()).await?;
    stage.judge(name, "the same token again", ACCEPTED, good.clone()).await?;
    stage.judge(name, "a claim changed", "bad-signature", tampered(good, "\"exp\":1", "\"exp\":2")?).await?;
    let late = signed(stage, me, "GET", "/reports", "", &[], -7200)?;
    stage.judge(name, "expired", "expired", late).await?;
    let long = signed(stage, me, "GET", "/reports", "", &[("make_life", "2h")], 0)?;
    stage.judge(name, "lives for two hours", "lifetime-too-long", long).await?;
    let early = signed(stage, me, "GET", "/reports", "", &[], 600)?;
    stage.judge(name, "dated ten minutes ahead", "not-yet-valid", early).await?;
    let strange = me.with_key(&callers.strange_rsa);
    stage
        .judge(name, "wrong key", "bad-signature", signed(stage, &strange, "GET", "/reports", "", &[], 0)?)
        .await?;
    let nobody = Caller { identifier: "nobody@demo.example", ..me.clone() };
    stage
        .judge(name, "unknown caller", "unknown-account", signed(stage, &nobody, "GET", "/", "", &[], 0)?)
        .await?;
    stage
        .judge(name, "no credentials", "missing-credentials", bare(stage, name, "GET", "/reports", "")?)
        .await?;
    Ok(())
}

async fn skillhive(stage: &mut Stage, callers: &Callers) -> Done {
    let (name, old) = ("skillhive", callers.skillhive.with_algorithm(Algorithm::RsaSha1));
    let modern = &callers.skillhive;
    let body = r#"{"name":"Grüße","price":1.0}"#;
    let good = signed(stage, &old, "POST", "/courses?skills[]=ü", body, &[], 0)?;
    stage.judge(name, "good, SHA-1 as PHP signs", ACCEPTED, good.clone()).await?;
    stage.judge(name, "the same request again", ACCEPTED, good.clone()).await?;
    let good256 = signed(stage, modern, "POST", "/courses", body, &[], 0)?;
    stage.judge(name, "good, SHA-256", ACCEPTED, good256).await?;
    let mut other = good.clone();
    *other.body_mut() = Bytes::from_static(br#"{"name":"x","price":0.0}"#);
    stage.judge(name, "body changed", "bad-signature", other).await?;
    let mut other = good.clone();
    *other.uri_mut() = address(stage, name, "/courses/1")?;
    stage.judge(name, "address changed", "bad-signature", other).await?;
    let mut other = good;
    other.headers_mut().insert("api-user", HeaderValue::from_static("boss@demo.example"));
    stage.judge(name, "user changed", "bad-signature", other).await?;
    let boss = Caller { acting_as: Some("boss@demo.example"), ..modern.clone() };
    stage
        .judge(
            name,
            "user not delegated",
            "user-not-delegated",
            signed(stage, &boss, "GET", "/", "", &[], 0)?,
        )
        .await?;
    let strange = modern.with_key(&callers.strange_rsa);
    stage.judge(name, "wrong key", "bad-signature", signed(stage, &strange, "GET", "/", "", &[], 0)?).await?;
    stage
        .judge(name, "no credentials", "missing-credentials", bare(stage, name, "POST", "/courses", body)?)
        .await?;
    Ok(())
}

async fn asymmetric(stage: &mut Stage, callers: &Callers) -> Done {
    let (name, me) = ("asymmetric-jwt", &callers.asymmetric);
    let good = signed(stage, me, "GET", "/items", "", &[], 0)?;
    stage.judge(name, "good", ACCEPTED, good.clone()).await?;
    stage.judge(name, "the same token again", "replayed", good).await?;
    let changed = tampered(signed(stage, me, "GET", "/items", "", &[], 0)?, "\"nonce\":\"", "\"nonce\":\"x")?;
    stage.judge(name, "a claim changed", "bad-signature", changed).await?;
    stage
        .judge(name, "a minute old", "out-of-window", signed(stage, me, "GET", "/items", "", &[], -60)?)
        .await?;
    let strange = me.with_key(&callers.strange_ed25519);
    stage
        .judge(name, "wrong key", "bad-signature", signed(stage, &strange, "GET", "/items", "", &[], 0)?)
        .await?;
    stage
        .judge(name, "no credentials", "missing-credentials", bare(stage, name, "GET", "/items", "")?)
        .await?;
    Ok(())
}

async fn partner(stage: &mut Stage, callers: &Callers) -> Done {
    let (name, me) = ("partner-key", &callers.partner);
    let good = signed(stage, me, "GET", "/api/v1r1/enterprise", "", &[], 0)?;
    stage.judge(name, "good", ACCEPTED, good.clone()).await?;
    stage.judge(name, "the same token again", ACCEPTED, good.clone()).await?;
    stage
        .judge(name, "a claim changed", "bad-signature", tampered(good.clone(), "\"exp\":1", "\"exp\":2")?)
        .await?;
    stage.judge(name, "expired", "expired", signed(stage, me, "GET", "/", "", &[], -600)?).await?;
    let mut without = good.clone();
    without.headers_mut().remove("x-helplightning-api-key");
    stage.judge(name, "no API key beside it", "missing-companion", without).await?;
    let mut other = good;
    other.headers_mut().insert("x-helplightning-api-key", HeaderValue::from_static("not-the-api-key"));
    stage.judge(name, "another API key", "unknown-companion", other).await?;
    let issuer = signed(stage, me, "GET", "/", "", &[("audience", "Elsewhere")], 0)?;
    stage.judge(name, "for another audience", "wrong-audience", issuer).await?;
    let strange = me.with_key(&callers.strange_rsa);
    stage.judge(name, "wrong key", "bad-signature", signed(stage, &strange, "GET", "/", "", &[], 0)?).await?;
    stage.judge(name, "no credentials", "missing-credentials", bare(stage, name, "GET", "/", "")?).await?;
    Ok(())
}

/// A request to a dialect's route, without a proof.
pub(crate) fn bare(
    stage: &Stage,
    route: &str,
    method: &str,
    path: &str,
    body: &str,
) -> Result<Request<Bytes>, Failure> {
    let mut request = Request::new(Bytes::from(body.to_owned()));
    *request.uri_mut() = address(stage, route, path)?;
    *request.method_mut() = method.parse().map_err(Failure::ours)?;
    Ok(request)
}

/// A request with a caller's proof, signed `off` seconds from now.
fn signed(
    stage: &Stage,
    caller: &Caller,
    method: &str,
    path: &str,
    body: &str,
    settings: &[(&str, &str)],
    off: i64,
) -> Result<Request<Bytes>, Failure> {
    let mut request = bare(stage, caller.dialect, method, path, body)?;
    let url = request.uri().to_string();
    let now = world::now() + Span::from_seconds(off);
    caller.signer(settings)?.sign(&mut request, &url, now, world::random()).map_err(Failure::ours)?;
    Ok(request)
}

/// The same request with a text in its token's payload replaced, the signature as it was.
pub(crate) fn tampered(mut request: Request<Bytes>, from: &str, to: &str) -> Result<Request<Bytes>, Failure> {
    let broken = || Failure::ours("the demo's own token cannot be read");
    let value =
        request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or_else(broken)?;
    let mut parts: Vec<String> = value.split('.').map(str::to_owned).collect();
    let payload = parts.get_mut(1).ok_or_else(broken)?;
    let mut bytes = Vec::new();
    decode(Alphabet::Url, payload.as_bytes(), &mut bytes).map_err(|_| broken())?;
    let text = String::from_utf8(bytes).map_err(|_| broken())?;
    let changed = text.replacen(from, to, 1);
    if changed == text {
        return Err(broken());
    }
    *payload = encode(Alphabet::Url, changed.as_bytes());
    request
        .headers_mut()
        .insert(AUTHORIZATION, HeaderValue::try_from(parts.join(".")).map_err(Failure::ours)?);
    Ok(request)
}

/// As the client library sends it: characters that a URL does not carry are percent-encoded.
fn address(stage: &Stage, route: &str, path: &str) -> Result<http::Uri, Failure> {
    let url = reqwest::Url::parse(&format!("{}/{route}{path}", stage.base)).map_err(Failure::ours)?;
    url.as_str().parse().map_err(Failure::ours)
}
