//! `countersign console`: signs somebody in to a server's web console, by a signature to paste or a link to open.
use crate::exit::{Done, Exit, Failure};
use crate::keyring;
use crate::print::Out;
use crate::world;
use base64ct::{Base64UrlUnpadded, Encoding};
use clap::{Args, Subcommand};
use countersign_keys::{Algorithm, KeyPair};
use serde_json::{Value, json};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What a console asks to have signed begins so; nothing else is signed here.
const BEGINS: [&str; 4] = ["countersign", "console", "sign-in", "1"];
/// Seconds to wait for the server.
const PATIENCE: u64 = 20;
/// Bytes of a text to sign: a challenge and an origin have under 500.
const LONGEST: u64 = 4096;

#[derive(Subcommand, Debug)]
pub(crate) enum ConsoleCommand {
    /// Sign the text that the console shows, and print what to paste there.
    Sign {
        #[command(flatten)]
        key: KeyArgs,
        /// The text; `-` for standard input.
        text: String,
    },
    /// Print a link that opens the console, signed in as the key's account. It works once, for half an hour.
    Link {
        #[command(flatten)]
        key: KeyArgs,
        /// The address of the console's listener.
        #[arg(
            long,
            env = "COUNTERSIGN_CONSOLE",
            value_name = "URL",
            default_value = "http://127.0.0.1:8701"
        )]
        server: String,
        /// The account's name or id, where the same key stands under several accounts.
        #[arg(long, value_name = "ACCOUNT")]
        account: Option<String>,
    },
}

#[derive(Args, Debug)]
pub(crate) struct KeyArgs {
    /// The file with the private key.
    #[arg(short, long, value_name = "FILE")]
    key: PathBuf,
    /// The file with the private key's passphrase; without it, a terminal is asked.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

pub(crate) fn run(command: &ConsoleCommand, out: Out) -> Done {
    match command {
        ConsoleCommand::Sign { key, text } => sign(key, text, out),
        ConsoleCommand::Link { key, server, account } => link(key, server, account.as_deref(), out),
    }
}

fn sign(args: &KeyArgs, text: &str, out: Out) -> Done {
    let text = if text == "-" {
        let mut read = String::new();
        std::io::stdin().take(LONGEST).read_to_string(&mut read).map_err(Failure::failed)?;
        read
    } else {
        text.to_owned()
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    let [begins @ .., origin, challenge] = words.as_slice() else { return Err(no_challenge()) };
    if *begins != BEGINS {
        return Err(no_challenge());
    }
    Out::note(&format!("note: this signs you in at {origin}; do not paste it anywhere else"));
    let key = args.load()?;
    let (name, signature) = proof(&key, origin, challenge)?;
    out.show(&json!({ "key": name, "signature": signature }), || format!("{name}.{signature}\n"))
}

fn link(args: &KeyArgs, server: &str, account: Option<&str>, out: Out) -> Done {
    let key = args.load()?;
    let made = world::run(made(&key, server, account))?;
    let url = crate::manage::text(&made, "url")?.to_owned();
    out.show(&made, || format!("{url}\n"))
}

/// A link that the console at `server` makes for whoever holds the key, with the time at which it ends.
pub(crate) async fn made(key: &dyn KeyPair, server: &str, account: Option<&str>) -> Result<Value, Failure> {
    let base = server.trim_end_matches('/');
    let origin = origin(base)?;
    let print = key.fingerprints().spki_sha256_hex.clone();
    let asked = call(base, "challenge", &json!({ "identifier": account.unwrap_or(&print) })).await?;
    let challenge = crate::manage::text(&asked, "challenge")?;
    // The text is put together here: a server must not have any other text signed.
    let (key, signature) = proof(key, &origin, challenge)?;
    let proof = json!({ "challenge": challenge, "key": key, "signature": signature });
    call(base, "sign-in-link", &proof).await
}

/// The key's fingerprint, and its signature over what the console at `origin` asks.
pub(crate) fn proof(key: &dyn KeyPair, origin: &str, challenge: &str) -> Result<(String, String), Failure> {
    let public = key.public_key();
    let strong = Algorithm::ALL.iter().find(|found| key.signs(**found) && !found.is_weak());
    let algorithm = *strong.ok_or_else(|| {
        Failure::usage("this kind of key signs nothing here; wanted Ed25519, P-256, P-384, P-521 or RSA")
    })?;
    let text = format!("{}\n{origin}\n{challenge}", BEGINS.join(" "));
    let signature = key.sign(algorithm, text.as_bytes()).map_err(Failure::failed)?;
    Ok((public.fingerprints().spki_sha256_hex, Base64UrlUnpadded::encode_string(&signature)))
}

async fn call(base: &str, name: &str, body: &Value) -> Result<Value, Failure> {
    let url = format!("{base}/console/api/v1/{name}");
    let unreachable = |error: reqwest::Error| {
        Failure::new(Exit::Unreachable, format!("{url}: {error}; name the console's address with --server"))
    };
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(PATIENCE))
        .build();
    let sent = http.map_err(Failure::ours)?.post(&url).header("countersign-console", "1");
    let answer = sent
        .header("content-type", "application/json")
        .body(body.to_string())
        .send()
        .await
        .map_err(unreachable)?;
    let status = answer.status();
    let told: Value = serde_json::from_slice(&answer.bytes().await.map_err(unreachable)?).unwrap_or_default();
    if status.is_success() {
        return Ok(told);
    }
    let code = told.get("code").and_then(Value::as_str).unwrap_or("no reason");
    let next = match status.as_u16() {
        401 => "is this key registered and active? where several accounts have it, say whose with --account",
        421 => "call the console by an address that its configuration names",
        429 => "wait a moment and try again",
        _ => "does a listener with the surface `console` answer there?",
    };
    Err(Failure::new(Exit::Refused, format!("{url} refused with {status} ({code}); {next}")))
}

/// Scheme, host and port, as browsers write them.
pub(crate) fn origin(base: &str) -> Result<String, Failure> {
    let uri: http::Uri = base.parse().map_err(|_| no_address(base))?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(no_address(base));
    };
    let authority = authority.as_str().to_ascii_lowercase();
    let usual = if scheme == "https" { ":443" } else { ":80" };
    Ok(format!("{scheme}://{}", authority.strip_suffix(usual).unwrap_or(&authority)))
}

fn no_address(found: &str) -> Failure {
    Failure::usage(format!("wanted an address such as http://127.0.0.1:8701, found {found}"))
}

fn no_challenge() -> Failure {
    Failure::usage(
        "wanted the text that the console shows, which begins with \"countersign console sign-in 1\"; copy it whole, or pipe it \
         in and write - in its place",
    )
}

impl KeyArgs {
    fn load(&self) -> Result<Arc<dyn KeyPair>, Failure> {
        let path: &Path = &self.key;
        keyring::key_pair(path, self.passphrase_file.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_written_as_browsers_write_them() {
        assert_eq!(origin("https://Keys.Example:443").unwrap(), "https://keys.example");
        assert_eq!(origin("http://127.0.0.1:8701").unwrap(), "http://127.0.0.1:8701");
        assert!(origin("127.0.0.1").is_err());
    }
}
