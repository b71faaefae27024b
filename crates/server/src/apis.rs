//! The OpenAPI documents of the APIs that the program serves, as it serves them, without a server.
use crate::surface::{console, manage};

/// Each API's name and its document as JSON.
///
/// # Errors
/// When a document cannot be written as JSON.
pub fn documents() -> Result<[(&'static str, String); 2], serde_json::Error> {
    Ok([("management", manage::openapi().to_json()?), ("console", console::openapi().to_json()?)])
}
