//! One line a request: what was asked, what came of it and how long it took; never a query or a header.
use crate::exit::Done;
use crate::print::{Out, plain};
use crate::world;
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// What is told of a request.
pub(super) struct Line<'a> {
    pub(super) method: &'a Method,
    /// The path alone: queries may hold secrets.
    pub(super) path: &'a str,
    pub(super) status: u16,
    /// How often the server was asked; 0 when the sidecar answered itself.
    pub(super) tries: u8,
    /// Why the sidecar answered itself.
    pub(super) own: Option<&'static str>,
    pub(super) took: Duration,
}

impl Line<'_> {
    pub(super) fn tell(&self, out: Out) {
        let time = world::now();
        let time = jiff::Timestamp::from_millisecond(time.millis())
            .map_or_else(|_| time.to_string(), |date| date.to_string());
        let millis = u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX);
        let mut text = format!("{time} {} {} {} {millis} ms", self.method, plain(self.path), self.status);
        if self.tries > 1 {
            text.push_str(", asked twice");
        }
        if let Some(own) = self.own {
            text.push_str(&format!(", not passed on: {own}"));
        }
        let value = json!({
            "time": time,
            "method": self.method.as_str(),
            "path": self.path,
            "status": self.status,
            "millis": millis,
            "tries": self.tries,
            "own": self.own,
        });
        // Whoever reads the log may have gone; requests are signed all the same.
        let _ = print(out, &value, &text);
    }
}

/// One JSON object a line on standard output, or one text on the error stream.
pub(super) fn print(out: Out, value: &Value, text: &str) -> Done {
    if out.json {
        return Out::line(&value.to_string());
    }
    Out::note(text.trim_end());
    Ok(())
}
