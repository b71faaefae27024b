//! The console's table of files and its OpenAPI document.
use super::files;
use axum::http::{HeaderMap, header};

#[test]
fn files_have_strong_tags_and_are_not_sent_twice() {
    let file = files::find("/console/").unwrap();
    let first = file.answer(&HeaderMap::new());
    let tag = first.headers()[header::ETAG].clone();
    assert!(tag.to_str().unwrap().starts_with('"'));
    let again = file.answer(&HeaderMap::from_iter([(header::IF_NONE_MATCH, tag)]));
    assert_eq!(again.status(), 304);
    for none in ["/console", "/console/../console/", "/console/none.js", "/consolex/", "/"] {
        assert!(files::find(none).is_none(), "{none}");
    }
}
