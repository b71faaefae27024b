//! Addresses and methods that may have been signed in place of those that arrived.
use super::body;
use super::cause::Cause;
use super::encoding::percent_decoded;
use super::evidence::header;
use super::scene::Scene;
use countersign::incoming::{Incoming, Target};

/// Prefixes that proxies are often told to cut off.
const PREFIXES: [&str; 6] = ["/api", "/v1", "/v2", "/v3", "/api/v1", "/api/v2"];
/// Methods that may have been meant.
const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];
/// Longest address that is taken apart: servers take no longer ones.
const LONGEST: usize = 16 * 1024;

/// Hands the texts over other addresses and methods to `each`.
pub(super) fn each(scene: &Scene<'_>, each: &mut dyn FnMut(Cause, &[u8]) -> bool) -> bool {
    let Some(dialect) = scene.dialect else { return false };
    let covered = dialect.covered();
    let target = scene.incoming.target;
    if target.url().len() > LONGEST {
        return false;
    }
    let mut with = |cause: Cause, target: Target<'_>| {
        let changed = Incoming { target, ..*scene.incoming };
        body::texts(scene, &changed).iter().any(|text| each(cause, text))
    };
    let schemes = [target.scheme, if target.scheme == "https" { "http" } else { "https" }];
    let hosts = hosts(scene);
    for scheme in schemes {
        if scheme != target.scheme && with(Cause::AddressScheme, Target { scheme, ..target }) {
            return true;
        }
        // A proxy that ends TLS often changes the host as well.
        if covered.authority
            && hosts.iter().any(|host| with(Cause::AddressHost, Target { scheme, authority: host, ..target }))
        {
            return true;
        }
    }
    if covered.path
        && paths(target.path).iter().any(|path| with(Cause::AddressPath, Target { path, ..target }))
    {
        return true;
    }
    if covered.query
        && queries(target.query)
            .iter()
            .any(|query| with(Cause::AddressQuery, Target { query: query.as_deref(), ..target }))
    {
        return true;
    }
    covered.method && methods(scene, each)
}

fn methods(scene: &Scene<'_>, each: &mut dyn FnMut(Cause, &[u8]) -> bool) -> bool {
    let own = [scene.incoming.method.to_lowercase(), scene.incoming.method.to_uppercase()];
    let others = METHODS.iter().map(|method| (*method).to_owned());
    own.into_iter().chain(others).filter(|method| method != scene.incoming.method).any(|method| {
        let changed = Incoming { method: &method, ..*scene.incoming };
        body::texts(scene, &changed).iter().any(|text| each(Cause::MethodOther, text))
    })
}

fn hosts(scene: &Scene<'_>) -> Vec<String> {
    let authority = scene.incoming.target.authority;
    let bare = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let forwarded = |name: &str| header(scene, name).filter(|value| value.len() < 256);
    let mut out: Vec<String> = ["x-forwarded-host", "host", "x-original-host", "x-forwarded-server"]
        .into_iter()
        .filter_map(forwarded)
        .collect();
    out.extend([
        bare.to_owned(),
        format!("{bare}:443"),
        format!("{bare}:80"),
        bare.to_lowercase(),
        format!("www.{bare}"),
        bare.strip_prefix("www.").unwrap_or(bare).to_owned(),
        bare.trim_end_matches('.').to_owned(),
        format!("{bare}:8080"),
        format!("{bare}:8443"),
    ]);
    out.retain(|host| host != authority && !host.is_empty());
    out
}

fn paths(path: &str) -> Vec<String> {
    let mut out = vec![match path.strip_suffix('/') {
        Some(bare) => bare.to_owned(),
        None => format!("{path}/"),
    }];
    out.extend(percent_decoded(path));
    out.push(hex_case(path, true));
    out.push(hex_case(path, false));
    out.push(path.replace(' ', "%20"));
    out.push(plain(path));
    out.push(path.to_lowercase());
    for prefix in PREFIXES {
        out.push(format!("{prefix}{path}"));
        out.extend(path.strip_prefix(prefix).map(str::to_owned));
    }
    out.retain(|changed| changed != path);
    out
}

/// The path without dot segments and doubled slashes.
fn plain(path: &str) -> String {
    let mut out: Vec<&str> = Vec::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty() && *segment != ".") {
        if segment == ".." {
            out.pop();
        } else {
            out.push(segment);
        }
    }
    let tail = if path.ends_with('/') && !out.is_empty() { "/" } else { "" };
    format!("/{}{tail}", out.join("/"))
}

/// The hexadecimal digits of percent-encoding in capitals, or in small letters.
fn hex_case(text: &str, upper: bool) -> String {
    let mut left = 0_u8;
    text.chars()
        .map(|letter| {
            let inside = left > 0;
            left = if letter == '%' { 2 } else { left.saturating_sub(1) };
            match (inside, upper) {
                (true, true) => letter.to_ascii_uppercase(),
                (true, false) => letter.to_ascii_lowercase(),
                _ => letter,
            }
        })
        .collect()
}

fn queries(query: Option<&str>) -> Vec<Option<String>> {
    let Some(query) = query else { return vec![Some(String::new())] };
    // As many members as a strict reader of forms takes.
    let members: Vec<&str> = query.split('&').take(256).collect();
    let mut sorted = members.clone();
    sorted.sort_unstable();
    let turned: Vec<&str> = members.iter().rev().copied().collect();
    let mut out = vec![
        None,
        Some(sorted.join("&")),
        Some(turned.join("&")),
        Some(query.replace("%20", "+")),
        Some(query.replace('+', "%20")),
        percent_decoded(query),
        percent_decoded(&query.replace('+', " ")),
        Some(hex_case(query, true)),
        Some(hex_case(query, false)),
        Some(query.replace('&', "&amp;")),
        Some(query.replace(':', "%3A").replace('/', "%2F").replace('@', "%40")),
        Some(query.trim_end_matches(['&', '=']).to_owned()),
    ];
    out.retain(|changed| changed.as_deref() != Some(query));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_queries_are_turned_as_proxies_turn_them() {
        assert_eq!(plain("/a/./b//../c/"), "/a/c/");
        assert_eq!(plain("/.."), "/");
        assert_eq!(hex_case("/a%2fb%c3", true), "/a%2Fb%C3");
        assert!(queries(Some("b=2&a=1")).contains(&Some("a=1&b=2".to_owned())));
        assert_eq!(queries(None), [Some(String::new())]);
        assert!(paths("/things").contains(&"/things/".to_owned()));
    }
}
