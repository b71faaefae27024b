//! `countersign sidecar`: a proxy on this machine that signs whatever passes, for tools that cannot sign by themselves.
mod admission;
mod answer;
mod line;
mod listen;
mod passage;
mod upstream;

use crate::exit::{Done, Failure};
use crate::print::Out;
use crate::proving::{DialectArgs, SignerArgs};
use crate::session::told;
use crate::world;
use admission::Admission;
use clap::Args;
use countersign_client::http::Client;
use countersign_client::keeper::Keeper;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use listen::{Door, Place, Stream};
use passage::Passage;
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Semaphore;
use upstream::Upstream;

/// Most connections at a time: the tools of one machine need a few, and each may hold one body in memory.
const MOST_CONNECTIONS: usize = 128;
/// A tool that does not send its head for so long is gone.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);
/// A session that cannot be ended in this time ends by itself.
const FAREWELL: Duration = Duration::from_secs(5);

#[derive(Args, Debug)]
pub(crate) struct SidecarArgs {
    /// The one server that requests go to, such as `https://api.example`; no path.
    #[arg(long, value_name = "URL")]
    to: String,
    /// Where tools ask: an address of this machine, or `unix:PATH`.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7070")]
    listen: String,
    #[command(flatten)]
    dialect: DialectArgs,
    #[command(flatten)]
    signer: SignerArgs,
    /// Where the session API is, when it is not the server of the requests.
    #[arg(long, value_name = "URL")]
    session_server: Option<String>,
    /// The prefix of the session API's paths.
    #[arg(long, default_value = "/v1", value_name = "PATH")]
    session_prefix: String,
    /// Sign for this address: the public one, when a server behind a proxy is asked directly.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Trust only the certificates in this PEM file for the server, not those of the machine.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Send requests over plain http to another machine.
    #[arg(long)]
    insecure_http: bool,
    /// The file with a token that tools must send: as `countersign-local`, as Bearer token or as Basic password.
    #[arg(long, value_name = "FILE")]
    local_token_file: Option<PathBuf>,
    /// Another name that tools may ask by, such as `sidecar` in a container network.
    #[arg(long = "name", value_name = "HOST")]
    names: Vec<String>,
    /// Listen on an address that other machines reach; wants a local token.
    #[arg(long)]
    expose: bool,
    /// Send on the cookies and credentials that a tool sends itself.
    #[arg(long)]
    keep_credentials: bool,
    /// Longest body in bytes, where the dialect signs the body; others are passed on as they come.
    #[arg(long, value_name = "BYTES", default_value_t = 8 * 1024 * 1024)]
    limit: usize,
    /// How many seconds the server may take to begin its answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    patience: u64,
    /// How many seconds requests under way may take after the signal to stop.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(0..=3600))]
    drain: u64,
}

pub(crate) fn run(args: &SidecarArgs, out: Out) -> Done {
    let dialect = args.dialect.load()?;
    let place = Place::read(&args.listen)?;
    let token = args.local_token_file.as_deref().map(world::read_secret).transpose()?;
    if !place.is_local() && !args.expose {
        return Err(Failure::usage(format!(
            "{} can be reached by other machines, which would sign as you; listen on 127.0.0.1, or say --expose and name a token \
             with --local-token-file",
            args.listen
        )));
    }
    if !place.is_local() && token.is_none() {
        return Err(Failure::usage(
            "--expose wants a token that strangers do not know: --local-token-file FILE",
        ));
    }
    let upstream =
        Upstream::new(&args.to, args.public_url.as_deref(), args.ca.as_deref(), args.insecure_http)?;
    let opens_session = dialect.opens_session();
    if let Some(server) = &args.session_server {
        upstream::session_server(server, args.insecure_http)?;
    }
    let mut dropped: Vec<http::HeaderName> = dialect.carriers().into_iter().cloned().collect();
    dropped.extend(dialect.companion().cloned());
    let name = dialect.name().to_owned();
    let signer = args.signer.signer(dialect)?;
    let identifier = signer.identifier().to_owned();
    let client = if opens_session {
        let server = args.session_server.as_deref().unwrap_or(&args.to);
        Client::in_session(Keeper::new(signer, &args.session_prefix), server, world::ambient())
    } else {
        Client::signing(signer, world::ambient())
    };
    let client = client.map_err(|error| told(&error))?.over(upstream.session_transport()?);
    world::run(async move {
        let door = Door::open(&place).await?;
        let admission = Admission::new(&door, &upstream, &args.names, token);
        if place.is_shared() && !admission.wants_token() {
            Out::note(
                "note: every user of this machine may ask here and be signed for; --local-token-file or `--listen unix:PATH` \
                 keeps it to you",
            );
        }
        let address = door.address();
        let text = format!(
            "listening on {address}, signing for {} ({name}, as {identifier:?})\n",
            upstream.origin()
        );
        let value = json!({ "listening": address, "to": upstream.origin(), "dialect": name });
        line::print(out, &value, &text)?;
        let passage = Passage {
            client,
            upstream,
            admission,
            dropped,
            keeps_credentials: args.keep_credentials,
            limit: args.limit,
            patience: Duration::from_secs(args.patience),
            out,
        };
        serve(door, Arc::new(passage), Duration::from_secs(args.drain)).await
    })
}

/// Serves until a signal comes; then takes nothing new, and waits for what is under way.
async fn serve(door: Door, passage: Arc<Passage>, drain: Duration) -> Done {
    let mut stop = Stop::new()?;
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let free = tokio::select! {
            free = Arc::clone(&places).acquire_owned() => free.map_err(Failure::ours)?,
            () = stop.wait() => break,
        };
        let stream = tokio::select! {
            stream = door.accept() => stream,
            () = stop.wait() => break,
        };
        let Some(stream) = stream else {
            // Out of file descriptors or the like: a moment's pause, so that it does not spin.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let passage = Arc::clone(&passage);
        let served = service_fn(move |request| {
            let passage = Arc::clone(&passage);
            async move { Ok::<_, std::convert::Infallible>(passage.pass(request).await) }
        });
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE);
        let io: TokioIo<Stream> = TokioIo::new(stream);
        let connection = graceful.watch(builder.serve_connection(io, served));
        tokio::spawn(async move {
            // A connection that broke concerns its tool alone.
            let _ = connection.await;
            drop(free);
        });
    }
    door.close();
    tokio::select! {
        () = graceful.shutdown() => {}
        () = tokio::time::sleep(drain) => Out::note("note: requests were under way when the time to stop was over"),
        () = stop.wait() => {}
    }
    match tokio::time::timeout(FAREWELL, passage.client.logout()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => Out::note(&format!("note: the session could not be ended: {error}")),
        Err(_) => Out::note("note: the session could not be ended: the server took too long"),
    }
    Ok(())
}

/// The signals that end it.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    fn new() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|error| Failure::failed(format!("signals cannot be waited for: {error}; are handles left? `ulimit -n` tells how many there may be")))
        };
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
