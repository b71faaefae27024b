//! `countersign key rotate`: the next key comes in, the old one goes on for a while, and nobody stops before the last user has changed.
use crate::exit::{Done, Exit, Failure};
use crate::manage::{Api, ManageArgs, segment, text};
use crate::member::{at, put};
use crate::pair::make_pair;
use crate::print::Out;
use crate::registered::signed;
use crate::terminal::{self, Progress};
use crate::used::{instant, told};
use crate::{keyring, world};
use clap::Args;
use countersign::time::Span;
use countersign_keys::{KeyKind, KeyPair, PublicKey};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

/// Between two looks at the old key; servers write uses every ten seconds.
const LOOK: Duration = Duration::from_secs(2);

#[derive(Args, Debug)]
pub(crate) struct RotateArgs {
    /// The id of the old key.
    key: String,
    /// The file with the new public key.
    #[arg(long, value_name = "FILE", conflicts_with = "new")]
    file: Option<PathBuf>,
    /// Makes the new key pair here, of the old one's kind: the private key goes into FILE (mode 0600), the public one into FILE.pub.
    #[arg(long, value_name = "FILE")]
    new: Option<PathBuf>,
    /// How long the old key is still taken.
    #[arg(long, default_value = "7d", value_name = "TIME")]
    keep: String,
    /// What to call the new key.
    #[arg(long)]
    label: Option<String>,
    /// The old private key, or one of the account's kept for recovery: proves that its holder wants the new one.
    #[arg(long, value_name = "KEYFILE")]
    prove: Option<PathBuf>,
    /// The file with that key's passphrase.
    #[arg(long, value_name = "FILE", requires = "prove")]
    prove_passphrase_file: Option<PathBuf>,
    /// Waits until nobody uses the old key any more; a terminal shows who still does.
    #[arg(long, overrides_with = "no_wait")]
    wait: bool,
    /// Does not wait, and does not ask whether to.
    #[arg(long)]
    no_wait: bool,
    /// How long the old key must not have been used to count as quiet.
    #[arg(long, default_value = "5m", value_name = "TIME")]
    quiet: String,
    /// How long to wait at most; without it until the old key ends.
    #[arg(long, value_name = "TIME")]
    patience: Option<String>,
    #[command(flatten)]
    manage: ManageArgs,
}

pub(crate) fn run(args: &RotateArgs, out: Out) -> Done {
    span("--keep", &args.keep)?;
    let quiet = span("--quiet", &args.quiet)?;
    let patience = args.patience.as_deref().map(|text| span("--patience", text)).transpose()?;
    let attended = terminal::is_attended() && !out.json;
    let api = args.manage.api()?;
    world::run(async {
        let old = api.get(&format!("/keys/{}", segment(&args.key))).await?;
        let (public, made) = next_key(args, &old, attended)?;
        let proof = match &args.prove {
            Some(file) => {
                let key = keyring::key_pair(file, args.prove_passphrase_file.as_deref())?;
                Some(proof(&api, &key, &old, &public).await?)
            }
            None => None,
        };
        let mut new = json!({ "public": public.to_pem() });
        if let Some(label) = &args.label {
            put(&mut new, "label", Value::from(label.as_str()));
        }
        let path =
            format!("/accounts/{}/keys/{}/rotate", segment(text(&old, "account")?), segment(&args.key));
        let mut done =
            api.post(&path, &json!({ "new": new, "overlap": args.keep, "old_proof": proof })).await?;
        // A key that was off or revoked already, and another that waits, has no such end.
        let old = at(&done, "retiring");
        let old = match at(old, "until").as_str() {
            Some(until) => format!("until {until}"),
            None => format!("is {}", text(old, "state")?),
        };
        let new =
            if *at(at(&done, "key"), "live") == true { "is taken from now on" } else { "waits for approval" };
        let line = format!("{} {new}; {} {old}\n", text(at(&done, "key"), "id")?, args.key);
        if !args.wait && !attended {
            return out.show(&done, || line);
        }
        if !out.json {
            Out::line(&line)?;
            if let Some(file) = &made {
                Out::note(&format!(
                    "The new private key is {}; give it to whoever signs, then the old one goes quiet.",
                    file.display()
                ));
            }
        }
        let wait = args.wait
            || (!args.no_wait && terminal::confirm("Wait until nobody uses the old key any more?", true)?);
        if !wait {
            return Ok(());
        }
        let last = wait_until_quiet(&api, &args.key, quiet, patience).await?;
        put(&mut done, "last_use", last.clone());
        out.show(&done, || match last.get("address").and_then(Value::as_str) {
            Some(_) => format!(
                "{} is quiet: {}.\nnext  countersign key revoke {}\n",
                args.key,
                told(&last),
                args.key
            ),
            None => format!(
                "{} is quiet: it was never used.\nnext  countersign key revoke {}\n",
                args.key, args.key
            ),
        })
    })
}

/// The new key: from a file, made here, or asked for; and where the private half went.
fn next_key(args: &RotateArgs, old: &Value, attended: bool) -> Result<(PublicKey, Option<PathBuf>), Failure> {
    if let Some(file) = &args.file {
        return Ok((keyring::public_key(file)?.key, None));
    }
    let file = match &args.new {
        Some(file) => file.clone(),
        None if attended => {
            terminal::ask("A new key pair is made here. Its private key goes into", "next.pem")
                .map(PathBuf::from)?
        }
        None => {
            return Err(Failure::usage(
                "wanted the new key; name the file with the public key with --file FILE, or have a pair made with --new FILE",
            ));
        }
    };
    let kind =
        KeyKind::ALL.iter().copied().find(|kind| *at(old, "kind") == kind.name()).unwrap_or(KeyKind::Ed25519);
    let bits = at(old, "bits").as_u64().and_then(|bits| u32::try_from(bits).ok()).unwrap_or(0);
    let bits = if kind == KeyKind::Rsa { bits.max(3072) } else { 0 };
    let pair = make_pair(kind, bits, &file)?;
    let public = PublicKey::from_spki_der(pair.public_key().spki_der()).map_err(Failure::failed)?;
    Ok((public, Some(file)))
}

/// What the server wants to see where a key's holder asks for its successor; `openapi.json` says what is signed.
async fn proof(api: &Api, key: &dyn KeyPair, old: &Value, new: &PublicKey) -> Result<Value, Failure> {
    let (account, id) = (text(old, "account")?, text(old, "id")?);
    let own = key.public_key().fingerprints().spki_sha256_hex;
    let keys = api.list(&format!("/accounts/{}/keys", segment(account))).await?;
    let signer = keys.iter().find(|key| *at(at(key, "fingerprints"), "spki_sha256_hex") == own.as_str());
    let signer = signer.ok_or_else(|| {
        Failure::new(
            Exit::Missing,
            format!(
                "--prove: wanted the private half of {id} or of a key of its account that is kept for recovery, found another key; \
                 `countersign key list {account}` shows which there are"
            ),
        )
    })?;
    let time = world::now().seconds();
    let new = new.fingerprints().spki_sha256_hex;
    let text = format!("countersign key rotation 1\n{account}\n{id}\n{new}\n{time}");
    Ok(json!({ "key": at(signer, "id"), "time": time, "signature": signed(key, &text)? }))
}

/// Waits until the key was not used for so long, or counts no more; gives its last use.
async fn wait_until_quiet(
    api: &Api,
    key: &str,
    quiet: Span,
    patience: Option<Span>,
) -> Result<Value, Failure> {
    let begun = world::now();
    let progress = Progress::new();
    // Ends with the key, or with the patience.
    loop {
        let uses = api.get(&format!("/keys/{}/uses", segment(key))).await?;
        let uses = at(&uses, "items").as_array().cloned().unwrap_or_default();
        let last = uses.first().cloned().unwrap_or(Value::Null);
        let now = world::now();
        // Who has not used it since we look may have before; a use of just now may not be written yet.
        let since = instant(&last).map_or(begun, |at| at.max(begun));
        let live = *at(&api.get(&format!("/keys/{}", segment(key))).await?, "live") == true;
        if now.since(since) >= quiet || !live {
            progress.end();
            return Ok(last);
        }
        if patience.is_some_and(|patience| now.since(begun) >= patience) {
            progress.end();
            return Err(Failure::new(
                Exit::Conflict,
                format!(
                    "{key} is not quiet yet: {}; look again with `countersign key uses {key}`, and give whoever runs there the new key",
                    told(&last)
                ),
            ));
        }
        let recent = uses.iter().filter(|one| instant(one).is_some_and(|at| now.since(at) < quiet));
        let places: Vec<String> = recent.map(told).collect();
        progress.tell(&if places.is_empty() {
            format!("{key}: no use for {} s of {} s", now.since(since).seconds(), quiet.seconds())
        } else {
            format!("{key} is still used: {}", places.join("; "))
        });
        tokio::time::sleep(LOOK).await;
    }
}

fn span(flag: &str, text: &str) -> Result<Span, Failure> {
    Span::parse(text)
        .ok_or_else(|| Failure::usage(format!("{flag}: wanted a time such as 7d, 12h or 0s, found {text:?}")))
}
