//! No spelling of an identity header gets through, and what is sent upstream is plain.
use super::*;
use crate::config::{Config, Sources};

fn identity(text: &str) -> Identity {
    let sources =
        Sources { file: Some(("f".to_owned(), format!("[identity]\n{text}"))), ..Sources::default() };
    Identity::new(&Config::load(&sources).unwrap().identity, None).unwrap()
}

#[test]
fn our_family_goes_in_every_spelling() {
    let identity = identity("strip = [\"X-Tenant\"]");
    for name in [
        "x-countersign-account",
        "x_countersign_account",
        "x-countersign_key-id",
        "x.countersign.account",
        "x~countersign!account",
        "remote.user",
        "x-countersign",
        "X-Countersign-New",
        "x-tenant",
        "x_tenant",
        "remote_user",
        "x-webauth-user",
        "x_forwarded_for",
        "forwarded",
        "proxy",
        "x-original-url",
    ] {
        let name: HeaderName = name.parse().unwrap();
        assert!(identity.strips(&name), "{name}");
    }
    for name in
        ["x-countersigned", "authorization", "x-tenants", "x-request-id", "cookie", "proxy-x", "api-user"]
    {
        let name: HeaderName = name.parse().unwrap();
        assert!(!identity.strips(&name), "{name}");
    }
}

#[test]
fn what_is_always_removed_is_found_by_its_first_letters() {
    for known in ALWAYS {
        assert!(known.len() >= 4 && is_believed(known), "{known}");
        let longer = format!("{known}y");
        let is_known = ALWAYS
            .iter()
            .any(|other| *other == longer || (other.ends_with('-') && longer.starts_with(other)));
        assert_eq!(is_believed(&longer), is_known, "{longer}");
        for end in 0..known.len() {
            let shorter = &known[..end];
            let is_known = ALWAYS
                .iter()
                .any(|other| *other == shorter || (other.ends_with('-') && shorter.starts_with(other)));
            assert_eq!(is_believed(shorter), is_known, "{shorter}");
        }
    }
}

#[test]
fn nginx_which_removes_names_one_by_one_is_told_each() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/nginx/countersign.conf");
    let example = std::fs::read_to_string(path).unwrap().to_ascii_lowercase();
    let mut set: Vec<_> = example
        .lines()
        .filter_map(|line| line.trim().strip_prefix("proxy_set_header x-countersign-")?.split(' ').next())
        .collect();
    set.sort_unstable();
    let identity = identity("");
    let mut ours: Vec<_> = identity.names().map(|name| &name.as_str()["x-countersign-".len()..]).to_vec();
    ours.sort_unstable();
    assert_eq!(set, ours);
}

#[test]
fn a_name_cannot_end_a_header() {
    assert_eq!(written("a\r\nX: b%é").unwrap(), "a%0D%0AX: b%25%C3%A9");
}
