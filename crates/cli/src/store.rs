//! `countersign store`: the server's data on disk.
use crate::configuration::ConfigArgs;
use crate::exit::{Done, Exit, Failure};
use crate::print::Out;
use crate::world;
use clap::Subcommand;
use serde_json::json;
use std::path::PathBuf;

#[derive(Subcommand, Debug)]
pub(crate) enum StoreCommand {
    /// Write a consistent copy of the registry to a new file, also while the server runs.
    Backup {
        /// The new file.
        file: PathBuf,
        #[command(flatten)]
        from: ConfigArgs,
    },
}

pub(crate) fn run(command: &StoreCommand, out: Out) -> Done {
    let StoreCommand::Backup { file, from } = command;
    if file.exists() {
        return Err(Failure::new(
            Exit::Conflict,
            format!("{} is there already; a backup goes into a new file", file.display()),
        ));
    }
    let config = from.load()?;
    let folder = match config.store.path {
        Some(path) => path,
        None => from.data_dir()?,
    };
    world::run(async { countersign_server::storage::backup(&folder, file).await.map_err(Failure::failed) })?;
    out.show(&json!({ "backup": file }), || format!("{} is written\n", file.display()))
}
