//! Sends a first request, signed as skillhive wants it.
// Cargo.toml: countersign-client (feature "reqwest"), tokio (features "macros", "rt-multi-thread"), bytes, http, getrandom
use countersign_client::{ambient::Ambient, countersign::time::Time, dialects, http::Client, keys::PrivateKey, signer::RequestSigner};
use std::{error::Error, sync::Arc, time::SystemTime};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let key = Arc::new(PrivateKey::read(&std::fs::read({{key_file}})?, None)?);
    let dialect = Arc::new(dialects::load("skillhive", &{{settings}})?);
    let signer = RequestSigner::new(dialect, key, {{identifier}}).acting_as({{acting_as}});

    // Where the time and random bytes come from is the program's business.
    let now = || Time::from_seconds(SystemTime::UNIX_EPOCH.elapsed().map_or(0, |past| past.as_secs() as i64));
    let random = || {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the system has random bytes");
        bytes
    };
    let client = Client::signing(signer, Ambient::new(now, random))?;

    let request = http::Request::get({{url}}).body(bytes::Bytes::new())?;
    let answer = client.send(request, 1 << 20).await?.response;
    println!("{}", String::from_utf8_lossy(answer.body()));
    if answer.status().is_success() { Ok(()) } else { Err(answer.status().to_string().into()) }
}
