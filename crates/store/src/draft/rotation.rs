//! Decisions about the next key: who vouches for it, whether it waits for approval, and when the old one ends.
use crate::denied::Denied;
use crate::draft::new::{NewKey, Vouch, replaceable};
use crate::draft::{Decided, Draft};
use crate::model::KeyRecord;
use countersign::life::key::{KeyLife, KeyState};
use countersign::time::Span;

/// A longer overlap is no rotation.
const LONGEST_OVERLAP: i64 = 366 * 86_400;

impl Draft<'_> {
    /// Registers the next key and lets the old one retire after the overlap, as one change. A next key that waits for approval
    /// leaves the old one as it is: nobody is locked out by waiting.
    ///
    /// # Errors
    /// [`Denied`] when the old key is not in use or has a successor already ([`replaceable`]), the new one cannot be registered, or the
    /// key that vouches may not.
    pub fn rotate_key(
        &mut self,
        old: &str,
        new: &NewKey,
        overlap: Span,
        vouch: Vouch<'_>,
    ) -> Decided<(KeyRecord, KeyRecord)> {
        let record = self.key(old)?;
        if record.account != new.account {
            return Err(Denied::invalid(
                "other-account",
                "wanted a new key for the account of the old one; send it so",
            ));
        }
        if overlap < Span::ZERO || overlap.seconds() > LONGEST_OVERLAP {
            return Err(Denied::invalid(
                "invalid-overlap",
                format!("wanted an overlap of 0s to 366d; found {overlap}; choose one in between"),
            ));
        }
        replaceable(&record, matches!(vouch, Vouch::Key(key) if key != record.id))?;
        let recovers = self.vouches(&record, vouch)?;
        let new = self.add_key(new)?;
        let old = match (new.life.state, record.life.state) {
            (KeyState::Pending, _) => record,
            // What was switched off or ended when the key was lost stays so.
            (_, KeyState::Disabled | KeyState::Revoked) if recovers => record,
            _ => self.retire_key(old, self.stamp.now + overlap)?,
        };
        let by = match vouch {
            Vouch::Operator => "without a proof, on the operator's word".to_owned(),
            Vouch::Key(key) if recovers => format!("proved by the recovery key {key}"),
            Vouch::Key(key) => format!("proved by {key}"),
        };
        let detail = format!("account {}, next key {}, overlap {overlap}, {by}", old.account, new.id);
        self.note(if recovers { "key.recover" } else { "key.rotate" }, &old.id, detail);
        Ok((old, new))
    }

    /// In which state a key begins that a caller registers by itself, when `wanted` is what it asks for: it waits where the
    /// account's organisation wants approval.
    ///
    /// # Errors
    /// [`Denied`] when a key for recovery is wanted there: one that waits is none, and a manager registers it at once.
    pub fn by_itself(&self, account: &str, wanted: KeyState) -> Decided<KeyState> {
        let organisation = self.account(account)?.organisation;
        let waits = match organisation {
            Some(id) => self.organisation(&id)?.approval,
            None => false,
        };
        match wanted {
            KeyState::Recovery if waits => Err(Denied::state(
                "approval-wanted",
                "this organisation approves keys, and a key for recovery is registered by a manager there; ask one",
            )),
            _ if waits => Ok(KeyState::Pending),
            _ => Ok(wanted),
        }
    }

    /// Whether it is a recovery key that vouches; it is looked at again here, since it may have been revoked meanwhile.
    fn vouches(&self, old: &KeyRecord, vouch: Vouch<'_>) -> Decided<bool> {
        let Vouch::Key(id) = vouch else { return Ok(false) };
        let key = self.key(id)?;
        let recovers = key.life.state == KeyState::Recovery;
        let may = key.account == old.account
            && (recovers || key.id == old.id)
            && KeyLife::may_vouch(&key.life, self.stamp.now);
        if may {
            return Ok(recovers);
        }
        Err(Denied::state(
            "key-state",
            "wanted a proof by the old key while it counts, or by a key of the account that is kept for recovery; sign with one of these",
        ))
    }
}

#[cfg(test)]
mod tests;
