//! What may climb out of a path prefix, and what is under it.
use super::*;

#[test]
fn prefixes_hold_on_segment_borders_and_nobody_climbs_out() {
    let under = |prefix, path| !may_climb(path) && is_under(prefix, path);
    for (prefix, path) in [("/public/", "/public/x"), ("/public", "/public"), ("/public", "/public/x/")] {
        assert!(under(prefix, path), "{prefix} {path}");
    }
    for path in [
        "/publicity",
        "/public/../admin",
        "/public/%2e%2e/admin",
        "/public/..;/admin",
        "/public//../x",
        "/public/..%2fadmin",
        "/public/%252e%252e/x",
        "/public\\..\\x",
        "/public/..",
        "/admin",
    ] {
        assert!(!under("/public", path), "{path}");
    }
    assert!(!under("/public/", "/public"));
}
