//! `countersign init`: makes the data directory, a configuration and the first operator, and asks a person how; `--recover` gives a lost owner
//! a new key.
mod interview;
mod plan;

use crate::configuration::ConfigArgs;
use crate::exit::{Done, Exit, Failure};
use crate::print::{Out, pairs};
use crate::{keyring, terminal, world};
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
pub(crate) use plan::OWNER;
use plan::{Answers, Plan};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The dialect that management requests are signed in.
const OPERATOR: &str = "operator";

#[derive(Args, Debug)]
pub(crate) struct InitArgs {
    #[command(flatten)]
    from: ConfigArgs,
    /// The owner's key is lost: make a new one, and revoke those that the owner had. Wants access to the data directory, and stands
    /// in the audit log.
    #[arg(long, conflicts_with = "Answers")]
    recover: bool,
    /// Leaves the owner's other keys as they are: when none of them is in the wrong hands.
    #[arg(long, requires = "recover")]
    keep_keys: bool,
    #[command(flatten)]
    answers: Answers,
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
    let asks = terminal::is_attended() && !out.json && !args.answers.yes && !args.recover;
    let mut from = args.from.clone();
    if asks && from.data.is_none() && from.config.is_none() {
        from.data = Some(interview::data(&from.data_dir()?)?);
    }
    let data = from.data_dir()?;
    let file = data.join("server.toml");
    let has_file = from.config.is_some() || file.exists();
    if has_file && args.answers.say_settings() {
        return Err(Failure::new(
            Exit::Conflict,
            format!(
                "{} is there already; change it there, or leave out the flags that say what stands in it",
                from.config.as_deref().unwrap_or(&file).display()
            ),
        ));
    }
    let (plan, writes) = planned(&args.answers, asks, has_file)?;
    if asks && !confirmed(&data, &plan, writes)? {
        return Err(Failure::failed("nothing was made; `countersign init` asks again"));
    }
    let written = if writes { Some(Written::write(&data, &plan)?) } else { None };
    let config = match from.load() {
        Ok(config) => config,
        Err(failure) => return Err(undone(written, failure)),
    };
    let made = world::run(async {
        // Once the owner is being made it is finished: a key that is registered must not be lost.
        let opened = tokio::select! {
            opened = open(&config, &data) => opened?,
            _ = tokio::signal::ctrl_c(), if asks => return Err(Failure::new(Exit::Interrupted, "")),
        };
        if args.recover {
            recover(&opened.parts, &data, args.keep_keys).await
        } else {
            first(&opened.parts, &data, &plan.operator).await
        }
    });
    let made = match made {
        Ok(made) => made,
        Err(failure) => return Err(undone(written, failure)),
    };
    let Some(made) = made else {
        let text = format!(
            "{} has an owner already; its key is {}; when that key is lost, `countersign init --recover` makes a new one",
            data.display(),
            data.join("operator.key").display()
        );
        return Err(undone(written, Failure::new(Exit::Conflict, text)));
    };
    show(&made, &from, written.map(|written| written.file).as_deref(), &plan, out)
}

/// What is going to be made, and whether a configuration is part of it.
fn planned(answers: &Answers, asks: bool, has_file: bool) -> Result<(Plan, bool), Failure> {
    let writes = !has_file && (asks || answers.yes || answers.say_settings());
    let mut plan = answers.plan();
    if asks && writes {
        plan = interview::plan(answers)?;
    } else if asks && answers.operator.is_none() {
        plan.operator = interview::operator()?;
    }
    if writes {
        plan.check().map_err(Failure::usage)?;
    }
    Ok((plan, writes))
}

/// Shows what is going to be made, and asks whether it shall be.
fn confirmed(data: &Path, plan: &Plan, writes: bool) -> Result<bool, Failure> {
    let key = data.join("operator.key");
    let mut text = format!(
        "\nThis is made:\n  {}  the private key of {} (mode 0600)\n",
        key.display(),
        crate::print::plain(&plan.operator)
    );
    if writes {
        text.push_str(&format!("  {}\n", data.join("server.toml").display()));
        let lines = plan.configuration();
        text.extend(lines.lines().map(|line| format!("  | {}\n", crate::print::plain(line))));
    }
    Out::note(&text);
    terminal::confirm("Make it", true)
}

/// The configuration that this run wrote.
struct Written {
    file: PathBuf,
}

impl Written {
    /// Writes it whole or not at all, and never over another.
    fn write(data: &Path, plan: &Plan) -> Result<Self, Failure> {
        make_private(data)?;
        let file = data.join("server.toml");
        crate::pair::write_new(&file, plan.configuration().as_bytes())?;
        Ok(Self { file })
    }
}

/// Takes the configuration away again where nothing came of the rest, so that the next run begins anew.
fn undone(written: Option<Written>, failure: Failure) -> Failure {
    if let Some(Err(error)) = written.as_ref().map(|written| std::fs::remove_file(&written.file)) {
        return Failure { message: format!("{} (server.toml stays: {error})", failure.message), ..failure };
    }
    failure
}

fn show(made: &Made, from: &ConfigArgs, written: Option<&Path>, plan: &Plan, out: Out) -> Done {
    let data = from.data_dir()?;
    let next = next_steps(from, &made.key_file, written.is_some().then_some(plan));
    let value = json!({
        "data": data, "operator": made.operator, "operator_key": made.key_file, "key": made.key, "replaced": made.replaced,
        "revoked": made.revoked, "kept": made.kept, "configuration": written, "next": next,
    });
    out.show(&value, || {
        let mut rows = vec![
            ("data directory", data.display().to_string()),
            ("operator", made.operator.clone()),
            ("operator's key", format!("{} (mode 0600; keep a copy elsewhere)", made.key_file.display())),
            ("registered as", made.key.clone()),
        ];
        rows.extend(written.map(|file| ("configuration", file.display().to_string())));
        rows.extend(made.revoked.iter().map(|key| ("revoked", key.clone())));
        rows.extend(made.kept.iter().map(|key| ("still counts", format!("{key} (--keep-keys)"))));
        rows.extend(made.replaced.iter().map(|old| ("old key file", old.display().to_string())));
        rows.extend(next.iter().map(|step| ("next", step.clone())));
        pairs(&rows)
    })
}

/// What to type next: start, look, and let the first caller in.
fn next_steps(from: &ConfigArgs, key: &Path, plan: Option<&Plan>) -> Vec<String> {
    let word = |path: &Path| crate::sign::quoted(&path.display().to_string());
    let named = std::env::var_os("COUNTERSIGN_DATA").map(PathBuf::from);
    let data = from.data.as_ref().filter(|data| Some(*data) != named.as_ref());
    let data = data.filter(|data| world::data_dir(None).ok().as_ref() != Some(*data));
    let data = data.map_or(String::new(), |data| format!(" --data {}", word(data)));
    let config = std::env::var_os("COUNTERSIGN_CONFIG").map(PathBuf::from);
    let config = from.config.as_ref().filter(|path| Some(*path) != config.as_ref());
    let config = config.map_or(String::new(), |path| format!(" --config {}", word(path)));
    let mut steps = vec![format!("countersign serve{config}{data}")];
    let Some(plan) = plan else { return steps };
    let scheme = if plan.tls.is_some() && !plan.manage.ip().is_loopback() { "https" } else { "http" };
    let usual = plan.manage.to_string() == "127.0.0.1:8701";
    let server = if usual { String::new() } else { format!(" --server {scheme}://{}", plan.manage) };
    if plan.console {
        steps.push(format!("countersign console link --key {}{server}", word(key)));
    }
    let dialect = plan.dialects.first().map_or(plan::DIALECT, String::as_str);
    let loaded = countersign_dialects::load(dialect, &Default::default()).ok();
    let namespace = loaded.as_ref().and_then(|dialect| dialect.namespace()).unwrap_or("user");
    steps.push(format!("countersign key new caller.pem --for {dialect}"));
    steps.push(format!("countersign account add caller --identifier {namespace}=caller{data}{server}"));
    steps.push(format!("countersign key register caller --file caller.pem.pub -d {dialect}{data}{server}"));
    steps
}

/// Opens the stores of a data directory, with the real clock and real chance.
pub(crate) async fn open(config: &Config, data: &Path) -> Result<Opened, Failure> {
    storage::open(config, data, Arc::new(SystemClock), Arc::new(SystemEntropy)).await.map_err(|fault| {
        Failure::failed(fault).next("see `countersign config show --origin` for which store is meant")
    })
}

/// Makes the first owner where there is none; `None` when there is one.
pub(crate) async fn first(parts: &Parts, data: &Path, name: &str) -> Result<Option<Made>, Failure> {
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
        name: name.to_owned(),
        enabled: true,
        identifiers: vec![Identifier { namespace: OPERATOR.to_owned(), value: name.to_owned() }],
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
                std::fs::remove_file(&file)
                    .map_err(|error| Failure::of_file(file.display(), "removed", &error))?;
            }
            return Ok(None);
        }
    };
    Ok(Some(Made {
        key: made.id,
        key_file: file,
        operator: name.to_owned(),
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
            .map_err(|error| Failure::of_file(file.display(), "moved away", &error))?;
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
    builder.create(folder).map_err(|error| {
        Failure::failed(format!(
            "cannot make the folder {}: {error}; may this user write there?",
            folder.display()
        ))
    })
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
