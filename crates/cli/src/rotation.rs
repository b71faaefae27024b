//! `countersign key rotate`: the next key comes in, the old one goes on for a while, and nobody stops before the last user has changed.
use crate::asker::{Asker, AskerArgs};
use crate::exit::{Done, Exit, Failure};
use crate::manage::{segment, text};
use crate::member::{at, put};
use crate::pair::{beside, make_pair};
use crate::print::{Out, plain};
use crate::quiet::{self, Quiet};
use crate::registered::{possession, signed};
use crate::terminal;
use crate::used::{instant, told};
use crate::{keyring, world};
use clap::Args;
use countersign::time::Span;
use countersign_keys::{KeyKind, KeyPair, PublicKey};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Args, Debug)]
pub(crate) struct RotateArgs {
    /// The id of the old key; with --key that key itself, where it is left out.
    #[arg(required_unless_present = "own_key")]
    key: Option<String>,
    /// The file with the new public key.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["new", "pair"])]
    file: Option<PathBuf>,
    /// The file with the new private key, of a pair that is there already; the server is given its public half.
    #[arg(long, value_name = "FILE", conflicts_with = "new")]
    pair: Option<PathBuf>,
    /// The file with that key's passphrase.
    #[arg(long, value_name = "FILE", requires = "pair")]
    pair_passphrase_file: Option<PathBuf>,
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
    asker: AskerArgs,
}

/// The key that is to come.
struct Next {
    public: PublicKey,
    /// Its private half, where it is at hand.
    pair: Option<Arc<dyn KeyPair>>,
    /// Where it was written just now.
    made: Option<PathBuf>,
}

pub(crate) fn run(args: &RotateArgs, out: Out) -> Done {
    span("--keep", &args.keep)?;
    let quiet = span("--quiet", &args.quiet)?;
    let patience = args.patience.as_deref().map(|text| span("--patience", text)).transpose()?;
    if args.asker.is_owner() && args.file.is_some() {
        let text = "--file: wanted the new key with its private half, since the server wants that one's proof from an owner";
        return Err(Failure::usage(text)
            .next("name the private key with --pair FILE, or have a pair made with --new FILE"));
    }
    world::run(async {
        let mut asker = args.asker.open(None).await?;
        let done = rotate(args, quiet, patience, &mut asker, out).await;
        asker.leave().await;
        done
    })
}

async fn rotate(args: &RotateArgs, quiet: Span, patience: Option<Span>, asker: &mut Asker, out: Out) -> Done {
    let attended = terminal::is_attended() && !out.json;
    let id = match (&args.key, &*asker) {
        (Some(key), _) => key.clone(),
        (None, Asker::Owner(owner)) => owner.key().to_owned(),
        (None, Asker::Operator(_)) => {
            return Err(Failure::usage("wanted the id of the old key; name it, or give it with --key"));
        }
    };
    let old = asker.key(&id).await?;
    replaceable(&old, args)?;
    let next = next_key(args, &old, attended)?;
    let sent = ask(args, asker, &old, &next).await;
    let mut done = sent.map_err(|failure| next.given_up(failure))?;
    let (key, retiring) = (at(&done, "key").clone(), at(&done, "retiring").clone());
    if at(&key, "state") == "pending" {
        return awaiting(&id, &key, next.made.as_deref(), &done, out);
    }
    let line = format!(
        "{} is taken from now on; {id} {}\n",
        plain(text(&key, "id")?),
        plain(&fate(&retiring, &args.keep))
    );
    if !args.wait && !attended {
        return out.show(&done, || line);
    }
    if !out.json {
        Out::line(&line)?;
        if let Some(file) = &next.made {
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
    // Looking on is no use of the old key.
    if let Some(pair) = &next.pair {
        asker.turn_to(Arc::clone(pair)).await;
    }
    let Quiet { last, ended } = quiet::wait(asker, &id, quiet, patience).await?;
    put(&mut done, "last_use", last.clone());
    out.show(&done, || match (ended, at(&last, "address").as_str()) {
        (true, _) => format!("{id} counts no more: {}.\n", told(&last)),
        (false, Some(_)) => {
            format!("{id} is quiet: {}.\nnext  countersign key revoke {id}\n", told(&last))
        }
        (false, None) => format!("{id} is quiet: it was never used.\nnext  countersign key revoke {id}\n"),
    })
}

/// Has the server put the next key into the old one's place.
async fn ask(args: &RotateArgs, asker: &mut Asker, old: &Value, next: &Next) -> Result<Value, Failure> {
    let (account, id) = (text(old, "account")?, text(old, "id")?);
    let proof = match &args.prove {
        Some(file) => {
            let key = keyring::key_pair(file, args.prove_passphrase_file.as_deref())?;
            Some(proof(asker, &key, old, &next.public).await?)
        }
        None => None,
    };
    let mut new = json!({ "public": next.public.to_pem() });
    if let Some(label) = &args.label {
        put(&mut new, "label", label.as_str());
    }
    if let (Asker::Owner(owner), Some(pair)) = (&*asker, &next.pair) {
        put(&mut new, "possession", possession(&**pair, account, owner.now())?);
    }
    let body = json!({ "new": new, "overlap": args.keep, "old_proof": proof });
    match asker {
        Asker::Operator(api) => {
            api.post(&format!("/accounts/{}/keys/{}/rotate", segment(account), segment(id)), &body).await
        }
        Asker::Owner(owner) => owner.post(&format!("keys/{}/rotate", segment(id)), &body).await,
    }
}

/// A key is replaced once: said before a new pair is made for nothing. The server decides.
fn replaceable(old: &Value, args: &RotateArgs) -> Done {
    let (id, state) = (text(old, "id")?, text(old, "state")?);
    let (why, next) = match state {
        "retiring" => {
            let until = at(old, "until").as_str().unwrap_or_default();
            let why = format!("wanted a key that was not replaced yet; {id} retires until {until} already");
            (
                why,
                "rotate the key that came after it, or register another one; `countersign key list` shows what there is",
            )
        }
        // A key that is kept for recovery may vouch for it.
        "revoked" if args.prove.is_some() => return Ok(()),
        "pending" | "revoked" => (
            format!("wanted a key that is in use; {id} is {state}"),
            "register another key, or choose one that is in use; `countersign key list` shows what there is",
        ),
        _ => return Ok(()),
    };
    Err(Failure::new(Exit::Conflict, why).next(next))
}

/// What becomes of the old key.
fn fate(old: &Value, keep: &str) -> String {
    let (until, expires) = (at(old, "until"), at(old, "expires"));
    match (at(old, "state").as_str(), instant(until), instant(expires)) {
        (Some("retiring"), Some(end), Some(expiry)) if expiry < end => {
            format!(
                "until {}, when it expires; that is before the {keep} are over",
                expires.as_str().unwrap_or_default()
            )
        }
        (Some("retiring"), ..) => format!("until {}", until.as_str().unwrap_or_default()),
        (state, ..) => format!("stays {}", state.unwrap_or("as it is")),
    }
}

/// Says that the new key waits. Nobody must sign with it until it counts, so that is no success for whoever goes by exit codes.
fn awaiting(old: &str, key: &Value, made: Option<&Path>, done: &Value, out: Out) -> Done {
    let new = plain(text(key, "id")?);
    let file = made.map_or_else(String::new, |file| format!(", whose private half is {}", file.display()));
    out.show(done, || format!("{new} waits for an operator's approval; {old} goes on as it is\n"))?;
    let text = format!(
        "{new}{file}, waits for an operator's approval and counts nowhere yet; {old} goes on as it is"
    );
    Err(Failure::new(Exit::Awaiting, text).next(format!(
        "go on signing with the old key; when an operator has approved the new one (`countersign key enable {new}`), sign with that, and \
         revoke the old one: `countersign key revoke {old}`"
    )))
}

impl Next {
    /// After a refusal the pair that was made for it is taken away; where nobody knows what the server did, it stays.
    fn given_up(&self, failure: Failure) -> Failure {
        let Some(file) = &self.made else { return failure };
        let refused =
            !matches!(failure.exit, Exit::Unreachable | Exit::Failed | Exit::Closed | Exit::Interrupted);
        let public = beside(file);
        if refused && [file, &public].into_iter().all(|file| std::fs::remove_file(file).is_ok()) {
            return failure;
        }
        let next = format!(
            "the new pair is kept in {} and {}: see with `countersign key list` whether it was registered; if not, go on with \
             --pair {0} in place of --new",
            file.display(),
            public.display()
        );
        let next = failure.next.as_ref().map_or(next.clone(), |first| format!("{first}; {next}"));
        failure.next(next)
    }
}

/// The new key: from a file, made here, or asked for.
fn next_key(args: &RotateArgs, old: &Value, attended: bool) -> Result<Next, Failure> {
    let public_of =
        |pair: &dyn KeyPair| PublicKey::from_spki_der(pair.public_key().spki_der()).map_err(Failure::failed);
    if let Some(file) = &args.file {
        return Ok(Next { public: keyring::public_key(file)?.key, pair: None, made: None });
    }
    if let Some(file) = &args.pair {
        let pair = keyring::key_pair(file, args.pair_passphrase_file.as_deref())?;
        return Ok(Next { public: public_of(&*pair)?, pair: Some(pair), made: None });
    }
    let file = match &args.new {
        Some(file) => file.clone(),
        None if attended => {
            terminal::ask("A new key pair is made here. Its private key goes into", "next.pem")
                .map(PathBuf::from)?
        }
        None => {
            return Err(Failure::usage(
                "wanted the new key; name the file with the public key with --file FILE, a pair with --pair FILE, or have one made with \
                 --new FILE",
            ));
        }
    };
    let kind =
        KeyKind::ALL.iter().copied().find(|kind| *at(old, "kind") == kind.name()).unwrap_or(KeyKind::Ed25519);
    let bits = at(old, "bits").as_u64().and_then(|bits| u32::try_from(bits).ok()).unwrap_or(0);
    let bits = if kind == KeyKind::Rsa { bits.max(3072) } else { 0 };
    let pair = make_pair(kind, bits, &file)?;
    Ok(Next { public: public_of(&pair)?, pair: Some(Arc::new(pair)), made: Some(file) })
}

/// What the server wants to see where a key's holder asks for its successor; `openapi.json` says what is signed.
async fn proof(asker: &mut Asker, key: &dyn KeyPair, old: &Value, new: &PublicKey) -> Result<Value, Failure> {
    let (account, id) = (text(old, "account")?, text(old, "id")?);
    let own = key.public_key().fingerprints().spki_sha256_hex;
    let keys = asker.keys(account).await?;
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
    let time = match asker {
        Asker::Owner(owner) => owner.now(),
        Asker::Operator(_) => world::now().seconds(),
    };
    let new = new.fingerprints().spki_sha256_hex;
    let text = format!("countersign key rotation 1\n{account}\n{id}\n{new}\n{time}");
    Ok(json!({ "key": at(signer, "id"), "time": time, "signature": signed(key, &text)? }))
}

fn span(flag: &str, text: &str) -> Result<Span, Failure> {
    Span::parse(text)
        .ok_or_else(|| Failure::usage(format!("{flag}: wanted a time such as 7d, 12h or 0s, found {text:?}")))
}
