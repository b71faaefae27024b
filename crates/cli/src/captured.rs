//! A captured request: raw HTTP, what `curl -v` printed, a curl command, a HAR file, JSON, or a token alone.
mod command;

use crate::exit::Failure;
use countersign::dialect::Dialect;
use countersign::incoming::Target;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

/// Most headers that are read: servers take 100 or 200.
const MOST_HEADERS: usize = 1000;
/// Most lines of a token that was wrapped: one of 64 KiB in lines of 64 letters.
const MOST_LINES: usize = 1024;

/// A request as it was seen.
#[derive(Debug)]
pub(crate) struct Captured {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: HeaderMap,
    /// `None`: there was one, but the capture does not show it.
    pub(crate) body: Option<Vec<u8>>,
}

#[derive(Deserialize)]
struct Json {
    #[serde(default = "get")]
    method: String,
    url: String,
    #[serde(default)]
    headers: Headers,
    body: Option<String>,
    body_b64: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Headers {
    Pairs(Vec<(String, String)>),
    Members(std::collections::BTreeMap<String, String>),
}

impl Default for Headers {
    fn default() -> Self {
        Self::Pairs(Vec::new())
    }
}

impl Captured {
    /// Reads a capture. `base` says where the request went (`https://api.example`), where the capture does not;
    /// `dialect` says where a token alone stands.
    pub(crate) fn read(bytes: &[u8], base: Option<&str>, dialect: &Dialect) -> Result<Self, Failure> {
        let text = String::from_utf8_lossy(bytes);
        let start = text.trim_start();
        if start.starts_with('{') {
            return Self::from_json(start, base);
        }
        if start.lines().any(|line| line.starts_with("> ")) {
            return Self::from_curl(start, base);
        }
        if command::is_command(start) {
            return Self::from_command(start, base);
        }
        if let Some(token) = token(start) {
            return Self::from_token(&token, base, dialect);
        }
        Self::from_http(bytes, base)
    }

    fn from_json(text: &str, base: Option<&str>) -> Result<Self, Failure> {
        // A vector's step may be given as it stands in its file.
        let value: serde_json::Value = serde_json::from_str(text).map_err(not_json)?;
        let inner = match value.get("log") {
            Some(log) => from_har(log)?,
            None => value.get("request").cloned().unwrap_or(value),
        };
        let json: Json = serde_json::from_value(inner).map_err(not_json)?;
        let mut headers = HeaderMap::new();
        let pairs = match json.headers {
            Headers::Pairs(pairs) => pairs,
            Headers::Members(members) => members.into_iter().collect(),
        };
        if pairs.len() > MOST_HEADERS {
            return Err(too_many(pairs.len()));
        }
        for (name, value) in &pairs {
            add(&mut headers, name, value.as_bytes())?;
        }
        let body = match (json.body, json.body_b64) {
            (Some(text), _) => text.into_bytes(),
            (None, Some(base64)) => {
                let mut bytes = Vec::new();
                countersign::base64::decode(
                    countersign::base64::Alphabet::Standard,
                    base64.as_bytes(),
                    &mut bytes,
                )
                .map_err(|_| {
                    Failure::usage("body_b64: wanted standard base64 with padding, found something else; `base64 -w0 FILE` makes it")
                })?;
                bytes
            }
            (None, None) => Vec::new(),
        };
        let url = absolute(&json.url, base)?;
        Ok(Self { method: json.method, url, headers, body: Some(body) })
    }

    /// Lines that `curl -v` begins with `> ` are what was sent; the body is not among them.
    fn from_curl(text: &str, base: Option<&str>) -> Result<Self, Failure> {
        let sent: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("> ")).collect();
        let tls =
            text.lines().any(|line| line.starts_with("* SSL connection") || line.contains("TLS handshake"));
        let default = if tls { "https" } else { "http" };
        let mut request = Self::from_head(&sent, base, default)?;
        let has_body = request.headers.contains_key("transfer-encoding")
            || request.headers.get("content-length").is_some_and(|length| length != "0");
        request.body = if has_body { None } else { Some(Vec::new()) };
        Ok(request)
    }

    fn from_command(text: &str, base: Option<&str>) -> Result<Self, Failure> {
        let command = command::Command::read(text)?;
        let mut headers = HeaderMap::new();
        if command.headers.len() > MOST_HEADERS {
            return Err(too_many(command.headers.len()));
        }
        for (name, value) in &command.headers {
            add(&mut headers, name, value.as_bytes())?;
        }
        let url = absolute(&command.url, base)?;
        Ok(Self { method: command.method, url, headers, body: command.body })
    }

    fn from_http(bytes: &[u8], base: Option<&str>) -> Result<Self, Failure> {
        let cut = |mark: &[u8]| {
            bytes.windows(mark.len()).position(|found| found == mark).map(|at| (at, mark.len()))
        };
        let (head, length) =
            [cut(b"\r\n\r\n"), cut(b"\n\n")].into_iter().flatten().min().unwrap_or((bytes.len(), 0));
        let head_bytes = bytes.get(..head).unwrap_or_default();
        let body = bytes.get(head + length..).unwrap_or_default();
        let head = std::str::from_utf8(head_bytes).map_err(|_| {
            Failure::usage(
                "wanted an HTTP request, `curl -v` output, a curl command, JSON or a token; found bytes that are no text",
            )
        })?;
        let lines: Vec<&str> = head.lines().collect();
        let mut request = Self::from_head(&lines, base, "https")?;
        request.body = Some(body.to_vec());
        Ok(request)
    }

    fn from_token(token: &str, base: Option<&str>, dialect: &Dialect) -> Result<Self, Failure> {
        let Some(name) = dialect.carriers().first().copied().cloned() else {
            return Err(Failure::usage(format!(
                "{} carries no token; give the whole request",
                dialect.name()
            )));
        };
        let scheme = dialect.settings().get("scheme").map_or("Bearer", String::as_str);
        let mut headers = HeaderMap::new();
        add(&mut headers, name.as_str(), format!("{scheme} {token}").as_bytes())?;
        let url = absolute("/", Some(base.unwrap_or("https://unknown.invalid")))?;
        Ok(Self { method: get(), url, headers, body: Some(Vec::new()) })
    }

    fn from_head(lines: &[&str], base: Option<&str>, scheme: &str) -> Result<Self, Failure> {
        let wanted = || {
            Failure::usage(
                "wanted a request line such as `GET /v1/things HTTP/1.1` (raw HTTP or `curl -v`), a curl command, a JSON object or a token, \
                 found none of them; save the request as it was sent, such as with `curl -v`",
            )
        };
        let mut words = lines.first().ok_or_else(wanted)?.split_ascii_whitespace();
        let (method, target) = (words.next().ok_or_else(wanted)?, words.next().ok_or_else(wanted)?);
        let is_method = method.bytes().all(|byte| byte.is_ascii_uppercase()) || method.starts_with("X-");
        if !is_method || !(target.starts_with('/') || target.contains("://")) {
            return Err(wanted());
        }
        let mut headers = HeaderMap::new();
        for line in lines.iter().skip(1).take_while(|line| !line.trim().is_empty()).take(MOST_HEADERS) {
            let (name, value) = line.split_once(':').ok_or_else(|| {
                Failure::usage(format!("wanted a header such as `Host: api.example`, found {line:?}"))
            })?;
            add(&mut headers, name, value.as_bytes())?;
        }
        let host =
            headers.get("host").and_then(|host| host.to_str().ok()).map(|host| format!("{scheme}://{host}"));
        let url = absolute(target, base.or(host.as_deref()))?;
        Ok(Self { method: method.to_owned(), url, headers, body: Some(Vec::new()) })
    }
}

fn add(headers: &mut HeaderMap, name: &str, value: &[u8]) -> Result<(), Failure> {
    let bad = || {
        Failure::usage(format!(
            "the header {name:?} is one that no server lets through; take it out of the capture"
        ))
    };
    let name = HeaderName::try_from(name.trim()).map_err(|_| bad())?;
    headers.append(name, HeaderValue::from_bytes(value.trim_ascii()).map_err(|_| bad())?);
    Ok(())
}

/// The absolute address of a request; `base` wins over what the capture says about scheme and host.
fn absolute(target: &str, base: Option<&str>) -> Result<String, Failure> {
    let path = match Target::from_url(target) {
        Some(_) if base.is_none() => return Ok(target.to_owned()),
        Some(whole) => whole.query.map_or(whole.path.to_owned(), |query| format!("{}?{query}", whole.path)),
        None if target.starts_with('/') => target.to_owned(),
        None => {
            return Err(Failure::usage(format!(
                "wanted a path or an absolute address, found {target:?}; write it as https://api.example/path"
            )));
        }
    };
    let base = base.ok_or_else(|| {
        Failure::usage(
            "the capture does not say where the request went; name it with --base https://api.example",
        )
    })?;
    let base = Target::from_url(base).ok_or_else(|| {
        Failure::usage(format!("--base: wanted an address such as https://api.example, found {base:?}"))
    })?;
    Ok(format!("{}://{}{path}", base.scheme, base.authority))
}

/// No server takes so many; and a map of tens of thousands panics.
fn too_many(found: usize) -> Failure {
    Failure::usage(format!(
        "wanted at most {MOST_HEADERS} headers, found {found}; take out those that were not sent"
    ))
}

/// A token alone, maybe behind a scheme word or a header's name, whole or broken: with other letters of base64, cut, or wrapped in lines. What
/// is wrong with it is for explain to tell.
fn token(text: &str) -> Option<String> {
    let mut lines = text.trim().lines().map(str::trim);
    let first = lines.next()?;
    let first = first.split_once(':').map_or(first, |(_, value)| value.trim());
    let (_, start) = match first.split_once(char::is_whitespace) {
        Some((scheme, token)) => (scheme, token.trim_start()),
        None => ("", first),
    };
    let lines: Vec<&str> = std::iter::once(start).chain(lines).take(MOST_LINES).collect();
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+/=%~".contains(&byte);
    let are_letters = |line: &&str| !line.is_empty() && line.bytes().all(is_letter);
    // Every token's header is an object, which begins so in base64; others have at least the two dots.
    let is_one = start.starts_with("eyJ")
        || (lines.len() == 1 && start.split('.').count() == 3 && !start.contains('/'));
    (is_one && lines.iter().all(are_letters)).then(|| lines.join(" "))
}

/// The request of a HAR file that was refused; without such a one, the last.
fn from_har(log: &serde_json::Value) -> Result<serde_json::Value, Failure> {
    let entries = log.get("entries").and_then(serde_json::Value::as_array);
    let refused = |entry: &&serde_json::Value| {
        let status = entry.pointer("/response/status").and_then(serde_json::Value::as_u64);
        matches!(status, Some(401 | 403))
    };
    let entry = entries.and_then(|entries| entries.iter().find(refused).or(entries.last()));
    let request = entry
        .and_then(|entry| entry.get("request"))
        .ok_or_else(|| Failure::usage("wanted a HAR file with at least one request, found none; save it again once the request was sent"))?;
    let member = |value: &serde_json::Value, name: &str| value.get(name).cloned().unwrap_or_default();
    let listed = request.get("headers").and_then(serde_json::Value::as_array).into_iter().flatten();
    // HTTP/2's own fields are no headers; the address has what they say.
    let fields = listed.filter(|field| {
        !field.get("name").and_then(serde_json::Value::as_str).unwrap_or(":").starts_with(':')
    });
    let headers: Vec<_> =
        fields.map(|field| serde_json::json!([member(field, "name"), member(field, "value")])).collect();
    Ok(serde_json::json!({
        "method": member(request, "method"),
        "url": member(request, "url"),
        "headers": headers,
        "body": request.pointer("/postData/text"),
    }))
}

fn not_json(error: serde_json::Error) -> Failure {
    Failure::usage(format!(
        "wanted a request as JSON ({{\"method\", \"url\", \"headers\", \"body\"}}): {error}"
    ))
}

fn get() -> String {
    "GET".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, base: Option<&str>) -> Result<Captured, Failure> {
        let dialect = countersign_dialects::load("asymmetric-jwt", &Default::default()).unwrap();
        Captured::read(text.as_bytes(), base, &dialect)
    }

    #[test]
    fn all_forms_give_the_same_request() {
        let raw = "GET /a?b=1 HTTP/1.1\r\nHost: api.example\r\nAuthorization: JWT x.y.z\r\n\r\n";
        let curl = "* SSL connection using TLSv1.3\n> GET /a?b=1 HTTP/1.1\n> Host: api.example\n> Authorization: JWT x.y.z\n> \n< HTTP/1.1 401 Unauthorized\n";
        let json = r#"{"url":"https://api.example/a?b=1","headers":[["Authorization","JWT x.y.z"]]}"#;
        let har = r#"{"log":{"entries":[{"request":{"method":"GET","url":"https://api.example/ok","headers":[]},"response":{"status":200}},
            {"request":{"method":"GET","url":"https://api.example/a?b=1","headers":[{"name":":path","value":"/a"},{"name":"Authorization","value":"JWT x.y.z"}]},"response":{"status":401}}]}}"#;
        for text in [raw, curl, json, har] {
            let request = read(text, None).unwrap();
            assert_eq!((request.method.as_str(), request.url.as_str()), ("GET", "https://api.example/a?b=1"));
            assert_eq!(request.headers["authorization"], "JWT x.y.z");
            assert_eq!(request.body.as_deref(), Some(&b""[..]));
        }
        assert_eq!(read("x.y.z", None).unwrap().headers["authorization"], "JWT x.y.z");
        assert_eq!(read("authorization: JWT x.y.z\n", None).unwrap().headers["authorization"], "JWT x.y.z");
        for broken in ["eyJ.a/b+.c==", "eyJhbGci.eyJp", "eyJh", "eyJhbGci.eyJp%2e"] {
            assert_eq!(read(broken, None).unwrap().headers["authorization"], *format!("JWT {broken}"));
        }
        assert_eq!(read("eyJh.b\nc.d\n", None).unwrap().headers["authorization"], "JWT eyJh.b c.d");
        let command = "curl 'https://api.example/a?b=1' \\\n -H 'Authorization: JWT x.y.z'";
        assert_eq!(read(command, None).unwrap().headers["authorization"], "JWT x.y.z");
        assert_eq!(read(command, None).unwrap().url, "https://api.example/a?b=1");
        assert_eq!(read("JWT x.y.z\n", None).unwrap().headers["authorization"], "JWT x.y.z");
        assert_eq!(read(raw, Some("http://other:81/ignored")).unwrap().url, "http://other:81/a?b=1");
    }

    #[test]
    fn more_headers_than_any_server_takes_are_an_error() {
        let header = serde_json::json!({"name": "a", "value": "b"});
        let many: Vec<_> = (0..40_000).map(|number| serde_json::json!([format!("h{number}"), "b"])).collect();
        let json = serde_json::json!({"url": "https://api.example/", "headers": many});
        let request = serde_json::json!({"method": "GET", "url": "https://api.example/", "headers": vec![header; 1001]});
        let har = serde_json::json!({"log": {"entries": [{"request": request}]}});
        for text in [json, har] {
            let failure = read(&text.to_string(), None).unwrap_err();
            assert!(failure.message.contains("at most 1000 headers"), "{}", failure.message);
        }
    }

    #[test]
    fn bodies_are_kept_or_known_to_be_missing() {
        let raw = "POST / HTTP/1.1\nHost: h\n\nline\n\nline";
        assert_eq!(read(raw, None).unwrap().body.unwrap(), b"line\n\nline");
        let curl = "> POST / HTTP/1.1\n> Host: h\n> Content-Length: 3\n";
        assert_eq!(read(curl, None).unwrap().body, None);
    }

    #[test]
    fn what_is_no_request_says_what_was_wanted() {
        for bad in [
            "",
            "hello",
            "GET",
            "get / HTTP/1.1",
            "GET / HTTP/1.1\nno colon here",
            "{\"url\":1}",
            "GET / HTTP/1.1",
        ] {
            let failure = read(bad, None).unwrap_err();
            assert!(
                failure.message.contains("wanted") || failure.message.contains("--base"),
                "{bad}: {}",
                failure.message
            );
        }
    }
}
