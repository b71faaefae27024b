//! Results on standard output, as text or JSON; everything else on the error stream.
use crate::exit::{Done, Exit, Failure};
pub(crate) use crate::plain::plain;
use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use serde::Serialize;
use std::io::{ErrorKind, Write};

/// How the head of a table looks at a terminal.
const HEAD: anstyle::Style = anstyle::Style::new().bold();

/// Where results go, and in which shape.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Out {
    pub(crate) json: bool,
}

impl Out {
    /// Prints a result: JSON when asked for, else the text.
    pub(crate) fn show<T: Serialize>(self, value: &T, text: impl FnOnce() -> String) -> Done {
        if self.json {
            let json = serde_json::to_string_pretty(value)
                .map_err(|error| Failure::ours(format!("the result cannot be written as JSON: {error}")))?;
            return Self::line(&json);
        }
        // Colours are taken out where it is no terminal, or none are wanted.
        let text = text();
        let mut kept =
            anstream::AutoStream::new(Vec::new(), anstream::AutoStream::choice(&std::io::stdout()));
        let written = kept.write_all(text.as_bytes());
        written.map_err(|error| Failure::ours(format!("the result cannot be written: {error}")))?;
        Self::line(&String::from_utf8_lossy(&kept.into_inner()))
    }

    /// Prints a text and a line break, where it has none.
    pub(crate) fn line(text: &str) -> Done {
        let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        Self::bytes(&[text.as_bytes(), end.as_bytes()].concat())
    }

    /// Prints bytes as they are.
    pub(crate) fn bytes(bytes: &[u8]) -> Done {
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe => Failure::new(Exit::Closed, ""),
            _ => Failure::failed(format!("standard output cannot be written: {error}; look at the disk, or at the program behind the pipe")),
        })
    }

    /// Says something to the person, never a result.
    pub(crate) fn note(text: &str) {
        // Nobody is left to be told when the error stream is gone.
        let _ = writeln!(anstream::stderr().lock(), "{text}");
    }
}

/// A table without lines, its columns as wide as they must be.
pub(crate) fn table(head: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(head.iter().map(|name| name.to_uppercase()));
    for row in rows {
        table.add_row(row.iter().map(|cell| plain(cell)));
    }
    let mut lines = table.lines();
    let head = lines.next().map(|line| format!("{HEAD}{}{HEAD:#}\n", line.trim()));
    head.into_iter().chain(lines.map(|line| format!("{}\n", line.trim()))).collect()
}

/// Names and values under each other.
pub(crate) fn pairs(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    rows.iter().map(|(name, value)| format!("{name:width$}  {}\n", plain(value))).collect()
}
