//! `[store.replay]`: the Redis that remembers what was used once, instead of the database.
use super::reader::Section;
use countersign_store_redis::Settings;
use std::path::PathBuf;
use std::time::Duration;

/// `[store.replay]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplaySection {
    /// The address of a Redis or Valkey, of the sentinels of one, or of a cluster; without a password.
    pub url: String,
    /// The file with the password for it.
    pub password_file: Option<PathBuf>,
    /// The file with the password for the sentinels.
    pub sentinel_password_file: Option<PathBuf>,
    /// The file with certificate authorities for it, beside the public ones.
    pub ca_file: Option<PathBuf>,
    /// What its keys begin with.
    pub prefix: String,
    /// How long one answer may take there, or making a connection.
    pub timeout: Duration,
}

/// Bounds of [`ReplaySection::timeout`]: shorter, and a busy network is taken for a broken one; longer, and callers wait for an
/// answer that is a 503.
const LEAST_TIMEOUT: Duration = Duration::from_millis(20);
const MOST_TIMEOUT: Duration = Duration::from_secs(10);

impl ReplaySection {
    pub(super) fn read(section: Section<'_>) -> Option<Self> {
        let replay = Self {
            url: section.maybe_text("url").unwrap_or_default(),
            password_file: section.maybe_text("password_file").map(PathBuf::from),
            sentinel_password_file: section.maybe_text("sentinel_password_file").map(PathBuf::from),
            ca_file: section.maybe_text("ca_file").map(PathBuf::from),
            prefix: section.text("prefix", "countersign"),
            timeout: section.span("timeout", Duration::from_secs(1)),
        };
        if replay.url.is_empty() {
            let set = ["url", "password_file", "sentinel_password_file", "ca_file", "prefix", "timeout"];
            if let Some(key) = set.into_iter().find(|key| section.has(key)) {
                section.wrong(
                    key,
                    "there is no Redis that it could be for",
                    "set url = \"redis://…\", or leave the table out",
                );
            }
            section.finish();
            return None;
        }
        let settings = replay.settings();
        if let Err(wrong) = settings.check() {
            section.wrong("url", wrong.to_string(), "see the page on stores in the documentation");
        } else if replay.sentinel_password_file.is_some() && !settings.has_sentinels() {
            section.wrong(
                "sentinel_password_file",
                "the address names no sentinels",
                "leave it out, or write redis+sentinel://",
            );
        }
        if !(LEAST_TIMEOUT..=MOST_TIMEOUT).contains(&replay.timeout) {
            section.wrong("timeout", "wanted 20 ms to 10 s", "leave it out for 1 s");
        }
        section.finish();
        Some(replay)
    }

    /// The settings that it stands for, without what the files hold.
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            ca_file: self.ca_file.clone(),
            prefix: self.prefix.clone(),
            timeout: self.timeout,
            ..Settings::new(&self.url)
        }
    }
}
