//! Compares a request as it went out with the same as it arrived, and says for each change which setting mends it.
use super::finding::Finding;
use super::probe::Sent;
use crate::member::at;
use base64ct::{Base64, Encoding};
use countersign::dialect::Dialect;
use countersign::reason::Reason;
use serde_json::Value;

/// What arrived of a request.
struct Seen<'v> {
    record: &'v Value,
    forward_auth: bool,
}

impl<'v> Seen<'v> {
    fn text(&self, name: &str) -> &'v str {
        at(self.record, name).as_str().unwrap_or_default()
    }

    /// What was judged.
    fn judged(&self, name: &str) -> &'v str {
        at(at(self.record, "original"), name).as_str().unwrap_or_default()
    }

    fn headers(&self, wanted: &str) -> Vec<&'v str> {
        let pairs = at(self.record, "headers").as_array().into_iter().flatten();
        pairs
            .filter(|pair| pair.get(0).and_then(Value::as_str) == Some(wanted))
            .filter_map(|pair| pair.get(1)?.as_str())
            .collect()
    }

    fn trusted(&self) -> bool {
        *at(self.record, "trusted") == true
    }

    /// What to set so that the address arrives as it was.
    fn pass_address_on(&self) -> &'static str {
        if self.forward_auth {
            "tell the address undecoded where the proxy asks: nginx `proxy_set_header X-Original-Uri $request_uri;` (not $uri), \
             HAProxy `pathq`, Apache `r.unparsed_uri`; Traefik `sanitizePath: false`"
        } else {
            "pass the address on as it came: nginx `proxy_pass http://countersign;` without a path or slash after the name and without \
             rewrite, Apache `ProxyPass … nocanon` and `AllowEncodedSlashes NoDecode`, Traefik `sanitizePath: false` and no StripPrefix"
        }
    }
}

/// Adds what was changed.
pub(super) fn compare(sent: &Sent, record: &Value, dialect: &Dialect, findings: &mut Vec<Finding>) {
    let seen = Seen { record, forward_auth: at(record, "surface") == "forward-auth" };
    let covered = dialect.covered();
    proxies(sent, &seen, findings);
    if let Some(wrong) = at(record, "wrong").as_str() {
        let fix = "where the proxy asks, set each of these once and let none of the caller's through: X-Original-Method $request_method, \
                   X-Original-Uri $request_uri, X-Forwarded-Proto $scheme, X-Forwarded-Host $http_host; remove X-Forwarded-Method and \
                   X-Forwarded-Uri beside them";
        findings.push(Finding::new("proxy", sent, true, wrong, fix));
        return;
    }
    if seen.judged("method") != sent.probe.method {
        let fix = "tell the caller's method where the proxy asks: nginx `proxy_set_header X-Original-Method $request_method;`";
        let how = "another method arrived";
        findings.push(
            Finding::new("method", sent, covered.method, how, fix)
                .between(sent.probe.method, seen.judged("method")),
        );
    }
    place(sent, &seen, covered.authority, findings);
    address(sent, &seen, (covered.path, covered.query), findings);
    headers(sent, &seen, dialect, findings);
    body(sent, &seen, covered.body, findings);
    if sent.probe.signed {
        verdict(sent, &seen, findings);
    }
}

fn proxies(sent: &Sent, seen: &Seen<'_>, findings: &mut Vec<Finding>) {
    let tells = !seen.headers("x-forwarded-for").is_empty() || !seen.headers("x-forwarded-proto").is_empty();
    if seen.trusted() || !(seen.forward_auth || tells) {
        return;
    }
    let peer = seen.text("peer");
    let how = format!("the proxy at {peer} is not trusted: what it says about the request is not believed");
    let fix = format!("[server] trusted_proxies = [\"{peer}\"] in server.toml, if that is your proxy");
    findings.push(Finding::new("proxy", sent, seen.forward_auth, &how, &fix));
}

/// Scheme and host.
fn place(sent: &Sent, seen: &Seen<'_>, covered: bool, findings: &mut Vec<Finding>) {
    let public = format!("[server] public_url = \"{}://{}\" in server.toml", sent.scheme, sent.authority);
    let pinned = seen.judged("told_authority") != seen.judged("authority");
    let (scheme, host) = (seen.judged("scheme"), seen.judged("authority"));
    if scheme != sent.scheme {
        let how = "it is judged under another scheme";
        let fix = format!(
            "{public}; or let the proxy tell it, being trusted: nginx `proxy_set_header X-Forwarded-Proto $scheme;`"
        );
        findings.push(Finding::new("scheme", sent, covered, how, &fix).between(&sent.scheme, scheme));
    }
    if !host.eq_ignore_ascii_case(&sent.authority) {
        let (how, fix) = if pinned {
            ("it is judged under the host of public_url, which is another", public)
        } else {
            let proxy = if seen.forward_auth {
                "nginx `proxy_set_header X-Forwarded-Host $http_host;`"
            } else {
                "nginx `proxy_set_header Host $http_host;`, Apache `ProxyPreserveHost on`, Traefik `passHostHeader: true`"
            };
            (
                "the proxy wrote another host",
                format!("{public}; or let the proxy leave the host alone: {proxy}"),
            )
        };
        findings.push(Finding::new("host", sent, covered, how, &fix).between(&sent.authority, host));
    } else if pinned && !seen.judged("told_authority").eq_ignore_ascii_case(&sent.authority) {
        let how = "the proxy wrote another host; public_url makes up for it, but routes with a `host` are found by the other one";
        let fix = "nginx `proxy_set_header Host $http_host;`, Apache `ProxyPreserveHost on`";
        findings.push(
            Finding::new("host", sent, false, how, fix)
                .between(&sent.authority, seen.judged("told_authority")),
        );
    }
}

/// Path and query.
fn address(sent: &Sent, seen: &Seen<'_>, covered: (bool, bool), findings: &mut Vec<Finding>) {
    let target = seen.judged("target");
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    if path != sent.path {
        let (how, fix) = path_change(&sent.path, path, seen.pass_address_on());
        // Where the proxy only tells the address, nothing rewrites it: another variable was told.
        let fix = if seen.forward_auth { seen.pass_address_on() } else { fix };
        findings.push(Finding::new("path", sent, covered.0, how, fix).between(&sent.path, path));
    }
    if query != sent.query.as_deref() {
        let (how, fix) = query_change(sent.query.as_deref(), query, seen.pass_address_on());
        let (left, right) = (sent.query.as_deref().unwrap_or_default(), query.unwrap_or_default());
        findings.push(Finding::new("query", sent, covered.1, how, fix).between(left, right));
    }
}

fn path_change(sent: &str, seen: &str, undecoded: &'static str) -> (&'static str, &'static str) {
    let strip = "take the rewriting out: nginx `proxy_pass` without a path, no `rewrite`; Traefik no StripPrefix, AddPrefix or \
                 ReplacePath; Caddy `handle` in place of `handle_path`";
    if seen.as_bytes() == decoded(sent, false) {
        ("it arrived decoded", undecoded)
    } else if seen.eq_ignore_ascii_case(sent) {
        ("its percent-encoding arrived in other letters", undecoded)
    } else if decoded(seen, false) == decoded(sent, false) {
        ("it arrived encoded otherwise", undecoded)
    } else if sent.ends_with(seen) {
        ("its beginning was taken away", strip)
    } else if seen.ends_with(sent) {
        ("something was put before it", strip)
    } else {
        ("another path arrived", strip)
    }
}

fn query_change(
    sent: Option<&str>,
    seen: Option<&str>,
    undecoded: &'static str,
) -> (&'static str, &'static str) {
    let order = "switch off what sorts or cleans queries: a CDN's query string normalisation (Cloudflare, Fastly `querystring.sort`), a \
                 cache's, Varnish `std.querysort`";
    let (sent, seen) = match (sent, seen) {
        (Some(sent), Some(seen)) => (sent, seen),
        (Some(_), None) => {
            return (
                "it was taken away",
                "pass it on: nginx `$request_uri` has it ($uri has not), `rewrite` and `proxy_pass` with variables want `$is_args$args`",
            );
        }
        (None, _) => {
            return ("something was added", "take out what adds to queries: tracking, a rewrite, a CDN");
        }
    };
    let parts = |text: &str| {
        let mut parts: Vec<Vec<u8>> = text.split('&').map(|part| decoded(part, true)).collect();
        let plain = parts.clone();
        parts.sort();
        (plain, parts)
    };
    let ((sent_plain, sent_sorted), (seen_plain, seen_sorted)) = (parts(sent), parts(seen));
    if sent_plain == seen_plain {
        ("it arrived encoded otherwise", undecoded)
    } else if sent_sorted == seen_sorted {
        ("its parameters arrived in another order", order)
    } else {
        ("its parameters were changed", order)
    }
}

fn headers(sent: &Sent, seen: &Seen<'_>, dialect: &Dialect, findings: &mut Vec<Finding>) {
    if sent.probe.signed {
        for name in dialect.carriers() {
            let left: Vec<&str> = values(sent, name.as_str());
            let right = seen.headers(name.as_str());
            if left == right || left.is_empty() {
                continue;
            }
            let how = match right.as_slice() {
                [] => format!("the header {name}, which carries the proof, was taken away"),
                [_] => format!("the header {name}, which carries the proof, was changed"),
                _ => format!("the header {name}, which carries the proof, arrived {} times", right.len()),
            };
            let fix = format!(
                "let the proxy pass {name} on as it came: no authentication of the proxy's own on this route, no list of allowed \
                 headers without it"
            );
            // Proofs are not shown: a report may be pasted anywhere.
            findings.push(Finding::new("credential", sent, true, &how, &fix));
        }
    }
    let mut names: Vec<&str> = sent.probe.headers.iter().map(|(name, _)| *name).collect();
    names.dedup();
    for name in names.into_iter().filter(|name| *name != "content-type") {
        let (left, right) = (values(sent, name), seen.headers(name));
        if name.contains('_') {
            if !right.is_empty() {
                let how = "names with underscores pass: services may read X_Countersign_Account as X-Countersign-Account";
                let fix = "drop such names at the proxy: nginx `underscores_in_headers off;`, HAProxy `http-request del-header \
                           [^A-Za-z0-9-] -m reg`";
                findings.push(Finding::new("header", sent, false, how, fix));
            }
            continue;
        }
        if left == right {
            continue;
        }
        let how = if right.is_empty() && left.iter().all(|value| value.is_empty()) {
            "a header without a value was taken away"
        } else if right.is_empty() {
            "a header was taken away"
        } else if right.len() == 1 && left.len() > 1 && right.concat() == left.join(", ") {
            "two headers of one name were folded into one"
        } else if right.len() < left.len() {
            "one of two headers of one name was taken away"
        } else {
            "a header's value was changed"
        };
        let fix = "nothing for dialects that sign no such header; callers should not rely on it";
        findings
            .push(Finding::new("header", sent, false, how, fix).between(&left.join("\n"), &right.join("\n")));
    }
}

fn body(sent: &Sent, seen: &Seen<'_>, covered: bool, findings: &mut Vec<Finding>) {
    if sent.probe.body.is_empty() {
        return;
    }
    if seen.forward_auth && seen.judged("body_sha256").is_empty() {
        if covered {
            let how = "the proxy asks without the body, which this dialect signs: such requests are refused with body-unseen";
            let fix = "send the route through the gateway; or, with HAProxy or Traefik, let the proxy send the body along and set \
                       [forward_auth] bodies = true";
            findings.push(Finding::new("body", sent, true, how, fix));
        }
        return;
    }
    let bytes = at(seen.record, "body_b64").as_str().and_then(|text| Base64::decode_vec(text).ok());
    let Some(bytes) = bytes.filter(|bytes| bytes != sent.probe.body.as_bytes()) else { return };
    let arrived = String::from_utf8_lossy(&bytes);
    let (how, fix) = if bytes.is_empty() {
        (
            "the body was taken away",
            "let the proxy pass the body on: nginx `proxy_pass_request_body on;` (its default)",
        )
    } else {
        (
            "the body was changed",
            "switch off what reads and writes bodies anew on this route: a WAF, an API gateway's JSON transformation, a \
             decompressing or minifying filter",
        )
    };
    findings.push(Finding::new("body", sent, covered, how, fix).between(sent.probe.body, &arrived));
}

/// How the signed request was judged; when nothing else was found, the reason is the finding.
fn verdict(sent: &Sent, seen: &Seen<'_>, findings: &mut Vec<Finding>) {
    let verdict = seen.text("verdict");
    if verdict == "verified" {
        return;
    }
    let code = seen.text("reason");
    let reason = Reason::ALL.iter().find(|reason| reason.code() == code);
    let how = match verdict {
        "" => format!("countersign did not judge the request: it answered {}", at(seen.record, "status")),
        _ => format!("the proof was {verdict}: {code}"),
    };
    let fix = if findings.iter().any(|finding| finding.breaks) {
        "mend the other findings first"
    } else {
        reason.map_or("look at the routes: `countersign config check`, and the log", |reason| reason.hint())
    };
    findings.push(Finding::new("verdict", sent, true, &how, fix));
}

fn values<'s>(sent: &'s Sent, name: &str) -> Vec<&'s str> {
    sent.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect()
}

/// Percent-decoded; in queries a plus is a space.
fn decoded(text: &str, query: bool) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let (bytes, mut out, mut place) = (text.as_bytes(), Vec::with_capacity(text.len()), 0);
    while let Some(byte) = bytes.get(place) {
        let pair = digit(bytes.get(place + 1)).zip(digit(bytes.get(place + 2)));
        match (byte, pair) {
            (b'%', Some((high, low))) => {
                out.push(u8::try_from(high * 16 + low).unwrap_or(b'%'));
                place += 2;
            }
            (b'+', _) if query => out.push(b' '),
            _ => out.push(*byte),
        }
        place += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_paths_are_told_apart() {
        for (sent, seen, wanted) in [
            ("/a%20%C3%A9", "/a \u{e9}", "it arrived decoded"),
            ("/a%c3%A9", "/a%C3%A9", "its percent-encoding arrived in other letters"),
            ("/a%41", "/aA", "it arrived decoded"),
            ("/a!%41", "/a%21A", "it arrived encoded otherwise"),
            ("/api/a", "/a", "its beginning was taken away"),
            ("/a", "/api/a", "something was put before it"),
            ("/a", "/b", "another path arrived"),
        ] {
            assert_eq!(path_change(sent, seen, "").0, wanted, "{sent} {seen}");
        }
    }

    #[test]
    fn changes_of_queries_are_told_apart() {
        for (sent, seen, wanted) in [
            (Some("b=2&a=1"), Some("a=1&b=2"), "its parameters arrived in another order"),
            (Some("a=%2f"), Some("a=/"), "it arrived encoded otherwise"),
            (Some("a=b+c"), Some("a=b%20c"), "it arrived encoded otherwise"),
            (Some("b=%41&a"), Some("a&b=A"), "its parameters arrived in another order"),
            (Some("a=1&a=2"), Some("a=2"), "its parameters were changed"),
            (Some("a"), None, "it was taken away"),
            (None, Some("a"), "something was added"),
        ] {
            assert_eq!(query_change(sent, seen, "").0, wanted, "{sent:?} {seen:?}");
        }
    }

    #[test]
    fn strange_encodings_decode_to_themselves() {
        for text in ["%", "%4", "%zz", "a%", "+"] {
            assert_eq!(decoded(text, false), text.as_bytes(), "{text}");
        }
        assert_eq!(decoded("%C3%a9+", true), "\u{e9} ".as_bytes());
    }
}
