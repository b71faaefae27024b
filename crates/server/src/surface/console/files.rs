//! The console's pages: every file that a browser may fetch, embedded in the program, in one table.
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use countersign::base64::encode_hex;
use countersign_keys::sha256;
use std::collections::HashMap;
use std::sync::LazyLock;

/// A file.
pub(super) struct File {
    /// Where it is, under `/console/`; empty: the page that begins.
    path: &'static str,
    bytes: &'static [u8],
}

/// Every file. Whoever adds one adds a line.
static FILES: &[File] = &[
    file("", include_bytes!("pages/index.html")),
    file("frame.js", include_bytes!("pages/frame.js")),
    file("icon.svg", include_bytes!("pages/icon.svg")),
    file("main.js", include_bytes!("pages/main.js")),
    file("routes.js", include_bytes!("pages/routes.js")),
    file("keys/der.js", include_bytes!("pages/keys/der.js")),
    file("keys/holder.js", include_bytes!("pages/keys/holder.js")),
    file("keys/key-file.js", include_bytes!("pages/keys/key-file.js")),
    file("keys/keyring.js", include_bytes!("pages/keys/keyring.js")),
    file("keys/kind.js", include_bytes!("pages/keys/kind.js")),
    file("keys/pair.js", include_bytes!("pages/keys/pair.js")),
    file("keys/pem.js", include_bytes!("pages/keys/pem.js")),
    file("keys/public-text.js", include_bytes!("pages/keys/public-text.js")),
    file("keys/scrypt.js", include_bytes!("pages/keys/scrypt.js")),
    file("keys/sealed.js", include_bytes!("pages/keys/sealed.js")),
    file("lib/api.js", include_bytes!("pages/lib/api.js")),
    file("lib/bytes.js", include_bytes!("pages/lib/bytes.js")),
    file("lib/chart.js", include_bytes!("pages/lib/chart.js")),
    file("lib/copy.js", include_bytes!("pages/lib/copy.js")),
    file("lib/dialog.js", include_bytes!("pages/lib/dialog.js")),
    file("lib/difference.js", include_bytes!("pages/lib/difference.js")),
    file("lib/element.js", include_bytes!("pages/lib/element.js")),
    file("lib/explanation.js", include_bytes!("pages/lib/explanation.js")),
    file("lib/field.js", include_bytes!("pages/lib/field.js")),
    file("lib/half.js", include_bytes!("pages/lib/half.js")),
    file("lib/hidden.js", include_bytes!("pages/lib/hidden.js")),
    file("lib/mark.js", include_bytes!("pages/lib/mark.js")),
    file("lib/moment.js", include_bytes!("pages/lib/moment.js")),
    file("lib/notice.js", include_bytes!("pages/lib/notice.js")),
    file("lib/problem.js", include_bytes!("pages/lib/problem.js")),
    file("lib/route.js", include_bytes!("pages/lib/route.js")),
    file("lib/table.js", include_bytes!("pages/lib/table.js")),
    file("operate/account.js", include_bytes!("pages/operate/account.js")),
    file("operate/accounts.js", include_bytes!("pages/operate/accounts.js")),
    file("operate/all-keys.js", include_bytes!("pages/operate/all-keys.js")),
    file("operate/any-key.js", include_bytes!("pages/operate/any-key.js")),
    file("operate/audit.js", include_bytes!("pages/operate/audit.js")),
    file("operate/connections.js", include_bytes!("pages/operate/connections.js")),
    file("operate/links.js", include_bytes!("pages/operate/links.js")),
    file("operate/names.js", include_bytes!("pages/operate/names.js")),
    file("operate/operators.js", include_bytes!("pages/operate/operators.js")),
    file("operate/organisation.js", include_bytes!("pages/operate/organisation.js")),
    file("operate/organisations.js", include_bytes!("pages/operate/organisations.js")),
    file("operate/overview.js", include_bytes!("pages/operate/overview.js")),
    file("operate/readiness.js", include_bytes!("pages/operate/readiness.js")),
    file("operate/refusals.js", include_bytes!("pages/operate/refusals.js")),
    file("operate/sessions.js", include_bytes!("pages/operate/sessions.js")),
    file("operate/signing-keys.js", include_bytes!("pages/operate/signing-keys.js")),
    file("operate/verdicts.js", include_bytes!("pages/operate/verdicts.js")),
    file("own/activity.js", include_bytes!("pages/own/activity.js")),
    file("own/delegations.js", include_bytes!("pages/own/delegations.js")),
    file("own/key-maker.js", include_bytes!("pages/own/key-maker.js")),
    file("own/key-words.js", include_bytes!("pages/own/key-words.js")),
    file("own/key.js", include_bytes!("pages/own/key.js")),
    file("own/keys.js", include_bytes!("pages/own/keys.js")),
    file("own/limits.js", include_bytes!("pages/own/limits.js")),
    file("own/new-key.js", include_bytes!("pages/own/new-key.js")),
    file("own/next-steps.js", include_bytes!("pages/own/next-steps.js")),
    file("own/organisation.js", include_bytes!("pages/own/organisation.js")),
    file("own/playground.js", include_bytes!("pages/own/playground.js")),
    file("own/refusal.js", include_bytes!("pages/own/refusal.js")),
    file("own/refusals.js", include_bytes!("pages/own/refusals.js")),
    file("own/rotate.js", include_bytes!("pages/own/rotate.js")),
    file("own/sessions.js", include_bytes!("pages/own/sessions.js")),
    file("own/signed-dialects.js", include_bytes!("pages/own/signed-dialects.js")),
    file("own/sign-in.js", include_bytes!("pages/own/sign-in.js")),
    file("own/snippets.js", include_bytes!("pages/own/snippets.js")),
    file("own/start.js", include_bytes!("pages/own/start.js")),
    file("own/upload-key.js", include_bytes!("pages/own/upload-key.js")),
    file("proof/asymmetric-jwt.js", include_bytes!("pages/proof/asymmetric-jwt.js")),
    file("proof/http-signature.js", include_bytes!("pages/proof/http-signature.js")),
    file("proof/partner-key.js", include_bytes!("pages/proof/partner-key.js")),
    file("proof/proofs.js", include_bytes!("pages/proof/proofs.js")),
    file("proof/skillhive.js", include_bytes!("pages/proof/skillhive.js")),
    file("proof/skykit.js", include_bytes!("pages/proof/skykit.js")),
    file("proof/spacetime.js", include_bytes!("pages/proof/spacetime.js")),
    file("proof/token.js", include_bytes!("pages/proof/token.js")),
    file("style/base.css", include_bytes!("pages/style/base.css")),
    file("style/controls.css", include_bytes!("pages/style/controls.css")),
    file("style/frame.css", include_bytes!("pages/style/frame.css")),
    file("style/parts.css", include_bytes!("pages/style/parts.css")),
    file("style/tables.css", include_bytes!("pages/style/tables.css")),
];

const fn file(path: &'static str, bytes: &'static [u8]) -> File {
    File { path, bytes }
}

/// A tag of each file's bytes, worked out once.
static TAGS: LazyLock<HashMap<&str, HeaderValue>> = LazyLock::new(|| {
    let tagged = FILES.iter().filter_map(|file| {
        let digest = encode_hex(&sha256(&[file.bytes]));
        Some((file.path, HeaderValue::try_from(format!("\"{digest}\"")).ok()?))
    });
    tagged.collect()
});

/// The file at a path.
pub(super) fn find(path: &str) -> Option<&'static File> {
    let name = path.strip_prefix("/console/")?;
    FILES.iter().find(|file| file.path == name)
}

/// The way to the page that begins: relative addresses in it want the slash.
pub(super) fn beginning() -> Response {
    (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, "/console/")]).into_response()
}

impl File {
    /// The answer to whoever has `headers`: the file, or that it is still the same.
    pub(super) fn answer(&self, headers: &HeaderMap) -> Response {
        let tag = TAGS.get(self.path);
        let known = headers.get_all(header::IF_NONE_MATCH).iter().any(|value| Some(value) == tag);
        let mut response = Response::new(if known { Body::empty() } else { Body::from(self.bytes) });
        if known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let into = response.headers_mut();
        into.extend(tag.map(|tag| (header::ETAG, tag.clone())));
        into.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        into.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind()));
        response
    }

    fn kind(&self) -> &'static str {
        match self.path.rsplit_once('.').map_or("html", |(_, kind)| kind) {
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "svg" => "image/svg+xml",
            "png" => "image/png",
            "html" => "text/html; charset=utf-8",
            _ => "application/octet-stream",
        }
    }
}
