//! `[webhooks]`: where it is told what happens to keys, which of it, and how that address may be reached.
use super::reader::Section;
use super::spelling::nearest;
use http::Uri;
use std::path::PathBuf;
use std::time::Duration;

/// `[webhooks]`.
#[derive(Clone, Debug, PartialEq)]
pub struct WebhooksSection {
    /// Where events are pushed to (RFC 8935); `None`: nowhere.
    pub url: Option<Uri>,
    /// Which of them.
    pub events: Vec<Event>,
    /// Certificate authorities for it; `None`: the machine's own.
    pub ca_file: Option<PathBuf>,
    /// Allows an address on a private network.
    pub allow_private_networks: bool,
    /// Allows plain HTTP.
    pub allow_http: bool,
    /// How long one attempt may take, at most [`LONGEST`].
    pub timeout: Duration,
}

/// The mark in the registry of how far it was told.
pub(crate) const MARK: &str = "webhooks";
/// No attempt may outlast the hold that a node has on the deliveries.
pub const LONGEST: Duration = Duration::from_secs(10);

/// What can happen to a key, as far as it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was registered, for use or to wait for approval.
    Registered,
    /// The next key was registered in its place.
    Rotated,
    /// It ended for ever.
    Revoked,
    /// It was switched off.
    Disabled,
    /// The next key was registered in its place on the word of a recovery key.
    RecoveryUsed,
    /// It ends within 30, 7 or 1 days.
    Ending,
}

impl Event {
    /// All of them, each with its name here and its action in the audit log.
    pub const TABLE: [(Self, &'static str, &'static str); 6] = [
        (Self::Registered, "key.registered", "key.add"),
        (Self::Rotated, "key.rotated", "key.rotate"),
        (Self::Revoked, "key.revoked", "key.revoke"),
        (Self::Disabled, "key.disabled", "key.disable"),
        (Self::RecoveryUsed, "key.recovery-used", "key.recover"),
        (Self::Ending, "key.ending", "key.ending"),
    ];

    /// Its name in the configuration and in what is sent.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::TABLE.into_iter().find(|row| row.0 == self).map_or("", |row| row.1)
    }

    /// The event that an action of the audit log is.
    #[must_use]
    pub fn of_action(action: &str) -> Option<Self> {
        Self::TABLE.into_iter().find(|row| row.2 == action).map(|row| row.0)
    }
}

impl WebhooksSection {
    pub(super) fn read(section: Section<'_>) -> Self {
        let wanted = "an address such as \"https://hooks.example.org/countersign\"";
        let webhooks = Self {
            url: section.parsed("url", wanted, None, Uri::to_string, read_url),
            events: read_events(&section),
            ca_file: section.maybe_text("ca_file").map(PathBuf::from),
            allow_private_networks: section.switch("allow_private_networks", false),
            allow_http: section.switch("allow_http", false),
            timeout: section.span("timeout", Duration::from_secs(5)),
        };
        if webhooks.timeout.is_zero() || webhooks.timeout > LONGEST {
            section.wrong(
                "timeout",
                "wanted more than nothing and at most 10s",
                "write how long one attempt may take, such as \"5s\"",
            );
        }
        let plain = webhooks.url.as_ref().is_some_and(|url| url.scheme_str() == Some("http"));
        if plain && !webhooks.allow_http {
            section.wrong(
                "url",
                "it is plain http, and allow_http is false",
                "give an https address, or set allow_http = true where nobody else can listen",
            );
        }
        section.finish();
        webhooks
    }
}

/// An address of a web server, without a user.
fn read_url(text: &str) -> Option<Uri> {
    let uri: Uri = text.parse().ok()?;
    let known = matches!(uri.scheme_str(), Some("http" | "https"));
    (known && !text.contains('#') && !uri.authority()?.as_str().contains('@')).then_some(uri)
}

fn read_events(section: &Section<'_>) -> Vec<Event> {
    let names = Event::TABLE.map(|row| row.1);
    let mut events = Vec::new();
    for text in section.texts("events", &names) {
        match Event::TABLE.into_iter().find(|row| row.1 == text) {
            Some((event, _, _)) => events.push(event),
            None => {
                let meant = nearest(&text, names.into_iter());
                let meant = meant.map_or_else(|| names.join(", "), |meant| format!("{meant:?}"));
                section.wrong(
                    "events",
                    format!("wanted the name of an event, found {text:?}"),
                    &format!("write {meant}"),
                );
            }
        }
    }
    events
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Sources};

    fn load(lines: &str) -> Result<Config, String> {
        let file = Some(("a.toml".to_owned(), format!("[webhooks]\n{lines}")));
        Config::load(&Sources { file, ..Sources::default() }).map_err(|errors| errors.to_string())
    }

    #[test]
    fn an_address_that_must_not_be_asked_is_refused_at_the_start() {
        let told = load("url = \"http://h.example/x\"").unwrap_err();
        assert!(told.contains("allow_http = true"), "{told}");
        assert!(load("url = \"http://h.example/x\"\nallow_http = true").is_ok());
        assert!(load("url = \"https://h.example/x?token=1\"").unwrap().webhooks.url.is_some());
        for url in
            ["h.example", "ftp://h.example/", "https://user:secret@h.example/", "https://h.example/#a", "/x"]
        {
            assert!(load(&format!("url = \"{url}\"")).is_err(), "{url}");
        }
    }

    #[test]
    fn events_and_time_are_checked() {
        assert_eq!(load("").unwrap().webhooks.events.len(), 6);
        let told = load("events = [\"key.endign\"]").unwrap_err();
        assert!(told.contains("\"key.ending\""), "{told}");
        for timeout in ["0s", "11s"] {
            assert!(load(&format!("timeout = \"{timeout}\"")).is_err(), "{timeout}");
        }
    }
}
