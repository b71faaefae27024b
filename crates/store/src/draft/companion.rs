//! Decisions about companion keys: the API keys that some dialects want beside the proof.
use crate::denied::Denied;
use crate::draft::new::NewCompanion;
use crate::draft::rules;
use crate::draft::{Decided, Draft};
use crate::model::CompanionRecord;

/// Companion keys of one account: a few for each system that calls.
const MOST_COMPANIONS: usize = 64;

impl Draft<'_> {
    /// The companion key with this id, as changed so far.
    ///
    /// # Errors
    /// [`Denied`] `companion-not-found`.
    pub fn companion(&self, id: &str) -> Decided<CompanionRecord> {
        self.companions.or(id, || self.directory.companion(id)).ok_or_else(|| {
            let found = rules::shown(id);
            Denied::not_found(
                "companion-not-found",
                format!("no companion key has the id {found}; list them to find it"),
            )
        })
    }

    /// The companion keys of an account, as changed so far.
    #[must_use]
    pub fn companions_of(&self, account: &str) -> Vec<CompanionRecord> {
        let known = self.directory.companions_of(account);
        let mut all: Vec<_> =
            known.into_iter().filter(|row| self.companions.get(&row.id).is_none()).collect();
        all.extend(self.companions.rows().filter(|row| row.account == account).cloned());
        all
    }

    /// Makes a companion key.
    ///
    /// # Errors
    /// [`Denied`] when a part has not the form it needs, the label or the secret is taken, or there are too many.
    pub fn add_companion(&mut self, new: &NewCompanion) -> Decided<CompanionRecord> {
        self.account(&new.account)?;
        rules::word("a dialect", "invalid-dialect", &new.dialect)?;
        rules::text("a label", "invalid-label", &new.label, rules::LONGEST_NAME)?;
        rules::digest("the companion key", &new.digest)?;
        let own = self.companions_of(&new.account);
        rules::at_most("companion keys", "too-many-companions", own.len() + 1, MOST_COMPANIONS)?;
        if own.iter().any(|row| row.label == new.label) {
            return Err(Denied::taken(
                "label-taken",
                format!(
                    "wanted a label that no other companion key of this account has; {} is taken; choose another",
                    new.label
                ),
            ));
        }
        let known = self.directory.companions_by_digest(&new.digest);
        let known = known.iter().filter(|row| self.companions.get(&row.id).is_none());
        let drafted = self.companions.rows().filter(|row| row.digest == new.digest);
        if known.chain(drafted).any(|row| row.dialect == new.dialect) {
            return Err(Denied::taken(
                "companion-taken",
                "wanted a secret that no companion key of this dialect has; this one is in use; draw a new one",
            ));
        }
        let row = CompanionRecord {
            id: self.id("cmp_"),
            account: new.account.clone(),
            dialect: new.dialect.clone(),
            label: new.label.clone(),
            digest: new.digest.clone(),
            bound: new.bound,
            enabled: new.enabled,
            created: self.stamp.now,
        };
        let bound = if row.bound { "bound" } else { "not bound" };
        self.note(
            "companion.add",
            &row.id,
            format!("account {}, label {}, for {}, {bound}", row.account, row.label, row.dialect),
        );
        self.set_companion(&row.id, Some(row.clone()));
        Ok(row)
    }

    /// Switches a companion key on or off.
    ///
    /// # Errors
    /// [`Denied`] when there is none.
    pub fn set_companion_enabled(&mut self, id: &str, enabled: bool) -> Decided<CompanionRecord> {
        let action = if enabled { "companion.enable" } else { "companion.disable" };
        self.edit_companion(id, action, |row| row.enabled = enabled)
    }

    /// Binds a companion key to its account's proofs, or unbinds it.
    ///
    /// # Errors
    /// [`Denied`] when there is none.
    pub fn set_companion_bound(&mut self, id: &str, bound: bool) -> Decided<CompanionRecord> {
        let action = if bound { "companion.bind" } else { "companion.unbind" };
        self.edit_companion(id, action, |row| row.bound = bound)
    }

    /// Deletes a companion key.
    ///
    /// # Errors
    /// [`Denied`] when there is none.
    pub fn delete_companion(&mut self, id: &str) -> Decided<()> {
        let row = self.companion(id)?;
        self.note("companion.delete", id, format!("account {}, label {}", row.account, row.label));
        self.set_companion(id, None);
        Ok(())
    }

    pub(crate) fn set_companion(&mut self, id: &str, after: Option<CompanionRecord>) {
        let directory = self.directory;
        self.companions.set(id, || directory.companion(id), after);
    }

    fn edit_companion(
        &mut self,
        id: &str,
        action: &str,
        change: impl FnOnce(&mut CompanionRecord),
    ) -> Decided<CompanionRecord> {
        let before = self.companion(id)?;
        let mut after = before.clone();
        change(&mut after);
        if after != before {
            self.note(action, id, format!("account {}, label {}", after.account, after.label));
            self.set_companion(id, Some(after.clone()));
        }
        Ok(after)
    }
}
