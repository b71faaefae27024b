//! What every server under comparison gets: the same keys, the same tokens, the same settings.
use crate::token::{all_cores, token_with};
use countersign::life::key::KeyLife;
use countersign::time::Time;
use countersign_keys::{Algorithm, KeyKind, PrivateKey};
use countersign_store::model::{Account, Identifier, KeyRecord, Record, Write};
use countersign_store::registry::Registry;
use countersign_store_sqlite::SqliteStore;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The key id that tokens carry.
pub(crate) const KID: &str = "partner-1";
/// Who signs.
const ISSUER: &str = "partner@example.com";
/// The dialect that takes what every peer takes.
const BEARER: &str = include_str!("../../peers/bearer.toml");
/// Our own registry, by dialect: its folder is copied for each start.
const DATA: &str = "data";

/// A folder with all of it.
pub(crate) struct Site {
    folder: PathBuf,
    rsa: PrivateKey,
    p256: PrivateKey,
    ed25519: PrivateKey,
}

/// What the requests carry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Carried {
    /// Nothing.
    Nothing,
    /// Tokens that were never seen before, of this algorithm.
    Fresh(Signed),
    /// One token again and again.
    Reused,
    /// Single-use tokens of asymmetric-jwt, made for this moment.
    SingleUse,
}

/// The algorithm of the tokens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Signed {
    /// RSA, 2048 bits.
    Rs256,
    /// ECDSA on P-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl Signed {
    /// What stands in the table.
    pub(crate) fn told(self) -> &'static str {
        match self {
            Self::Rs256 => "fresh RS256 tokens",
            Self::Es256 => "fresh ES256 tokens",
            Self::EdDsa => "fresh Ed25519 tokens",
        }
    }
}

impl Site {
    /// Makes the keys and writes them in every form that a peer wants.
    ///
    /// # Errors
    /// What could not be made.
    pub(crate) fn make(folder: &Path, now: u64) -> Result<Self, String> {
        let made = |kind, bits| PrivateKey::generate(kind, bits).map_err(|error| error.to_string());
        let site = Self {
            folder: folder.to_path_buf(),
            rsa: made(KeyKind::Rsa, 2048)?,
            p256: made(KeyKind::P256, 256)?,
            ed25519: made(KeyKind::Ed25519, 256)?,
        };
        site.write_keys()?;
        site.write_registry(now)?;
        Ok(site)
    }

    /// Where the keys are.
    pub(crate) fn keys(&self) -> PathBuf {
        // The bare servers are built from their source as it is, with this placeholder for their folder.
        self.folder.join("@BENCH@/keys")
    }

    /// The folder that programs run in.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A fresh copy of our data folder.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub(crate) fn data(&self, name: &str) -> Result<PathBuf, String> {
        let to = self.folder.join(name);
        let from = self.folder.join(DATA);
        std::fs::create_dir_all(&to).map_err(|error| error.to_string())?;
        for file in std::fs::read_dir(from).map_err(|error| error.to_string())?.flatten() {
            if file.path().is_file() {
                std::fs::copy(file.path(), to.join(file.file_name())).map_err(|error| error.to_string())?;
            }
        }
        Ok(to)
    }

    /// Writes the requests to a file, one after another.
    ///
    /// # Errors
    /// When they cannot be signed or written.
    pub(crate) fn requests(
        &self,
        name: &str,
        carried: Carried,
        head: &str,
        numbers: Range<usize>,
        now: u64,
    ) -> Result<PathBuf, String> {
        let credential = |scheme: &str, token: &str| format!("{head}Authorization: {scheme} {token}\r\n\r\n");
        let requests = match carried {
            Carried::Nothing => vec![format!("{head}\r\n")],
            Carried::Reused => vec![credential("Bearer", &self.bearer(Signed::Rs256, 0, now)?)],
            Carried::Fresh(signed) => {
                let tokens = all_cores(numbers, |number| self.bearer(signed, number, now))?;
                tokens.iter().map(|token| credential("Bearer", token)).collect()
            }
            Carried::SingleUse => {
                let tokens = all_cores(numbers, |number| self.single_use(number, now))?;
                tokens.iter().map(|token| credential("JWT", token)).collect()
            }
        };
        let path = self.folder.join(name);
        std::fs::write(&path, requests.join("\0")).map(|()| path).map_err(|error| error.to_string())
    }

    /// Writes requests that nobody may take: one without a token, one whose signature was changed.
    ///
    /// # Errors
    /// As [`Site::requests`].
    pub(crate) fn bad_requests(&self, carried: Carried, head: &str, now: u64) -> Result<PathBuf, String> {
        let (scheme, mut token) = match carried {
            Carried::SingleUse => ("JWT", self.single_use(usize::MAX, now)?),
            Carried::Fresh(signed) => ("Bearer", self.bearer(signed, usize::MAX, now)?),
            Carried::Nothing | Carried::Reused => ("Bearer", self.bearer(Signed::Rs256, usize::MAX, now)?),
        };
        let place = token.len().saturating_sub(40);
        let other = if token.get(place..=place) == Some("A") { "B" } else { "A" };
        token.replace_range(place..=place, other);
        let requests = format!("{head}\r\n\0{head}Authorization: {scheme} {token}\r\n\r\n");
        let path = self.folder.join("bad");
        std::fs::write(&path, requests).map(|()| path).map_err(|error| error.to_string())
    }

    fn bearer(&self, signed: Signed, number: usize, now: u64) -> Result<String, String> {
        let claims = format!(
            r#"{{"iss":"{ISSUER}","sub":"partner-1","aud":"countersign","iat":{now},"exp":{},"jti":"{number:032x}"}}"#,
            now + 3000
        );
        let (jose, algorithm, key) = match signed {
            Signed::Rs256 => ("RS256", Algorithm::RsaSha256, &self.rsa),
            Signed::Es256 => ("ES256", Algorithm::EcdsaP256Sha256, &self.p256),
            Signed::EdDsa => ("EdDSA", Algorithm::Ed25519, &self.ed25519),
        };
        let head = format!(r#"{{"alg":"{jose}","kid":"{KID}-{jose}","typ":"JWT"}}"#);
        token_with(&head, algorithm, key, &claims)
    }

    fn single_use(&self, number: usize, now: u64) -> Result<String, String> {
        let claims = format!(r#"{{"username":"guido","time":{now},"nonce":"{number:032x}"}}"#);
        token_with(r#"{"alg":"RS256","typ":"JWT"}"#, Algorithm::RsaSha256, &self.rsa, &claims)
    }

    fn write_keys(&self) -> Result<(), String> {
        let keys = self.keys();
        let spki = |key: &PrivateKey| key.public_key().spki_der().to_vec();
        let end = |bytes: Vec<u8>, length: usize| {
            bytes.get(bytes.len().saturating_sub(length)..).unwrap_or_default().to_vec()
        };
        let write = |name: &str, bytes: Vec<u8>| {
            std::fs::write(keys.join(name), bytes).map_err(|error| error.to_string())
        };
        std::fs::create_dir_all(&keys).map_err(|error| error.to_string())?;
        let mut set = Vec::new();
        for (name, jose, key) in
            [("rsa", "RS256", &self.rsa), ("p256", "ES256", &self.p256), ("ed25519", "EdDSA", &self.ed25519)]
        {
            write(&format!("{name}.pem"), key.public_key().to_pem().into_bytes())?;
            let mut jwk =
                serde_json::to_value(key.public_key().to_jwk()).map_err(|error| error.to_string())?;
            if let Some(members) = jwk.as_object_mut() {
                members.insert("kid".to_owned(), format!("{KID}-{jose}").into());
                members.insert("alg".to_owned(), jose.into());
            }
            set.push(jwk);
        }
        write("jwks.json", serde_json::json!({ "keys": set }).to_string().into_bytes())?;
        // What the bare servers read: SPKI, an uncompressed point, 32 bytes; the last two stand at the end of their DER.
        write("rsa2048.spki", spki(&self.rsa))?;
        write("p256.raw", end(spki(&self.p256), 65))?;
        write("ed25519.raw", end(spki(&self.ed25519), 32))?;
        // Apache wants a certificate around the key.
        write("rsa.key", self.rsa.to_pkcs8_pem().as_bytes().to_vec())?;
        let certificate = std::process::Command::new("openssl")
            .args(["req", "-x509", "-days", "2", "-subj", "/CN=localhost", "-key"])
            .arg(keys.join("rsa.key"))
            .arg("-out")
            .arg(keys.join("rsa.crt"))
            .output();
        certificate.map(|_| ()).map_err(|error| format!("openssl: {error}"))
    }

    fn write_registry(&self, now: u64) -> Result<(), String> {
        std::fs::write(self.folder.join("bearer.toml"), BEARER).map_err(|error| error.to_string())?;
        let created = Time::from_seconds(i64::try_from(now).unwrap_or(0));
        let mut rows = account(
            1,
            "email",
            ISSUER,
            created,
            &[("bearer", &self.rsa), ("bearer", &self.p256), ("bearer", &self.ed25519)],
        );
        rows.extend(account(2, "user", "guido", created, &[("asymmetric-jwt,without-nonce", &self.rsa)]));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        runtime.map_err(|error| error.to_string())?.block_on(async {
            let store =
                SqliteStore::open(&self.folder.join(DATA)).await.map_err(|fault| fault.to_string())?;
            let writes: Vec<Write> = rows.into_iter().map(Write::Put).collect();
            store.commit(0, &writes, &[]).await.map_err(|not| format!("{not:?}"))?;
            store.close().await;
            Ok::<_, String>(())
        })
    }
}

/// An account with its keys.
fn account(
    number: usize,
    namespace: &str,
    name: &str,
    created: Time,
    keys: &[(&str, &PrivateKey)],
) -> Vec<Record> {
    let id = format!("acc_{number:026}");
    let account = Account {
        id: id.clone(),
        name: name.to_owned(),
        organisation: None,
        enabled: true,
        identifiers: vec![Identifier { namespace: namespace.to_owned(), value: name.to_owned() }],
        acts_as: Vec::new(),
        paths: Vec::new(),
        jwks_url: None,
        role: None,
        created,
    };
    let keys = keys.iter().enumerate().map(|(place, (dialect, key))| {
        Record::Key(KeyRecord {
            id: format!("key_{:026}", number * 100 + place),
            account: id.clone(),
            label: format!("key {place}"),
            spki: key.public_key().spki_der().to_vec(),
            life: KeyLife::ACTIVE,
            dialects: dialect.split(',').map(str::to_owned).collect(),
            algorithms: Vec::new(),
            methods: Vec::new(),
            paths: Vec::new(),
            networks: Vec::new(),
            created,
            last_used: None,
            last_address: None,
        })
    });
    std::iter::once(Record::Account(account)).chain(keys).collect()
}
