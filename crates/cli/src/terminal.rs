//! The person at the terminal, where there is one: questions, each with a flag that answers it, and progress on one line.
use crate::exit::Failure;
use crate::print::plain;
use std::io::{IsTerminal, Write};

/// Whether somebody can be asked: both where answers come from and where questions go is a terminal.
pub(crate) fn is_attended() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks for a line.
pub(crate) fn ask(question: &str, default: &str) -> Result<String, Failure> {
    let asked = dialoguer::Input::<String>::new().with_prompt(question).default(default.to_owned());
    asked.interact_text().map_err(unread)
}

/// Asks for a line until it can be used; `check` says why not.
pub(crate) fn ask_until(
    question: &str,
    default: &str,
    check: impl Fn(&str) -> Result<(), String>,
) -> Result<String, Failure> {
    let asked = dialoguer::Input::<String>::new().with_prompt(question).default(default.to_owned());
    asked.validate_with(|text: &String| check(text)).interact_text().map_err(unread)
}

/// Asks for yes or no.
pub(crate) fn confirm(question: &str, default: bool) -> Result<bool, Failure> {
    // Who types y and Enter must not answer the next question with that Enter.
    let asked = dialoguer::Confirm::new().with_prompt(question).default(default).wait_for_newline(true);
    asked.interact().map_err(unread)
}

/// What goes on, on one line that is written over; nothing where nobody sits.
pub(crate) struct Progress {
    shown: bool,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self { shown: std::io::stderr().is_terminal() }
    }

    /// Says how far it is.
    pub(crate) fn tell(&self, text: &str) {
        if self.shown {
            // Nobody is left to be told when the error stream is gone.
            let _ = write!(std::io::stderr().lock(), "\r\x1b[2K{}", plain(text));
            let _ = std::io::stderr().lock().flush();
        }
    }

    /// Takes the line away.
    pub(crate) fn end(&self) {
        self.tell("");
    }
}

fn unread(error: dialoguer::Error) -> Failure {
    Failure::failed(format!("the answer could not be read: {error}; every question has a flag, see --help"))
}
