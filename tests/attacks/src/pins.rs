//! What we decided where the corpus says that both verdicts can be defended.
use crate::record::Expect;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The decisions, by record.
pub(crate) struct Pins(BTreeMap<String, Pin>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pin {
    expect: Expect,
    /// The reason, for whoever reads the file.
    #[serde(rename = "why")]
    _why: String,
}

impl Pins {
    /// Reads `pins.toml`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        toml::from_str(text).map(Self).map_err(|error| format!("pins.toml: {error}"))
    }

    /// The expectation of a record's last step, decided.
    ///
    /// # Errors
    /// When nobody decided yet.
    pub(crate) fn resolve(&self, record: &str, expect: Expect) -> Result<Expect, String> {
        match (expect, self.0.get(record)) {
            (Expect::Either, Some(pin)) if pin.expect != Expect::Either => Ok(pin.expect),
            (Expect::Either, _) => {
                Err("the corpus allows both verdicts; pins.toml must say which it is".to_owned())
            }
            (decided, Some(pin)) => {
                // A pin may decide against the corpus only where it says so in as many words.
                Ok(if pin.expect == Expect::Either { decided } else { pin.expect })
            }
            (decided, None) => Ok(decided),
        }
    }
}
