//! One connection to one server: TCP, TLS, who we are, and the scripts that are run there.
use crate::settings::{Address, Host, Settings};
use countersign_store::fault::Fault;
use redis::aio::{MultiplexedConnection, PubSub};
use redis::{AsyncConnectionConfig, Cmd, FromRedisValue, RedisConnectionInfo, RedisError};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// What servers are told apart by: who we are there, and by which certificates we know them.
pub(crate) struct Dial {
    tls: Option<TlsConnector>,
    servers: RedisConnectionInfo,
    sentinels: RedisConnectionInfo,
    patience: Duration,
}

/// Whom a connection is made to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Server,
    Sentinel,
}

/// A connection; questions that are put together share it.
pub(crate) struct Connection {
    commands: MultiplexedConnection,
    driver: JoinHandle<()>,
    host: Host,
    hashes: Vec<String>,
}

/// What is run at the server as one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Script {
    Claim,
    Look,
    Keep,
    Sweep,
}

const SCRIPTS: [(Script, &str); 4] = [
    (Script::Claim, include_str!("../lua/claim.lua")),
    (Script::Look, include_str!("../lua/look.lua")),
    (Script::Keep, include_str!("../lua/keep.lua")),
    (Script::Sweep, include_str!("../lua/sweep.lua")),
];

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl Dial {
    /// # Errors
    /// When the file of authorities cannot be used.
    pub(crate) fn new(settings: &Settings, address: &Address) -> Result<Self, Fault> {
        let tls = if address.tls { Some(tls(settings.ca_file.as_deref())?) } else { None };
        let plain = RedisConnectionInfo::default().set_skip_set_lib_name();
        let mut servers = plain.clone().set_db(address.database);
        if let Some(user) = &address.user {
            servers = servers.set_username(user);
        }
        if let Some(password) = &settings.password {
            servers = servers.set_password(password.as_str());
        }
        let sentinels = match &settings.sentinel_password {
            Some(password) => plain.set_password(password.as_str()),
            None => plain,
        };
        Ok(Self { tls, servers, sentinels, patience: settings.timeout })
    }

    /// A connection for commands, with nothing loaded.
    ///
    /// # Errors
    /// When none comes about in time.
    pub(crate) async fn connect(&self, host: &Host, role: Role) -> Result<Connection, Fault> {
        self.bounded(host, async {
            let stream = self.stream(host).await?;
            let config = AsyncConnectionConfig::new().set_response_timeout(Some(self.patience));
            let made = MultiplexedConnection::new_with_config(self.who(role), stream, config).await;
            let (commands, driver) = made.map_err(|error| failed("greet", host, error))?;
            let driver = tokio::spawn(driver);
            Ok(Connection { commands, driver, host: host.clone(), hashes: Vec::new() })
        })
        .await
    }

    /// A connection that listens.
    ///
    /// # Errors
    /// As for [`Self::connect`].
    pub(crate) async fn listen(&self, host: &Host) -> Result<PubSub, Fault> {
        self.bounded(host, async {
            let stream = self.stream(host).await?;
            let made = PubSub::new(self.who(Role::Server), stream).await;
            made.map_err(|error| failed("greet", host, error))
        })
        .await
    }

    /// How long one answer may take.
    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    fn who(&self, role: Role) -> &RedisConnectionInfo {
        match role {
            Role::Server => &self.servers,
            Role::Sentinel => &self.sentinels,
        }
    }

    async fn bounded<T>(
        &self,
        host: &Host,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        timeout(self.patience, work).await.unwrap_or_else(|_| {
            Err(Fault::new(format!("Redis at {host} did not answer within {} ms", self.patience.as_millis())))
        })
    }

    async fn stream(&self, host: &Host) -> Result<Box<dyn Stream>, Fault> {
        let unreached = |error| Fault::caused(format!("cannot reach Redis at {host}"), error);
        let stream = TcpStream::connect((host.name.as_str(), host.port)).await.map_err(unreached)?;
        stream.set_nodelay(true).map_err(unreached)?;
        let Some(tls) = &self.tls else { return Ok(Box::new(stream)) };
        let name = ServerName::try_from(host.name.clone())
            .map_err(|error| Fault::caused(format!("{host} has no name for TLS"), error))?;
        let stream = tls.connect(name, stream).await;
        Ok(Box::new(
            stream.map_err(|error| Fault::caused(format!("cannot speak TLS with Redis at {host}"), error))?,
        ))
    }
}

impl Connection {
    /// Loads the scripts; they are gone when the server is started anew, and then this connection is gone as well.
    ///
    /// # Errors
    /// When the server does not take them.
    pub(crate) async fn prepare(mut self) -> Result<Self, Fault> {
        for (_, text) in SCRIPTS {
            let hash = self.ask(redis::cmd("SCRIPT").arg("LOAD").arg(text)).await;
            self.hashes.push(hash.map_err(|error| self.failed("load scripts into", error))?);
        }
        Ok(self)
    }

    /// Asks one question.
    ///
    /// # Errors
    /// What the server says, or that it says nothing.
    pub(crate) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        command.query_async(&mut self.commands.clone()).await
    }

    /// The beginning of a call of a script over one key.
    pub(crate) fn script(&self, script: Script, key: &str) -> Cmd {
        let place = SCRIPTS.iter().position(|(one, _)| *one == script);
        let hash = place.and_then(|place| self.hashes.get(place)).map_or("", String::as_str);
        let mut command = redis::cmd("EVALSHA");
        command.arg(hash).arg(1).arg(key);
        command
    }

    /// The fault of something that failed here.
    pub(crate) fn failed(&self, what: &str, error: RedisError) -> Fault {
        failed(what, &self.host, error)
    }

    /// Who answers.
    pub(crate) fn host(&self) -> &Host {
        &self.host
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Whether the server said that it did nothing, since another one is in charge or it was started anew.
pub(crate) fn is_elsewhere(error: &RedisError) -> bool {
    matches!(
        error.code(),
        Some(
            "MOVED" | "ASK" | "TRYAGAIN" | "CLUSTERDOWN" | "READONLY" | "NOSCRIPT" | "MASTERDOWN" | "LOADING"
        )
    )
}

fn failed(what: &str, host: &Host, error: RedisError) -> Fault {
    let more = match error.code() {
        Some("OOM") => ": its memory is full; raise maxmemory, and keep maxmemory-policy noeviction",
        Some("NOPERM") => ": the user may not; see the page on stores for what it needs",
        Some("READONLY") => ": it is a replica; name the master, or the sentinels that know it",
        _ => "",
    };
    Fault::caused(format!("cannot {what} Redis at {host}{more}"), error)
}

fn tls(file: Option<&Path>) -> Result<TlsConnector, Fault> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(file) = file {
        let told = |text: String| Fault::new(format!("{}: {text}", file.display()));
        let certificates = CertificateDer::pem_file_iter(file)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| told(error.to_string()))?;
        if certificates.is_empty() {
            return Err(told("wanted PEM certificates, found none".to_owned()));
        }
        for certificate in certificates {
            roots.add(certificate).map_err(|error| told(error.to_string()))?;
        }
    }
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Fault::caused("TLS cannot be set up", error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
