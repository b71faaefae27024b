//! The OpenAPI documents of the APIs that the program serves, as it serves them, without a server.
use crate::surface::{callers, console, manage};
use countersign_guard::session::settings::SessionSettings;
use countersign_guard::token::settings::Paths;

/// Each API's name and its document as JSON; the callers' with the paths of the shipped configuration.
///
/// # Errors
/// When a document cannot be written as JSON.
pub fn documents() -> Result<[(&'static str, String); 3], serde_json::Error> {
    let shipped = callers::openapi(&SessionSettings::default().prefix, Some(&Paths::default()));
    Ok([
        ("management", manage::openapi().to_json()?),
        ("console", console::openapi().to_json()?),
        ("callers", shipped.to_json()?),
    ])
}
