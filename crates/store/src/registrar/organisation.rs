//! Changes of organisations, members and join codes, each one unit with its audit entries.
use crate::denied::ChangeError;
use crate::model::{JoinCode, Member, Organisation};
use crate::registrar::Registrar;
use crate::stamp::Stamp;
use countersign::time::Time;

impl Registrar {
    /// Makes an organisation.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn add_organisation(&self, stamp: &Stamp, name: &str) -> Result<Organisation, ChangeError> {
        self.change(stamp, |draft| draft.add_organisation(name)).await
    }

    /// Gives an organisation another name.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn rename_organisation(
        &self,
        stamp: &Stamp,
        id: &str,
        name: &str,
    ) -> Result<Organisation, ChangeError> {
        self.change(stamp, |draft| draft.rename_organisation(id, name)).await
    }

    /// Deletes an organisation without members, with its join codes.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn delete_organisation(&self, stamp: &Stamp, id: &str) -> Result<(), ChangeError> {
        self.change(stamp, |draft| draft.delete_organisation(id)).await
    }

    /// Makes an account a member.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn add_member(
        &self,
        stamp: &Stamp,
        organisation: &str,
        account: &str,
        role: &str,
    ) -> Result<Member, ChangeError> {
        self.change(stamp, |draft| draft.add_member(organisation, account, role)).await
    }

    /// Takes an account out of an organisation.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn remove_member(
        &self,
        stamp: &Stamp,
        organisation: &str,
        account: &str,
    ) -> Result<(), ChangeError> {
        self.change(stamp, |draft| draft.remove_member(organisation, account)).await
    }

    /// Lets an account leave its organisation.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn leave(&self, stamp: &Stamp, account: &str) -> Result<(), ChangeError> {
        self.change(stamp, |draft| draft.leave(account)).await
    }

    /// Gives a member another role.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn set_member_role(
        &self,
        stamp: &Stamp,
        organisation: &str,
        account: &str,
        role: &str,
    ) -> Result<Member, ChangeError> {
        self.change(stamp, |draft| draft.set_member_role(organisation, account, role)).await
    }

    /// Makes a join code, given as its digest.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn add_join_code(
        &self,
        stamp: &Stamp,
        organisation: &str,
        digest: &str,
        role: &str,
        expires: Time,
        once: bool,
    ) -> Result<JoinCode, ChangeError> {
        self.change(stamp, |draft| draft.add_join_code(organisation, digest, role, expires, once)).await
    }

    /// Deletes a join code, given as its digest.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn delete_join_code(&self, stamp: &Stamp, digest: &str) -> Result<(), ChangeError> {
        self.change(stamp, |draft| draft.delete_join_code(digest)).await
    }

    /// Lets an account join by a code, given as its digest.
    ///
    /// # Errors
    /// [`ChangeError`]: denied as by the decision of the same name on a draft, or a fault.
    pub async fn join(&self, stamp: &Stamp, account: &str, digest: &str) -> Result<Member, ChangeError> {
        self.change(stamp, |draft| draft.join(account, digest)).await
    }
}
