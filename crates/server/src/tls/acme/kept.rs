//! What is kept of orders in the data directory: the account's key, and the certificate with its key, for nobody else to read.
use crate::config::acme::Acme;
use crate::tls::certificate::Certificate;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The folder of one authority.
pub(super) struct Kept {
    folder: PathBuf,
    /// Where the certificate and its key are: one file, so that they are never of two orders.
    certificate: PathBuf,
}

impl Kept {
    /// Makes the folder when it is not there.
    pub(super) fn open(data: &Path, acme: &Acme) -> Result<Self, String> {
        let name = |text: &str| {
            countersign::base64::encode_hex(
                countersign_keys::sha256(&[text.as_bytes()]).get(..8).unwrap_or_default(),
            )
        };
        let folder = data.join("acme").join(name(&acme.directory));
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(|error| told(&folder, &error))?;
        let first = acme.domains.first().map_or("", String::as_str);
        let certificate = folder.join(format!("{first}-{}.pem", name(&acme.domains.join(","))));
        Ok(Self { folder, certificate })
    }

    /// The certificate that was issued last. One that cannot be used is as good as none: another is ordered.
    pub(super) fn certificate(&self) -> Result<Option<Certificate>, String> {
        let Some(pem) = read(&self.certificate)? else { return Ok(None) };
        let parsed = self.parse(&pem);
        if let Err(error) = &parsed {
            tracing::error!("what was issued and kept cannot be used, so another is ordered: {error}");
        }
        Ok(parsed.ok())
    }

    /// Reads a chain and its key from one text.
    pub(super) fn parse(&self, pem: &[u8]) -> Result<Certificate, String> {
        Certificate::parse(&self.certificate, pem, pem).map_err(|(_, error)| told(&self.certificate, &error))
    }

    pub(super) fn keep_certificate(&self, pem: &[u8]) -> Result<(), String> {
        write(&self.certificate, pem)
    }

    /// The account with the authority.
    pub(super) fn account(&self) -> Result<Option<Zeroizing<Vec<u8>>>, String> {
        read(&self.folder.join("account.json"))
    }

    pub(super) fn keep_account(&self, json: &[u8]) -> Result<(), String> {
        write(&self.folder.join("account.json"), json)
    }
}

fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, String> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(Zeroizing::new(bytes))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(told(path, &error)),
    }
}

/// Writes whole or not at all, mode 0600.
fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let draft = path.with_extension("new");
    let written =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft).and_then(
            |mut file| {
                file.write_all(bytes)?;
                file.sync_all()?;
                fs::rename(&draft, path)?;
                fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
            },
        );
    written.map_err(|error| told(path, &error))
}

fn told(path: &Path, error: &dyn std::fmt::Display) -> String {
    format!("{}: {error}", path.display())
}
