//! `countersign import`: makes an installation file of the keys that another system has, and says line by line what stays behind.
mod authorized_keys;
mod csv;
mod django;
mod draft;
mod jwks;
mod kong;
mod snowflake;

use crate::exit::{Done, Exit, Failure};
use crate::pair::write_new;
use crate::print::{Out, plain};
use crate::proving::{self, DialectArgs};
use crate::world;
use clap::{Args, Subcommand};
use draft::Draft;
use serde_json::json;
use std::path::PathBuf;

/// What is imported from.
#[derive(Subcommand, Debug)]
pub(crate) enum ImportCommand {
    /// Kong's declarative configuration (YAML or JSON), or a list of its admin API: `jwt_secrets`, `keys` and `key_sets`.
    Kong(ImportArgs),
    /// OpenSSH `authorized_keys`; what restricts a key is kept where it can be, and said where not.
    AuthorizedKeys(ImportArgs),
    /// A JWK set (RFC 7517); all its keys are one account's.
    Jwks(ImportArgs),
    /// Snowflake users: the result of `DESC USER` or of a query, as JSON or CSV.
    Snowflake(ImportArgs),
    /// Django with asymmetric_jwt_auth: `manage.py dumpdata auth.user asymmetric_jwt_auth`.
    Django(ImportArgs),
}

#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    /// The file; `-` for standard input.
    file: PathBuf,
    /// The dialect that the keys sign: a shipped name or the path of a dialect file; for django and snowflake it has a usual one.
    #[arg(short = 'd', long, value_name = "NAME|FILE")]
    dialect: Option<String>,
    /// The account of all keys, where the source names none.
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// The namespace of the identifiers; otherwise the dialect's.
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// Put before each identifier, such as `MYORG-ACCOUNT.` for Snowflake.
    #[arg(long, value_name = "TEXT", default_value = "")]
    prefix: String,
    /// Write the installation file here; standard output without it.
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) fn run(command: &ImportCommand, out: Out) -> Done {
    type Read = fn(&[u8], &mut Draft) -> Result<(), Failure>;
    let (args, read, usual): (_, Read, _) = match command {
        ImportCommand::Kong(args) => (args, kong::read, None),
        ImportCommand::AuthorizedKeys(args) => (args, authorized_keys::read, None),
        ImportCommand::Jwks(args) => (args, jwks::read, None),
        ImportCommand::Snowflake(args) => (args, snowflake::read, Some("snowflake")),
        ImportCommand::Django(args) => (args, django::read, Some("asymmetric-jwt")),
    };
    let named = args.dialect.as_deref().or(usual).ok_or_else(|| {
        Failure::usage("wanted the dialect that these keys are to sign, such as --dialect asymmetric-jwt (`countersign dialect list`)")
    })?;
    let dialect = DialectArgs { dialect: named.to_owned(), settings: Vec::new() };
    let dialect = proving::load(&dialect.dialect, &Default::default())?;
    let namespace =
        args.namespace.clone().or_else(|| dialect.namespace().map(str::to_owned)).ok_or_else(|| {
            Failure::usage(format!(
                "{named} finds its callers by their keys; say how they are named with --namespace NAME"
            ))
        })?;
    let bytes = world::read(&args.file)?;
    let mut draft = Draft::new(&dialect, &namespace, &args.prefix, args.account.clone());
    read(&bytes, &mut draft).map_err(|failure| failure.within(args.file.display()))?;
    told(args, &draft, out)
}

fn told(args: &ImportArgs, draft: &Draft, out: Out) -> Done {
    let text = draft.text()?;
    let (accounts, keys) = draft.counts();
    let left = draft.left_out();
    if let Some(path) = &args.out {
        write_new(path, text.as_bytes())?;
    }
    if out.json {
        let value = json!({
            "accounts": accounts,
            "keys": keys,
            "left_out": left,
            "notes": draft.notes(),
            "installation": text,
        });
        out.show(&value, String::new)?;
    } else {
        for said in draft.notes() {
            Out::note(&format!("note: {}: {}", plain(&said.place), plain(&said.why)));
        }
        for said in left {
            Out::note(&format!("left out: {}: {}", plain(&said.place), plain(&said.why)));
        }
        Out::note(&format!("{accounts} accounts with {keys} keys; {} entries left out", left.len()));
        if args.out.is_none() {
            Out::line(&text)?;
        }
    }
    if left.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Refused,
        format!("{} entries were left out, and the installation file has the others", left.len()),
    )
    .next("see why above, mend these in the source or register them by hand, and apply the file: `countersign apply`"))
}
