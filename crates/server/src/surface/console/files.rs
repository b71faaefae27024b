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
static FILES: &[File] = &[file("", include_bytes!("pages/index.html"))];

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
