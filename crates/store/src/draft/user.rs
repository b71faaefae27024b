//! Decisions about users that accounts may act for.
use crate::denied::Denied;
use crate::draft::rules;
use crate::draft::{Decided, Draft};
use crate::model::User;

impl Draft<'_> {
    /// The user with this name, as changed so far.
    ///
    /// # Errors
    /// [`Denied`] `user-not-found`.
    pub fn user(&self, name: &str) -> Decided<User> {
        self.users.or(name, || self.directory.user(name)).ok_or_else(|| {
            let found = rules::shown(name);
            Denied::not_found("user-not-found", format!("no user is named {found}; add the user first"))
        })
    }

    /// Makes a user that accounts may be allowed to act for.
    ///
    /// # Errors
    /// [`Denied`] when the name is taken or has not the form it needs.
    pub fn add_user(&mut self, name: &str, enabled: bool) -> Decided<User> {
        rules::text("a user name", "invalid-name", name, rules::LONGEST_IDENTIFIER)?;
        if self.user(name).is_ok() {
            return Err(Denied::taken(
                "user-taken",
                format!("wanted a new user; {name} exists; nothing is to be done"),
            ));
        }
        let user = User { name: name.to_owned(), enabled, created: self.stamp.now };
        self.note("user.add", name, if enabled { "" } else { "switched off" });
        self.set_user(name, Some(user.clone()));
        Ok(user)
    }

    /// Switches a user on or off.
    ///
    /// # Errors
    /// [`Denied`] when there is none.
    pub fn set_user_enabled(&mut self, name: &str, enabled: bool) -> Decided<User> {
        let before = self.user(name)?;
        let after = User { enabled, ..before.clone() };
        if after != before {
            self.note(if enabled { "user.enable" } else { "user.disable" }, name, "");
            self.set_user(name, Some(after.clone()));
        }
        Ok(after)
    }

    /// Deletes a user and every permission to act for it: one made later under the same name starts with none.
    ///
    /// # Errors
    /// [`Denied`] when there is none.
    pub fn delete_user(&mut self, name: &str) -> Decided<()> {
        self.user(name)?;
        let mut actors = self.directory.acting_for(name);
        actors.extend(self.accounts.rows().map(|account| account.id.clone()));
        for id in actors {
            // One that was deleted in this draft acts for nobody.
            if let Ok(account) = self.account(&id)
                && account.acts_as.iter().any(|user| user == name)
            {
                let rest: Vec<String> = account.acts_as.into_iter().filter(|user| user != name).collect();
                self.set_acts_as(&id, &rest)?;
            }
        }
        self.note("user.delete", name, "");
        self.set_user(name, None);
        Ok(())
    }

    fn set_user(&mut self, name: &str, after: Option<User>) {
        let directory = self.directory;
        self.users.set(name, || directory.user(name), after);
    }
}
