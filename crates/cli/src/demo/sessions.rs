//! The demo's spacetime session: challenge, token, refresh and logout, and the ways in which they are misused.
use super::callers::Callers;
use super::cases::{bare, tampered};
use super::stage::{ACCEPTED, Answer, Stage};
use crate::exit::{Done, Failure};
use crate::member::{at, put};
use crate::world;
use bytes::Bytes;
use countersign_client::signer::RequestSigner;
use countersign_client::tokens::Tokens;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request};
use serde_json::{Value, json};

const NAME: &str = "spacetime";

pub(crate) async fn play(stage: &mut Stage, callers: &Callers) -> Done {
    let me = callers.spacetime.signer(&[])?;
    let code = code(stage, &me).await?;
    let answered = me.answer(&code, world::now()).map_err(Failure::ours)?;
    let other = callers.spacetime.with_key(&callers.strange_ed25519).signer(&[])?;
    let strange = other.answer(&self::code(stage, &me).await?, world::now()).map_err(Failure::ours)?;
    stage
        .judge(NAME, "sign-in with a wrong key", "key-not-for-dialect", call(stage, "token", strange, None)?)
        .await?;
    let mut broken: Value = serde_json::from_str(&answered).map_err(Failure::ours)?;
    put(&mut broken, "signature", Value::from("00".repeat(64)));
    let tampered_answer = call(stage, "token", broken.to_string(), None)?;
    stage.judge(NAME, "sign-in, signature changed", "bad-signature", tampered_answer).await?;

    let code = self::code(stage, &me).await?;
    let answered = me.answer(&code, world::now()).map_err(Failure::ours)?;
    let sign_in = call(stage, "token", answered, None)?;
    let opened = stage.judge(NAME, "good sign-in", ACCEPTED, sign_in.clone()).await?;
    stage.judge(NAME, "the same challenge again", "replayed", sign_in).await?;
    let tokens = tokens(&opened)?;

    let good = with(bare(stage, NAME, "GET", "/sql", "")?, tokens.access())?;
    stage.judge(NAME, "good request", ACCEPTED, good.clone()).await?;
    let changed = tampered(good.clone(), "demo-user", "boss-user")?;
    stage.judge(NAME, "access token changed", "bad-signature", changed).await?;
    let wrong = with(bare(stage, NAME, "GET", "/sql", "")?, tokens.refresh())?;
    stage.judge(NAME, "refresh token for a request", "wrong-token-type", wrong).await?;
    stage.judge(NAME, "no credentials", "missing-credentials", bare(stage, NAME, "GET", "/sql", "")?).await?;
    let wrong = call(stage, "refresh", String::new(), Some(tokens.access()))?;
    stage.judge(NAME, "access token for a refresh", "wrong-token-type", wrong).await?;

    let refresh = call(stage, "refresh", String::new(), Some(tokens.refresh()))?;
    let refreshed = stage.judge(NAME, "good refresh", ACCEPTED, refresh.clone()).await?;
    let fresh = self::tokens(&refreshed)?;
    stage.judge(NAME, "old refresh token again", "session-ended", refresh).await?;
    let ended = with(bare(stage, NAME, "GET", "/sql", "")?, fresh.access())?;
    stage.judge(NAME, "request after that", "session-ended", ended).await?;

    let code = self::code(stage, &me).await?;
    let answered = me.answer(&code, world::now()).map_err(Failure::ours)?;
    let opened = stage.send(call(stage, "token", answered, None)?).await?;
    let tokens = self::tokens(&opened)?;
    let logout = call(stage, "logout", String::new(), Some(tokens.access()))?;
    stage.judge(NAME, "logout", ACCEPTED, logout).await?;
    let after = with(bare(stage, NAME, "GET", "/sql", "")?, tokens.access())?;
    stage.judge(NAME, "request after logout", "session-ended", after).await?;
    Ok(())
}

/// Asks for a challenge.
async fn code(stage: &Stage, me: &RequestSigner) -> Result<String, Failure> {
    let ask = json!({ "userId": me.identifier() }).to_string();
    let answer = stage.send(call(stage, "code", ask, None)?).await?;
    let value: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    at(&value, "authCode").as_str().map(str::to_owned).ok_or_else(|| {
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        Failure::ours(format!("wanted a challenge from the session API, found {}: {said}", answer.status))
    })
}

fn tokens(answer: &Answer) -> Result<Tokens, Failure> {
    Tokens::read(&answer.body).ok_or_else(|| {
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        Failure::ours(format!("wanted a session's tokens, found {}: {said}", answer.status))
    })
}

/// A call of the session API.
fn call(stage: &Stage, step: &str, body: String, bearer: Option<&str>) -> Result<Request<Bytes>, Failure> {
    let mut request = Request::post(format!("{}/v1/auth/{step}", stage.base))
        .body(Bytes::from(body))
        .map_err(Failure::ours)?;
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    match bearer {
        Some(token) => with(request, token),
        None => Ok(request),
    }
}

fn with(mut request: Request<Bytes>, token: &str) -> Result<Request<Bytes>, Failure> {
    let value = HeaderValue::try_from(format!("Bearer {token}")).map_err(Failure::ours)?;
    request.headers_mut().insert(AUTHORIZATION, value);
    Ok(request)
}
