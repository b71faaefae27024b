//! The life of a session: opened by a proof, refreshed by rotation, ended by logout, reuse, revocation or its greatest age.
use crate::time::{Span, Time};
use serde::{Deserialize, Serialize};

/// How long a session's parts last.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Windows {
    /// Life of an access token.
    pub access: Span,
    /// Life of a refresh token.
    pub refresh: Span,
    /// Greatest age of the whole session, counted from its opening.
    pub whole: Span,
    /// For this long after a refresh, the same refresh token gets the same new pair again; zero: never.
    pub grace: Span,
}

/// One session as it is kept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Session {
    /// 24 hexadecimal digits, random.
    pub id: String,
    /// Which account opened it.
    pub account: String,
    /// The identifier it was opened under (what the tokens name).
    pub identifier: String,
    /// Organisation named in the tokens, when there is one.
    pub organisation: Option<String>,
    /// Which key opened it: when that key ends, the session ends.
    pub key: String,
    /// When it was opened.
    pub opened: Time,
    /// When it ends at the latest.
    pub ends: Time,
    /// The current pair's mark, 24 hexadecimal digits, random; a refresh token with another one is a reuse.
    pub iteration: String,
    /// When the current pair was made.
    pub rotated: Time,
    /// The mark of the pair before, for the grace.
    pub previous: Option<String>,
    /// Why it ended; `None` while it lives.
    pub ended: Option<Ended>,
    /// What its tokens are good for, where the token endpoint opened it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Grant>,
}

/// What the token endpoint granted: the same for every token of the session.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Grant {
    /// The scopes, with spaces between them; empty: none.
    pub scope: String,
    /// The resource that its access tokens are for.
    pub resource: String,
    /// RFC 7638 thumbprint of the key that its tokens are bound to (RFC 9449 section 6.1); `None`: whoever has one may use it.
    pub jkt: Option<String>,
    /// Whether it has refresh tokens.
    pub refreshes: bool,
    /// Whether its client proved itself beside the grant, so that it must do so at every refresh.
    pub authenticated: bool,
}

/// Ids of the console's sessions begin so: they are opened in a browser, by a cookie, and have no tokens.
pub const CONSOLE: &str = "console-";

/// Why a session ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// The caller logged out.
    Logout,
    /// A refresh token came a second time: someone else may hold it.
    Reuse,
    /// An operator ended it, or its key or account.
    Revoked,
}

/// What a refresh token with a given mark is worth.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refresh {
    /// The current one: rotate.
    Rotate(Session),
    /// The one before, inside the grace: answer the current pair again.
    Repeat(Session),
    /// Used before: the family ends; keep this state.
    Reused(Session),
    /// Ended or too old.
    Over,
}

impl Session {
    /// Whether its tokens count at `now`.
    #[must_use]
    pub fn is_live(&self, now: Time) -> bool {
        self.ended.is_none() && now < self.ends
    }

    /// The key that its tokens are bound to.
    #[must_use]
    pub fn bound_to(&self) -> Option<&str> {
        self.grant.as_ref()?.jkt.as_deref()
    }

    /// Whether it is one of the console's.
    #[must_use]
    pub fn is_console(&self) -> bool {
        self.id.starts_with(CONSOLE)
    }

    /// When an access token made at `now` ends: never after the session.
    #[must_use]
    pub fn access_until(&self, now: Time, windows: &Windows) -> Time {
        (now + windows.access).min(self.ends)
    }

    /// When a refresh token made at `now` ends: never after the session.
    #[must_use]
    pub fn refresh_until(&self, now: Time, windows: &Windows) -> Time {
        (now + windows.refresh).min(self.ends)
    }

    /// Judges a refresh token by its mark and gives the state to keep. `fresh` is the next mark, drawn by the shell.
    #[must_use]
    pub fn refresh(&self, mark: &str, fresh: &str, now: Time, windows: &Windows) -> Refresh {
        if !self.is_live(now) {
            return Refresh::Over;
        }
        if mark == self.iteration {
            return Refresh::Rotate(Self {
                iteration: fresh.to_owned(),
                previous: Some(self.iteration.clone()),
                rotated: now,
                ..self.clone()
            });
        }
        let in_grace = windows.grace > Span::ZERO && now.since(self.rotated) < windows.grace;
        if in_grace && self.previous.as_deref() == Some(mark) {
            return Refresh::Repeat(self.clone());
        }
        Refresh::Reused(self.end(Ended::Reuse))
    }

    /// The same session, ended. The first reason stays.
    #[must_use]
    pub fn end(&self, why: Ended) -> Self {
        Self { ended: self.ended.or(Some(why)), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        Session {
            id: "s".into(),
            account: "a".into(),
            identifier: "alice".into(),
            organisation: None,
            key: "k".into(),
            opened: Time::from_seconds(0),
            ends: Time::from_seconds(86_400),
            iteration: "one".into(),
            rotated: Time::from_seconds(0),
            previous: None,
            ended: None,
            grant: None,
        }
    }

    fn windows(grace: i64) -> Windows {
        Windows {
            access: Span::from_seconds(1500),
            refresh: Span::from_seconds(1800),
            whole: Span::from_seconds(86_400),
            grace: Span::from_seconds(grace),
        }
    }

    #[test]
    fn reuse_ends_the_family() {
        let now = Time::from_seconds(5);
        let Refresh::Rotate(next) = session().refresh("one", "two", now, &windows(0)) else { panic!() };
        let Refresh::Reused(over) = next.refresh("one", "three", now, &windows(0)) else { panic!() };
        assert_eq!(over.ended, Some(Ended::Reuse));
        assert_eq!(over.refresh("two", "four", now, &windows(0)), Refresh::Over);
    }

    #[test]
    fn grace_repeats_only_the_last_pair_and_only_briefly() {
        let at = Time::from_seconds;
        let Refresh::Rotate(next) = session().refresh("one", "two", at(5), &windows(10)) else { panic!() };
        assert!(matches!(next.refresh("one", "x", at(14), &windows(10)), Refresh::Repeat(_)));
        assert!(matches!(next.refresh("one", "x", at(15), &windows(10)), Refresh::Reused(_)));
        assert!(matches!(next.refresh("zero", "x", at(6), &windows(10)), Refresh::Reused(_)));
        // Without a grace there is none, not even for a clock that was set back.
        assert!(matches!(next.refresh("one", "x", at(4), &windows(0)), Refresh::Reused(_)));
    }

    #[test]
    fn no_token_outlives_the_session() {
        let late = Time::from_seconds(86_399);
        assert_eq!(session().access_until(late, &windows(0)), Time::from_seconds(86_400));
        assert_eq!(session().refresh_until(late, &windows(0)), Time::from_seconds(86_400));
        assert_eq!(session().refresh_until(Time::from_seconds(5), &windows(0)), Time::from_seconds(1805));
        assert!(!session().is_live(Time::from_seconds(86_400)));
    }
}
