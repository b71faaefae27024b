//! Decisions about the server's own secrets; no audit entry ever holds one.
use crate::denied::Denied;
use crate::draft::rules;
use crate::draft::{Decided, Draft};
use crate::model::SecretRecord;
use countersign::time::Time;

impl Draft<'_> {
    /// The secret with this name, as changed so far.
    ///
    /// # Errors
    /// [`Denied`] `secret-not-found`.
    pub fn secret(&self, name: &str) -> Decided<SecretRecord> {
        self.secrets.or(name, || self.directory.secret(name)).ok_or_else(|| {
            let found = rules::shown(name);
            Denied::not_found("secret-not-found", format!("no secret is named {found}; list them to find it"))
        })
    }

    /// Keeps a secret, in the place of one with the same name.
    ///
    /// # Errors
    /// [`Denied`] when the name has not the form it needs.
    pub fn put_secret(&mut self, name: &str, value: &[u8], sealed: bool) -> Decided<SecretRecord> {
        rules::text("a secret's name", "invalid-name", name, rules::LONGEST_NAME)?;
        let secret = SecretRecord {
            name: name.to_owned(),
            value: value.to_vec(),
            sealed,
            created: self.stamp.now,
            retired: None,
        };
        self.note("secret.put", name, if sealed { "sealed" } else { "not sealed" });
        self.set_secret(name, Some(secret.clone()));
        Ok(secret)
    }

    /// Keeps the same secret sealed in another way.
    ///
    /// # Errors
    /// [`Denied`] when there is none.
    pub fn reseal_secret(&mut self, name: &str, value: &[u8], sealed: bool) -> Decided<SecretRecord> {
        let secret = SecretRecord { value: value.to_vec(), sealed, ..self.secret(name)? };
        self.note("secret.seal", name, "");
        self.set_secret(name, Some(secret.clone()));
        Ok(secret)
    }

    /// From a moment on, a secret signs nothing new; what it signed still verifies. An earlier moment that was set stays.
    ///
    /// # Errors
    /// [`Denied`] when there is none.
    pub fn retire_secret(&mut self, name: &str, from: Time) -> Decided<SecretRecord> {
        let mut secret = self.secret(name)?;
        if secret.retired.is_none_or(|retired| retired > from) {
            secret.retired = Some(from);
            self.note("secret.retire", name, format!("from {} (seconds since 1970)", from.seconds()));
            self.set_secret(name, Some(secret.clone()));
        }
        Ok(secret)
    }

    /// Deletes a secret: what it signed no longer verifies.
    ///
    /// # Errors
    /// [`Denied`] when there is none.
    pub fn delete_secret(&mut self, name: &str) -> Decided<()> {
        self.secret(name)?;
        self.note("secret.delete", name, "");
        self.set_secret(name, None);
        Ok(())
    }

    fn set_secret(&mut self, name: &str, after: Option<SecretRecord>) {
        let directory = self.directory;
        self.secrets.set(name, || directory.secret(name), after);
    }
}
