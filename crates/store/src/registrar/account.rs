//! Changes of accounts, each one unit with its audit entries.
use crate::denied::ChangeError;
use crate::draft::new::NewAccount;
use crate::model::{Account, Identifier, Role};
use crate::registrar::Registrar;
use crate::stamp::Stamp;

impl Registrar {
    /// Makes an account.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn add_account(&self, stamp: &Stamp, new: &NewAccount) -> Result<Account, ChangeError> {
        self.change(stamp, |draft| draft.add_account(new)).await
    }

    /// Switches an account on or off; off ends its sessions at once.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn set_account_enabled(
        &self,
        stamp: &Stamp,
        id: &str,
        enabled: bool,
    ) -> Result<Account, ChangeError> {
        self.change(stamp, |draft| draft.set_account_enabled(id, enabled)).await
    }

    /// Gives an account another name.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn rename_account(&self, stamp: &Stamp, id: &str, name: &str) -> Result<Account, ChangeError> {
        self.change(stamp, |draft| draft.rename_account(id, name)).await
    }

    /// Adds an identifier.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn add_identifier(
        &self,
        stamp: &Stamp,
        id: &str,
        new: &Identifier,
    ) -> Result<Account, ChangeError> {
        self.change(stamp, |draft| draft.add_identifier(id, new)).await
    }

    /// Removes an identifier.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn remove_identifier(
        &self,
        stamp: &Stamp,
        id: &str,
        old: &Identifier,
    ) -> Result<Account, ChangeError> {
        self.change(stamp, |draft| draft.remove_identifier(id, old)).await
    }

    /// Sets the users that an account may act for.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn set_acts_as(
        &self,
        stamp: &Stamp,
        id: &str,
        users: &[String],
    ) -> Result<Account, ChangeError> {
        self.change(stamp, |draft| draft.set_acts_as(id, users)).await
    }

    /// Sets the path prefixes that an account may use; none: all.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn set_paths(&self, stamp: &Stamp, id: &str, paths: &[String]) -> Result<Account, ChangeError> {
        self.change(stamp, |draft| draft.set_paths(id, paths)).await
    }

    /// Sets where the account's JWKS document lives.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn set_jwks_url(
        &self,
        stamp: &Stamp,
        id: &str,
        url: Option<&str>,
    ) -> Result<Account, ChangeError> {
        self.change(stamp, |draft| draft.set_jwks_url(id, url)).await
    }

    /// Sets what an operator may do; `None`: no operator.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn set_role(
        &self,
        stamp: &Stamp,
        id: &str,
        role: Option<Role>,
    ) -> Result<Account, ChangeError> {
        self.change(stamp, |draft| draft.set_role(id, role)).await
    }

    /// Deletes an account with its keys, companion keys and membership, and ends its sessions.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn delete_account(&self, stamp: &Stamp, id: &str) -> Result<(), ChangeError> {
        self.change(stamp, |draft| draft.delete_account(id)).await
    }
}
