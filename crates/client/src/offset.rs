//! How far this machine's clock is from the server's, learned from a refusal and used for the next try.
use countersign::time::{Span, Time};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use std::fmt;
use std::time::UNIX_EPOCH;

/// The header in which a countersign server tells its time, in Unix milliseconds.
pub const TIME_HEADER: &str = "countersign-time";
/// A clock further off is not corrected silently: it is wrong by more than any time zone, and its owner should know.
pub(crate) const GREATEST_SECONDS: i64 = 86_400;
/// Less than this is the way through the network and the whole seconds of `Date`, not a wrong clock.
const LEAST_MILLIS: i64 = 1500;

/// The correction in use; none until a refusal gave one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockOffset(Span);

/// What a refusal taught.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lesson {
    /// Nothing: it was not about time, tells no time, or the clocks agree. Asking again would change nothing.
    Nothing,
    /// The correction to use from now on: sign anew and ask once more.
    Learned(ClockOffset),
}

/// The clocks are so far apart that no correction is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooFar {
    /// How far the server is ahead of this machine (negative: behind).
    pub ahead: Span,
}

impl ClockOffset {
    /// The server's time when this machine's clock shows `local`.
    #[must_use]
    pub fn correct(self, local: Time) -> Time {
        local + self.0
    }

    /// How far the server is ahead of this machine (negative: behind).
    #[must_use]
    pub fn ahead(self) -> Span {
        self.0
    }

    /// Reads a refusal that came when this machine's clock showed `local`.
    ///
    /// Only a 401 or 403 teaches, and where its body names a reason, only one that is about time. Anybody between may have
    /// written the answer, so the correction is bounded, used for one more try, and never makes a proof live longer.
    ///
    /// # Errors
    /// [`TooFar`] when the clocks are more than a day apart.
    pub fn learn(
        self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        local: Time,
    ) -> Result<Lesson, TooFar> {
        self.learn_from(status, server_time(headers), body, local)
    }

    /// The same where something else than the answer's headers says what time it is at the server.
    pub(crate) fn learn_from(
        self,
        status: StatusCode,
        server: Option<Time>,
        body: &[u8],
        local: Time,
    ) -> Result<Lesson, TooFar> {
        let refused = status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN;
        let Some(server) = server.filter(|_| refused && may_be_about_time(body)) else {
            return Ok(Lesson::Nothing);
        };
        let off = server.since(self.correct(local));
        if off.abs() < Span::from_millis(LEAST_MILLIS) {
            return Ok(Lesson::Nothing);
        }
        let ahead = server.since(local);
        if ahead.abs() > Span::from_seconds(GREATEST_SECONDS) {
            return Err(TooFar { ahead });
        }
        Ok(Lesson::Learned(Self(ahead)))
    }

    /// Whether this correction explains what another one was learned from: a server that took its time to refuse, between what was
    /// sent and what was heard by this machine's clock, shows a later time and no other clock.
    #[must_use]
    pub fn explains(self, other: Self, sent: Time, heard: Time) -> bool {
        let server = other.correct(sent);
        server >= self.correct(sent) && server.since(self.correct(heard)) < Span::from_millis(LEAST_MILLIS)
    }
}

/// The server's time: exact where it is ours, else the whole second of `Date`.
fn server_time(headers: &HeaderMap) -> Option<Time> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    if let Some(millis) = text(TIME_HEADER) {
        return millis.parse().ok().map(Time::from_millis);
    }
    let date = httpdate::parse_http_date(text("date")?).ok()?;
    let since = date.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok().map(Time::from_seconds)
}

/// A refusal that names another reason is not helped by another clock; one that names none might be.
fn may_be_about_time(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Problem {
        code: String,
    }
    match serde_json::from_slice::<Problem>(body) {
        Ok(problem) => ["expired", "not-yet-valid", "out-of-window"].contains(&problem.code.as_str()),
        Err(_) => true,
    }
}

impl fmt::Display for TooFar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = if self.ahead < Span::ZERO { "ahead of" } else { "behind" };
        let hours = self.ahead.abs().seconds() / 3600;
        write!(
            f,
            "this machine's clock is {hours} hours {side} the server's; more than a day is not corrected silently: set the clock"
        )
    }
}

impl std::error::Error for TooFar {}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: i64 = 1_700_000_000;
    const EXPIRED: &[u8] = br#"{"title":"no","code":"expired"}"#;

    fn learn(status: u16, header: (&'static str, &str), body: &[u8]) -> Result<Lesson, TooFar> {
        let mut headers = HeaderMap::new();
        headers.insert(header.0, header.1.parse().unwrap());
        let local = Time::from_seconds(LOCAL);
        ClockOffset::default().learn(StatusCode::from_u16(status).unwrap(), &headers, body, local)
    }

    #[test]
    fn a_refusal_about_time_teaches_the_difference() {
        let Ok(Lesson::Learned(offset)) = learn(401, (TIME_HEADER, "1700000090250"), EXPIRED) else {
            panic!()
        };
        assert_eq!(offset.ahead(), Span::from_millis(90_250));
        assert_eq!(offset.correct(Time::from_seconds(LOCAL)), Time::from_millis(1_700_000_090_250));
        // Once learned, the same answer teaches nothing more: there is no second try.
        let mut headers = HeaderMap::new();
        headers.insert(TIME_HEADER, "1700000090300".parse().unwrap());
        let again = offset.learn(StatusCode::UNAUTHORIZED, &headers, EXPIRED, Time::from_seconds(LOCAL));
        assert_eq!(again, Ok(Lesson::Nothing));
    }

    #[test]
    fn a_server_that_took_its_time_has_no_other_clock() {
        let (none, sent) = (ClockOffset::default(), Time::from_seconds(LOCAL));
        let ahead = |seconds| ClockOffset(Span::from_seconds(seconds));
        let heard = sent + Span::from_seconds(30);
        assert!(none.explains(ahead(2), sent, heard) && none.explains(ahead(31), sent, heard));
        assert!(!none.explains(ahead(32), sent, heard) && !none.explains(ahead(-2), sent, heard));
        assert!(ahead(60).explains(ahead(62), sent, heard) && !ahead(60).explains(none, sent, heard));
    }

    #[test]
    fn other_servers_tell_the_time_in_the_date() {
        let earlier = learn(403, ("date", "Tue, 14 Nov 2023 22:12:20 GMT"), b"nope");
        let Ok(Lesson::Learned(offset)) = earlier else { panic!("{earlier:?}") };
        assert_eq!(offset.ahead(), Span::from_seconds(-60));
    }

    #[test]
    fn other_answers_and_other_reasons_teach_nothing() {
        let ahead = (TIME_HEADER, "1700000090250");
        assert_eq!(learn(200, ahead, b""), Ok(Lesson::Nothing));
        assert_eq!(learn(503, ahead, EXPIRED), Ok(Lesson::Nothing));
        assert_eq!(learn(401, ahead, br#"{"code":"refused"}"#), Ok(Lesson::Nothing));
        assert_eq!(learn(401, (TIME_HEADER, "1700000001000"), EXPIRED), Ok(Lesson::Nothing));
        assert_eq!(learn(401, (TIME_HEADER, "soon"), EXPIRED), Ok(Lesson::Nothing));
        assert_eq!(learn(401, ("date", "soon"), EXPIRED), Ok(Lesson::Nothing));
    }

    #[test]
    fn a_day_is_the_most_that_is_corrected() {
        let far = learn(401, (TIME_HEADER, "1700086401000"), EXPIRED).unwrap_err();
        assert!(far.to_string().contains("24 hours behind the server's"), "{far}");
        assert!(matches!(learn(401, (TIME_HEADER, "1700086400000"), EXPIRED), Ok(Lesson::Learned(_))));
        for wild in ["0", "9223372036854775807", "-9223372036854775808"] {
            assert!(learn(401, (TIME_HEADER, wild), EXPIRED).is_err(), "{wild}");
        }
    }
}
