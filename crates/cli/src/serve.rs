//! `countersign serve`: starts the server and runs until it is told to stop.
use crate::configuration::ConfigArgs;
use crate::exit::{Done, Failure};
use crate::print::Out;
use crate::{init, world};
use countersign_server::config::Config;
use countersign_server::server::{Options, Read, Running, Server, StartError};
use countersign_server::service_manager::ServiceManager;
use countersign_server::signals::Signals;
use countersign_server::telemetry;
use std::path::Path;
use std::sync::Arc;

pub(crate) fn run(args: &ConfigArgs) -> Done {
    let (config, data) = (args.load()?, args.data_dir()?);
    telemetry::init(&config.server).map_err(Failure::usage)?;
    let args = args.clone();
    let read: Read = Arc::new(move || args.load().map_err(|failure| failure.message));
    let manager = ServiceManager::named(|name| std::env::var_os(name), std::process::id())
        .map_err(|error| Failure::usage(format!("the service manager cannot be told: {error}")))?;
    world::run(async {
        let mut signals = caught(true)?;
        let options = Options { read: Some(read), data: Some(data.clone()), manager };
        let running = tokio::select! {
            started = start(config, &data, options) => started?,
            () = signals.stop() => return Ok(()),
        };
        for bound in running.addresses() {
            let names: Vec<&str> = bound.surfaces.iter().map(|surface| surface.name()).collect();
            let scheme = if bound.tls { "https" } else { "http" };
            Out::note(&format!("listening on {scheme}://{} ({})", bound.address, names.join(", ")));
        }
        running.until_signal(signals).await;
        Ok(())
    })
}

/// The signals that end or reload a server, caught from now on.
pub(crate) fn caught(reloads: bool) -> Result<Signals, Failure> {
    Signals::catch(reloads).map_err(|error| {
        Failure::failed(format!(
            "signals cannot be waited for: {error}; are handles left? `ulimit -n` tells how many there may be"
        ))
    })
}

/// Opens the stores, makes the first operator where there is none, and starts.
pub(crate) async fn start(config: Config, data: &Path, options: Options) -> Result<Running, Failure> {
    let opened = init::open(&config, data).await?;
    if let Some(made) = init::first(&opened.parts, data, init::OWNER).await? {
        Out::note(&format!(
            "made the first operator; its key is {} (mode 0600): keep a copy elsewhere",
            made.key_file.display()
        ));
    }
    Server::start_with(config, opened.parts, options).await.map_err(|error| match error {
        StartError::Config(_) | StartError::Setup(_) => Failure::usage(error),
        StartError::Fault(_) => Failure::failed(error),
    })
}
