//! The servers under comparison: what each is, and how it is started on one core with the configuration beside this crate.
use super::site::{KID, Site};
use crate::lanes::available;
use crate::page::said;
use crate::process::{Running, built, free_address};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Peer {
    /// Bare hyper that says "ok".
    Bare,
    /// Bare hyper that checks the token with one fixed key.
    BareChecking,
    /// Ours: the answer of forward-auth.
    Ours,
    /// The same with signatures checked side by side.
    OursInLanes,
    /// Ours: the gateway before the service.
    OurGateway,
    /// Ours, with the same dialect but no nonce.
    OursWithoutNonce,
    /// Debian's HAProxy with its own token check.
    Haproxy,
    /// Envoy's jwt_authn.
    Envoy,
    /// Envoy's jwt_authn with its cache of tokens.
    EnvoyCache,
    /// Debian's nginx with njs.
    NginxNjs,
    /// Debian's nginx that asks us (`auth_request`), both on one core.
    NginxDoor,
    /// Debian's nginx as a plain reverse proxy.
    NginxProxy,
    /// Caddy as a plain reverse proxy.
    CaddyProxy,
    /// Debian's Apache with mod_auth_openidc.
    Apache,
    /// Node with the package jose.
    NodeJose,
    /// Node with fastify and fast-jwt.
    Fastify,
    /// asymmetric_jwt_auth on Django under gunicorn.
    Django,
}

/// A started peer: the servers, the one that is asked last.
pub(crate) struct Started {
    pub(crate) servers: Vec<Running>,
    pub(crate) address: SocketAddr,
}

impl Peer {
    /// Its name in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare hyper, ok",
            Self::BareChecking => "bare hyper, one fixed key",
            Self::Ours => "countersign, forward-auth",
            Self::OursInLanes => "countersign, forward-auth, lanes",
            Self::OurGateway => "countersign, gateway",
            Self::OursWithoutNonce => "countersign, without the nonce",
            Self::Haproxy => "HAProxy",
            Self::Envoy => "Envoy jwt_authn",
            Self::EnvoyCache => "Envoy jwt_authn, cache",
            Self::NginxNjs => "nginx + njs",
            Self::NginxDoor => "nginx auth_request + countersign",
            Self::NginxProxy => "nginx, plain proxy",
            Self::CaddyProxy => "Caddy, plain proxy",
            Self::Apache => "Apache mod_auth_openidc",
            Self::NodeJose => "Node + jose",
            Self::Fastify => "fastify + fast-jwt",
            Self::Django => "Django + asymmetric_jwt_auth",
        }
    }

    /// Whether it lets everybody through.
    pub(crate) fn checks_nothing(self) -> bool {
        matches!(self, Self::Bare | Self::NginxProxy | Self::CaddyProxy)
    }

    /// The head of a request to it, up to the credential.
    pub(crate) fn head(self) -> &'static str {
        match self {
            Self::Ours | Self::OursInLanes | Self::OursWithoutNonce => {
                "GET /verify/api HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Method: GET\r\nX-Forwarded-Proto: http\r\n\
                 X-Forwarded-Host: localhost\r\nX-Forwarded-Uri: /\r\n"
            }
            _ => "GET / HTTP/1.1\r\nHost: localhost\r\n",
        }
    }

    /// Its program, when it is installed; `None` says what is missing.
    pub(crate) fn program(self) -> Result<PathBuf, String> {
        let named = |variable: &str| built(variable);
        let found = |path: &str| {
            let path = PathBuf::from(path);
            if path.exists() { Ok(path) } else { Err(format!("{} is not installed", path.display())) }
        };
        match self {
            Self::Bare | Self::BareChecking => named("COUNTERSIGN_BENCH_BARE"),
            Self::OursInLanes if !available() => Err("this CPU has no AVX-512 IFMA".to_owned()),
            Self::Ours | Self::OursInLanes | Self::OurGateway | Self::OursWithoutNonce => {
                named("COUNTERSIGN_BENCH_PROGRAM")
            }
            Self::Haproxy => found("/usr/sbin/haproxy"),
            Self::Envoy | Self::EnvoyCache => tool("envoy"),
            Self::NginxNjs => {
                found("/usr/lib/nginx/modules/ngx_http_js_module.so").and_then(|_| found("/usr/sbin/nginx"))
            }
            Self::NginxDoor | Self::NginxProxy => found("/usr/sbin/nginx"),
            Self::CaddyProxy => tool("caddy").or_else(|_| found("/usr/bin/caddy")),
            Self::Apache => {
                found("/usr/lib/apache2/modules/mod_auth_openidc.so").and_then(|_| found("/usr/sbin/apache2"))
            }
            Self::NodeJose | Self::Fastify => {
                found("/usr/bin/node").or_else(|_| found("/usr/local/bin/node"))
            }
            Self::Django => tool("gunicorn"),
        }
    }

    /// The version it tells, in one line.
    pub(crate) fn version(self) -> Option<String> {
        let program = self.program().ok()?.display().to_string();
        let first = |words: &[&str]| said(&program, words).lines().next().map(str::to_owned);
        match self {
            Self::Bare | Self::BareChecking => None,
            Self::Ours | Self::OursInLanes | Self::OurGateway | Self::OursWithoutNonce => None,
            Self::NginxNjs | Self::NginxDoor | Self::NginxProxy | Self::Haproxy => first(&["-v"]),
            Self::Envoy | Self::EnvoyCache => {
                // What stands before it is where the program is.
                let text = said(&program, &["--version"]);
                text.split_once("version:").map(|(_, version)| format!("Envoy {}", version.trim()))
            }
            Self::CaddyProxy => first(&["version"]).map(|version| format!("Caddy {version}")),
            Self::Apache => first(&["-v"]),
            Self::NodeJose | Self::Fastify => first(&["--version"]).map(|version| format!("Node {version}")),
            Self::Django => {
                let python = tool("python").ok()?.display().to_string();
                let code = "from importlib.metadata import version as v\n\
                            print(*(n + ' ' + v(n) for n in ('asymmetric-jwt-auth', 'Django', 'gunicorn')), sep=', ')";
                Some(said(&python, &["-c", code]))
            }
        }
    }

    /// Starts it on the servers' core; `service` answers behind proxies.
    ///
    /// # Errors
    /// When it cannot be started or does not answer.
    pub(crate) fn start(self, site: &Site, service: SocketAddr) -> Result<Started, String> {
        let program = self.program()?;
        let address = free_address()?;
        let folder = site.folder().join(format!("run-{}", address.port()));
        std::fs::create_dir_all(folder.join("site")).map_err(|error| error.to_string())?;
        std::fs::write(folder.join("site/index.html"), "ok").map_err(|error| error.to_string())?;
        let mut servers = Vec::new();
        let mut other = service;
        if self == Self::NginxDoor {
            let behind = Self::Ours.start(site, service)?;
            other = behind.address;
            servers.extend(behind.servers);
        }
        let place = Place { site, folder: &folder, address, other };
        let words = self.arguments(&place)?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        // The bare servers look for their keys from where they stand.
        let stands = if matches!(self, Self::Bare | Self::BareChecking) { site.folder() } else { &folder };
        let mut running = Running::start(&program, &words, stands)?;
        running.accepts(address)?;
        servers.push(running);
        Ok(Started { servers, address })
    }

    fn arguments(self, place: &Place<'_>) -> Result<Vec<String>, String> {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let text = place.address.to_string();
        Ok(match self {
            Self::Bare => words(&["ok", &text]),
            Self::BareChecking => words(&["verify", &text]),
            Self::Ours | Self::OursInLanes | Self::OurGateway | Self::OursWithoutNonce => {
                let config = place.write("server.toml", &self.settings(place)?)?;
                let data = place.site.data(&format!("data-{}", place.address.port()))?;
                words(&["serve", "--config", &config, "--data", &data.display().to_string()])
            }
            Self::Haproxy => {
                words(&["-db", "-f", &place.write("haproxy.cfg", include_str!("../../peers/haproxy.cfg"))?])
            }
            Self::Envoy | Self::EnvoyCache => {
                let config = place.write("envoy.json", &envoy(self == Self::EnvoyCache))?;
                words(&["-c", &config, "--concurrency", "1", "--disable-hot-restart", "-l", "off"])
            }
            Self::NginxNjs => {
                place.write("token.js", include_str!("../../peers/token.js"))?;
                words(&["-c", &place.write("nginx.conf", include_str!("../../peers/nginx-njs.conf"))?])
            }
            Self::NginxDoor => {
                words(&["-c", &place.write("nginx.conf", include_str!("../../peers/nginx-door.conf"))?])
            }
            Self::NginxProxy => {
                words(&["-c", &place.write("nginx.conf", include_str!("../../peers/nginx-proxy.conf"))?])
            }
            Self::CaddyProxy => {
                let config = place.write("Caddyfile", include_str!("../../peers/Caddyfile"))?;
                words(&["run", "--adapter", "caddyfile", "--config", &config])
            }
            Self::Apache => words(&[
                "-DFOREGROUND",
                "-f",
                &place.write("apache.conf", include_str!("../../peers/apache.conf"))?,
            ]),
            Self::NodeJose => words(&[&place.write("jose.mjs", include_str!("../../peers/jose.mjs"))?]),
            Self::Fastify => words(&[&place.write("fastify.mjs", include_str!("../../peers/fastify.mjs"))?]),
            Self::Django => {
                let module = place.write("service.py", include_str!("../../peers/django.py"))?;
                let prepared = Command::new(tool("python")?).args([&module, "prepare"]).output();
                let prepared = prepared.map_err(|error| format!("python: {error}"))?;
                if !prepared.status.success() {
                    return Err(format!("Django: {}", String::from_utf8_lossy(&prepared.stderr)));
                }
                let bind = ["-w", "1", "-k", "gthread", "--threads", "8", "-b", &text];
                [
                    words(&bind),
                    words(&["--log-level", "critical", "--keep-alive", "60", "service:application"]),
                ]
                .concat()
            }
        })
    }

    /// Our configuration: the dialect that takes what the peers take, or asymmetric-jwt as shipped.
    fn settings(self, place: &Place<'_>) -> Result<String, String> {
        let bearer = place.site.folder().join("bearer.toml");
        let without = place.folder.join("without-nonce.toml");
        if self == Self::OursWithoutNonce {
            let text =
                countersign_dialects::folder("asymmetric-jwt").ok_or("no dialect asymmetric-jwt")?.file;
            let kept: Vec<&str> =
                text.lines().filter(|line| !line.trim_start().starts_with("{ once")).collect();
            let text = kept.join("\n").replacen("name = \"asymmetric-jwt\"", "name = \"without-nonce\"", 1);
            std::fs::write(&without, text).map_err(|error| error.to_string())?;
        }
        let (dialects, more) = match self {
            Self::OursWithoutNonce => {
                ("without-nonce", format!("[dialect.without-nonce]\nfile = \"{}\"\n", without.display()))
            }
            _ => {
                ("bearer\", \"asymmetric-jwt", format!("[dialect.bearer]\nfile = \"{}\"\n", bearer.display()))
            }
        };
        let lanes = self == Self::OursInLanes;
        let surface = if self == Self::OurGateway { "gateway" } else { "forward-auth" };
        Ok(format!(
            "version = 1\n[server]\ntrusted_proxies = [\"127.0.0.0/8\"]\nlog = \"warn\"\nlanes = {lanes}\n\
             [[listener]]\naddress = \"{}\"\nsurfaces = [\"{surface}\"]\n\
             [[route]]\nname = \"api\"\npath = \"/\"\ndialects = [\"{dialects}\"]\nupstream = \"http://{}\"\n{more}",
            place.address, place.other
        ))
    }
}

/// Where a server runs and what it talks to.
struct Place<'a> {
    site: &'a Site,
    folder: &'a Path,
    address: SocketAddr,
    other: SocketAddr,
}

impl Place<'_> {
    /// Writes a file with the places filled in; gives its path.
    fn write(&self, name: &str, text: &str) -> Result<String, String> {
        let packages = tools().display().to_string();
        let text = text
            .replace("{port}", &self.address.port().to_string())
            .replace("{other}", &self.other.to_string())
            .replace("{folder}", &self.folder.display().to_string())
            .replace("{keys}", &self.site.keys().display().to_string())
            .replace("{packages}", &packages)
            .replace("{kid}", &format!("{KID}-RS256"));
        let path = self.folder.join(name);
        std::fs::write(&path, text).map_err(|error| error.to_string())?;
        Ok(path.display().to_string())
    }
}

fn envoy(cache: bool) -> String {
    let cached = ",\n                  \"jwt_cache_config\": {\"jwt_cache_size\": 20000, \"jwt_max_token_size\": 4096}";
    include_str!("../../peers/envoy.json").replace("{cache}", if cache { cached } else { "" })
}

/// The service behind proxies: a kibibyte from nginx, on the load's core.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn service(site: &Site) -> Result<(Running, SocketAddr), String> {
    let address = free_address()?;
    let folder = site.folder().join("service");
    std::fs::create_dir_all(folder.join("site")).map_err(|error| error.to_string())?;
    std::fs::write(folder.join("site/index.html"), "x".repeat(1024)).map_err(|error| error.to_string())?;
    let place = Place { site, folder: &folder, address, other: address };
    let config = place.write("nginx.conf", include_str!("../../peers/nginx-service.conf"))?;
    let mut running = Running::start_beside(Path::new("/usr/sbin/nginx"), &["-c", &config], &folder)?;
    running.accepts(address)?;
    Ok((running, address))
}

/// The folder of what `cargo xtask bench peers` has installed.
fn tools() -> PathBuf {
    std::env::var_os("COUNTERSIGN_BENCH_TOOLS").map(PathBuf::from).unwrap_or_default()
}

/// A program in it.
fn tool(name: &str) -> Result<PathBuf, String> {
    let path = tools().join("venv/bin").join(name);
    if path.exists() { Ok(path) } else { Err(format!("{name} is not installed")) }
}
