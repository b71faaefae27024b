//! Changes of the server's own secrets, each one unit with its audit entries.
use crate::denied::ChangeError;
use crate::model::SecretRecord;
use crate::registrar::Registrar;
use crate::stamp::Stamp;
use countersign::time::Time;

impl Registrar {
    /// Keeps a secret, in the place of one with the same name.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn put_secret(
        &self,
        stamp: &Stamp,
        name: &str,
        value: &[u8],
        sealed: bool,
    ) -> Result<SecretRecord, ChangeError> {
        self.change(stamp, |draft| draft.put_secret(name, value, sealed)).await
    }

    /// From a moment on, a secret signs nothing new.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn retire_secret(
        &self,
        stamp: &Stamp,
        name: &str,
        from: Time,
    ) -> Result<SecretRecord, ChangeError> {
        self.change(stamp, |draft| draft.retire_secret(name, from)).await
    }

    /// Deletes a secret: what it signed no longer verifies.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn delete_secret(&self, stamp: &Stamp, name: &str) -> Result<(), ChangeError> {
        self.change(stamp, |draft| draft.delete_secret(name)).await
    }
}
