//! The calls that callers make on listeners of their own, described in one OpenAPI document.
//!
//! What answers most of them stands in `guard`, which knows no OpenAPI: here they are rows of tables, and the tests hold these against the
//! routers and against what a running server answers.
mod answers;
mod call;
mod document;
mod explained;
pub(crate) mod objects;
mod organisation;
mod published;
mod sessions;
mod token_objects;
mod tokens;

use crate::app::App;
use axum::body::Bytes;
use call::Call;
use countersign_guard::token::settings::Paths;
use utoipa::openapi::OpenApi;

/// Where the document is, below the prefix of the session API: on a path that is that API's already, so that nobody's service loses one.
pub(crate) const DOCUMENT: &str = "/auth/openapi.json";

/// The document: with the session API below `prefix`, and with the token endpoint where there is one.
pub(crate) fn openapi(prefix: &str, token: Option<&Paths>) -> OpenApi {
    let mut document = document::head();
    let below = |call: &Call| (format!("{prefix}/{}", call.path), call.operation());
    let sessions = sessions::CALLS.iter().chain(&organisation::CALLS).map(|call| (call, below(call)));
    let tokens = token.map(|paths| {
        let paths = [&paths.token, &paths.introspect, &paths.revoke, &paths.server, &paths.resource];
        tokens::CALLS.iter().zip(paths).map(|(call, path)| (call, (path.clone(), call.operation())))
    });
    let fixed = explained::CALLS.iter().chain(&published::CALLS);
    let fixed = fixed.map(|call| (call, (call.path.to_owned(), call.operation())));
    for (call, (path, operation)) in sessions.chain(tokens.into_iter().flatten()).chain(fixed) {
        document.paths.add_path_operation(path, vec![call.method.in_document()], operation);
    }
    document
}

/// The document as this configuration has its paths.
pub(crate) fn served(app: &App) -> Bytes {
    let paths = app.token.as_ref().map(|token| &token.settings().paths);
    Bytes::from(openapi(&app.config.session.prefix, paths).to_json().unwrap_or_default())
}

#[cfg(test)]
mod tests;
