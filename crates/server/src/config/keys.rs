//! `[keys]`: which public keys are taken, wherever they come in.
use super::reader::Section;
use countersign_keys::{BlockList, Policy};
use std::io::Read;
use std::sync::Arc;

/// Which public keys are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeysSection {
    /// Takes RSA keys of any size from 2048 to 8192 bits.
    pub other_rsa_sizes: bool,
    /// Takes odd RSA exponents from 3 up to 32 bits.
    pub other_exponents: bool,
    /// Lets one key stand under several accounts, each time after a proof of its possession.
    pub shared: bool,
    /// Takes keys whose private half is printed in standards and examples.
    pub published: bool,
    /// Keys that are not taken, by fingerprint.
    pub blocked: Arc<BlockList>,
}

impl KeysSection {
    pub(super) fn read(section: Section<'_>) -> Self {
        let keys = Self {
            other_rsa_sizes: section.switch("other_rsa_sizes", false),
            other_exponents: section.switch("other_exponents", false),
            shared: section.switch("shared", false),
            published: section.switch("published", false),
            blocked: Arc::new(blocked(&section)),
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
        policy.refuse_published = !self.published;
        policy.blocked = Arc::clone(&self.blocked);
        policy
    }
}

/// A list of half a million fingerprints has 11 MiB.
const LONGEST_LIST: u64 = 64 * 1024 * 1024;

/// The block list, which a reload reads anew. One that cannot be read stands in the way of the configuration: without it keys
/// would be taken that somebody wanted refused.
fn blocked(section: &Section<'_>) -> BlockList {
    let Some(file) = section.maybe_text("blocked_file") else { return BlockList::default() };
    let text = std::fs::File::open(&file)
        .map_err(|error| format!("cannot be read: {error}"))
        .and_then(|opened| whole(opened, LONGEST_LIST));
    let list =
        text.and_then(|text| BlockList::read(&text).map_err(|error| format!("cannot be taken: {error}")));
    list.unwrap_or_else(|wrong| {
        let message = format!("{file} {wrong}");
        section.wrong(
            "blocked_file",
            message,
            "name a file with a fingerprint a line, or take the setting out",
        );
        BlockList::default()
    })
}

/// All of a file. Half a list would protect from half of the keys and say nothing.
fn whole(file: impl Read, most: u64) -> Result<String, String> {
    let mut text = String::new();
    let read = file.take(most.saturating_add(1)).read_to_string(&mut text);
    match read {
        Err(error) => Err(format!("cannot be read: {error}")),
        Ok(_) if u64::try_from(text.len()).unwrap_or(u64::MAX) > most => {
            Err(format!("is too long: wanted at most {most} bytes"))
        }
        Ok(_) => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_taken_whole_or_not_at_all() {
        assert_eq!(whole(&b"0123456789"[..], 10).as_deref(), Ok("0123456789"));
        let long = whole(&b"0123456789\n"[..], 10).unwrap_err();
        assert!(long.contains("too long") && long.contains("10 bytes"), "{long}");
        // Cut in the middle of a letter, it is no text either.
        assert!(whole(&b"\xc3\xa9\xc3\xa9"[..], 2).is_err());
    }
}
