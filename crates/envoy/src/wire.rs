//! The messages of `envoy.service.auth.v3` as far as they are read and written here; unknown fields are passed over.
//!
//! Texts that come from a caller are bytes here: protobuf refuses a whole message for one byte that is no UTF-8, and then it
//! would be the caller who chose how Envoy's question fails. Maps are lists of entries, which is how they travel.
use bytes::Bytes;
use prost::Message;

/// The question: may this request pass?
#[derive(Clone, PartialEq, Message)]
pub struct CheckRequest {
    /// What Envoy knows of the request.
    #[prost(message, optional, tag = "1")]
    pub attributes: Option<Attributes>,
}

/// What Envoy knows of a request.
#[derive(Clone, PartialEq, Message)]
pub struct Attributes {
    /// Who sent it.
    #[prost(message, optional, tag = "1")]
    pub source: Option<Peer>,
    /// The request.
    #[prost(message, optional, tag = "4")]
    pub request: Option<Request>,
    /// What the operator says of this route (`check_settings.context_extensions`).
    #[prost(message, repeated, tag = "10")]
    pub context_extensions: Vec<Entry>,
}

/// One end of a connection.
#[derive(Clone, PartialEq, Message)]
pub struct Peer {
    /// Its address.
    #[prost(message, optional, tag = "1")]
    pub address: Option<Address>,
}

/// An address; pipes and Envoy's internal addresses are passed over.
#[derive(Clone, PartialEq, Message)]
pub struct Address {
    /// That of a socket.
    #[prost(message, optional, tag = "1")]
    pub socket_address: Option<SocketAddress>,
}

/// A socket's address.
#[derive(Clone, PartialEq, Message)]
pub struct SocketAddress {
    /// The IP address in text.
    #[prost(bytes = "bytes", tag = "2")]
    pub address: Bytes,
    /// The port.
    #[prost(uint32, tag = "3")]
    pub port_value: u32,
}

/// A request of some protocol.
#[derive(Clone, PartialEq, Message)]
pub struct Request {
    /// The HTTP request.
    #[prost(message, optional, tag = "2")]
    pub http: Option<Http>,
}

/// An HTTP request as Envoy tells it.
#[derive(Clone, PartialEq, Message)]
pub struct Http {
    /// The method.
    #[prost(bytes = "bytes", tag = "2")]
    pub method: Bytes,
    /// Headers with those of one name joined by commas, and bytes that are no UTF-8 replaced by `!`.
    #[prost(message, repeated, tag = "3")]
    pub headers: Vec<Entry>,
    /// The path with its query, undecoded.
    #[prost(bytes = "bytes", tag = "4")]
    pub path: Bytes,
    /// `Host` or `:authority`.
    #[prost(bytes = "bytes", tag = "5")]
    pub host: Bytes,
    /// `:scheme`.
    #[prost(bytes = "bytes", tag = "6")]
    pub scheme: Bytes,
    /// Always empty: the path has it.
    #[prost(bytes = "bytes", tag = "7")]
    pub query: Bytes,
    /// Always empty.
    #[prost(bytes = "bytes", tag = "8")]
    pub fragment: Bytes,
    /// `HTTP/1.0`, `HTTP/1.1`, `HTTP/2` or `HTTP/3`.
    #[prost(bytes = "bytes", tag = "10")]
    pub protocol: Bytes,
    /// The body, with bytes that are no UTF-8 replaced by `!`.
    #[prost(bytes = "bytes", tag = "11")]
    pub body: Bytes,
    /// The body as it came (`pack_as_bytes`).
    #[prost(bytes = "bytes", tag = "12")]
    pub raw_body: Bytes,
    /// Headers as they came, repeats kept (`encode_raw_headers`).
    #[prost(message, optional, tag = "13")]
    pub header_map: Option<HeaderList>,
}

/// An entry of a map from text to text.
#[derive(Clone, PartialEq, Message)]
pub struct Entry {
    /// The name.
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    /// The value.
    #[prost(bytes = "bytes", tag = "2")]
    pub value: Bytes,
}

/// Headers as they came.
#[derive(Clone, PartialEq, Message)]
pub struct HeaderList {
    /// One after another.
    #[prost(message, repeated, tag = "1")]
    pub headers: Vec<Header>,
}

/// A header; either of the values is set.
#[derive(Clone, PartialEq, Message)]
pub struct Header {
    /// Its name.
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    /// Its value as text.
    #[prost(bytes = "bytes", tag = "2")]
    pub value: Bytes,
    /// Its value as bytes.
    #[prost(bytes = "bytes", tag = "3")]
    pub raw_value: Bytes,
}

/// The answer. Beware of its default: Envoy reads an empty one as "let it pass", so only [`crate::answer`] makes them.
#[derive(Clone, PartialEq, Message)]
pub struct CheckResponse {
    /// Code 0 lets the request pass.
    #[prost(message, optional, tag = "1")]
    pub status: Option<Status>,
    /// What the caller is answered.
    #[prost(message, optional, tag = "2")]
    pub denied_response: Option<DeniedResponse>,
    /// What changes in the request on its way to the upstream.
    #[prost(message, optional, tag = "3")]
    pub ok_response: Option<OkResponse>,
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
pub struct Status {
    /// A code of gRPC's.
    #[prost(int32, tag = "1")]
    pub code: i32,
}

/// What the caller is answered.
#[derive(Clone, PartialEq, Message)]
pub struct DeniedResponse {
    /// The status.
    #[prost(message, optional, tag = "1")]
    pub status: Option<HttpStatus>,
    /// The headers.
    #[prost(message, repeated, tag = "2")]
    pub headers: Vec<HeaderChange>,
    /// The body.
    #[prost(bytes = "bytes", tag = "3")]
    pub body: Bytes,
}

/// A status of HTTP's.
#[derive(Clone, PartialEq, Message)]
pub struct HttpStatus {
    /// Its number.
    #[prost(int32, tag = "1")]
    pub code: i32,
}

/// What changes in the request on its way to the upstream.
#[derive(Clone, PartialEq, Message)]
pub struct OkResponse {
    /// Headers that are set.
    #[prost(message, repeated, tag = "2")]
    pub headers: Vec<HeaderChange>,
    /// Headers that are removed.
    #[prost(string, repeated, tag = "5")]
    pub headers_to_remove: Vec<String>,
    /// Headers that are added to the upstream's answer.
    #[prost(message, repeated, tag = "6")]
    pub response_headers_to_add: Vec<HeaderChange>,
}

/// A header that is set or added.
#[derive(Clone, PartialEq, Message)]
pub struct HeaderChange {
    /// The header.
    #[prost(message, optional, tag = "1")]
    pub header: Option<Header>,
    /// What becomes of a header of this name that is there.
    #[prost(int32, tag = "3")]
    pub append_action: i32,
}
