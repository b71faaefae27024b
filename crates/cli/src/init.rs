//! `countersign init`: makes the data directory and the first operator; `--recover` gives a lost owner a new key.
use crate::configuration::ConfigArgs;
use crate::exit::{Done, Exit, Failure};
use crate::print::{Out, pairs};
use crate::{keyring, world};
use clap::Args;
use countersign::life::key::KeyState;
use countersign_guard::clock::{SystemClock, SystemEntropy};
use countersign_keys::{KeyKind, PrivateKey, write_key_file};
use countersign_server::Parts;
use countersign_server::config::Config;
use countersign_server::storage::{self, Opened};
use countersign_store::denied::{ChangeError, Denied};
use countersign_store::draft::{Draft, NewAccount, NewKey};

use countersign_store::model::{Identifier, Role};
use countersign_store::registrar::Registrar;
use countersign_store::stamp::Stamp;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The dialect that management requests are signed in.
const OPERATOR: &str = "operator";
/// The first owner's name.
const OWNER: &str = "owner";

#[derive(Args, Debug)]
pub(crate) struct InitArgs {
    #[command(flatten)]
    from: ConfigArgs,
    /// The owner's key is lost: make a new one, and revoke those that the owner had. Wants access to the data directory, and stands
    /// in the audit log.
    #[arg(long)]
    recover: bool,
    /// Leaves the owner's other keys as they are: when none of them is in the wrong hands.
    #[arg(long, requires = "recover")]
    keep_keys: bool,
}

/// The first operator, just made.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) key_file: PathBuf,
    pub(crate) key: String,
    operator: String,
    replaced: Option<PathBuf>,
    /// Keys that were revoked.
    revoked: Vec<String>,
    /// Keys that the operator has besides, and that still count.
    kept: Vec<String>,
}

pub(crate) fn run(args: &InitArgs, out: Out) -> Done {
    let (config, data) = (args.from.load()?, args.from.data_dir()?);
    let made = world::run(async {
        let opened = open(&config, &data).await?;
        if args.recover {
            recover(&opened.parts, &data, args.keep_keys).await
        } else {
            first(&opened.parts, &data).await
        }
    })?;
    let Some(made) = made else {
        return Err(Failure::new(
            Exit::Conflict,
            format!(
                "{} has an owner already; its key is {}; when that key is lost, `countersign init --recover` makes a new one",
                data.display(),
                data.join("operator.key").display()
            ),
        ));
    };
    let value = json!({
        "data": data, "operator": made.operator, "operator_key": made.key_file, "key": made.key, "replaced": made.replaced,
        "revoked": made.revoked, "kept": made.kept,
    });
    out.show(&value, || {
        let mut rows = vec![
            ("data directory", data.display().to_string()),
            ("operator", made.operator.clone()),
            ("operator's key", format!("{} (mode 0600; keep a copy elsewhere)", made.key_file.display())),
            ("registered as", made.key.clone()),
        ];
        rows.extend(made.revoked.iter().map(|key| ("revoked", key.clone())));
        rows.extend(made.kept.iter().map(|key| ("still counts", format!("{key} (--keep-keys)"))));
        rows.extend(made.replaced.iter().map(|old| ("old key file", old.display().to_string())));
        rows.push(("next", "countersign serve".to_owned()));
        pairs(&rows)
    })
}

/// Opens the stores of a data directory, with the real clock and real chance.
pub(crate) async fn open(config: &Config, data: &Path) -> Result<Opened, Failure> {
    storage::open(config, data, Arc::new(SystemClock), Arc::new(SystemEntropy)).await.map_err(Failure::failed)
}

/// Makes the first owner where there is none; `None` when there is one.
pub(crate) async fn first(parts: &Parts, data: &Path) -> Result<Option<Made>, Failure> {
    let registrar = registrar(parts).await?;
    if has_owner(&registrar) {
        return Ok(None);
    }
    let file = data.join("operator.key");
    let held = file.exists();
    // A key that is there already is its owner's: registered, never replaced.
    let key = if held { keyring::private_key(&file, None)? } else { fresh(&file)? };
    let spki = key.public_key().spki_der().to_vec();
    let owner = NewAccount {
        name: OWNER.to_owned(),
        enabled: true,
        identifiers: vec![Identifier { namespace: OPERATOR.to_owned(), value: OWNER.to_owned() }],
        role: Some(Role::Owner),
        ..NewAccount::default()
    };
    let made = change(&registrar, |draft| {
        let account = draft.add_account(&owner)?;
        draft.add_key(&NewKey::new(&account.id, "first", &spki, OPERATOR))
    });
    let made = match made.await {
        Ok(made) => made,
        // Nodes that share a database may start together, and another one made the owner.
        Err(failure) => {
            registrar.refresh().await.map_err(Failure::failed)?;
            if !has_owner(&registrar) {
                return Err(failure);
            }
            if !held {
                std::fs::remove_file(&file).map_err(|error| {
                    Failure::failed(format!("{} cannot be removed: {error}", file.display()))
                })?;
            }
            return Ok(None);
        }
    };
    Ok(Some(Made {
        key: made.id,
        key_file: file,
        operator: OWNER.to_owned(),
        replaced: None,
        revoked: Vec::new(),
        kept: Vec::new(),
    }))
}

/// Makes a new key for the owner, and lets the owner in again. Whoever holds a lost key would be the owner too, so the
/// others are revoked with it.
async fn recover(parts: &Parts, data: &Path, keep: bool) -> Result<Option<Made>, Failure> {
    let registrar = registrar(parts).await?;
    let operators = registrar.directory().operators();
    let owner = operators.iter().find(|account| account.role == Some(Role::Owner)).ok_or_else(|| {
        Failure::new(
            Exit::Missing,
            format!("{} has no owner yet; run `countersign init` first", data.display()),
        )
    })?;
    let file = data.join("operator.key");
    let replaced = file.exists().then(|| free_name(data));
    if let Some(old) = &replaced {
        std::fs::rename(&file, old)
            .map_err(|error| Failure::failed(format!("{} cannot be moved away: {error}", file.display())))?;
    }
    let key = fresh(&file)?;
    let spki = key.public_key().spki_der().to_vec();
    let label = format!("recovered {}", world::now().seconds());
    let made = change(&registrar, |draft| {
        draft.set_account_enabled(&owner.id, true)?;
        let others: Vec<String> = draft
            .keys_of(&owner.id)
            .into_iter()
            .filter(|key| key.life.state != KeyState::Revoked)
            .map(|key| key.id)
            .collect();
        if !keep {
            for key in &others {
                draft.revoke_key(key)?;
            }
        }
        // A label that is taken, within the same second: then it gets a number.
        let taken = draft.keys_of(&owner.id).iter().any(|key| key.label == label);
        let label = if taken { "" } else { label.as_str() };
        let new = draft.add_key(&NewKey::new(&owner.id, label, &spki, OPERATOR))?;
        Ok((new.id, others))
    });
    let (key, others) = made.await?;
    let (revoked, kept) = if keep { (Vec::new(), others) } else { (others, Vec::new()) };
    Ok(Some(Made { key, key_file: file, operator: owner.name.clone(), replaced, revoked, kept }))
}

/// Where the old key file goes; nothing that is there is written over.
fn free_name(data: &Path) -> PathBuf {
    let name = format!("operator.key.before-{}", world::now().seconds());
    let numbered = (2..).map(|number: u32| data.join(format!("{name}-{number}")));
    std::iter::once(data.join(&name)).chain(numbered).find(|path| !path.exists()).unwrap_or(data.join(name))
}

fn has_owner(registrar: &Registrar) -> bool {
    registrar.directory().operators().iter().any(|account| account.role == Some(Role::Owner))
}

/// Makes the data directory where the rows are not in it, so that there is a place for keys.
fn make_private(folder: &Path) -> Result<(), Failure> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder
        .create(folder)
        .map_err(|error| Failure::failed(format!("cannot make the folder {}: {error}", folder.display())))
}

async fn registrar(parts: &Parts) -> Result<Registrar, Failure> {
    Registrar::open(parts.registry.clone(), parts.sessions.clone()).await.map_err(Failure::failed)
}

async fn change<T>(
    registrar: &Registrar,
    decide: impl Fn(&mut Draft<'_>) -> Result<T, Denied>,
) -> Result<T, Failure> {
    let stamp = Stamp { now: world::now(), actor: "local".to_owned(), random: world::random() };
    registrar.change(&stamp, decide).await.map_err(|error| match error {
        ChangeError::Denied(denied) => Failure::new(Exit::Conflict, denied),
        ChangeError::Fault(fault) => Failure::failed(fault),
    })
}

fn fresh(file: &Path) -> Result<PrivateKey, Failure> {
    if let Some(folder) = file.parent() {
        make_private(folder)?;
    }
    let key = PrivateKey::generate(KeyKind::Ed25519, 0).map_err(Failure::failed)?;
    write_key_file(file, key.to_pkcs8_pem().as_bytes()).map_err(|error| keyring::told(file, &error))?;
    Ok(key)
}
