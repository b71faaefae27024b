//! The operator who makes a call, and what its role lets it do.
use super::access::DIALECT;
use super::problem::Problem;
use super::state::Manage;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use countersign::time::Time;
use countersign_guard::clock::draw;
use countersign_store::denied::Denied;
use countersign_store::draft::Draft;
use countersign_store::model::{Account, Role};
use countersign_store::stamp::Stamp;

/// Who makes this call. Only the gate makes one, after the proof held.
#[derive(Clone, Debug)]
pub(crate) struct Operator {
    /// The account's id.
    pub(crate) id: String,
    /// The account's name.
    pub(crate) name: String,
    /// What it may do.
    pub(crate) role: Role,
    /// The key's id.
    pub(crate) key: String,
    /// When the call was judged: the one "now" of everything it does.
    pub(crate) now: Time,
}

/// In whose name something is changed, and when.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    /// The account's id, as the audit log has it.
    pub(crate) id: String,
    /// The one "now" of everything the call does.
    pub(crate) now: Time,
}

/// An operator who is an owner; calls that take one are an owner's alone, whatever their body says.
pub(crate) struct Owner(pub(crate) Operator);

impl Actor {
    /// Makes a change in this name: all that `decide` does, with its audit entries, or nothing.
    pub(crate) async fn change<T: Send>(
        &self,
        manage: &Manage,
        decide: impl Fn(&mut Draft<'_>) -> Result<T, Denied> + Send + Sync,
    ) -> Result<T, Problem> {
        Ok(manage.registrar.change(&self.stamp(manage), decide).await?)
    }

    fn stamp(&self, manage: &Manage) -> Stamp {
        Stamp { now: self.now, actor: self.id.clone(), random: draw(&*manage.entropy) }
    }
}

impl Operator {
    /// In whose name it changes things.
    pub(crate) fn actor(&self) -> Actor {
        Actor { id: self.id.clone(), now: self.now }
    }

    /// Makes a change in this operator's name: all that `decide` does, with its audit entries, or nothing.
    pub(crate) async fn change<T: Send>(
        &self,
        manage: &Manage,
        decide: impl Fn(&mut Draft<'_>) -> Result<T, Denied> + Send + Sync,
    ) -> Result<T, Problem> {
        self.actor().change(manage, decide).await
    }

    /// What a change in this operator's name is stamped with.
    pub(crate) fn stamp(&self, manage: &Manage) -> Stamp {
        self.actor().stamp(manage)
    }

    /// Whether the role allows a method at all: an auditor only reads.
    pub(crate) fn admitted(&self, method: &Method) -> Result<(), Problem> {
        if self.role == Role::Auditor && method != Method::GET && method != Method::HEAD {
            return Err(self.lacks("An auditor reads everything and changes nothing; ask a manager."));
        }
        Ok(())
    }

    /// For what only an owner does.
    pub(crate) fn owner_only(&self) -> Result<(), Problem> {
        if self.role == Role::Owner { Ok(()) } else { Err(self.lacks("Only an owner does this; ask one.")) }
    }

    /// For changes of an account. An operator's own account is an owner's business: whoever can add a key to it is it.
    pub(crate) fn may_change(&self, account: &Account) -> Result<(), Problem> {
        if account.role.is_none() {
            return Ok(());
        }
        self.owner_only().map_err(|problem| {
            problem.detail(format!("{} is an operator; only an owner changes operators.", account.name))
        })
    }

    /// For changes of an account's keys: like the account, but every operator may look after its own.
    pub(crate) fn may_change_keys(&self, account: &Account) -> Result<(), Problem> {
        if account.id == self.id { Ok(()) } else { self.may_change(account) }
    }

    /// For keys with these dialects at an account: one for management calls only an owner gives to another account, which may
    /// become an operator's later.
    pub(crate) fn may_give(&self, account: &str, dialects: &[String]) -> Result<(), Problem> {
        let manages = dialects.iter().any(|name| name == DIALECT);
        if account == self.id || !manages { Ok(()) } else { self.owner_only() }
    }

    fn lacks(&self, detail: &str) -> Problem {
        Problem::new(StatusCode::FORBIDDEN, "role-too-low", "The operator's role does not allow it.")
            .detail(detail)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            // Cannot happen behind the gate; if it did, nobody comes in.
            Problem::new(StatusCode::UNAUTHORIZED, "missing-credentials", "The request carries no proof.")
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Owner {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let operator = Operator::from_request_parts(parts, state).await?;
        operator.owner_only()?;
        Ok(Self(operator))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_store::model::Identifier;

    fn operator(role: Role) -> Operator {
        let now = Time::from_seconds(0);
        Operator { id: "acc_me".into(), name: "me".into(), role, key: "key_1".into(), now }
    }

    fn account(id: &str, role: Option<Role>) -> Account {
        Account {
            id: id.into(),
            name: id.into(),
            organisation: None,
            enabled: true,
            identifiers: vec![Identifier { namespace: "user".into(), value: id.into() }],
            acts_as: vec![],
            paths: vec![],
            jwks_url: None,
            role,
            created: Time::from_seconds(0),
        }
    }

    #[test]
    fn nobody_climbs_by_another_operators_account() {
        let manager = operator(Role::Manager);
        assert!(manager.may_change(&account("acc_caller", None)).is_ok());
        for role in [Role::Auditor, Role::Manager, Role::Owner] {
            let other = account("acc_other", Some(role));
            assert!(manager.may_change(&other).is_err() && manager.may_change_keys(&other).is_err());
            assert!(operator(Role::Owner).may_change(&other).is_ok());
        }
        let own = account("acc_me", Some(Role::Manager));
        assert!(manager.may_change_keys(&own).is_ok(), "its own keys may be rotated");
        assert!(manager.may_change(&own).is_err(), "its own account may not");
    }

    #[test]
    fn auditors_read() {
        let auditor = operator(Role::Auditor);
        assert!(auditor.admitted(&Method::GET).is_ok());
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS] {
            assert_eq!(auditor.admitted(&method).unwrap_err().code(), "role-too-low");
            assert!(operator(Role::Manager).admitted(&method).is_ok());
        }
    }
}
