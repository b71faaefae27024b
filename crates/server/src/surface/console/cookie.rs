//! The session's cookie: its name, how it is set and taken away, and how it is read.
use super::site::Site;
use axum::http::{HeaderMap, HeaderValue, header};

/// Bytes of cookie headers that are looked through; browsers send less.
const MOST: usize = 16 * 1024;

/// The name at a site. Cookies do not tell ports apart, so the port is in it: another server of the same host has another.
fn name(site: &Site) -> String {
    let prefix = if site.is_secure() { "__Host-countersign" } else { "countersign" };
    match &site.port {
        Some(port) => format!("{prefix}-{port}"),
        None => prefix.to_owned(),
    }
}

/// Sets it. No script reads it, and nothing that another site asks for carries it.
pub(super) fn set(site: &Site, value: &str) -> Option<HeaderValue> {
    written(site, value, "")
}

/// Takes it away.
pub(super) fn clear(site: &Site) -> Option<HeaderValue> {
    written(site, "", "; Max-Age=0")
}

fn written(site: &Site, value: &str, more: &str) -> Option<HeaderValue> {
    let secure = if site.is_secure() { "; Secure" } else { "" };
    let text = format!("{}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{more}", name(site));
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Its value. Two of the name are none: somebody else may have put one beside ours.
pub(super) fn read<'h>(site: &Site, headers: &'h HeaderMap) -> Option<&'h str> {
    let name = name(site);
    let lines = headers.get_all(header::COOKIE);
    if lines.iter().map(HeaderValue::len).sum::<usize>() > MOST {
        return None;
    }
    let pairs = lines.iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(';'));
    let mut found = pairs.filter_map(|pair| pair.trim().split_once('=')).filter(|(own, _)| *own == name);
    match (found.next(), found.next()) {
        (Some((_, value)), None) => Some(value),
        _ => None,
    }
}
