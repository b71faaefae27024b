//! One covered component: its identifier, read strictly, and the value it has in a message (RFC 9421 section 2).
use crate::base64::{Alphabet, encode};
use crate::form::httpsig::message::Message;
use crate::form::httpsig::query;
use crate::reason::Reason;
use crate::structured::write::{write_dictionary, write_list};
use crate::structured::{Bare, Item, MOST_MEMBERS, Member, dictionary, list};
use http::header::CONNECTION;
use http::{HeaderMap, HeaderName};

/// A component identifier, read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Component<'a> {
    pub(crate) name: &'a str,
    /// Serialised strictly (`sf`).
    pub(crate) strict: bool,
    /// Each line's bytes wrapped (`bs`).
    pub(crate) wrapped: bool,
    /// From the request that is answered (`req`).
    pub(crate) request: bool,
    /// One member of a dictionary (`key`).
    pub(crate) key: Option<&'a str>,
    /// One parameter of the query (`name`).
    pub(crate) parameter: Option<&'a str>,
}

/// The fields that are known to be structured, and what they are (RFC 9421 section 2.1.1 lets a verifier serialise only what it knows).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Dictionary,
    List,
}

const STRUCTURED: [(&str, Kind); 13] = [
    ("accept-signature", Kind::Dictionary),
    ("cache-status", Kind::List),
    ("client-cert-chain", Kind::List),
    ("content-digest", Kind::Dictionary),
    ("priority", Kind::Dictionary),
    ("proxy-status", Kind::List),
    ("repr-digest", Kind::Dictionary),
    ("sec-ch-ua", Kind::List),
    ("signature", Kind::Dictionary),
    ("signature-agent", Kind::Dictionary),
    ("signature-input", Kind::Dictionary),
    ("want-content-digest", Kind::Dictionary),
    ("want-repr-digest", Kind::Dictionary),
];

impl<'a> Component<'a> {
    /// Reads an identifier: names in lower case, parameters that are known and have a meaning together.
    ///
    /// # Errors
    /// `component-unknown`.
    pub(crate) fn read<'i: 'a>(item: &'a Item<'i>) -> Result<Self, Reason> {
        let unknown = Reason::ComponentUnknown;
        let Bare::String(name) = &item.value else { return Err(unknown) };
        let mut component = Self { name, ..Self::default() };
        for parameter in &item.parameters.0 {
            match (parameter.key, &parameter.value) {
                ("sf", Bare::Boolean(true)) => component.strict = true,
                ("bs", Bare::Boolean(true)) => component.wrapped = true,
                ("req", Bare::Boolean(true)) => component.request = true,
                ("key", Bare::String(key)) => component.key = Some(key),
                ("name", Bare::String(name)) => component.parameter = Some(name),
                // `tr` among them: trailers are dropped on the way in, so that no value of one can be vouched for.
                _ => return Err(unknown),
            }
        }
        let of_field = component.strict || component.wrapped || component.key.is_some();
        let good = if component.is_derived() {
            !of_field && component.parameter.is_some() == (component.name == "@query-param")
        } else {
            component.parameter.is_none()
                && !(component.wrapped && (component.strict || component.key.is_some()))
        };
        if good { Ok(component) } else { Err(unknown) }
    }

    pub(crate) fn is_derived(&self) -> bool {
        self.name.starts_with('@')
    }

    /// Whether its value takes a reading of more than one value.
    pub(crate) fn is_costly(&self) -> bool {
        self.strict || self.key.is_some() || self.parameter.is_some()
    }

    /// Whether it is the field or part itself, whole and of this message.
    pub(crate) fn is_whole(&self) -> bool {
        self.key.is_none() && self.parameter.is_none() && !self.request
    }

    /// Adds the value that the component has in a message.
    ///
    /// # Errors
    /// `component-absent` when the message has none, or more than one reading of it; `component-unknown` when there is no such component.
    pub(crate) fn write(&self, message: &Message<'_>, out: &mut Vec<u8>) -> Result<(), Reason> {
        // A request is no answer to another one.
        if self.request && message.answer.is_none() {
            return Err(Reason::ComponentUnknown);
        }
        if !self.is_derived() {
            return self.write_field(self.headers(message), out);
        }
        match (self.name, message.answer) {
            ("@status", Some(answer)) if !self.request => {
                out.extend_from_slice(answer.status.to_string().as_bytes());
                Ok(())
            }
            (_, Some(_)) if !self.request => Err(Reason::ComponentUnknown),
            _ => {
                let start = out.len();
                self.write_derived(message, out)?;
                // No listener lets one pass; a signer that is given an address must not sign lines that somebody put into it.
                let mut added = out.iter().skip(start);
                if added.any(u8::is_ascii_control) { Err(Reason::ComponentAbsent) } else { Ok(()) }
            }
        }
    }

    /// Bytes that are read anew for the value; 0 where it is merely copied.
    pub(crate) fn reads(&self, message: &Message<'_>) -> usize {
        if !self.is_costly() {
            0
        } else if self.is_derived() {
            message.request.target.query.map_or(0, str::len)
        } else {
            self.headers(message).get_all(self.name).iter().map(|line| line.len()).sum()
        }
    }

    fn headers<'m>(&self, message: &Message<'m>) -> &'m HeaderMap {
        match message.answer {
            Some(answer) if !self.request => answer.headers,
            _ => message.request.headers,
        }
    }

    fn write_derived(&self, message: &Message<'_>, out: &mut Vec<u8>) -> Result<(), Reason> {
        let target = &message.request.target;
        match self.name {
            "@method" => out.extend_from_slice(message.request.method.as_bytes()),
            "@scheme" => out.extend(target.scheme.bytes().map(|byte| byte.to_ascii_lowercase())),
            "@authority" => write_authority(target.scheme, target.authority, out),
            "@path" => out.extend_from_slice(path(target.path).as_bytes()),
            "@query" => {
                out.push(b'?');
                out.extend_from_slice(target.query.unwrap_or_default().as_bytes());
            }
            "@target-uri" | "@request-target" => {
                if self.name == "@target-uri" {
                    out.extend(target.scheme.bytes().map(|byte| byte.to_ascii_lowercase()));
                    out.extend_from_slice(b"://");
                    write_authority(target.scheme, target.authority, out);
                }
                out.extend_from_slice(path(target.path).as_bytes());
                if let Some(query) = target.query {
                    out.push(b'?');
                    out.extend_from_slice(query.as_bytes());
                }
            }
            "@query-param" => {
                let name = self.parameter.unwrap_or_default();
                let query = target.query.ok_or(Reason::ComponentAbsent)?;
                query::parameter(query, name, out).ok_or(Reason::ComponentAbsent)?;
            }
            _ => return Err(Reason::ComponentUnknown),
        }
        Ok(())
    }

    fn write_field(&self, headers: &HeaderMap, out: &mut Vec<u8>) -> Result<(), Reason> {
        // Lower case is the one spelling (RFC 9421 section 2.1); `from_lowercase` takes no other.
        let name = HeaderName::from_lowercase(self.name.as_bytes()).map_err(|_| Reason::ComponentUnknown)?;
        if !headers.contains_key(&name) || is_of_hop(headers, &name) {
            return Err(Reason::ComponentAbsent);
        }
        let lines = headers.get_all(&name).iter().map(|value| value.as_bytes().trim_ascii());
        if self.strict || self.key.is_some() {
            let lines: Vec<&[u8]> = lines.collect();
            return self.write_structured(&lines, out);
        }
        for (at, line) in lines.enumerate() {
            if at > 0 {
                out.extend_from_slice(b", ");
            }
            if self.wrapped {
                out.push(b':');
                out.extend_from_slice(encode(Alphabet::Standard, line).as_bytes());
                out.push(b':');
            } else if line.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t')) {
                out.extend_from_slice(line);
            } else {
                // What is not ASCII is signed wrapped or not at all (RFC 9421 section 2.1.3).
                return Err(Reason::ComponentAbsent);
            }
        }
        Ok(())
    }

    fn write_structured(&self, lines: &[&[u8]], out: &mut Vec<u8>) -> Result<(), Reason> {
        let known = STRUCTURED.iter().find(|(name, _)| *name == self.name).map(|(_, kind)| *kind);
        let kind = match (known, self.key) {
            // A key is asked for in a dictionary, whatever the field is called.
            (None, Some(_)) => Kind::Dictionary,
            (Some(kind), _) => kind,
            (None, None) => return Err(Reason::ComponentUnknown),
        };
        let absent = |_| Reason::ComponentAbsent;
        match (kind, self.key) {
            (Kind::List, Some(_)) => return Err(Reason::ComponentUnknown),
            (Kind::List, None) => {
                let mut members = Vec::new();
                for line in lines {
                    list(line, MOST_MEMBERS, &mut members).map_err(absent)?;
                }
                write_list(&members, out);
            }
            (Kind::Dictionary, key) => {
                let mut members = Vec::new();
                for line in lines {
                    // A member of a field is asked for by key, so that few are enough for every field there is.
                    dictionary(line, 128, &mut members).map_err(absent)?;
                }
                match key {
                    None => write_dictionary(&members, out),
                    Some(key) => {
                        let (_, member) =
                            members.iter().find(|(known, _)| *known == key).ok_or(Reason::ComponentAbsent)?;
                        match member {
                            // RFC 9421 section 2.1.2: a member without a value is the item `?1`.
                            Member::Item(item) => item.write(out),
                            Member::Inner(inner) => inner.write(out),
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// Whether `Connection` names a field: the next hop does not get it (RFC 9110 section 7.6.1), so that it would count and be gone.
fn is_of_hop(headers: &HeaderMap, name: &HeaderName) -> bool {
    let mut names =
        headers.get_all(CONNECTION).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    names.any(|own| own.trim_ascii().eq_ignore_ascii_case(name.as_str().as_bytes()))
}

fn path(path: &str) -> &str {
    if path.is_empty() { "/" } else { path }
}

/// Host and port in lower case, without the port that the scheme has anyway (RFC 9421 section 2.2.3).
fn write_authority(scheme: &str, authority: &str, out: &mut Vec<u8>) {
    let usual = if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
    let shown = authority.strip_suffix(usual).filter(|host| !host.is_empty()).unwrap_or(authority);
    out.extend(shown.bytes().map(|byte| byte.to_ascii_lowercase()));
}
