//! The demo's callers: a key for each dialect, and the file that registers them.
use crate::exit::Failure;
use crate::sign::quoted;
use crate::{keyring, world};
use countersign_client::signer::RequestSigner;
use countersign_dialects as dialects;
use countersign_keys::{Algorithm, KeyKind, PrivateKey, write_key_file};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// A caller with its key.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) dialect: &'static str,
    pub(crate) identifier: &'static str,
    pub(crate) acting_as: Option<&'static str>,
    pub(crate) key: Arc<PrivateKey>,
    pub(crate) companion: Option<Zeroizing<String>>,
    pub(super) algorithm: Option<Algorithm>,
    pub(super) key_file: PathBuf,
    pub(super) companion_file: Option<PathBuf>,
}

/// Every caller, and what registers them.
pub(crate) struct Callers {
    pub(crate) skykit: Caller,
    pub(crate) skillhive: Caller,
    pub(crate) asymmetric: Caller,
    pub(crate) partner: Caller,
    pub(crate) spacetime: Caller,
    pub(crate) all: Vec<Caller>,
    /// Keys that are registered nowhere: RSA and Ed25519.
    pub(crate) strange_rsa: Arc<PrivateKey>,
    pub(crate) strange_ed25519: Arc<PrivateKey>,
    /// The installation's file.
    pub(crate) file: PathBuf,
}

/// What `countersign apply` reads.
const ACCOUNTS: &str = r#"# The demo's callers, as `countersign apply` takes them.
[[organisation]]
name = "demo"

[[user]]
name = "ada@demo.example"

[[user]]
name = "boss@demo.example"

[[account]]
name = "demo-skykit"
organisation = "demo"
identifiers = { email = "ops@demo.example" }
[[account.key]]
label = "first"
dialects = ["skykit"]
file = "skykit.pem.pub"

[[account]]
name = "demo-skillhive"
identifiers = { connection = "demo-connection" }
acts_as = ["ada@demo.example"]
[[account.key]]
label = "first"
dialects = ["skillhive"]
file = "skillhive.pem.pub"
algorithms = ["RSA-SHA1", "RSA-SHA256"]

[[account]]
name = "demo-spacetime"
identifiers = { user-id = "demo-user" }
[[account.key]]
label = "first"
dialects = ["spacetime"]
file = "spacetime.pem.pub"

[[account]]
name = "demo-asymmetric"
identifiers = { user = "demo" }
[[account.key]]
label = "first"
dialects = ["asymmetric-jwt"]
file = "asymmetric-jwt.pem.pub"

[[account]]
name = "demo-partner"
identifiers = { site = "54344" }
[[account.key]]
label = "first"
dialects = ["partner-key"]
file = "partner-key.pem.pub"
[[account.companion]]
label = "app"
dialect = "partner-key"
secret_file = "partner-key.api-key"
"#;

impl Callers {
    /// Makes the callers' files, or takes those of an earlier run.
    pub(crate) fn make(folder: &Path) -> Result<Self, Failure> {
        let folder = folder.join("callers");
        std::fs::create_dir_all(&folder)
            .map_err(|error| Failure::of_file(folder.display(), "made", &error))?;
        let file = folder.join("accounts.toml");
        std::fs::write(&file, ACCOUNTS)
            .map_err(|error| Failure::of_file(file.display(), "written", &error))?;
        let secret_file = folder.join("partner-key.api-key");
        if !secret_file.exists() {
            let secret = countersign::base64::encode_hex(&world::random::<24>());
            write_key_file(&secret_file, secret.as_bytes()).map_err(Failure::failed)?;
        }
        let caller = |dialect, identifier, kind| Caller::make(&folder, dialect, identifier, kind);
        let skykit = caller("skykit", "ops@demo.example", KeyKind::Rsa)?;
        let mut skillhive = caller("skillhive", "demo-connection", KeyKind::Rsa)?;
        skillhive.acting_as = Some("ada@demo.example");
        let asymmetric = caller("asymmetric-jwt", "demo", KeyKind::Ed25519)?;
        let mut partner = caller("partner-key", "54344", KeyKind::Rsa)?;
        partner.companion = Some(world::read_secret(&secret_file)?);
        partner.companion_file = Some(secret_file);
        let spacetime = caller("spacetime", "demo-user", KeyKind::Ed25519)?;
        let all = [&skykit, &skillhive, &asymmetric, &partner, &spacetime].into_iter().cloned().collect();
        Ok(Self {
            skykit,
            skillhive,
            asymmetric,
            partner,
            spacetime,
            all,
            strange_rsa: Arc::new(PrivateKey::generate(KeyKind::Rsa, 2048).map_err(Failure::ours)?),
            strange_ed25519: Arc::new(PrivateKey::generate(KeyKind::Ed25519, 0).map_err(Failure::ours)?),
            file,
        })
    }
}

impl Caller {
    fn make(
        folder: &Path,
        dialect: &'static str,
        identifier: &'static str,
        kind: KeyKind,
    ) -> Result<Self, Failure> {
        let key_file = folder.join(format!("{dialect}.pem"));
        let key = if key_file.exists() {
            keyring::private_key(&key_file, None)?
        } else {
            let bits = if kind == KeyKind::Rsa { 2048 } else { 0 };
            let key = PrivateKey::generate(kind, bits).map_err(Failure::ours)?;
            write_key_file(&key_file, key.to_pkcs8_pem().as_bytes()).map_err(Failure::failed)?;
            key
        };
        let public = folder.join(format!("{dialect}.pem.pub"));
        std::fs::write(&public, key.public_key().to_pem())
            .map_err(|error| Failure::of_file(public.display(), "written", &error))?;
        Ok(Self {
            dialect,
            identifier,
            acting_as: None,
            key: Arc::new(key),
            companion: None,
            algorithm: None,
            key_file,
            companion_file: None,
        })
    }

    /// The same caller with another key.
    pub(crate) fn with_key(&self, key: &Arc<PrivateKey>) -> Self {
        Self { key: Arc::clone(key), ..self.clone() }
    }

    /// The same caller with another algorithm.
    pub(crate) fn with_algorithm(&self, algorithm: Algorithm) -> Self {
        Self { algorithm: Some(algorithm), ..self.clone() }
    }

    /// A signer with these settings of the dialect.
    pub(crate) fn signer(&self, settings: &[(&str, &str)]) -> Result<RequestSigner, Failure> {
        let settings =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let dialect = dialects::load(self.dialect, &settings).map_err(Failure::ours)?;
        let mut signer = RequestSigner::new(Arc::new(dialect), self.key.clone(), self.identifier);
        if let Some(user) = self.acting_as {
            signer = signer.acting_as(user);
        }
        if let Some(secret) = &self.companion {
            signer = signer.companion(secret.clone());
        }
        if let Some(algorithm) = self.algorithm {
            signer = signer.algorithm(algorithm);
        }
        Ok(signer)
    }

    /// The arguments with which the command line signs as this caller.
    pub(crate) fn arguments(&self) -> String {
        let place = |path: &Path| quoted(&path.display().to_string());
        let mut text = format!(
            "--dialect {} --key {} --as {}",
            self.dialect,
            place(&self.key_file),
            quoted(self.identifier)
        );
        if let Some(user) = self.acting_as {
            text.push_str(&format!(" --acting-as {user}"));
        }
        if let Some(path) = &self.companion_file {
            text.push_str(&format!(" --api-key-file {}", place(path)));
        }
        text
    }
}
