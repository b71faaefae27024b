//! What is likely to have gone wrong, as it is told.
use super::cause::Cause;
use super::difference::{Difference, Text};
use serde::Serialize;

/// Causes that are told: whoever reads more than a few reads none.
const MOST_CAUSES: usize = 4;

/// What is likely to have gone wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// The causes, the likeliest first.
    pub causes: Vec<Named>,
    /// Seconds by which the caller's clock is ahead of the server's (negative: behind), where the proof tells.
    pub skew_seconds: Option<i64>,
    /// The bytes that the server expected to be signed.
    pub expected: Option<Text>,
    /// How they differ from those that the caller signed.
    pub difference: Option<Difference>,
    /// How many checks of signatures were made to find out.
    pub checks: usize,
}

/// A cause, as it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    /// The cause's code.
    pub code: &'static str,
    /// What went wrong.
    pub text: &'static str,
    /// How it is mended.
    pub fix: &'static str,
    /// What was seen, in this request.
    pub detail: Option<String>,
    /// Whether it is certain: the signature holds but for this, or the request shows it.
    pub sure: bool,
}

impl Diagnosis {
    /// Leaves out what a key or an account may do: whoever has a request that holds need not be who made it.
    pub(crate) fn forget_permissions(&mut self) {
        for named in &mut self.causes {
            let about = Cause::ALL.iter().find(|cause| cause.code() == named.code).map(|cause| cause.group());
            if about == Some("permission") {
                named.detail = None;
            }
        }
    }

    /// Names a cause that the request shows.
    pub(super) fn sure(&mut self, cause: Cause, detail: impl Into<Option<String>>) {
        self.name(cause, detail.into(), true);
    }

    /// Names a cause that is likely.
    pub(super) fn likely(&mut self, cause: Cause, detail: impl Into<Option<String>>) {
        self.name(cause, detail.into(), false);
    }

    fn name(&mut self, cause: Cause, detail: Option<String>, sure: bool) {
        if self.causes.iter().all(|named| named.code != cause.code()) {
            let (code, text, fix) = (cause.code(), cause.text(), cause.fix());
            self.causes.push(Named { code, text, fix, detail, sure });
        }
    }

    /// Leaves the likeliest.
    pub(super) fn cut(&mut self) {
        self.causes.truncate(MOST_CAUSES);
    }
}

/// What a request has, so that nobody reads a page of it: at most this many characters.
pub(super) fn shown(text: &str) -> String {
    const MOST: usize = 120;
    let cut: String = text.chars().take(MOST).collect();
    let more = if text.chars().nth(MOST).is_some() { "…" } else { "" };
    format!("\"{}{more}\"", cut.escape_debug())
}
