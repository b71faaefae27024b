//! Where Redis is and how it is spoken to: the address in its three kinds, the password, TLS and the bounds of waiting.
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use zeroize::Zeroizing;

/// Most hosts in one address: more than any installation has of sentinels, and enough to find a cluster by.
const MOST_HOSTS: usize = 32;

/// What a memory is opened with.
#[derive(Clone)]
pub struct Settings {
    /// `redis://user@host:6379/0`, `redis+sentinel://host:26379,host/name`, `redis+cluster://host,host`, or the same with `rediss`
    /// for TLS; without a password.
    pub url: String,
    /// The password of the servers.
    pub password: Option<Zeroizing<String>>,
    /// The password of the sentinels, where they have one.
    pub sentinel_password: Option<Zeroizing<String>>,
    /// A file with the certificate authorities (PEM) that the servers' certificates may come from, beside the public ones.
    pub ca_file: Option<PathBuf>,
    /// What all keys begin with, so that other programs' are told apart.
    pub prefix: String,
    /// How long an answer may take, or a connection to be made.
    pub timeout: Duration,
}

/// Why settings cannot be used, in words that say what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongSettings(String);

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) port: u16,
}

/// How the server in charge is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It is the one that is named.
    Single,
    /// Sentinels tell it, by this name.
    Sentinel(String),
    /// The cluster tells it, for each key.
    Cluster,
}

/// An address, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) kind: Kind,
    pub(crate) tls: bool,
    pub(crate) user: Option<String>,
    pub(crate) hosts: Vec<Host>,
    /// The number of the database; 0 in a cluster.
    pub(crate) database: i64,
}

impl fmt::Display for WrongSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WrongSettings {}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.contains(':') {
            write!(f, "[{}]:{}", self.name, self.port)
        } else {
            write!(f, "{}:{}", self.name, self.port)
        }
    }
}

impl Settings {
    /// Settings for an address, with a second for each answer.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            password: None,
            sentinel_password: None,
            ca_file: None,
            prefix: "countersign".to_owned(),
            timeout: Duration::from_secs(1),
        }
    }

    /// Whether the settings can be used, without asking anybody.
    ///
    /// # Errors
    /// [`WrongSettings`] when the address is none, or carries a password.
    pub fn check(&self) -> Result<(), WrongSettings> {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.:".contains(letter);
        if self.prefix.is_empty() || self.prefix.len() > 64 || !self.prefix.chars().all(plain) {
            return wrong("wanted a prefix of 1 to 64 letters, digits, and - _ . :");
        }
        self.address().map(|_| ())
    }

    /// Whether a server is beyond this machine and spoken to without TLS.
    #[must_use]
    pub fn is_in_the_clear(&self) -> bool {
        self.address().is_ok_and(|address| !address.tls && !address.hosts.iter().all(Host::is_near))
    }

    /// Whether the address names sentinels.
    #[must_use]
    pub fn has_sentinels(&self) -> bool {
        self.address().is_ok_and(|address| matches!(address.kind, Kind::Sentinel(_)))
    }

    /// The address without what only this side needs, for messages.
    #[must_use]
    pub fn place(&self) -> String {
        let rest = self.url.split_once("://").map_or("", |(_, rest)| rest);
        // What stands before the last @ of the authority may be a secret that somebody put there.
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        format!("Redis at {}", authority.rsplit_once('@').map_or(authority, |(_, hosts)| hosts))
    }

    pub(crate) fn address(&self) -> Result<Address, WrongSettings> {
        let Some((scheme, rest)) = self.url.split_once("://") else {
            return wrong("wanted an address such as redis://redis.example.com:6379");
        };
        let (tls, kind) = match scheme {
            "redis" => (false, Kind::Single),
            "rediss" => (true, Kind::Single),
            "redis+sentinel" => (false, Kind::Sentinel(String::new())),
            "rediss+sentinel" => (true, Kind::Sentinel(String::new())),
            "redis+cluster" => (false, Kind::Cluster),
            "rediss+cluster" => (true, Kind::Cluster),
            _ => {
                return wrong(
                    "wanted an address that begins with redis://, redis+sentinel:// or redis+cluster://, or with rediss \
                     for TLS",
                );
            }
        };
        if rest.contains(['?', '#']) {
            return wrong(
                "the address has settings after a ? or #: write them beside it, under their own names",
            );
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, hosts) = match authority.rsplit_once('@') {
            Some((user, hosts)) => (Some(user), hosts),
            None => (None, authority),
        };
        if user.is_some_and(|user| user.contains([':', '%'])) {
            return wrong("the address carries a password: leave it out, and name a file in password_file");
        }
        let port = if matches!(kind, Kind::Sentinel(_)) { 26_379 } else { 6_379 };
        let hosts: Vec<Host> = hosts
            .split(',')
            .take(MOST_HOSTS + 1)
            .map(|text| Host::read(text, port))
            .collect::<Result<_, _>>()?;
        if hosts.len() > MOST_HOSTS {
            return wrong("wanted 32 hosts at most");
        }
        let (kind, database) = match kind {
            Kind::Single if hosts.len() > 1 => {
                return wrong(
                    "redis:// names one server: write redis+sentinel://…/name for a master that sentinels watch, or \
                     redis+cluster:// for a cluster",
                );
            }
            Kind::Single => (Kind::Single, path),
            Kind::Sentinel(_) => match path.split_once('/').unwrap_or((path, "")) {
                ("", _) => {
                    return wrong(
                        "wanted the name that the sentinels know the master by, as in redis+sentinel://host1,host2/mymaster",
                    );
                }
                (name, database) => (Kind::Sentinel(name.to_owned()), database),
            },
            Kind::Cluster if path.is_empty() => (Kind::Cluster, ""),
            Kind::Cluster => return wrong("a cluster has one database: leave out what follows the hosts"),
        };
        let database = match database {
            "" => 0,
            number => match number.parse::<u16>() {
                Ok(number) => i64::from(number),
                Err(_) => return wrong("wanted the number of a database after the last /, such as /0"),
            },
        };
        let user = user.filter(|user| !user.is_empty()).map(str::to_owned);
        Ok(Address { kind, tls, user, hosts, database })
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("place", &self.place()).finish_non_exhaustive()
    }
}

impl Host {
    fn read(text: &str, port: u16) -> Result<Self, WrongSettings> {
        let (name, number) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((name, rest)) => (name, rest.strip_prefix(':').or(rest.is_empty().then_some(""))),
            None => match text.split_once(':') {
                Some((name, number)) => (name, Some(number)),
                None => (text, Some("")),
            },
        };
        let port = match number {
            Some("") => Some(port),
            Some(number) => number.parse().ok().filter(|port| *port != 0),
            None => None,
        };
        match port {
            Some(port) if !name.is_empty() && !name.contains(char::is_whitespace) => {
                Ok(Self { name: name.to_owned(), port })
            }
            _ => wrong("wanted hosts such as redis1.example.com:6379, with commas between several"),
        }
    }

    fn is_near(&self) -> bool {
        matches!(self.name.as_str(), "localhost" | "127.0.0.1" | "::1")
    }
}

fn wrong<T>(text: &str) -> Result<T, WrongSettings> {
    Err(WrongSettings(text.to_owned()))
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
            "redis://127.0.0.1",
            "rediss://countersign@redis.example.com:6380/2",
            "redis://[::1]:6380",
            "redis+sentinel://s1,s2:26380,s3/mymaster",
            "rediss+sentinel://countersign@s1/mymaster/3",
            "redis+cluster://c1:7000,c2:7001",
        ] {
            assert_eq!(told(fine), "fine", "{fine}");
        }
        let secret = Settings::new("redis://a:hunter2@db/0");
        assert!(told(&secret.url).contains("password_file"));
        assert!(!format!("{secret:?} {}", secret.place()).contains("hunter2"));
        for (wrong, says) in [
            ("db", "redis://"),
            ("valkey://db", "redis://"),
            ("redis://", "wanted hosts"),
            ("redis://db:0", "wanted hosts"),
            ("redis://[::1", "wanted hosts"),
            ("redis://[::1]x", "wanted hosts"),
            ("redis://a,b", "redis+cluster://"),
            ("redis://db/x", "number of a database"),
            ("redis://db?protocol=3", "under their own names"),
            ("redis+sentinel://s1,s2", "mymaster"),
            ("redis+cluster://c1/1", "one database"),
        ] {
            let text = told(wrong);
            assert!(text.contains(says), "{wrong}: {text}");
        }
        let prefix = Settings { prefix: "a b".into(), ..Settings::new("redis://db") };
        assert!(prefix.check().unwrap_err().to_string().contains("prefix"));
    }

    #[test]
    fn what_an_address_means() {
        let address = Settings::new("rediss+sentinel://me@s1,[::1]:5/boss/3").address().unwrap();
        assert_eq!(address.kind, Kind::Sentinel("boss".into()));
        assert_eq!((address.tls, address.database, address.user.as_deref()), (true, 3, Some("me")));
        let hosts: Vec<String> = address.hosts.iter().map(ToString::to_string).collect();
        assert_eq!(hosts, ["s1:26379", "[::1]:5"]);
        let clear = |url: &str| Settings::new(url).is_in_the_clear();
        assert!(clear("redis://db") && clear("redis+cluster://127.0.0.1,db"));
        assert!(!clear("redis://127.0.0.1") && !clear("rediss://db"));
    }
}
