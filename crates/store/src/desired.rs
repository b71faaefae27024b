//! An installation as described in a file: what should be there, for `countersign apply`.
use crate::model::Role;
use countersign::time::Time;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;

/// A description of an installation. Whatever an entry leaves out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Desired {
    /// Whether what is not described is removed: accounts that are no operators, keys (revoked), companion keys, users
    /// and empty organisations.
    pub prune: bool,
    /// Organisations.
    #[serde(alias = "organisations")]
    pub organisation: Vec<DesiredOrganisation>,
    /// Users to act for.
    #[serde(alias = "users")]
    pub user: Vec<DesiredUser>,
    /// Accounts.
    #[serde(alias = "accounts")]
    pub account: Vec<DesiredAccount>,
    /// Whether one key may be described at several accounts; a setting of the installation, never of the file.
    #[serde(skip)]
    pub shared: bool,
}

/// An organisation that should be there.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DesiredOrganisation {
    /// Its name.
    pub name: String,
    /// Whether keys that its members register themselves wait for a manager.
    #[serde(default)]
    pub approval: Option<bool>,
}

/// A user that should be there.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DesiredUser {
    /// Its name.
    pub name: String,
    /// Whether it may be acted for; a new one may unless told otherwise.
    pub enabled: Option<bool>,
}

/// An account that should be there, known by its name.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DesiredAccount {
    /// Its name.
    pub name: String,
    /// Name of its organisation; empty: none.
    pub organisation: Option<String>,
    /// Whether it may come in; a new one may unless told otherwise.
    pub enabled: Option<bool>,
    /// All its identifiers, by namespace: one or a list.
    pub identifiers: Option<BTreeMap<String, OneOrMore>>,
    /// All users it may act for.
    pub acts_as: Option<Vec<String>>,
    /// All path prefixes it may use.
    pub paths: Option<Vec<String>>,
    /// Where its JWKS document lives; empty: it has none.
    pub jwks_url: Option<String>,
    /// What it may do as an operator.
    pub role: Option<Role>,
    /// Keys, known by their public key.
    #[serde(alias = "keys")]
    pub key: Vec<DesiredKey>,
    /// Companion keys, known by their label.
    #[serde(alias = "companions")]
    pub companion: Vec<DesiredCompanion>,
}

/// One text or several.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum OneOrMore {
    /// One.
    One(String),
    /// Several.
    More(Vec<String>),
}

/// A key that an account should have. One that is there already keeps its state.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DesiredKey {
    /// What its owner calls it.
    pub label: String,
    /// The public key, in any spelling.
    pub public: String,
    /// The same as SubjectPublicKeyInfo: filled in by [`Desired::read_keys`].
    #[serde(skip)]
    pub spki: Vec<u8>,
    /// Dialects it is for.
    pub dialects: Vec<String>,
    /// Algorithms it is narrowed to.
    pub algorithms: Vec<String>,
    /// Methods it is narrowed to.
    pub methods: Vec<String>,
    /// Path prefixes it is narrowed to.
    pub paths: Vec<String>,
    /// Client networks it is narrowed to.
    pub networks: Vec<String>,
    /// When it ends: a date such as `2027-01-01T00:00:00Z`, or Unix seconds.
    #[serde(deserialize_with = "date")]
    pub expires: Option<Time>,
}

/// A companion key that an account should have.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DesiredCompanion {
    /// What its owner calls it.
    pub label: String,
    /// The dialect it goes with.
    pub dialect: String,
    /// SHA-256 of the secret, 64 small hexadecimal digits.
    pub digest: String,
    /// Whether it is good beside this account's proofs only.
    #[serde(default)]
    pub bound: bool,
    /// Whether it is switched on.
    #[serde(default = "yes")]
    pub enabled: bool,
}

impl Desired {
    /// Fills in every key's `spki` by `read`, which takes the text of a public key.
    ///
    /// # Errors
    /// What `read` gives, with the account and label of the key it could not read.
    pub fn read_keys<E>(
        &mut self,
        mut read: impl FnMut(&str) -> Result<Vec<u8>, E>,
    ) -> Result<(), (String, E)> {
        for account in &mut self.account {
            for key in &mut account.key {
                let place = || format!("account {}, key {}", account.name, key.label);
                key.spki = read(&key.public).map_err(|error| (place(), error))?;
            }
        }
        Ok(())
    }
}

impl OneOrMore {
    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::More(more) => more,
        }
    }
}

fn yes() -> bool {
    true
}

fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Time>, D::Error> {
    deserializer.deserialize_any(Date).map(Some)
}

struct Date;

impl<'de> Visitor<'de> for Date {
    type Value = Time;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a date such as 2027-01-01T00:00:00Z, or Unix seconds")
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Time, E> {
        Ok(Time::from_seconds(seconds))
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<Time, E> {
        i64::try_from(seconds)
            .map(Time::from_seconds)
            .map_err(|_| E::custom("wanted Unix seconds, found too many"))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Time, E> {
        let instant: jiff::Timestamp = text.parse().map_err(|error| {
            E::custom(format!(
                "wanted a date with its offset, such as 2027-01-01T00:00:00Z; found {text:?} ({error})"
            ))
        })?;
        Ok(Time::from_nanos(instant.as_nanosecond()))
    }

    // How TOML hands on a date without quotes: one member that holds its text.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Time, A::Error> {
        match map.next_entry::<String, String>()? {
            Some((_, text)) => self.visit_str(&text),
            None => Err(A::Error::custom("wanted a date, found nothing")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_reads_from_toml() {
        let desired: Desired = toml::from_str(
            r#"
            prune = true
            [[organisation]]
            name = "acme"
            [[user]]
            name = "erika"
            [[account]]
            name = "alice"
            organisation = "acme"
            identifiers = { email = "alice@acme.example", site = ["1", "2"] }
            role = "owner"
            [[account.key]]
            label = "laptop"
            public = "ssh-ed25519 AAAA"
            dialects = ["skykit"]
            expires = 2027-01-01T00:00:00Z
            [[account.key]]
            label = "server"
            public = "x"
            expires = 1798761600
            [[account.companion]]
            label = "web"
            dialect = "partner-key"
            digest = "00"
            "#,
        )
        .unwrap();
        let alice = &desired.account[0];
        assert!(desired.prune && alice.enabled.is_none() && alice.companion[0].enabled);
        assert_eq!(alice.identifiers.as_ref().unwrap()["site"].all(), ["1", "2"]);
        assert_eq!(alice.key[0].expires, Some(Time::from_seconds(1_798_761_600)));
        assert_eq!(alice.key[0].expires, alice.key[1].expires);
        let quoted: DesiredKey = toml::from_str(r#"expires = "2027-01-01T01:00:00+01:00""#).unwrap();
        assert_eq!(quoted.expires, alice.key[0].expires);
    }

    #[test]
    fn a_misspelt_member_or_date_is_an_error_that_names_it() {
        let wrong = |text: &str| toml::from_str::<Desired>(text).unwrap_err().to_string();
        assert!(wrong("[[account]]\nname = \"a\"\nact_as = []").contains("act_as"));
        assert!(wrong("prun = true").contains("prun"));
        assert!(wrong("[[account]]\n[[account.key]]\nexpires = \"tomorrow\"").contains("tomorrow"));
        assert!(wrong("[[account]]\n[[account.key]]\nexpires = 2027-01-01").contains("2027-01-01"));
    }

    #[test]
    fn an_unreadable_key_is_named_by_its_place() {
        let mut desired: Desired =
            toml::from_str("[[account]]\nname = \"a\"\n[[account.key]]\nlabel = \"k\"\npublic = \"?\"")
                .unwrap();
        let failed = desired.read_keys(|_| Err::<Vec<u8>, _>("unread"));
        assert_eq!(failed, Err(("account a, key k".to_owned(), "unread")));
        desired.read_keys(|text| Ok::<_, ()>(text.as_bytes().to_vec())).unwrap();
        assert_eq!(desired.account[0].key[0].spki, b"?");
    }
}
