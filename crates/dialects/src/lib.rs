//! The dialects that countersign ships: one folder each, embedded.
pub mod fill;
pub mod language;
pub mod snippet;

use countersign::dialect::Dialect;
use countersign::dialect::file::DialectError;
use countersign::dialect::settings::Settings;

/// A dialect's folder.
#[derive(Clone, Copy, Debug)]
pub struct Folder {
    /// Its name.
    pub name: &'static str,
    /// `dialect.toml`.
    pub file: &'static str,
    /// `README.md`.
    pub readme: &'static str,
}

macro_rules! folders {
    ($($name:literal)*) => {
        &[$(Folder {
            name: $name,
            file: include_str!(concat!("../", $name, "/dialect.toml")),
            readme: include_str!(concat!("../", $name, "/README.md")),
        },)*]
    };
}

/// Every folder; a test compares this list with the directory.
pub const FOLDERS: &[Folder] = folders![
    "access-token"
    "adcp"
    "alipay"
    "amazon-pay"
    "app-store-connect"
    "app-store-server"
    "asymmetric-jwt"
    "atlassian-asap"
    "auth0"
    "binance"
    "binance-rsa"
    "box"
    "client-assertion"
    "coinbase-cdp"
    "coinswitch"
    "discord"
    "docusign"
    "draft-cavage-12"
    "entra"
    "fapi-2"
    "fireblocks"
    "fireblocks-webhook"
    "github-app"
    "google-sa-oauth"
    "google-sa-self-signed"
    "http-signature"
    "kalshi"
    "mastercard"
    "mollie"
    "nhs"
    "oci"
    "okta"
    "open-banking"
    "operator"
    "orderly"
    "own-session"
    "partner-key"
    "plaid-webhook"
    "revolut-x"
    "robinhood"
    "salesforce"
    "singpass"
    "skillhive"
    "skykit"
    "smart-backend"
    "snowflake"
    "spacetime"
    "standard-webhooks"
    "truelayer"
    "twilio-pkcv"
    "visa-tap"
    "vonage"
    "walmart"
    "web-bot-auth"
    "wechat-pay-v3"
    "wechat-pay-v3-answer"
    "wise-webhook"
    "zitadel"
];

/// The folder of a dialect.
#[must_use]
pub fn folder(name: &str) -> Option<&'static Folder> {
    FOLDERS.iter().find(|folder| folder.name == name)
}

/// Reads a dialect with settings that replace its shipped ones.
///
/// # Errors
/// [`DialectError`] when there is no such dialect or setting, or a setting has no sense in its place.
pub fn load(name: &str, settings: &Settings) -> Result<Dialect, DialectError> {
    let folder = folder(name).ok_or_else(|| {
        let known: Vec<_> = FOLDERS.iter().map(|folder| folder.name).collect();
        DialectError {
            dialect: name.to_owned(),
            at: "name".to_owned(),
            what: format!("no such dialect; shipped are {}", known.join(", ")),
        }
    })?;
    Dialect::parse(folder.file, settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_folder_is_embedded_and_reads() {
        let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut found: Vec<String> = std::fs::read_dir(here)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.join("dialect.toml").exists())
            .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        found.sort();
        let listed: Vec<_> = FOLDERS.iter().map(|folder| folder.name).collect();
        assert_eq!(found, listed);
        for folder in FOLDERS {
            let dialect = load(folder.name, &Settings::new()).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(&**dialect.name(), folder.name);
            assert!(
                folder.readme.contains("**Protects:**") && folder.readme.contains("**Does not protect:**")
            );
            assert_eq!(dialect.is_unverified(), folder.readme.contains("**Unverified:**"), "{}", folder.name);
        }
    }

    /// Binding strength of everything shipped: a change of it is a change of what callers may rely on.
    #[test]
    fn what_each_dialect_binds_is_known() {
        let lines: Vec<String> = FOLDERS
            .iter()
            .map(|folder| {
                let dialect = load(folder.name, &Settings::new()).unwrap_or_else(|error| panic!("{error}"));
                let binding = dialect.binding();
                let covers = binding.covers().join(" ");
                let doubt = if dialect.is_unverified() { ", unverified" } else { "" };
                format!("{}: {covers}; again {}{doubt}", folder.name, binding.replay)
            })
            .collect();
        assert_eq!(lines.join("\n") + "\n", include_str!("bindings.txt"));
    }

    #[test]
    fn a_wrong_setting_is_told_with_what_there_is() {
        let wrong: Settings = [("lifetme".to_owned(), "2h".to_owned())].into();
        let error = load("skykit", &wrong).unwrap_err().to_string();
        assert!(error.contains("no setting `lifetme`") && error.contains("lifetime"), "{error}");
        let senseless: Settings = [("lifetime".to_owned(), "two hours".to_owned())].into();
        assert!(load("skykit", &senseless).unwrap_err().to_string().contains("found two hours"));
    }
}
