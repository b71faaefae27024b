//! `countersign config`: the server's configuration from file, environment and flags; checked, shown, or as shipped.
use crate::exit::{Done, Exit, Failure};
use crate::print::{Out, table};
use crate::world;
use clap::{Args, Subcommand};
use countersign_server::config::{Config, Sources};
use countersign_server::dialects;
use serde_json::json;
use std::path::PathBuf;

#[derive(Args, Debug, Clone)]
pub(crate) struct ConfigArgs {
    /// The configuration file; otherwise server.toml in the data directory, where there is one.
    #[arg(long, env = "COUNTERSIGN_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The data directory.
    #[arg(long, env = "COUNTERSIGN_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Sets a setting, over file and environment, such as `--set server.log=debug`.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub(crate) settings: Vec<String>,
}

#[derive(Subcommand, Debug)]
pub(crate) enum ConfigCommand {
    /// Check the configuration; every fault is told with its place and what to do.
    Check {
        #[command(flatten)]
        from: ConfigArgs,
    },
    /// Show the settings in effect.
    Show {
        #[command(flatten)]
        from: ConfigArgs,
        /// Show where each was set.
        #[arg(long)]
        origin: bool,
    },
    /// Print a file that changes nothing and shows every setting.
    Default,
}

pub(crate) fn run(command: &ConfigCommand, out: Out) -> Done {
    match command {
        ConfigCommand::Check { from } => check(from, out),
        ConfigCommand::Show { from, origin } => show(from, *origin, out),
        ConfigCommand::Default => {
            let text = Config::commented_default();
            out.show(&json!({ "text": text }), || text.to_owned())
        }
    }
}

impl ConfigArgs {
    pub(crate) fn data_dir(&self) -> Result<PathBuf, Failure> {
        world::data_dir(self.data.as_deref())
    }

    /// Reads all sources; every fault is told at once.
    pub(crate) fn load(&self) -> Result<Config, Failure> {
        let path = match &self.config {
            Some(path) => Some(path.clone()),
            None => Some(self.data_dir()?.join("server.toml")).filter(|path| path.exists()),
        };
        let file = match path {
            Some(path) => Some((path.display().to_string(), world::read_text(&path)?)),
            None => None,
        };
        let mut flags = Vec::new();
        for setting in &self.settings {
            let (path, value) = setting.split_once('=').ok_or_else(|| {
                Failure::usage(format!(
                    "--set: wanted PATH=VALUE such as server.log=debug, found {setting:?}"
                ))
            })?;
            flags.push((path.to_owned(), value.to_owned()));
        }
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Config::load(&Sources { file, environment, flags }).map_err(Failure::usage)
    }
}

fn check(from: &ConfigArgs, out: Out) -> Done {
    let config = from.load()?;
    let checked = dialects::check(&config);
    let texts = |findings: &[countersign_server::config::Finding]| -> Vec<String> {
        findings.iter().map(ToString::to_string).collect()
    };
    let (errors, warnings) = (texts(&checked.errors), texts(&checked.lints));
    out.show(&json!({ "errors": errors, "warnings": warnings }), || {
        let mut text: String = errors.iter().map(|error| format!("error: {error}\n")).collect();
        text.extend(warnings.iter().map(|warning| format!("warning: {warning}\n")));
        if errors.is_empty() {
            text.push_str("The configuration can be used.\n");
        }
        text
    })?;
    if errors.is_empty() { Ok(()) } else { Err(Failure::new(Exit::Usage, "")) }
}

fn show(from: &ConfigArgs, origin: bool, out: Out) -> Done {
    let config = from.load()?;
    let items: Vec<_> = config
        .shown()
        .iter()
        .map(|shown| json!({ "path": shown.path, "value": shown.value, "origin": shown.origin.to_string() }))
        .collect();
    out.show(&items, || {
        let rows = config.shown().iter().map(|shown| {
            let mut row = vec![shown.path.clone(), shown.value.clone()];
            if origin {
                row.push(shown.origin.to_string());
            }
            row
        });
        let head = if origin { vec!["setting", "value", "set by"] } else { vec!["setting", "value"] };
        table(&head, rows.collect())
    })
}
