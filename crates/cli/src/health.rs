//! `countersign health`: asks a server whether it can judge, for containers that have no other program to ask with.
use crate::exit::{Done, Exit, Failure};
use crate::print::Out;
use crate::world;
use clap::Args;
use serde_json::json;
use std::time::Duration;

/// Longest answer that is read: a line for each thing that is not as it should be.
const LONGEST: usize = 64 * 1024;

#[derive(Args, Debug)]
pub(crate) struct HealthArgs {
    /// The address of a listener with the surface `health`.
    #[arg(default_value = "http://127.0.0.1:8700", value_name = "URL")]
    server: String,
    /// Seconds to wait for the answer.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=300))]
    timeout: u64,
}

pub(crate) fn run(args: &HealthArgs, out: Out) -> Done {
    let url = format!("{}/readyz", args.server.trim_end_matches('/'));
    let unreachable = |error: reqwest::Error| {
        Failure::new(Exit::Unreachable, format!("{url}: {error}"))
            .next("is `countersign serve` running? name a listener with the surface health, such as http://127.0.0.1:8700")
    };
    let (status, body) = world::run(async {
        // A proxy of the environment stands before no server of this machine.
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(args.timeout)).build();
        let answer = http.map_err(Failure::ours)?.get(&url).send().await.map_err(unreachable)?;
        let status = answer.status();
        let body = answer.text().await.map_err(unreachable)?;
        Ok((status, body.chars().take(LONGEST).collect::<String>()))
    })?;
    if !status.is_success() {
        return Err(Failure::new(Exit::Unreachable, format!("{url}: {status}: {}", body.trim()))
            .next("the answer says what the server waits for; its log says more"));
    }
    out.show(&json!({ "ready": true, "told": body }), || body.clone())
}
