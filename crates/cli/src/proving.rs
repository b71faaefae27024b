//! The arguments with which a caller signs, shared by all commands that do.
use crate::exit::{Exit, Failure};
use crate::{keyring, world};
use clap::Args;
use countersign::dialect::Dialect;
use countersign::dialect::settings::Settings;
use countersign_client::signer::RequestSigner;
use countersign_keys::Algorithm;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Which dialect, with which settings.
#[derive(Args, Debug, Clone)]
pub(crate) struct DialectArgs {
    /// The dialect: a shipped name (`countersign dialect list`) or the path of a dialect file.
    #[arg(short = 'd', long, value_name = "NAME|FILE")]
    pub(crate) dialect: String,
    /// Replaces a setting of the dialect, such as `--set lifetime=30m`.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub(crate) settings: Vec<String>,
}

/// Who signs.
#[derive(Args, Debug, Clone)]
pub(crate) struct SignerArgs {
    /// The file with the private key; or `ssh-agent:FINGERPRINT` (or a comment), or a `pkcs11:` URI.
    #[arg(short, long, value_name = "FILE|KEY")]
    pub(crate) key: PathBuf,
    /// The name as registered: e-mail, user name, user id, connection id or site number.
    #[arg(long = "as", value_name = "IDENTIFIER", default_value = "")]
    pub(crate) identifier: String,
    /// The user to act for, where the dialect names one.
    #[arg(long, value_name = "USER")]
    pub(crate) acting_as: Option<String>,
    /// The file with the API key that some dialects want beside the proof.
    #[arg(long, value_name = "FILE")]
    pub(crate) api_key_file: Option<PathBuf>,
    /// The file with the private key's passphrase or the token's PIN; without it, a terminal is asked.
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// The algorithm; otherwise the dialect's first that fits the key and is not weak.
    #[arg(long, value_name = "NAME")]
    pub(crate) algorithm: Option<String>,
}

/// A request to be signed or sent, in the manner of curl.
#[derive(Args, Debug, Clone)]
pub(crate) struct RequestArgs {
    /// A header, such as `-H 'Accept: application/json'`.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub(crate) headers: Vec<String>,
    /// The body: a text, or `@FILE` for a file's bytes (`@-`: standard input).
    #[arg(long = "data", value_name = "TEXT|@FILE")]
    pub(crate) body: Option<String>,
}

impl DialectArgs {
    pub(crate) fn load(&self) -> Result<Arc<Dialect>, Failure> {
        load(&self.dialect, &settings(&self.settings)?)
    }
}

impl SignerArgs {
    pub(crate) fn signer(&self, dialect: Arc<Dialect>) -> Result<RequestSigner, Failure> {
        let key = keyring::key_pair(&self.key, self.passphrase_file.as_deref())?;
        if self.identifier.is_empty()
            && let Some(namespace) = dialect.namespace()
        {
            return Err(Failure::usage(format!(
                "{} names its callers by {namespace}; say yours with --as {}",
                dialect.name(),
                namespace.to_uppercase()
            )));
        }
        let mut signer = RequestSigner::new(dialect, key, &self.identifier);
        if let Some(user) = &self.acting_as {
            signer = signer.acting_as(user);
        }
        if let Some(path) = &self.api_key_file {
            signer = signer.companion(world::read_secret(path)?);
        }
        if let Some(name) = &self.algorithm {
            signer = signer.algorithm(algorithm(name)?);
        }
        Ok(signer)
    }
}

impl RequestArgs {
    pub(crate) fn header_map(&self) -> Result<http::HeaderMap, Failure> {
        let mut map = http::HeaderMap::new();
        for line in &self.headers {
            let bad =
                || Failure::usage(format!("wanted a header such as 'Accept: text/plain', found {line:?}"));
            let (name, value) = line.split_once(':').ok_or_else(bad)?;
            let name = http::HeaderName::try_from(name.trim()).map_err(|_| bad())?;
            map.append(name, http::HeaderValue::try_from(value.trim()).map_err(|_| bad())?);
        }
        Ok(map)
    }

    pub(crate) fn body_bytes(&self) -> Result<Vec<u8>, Failure> {
        match self.body.as_deref() {
            None => Ok(Vec::new()),
            Some(text) => match text.strip_prefix('@') {
                Some(path) => world::read(Path::new(path)),
                None => Ok(text.as_bytes().to_vec()),
            },
        }
    }
}

/// An algorithm by its name.
pub(crate) fn algorithm(name: &str) -> Result<Algorithm, Failure> {
    Algorithm::from_name(name).or_else(|| Algorithm::from_jose(name)).ok_or_else(|| {
        let known: Vec<_> = Algorithm::ALL.iter().map(|algorithm| algorithm.name()).collect();
        Failure::usage(format!("wanted one of {}, found {name}", known.join(", ")))
    })
}

/// Reads `NAME=VALUE` pairs.
pub(crate) fn settings(pairs: &[String]) -> Result<Settings, Failure> {
    let split = |pair: &String| {
        let (name, value) = pair.split_once('=').ok_or_else(|| {
            Failure::usage(format!("wanted a setting as NAME=VALUE such as lifetime=30m, found {pair:?}"))
        })?;
        Ok((name.to_owned(), value.to_owned()))
    };
    pairs.iter().map(split).collect()
}

/// A shipped dialect by name, or one from a file.
pub(crate) fn load(name: &str, settings: &Settings) -> Result<Arc<Dialect>, Failure> {
    let loaded = if name.contains(['/', '\\']) || Path::new(name).extension().is_some() {
        Dialect::parse(&world::read_text(Path::new(name))?, settings)
    } else if countersign_dialects::folder(name).is_some() {
        countersign_dialects::load(name, settings)
    } else {
        let known: Vec<_> = countersign_dialects::FOLDERS.iter().map(|folder| folder.name).collect();
        return Err(Failure::new(
            Exit::Usage,
            format!(
                "there is no dialect {name:?}; shipped are {}; for one of your own give the path of its file",
                known.join(", ")
            ),
        ));
    };
    loaded.map(Arc::new).map_err(Failure::usage)
}
