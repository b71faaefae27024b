//! The dialects of an installation: those that ship and its own, with the configuration's settings.
use crate::config::check::{Checked, DialectFacts};
use crate::config::dialect::DialectSection;
use crate::config::{Config, Finding};
use countersign::dialect::Dialect;
use countersign::dialect::settings::Settings;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The dialects by name.
pub type Dialects = BTreeMap<String, Arc<Dialect>>;

/// Reads every dialect.
///
/// # Errors
/// Says for each dialect that cannot be used which setting is wrong and where it was set.
pub fn dialects(config: &Config) -> Result<Dialects, Vec<Finding>> {
    let mut all = Dialects::new();
    let mut findings = Vec::new();
    let shipped = countersign_dialects::FOLDERS.iter().map(|folder| folder.name);
    let own = config.dialects.keys().map(String::as_str);
    let own = own.filter(|name| countersign_dialects::folder(name).is_none());
    let nothing = DialectSection::default();
    for name in shipped.chain(own) {
        let section = config.dialects.get(name).unwrap_or(&nothing);
        match dialect(name, section, &settings(config, name, section)) {
            Ok(dialect) => {
                all.insert(name.to_owned(), Arc::new(dialect));
            }
            Err(error) => findings.extend(blame(config, name, section, error)),
        }
    }
    if findings.is_empty() { Ok(all) } else { Err(findings) }
}

/// Checks a whole configuration, its dialects included: what `config check` and the start of a server go by.
#[must_use]
pub fn check(config: &Config) -> Checked {
    match dialects(config) {
        Ok(dialects) => config.check(&facts(&dialects)),
        Err(errors) => Checked { errors, lints: Vec::new() },
    }
}

/// What the configuration's check has to know of the dialects.
#[must_use]
pub fn facts(dialects: &Dialects) -> Vec<DialectFacts> {
    let facts = dialects.iter().map(|(name, dialect)| DialectFacts {
        name: name.clone(),
        signs_body: dialect.needs_body(),
        carriers: dialect.places(),
        covered: dialect.bindable(),
        discriminated: dialect.has_discriminator(),
    });
    facts.collect()
}

/// The settings of a dialect: its own, over those that follow from the token endpoint's.
fn settings(config: &Config, name: &str, section: &DialectSection) -> Settings {
    // A file of one's own need not have them.
    let follow =
        if section.file.is_none() { config.token.of_dialect(&config.server, name) } else { Settings::new() };
    let mut settings: Settings = follow;
    settings.extend(section.settings.clone());
    settings
}

/// The dialect of client assertions as it was before the issuer was the only audience: for clients that are listed.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn legacy_assertion(config: &Config, endpoint: &str) -> Result<Dialect, String> {
    let name = "client-assertion";
    let nothing = DialectSection::default();
    let section = config.dialects.get(name).unwrap_or(&nothing);
    let mut settings = settings(config, name, section);
    settings.insert("audience".to_owned(), endpoint.to_owned());
    dialect(name, section, &settings)
}

fn dialect(name: &str, section: &DialectSection, settings: &Settings) -> Result<Dialect, String> {
    match &section.file {
        None => countersign_dialects::load(name, settings).map_err(|error| error.to_string()),
        Some(path) => Dialect::parse(&read(path)?, settings).map_err(|error| error.to_string()),
    }
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Finds the settings that are wrong by themselves; when none is, the dialect as a whole is.
fn blame(config: &Config, name: &str, section: &DialectSection, error: String) -> Vec<Finding> {
    let alone = section.settings.iter().filter_map(|(key, value)| {
        let one = Settings::from([(key.clone(), value.clone())]);
        let error = dialect(name, section, &one).err()?;
        Some(config.finding(format!("dialect.{name}.{key}"), error, "correct or remove this setting"))
    });
    let mut found: Vec<Finding> = alone.collect();
    if found.is_empty() {
        let fix = format!("`countersign dialect show {name}` lists its settings");
        found.push(config.finding(format!("dialect.{name}"), error, &fix));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    #[test]
    fn a_wrong_setting_is_told_with_its_line() {
        let text = "[dialect.skykit]\nlifetime = \"2h\"\nlifetme = \"2h\"\n[dialect.partner-key]\nleeway = \"soon\"\n\
                    [dialect.mine]\nfile = \"/nowhere/mine.toml\"\n";
        let sources = Sources { file: Some(("f".to_owned(), text.to_owned())), ..Sources::default() };
        let checked = check(&Config::load(&sources).unwrap());
        let told: Vec<String> = checked.errors.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        let told = told.join("\n");
        for wanted in [
            "dialect.skykit.lifetme (file, line 3)",
            "no setting `lifetme`",
            "dialect.partner-key.leeway (file, line 5)",
            "/nowhere/mine.toml",
        ] {
            assert!(told.contains(wanted), "{wanted}\n{told}");
        }
    }
}
