//! `countersign key`: makes, shows and converts keys here, and manages those that are registered at a server.
use crate::asker::AskerArgs;
use crate::exit::{Done, Failure};
use crate::limits::{self, LimitArgs};
use crate::pair::{write_new, write_pair};
use crate::print::{Out, pairs};
use crate::registered::{self, RegisterArgs};
use crate::rotation::{self, RotateArgs};
use crate::{keyring, proving, world};
use base64ct::{Base64, Encoding};
use clap::{Args, Subcommand, ValueEnum};
use countersign_keys::{BlockList, KeyKind, Policy, PrivateKey, PublicKey, read_public_key, write_key_file};
use serde::Serialize;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

#[derive(Subcommand, Debug)]
pub(crate) enum KeyCommand {
    /// Make a new key pair: the private key goes into FILE (mode 0600), the public key into FILE.pub.
    New(NewArgs),
    /// Show what a key file holds: kind, size and every usual fingerprint; of a private key, its public half. Or a registered key.
    Show {
        /// A public or private key file; `-` for standard input; or `ssh-agent:FINGERPRINT`, or a `pkcs11:` URI; or a registered key's
        /// id.
        file: PathBuf,
        #[command(flatten)]
        asker: AskerArgs,
    },
    /// Write a key in another form.
    Convert(ConvertArgs),
    /// Register a public key for an account.
    Register(Box<RegisterArgs>),
    /// List registered keys.
    List {
        /// Only those of this account (name or id).
        account: Option<String>,
        #[command(flatten)]
        asker: AskerArgs,
    },
    /// Say what a registered key may be used for, from where and until when; what is not named stays as it is.
    Limit(Box<LimitArgs>),
    /// Register the next key of an account; the old one is taken until a date.
    Rotate(Box<RotateArgs>),
    /// Show from where a key was used, and when last.
    Uses {
        /// The key's id.
        key: String,
        #[command(flatten)]
        asker: AskerArgs,
    },
    /// Say whether a server would take a public key, or why not.
    Check {
        /// The file with the public key; `-` for standard input.
        file: PathBuf,
        /// A block list beside the keys that everybody has: fingerprints, a line each, or a list of Debian's.
        #[arg(long, value_name = "FILE")]
        blocked: Option<PathBuf>,
    },
    /// Revoke a key at once and for ever.
    Revoke {
        /// The key's id.
        key: String,
        #[command(flatten)]
        asker: AskerArgs,
    },
    /// Switch a key off; it can be switched on again.
    Disable {
        /// The key's id.
        key: String,
        #[command(flatten)]
        asker: AskerArgs,
    },
    /// Switch a pending or disabled key on.
    Enable {
        /// The key's id.
        key: String,
        #[command(flatten)]
        asker: AskerArgs,
    },
}

#[derive(Args, Debug)]
pub(crate) struct NewArgs {
    /// Where the private key goes.
    file: PathBuf,
    /// The kind of key; otherwise what `--for` wants, else ed25519.
    #[arg(long = "type", value_name = "KIND")]
    kind: Option<Kind>,
    /// Makes a key that fits this dialect.
    #[arg(long = "for", value_name = "DIALECT")]
    dialect: Option<String>,
    /// Bits of an RSA key.
    #[arg(long, default_value_t = 3072, value_parser = clap::value_parser!(u32).range(2048..=8192))]
    bits: u32,
    /// Encrypt the private key; a terminal is asked for the passphrase.
    #[arg(long)]
    encrypt: bool,
    /// Encrypt the private key under the passphrase in this file.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct ConvertArgs {
    /// A public or private key file; `-` for standard input.
    file: PathBuf,
    /// The form wanted; `pkcs8` is the private key and wants `--out`.
    #[arg(long, value_name = "FORM")]
    to: Form,
    /// Where it goes; standard output without it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The file with the private key's passphrase.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Ed25519,
    Rsa,
    P256,
    P384,
    P521,
}

#[derive(Clone, Copy, Debug, ValueEnum, PartialEq, Eq)]
enum Form {
    /// PEM, SubjectPublicKeyInfo.
    Pem,
    /// DER, SubjectPublicKeyInfo.
    Der,
    /// JSON Web Key.
    Jwk,
    /// A line of authorized_keys.
    Openssh,
    /// The 32 bytes of an Ed25519 key in base64.
    Base64,
    /// The 32 bytes of an Ed25519 key in hexadecimal.
    Hex,
    /// The private key as PKCS#8 PEM.
    Pkcs8,
}

/// A key as the command line shows it.
#[derive(Serialize)]
pub(crate) struct Shown {
    kind: &'static str,
    bits: u32,
    jwk_thumbprint: String,
    spki_sha256_hex: String,
    spki_sha256_base64: String,
    openssh: String,
    pem_sha256_hex: String,
    algorithms: Vec<&'static str>,
    public: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    private_file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_file: Option<String>,
}

pub(crate) fn run(command: &KeyCommand, out: Out) -> Done {
    match command {
        KeyCommand::New(args) => new(args, out),
        KeyCommand::Show { file, asker } if is_registered(file) => {
            registered::show(&file.to_string_lossy(), asker, out)
        }
        KeyCommand::Show { file, asker } => {
            let shown = Shown::of(&either(file, asker.passphrase_file.as_deref())?.0);
            out.show(&shown, || shown.text())
        }
        KeyCommand::Convert(args) => convert(args),
        KeyCommand::Register(args) => registered::register(args, out),
        KeyCommand::List { account, asker } => registered::list(account.as_deref(), asker, out),
        KeyCommand::Limit(args) => limits::limit(args, out),
        KeyCommand::Rotate(args) => rotation::run(args, out),
        KeyCommand::Uses { key, asker } => registered::uses(key, asker, out),
        KeyCommand::Check { file, blocked } => check(file, blocked.as_deref(), out),
        KeyCommand::Revoke { key, asker } => registered::change(key, "revoke", asker, out),
        KeyCommand::Disable { key, asker } => registered::change(key, "disable", asker, out),
        KeyCommand::Enable { key, asker } => registered::change(key, "activate", asker, out),
    }
}

/// Whether a name is that of a key at a server, and of no file here.
fn is_registered(name: &Path) -> bool {
    name.to_str().is_some_and(|name| name.starts_with("key_")) && !name.exists()
}

fn new(args: &NewArgs, out: Out) -> Done {
    let kind = match (args.kind, &args.dialect) {
        (Some(kind), _) => kind.into(),
        (None, Some(dialect)) => {
            let dialect = proving::load(dialect, &Default::default())?;
            let strong = dialect.algorithms().iter().find(|algorithm| !algorithm.is_weak());
            strong.map_or(KeyKind::Ed25519, |algorithm| algorithm.kind())
        }
        (None, None) => KeyKind::Ed25519,
    };
    let bits = if kind == KeyKind::Rsa { args.bits } else { 0 };
    let key = PrivateKey::generate(kind, bits).map_err(Failure::usage)?;
    let text = match passphrase(args)? {
        None => key.to_pkcs8_pem(),
        Some(passphrase) => Zeroizing::new(
            key.to_encrypted_pkcs8_pem(passphrase.as_bytes(), &world::random()).map_err(Failure::failed)?,
        ),
    };
    let public_file = write_pair(&args.file, &text, &key)?;
    let mut shown = Shown::of(key.public_key());
    shown.private_file = Some(args.file.display().to_string());
    shown.public_file = Some(public_file.display().to_string());
    out.show(&shown, || shown.text())
}

/// Whether a server takes a key as it is shipped, with a block list beside.
fn check(file: &Path, blocked: Option<&Path>, out: Out) -> Done {
    let mut policy = Policy::default();
    policy.refuse_published = true;
    if let Some(list) = blocked {
        let read = BlockList::read(&world::read_text(list)?);
        policy.blocked = read.map_err(|error| Failure::usage(format!("{}: {error}", list.display())))?.into();
    }
    let keys = read_public_key(&world::read(file)?, &policy).map_err(|error| keyring::told(file, &error))?;
    let shown: Vec<Shown> = keys.iter().map(|key| Shown::of(&key.key)).collect();
    out.show(&shown, || {
        let lines =
            shown.iter().map(|key| format!("good: {}, {} bits, {}\n", key.kind, key.bits, key.openssh));
        lines.collect()
    })
}

fn passphrase(args: &NewArgs) -> Result<Option<Zeroizing<String>>, Failure> {
    match (&args.passphrase_file, args.encrypt) {
        (Some(path), _) => world::read_secret(path).map(Some),
        (None, true) => world::ask_passphrase(&args.file.display().to_string(), true).map(Some),
        (None, false) => Ok(None),
    }
}

fn convert(args: &ConvertArgs) -> Done {
    let (public, private) = either(&args.file, args.passphrase_file.as_deref())?;
    let raw = || {
        public.ed25519_bytes().ok_or_else(|| {
            Failure::usage(format!(
                "only Ed25519 keys have a form of 32 bytes, and this key is {}; choose another form, such as pem",
                public.kind()
            ))
        })
    };
    let line = |text: String| format!("{}\n", text.trim_end()).into_bytes();
    let bytes = match args.to {
        Form::Pem => public.to_pem().into_bytes(),
        Form::Der => public.spki_der().to_vec(),
        Form::Jwk => line(serde_json::to_string_pretty(&public.to_jwk()).map_err(Failure::ours)?),
        Form::Openssh => line(public.to_openssh("")),
        Form::Base64 => line(Base64::encode_string(&raw()?)),
        Form::Hex => line(countersign::base64::encode_hex(&raw()?)),
        Form::Pkcs8 => {
            let wanted =
                || Failure::usage("--to pkcs8 writes a private key: give a private key file and --out FILE");
            let out = args.out.as_ref().ok_or_else(wanted)?;
            let private = private.ok_or_else(wanted)?;
            return write_key_file(out, private.to_pkcs8_pem().as_bytes())
                .map_err(|error| keyring::told(out, &error));
        }
    };
    match &args.out {
        Some(path) => write_new(path, &bytes),
        None => Out::bytes(&bytes),
    }
}

/// A public key file, or a private one of which only the public half is shown.
fn either(path: &Path, passphrase: Option<&Path>) -> Result<(PublicKey, Option<PrivateKey>), Failure> {
    if keyring::elsewhere(path).is_some() {
        let pair = keyring::key_pair(path, passphrase)?;
        let public = PublicKey::from_spki_der(pair.public_key().spki_der()).map_err(Failure::failed)?;
        return Ok((public, None));
    }
    if path == Path::new("-") {
        return keyring::public_key(path).map(|intake| (intake.key, None));
    }
    match keyring::private_key(path, passphrase) {
        Ok(private) => {
            let public =
                PublicKey::from_spki_der(private.public_key().spki_der()).map_err(Failure::failed)?;
            Ok((public, Some(private)))
        }
        Err(failed) => match keyring::public_key(path) {
            Ok(intake) => Ok((intake.key, None)),
            // For a file with a private key, what stands in the way of opening it is what counts.
            Err(refused) if refused.message.contains("private") => Err(failed),
            Err(refused) => Err(refused),
        },
    }
}

impl From<Kind> for KeyKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Ed25519 => Self::Ed25519,
            Kind::Rsa => Self::Rsa,
            Kind::P256 => Self::P256,
            Kind::P384 => Self::P384,
            Kind::P521 => Self::P521,
        }
    }
}

impl Shown {
    fn of(key: &PublicKey) -> Self {
        let prints = key.fingerprints();
        Self {
            kind: key.kind().name(),
            bits: key.bits(),
            jwk_thumbprint: prints.jwk_thumbprint,
            spki_sha256_hex: prints.spki_sha256_hex,
            spki_sha256_base64: prints.spki_sha256_base64,
            openssh: prints.openssh,
            pem_sha256_hex: prints.pem_sha256_hex,
            algorithms: key.algorithms().iter().map(|algorithm| algorithm.name()).collect(),
            public: key.to_pem(),
            private_file: None,
            public_file: None,
        }
    }

    fn text(&self) -> String {
        let mut rows = vec![
            ("key", format!("{}, {} bits", self.kind, self.bits)),
            ("thumbprint (RFC 7638)", self.jwk_thumbprint.clone()),
            ("SPKI SHA-256, hex", self.spki_sha256_hex.clone()),
            ("SPKI SHA-256, base64", self.spki_sha256_base64.clone()),
            ("OpenSSH", self.openssh.clone()),
            ("SHA-256 of the PEM text", self.pem_sha256_hex.clone()),
            ("algorithms", self.algorithms.join(", ")),
        ];
        if let (Some(private), Some(public)) = (&self.private_file, &self.public_file) {
            rows.push(("private key", format!("{private} (mode 0600; keep it here)")));
            rows.push(("public key", format!("{public} (hand this to the provider)")));
        }
        format!("{}{}", pairs(&rows), self.public)
    }
}
