//! How a command ends: the exit codes, and failures that say what was wanted, what was found and what to do next.
use crate::member::put;
use crate::plain::plain;
use crate::step::Step;
use anstyle::{AnsiColor, Style};
use serde_json::json;
use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

/// How the first word of a failure looks at a terminal, and that of what to do next.
const ERROR: Style = AnsiColor::Red.on_default().bold();
const NEXT: Style = AnsiColor::Cyan.on_default().bold();

/// What a command gives back.
pub(crate) type Done = Result<(), Failure>;

/// Why a command did not succeed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// What was wanted and what was found; behind the last semicolon the next step, where it is part of the sentence.
    pub(crate) message: String,
    /// What to do next, where it stands by itself.
    pub(crate) next: Option<String>,
}

/// The exit codes. Numbers are only ever added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Whoever read the output has stopped reading; nothing is wrong.
    Closed,
    Failed,
    Usage,
    Refused,
    Unauthenticated,
    Unreachable,
    Missing,
    Conflict,
    Tampered,
    Awaiting,
    /// Ctrl-C where it does not end the program by itself.
    Interrupted,
}

/// The table that `countersign help exit-codes` prints.
pub(crate) const TABLE: &[(u8, &str, &str)] = &[
    (0, "ok", "The command did what it was asked for."),
    (1, "failed", "It could not; the message says why."),
    (2, "usage", "The arguments, a file or the configuration cannot be understood."),
    (
        3,
        "refused",
        "Verification says no: `verify`, `explain`, `doctor`, and `request` when the answer is 401 or 403; `import` when something was left out.",
    ),
    (
        4,
        "unauthenticated",
        "The server does not know this operator's key, or its role does not allow the call.",
    ),
    (5, "unreachable", "The network or the server failed; try again."),
    (6, "missing", "There is no such account, key, file entry or other thing."),
    (7, "conflict", "What is there stands in the way: a name that is taken, a file that exists."),
    (8, "tampered", "The audit log is not what was written: `audit verify` and `audit check`."),
    (9, "awaiting", "It is done, and counts when an operator has approved it: a key that waits."),
    (130, "interrupted", "Ctrl-C."),
];

impl Exit {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Unauthenticated => 4,
            Self::Unreachable => 5,
            Self::Missing => 6,
            Self::Conflict => 7,
            Self::Tampered => 8,
            Self::Awaiting => 9,
            Self::Interrupted => 130,
        }
    }

    /// What to do next after any such failure, where nothing better is known.
    fn step(self) -> &'static str {
        match self {
            Self::Closed | Self::Failed => "mend what stands in the way, and run the same command again",
            Self::Usage => "mend each of these lines, and run the same command again",
            Self::Refused => "`countersign explain` tells why, step by step",
            Self::Unauthenticated => {
                "name an operator's key with --operator-key; `countersign operator list` shows who may what"
            }
            Self::Unreachable => {
                "try again; where it stays so, look whether the server runs and what its log says"
            }
            Self::Missing => {
                "look for a mistyped name; the command `list` beside this one shows what there is"
            }
            Self::Conflict => "change what is there first, or choose another name",
            Self::Awaiting => "ask an operator to approve it",
            Self::Tampered => "stop who can write to the store, and compare with a backup",
            Self::Interrupted => "run it again when you are ready",
        }
    }

    fn name(self) -> &'static str {
        TABLE.iter().find(|(code, ..)| *code == self.code()).map_or("failed", |(_, name, _)| name)
    }
}

impl Failure {
    /// A failure of what says what to do next: an error of the crates below by [`Step`], a sentence of ours behind its last semicolon.
    pub(crate) fn new(exit: Exit, what: impl Step) -> Self {
        Self { exit, message: what.to_string(), next: what.step() }
    }
    /// The same, saying what to do next.
    pub(crate) fn next(self, step: impl Display) -> Self {
        Self { next: Some(step.to_string()), ..self }
    }
    /// The same, saying where.
    pub(crate) fn within(self, place: impl Display) -> Self {
        Self { message: format!("{place}: {}", self.message), ..self }
    }
    pub(crate) fn failed(what: impl Step) -> Self {
        Self::new(Exit::Failed, what)
    }
    /// A file, folder or socket that cannot be what the command wants.
    pub(crate) fn of_file(path: impl Display, cannot: &str, error: &impl Step) -> Self {
        let failure = Self::failed(format!("{path} cannot be {cannot}: {error}"));
        Self { next: error.step(), ..failure }
    }
    /// A fault of the program's own: what cannot happen, as far as we know.
    pub(crate) fn ours(what: impl Display) -> Self {
        Self::failed(what.to_string())
            .next("this should not happen: tell the maintainers what was typed, with what `countersign --version` says")
    }
    pub(crate) fn usage(what: impl Step) -> Self {
        Self::new(Exit::Usage, what)
    }

    /// Tells the failure on the error stream and gives the code to end with. Arguments that cannot be understood are explained by the help
    /// of `command`, unless the failure knows better.
    pub(crate) fn tell(&self, json: bool, command: &str) -> ExitCode {
        if self.exit != Exit::Closed && !self.message.is_empty() {
            let (message, next) = self.parted(command);
            let text = if json {
                let mut told = json!({"error": self.exit.name(), "message": self.message});
                put(&mut told, "next", next);
                told.to_string()
            } else {
                format!("{ERROR}error:{ERROR:#} {}\n{NEXT}next:{NEXT:#} {}", plain(message), plain(&next))
            };
            // Nobody is left to be told when the error stream is gone. Where it is no terminal, the colours are taken out.
            let _ = writeln!(anstream::stderr().lock(), "{text}");
        }
        ExitCode::from(self.exit.code())
    }

    /// What was wanted and found, and what to do next: there always is something.
    fn parted(&self, command: &str) -> (&str, String) {
        if let Some(next) = &self.next {
            return (&self.message, next.clone());
        }
        // Of several lines, each says itself how it is mended.
        match self.message.rsplit_once("; ").filter(|_| !self.message.contains('\n')) {
            Some((message, next)) => (message, next.to_owned()),
            None if self.exit == Exit::Usage && self.message.lines().count() < 2 => {
                (&self.message, format!("`{command} --help` shows what it takes"))
            }
            None => (&self.message, self.exit.step().to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_always_a_next_step() {
        let told = |failure: Failure| {
            let (message, next) = failure.parted("countersign x");
            (message.to_owned(), next)
        };
        for (failure, message, next) in [
            (Failure::failed("wanted a, found b; do c"), "wanted a, found b", "do c"),
            (Failure::failed("a; b").next("c"), "a; b", "c"),
            (Failure::usage("wanted a"), "wanted a", "`countersign x --help` shows what it takes"),
            (Failure::usage("a; b\nc; d"), "a; b\nc; d", Exit::Usage.step()),
            (Failure::failed("a b").within("file"), "file: a b", Exit::Failed.step()),
        ] {
            assert_eq!(told(failure), (message.to_owned(), next.to_owned()));
        }
    }

    #[test]
    fn every_exit_stands_in_the_table() {
        use Exit::*;
        for exit in [
            Closed,
            Failed,
            Usage,
            Refused,
            Unauthenticated,
            Unreachable,
            Missing,
            Conflict,
            Tampered,
            Awaiting,
            Interrupted,
        ] {
            assert!(TABLE.iter().any(|(code, ..)| *code == exit.code()), "{exit:?}");
        }
    }
}
