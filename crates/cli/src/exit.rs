//! How a command ends: the exit codes, and failures that say what was wanted, what was found and what to do next.
use crate::member::put;
use crate::plain::plain;
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
    /// What was wanted and what was found; the next step as well, where it is part of the sentence.
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

    fn name(self) -> &'static str {
        TABLE.iter().find(|(code, ..)| *code == self.code()).map_or("failed", |(_, name, _)| name)
    }
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Display) -> Self {
        Self { exit, message: message.to_string(), next: None }
    }
    /// The same, saying what to do next.
    pub(crate) fn next(self, step: impl Display) -> Self {
        Self { next: Some(step.to_string()), ..self }
    }
    pub(crate) fn failed(message: impl Display) -> Self {
        Self::new(Exit::Failed, message)
    }
    pub(crate) fn usage(message: impl Display) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Tells the failure on the error stream and gives the code to end with. Arguments that cannot be understood are explained by the help
    /// of `command`, unless the failure knows better.
    pub(crate) fn tell(&self, json: bool, command: &str) -> ExitCode {
        if self.exit != Exit::Closed && !self.message.is_empty() {
            let says_next = self.message.contains("; ") || self.exit != Exit::Usage;
            let help = (!says_next).then(|| format!("`{command} --help` shows what it takes"));
            let next = self.next.clone().or(help);
            let text = if json {
                let mut told = json!({"error": self.exit.name(), "message": self.message});
                if let Some(next) = &next {
                    put(&mut told, "next", next.as_str());
                }
                told.to_string()
            } else {
                let next =
                    next.map_or_else(String::new, |next| format!("\n{NEXT}next:{NEXT:#} {}", plain(&next)));
                format!("{ERROR}error:{ERROR:#} {}{next}", plain(&self.message))
            };
            // Nobody is left to be told when the error stream is gone. Where it is no terminal, the colours are taken out.
            let _ = writeln!(anstream::stderr().lock(), "{text}");
        }
        ExitCode::from(self.exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
