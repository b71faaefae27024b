//! Changes of users that accounts may act for, each one unit with its audit entries.
use crate::denied::ChangeError;
use crate::model::User;
use crate::registrar::Registrar;
use crate::stamp::Stamp;

impl Registrar {
    /// Makes a user.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn add_user(&self, stamp: &Stamp, name: &str, enabled: bool) -> Result<User, ChangeError> {
        self.change(stamp, |draft| draft.add_user(name, enabled)).await
    }

    /// Switches a user on or off.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn set_user_enabled(
        &self,
        stamp: &Stamp,
        name: &str,
        enabled: bool,
    ) -> Result<User, ChangeError> {
        self.change(stamp, |draft| draft.set_user_enabled(name, enabled)).await
    }

    /// Deletes a user and every permission to act for it.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn delete_user(&self, stamp: &Stamp, name: &str) -> Result<(), ChangeError> {
        self.change(stamp, |draft| draft.delete_user(name)).await
    }
}
