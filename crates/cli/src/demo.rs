//! `countersign demo`: everything on this machine, with a caller for each dialect; good requests and bad ones, and why.
mod callers;
mod cases;
mod sessions;
mod stage;
mod watch;

use crate::apply::apply;
use crate::exit::{Done, Exit, Failure};
use crate::manage::Api;
use crate::print::{Out, table};
use crate::{console, installation, keyring, serve, world};
use callers::Callers;
use clap::Args;
use countersign_server::config::listener::Surface;
use countersign_server::config::{Config, Sources};
use countersign_server::echo;
use countersign_server::server::{Options, Running};
use serde_json::json;
use stage::{Row, Stage};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// End after the table; exit code 1 when a verdict is not the expected one.
    #[arg(long)]
    once: bool,
    /// Keep the demo's data in this directory; otherwise a new one in the temporary directory.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

pub(crate) fn run(args: &DemoArgs, out: Out) -> Done {
    let folder = folder(args.data.as_deref())?;
    let watch = watch::install()?;
    world::run(async {
        let ended = play(args, &folder, watch, out).await;
        if args.once && args.data.is_none() {
            // Made by us a moment ago, for this run alone.
            let _ = std::fs::remove_dir_all(&folder);
        }
        ended
    })
}

async fn play(args: &DemoArgs, folder: &Path, watch: watch::Watch, out: Out) -> Done {
    Out::note("Starting an echo as the upstream, the gateway before it, and a database of their own …");
    let echo = echo::start(loopback(0))
        .await
        .map_err(|error| Failure::ours(format!("the echo cannot listen: {error}")))?;
    let running =
        serve::start(configuration(args, folder, echo.address())?, folder, Options::default()).await?;
    let base = |surface| {
        let address = running.address(surface);
        address
            .map(|address| format!("http://{address}"))
            .ok_or_else(|| Failure::ours("a listener is missing"))
    };
    let (public, manage) = (base(Surface::Gateway)?, base(Surface::Manage)?);
    let callers = Callers::make(folder)?;
    let api = Api::new(&manage, keyring::key_pair(&folder.join("operator.key"), None)?)?;
    apply(&api, &installation::Installation::read(&callers.file)?, false).await?;
    let mut stage = Stage::new(&public, watch)?;
    cases::play(&mut stage, &callers).await?;
    sessions::play(&mut stage, &callers).await?;
    let key = keyring::private_key(&folder.join("operator.key"), None)?;
    let link = console::made(&key, &manage, None).await?;
    let link = crate::manage::text(&link, "url")?;
    let rows = stage.rows;
    let failed = rows.iter().filter(|row| !row.as_expected).count();
    let value = json!({
        "public": public, "manage": manage, "console": link, "data": folder, "rows": rows,
        "as_expected": rows.len().saturating_sub(failed), "unexpected": failed,
    });
    out.show(&value, || told(&rows, failed))?;
    if !args.once {
        if !out.json {
            Out::line(&invitation(folder, &public, &manage, link, &callers))?;
        }
        Out::note("Serving; Ctrl-C ends the demo.");
        running.until_signal(serve::caught(false)?).await;
        return Ok(());
    }
    end(running).await;
    echo.shutdown().await;
    if failed == 0 {
        return Ok(());
    }
    Err(Failure::new(Exit::Failed, format!("{failed} verdicts are not the expected ones"))
        .next("report it with the table above and `countersign --version`"))
}

async fn end(running: Running) {
    running.shutdown().await;
}

/// The table, and a sentence for each refusal.
fn told(rows: &[Row], failed: usize) -> String {
    let cells = rows.iter().map(|row| {
        let mark = if row.as_expected { "ok" } else { "UNEXPECTED" };
        vec![
            row.dialect.to_owned(),
            row.case.to_owned(),
            row.expected.to_owned(),
            format!("{} {}", row.status, row.got),
            mark.to_owned(),
            row.because.clone(),
        ]
    });
    let mut text = table(&["dialect", "request", "expected", "got", "", "because"], cells.collect());
    let good = rows.len().saturating_sub(failed);
    text.push_str(&format!("\n{good} verdicts as expected, {failed} not\n"));
    text
}

/// Addresses, and commands that work as they stand.
fn invitation(folder: &Path, public: &str, manage: &str, link: &str, callers: &Callers) -> String {
    let program =
        std::env::current_exe().map_or_else(|_| "countersign".to_owned(), |path| path.display().to_string());
    let program = crate::sign::quoted(&program);
    let place = |path: &Path| crate::sign::quoted(&path.display().to_string());
    let mut text = format!(
        "\npublic listener      {public}   (gateway, forward-auth, sessions, key set)\n\
         management listener  {manage}   (API document: {manage}/api/v1/openapi.json)\n\
         console              {link}   (opens once, within half an hour)\n\
         data                 {}\n\nTry:\n",
        folder.display()
    );
    for caller in &callers.all {
        text.push_str(&format!(
            "  {program} request GET {public}/{}/hello {}\n",
            caller.dialect,
            caller.arguments()
        ));
    }
    let sky = &callers.skykit;
    text.push_str(&format!(
        "  curl -i {public}/skykit/hello -H \"Authorization: Bearer $({program} sign {} --token)\"\n  curl -i {public}/skykit/hello\n",
        sky.arguments()
    ));
    text.push_str(&format!("  {program} account list --server {manage} --data {}\n", place(folder)));
    text.push_str(&format!("  {program} key list --server {manage} --data {}\n", place(folder)));
    text
}

/// Listeners on the usual ports where they are free, and a route for each dialect to the echo.
fn configuration(args: &DemoArgs, folder: &Path, upstream: SocketAddr) -> Result<Config, Failure> {
    let port = |usual: u16| {
        let free = !args.once && TcpListener::bind(loopback(usual)).is_ok();
        if free { usual } else { 0 }
    };
    let mut text = format!(
        "version = 1\n\n[server]\ndrain = \"0s\"\n\n\
         [[listener]]\naddress = \"127.0.0.1:{}\"\nsurfaces = [\"gateway\", \"forward-auth\", \"session\", \"explain\", \"jwks\", \"health\"]\n\n\
         [[listener]]\naddress = \"127.0.0.1:{}\"\nsurfaces = [\"manage\", \"console\", \"explain\", \"metrics\", \"health\"]\n",
        port(8700),
        port(8701)
    );
    for (path, dialect) in [
        ("skykit", "skykit"),
        ("skillhive", "skillhive"),
        ("asymmetric-jwt", "asymmetric-jwt"),
        ("partner-key", "partner-key"),
        ("spacetime", "own-session"),
    ] {
        text.push_str(&format!(
            "\n[[route]]\nname = \"{path}\"\npath = \"/{path}/\"\ndialects = [\"{dialect}\"]\nupstream = \"http://{upstream}\"\n"
        ));
    }
    let file = folder.join("demo.toml");
    std::fs::write(&file, &text).map_err(|error| Failure::of_file(file.display(), "written", &error))?;
    let sources = Sources { file: Some((file.display().to_string(), text)), ..Sources::default() };
    Config::load(&sources).map_err(Failure::failed)
}

fn folder(given: Option<&Path>) -> Result<PathBuf, Failure> {
    let folder = match given {
        Some(folder) => folder.to_owned(),
        None => {
            let name = countersign::base64::encode_hex(&world::random::<6>());
            std::env::temp_dir().join(format!("countersign-demo-{name}"))
        }
    };
    let mut builder = std::fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(builder.recursive(true), 0o700)
        .create(&folder)
        .map_err(|error| Failure::of_file(folder.display(), "made", &error))?;
    Ok(folder)
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}
