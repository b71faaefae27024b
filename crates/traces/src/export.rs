//! One message of many spans, as a collector takes it, and its answer.
use crate::span::{Attribute, Kind, Span, Value};
use crate::wire::{
    Any, AnyValue, ExportRequest, ExportResponse, KeyValue, Link, Resource, ResourceSpans, Scope, ScopeSpans,
    Status,
};
use bytes::Bytes;
use prost::Message;

/// Where the names of our attributes are written down, with the version that holds.
const SCHEMA: &str = "https://opentelemetry.io/schemas/1.37.0";

/// `STATUS_CODE_ERROR`.
const FAILED: i32 = 2;
/// It is known whether the parent is somebody else's.
const HAS_REMOTE: u32 = 1 << 8;
/// The parent is somebody else's.
const REMOTE: u32 = 1 << 9;

/// Who tells the spans.
#[derive(Clone, Debug, PartialEq)]
pub struct Teller {
    /// What is known of the process.
    pub resource: Vec<Attribute>,
    /// The program's name.
    pub name: &'static str,
    /// The program's version.
    pub version: &'static str,
}

/// What a collector says to spans that it took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Spans that it did not take.
    pub rejected: u64,
    /// Why.
    pub message: String,
}

/// The body of one `POST /v1/traces` with `Content-Type: application/x-protobuf`.
#[must_use]
pub fn encode(teller: &Teller, spans: Vec<Span>) -> Vec<u8> {
    let scope = Scope {
        name: Bytes::from_static(teller.name.as_bytes()),
        version: Bytes::from_static(teller.version.as_bytes()),
    };
    let scope_spans = ScopeSpans {
        scope: Some(scope),
        spans: spans.into_iter().map(told).collect(),
        schema_url: Bytes::from_static(SCHEMA.as_bytes()),
    };
    let resource = Resource { attributes: attributes(teller.resource.clone()) };
    let spans = ResourceSpans { resource: Some(resource), scope_spans: vec![scope_spans] };
    ExportRequest { resource_spans: vec![spans] }.encode_to_vec()
}

/// Reads the body of an answer with status 200; one that cannot be read says nothing.
#[must_use]
pub fn taken(body: &[u8]) -> Taken {
    let part = ExportResponse::decode(body).ok().and_then(|answer| answer.partial_success);
    let part = part.unwrap_or_default();
    Taken {
        rejected: u64::try_from(part.rejected_spans).unwrap_or_default(),
        message: String::from_utf8_lossy(&part.error_message).into_owned(),
    }
}

fn told(span: Span) -> crate::wire::Span {
    let remote = match span.parent {
        Some(parent) if parent.remote => HAS_REMOTE | REMOTE,
        _ => HAS_REMOTE,
    };
    let link = span.link.map(|link| Link {
        trace_id: link.trace.bytes().to_vec(),
        span_id: link.span.bytes().to_vec(),
        flags: u32::from(link.flags()) | HAS_REMOTE | REMOTE,
    });
    crate::wire::Span {
        trace_id: span.trace.bytes().to_vec(),
        span_id: span.id.bytes().to_vec(),
        trace_state: Bytes::from(span.state.unwrap_or_default()),
        parent_span_id: span.parent.map(|parent| parent.id.bytes().to_vec()).unwrap_or_default(),
        name: span.name,
        kind: match span.kind {
            Kind::Internal => 1,
            Kind::Server => 2,
            Kind::Client => 3,
        },
        start_time_unix_nano: span.start,
        end_time_unix_nano: span.end,
        attributes: attributes(span.attributes),
        links: link.into_iter().collect(),
        status: span.failed.then_some(Status { code: FAILED }),
        flags: u32::from(span.flags) | remote,
    }
}

fn attributes(attributes: Vec<Attribute>) -> Vec<KeyValue> {
    let told = |attribute: Attribute| {
        let value = match attribute.value {
            Value::Text(text) => Any::Text(text),
            Value::Whole(number) => Any::Whole(number),
            Value::Switch(switch) => Any::Switch(switch),
        };
        KeyValue { key: attribute.key, value: Some(AnyValue { value: Some(value) }) }
    };
    attributes.into_iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::{Context, SpanId, TraceId};
    use crate::span::Parent;

    /// As Google's own library for protobuf encodes it with the official definitions (opentelemetry-proto 1.45).
    #[test]
    fn a_span_is_encoded_as_the_official_definitions_have_it() {
        let trace = TraceId::new([0x11; 16]).unwrap();
        let span = Span {
            trace,
            id: SpanId::new([0x22; 8]).unwrap(),
            parent: Some(Parent { id: SpanId::new([0x33; 8]).unwrap(), remote: true }),
            flags: 1,
            state: Some("a=b".to_owned()),
            name: Bytes::from_static(b"GET /"),
            kind: Kind::Server,
            start: 5,
            end: 9,
            attributes: vec![Attribute::new("a", "b"), Attribute::new("n", -2), Attribute::new("s", true)],
            link: Some(Context {
                trace,
                span: SpanId::new([0x44; 8]).unwrap(),
                sampled: true,
                random: false,
            }),
            failed: true,
        };
        let teller = Teller { resource: vec![Attribute::new("service.name", "x")], name: "c", version: "1" };
        let hex: String = encode(&teller, vec![span]).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, include_str!("export/span.hex").trim());
    }

    #[test]
    fn what_a_collector_rejects_is_read() {
        assert_eq!(taken(b""), Taken::default());
        assert_eq!(taken(b"\xff\xff"), Taken::default());
        let said = taken(&[0x0a, 0x06, 0x08, 0x07, 0x12, 0x02, b'n', b'o']);
        assert_eq!(said, Taken { rejected: 7, message: "no".to_owned() });
    }
}
