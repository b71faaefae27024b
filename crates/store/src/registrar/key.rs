//! Changes of keys, each one unit with its audit entries.
use crate::denied::ChangeError;
use crate::draft::Vouch;
use crate::draft::new::{Narrowing, NewKey};
use crate::model::KeyRecord;
use crate::registrar::Registrar;
use crate::stamp::Stamp;
use countersign::time::{Span, Time};

impl Registrar {
    /// Registers a key.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn add_key(&self, stamp: &Stamp, new: &NewKey) -> Result<KeyRecord, ChangeError> {
        self.change(stamp, |draft| draft.add_key(new)).await
    }

    /// Switches a pending or disabled key on.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn activate_key(&self, stamp: &Stamp, id: &str) -> Result<KeyRecord, ChangeError> {
        self.change(stamp, |draft| draft.activate_key(id)).await
    }

    /// Lets a key be accepted until a date and no longer.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn retire_key(&self, stamp: &Stamp, id: &str, until: Time) -> Result<KeyRecord, ChangeError> {
        self.change(stamp, |draft| draft.retire_key(id, until)).await
    }

    /// Switches a key off and ends its sessions at once.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn disable_key(&self, stamp: &Stamp, id: &str) -> Result<KeyRecord, ChangeError> {
        self.change(stamp, |draft| draft.disable_key(id)).await
    }

    /// Ends a key for ever, and its sessions at once.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn revoke_key(&self, stamp: &Stamp, id: &str) -> Result<KeyRecord, ChangeError> {
        self.change(stamp, |draft| draft.revoke_key(id)).await
    }

    /// Registers the next key and lets the old one retire after the overlap; gives old and new.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn rotate_key(
        &self,
        stamp: &Stamp,
        old: &str,
        new: &NewKey,
        overlap: Span,
        vouch: Vouch<'_>,
    ) -> Result<(KeyRecord, KeyRecord), ChangeError> {
        self.change(stamp, |draft| draft.rotate_key(old, new, overlap, vouch)).await
    }

    /// Sets what a key is narrowed to.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn set_key_limits(
        &self,
        stamp: &Stamp,
        id: &str,
        limits: &Narrowing,
    ) -> Result<KeyRecord, ChangeError> {
        self.change(stamp, |draft| draft.set_key_limits(id, limits)).await
    }

    /// Sets the dialects a key is for.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn set_key_dialects(
        &self,
        stamp: &Stamp,
        id: &str,
        names: &[String],
    ) -> Result<KeyRecord, ChangeError> {
        self.change(stamp, |draft| draft.set_key_dialects(id, names)).await
    }

    /// Sets the date from which a key is not accepted.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn set_key_expiry(
        &self,
        stamp: &Stamp,
        id: &str,
        expires: Option<Time>,
    ) -> Result<KeyRecord, ChangeError> {
        self.change(stamp, |draft| draft.set_key_expiry(id, expires)).await
    }

    /// Gives a key another label.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn label_key(&self, stamp: &Stamp, id: &str, new: &str) -> Result<KeyRecord, ChangeError> {
        self.change(stamp, |draft| draft.label_key(id, new)).await
    }
}
