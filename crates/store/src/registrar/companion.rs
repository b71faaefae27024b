//! Changes of companion keys, each one unit with its audit entries.
use crate::denied::ChangeError;
use crate::draft::new::NewCompanion;
use crate::model::CompanionRecord;
use crate::registrar::Registrar;
use crate::stamp::Stamp;

impl Registrar {
    /// Makes a companion key.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn add_companion(
        &self,
        stamp: &Stamp,
        new: &NewCompanion,
    ) -> Result<CompanionRecord, ChangeError> {
        self.change(stamp, |draft| draft.add_companion(new)).await
    }

    /// Switches a companion key on or off.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn set_companion_enabled(
        &self,
        stamp: &Stamp,
        id: &str,
        enabled: bool,
    ) -> Result<CompanionRecord, ChangeError> {
        self.change(stamp, |draft| draft.set_companion_enabled(id, enabled)).await
    }

    /// Binds a companion key to its account's proofs, or unbinds it.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn set_companion_bound(
        &self,
        stamp: &Stamp,
        id: &str,
        bound: bool,
    ) -> Result<CompanionRecord, ChangeError> {
        self.change(stamp, |draft| draft.set_companion_bound(id, bound)).await
    }

    /// Deletes a companion key.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn delete_companion(&self, stamp: &Stamp, id: &str) -> Result<(), ChangeError> {
        self.change(stamp, |draft| draft.delete_companion(id)).await
    }
}
