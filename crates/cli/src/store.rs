//! `countersign store`: the rows of an installation as a whole: brought up to date, moved, written to a file and taken back.
use crate::configuration::ConfigArgs;
use crate::exit::{Done, Exit, Failure};
use crate::print::{Out, table};
use crate::world;
use clap::Subcommand;
use countersign_server::storage::{self, Carry, End, Tally};
use serde_json::json;
use std::path::PathBuf;

#[derive(Subcommand, Debug)]
pub(crate) enum StoreCommand {
    /// Write a consistent copy of the registry, without sessions, to a new file, also while servers run.
    Backup {
        /// The new file.
        file: PathBuf,
        #[command(flatten)]
        from: ConfigArgs,
    },
    /// Fill the empty store of the configuration from a backup.
    Restore {
        /// The backup's file.
        file: PathBuf,
        #[command(flatten)]
        to: ConfigArgs,
    },
    /// Move an installation into an empty store and compare every table. Stop its servers first: what they write meanwhile
    /// stays behind.
    Copy {
        /// The store to read: a folder, or postgres://…; the configured one when left out.
        #[arg(long)]
        from: Option<String>,
        /// The empty store to fill; the configured one when left out.
        #[arg(long)]
        to: Option<String>,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Bring the tables of the configured store up to date; servers do this themselves when they start.
    Migrate {
        #[command(flatten)]
        config: ConfigArgs,
    },
}

pub(crate) fn run(command: &StoreCommand, out: Out) -> Done {
    match command {
        StoreCommand::Backup { file, from } => {
            if file.exists() {
                return Err(Failure::new(
                    Exit::Conflict,
                    format!("{} is there already; a backup goes into a new file", file.display()),
                ));
            }
            let end = configured(from)?;
            world::run(async { storage::backup(&end, file).await.map_err(Failure::failed) })?;
            out.show(&json!({ "backup": file }), || format!("{} is written\n", file.display()))
        }
        StoreCommand::Restore { file, to } => {
            if !file.is_file() {
                return Err(Failure::new(Exit::Missing, format!("there is no file {}", file.display()))
                    .next("name one that `countersign store backup` wrote"));
            }
            let end = configured(to)?;
            let tallies = world::run(async { storage::restore(file, &end).await.map_err(Failure::failed) })?;
            told(&file.display().to_string(), &end, &tallies, out)
        }
        StoreCommand::Copy { from, to, config } => {
            let (from, to) = (from.as_deref(), to.as_deref());
            if from.is_none() && to.is_none() || from == to {
                return Err(Failure::usage("name another store with --from, or with --to, or both"));
            }
            let loaded = config.load()?;
            let end = |named: Option<&str>| match named {
                Some(text) => End::named(text, &loaded).map_err(Failure::usage),
                None => configured(config),
            };
            let (from, to) = (end(from)?, end(to)?);
            let copied = storage::copy(&from, &to, Carry::Everything);
            let tallies = world::run(async { copied.await.map_err(Failure::failed) })?;
            told(&from.to_string(), &to, &tallies, out)
        }
        StoreCommand::Migrate { config } => {
            let end = configured(config)?;
            let version = world::run(async { storage::migrate(&end).await.map_err(Failure::failed) })?;
            let value = json!({ "store": end.to_string(), "version": version });
            out.show(&value, || format!("{end} is up to date; its registry is at version {version}\n"))
        }
    }
}

fn configured(args: &ConfigArgs) -> Result<End, Failure> {
    End::configured(&args.load()?, &args.data_dir()?).map_err(Failure::failed)
}

fn told(from: &str, to: &End, tallies: &[Tally], out: Out) -> Done {
    let value = json!({ "from": from, "to": to.to_string(), "tables": tallies });
    out.show(&value, || {
        let rows = tallies.iter().map(|one| {
            vec![one.table.to_owned(), one.rows.to_string(), one.digest.chars().take(16).collect()]
        });
        let all: usize = tallies.iter().map(|one| one.rows).sum();
        format!(
            "{}{all} rows of {from} are in {to}, each as it was; use only one of both from now on\n",
            table(&["table", "rows", "digest"], rows.collect())
        )
    })
}
