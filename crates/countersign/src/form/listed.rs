//! Texts over headers that the proof itself lists: draft-cavage lines, and the canonical request of AWS's kin; what must be listed is.
use crate::incoming::Body;
use crate::reason::Reason;
use crate::source::{Facts, Part, Source, header};
use http::HeaderName;

/// Names that one proof may list: the longest list of a real client has under twenty.
const MOST: usize = 32;

/// A list that the proof brings along, and what the dialect demands of it.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    list: Source,
    /// Lines of draft-cavage; else of a canonical request.
    cavage: bool,
    required: Vec<Box<str>>,
    /// Names that must also be listed when there is a body.
    with_body: Vec<Box<str>>,
    /// What every text covers, as sources.
    covers: Vec<Source>,
}

impl Listed {
    /// Reads `auth.headers: (request-target) host; body: digest`.
    ///
    /// # Errors
    /// No list, or nothing that must be in it: a signer would choose to sign nothing.
    pub(crate) fn read(
        text: &str,
        cavage: bool,
        source: &mut dyn FnMut(&str) -> Result<Source, String>,
    ) -> Result<Self, String> {
        let (list, names) = text.split_once(": ").unwrap_or((text, ""));
        let (required, with_body) = names.split_once("; body: ").unwrap_or((names, ""));
        let words = |text: &str| text.split_ascii_whitespace().map(Into::into).collect::<Vec<Box<str>>>();
        let (required, with_body) = (words(required), words(with_body));
        if required.is_empty() {
            return Err(format!(
                "{list}: wanted the names that it must have, found none; the signer would choose to cover nothing"
            ));
        }
        let mut covers = Vec::new();
        for name in required.iter().chain(&with_body) {
            match &**name {
                "(request-target)" => {
                    covers.push(Source::Request(Part::Method));
                    covers.push(Source::Request(Part::PathAndQuery));
                }
                "(created)" => covers.push(source("auth.created")?),
                "(expires)" => covers.push(source("auth.expires")?),
                "host" => covers.push(Source::Request(Part::Authority)),
                name => covers.push(source(&format!("header.{name}"))?),
            }
        }
        Ok(Self { list: source(list)?, cavage, required, with_body, covers })
    }

    pub(crate) fn covers(&self) -> &[Source] {
        &self.covers
    }

    /// Writes the lines.
    ///
    /// # Errors
    /// `missing-claim` for a name that must be listed, or a header that is listed and not there; `malformed-claim` for a list that
    /// repeats a name, is not in lower case or names a header that came twice.
    pub(crate) fn add(&self, facts: &Facts<'_>, out: &mut Vec<u8>) -> Result<(), Reason> {
        let value = facts.value(&self.list);
        let list = value.text().ok_or(Reason::MissingClaim)?;
        let names: Vec<&str> = list.split(if self.cavage { ' ' } else { ';' }).collect();
        if names.len() > MOST {
            return Err(Reason::MalformedClaim);
        }
        let with_body = self.with_body.iter().filter(|_| facts.incoming.body != Body::Empty);
        if !self.required.iter().chain(with_body).all(|name| names.contains(&&**name)) {
            return Err(Reason::MissingClaim);
        }
        for (at, name) in names.iter().enumerate() {
            let before = names.get(..at).unwrap_or_default();
            let sorted = self.cavage || before.last().is_none_or(|last| last < name);
            if before.contains(name) || !sorted {
                return Err(Reason::MalformedClaim);
            }
            self.line(facts, name, at == 0, out)?;
        }
        Ok(())
    }

    fn line(&self, facts: &Facts<'_>, name: &str, first: bool, out: &mut Vec<u8>) -> Result<(), Reason> {
        if self.cavage && !first {
            out.push(b'\n');
        }
        let mut pair = |value: &str| {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(if self.cavage { b": " } else { b":" });
            out.extend_from_slice(value.as_bytes());
            if !self.cavage {
                out.push(b'\n');
            }
        };
        let incoming = facts.incoming;
        let parameter = |name: &str| facts.auth(name).ok_or(Reason::MissingClaim);
        match (self.cavage, name) {
            (true, "(request-target)") => {
                let target = incoming.target;
                let query = target.query.map(|query| format!("?{query}")).unwrap_or_default();
                pair(&format!("{} {}{query}", incoming.method.to_ascii_lowercase(), target.path));
            }
            (true, "(created)") => pair(parameter("created")?),
            (true, "(expires)") => pair(parameter("expires")?),
            // The host that the request was sent to, as the server knows itself.
            (_, "host") => pair(incoming.target.authority),
            _ => {
                let known = HeaderName::try_from(name).map_err(|_| Reason::MalformedClaim)?;
                if known.as_str() != name {
                    return Err(Reason::MalformedClaim);
                }
                match header(incoming, &known) {
                    Some(value) => pair(value),
                    // Twice the same header: two readers may see two requests.
                    None if incoming.headers.contains_key(&known) => return Err(Reason::MalformedClaim),
                    None => return Err(Reason::MissingClaim),
                }
            }
        }
        Ok(())
    }
}
