//! What a key and its account may be used for: methods, path prefixes and client networks.
use crate::ask::{Caller, KeyLimits};
use crate::incoming::Incoming;
use crate::reason::Reason;

/// Lets a request through that the account and every key behind it may make. Path prefixes hold on segment borders: `/public/` and
/// `/public` admit `/public/x`, never `/publicity`; `/public` itself lies under `/public` only.
///
/// # Errors
/// [`Reason::NotPermitted`].
pub fn permit<'k>(
    caller: &Caller,
    mut limits: impl Iterator<Item = &'k KeyLimits>,
    incoming: &Incoming<'_>,
) -> Result<(), Reason> {
    let under = |prefixes: &[Box<str>]| {
        let path = incoming.target.path;
        prefixes.is_empty() || (!may_climb(path) && prefixes.iter().any(|prefix| is_under(prefix, path)))
    };
    let within = |limits: &KeyLimits| {
        let method =
            limits.methods.is_empty() || limits.methods.iter().any(|known| **known == *incoming.method);
        let known = |client| limits.networks.iter().any(|known| known.contains(client));
        let network = limits.networks.is_empty() || incoming.client.is_some_and(known);
        method && network && under(&limits.paths)
    };
    if limits.all(within) && under(&caller.paths) { Ok(()) } else { Err(Reason::NotPermitted) }
}

/// Whether a path, or a longer prefix, lies under a prefix on segment borders.
#[must_use]
pub fn is_under(prefix: &str, path: &str) -> bool {
    match path.strip_prefix(prefix) {
        Some(rest) => prefix.ends_with('/') || rest.is_empty() || rest.starts_with('/'),
        None => false,
    }
}

/// Whether some reader may take the path out of its prefix: dot segments, also encoded, doubled slashes, and what others turn into
/// them. Only who is confined to prefixes is asked; a surface may refuse such paths for everybody.
fn may_climb(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let spelt = ["//", "\\", ";", "%2e", "%2f", "%5c", "%25", "%3b", "%00"];
    let dots = |segment: &str| segment == "." || segment == "..";
    spelt.iter().any(|odd| lower.contains(odd)) || lower.split('/').any(dots)
}

#[cfg(test)]
mod tests;
