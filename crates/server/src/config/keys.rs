//! `[keys]`: which public keys are taken, wherever they come in.
use super::reader::Section;
use countersign_keys::Policy;

/// Which public keys are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeysSection {
    /// Takes RSA keys of any size from 2048 to 8192 bits.
    pub other_rsa_sizes: bool,
    /// Takes odd RSA exponents from 3 up to 32 bits.
    pub other_exponents: bool,
    /// Lets one key stand under several accounts, each time after a proof of its possession.
    pub shared: bool,
}

impl KeysSection {
    pub(super) fn read(section: Section<'_>) -> Self {
        let keys = Self {
            other_rsa_sizes: section.switch("other_rsa_sizes", false),
            other_exponents: section.switch("other_exponents", false),
            shared: section.switch("shared", false),
        };
        section.finish();
        keys
    }

    /// The same as the intake of keys has it.
    #[must_use]
    pub fn policy(&self) -> Policy {
        let mut policy = Policy::default();
        policy.allow_other_rsa_sizes = self.other_rsa_sizes;
        policy.allow_other_exponents = self.other_exponents;
        policy
    }
}
