//! The requests that the doctor sends: each asks after one thing that proxies change.
use crate::exit::Failure;
use crate::world;
use bytes::Bytes;
use countersign_client::signer::RequestSigner;
use http::{HeaderMap, HeaderName, HeaderValue, Request};

/// One request that is known beforehand.
pub(crate) struct Probe {
    pub(crate) name: &'static str,
    pub(crate) method: &'static str,
    /// Put behind the path of the address.
    pub(crate) path: &'static str,
    /// Put behind the query of the address.
    pub(crate) query: &'static str,
    pub(crate) headers: &'static [(&'static str, &'static str)],
    pub(crate) body: &'static str,
    /// Whether it carries a proof. Those without are refused, so that nothing of them reaches the service.
    pub(crate) signed: bool,
}

const BARE: Probe =
    Probe { name: "plain", method: "GET", path: "", query: "", headers: &[], body: "", signed: false };

/// What is sent, in this order; the first one decides whether the others follow.
pub(crate) const PROBES: &[Probe] = &[
    Probe { signed: true, ..BARE },
    // Capital and small letters in the encoding, a space, and signs that may stand plain or encoded.
    Probe { name: "path", path: "/doctor%20%C3%A9%c3%a9:@!$&'()*+,=", ..BARE },
    Probe { name: "slash", path: "/doctor%2Fa", ..BARE },
    Probe { name: "query", query: "b=2&a=1&a=0&empty=&flag&skills[]=1&e=%2F%3F%c3%BC&plus=a+b%20c", ..BARE },
    Probe {
        name: "headers",
        headers: &[
            ("x-doctor-twice", "a"),
            ("x-doctor-twice", "b"),
            ("x-doctor-spaces", "a  b,c;d=\"e, f\""),
            ("x-doctor-empty", ""),
            ("x_doctor_underscore", "a"),
        ],
        ..BARE
    },
    Probe {
        name: "body",
        method: "POST",
        headers: &[("content-type", "application/json")],
        body: "{ \"b\": 2,\r\n\t\"a\": \"\\u00fc/\u{fc}\", \"a\": 1.0 }\n",
        ..BARE
    },
];

/// A request as it went out, and the status that came back.
pub(crate) struct Sent {
    pub(crate) probe: &'static Probe,
    pub(crate) scheme: String,
    pub(crate) authority: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) status: u16,
}

/// Sends one.
///
/// # Errors
/// When the address cannot be read, the request cannot be signed, or nobody answers.
pub(crate) async fn send(
    http: &reqwest::Client,
    probe: &'static Probe,
    base: &str,
    id: &str,
    signer: &RequestSigner,
) -> Result<Sent, Failure> {
    let url = address(base, probe)?;
    let mut request = Request::builder().method(probe.method).uri(url.as_str()).body(Bytes::from(probe.body));
    if let Some(headers) = request.as_mut().ok().map(Request::headers_mut) {
        for (name, value) in probe.headers {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let named = HeaderValue::try_from(format!("{id}/{}", probe.name)).map_err(Failure::ours)?;
        headers.insert("countersign-doctor", named);
    }
    let mut request = request.map_err(Failure::usage)?;
    if probe.signed {
        signer.sign(&mut request, url.as_str(), world::now(), world::random()).map_err(Failure::usage)?;
    }
    let (parts, body) = request.into_parts();
    let mut ready = reqwest::Request::new(parts.method, url.clone());
    ready.headers_mut().clone_from(&parts.headers);
    if !body.is_empty() {
        *ready.body_mut() = Some(body.into());
    }
    let answer = http.execute(ready).await.map_err(|error| {
        Failure::new(
            crate::exit::Exit::Unreachable,
            format!("{base} does not answer: {error}; is the address right, and does the proxy run?"),
        )
    })?;
    let port = url.port().map_or(String::new(), |port| format!(":{port}"));
    Ok(Sent {
        probe,
        scheme: url.scheme().to_owned(),
        authority: format!("{}{port}", url.host_str().unwrap_or_default()),
        path: url.path().to_owned(),
        query: url.query().map(str::to_owned),
        headers: parts.headers,
        status: answer.status().as_u16(),
    })
}

/// The address of a probe; what this library makes of it is what goes over the wire.
fn address(base: &str, probe: &Probe) -> Result<reqwest::Url, Failure> {
    let wanted =
        || Failure::usage(format!("--url: wanted an address such as https://api.example/v1, found {base:?}"));
    if !(base.starts_with("http://") || base.starts_with("https://")) || base.contains('#') {
        return Err(wanted());
    }
    let (place, query) = base.split_once('?').map_or((base, None), |(place, query)| (place, Some(query)));
    let mut text = if probe.path.is_empty() {
        place.to_owned()
    } else {
        format!("{}{}", place.trim_end_matches('/'), probe.path)
    };
    let queries: Vec<&str> =
        query.into_iter().chain([probe.query]).filter(|query| !query.is_empty()).collect();
    if !queries.is_empty() {
        text.push_str(&format!("?{}", queries.join("&")));
    }
    reqwest::Url::parse(&text).map_err(|_| wanted())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probes_go_out_as_they_are_written() {
        for probe in PROBES {
            let url = address("https://api.example/v1/?x=1", probe).unwrap();
            let place = if probe.path.is_empty() { "/v1/" } else { "/v1" };
            assert_eq!(url.path(), format!("{place}{}", probe.path), "{}", probe.name);
            let joint = if probe.query.is_empty() { "" } else { "&" };
            assert_eq!(url.query().unwrap(), format!("x=1{joint}{}", probe.query), "{}", probe.name);
        }
        for bad in ["api.example", "ftp://a/", "https://", "https://a/#b"] {
            assert!(address(bad, &BARE).is_err(), "{bad}");
        }
    }
}
