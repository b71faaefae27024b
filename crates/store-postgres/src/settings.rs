//! Where the database is and how it is spoken to: the address, the password, TLS and the bounds of waiting.
use countersign_store::fault::Fault;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use zeroize::Zeroizing;

/// What a store is opened with.
#[derive(Clone)]
pub struct Settings {
    /// `postgres://user@host/database`; without a password.
    pub url: String,
    /// The password; `None`: what `PGPASSWORD` or `.pgpass` say, if anything.
    pub password: Option<Zeroizing<String>>,
    /// A file with the certificate authorities (PEM) that the server's certificate may come from, beside the public ones.
    pub ca_file: Option<PathBuf>,
    /// Most connections of this process, 2 at least; one more listens for changes.
    pub connections: u32,
    /// How long one statement may take, at the server and in waiting for its answer.
    pub statement_timeout: Duration,
}

/// Why settings cannot be used, in words that say what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongSettings(String);

impl fmt::Display for WrongSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WrongSettings {}

impl Settings {
    /// Settings for an address, with 8 connections and 5 seconds for a statement.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            password: None,
            ca_file: None,
            connections: 8,
            statement_timeout: Duration::from_secs(5),
        }
    }

    /// Whether the address can be used, without asking anybody.
    ///
    /// # Errors
    /// [`WrongSettings`] when it is no address, carries a password, or asks for TLS that protects nothing.
    pub fn check(&self) -> Result<(), WrongSettings> {
        self.options().map(|_| ())
    }

    /// Whether the database is beyond this machine and spoken to without TLS.
    #[must_use]
    pub fn is_in_the_clear(&self) -> bool {
        let clear = |options: &PgConnectOptions| {
            matches!(options.get_ssl_mode(), PgSslMode::Disable) && !near(options)
        };
        self.options().is_ok_and(|options| clear(&options))
    }

    /// The address without what only this side needs, for messages: host, port and database.
    #[must_use]
    pub fn place(&self) -> String {
        let rest = self.url.split_once("://").map_or("", |(_, rest)| rest);
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        // What stands before the last @ of the authority may be a secret that somebody put there.
        let (authority, path) = rest
            .split_once('/')
            .map_or((rest, String::new()), |(authority, path)| (authority, format!("/{path}")));
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        format!("PostgreSQL at {}{path}", if host.is_empty() { "its socket" } else { host })
    }

    pub(crate) fn options(&self) -> Result<PgConnectOptions, WrongSettings> {
        let wrong = |text: &str| Err(WrongSettings(text.to_owned()));
        let Some((scheme, rest)) = self.url.split_once("://") else {
            return wrong("wanted an address such as postgres://user@db.example.com/countersign");
        };
        if scheme != "postgres" && scheme != "postgresql" {
            return wrong("wanted an address that begins with postgres://");
        }
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let query = rest.split_once('?').map_or("", |(_, query)| query);
        let user = authority.rsplit_once('@').map(|(user, _)| user);
        // Nobody writes the name of a parameter in escapes but to hide it.
        let tells = |one: &str| {
            let name = one.split('=').next().unwrap_or_default();
            name == "password" || name.contains('%')
        };
        if user.is_some_and(|user| user.contains(':')) || query.split('&').any(tells) {
            return wrong(
                "the address carries a password: leave it out, and name a file in password_file or set PGPASSWORD",
            );
        }
        let mut options = match self.url.parse::<PgConnectOptions>() {
            Ok(options) => options,
            Err(error) => return Err(WrongSettings(format!("the address cannot be read: {error}"))),
        };
        // By the address or PGSSLMODE. What only might be encrypted, or by anybody's certificate, protects nothing.
        let mode = match options.get_ssl_mode() {
            PgSslMode::Prefer if near(&options) => PgSslMode::Disable,
            PgSslMode::Prefer => PgSslMode::VerifyFull,
            PgSslMode::Allow | PgSslMode::Require => {
                return wrong(
                    "sslmode is allow or require, which anybody between here and the database can get around: \
                     use verify-full (the default beyond this machine), verify-ca, or disable on a network that is trusted",
                );
            }
            mode => mode,
        };
        options = options.ssl_mode(mode);
        if let Some(file) = &self.ca_file {
            options = options.ssl_root_cert(file);
        }
        if let Some(password) = &self.password {
            options = options.password(password);
        }
        if options.get_application_name().is_none() {
            options = options.application_name("countersign");
        }
        Ok(options)
    }

    /// How long this side waits for one piece of work: longer than the server works at a statement, so that the server's own
    /// word comes first.
    pub(crate) fn patience(&self) -> Duration {
        self.statement_timeout + Duration::from_secs(2)
    }

    /// The fault of something that failed at this database.
    pub(crate) fn failed(&self, what: &str, error: sqlx::Error) -> Fault {
        Fault::caused(format!("cannot {what} {}", self.place()), error)
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("place", &self.place()).finish_non_exhaustive()
    }
}

/// Whether the database is on this machine, so that nobody stands between.
fn near(options: &PgConnectOptions) -> bool {
    options.get_socket().is_some()
        || options.get_host().starts_with('/')
        || matches!(options.get_host(), "localhost" | "127.0.0.1" | "::1" | "[::1]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(url: &str) -> String {
        Settings::new(url).check().map_or_else(|wrong| wrong.to_string(), |()| "fine".to_owned())
    }

    #[test]
    fn an_address_says_who_and_where_and_no_secret() {
        for fine in [
            "postgres://countersign@db.example.com/countersign",
            "postgresql://countersign@[::1]:5433/countersign",
            "postgres:///countersign?host=/run/postgresql&user=countersign",
        ] {
            assert_eq!(told(fine), "fine", "{fine}");
        }
        for secret in [
            "postgres://a:hunter2@db/c",
            "postgres://a@db/c?password=hunter2",
            "postgres://a@db/c?p%61ssword=hunter2",
        ] {
            let text = told(secret);
            assert!(text.contains("password_file") && !text.contains("hunter2"), "{text}");
            let settings = Settings::new(secret);
            assert!(!format!("{settings:?} {}", settings.place()).contains("hunter2"));
        }
        assert!(told("mysql://a@db/c").contains("postgres://"));
        assert!(told("db").contains("postgres://"));
        for weak in ["allow", "require"] {
            assert!(told(&format!("postgres://a@db/c?sslmode={weak}")).contains("verify-full"));
        }
    }

    #[test]
    fn beyond_this_machine_the_certificate_is_checked() {
        let mode = |url: &str| format!("{:?}", Settings::new(url).options().unwrap().get_ssl_mode());
        assert_eq!(mode("postgres://a@db.example.com/c"), "VerifyFull");
        assert_eq!(mode("postgres://a@127.0.0.1/c"), "Disable");
        assert_eq!(mode("postgres:///c?host=/run/postgresql"), "Disable");
        assert_eq!(mode("postgres://a@127.0.0.1/c?sslmode=verify-full"), "VerifyFull");
        assert_eq!(mode("postgres://a@db.example.com/c?sslmode=disable"), "Disable");
        let clear = |url: &str| Settings::new(url).is_in_the_clear();
        assert!(clear("postgres://a@db.example.com/c?sslmode=disable"));
        assert!(!clear("postgres://a@127.0.0.1/c") && !clear("postgres://a@db.example.com/c"));
    }
}
