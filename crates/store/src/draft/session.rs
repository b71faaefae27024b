//! Decisions about sessions: they are no rows of the registry, but ending them by hand is a change that must be noted.
use crate::draft::{Decided, Draft};
use countersign::life::session::Session;

impl Draft<'_> {
    /// Ends all sessions of an account, once the change is written.
    ///
    /// # Errors
    /// [`crate::denied::Denied`] when there is no such account.
    pub fn end_sessions_of(&mut self, account: &str) -> Decided<()> {
        let name = self.account(account)?.name;
        self.end_sessions(account, None);
        self.note("account.end-sessions", account, format!("name {name}"));
        Ok(())
    }

    /// Notes that one session is ended by hand; whoever made this change ends it next.
    pub fn note_end_of(&mut self, session: &Session) {
        self.note("session.end", &session.id, format!("account {}, key {}", session.account, session.key));
    }

    /// Notes that a link was made by which somebody signs in as an account.
    ///
    /// # Errors
    /// [`crate::denied::Denied`] when there is no such account.
    pub fn note_link_for(&mut self, account: &str) -> Decided<()> {
        let name = self.account(account)?.name;
        self.note("account.sign-in-link", account, format!("name {name}"));
        Ok(())
    }

    /// Notes that an account signed in by a link that an operator made.
    ///
    /// # Errors
    /// [`crate::denied::Denied`] when there is no such account.
    pub fn note_use_of_link(&mut self, account: &str, maker: &str) -> Decided<()> {
        let name = self.account(account)?.name;
        self.note("account.sign-in-by-link", account, format!("name {name}, link of {maker}"));
        Ok(())
    }
}
