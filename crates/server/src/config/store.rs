//! `[store]`: where the rows are kept, in a folder of this machine or in a PostgreSQL that several nodes share.
use super::reader::Section;
use super::replay::ReplaySection;
use countersign_store_postgres::Settings;
use std::path::PathBuf;
use std::time::Duration;

/// `[store]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreSection {
    /// The folder of the databases; `None`: the data directory.
    pub path: Option<PathBuf>,
    /// The address of a PostgreSQL instead of the folder; without a password.
    pub url: Option<String>,
    /// The file with the password for it.
    pub password_file: Option<PathBuf>,
    /// The file with certificate authorities for it, beside the public ones.
    pub ca_file: Option<PathBuf>,
    /// Most connections to it.
    pub connections: u32,
    /// How long one statement may take there.
    pub statement_timeout: Duration,
    /// A node that could not confirm for this long that it knows the newest registry lets nobody in.
    pub stale_after: Duration,
    /// The file with the key under which the server's own secrets are sealed; `None`: they are kept as they are.
    pub key_encryption_key_file: Option<PathBuf>,
    /// Files with keys that only open: the last one, or the next.
    pub other_key_encryption_key_files: Vec<PathBuf>,
    /// Secrets that are kept open are taken and sealed although a key is set: for the first start with one.
    pub seal_open_secrets: bool,
    /// The Redis that remembers what was used once, and carries word of changes; `None`: the store does.
    pub replay: Option<ReplaySection>,
}

/// The polls come every second; a bound below two of them would be met by a single late one.
const LEAST_STALE: Duration = Duration::from_secs(2);

impl StoreSection {
    /// Every setting that a reload cannot change by its name, with whether it is the same in both.
    pub(crate) fn compared(&self, other: &Self) -> [(&'static str, bool); 8] {
        [
            ("path", self.path == other.path),
            ("url", self.url == other.url),
            ("password_file", self.password_file == other.password_file),
            ("ca_file", self.ca_file == other.ca_file),
            ("connections", self.connections == other.connections),
            ("statement_timeout", self.statement_timeout == other.statement_timeout),
            ("stale_after", self.stale_after == other.stale_after),
            ("replay", self.replay == other.replay),
        ]
    }

    pub(super) fn read(section: Section<'_>) -> Self {
        let store = Self {
            path: section.maybe_text("path").map(PathBuf::from),
            url: section.maybe_text("url"),
            password_file: section.maybe_text("password_file").map(PathBuf::from),
            ca_file: section.maybe_text("ca_file").map(PathBuf::from),
            connections: u32::try_from(section.count("connections", 8, 4..=500)).unwrap_or(8),
            statement_timeout: section.span("statement_timeout", Duration::from_secs(5)),
            stale_after: section.span("stale_after", Duration::from_secs(5)),
            key_encryption_key_file: section.maybe_text("key_encryption_key_file").map(PathBuf::from),
            other_key_encryption_key_files: section
                .texts("other_key_encryption_key_files", &[])
                .into_iter()
                .map(PathBuf::from)
                .collect(),
            seal_open_secrets: section.switch("seal_open_secrets", false),
            replay: ReplaySection::read(section.section("replay")),
        };
        if let Some(url) = &store.url {
            if let Err(wrong) = Settings::new(url).check() {
                section.wrong("url", wrong.to_string(), "see the page on stores in the documentation");
            }
        } else if store.password_file.is_some() || store.ca_file.is_some() {
            let key = if store.password_file.is_some() { "password_file" } else { "ca_file" };
            section.wrong(key, "there is no url that it could be for", "set url, or leave this out");
        }
        if store.stale_after < LEAST_STALE {
            section.wrong("stale_after", "wanted 2 s or more", "nodes look for changes once a second");
        }
        if store.statement_timeout < Duration::from_millis(100) {
            section.wrong("statement_timeout", "wanted 100 ms or more", "leave it out for 5 s");
        }
        section.finish();
        store
    }
}
