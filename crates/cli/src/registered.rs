//! Keys as a server has them registered: register, list, and the moves of their life.
use crate::exit::{Done, Failure};
use crate::manage::{ManageArgs, segment, show_list, show_one, text};
use crate::member::{at, put};
use crate::print::Out;
use crate::used::told;
use crate::{keyring, world};
use base64ct::{Base64UrlUnpadded, Encoding};
use clap::Args;
use countersign_keys::{Algorithm, KeyPair};
use serde_json::{Value, json};
use std::path::PathBuf;

const COLUMNS: &[&str] = &["id", "label", "kind", "bits", "state", "dialects", "last_used"];

#[derive(Args, Debug)]
pub(crate) struct RegisterArgs {
    /// The account's name or id.
    account: String,
    /// The file with the public key.
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// Its private key: proves that you hold it, so that a key of another account may stand under this one too, where the
    /// server allows it.
    #[arg(long, value_name = "KEYFILE")]
    prove: Option<PathBuf>,
    /// The file with the private key's passphrase.
    #[arg(long, value_name = "FILE", requires = "prove")]
    prove_passphrase_file: Option<PathBuf>,
    /// The dialect it is for; may be given more than once.
    #[arg(short, long = "dialect", required = true)]
    dialects: Vec<String>,
    /// What to call it.
    #[arg(long, default_value = "")]
    label: String,
    /// Narrows it to this algorithm; a weak one counts only when it is named here.
    #[arg(long = "algorithm")]
    algorithms: Vec<String>,
    /// Puts it away for the day on which the account's other keys are lost: it proves a rotation, and no request.
    #[arg(long)]
    recovery: bool,
    #[command(flatten)]
    manage: ManageArgs,
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
    let public = public.to_pem();
    let api = args.manage.api()?;
    world::run(async {
        let account = api.account(&args.account).await?;
        let possession = private.as_ref().map(|key| possession(key, text(&account, "id")?)).transpose()?;
        let body = json!({
            "public": public,
            "label": args.label,
            "dialects": args.dialects,
            "algorithms": args.algorithms,
            "possession": possession,
            "recovery": args.recovery,
        });
        let path = format!("/accounts/{}/keys", segment(text(&account, "id")?));
        show_one(at(&api.post(&path, &body).await?, "key"), out)
    })
}

/// What the server wants to see before a key stands under a second account; `openapi.json` says what is signed.
fn possession(key: &dyn KeyPair, account: &str) -> Result<Value, Failure> {
    let public = key.public_key();
    let time = world::now().seconds();
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

pub(crate) fn list(account: Option<&str>, manage: &ManageArgs, out: Out) -> Done {
    let api = manage.api()?;
    world::run(async {
        let accounts = match account {
            Some(name) => vec![api.account(name).await?],
            None => api.list("/accounts").await?,
        };
        let mut keys = Vec::new();
        for account in &accounts {
            let path = format!("/accounts/{}/keys", segment(text(account, "id")?));
            for mut key in api.list(&path).await? {
                put(&mut key, "account_name", at(account, "name").clone());
                if !out.json && !at(&key, "last_used").is_null() {
                    let last = json!({ "address": at(&key, "last_address"), "at": at(&key, "last_used") });
                    put(&mut key, "last_used", told(&last));
                }
                keys.push(key);
            }
        }
        let mut columns = COLUMNS.to_vec();
        if account.is_none() {
            columns.insert(1, "account_name");
        }
        show_list(&keys, &columns, out)
    })
}

/// From where a key was used.
pub(crate) fn uses(key: &str, manage: &ManageArgs, out: Out) -> Done {
    let api = manage.api()?;
    world::run(async {
        let uses = api.get(&format!("/keys/{}/uses", segment(key))).await?;
        let items = at(&uses, "items").as_array().cloned().unwrap_or_default();
        out.show(&items, || {
            if items.is_empty() {
                return format!("{key} was not used yet; uses are written every ten seconds\n");
            }
            items.iter().map(|one| format!("{}\n", told(one))).collect()
        })
    })
}

/// `activate`, `disable` or `revoke`.
pub(crate) fn change(key: &str, action: &str, manage: &ManageArgs, out: Out) -> Done {
    let api = manage.api()?;
    world::run(async {
        let after = api.post(&format!("/keys/{}/{action}", segment(key)), &Value::Null).await?;
        let line = format!("{key} is {}\n", text(&after, "state")?);
        out.show(&after, || line)
    })
}
