//! Decisions about organisations: their names, their members and the codes by which accounts join.
use crate::denied::Denied;
use crate::draft::rules;
use crate::draft::{Decided, Draft};
use crate::model::{JoinCode, Member, Organisation};
use countersign::time::Time;

impl Draft<'_> {
    /// Lets an organisation have so many open join codes.
    pub fn allow_join_codes(&mut self, most: usize) {
        self.most_join_codes = most;
    }

    /// The organisation with this id, as changed so far.
    ///
    /// # Errors
    /// [`Denied`] `organisation-not-found`.
    pub fn organisation(&self, id: &str) -> Decided<Organisation> {
        self.organisations.or(id, || self.directory.organisation(id)).ok_or_else(|| {
            let found = rules::shown(id);
            Denied::not_found(
                "organisation-not-found",
                format!("no organisation has the id {found}; list them to find it"),
            )
        })
    }

    /// The organisation with this name, as changed so far.
    #[must_use]
    pub fn organisation_by_name(&self, name: &str) -> Option<Organisation> {
        let here = self.organisations.rows().find(|row| row.name == name).cloned();
        here.or_else(|| {
            self.directory
                .organisation_by_name(name)
                .filter(|known| self.organisations.get(&known.id).is_none())
        })
    }

    /// The accounts of an organisation, as changed so far.
    #[must_use]
    pub fn members_of(&self, organisation: &str) -> Vec<Member> {
        let known = self.directory.members_of(organisation);
        let mut all: Vec<_> =
            known.into_iter().filter(|row| self.members.get(&place(row)).is_none()).collect();
        all.extend(self.members.rows().filter(|row| row.organisation == organisation).cloned());
        all
    }

    /// An account's membership, as changed so far.
    #[must_use]
    pub fn membership(&self, account: &str) -> Option<Member> {
        let organisation = self.account(account).ok()?.organisation?;
        let wanted = Member { organisation, account: account.to_owned(), role: String::new() };
        self.members.or(&place(&wanted), || self.directory.membership(account))
    }

    /// Makes an organisation.
    ///
    /// # Errors
    /// [`Denied`] when the name is taken or has not the form it needs.
    pub fn add_organisation(&mut self, name: &str) -> Decided<Organisation> {
        self.free_organisation_name(name, None)?;
        let row = Organisation {
            id: self.id("org_"),
            name: name.to_owned(),
            approval: false,
            created: self.stamp.now,
        };
        self.note("organisation.add", &row.id, format!("name {name}"));
        self.set_organisation(&row.id, Some(row.clone()));
        Ok(row)
    }

    /// Gives an organisation another name.
    ///
    /// # Errors
    /// [`Denied`] when there is none, or the name is taken or has not the form it needs.
    pub fn rename_organisation(&mut self, id: &str, name: &str) -> Decided<Organisation> {
        let before = self.organisation(id)?;
        self.free_organisation_name(name, Some(id))?;
        let after = Organisation { name: name.to_owned(), ..before.clone() };
        if after != before {
            self.note("organisation.rename", id, format!("from {} to {name}", before.name));
            self.set_organisation(id, Some(after.clone()));
        }
        Ok(after)
    }

    /// Says whether keys that members register themselves wait for a manager.
    ///
    /// # Errors
    /// [`Denied`] when there is no such organisation.
    pub fn set_approval(&mut self, id: &str, approval: bool) -> Decided<Organisation> {
        let before = self.organisation(id)?;
        let after = Organisation { approval, ..before.clone() };
        if after != before {
            let word = if approval { "wait for a manager" } else { "count at once" };
            self.note("organisation.set-approval", id, format!("keys that members register {word}"));
            self.set_organisation(id, Some(after.clone()));
        }
        Ok(after)
    }

    /// Deletes an organisation without members, with its join codes.
    ///
    /// # Errors
    /// [`Denied`] when there is none, or it has members.
    pub fn delete_organisation(&mut self, id: &str) -> Decided<()> {
        let before = self.organisation(id)?;
        let members = self.members_of(id).len();
        if members > 0 {
            return Err(Denied::state(
                "organisation-not-empty",
                format!(
                    "wanted an organisation without members; {} has {members}; remove them first",
                    before.name
                ),
            ));
        }
        for code in self.join_codes_of(id) {
            self.delete_join_code(&code.digest)?;
        }
        self.note("organisation.delete", id, format!("name {}", before.name));
        self.set_organisation(id, None);
        Ok(())
    }

    /// Makes an account a member.
    ///
    /// # Errors
    /// [`Denied`] when it is a member somewhere already, or the role is none.
    pub fn add_member(&mut self, organisation: &str, account: &str, role: &str) -> Decided<Member> {
        self.organisation(organisation)?;
        self.enter(organisation, account, role, "organisation.add-member")
    }

    /// Takes an account out of an organisation.
    ///
    /// # Errors
    /// [`Denied`] when it is no member there.
    pub fn remove_member(&mut self, organisation: &str, account: &str) -> Decided<()> {
        self.member(organisation, account)?;
        self.depart(account, "organisation.remove-member")
    }

    /// Lets an account leave its organisation.
    ///
    /// # Errors
    /// [`Denied`] when it has none.
    pub fn leave(&mut self, account: &str) -> Decided<()> {
        self.depart(account, "organisation.leave")
    }

    /// Gives a member another role.
    ///
    /// # Errors
    /// [`Denied`] when it is no member there, or the role is none.
    pub fn set_member_role(&mut self, organisation: &str, account: &str, role: &str) -> Decided<Member> {
        let before = self.member(organisation, account)?;
        let after = Member { role: member_role(role)?, ..before.clone() };
        if after != before {
            self.note(
                "organisation.set-role",
                organisation,
                format!("account {account}, from {} to {role}", before.role),
            );
            self.set_member(&after, true);
            if invites(&before) && after.role != "OWNER" {
                self.withdraw_invitations(organisation)?;
            }
        }
        Ok(after)
    }

    /// Withdraws the invitations of an organisation in which an account may invite: who made which is not kept, and one made
    /// beforehand must not let in again whom somebody shut out.
    pub(crate) fn withdraw_invitations_with(&mut self, account: &str) -> Decided<()> {
        match self.membership(account).filter(invites) {
            Some(member) => self.withdraw_invitations(&member.organisation),
            None => Ok(()),
        }
    }

    fn withdraw_invitations(&mut self, organisation: &str) -> Decided<()> {
        // Codes that work more than once are an operator's.
        let codes = self.join_codes_of(organisation).into_iter().filter(|code| code.once);
        codes.into_iter().try_for_each(|code| self.delete_join_code(&code.digest))
    }

    /// Makes a join code; whoever drew it keeps it.
    ///
    /// # Errors
    /// [`Denied`] when a part has not the form it needs, or it would have ended already.
    pub fn add_join_code(
        &mut self,
        organisation: &str,
        digest: &str,
        role: &str,
        expires: Time,
        once: bool,
    ) -> Decided<JoinCode> {
        let owner = self.organisation(organisation)?;
        rules::digest("the join code", digest)?;
        if expires <= self.stamp.now {
            return Err(Denied::invalid(
                "invalid-dates",
                format!(
                    "wanted a join code that ends in the future; found Unix time {expires}; choose a later end"
                ),
            ));
        }
        if self.join_code(digest).is_some() {
            return Err(Denied::taken(
                "join-code-taken",
                "wanted a new join code; this one is in use; draw another",
            ));
        }
        let (open, ended): (Vec<_>, Vec<_>) =
            self.join_codes_of(organisation).into_iter().partition(|code| self.stamp.now < code.expires);
        let most = self.most_join_codes;
        if open.len() >= most {
            let text = format!(
                "wanted at most {most} open join codes, found {}; wait until one is used or ends",
                open.len()
            );
            return Err(Denied::state("too-many-join-codes", text));
        }
        for code in ended {
            self.delete_join_code(&code.digest)?;
        }
        let code = JoinCode {
            digest: digest.to_owned(),
            organisation: organisation.to_owned(),
            role: member_role(role)?,
            expires,
            once,
            created: self.stamp.now,
        };
        let often = if once { "once" } else { "many times" };
        self.note(
            "join-code.add",
            &owner.id,
            format!("role {role}, works {often} until Unix time {expires}"),
        );
        self.set_join_code(digest, Some(code.clone()));
        Ok(code)
    }

    /// Deletes a join code.
    ///
    /// # Errors
    /// [`Denied`] when there is none.
    pub fn delete_join_code(&mut self, digest: &str) -> Decided<()> {
        let Some(code) = self.join_code(digest) else {
            return Err(Denied::not_found(
                "join-code-not-found",
                "no such join code; list the organisation's to find it",
            ));
        };
        self.note("join-code.delete", &code.organisation, format!("role {}", code.role));
        self.set_join_code(digest, None);
        Ok(())
    }

    /// Lets an account join by a code, given as its digest.
    ///
    /// # Errors
    /// [`Denied`]: one answer for codes that never were, have ended or were used up.
    pub fn join(&mut self, account: &str, digest: &str) -> Decided<Member> {
        let code = self.join_code(digest).filter(|code| self.stamp.now < code.expires).ok_or_else(|| {
            Denied::invalid(
                "bad-join-code",
                "wanted a join code that works; this one does not; ask the organisation for a new one",
            )
        })?;
        let member = self.enter(&code.organisation, account, &code.role, "organisation.join")?;
        if code.once {
            self.set_join_code(digest, None);
        }
        Ok(member)
    }

    fn join_code(&self, digest: &str) -> Option<JoinCode> {
        self.join_codes.or(digest, || self.directory.join_code(digest))
    }

    fn join_codes_of(&self, organisation: &str) -> Vec<JoinCode> {
        let known = self.directory.join_codes_of(organisation);
        let mut all: Vec<_> =
            known.into_iter().filter(|code| self.join_codes.get(&code.digest).is_none()).collect();
        all.extend(self.join_codes.rows().filter(|code| code.organisation == organisation).cloned());
        all
    }

    fn member(&self, organisation: &str, account: &str) -> Decided<Member> {
        self.membership(account).filter(|member| member.organisation == organisation).ok_or_else(|| {
            Denied::not_found(
                "member-not-found",
                "the account is no member of this organisation; list its members to see them",
            )
        })
    }

    fn enter(&mut self, organisation: &str, account: &str, role: &str, action: &str) -> Decided<Member> {
        if self.account(account)?.organisation.is_some() {
            return Err(Denied::state(
                "already-member",
                "wanted an account without an organisation; it is a member of one; let it leave that first",
            ));
        }
        let member = Member {
            organisation: organisation.to_owned(),
            account: account.to_owned(),
            role: member_role(role)?,
        };
        self.set_member(&member, true);
        self.edit(account, action, |row| {
            row.organisation = Some(organisation.to_owned());
            format!("organisation {organisation}, role {role}")
        })?;
        Ok(member)
    }

    fn depart(&mut self, account: &str, action: &str) -> Decided<()> {
        let Some(organisation) = self.account(account)?.organisation else {
            return Err(Denied::state(
                "no-member",
                "wanted an account with an organisation; it has none; nothing is to be done",
            ));
        };
        self.withdraw_invitations_with(account)?;
        let member = Member { organisation, account: account.to_owned(), role: String::new() };
        self.set_member(&member, false);
        self.edit(account, action, |row| {
            row.organisation = None;
            format!("organisation {}", member.organisation)
        })?;
        Ok(())
    }

    fn free_organisation_name(&self, name: &str, id: Option<&str>) -> Decided<()> {
        rules::text("an organisation name", "invalid-name", name, rules::LONGEST_NAME)?;
        match self.organisation_by_name(name) {
            Some(holder) if Some(holder.id.as_str()) != id => Err(Denied::organisation_name_taken(name)),
            _ => Ok(()),
        }
    }

    fn set_organisation(&mut self, id: &str, after: Option<Organisation>) {
        let directory = self.directory;
        self.organisations.set(id, || directory.organisation(id), after);
    }

    fn set_member(&mut self, member: &Member, here: bool) {
        let directory = self.directory;
        let before = || {
            let known = directory.membership(&member.account);
            known.filter(|known| known.organisation == member.organisation)
        };
        self.members.set(&place(member), before, here.then(|| member.clone()));
    }

    fn set_join_code(&mut self, digest: &str, after: Option<JoinCode>) {
        let directory = self.directory;
        self.join_codes.set(digest, || directory.join_code(digest), after);
    }
}

/// The overlay's key for a membership; ids have no blanks.
fn place(member: &Member) -> String {
    format!("{} {}", member.organisation, member.account)
}

/// Whether a member may invite others.
fn invites(member: &Member) -> bool {
    member.role != "MEMBER"
}

fn member_role(role: &str) -> Decided<String> {
    if matches!(role, "MEMBER" | "ADMIN" | "OWNER") {
        return Ok(role.to_owned());
    }
    let found = rules::shown(role);
    Err(Denied::invalid(
        "invalid-role",
        format!("wanted MEMBER, ADMIN or OWNER; found {found}; choose one of these"),
    ))
}
