//! The real client libraries against a real server: a fresh installation, its routes, and the scripts of tests/clients.
use crate::run::{Background, built, command, passed, root, shown, target};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

/// Each dialect has a route of its own name.
const ROUTES: &[(&str, &str)] = &[
    ("skykit", "skykit"),
    ("skillhive", "skillhive"),
    ("asymmetric-jwt", "asymmetric-jwt"),
    ("partner-key", "partner-key"),
    ("http-signature", "http-signature"),
    ("spacetime", "own-session"),
    ("access-token", "access-token"),
];

/// Starts the server and the echo behind it, runs every script, and ends both.
///
/// # Errors
/// When a case failed, or something could not be started.
pub(crate) fn run() -> Result<u64, String> {
    let target = target()?;
    let (work, data) = (target.join("clients"), target.join("clients/data"));
    let trouble = |error: std::io::Error| format!("{}: {error}", data.display());
    // The installation is fresh; the clients' own environments may stay.
    for old in [&data, &work.join("keys")] {
        if old.exists() {
            std::fs::remove_dir_all(old).map_err(trouble)?;
        }
    }
    std::fs::create_dir_all(&data).map_err(trouble)?;
    let [public, manage, echo, hook] = free_ports()?;
    let file = data.join("server.toml");
    std::fs::write(&file, configuration(public, manage, echo, hook)).map_err(trouble)?;
    let countersign = built("countersign")?;
    let with_data = |arguments: &[&str]| {
        let mut one = command(&countersign, arguments);
        one.env("COUNTERSIGN_DATA", &data).env("COUNTERSIGN_MANAGE", format!("http://127.0.0.1:{manage}"));
        one
    };
    shown(with_data(&["init"]))?;
    let _echo = Background::start(
        command(built("countersign-echo")?, &[&format!("127.0.0.1:{echo}")]),
        &work.join("echo.log"),
    )?;
    let config = file.display().to_string();
    let mut server = Background::start(with_data(&["serve", "--config", &config]), &work.join("server.log"))?;
    wait_until_ready(&mut server, public, &work.join("server.log"))?;
    let mut script = command("python3", &["tests/clients/run.py"]);
    script.args(["--public", &format!("http://127.0.0.1:{public}"), "--countersign"]).arg(&countersign);
    script.arg("--work").arg(&work).env("COUNTERSIGN_DATA", &data);
    script.env("COUNTERSIGN_MANAGE", format!("http://127.0.0.1:{manage}"));
    script.env("COUNTERSIGN_HOOK_PORT", hook.to_string());
    let text = shown(script)
        .inspect_err(|_| println!("the server's log is {}", work.join("server.log").display()))?;
    passed(&text, "clients")
}

fn configuration(public: u16, manage: u16, echo: u16, hook: u16) -> String {
    let mut text = format!(
        "version = 1\n\n[server]\npublic_url = \"http://127.0.0.1:{public}\"\n\n\
         [[listener]]\naddress = \"127.0.0.1:{public}\"\nsurfaces = [\"gateway\", \"session\", \"token\", \"jwks\", \"health\"]\n\n\
         [[listener]]\naddress = \"127.0.0.1:{manage}\"\nsurfaces = [\"manage\", \"metrics\", \"health\"]\n\n\
         [session]\nrefresh_grace = \"10s\"\nself_registration = true\n\n\
         [token]\nrefresh_tokens = true\nscopes = [\"read\", \"write\"]\ndpop_nonces = true\n\n\
         [[token.client]]\naccount = \"resource-server\"\nintrospects = true\n\n\
         [webhooks]\nurl = \"http://127.0.0.1:{hook}/hook\"\nallow_http = true\nallow_private_networks = true\n"
    );
    for (path, dialect) in ROUTES {
        text.push_str(&format!(
            "\n[[route]]\nname = \"{path}\"\npath = \"/{path}/\"\ndialects = [\"{dialect}\"]\n\
             upstream = \"http://127.0.0.1:{echo}\"\n"
        ));
        if *dialect == "http-signature" {
            text.push_str("sign_answers = true\n");
        }
    }
    text
}

/// Ports that nobody listens on now, below those that the system gives to outgoing connections: one of these would take them.
fn free_ports<const N: usize>() -> Result<[u16; N], String> {
    let start = 10_000 + std::process::id() % 20_000;
    let mut held = Vec::new();
    for port in (start..start + 2_000).filter_map(|port| u16::try_from(port).ok()) {
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) {
            held.push((port, listener));
        }
        if held.len() == N {
            break;
        }
    }
    let ports: Vec<u16> = held.iter().map(|(port, _)| *port).collect();
    ports.try_into().map_err(|found| format!("wanted {N} free ports from {start} on, found {found:?}"))
}

/// Asks until the server says that it is ready; a server that ended says why in its log.
fn wait_until_ready(server: &mut Background, port: u16, log: &Path) -> Result<(), String> {
    // Half a minute: a first start makes keys and a database.
    for _ in 0..300 {
        if is_ready(port) {
            return Ok(());
        }
        if let Ok(Some(status)) = server.0.try_wait() {
            let words = std::fs::read_to_string(log).unwrap_or_default();
            return Err(format!("the server ended with {status}: {words}"));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let words = std::fs::read_to_string(log).unwrap_or_default();
    Err(format!("the server at port {port} of {} did not become ready: {words}", root().display()))
}

fn is_ready(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
    let asked = stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let mut answer = [0; 12];
    asked.is_ok() && stream.read_exact(&mut answer).is_ok() && answer.ends_with(b" 200")
}
