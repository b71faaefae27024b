//! What `countersign init` is going to make: the answers to its questions, and the configuration that they give.
use clap::Args;
use countersign_server::config::check::SIGNING_IN;
use countersign_server::config::{Config, Sources};
use countersign_server::dialects;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The first operator's name, where nobody says another.
pub(crate) const OWNER: &str = "owner";
/// A proof in it works once, and keys of every usual kind fit.
pub(super) const DIALECT: &str = "asymmetric-jwt";

/// The flags that answer the questions.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Answers, in place of questions")]
pub(crate) struct Answers {
    /// Asks nothing: what no flag says is as proposed. server.toml is written where there is none, as any answer about it has done.
    #[arg(short, long)]
    pub(super) yes: bool,
    /// The address that callers use [default: 127.0.0.1:8700].
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(super) listen: Option<SocketAddr>,
    /// How callers spell it, when a proxy stands before [default: http or https and --listen].
    #[arg(long, value_name = "URL")]
    pub(super) public_url: Option<String>,
    /// The file with the certificate chain, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(super) tls_certificate: Option<PathBuf>,
    /// The file with its private key.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub(super) tls_key: Option<PathBuf>,
    /// A proxy speaks TLS before the listeners.
    #[arg(long, conflicts_with = "tls_certificate")]
    pub(super) insecure_http: bool,
    /// The address that operators use [default: 127.0.0.1:8701].
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(super) manage: Option<SocketAddr>,
    /// Leaves the web console out; otherwise it stands on the operators' listener.
    #[arg(long)]
    pub(super) no_console: bool,
    /// A dialect that callers may use; may be given more than once [default: asymmetric-jwt].
    #[arg(long = "dialect", value_name = "DIALECT")]
    pub(super) dialects: Vec<String>,
    /// The service that gets the requests that hold; without it, a proxy of yours on this machine asks (forward-auth).
    #[arg(long, value_name = "URL")]
    pub(super) upstream: Option<String>,
    /// The first operator's name [default: owner].
    #[arg(long, value_name = "NAME")]
    pub(super) operator: Option<String>,
}

/// Everything that is decided.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) listen: SocketAddr,
    pub(super) public_url: String,
    pub(super) tls: Option<(PathBuf, PathBuf)>,
    pub(super) insecure_http: bool,
    pub(super) manage: SocketAddr,
    pub(super) console: bool,
    pub(super) dialects: Vec<String>,
    pub(super) upstream: Option<String>,
    pub(super) operator: String,
}

impl Answers {
    /// Whether one of them says what stands in server.toml, which is then written.
    pub(super) fn say_settings(&self) -> bool {
        let said = self.listen.is_some() || self.manage.is_some() || !self.dialects.is_empty();
        let urls = self.public_url.is_some() || self.upstream.is_some() || self.tls_certificate.is_some();
        said || urls || self.insecure_http || self.no_console
    }

    /// What is made when nobody is asked.
    pub(super) fn plan(&self) -> Plan {
        let listen = self.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8700)));
        let tls = self.tls_certificate.clone().zip(self.tls_key.clone());
        let secure = tls.is_some() || self.insecure_http;
        Plan {
            listen,
            public_url: self.public_url.clone().unwrap_or_else(|| proposed_url(listen, secure)),
            tls,
            insecure_http: self.insecure_http,
            manage: self.manage.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8701))),
            console: !self.no_console,
            dialects: if self.dialects.is_empty() { vec![DIALECT.to_owned()] } else { self.dialects.clone() },
            upstream: self.upstream.clone(),
            operator: self.operator.clone().unwrap_or_else(|| OWNER.to_owned()),
        }
    }
}

/// How callers may spell an address; behind TLS they hardly use a bare one.
pub(super) fn proposed_url(listen: SocketAddr, secure: bool) -> String {
    format!("{}://{listen}", if secure { "https" } else { "http" })
}

/// The names of the dialects that a route may take from callers.
pub(super) fn known_dialects() -> Vec<&'static str> {
    let folders = countersign_dialects::FOLDERS.iter().map(|folder| folder.name);
    // Operators have a listener of their own; access tokens come from the token endpoint, which no answer opens.
    let names = folders.filter(|name| !["operator", "access-token"].contains(name));
    names.filter(|name| SIGNING_IN.iter().all(|row| row.dialect != *name)).collect()
}

impl Plan {
    /// `server.toml` as it is written.
    pub(super) fn configuration(&self) -> String {
        let mut text = format!(
            "# Made by `countersign init`; `countersign config default` shows every other setting.\nversion = 1\n\n[server]\npublic_url = {}\n",
            quoted(&self.public_url)
        );
        if self.insecure_http {
            text.push_str("# A proxy speaks TLS before the listeners.\ninsecure_http = true\n");
        }
        let forward = if self.upstream.is_none() { "\"forward-auth\", " } else { "" };
        if self.upstream.is_none() {
            text.push_str("# The proxy that asks /verify stands on this machine.\ntrusted_proxies = [\"127.0.0.1/32\", \"::1/128\"]\n");
        }
        text.push_str(&format!(
            "\n# Callers.\n[[listener]]\naddress = \"{}\"\nsurfaces = [\"gateway\", {forward}\"session\", \"explain\", \"jwks\", \"health\"]\n{}",
            self.listen,
            self.tls(self.listen),
        ));
        let console = if self.console { "\"console\", " } else { "" };
        text.push_str(&format!(
            "\n# Operators.\n[[listener]]\naddress = \"{}\"\nsurfaces = [\"manage\", {console}\"explain\", \"metrics\", \"health\"]\n{}",
            self.manage,
            self.tls(self.manage),
        ));
        let names: Vec<String> = self.dialects.iter().map(|name| quoted(name)).collect();
        text.push_str(&format!(
            "\n[[route]]\nname = \"main\"\npath = \"/\"\ndialects = [{}]\n",
            names.join(", ")
        ));
        if let Some(upstream) = &self.upstream {
            text.push_str(&format!("upstream = {}\n", quoted(upstream)));
        }
        text
    }

    /// What is wrong with that configuration, in the words of `config check`.
    pub(super) fn check(&self) -> Result<(), String> {
        let file = Some(("server.toml".to_owned(), self.configuration()));
        let config = Config::load(&Sources { file, environment: Vec::new(), flags: Vec::new() });
        let config = config.map_err(|errors| errors.to_string())?;
        match dialects::check(&config).errors.first() {
            Some(error) => Err(error.to_string()),
            None => Ok(()),
        }
    }

    fn tls(&self, address: SocketAddr) -> String {
        match &self.tls {
            Some((certificate, key)) if !address.ip().is_loopback() || address == self.listen => format!(
                "tls = {{ certificate = {}, key = {} }}\n",
                quoted(&certificate.display().to_string()),
                quoted(&key.display().to_string())
            ),
            _ => String::new(),
        }
    }
}

/// A text as TOML has it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_proposed_can_be_used() {
        let plan = Answers::default().plan();
        plan.check().unwrap();
        assert!(
            plan.configuration().contains("\"console\"") && plan.configuration().contains("forward-auth")
        );
        for dialect in known_dialects() {
            Plan { dialects: vec![dialect.to_owned()], ..plan.clone() }.check().unwrap();
        }
    }

    #[test]
    fn no_answer_breaks_out_of_its_place() {
        let upstream = Some("http://a\"\nversion = 2\n".to_owned());
        let plan = Plan { upstream, public_url: "x\"]".to_owned(), ..Answers::default().plan() };
        assert!(plan.check().unwrap_err().contains("public_url"));
    }

    #[test]
    fn what_cannot_be_used_is_told_before_anything_is_made() {
        let plan = Answers::default().plan();
        let open = Plan { listen: "0.0.0.0:8700".parse().unwrap(), ..plan.clone() };
        assert!(open.check().unwrap_err().contains("TLS"));
        Plan { insecure_http: true, ..open.clone() }.check().unwrap();
        let both = Plan { dialects: vec!["skykit".into(), "own-session".into()], ..plan.clone() };
        assert!(both.check().unwrap_err().contains("nothing tells them apart"));
        assert!(Plan { dialects: vec!["skikyt".into()], ..plan }.check().is_err());
    }
}
