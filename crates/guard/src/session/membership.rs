//! What a member's role in its organisation lets it do, for whoever asks on its behalf.
use countersign::time::Time;
use countersign_store::denied::{Denial, Denied};
use countersign_store::draft::Draft;
use countersign_store::model::{JoinCode, Member};

/// Is in it, and no more.
pub const MEMBER: &str = "MEMBER";
/// Invites and removes.
pub const ADMIN: &str = "ADMIN";
/// Does everything.
pub const OWNER: &str = "OWNER";

/// Makes a join code that works once; the role it gives is at most the inviter's.
///
/// # Errors
/// [`Denied`] when the account is in no organisation, its role does not reach so far, or there are too many codes.
pub fn invite(
    draft: &mut Draft<'_>,
    account: &str,
    digest: &str,
    role: &str,
    expires: Time,
    most: usize,
) -> Result<JoinCode, Denied> {
    let own = place(draft, account)?;
    at_least(&own, ADMIN)?;
    at_least(&own, role)?;
    draft.allow_join_codes(most);
    draft.add_join_code(&own.organisation, digest, role, expires, true)
}

pub(crate) fn place(draft: &Draft<'_>, account: &str) -> Result<Member, Denied> {
    draft.membership(account).ok_or_else(none)
}

pub(crate) fn none() -> Denied {
    Denied::new(Denial::State, "no-subscription", "You have no subscription; join one with a join code.")
}

pub(crate) fn forbidden(text: &'static str) -> Denied {
    Denied::new(Denial::Forbidden, "not-permitted", text)
}

pub(crate) fn rank(role: &str) -> u8 {
    match role {
        OWNER => 2,
        ADMIN => 1,
        _ => 0,
    }
}

/// Whether a member's role reaches for a role.
///
/// # Errors
/// [`Denied`] `not-permitted`.
pub fn at_least(own: &Member, role: &str) -> Result<(), Denied> {
    if rank(&own.role) >= rank(role) {
        Ok(())
    } else {
        Err(forbidden("Your role in the subscription does not reach for this."))
    }
}
