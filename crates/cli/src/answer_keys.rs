//! `countersign request --verify-answer`: whose signature an answer must have, and what the answer's signature says.
use crate::exit::{Exit, Failure};
use crate::world::{self, LONGEST_FILE};
use clap::Args;
use countersign::answer::judge::{Bound, Extent, Signed};
use countersign_client::answers::Answers;
use countersign_client::http::Client;
use reqwest::Url;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

#[derive(Args, Debug)]
pub(crate) struct AnswerArgs {
    /// Take no answer that the server did not sign to this request: its keys, in a file or at an address such as
    /// `https://api.example/.well-known/jwks.json`.
    #[arg(long, value_name = "FILE|URL")]
    verify_answer: Option<String>,
    /// With --verify-answer: take answers, too, whose body was too long to be signed.
    #[arg(long, requires = "verify_answer")]
    head_alone: bool,
}

impl AnswerArgs {
    /// The client, which then takes signed answers alone where that was asked for.
    pub(crate) fn held(&self, client: Client) -> Result<Client, Failure> {
        let Some(keys) = &self.verify_answer else { return Ok(client) };
        let document = match Url::parse(keys) {
            Ok(url) if matches!(url.scheme(), "https" | "http") => world::run(fetch(url))?,
            _ => world::read(Path::new(keys))?,
        };
        let answers = Answers::signed_with(&document)
            .map_err(|error| Failure::usage(format!("wanted a server's key set at {keys}: {error}")))?;
        Ok(client.wanting_signed(if self.head_alone { answers.or_head_alone() } else { answers }))
    }
}

/// The server's keys. Over plain HTTP anybody on the way could send his own.
async fn fetch(url: Url) -> Result<Vec<u8>, Failure> {
    let near = url.host_str().is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"));
    if url.scheme() != "https" && !near {
        return Err(Failure::usage(format!(
            "wanted the server's keys over https, found {url}; name a file, or https"
        )));
    }
    let unreachable = |error: reqwest::Error| {
        Failure::new(Exit::Unreachable, format!("the server's keys cannot be read: {error}"))
            .next("is the address right, and has one of the server's listeners the surface jwks?")
    };
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(30))
        .build()
        .map_err(Failure::failed)?;
    let mut answer =
        http.get(url).send().await.and_then(reqwest::Response::error_for_status).map_err(unreachable)?;
    let mut document = Vec::new();
    // Ends with the body, or past what a key set may have.
    while let Some(piece) = answer.chunk().await.map_err(unreachable)? {
        document.extend_from_slice(&piece);
        if u64::try_from(document.len()).unwrap_or(u64::MAX) > LONGEST_FILE {
            return Err(Failure::usage(format!(
                "the server's keys are longer than {LONGEST_FILE} bytes; is it the right address?"
            )));
        }
    }
    Ok(document)
}

/// What is told of an answer that the server signed.
pub(crate) fn described(signed: &Signed) -> Value {
    let covers = match signed.extent() {
        Extent::Whole => "whole",
        Extent::Head => "head",
    };
    let bound = match signed.bound() {
        Bound::Proof => "proof",
        Bound::Address => "address",
    };
    json!({ "key": signed.key(), "created": signed.created().seconds(), "covers": covers, "bound_to": bound })
}

/// The same in a sentence.
pub(crate) fn sentence(signed: &Signed) -> String {
    let covers = match signed.extent() {
        Extent::Whole => "",
        Extent::Head => ", without its body",
    };
    let bound = match signed.bound() {
        Bound::Proof => "the proof or token that this request carried",
        Bound::Address => "this method and address",
    };
    format!("note: the answer is signed by the server's key {}{covers}, to {bound}", signed.key())
}
