//! The answers that Envoy obeys: a request passes with our headers in place of the caller's, or is denied with a whole response.
use crate::wire::{CheckResponse, DeniedResponse, Header, HeaderChange, HttpStatus, OkResponse, Status};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

/// `OVERWRITE_IF_EXISTS_OR_ADD`: whatever the caller sent under this name goes, however often.
const OVERWRITE: i32 = 2;
/// `APPEND_IF_EXISTS_OR_ADD`: for the second value of one name in a response of ours.
const APPEND: i32 = 0;

/// gRPC's code for callers that are not recognised. Any code but 0 denies.
const UNAUTHENTICATED: i32 = 16;

/// Lets a request pass with `set` in place of headers of the same names, and without those named in `remove`. The upstream's answer
/// gets `tell`.
///
/// Envoy removes last, so a name that is set as well is left out of `remove`.
#[must_use]
pub fn pass(set: &HeaderMap, remove: &[HeaderName], tell: &HeaderMap) -> CheckResponse {
    let removed = remove.iter().filter(|name| !set.contains_key(*name)).map(ToString::to_string);
    let ok = OkResponse {
        headers: changes(set),
        headers_to_remove: removed.collect(),
        response_headers_to_add: changes(tell),
    };
    CheckResponse { status: Some(Status { code: 0 }), ok_response: Some(ok), denied_response: None }
}

/// Answers the caller in the upstream's place.
#[must_use]
pub fn deny(status: StatusCode, headers: &HeaderMap, body: Bytes) -> CheckResponse {
    let denied = DeniedResponse {
        status: Some(HttpStatus { code: i32::from(status.as_u16()) }),
        headers: changes(headers),
        body,
    };
    CheckResponse {
        status: Some(Status { code: UNAUTHENTICATED }),
        denied_response: Some(denied),
        ok_response: None,
    }
}

fn changes(headers: &HeaderMap) -> Vec<HeaderChange> {
    let mut changes = Vec::with_capacity(headers.len());
    for name in headers.keys() {
        for (index, value) in headers.get_all(name).iter().enumerate() {
            let append_action = if index == 0 { OVERWRITE } else { APPEND };
            changes.push(HeaderChange { header: Some(header(name, value)), append_action });
        }
    }
    changes
}

fn header(name: &HeaderName, value: &HeaderValue) -> Header {
    Header {
        key: Bytes::copy_from_slice(name.as_str().as_bytes()),
        // All that we write is ASCII; Envoy reads this field everywhere, the raw one not.
        value: Bytes::copy_from_slice(value.as_bytes()),
        raw_value: Bytes::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn what_is_set_is_not_removed_again() {
        let set = headers(&[("x-countersign-account", "alice")]);
        let names = ["x-countersign-account", "x_countersign_account"].map(HeaderName::from_static);
        let tell = headers(&[("countersign-warning", "w")]);
        let answer = pass(&set, &names, &tell);
        let ok = answer.ok_response.unwrap();
        assert_eq!(ok.headers_to_remove, ["x_countersign_account"]);
        assert_eq!(ok.headers[0].append_action, OVERWRITE);
        assert_eq!((ok.headers.len(), ok.response_headers_to_add), (1, changes(&tell)));
        assert_eq!((answer.status.unwrap().code, answer.denied_response), (0, None));
    }

    #[test]
    fn no_denial_can_be_read_as_a_pass() {
        for code in [400, 401, 403, 413, 503] {
            let answer = deny(StatusCode::from_u16(code).unwrap(), &HeaderMap::new(), Bytes::new());
            assert_ne!(answer.status.unwrap().code, 0);
            assert_eq!(answer.denied_response.unwrap().status.unwrap().code, i32::from(code));
            assert_eq!(answer.ok_response, None);
        }
    }

    #[test]
    fn a_second_value_does_not_overwrite_the_first() {
        let twice = changes(&headers(&[("www-authenticate", "JWT"), ("www-authenticate", "Bearer")]));
        let actions: Vec<i32> = twice.iter().map(|change| change.append_action).collect();
        assert_eq!(actions, [OVERWRITE, APPEND]);
    }
}
