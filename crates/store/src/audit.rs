//! The chain of audit entries: each carries a digest over itself and the one before, so a removed or changed one shows.
use crate::model::{AuditDraft, AuditEntry};
use countersign_keys::sha256;
use std::fmt;

/// Where a chain of audit entries breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainBreak {
    /// The number that was expected at the break.
    pub number: u64,
}

/// The chain value of an entry: over the one before (empty for the first), its number and every field with its length.
#[must_use]
pub fn chain(before: &str, number: u64, entry: &AuditDraft) -> String {
    let AuditDraft { at, actor, action, subject, detail } = entry;
    let at = at.nanos().to_be_bytes();
    let length = |text: &str| u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes();
    let digest = sha256(&[
        b"countersign audit\0",
        &length(before),
        before.as_bytes(),
        &number.to_be_bytes(),
        &at,
        &length(actor),
        actor.as_bytes(),
        &length(action),
        action.as_bytes(),
        &length(subject),
        subject.as_bytes(),
        &length(detail),
        detail.as_bytes(),
    ]);
    digest
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|half| char::from_digit(half.into(), 16))
        .collect()
}

/// The entry that follows `last` in the chain.
#[must_use]
pub fn link(last: Option<&AuditEntry>, entry: AuditDraft) -> AuditEntry {
    let (before, number) = last.map_or(("", 1), |last| (last.chain.as_str(), last.number.saturating_add(1)));
    let chain = chain(before, number, &entry);
    AuditEntry { number, entry, chain }
}

/// Checks that `entries` follow `last` without a gap and unchanged.
///
/// # Errors
/// [`ChainBreak`] at the first entry that is missing, changed or out of order.
pub fn check(last: Option<&AuditEntry>, entries: &[AuditEntry]) -> Result<(), ChainBreak> {
    let mut last = last;
    for entry in entries {
        let wanted = link(last, entry.entry.clone());
        if *entry != wanted {
            return Err(ChainBreak { number: wanted.number });
        }
        last = Some(entry);
    }
    Ok(())
}

impl fmt::Display for ChainBreak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the audit log should go on with entry {}; that entry is missing or was changed: compare with a backup",
            self.number
        )
    }
}

impl std::error::Error for ChainBreak {}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign::time::Time;

    fn draft(detail: &str) -> AuditDraft {
        AuditDraft {
            at: Time::from_seconds(1),
            actor: "local".into(),
            action: "account.add".into(),
            subject: "acc_1".into(),
            detail: detail.into(),
        }
    }

    #[test]
    fn a_changed_moved_or_missing_entry_shows() {
        let mut entries: Vec<AuditEntry> = Vec::new();
        for detail in ["a", "b", "c"] {
            entries.push(link(entries.last(), draft(detail)));
        }
        assert_eq!(check(None, &entries), Ok(()));
        assert_eq!(check(entries.first(), &entries[1..]), Ok(()));
        assert_eq!(check(None, &entries[1..]), Err(ChainBreak { number: 1 }));
        let gap = [entries[0].clone(), entries[2].clone()];
        assert_eq!(check(None, &gap), Err(ChainBreak { number: 2 }));
        let mut changed = entries.clone();
        changed[1].entry.detail.push('!');
        assert_eq!(check(None, &changed), Err(ChainBreak { number: 2 }));
    }

    #[test]
    fn text_moved_between_fields_changes_the_chain() {
        let one = draft("");
        let other = AuditDraft { actor: "localaccount.add".into(), action: String::new(), ..one.clone() };
        assert_ne!(chain("", 1, &one), chain("", 1, &other));
    }
}
