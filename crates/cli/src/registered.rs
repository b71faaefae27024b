//! Keys as a server has them registered: register, list, and the moves of their life.
use crate::asker::{Asker, AskerArgs};
use crate::exit::{Done, Exit, Failure};
use crate::limits::{self, NarrowArgs};
use crate::manage::{segment, show_list, show_one, text};
use crate::member::{at, put};
use crate::print::Out;
use crate::used::told;
use crate::{keyring, world};
use base64ct::{Base64UrlUnpadded, Encoding};
use clap::Args;
use countersign_keys::{Algorithm, KeyPair};
use serde_json::{Value, json};
use std::path::PathBuf;

const COLUMNS: &[&str] =
    &["id", "label", "kind", "bits", "state", "expires", "dialects", "limits", "last_used"];

#[derive(Args, Debug)]
pub(crate) struct RegisterArgs {
    /// The account's name or id; may be left out with --key.
    #[arg(required_unless_present = "own_key")]
    account: Option<String>,
    /// The file with the public key.
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// Its private key: proves that you hold it. Wanted with --key; else it lets a key of another account stand under this one too, where
    /// the server allows it.
    #[arg(long, value_name = "KEYFILE")]
    prove: Option<PathBuf>,
    /// The file with the private key's passphrase.
    #[arg(long, value_name = "FILE", requires = "prove")]
    prove_passphrase_file: Option<PathBuf>,
    /// The dialect it is for; more with commas, or given more than once. With --key those of that key, where it is left out.
    #[arg(
        short,
        long = "dialect",
        visible_alias = "dialects",
        value_delimiter = ',',
        required_unless_present = "own_key"
    )]
    dialects: Vec<String>,
    /// What to call it.
    #[arg(long, default_value = "")]
    label: String,
    /// Narrows it to this algorithm; a weak one counts only when it is named here.
    #[arg(long = "algorithm", visible_alias = "algorithms", value_delimiter = ',')]
    algorithms: Vec<String>,
    /// Puts it away for the day on which the account's other keys are lost: it proves a rotation, and no request.
    #[arg(long)]
    recovery: bool,
    #[command(flatten)]
    narrow: NarrowArgs,
    #[command(flatten)]
    asker: AskerArgs,
}

pub(crate) fn register(args: &RegisterArgs, out: Out) -> Done {
    let public = keyring::public_key(&args.file)?.key;
    let private = args.prove.as_deref();
    let private =
        private.map(|file| keyring::key_pair(file, args.prove_passphrase_file.as_deref())).transpose()?;
    if private.as_ref().is_some_and(|private| private.public_key().spki_der() != public.spki_der()) {
        return Err(Failure::usage(format!(
            "--prove: wanted the private half of {}, found another key; name the file that belongs to it",
            args.file.display()
        )));
    }
    if args.asker.is_owner() {
        by_owner(args)?;
    }
    world::run(async {
        let mut asker = args.asker.open(args.account.as_deref()).await?;
        let done = add(args, &public.to_pem(), private.as_deref(), &mut asker, out).await;
        asker.leave().await;
        done
    })
}

/// What an owner may not ask for, and what it must bring.
fn by_owner(args: &RegisterArgs) -> Done {
    if args.recovery || args.narrow.is_given() || !args.algorithms.is_empty() {
        let text =
            "--key: wanted a plain key, found --recovery, --algorithm or a limit, which an operator gives";
        return Err(Failure::usage(text).next(
            "leave these out: the new key is narrowed as the one that you sign in with; or ask an operator",
        ));
    }
    if args.prove.is_none() {
        let text =
            "--key: wanted proof that you hold the new key's private half, as the server wants of an owner";
        return Err(Failure::usage(text).next("name that half with --prove KEYFILE"));
    }
    Ok(())
}

async fn add(
    args: &RegisterArgs,
    public: &str,
    private: Option<&dyn KeyPair>,
    asker: &mut Asker,
    out: Out,
) -> Done {
    match asker {
        Asker::Operator(api) => {
            let account = api.account(args.account.as_deref().unwrap_or_default()).await?;
            let account = text(&account, "id")?;
            let now = world::now().seconds();
            let possession = private.map(|key| possession(key, account, now)).transpose()?;
            let mut body = json!({
                "public": public,
                "label": args.label,
                "dialects": args.dialects,
                "algorithms": args.algorithms,
                "possession": possession,
                "recovery": args.recovery,
            });
            args.narrow.add_to(&mut body)?;
            let made = api.post(&format!("/accounts/{}/keys", segment(account)), &body).await?;
            show_one(at(&made, "key"), out)
        }
        Asker::Owner(owner) => {
            let now = owner.now();
            let possession = private.map(|key| possession(key, owner.account(), now)).transpose()?;
            let dialects = Some(&args.dialects).filter(|names| !names.is_empty());
            let body = json!({
                "public": public, "label": args.label, "dialects": dialects, "possession": possession,
            });
            let key = owner.post("keys", &body).await?;
            show_one(&key, out)?;
            if at(&key, "state") != "pending" {
                return Ok(());
            }
            let id = text(&key, "id")?;
            let text = format!("{id} waits for an operator's approval and counts nowhere yet");
            Err(Failure::new(Exit::Awaiting, text).next(format!(
                "have an operator approve it with `countersign key enable {id}`; `countersign key list` with the same --key shows when"
            )))
        }
    }
}

/// What the server wants to see before a key stands under a second account, and of every key that an owner brings; `openapi.json` says
/// what is signed.
pub(crate) fn possession(key: &dyn KeyPair, account: &str, time: i64) -> Result<Value, Failure> {
    let public = key.public_key();
    let fingerprint = public.fingerprints().spki_sha256_hex;
    let text = format!("countersign key possession 1\n{account}\n{fingerprint}\n{time}");
    Ok(json!({ "time": time, "signature": signed(key, &text)? }))
}

/// A key's signature over a text, as proofs made by hand carry it.
pub(crate) fn signed(key: &dyn KeyPair, text: &str) -> Result<String, Failure> {
    let strong = Algorithm::ALL.iter().find(|found| key.signs(**found) && !found.is_weak());
    let algorithm = *strong.ok_or_else(|| {
        Failure::usage(
            "--prove: this kind of key signs nothing here; wanted Ed25519, P-256, P-384, P-521 or RSA",
        )
    })?;
    let signature = key.sign(algorithm, text.as_bytes()).map_err(Failure::failed)?;
    Ok(Base64UrlUnpadded::encode_string(&signature))
}

pub(crate) fn list(account: Option<&str>, args: &AskerArgs, out: Out) -> Done {
    world::run(async {
        let mut asker = args.open(account).await?;
        let done = listed(account, &mut asker, out).await;
        asker.leave().await;
        done
    })
}

async fn listed(account: Option<&str>, asker: &mut Asker, out: Out) -> Done {
    let accounts = match (&*asker, account) {
        (Asker::Owner(_), _) => vec![Value::Null],
        (Asker::Operator(api), Some(name)) => vec![api.account(name).await?],
        (Asker::Operator(api), None) => api.list("/accounts").await?,
    };
    let mut columns = COLUMNS.to_vec();
    if account.is_none() && matches!(asker, Asker::Operator(_)) {
        columns.insert(1, "account_name");
    }
    let mut keys = Vec::new();
    for account in &accounts {
        for mut key in asker.keys(at(account, "id").as_str().unwrap_or_default()).await? {
            if !account.is_null() {
                put(&mut key, "account_name", at(account, "name").clone());
            }
            keys.push(if out.json { key } else { in_words(key) });
        }
    }
    show_list(&keys, &columns, out)
}

/// A key as a table shows it: until when it retires, what it is narrowed to, and by whom it was used last.
fn in_words(mut key: Value) -> Value {
    if let (Some(state), Some(until)) = (at(&key, "state").as_str(), at(&key, "until").as_str()) {
        let state = format!("{state} until {until}");
        put(&mut key, "state", state);
    }
    if !at(&key, "last_used").is_null() {
        let last = json!({ "address": at(&key, "last_address"), "at": at(&key, "last_used") });
        put(&mut key, "last_used", told(&last));
    }
    let limits = limits::told(&key);
    put(&mut key, "limits", limits);
    key
}

/// One registered key, with everything that is known of it.
pub(crate) fn show(key: &str, args: &AskerArgs, out: Out) -> Done {
    world::run(async {
        let mut asker = args.open(None).await?;
        let found = asker.key(key).await;
        asker.leave().await;
        show_one(&found?, out)
    })
}

/// From where a key was used.
pub(crate) fn uses(key: &str, args: &AskerArgs, out: Out) -> Done {
    world::run(async {
        let mut asker = args.open(None).await?;
        let uses = asker.uses(key).await;
        asker.leave().await;
        let items = uses?.items;
        out.show(&items, || {
            if items.is_empty() {
                return format!("{key} was not used yet; where several nodes run, the others' uses come within ten seconds\n");
            }
            items.iter().map(|one| format!("{}\n", told(one))).collect()
        })
    })
}

/// `activate`, `disable` or `revoke`.
pub(crate) fn change(key: &str, action: &str, args: &AskerArgs, out: Out) -> Done {
    world::run(async {
        let mut asker = args.open(None).await?;
        let after = asker.change(key, action).await;
        asker.leave().await;
        let after = after?;
        let line = format!("{key} is {}\n", text(&after, "state")?);
        out.show(&after, || line)
    })
}
