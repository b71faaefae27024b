//! Builds the text that a dialect signs, in every spelling that its callers' languages produce.
use crate::form::built::Built;
use crate::form::part::part;
use crate::incoming::Body;
use crate::reason::Reason;
use crate::source::{Facts, Part, Source};
use serde::Deserialize;
use std::borrow::Cow;

/// How a text is built.
#[derive(Clone, Debug)]
pub(crate) struct TextForm {
    pub(crate) encodes: Vec<Encode>,
    /// Each alternative is a list of fields; the first is the one that is written.
    pub(crate) alternatives: Vec<Vec<Field>>,
    /// Texts that are built, each of which may be the one; the first is the one that is written.
    pub(crate) built: Vec<Built>,
    pub(crate) signature: Source,
    /// What stands before the signature, among other words.
    pub(crate) prefix: Box<str>,
    /// Parts stand side by side, and what is around a JSON body must not look like one.
    pub(crate) apart: bool,
    pub(crate) encoding: SignatureEncoding,
    pub(crate) members: bool,
}

/// A named part of the text.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: Box<str>,
    pub(crate) source: Source,
}

/// A spelling of the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Encode {
    /// The values, one after another.
    Plain,
    /// The values, each followed by a line feed but the last.
    Lines,
    /// PHP's `json_encode` as it ships: slashes and all but ASCII escaped.
    JsonPhp,
    /// `JSON.stringify`: nothing escaped that need not be.
    Json,
    /// PHP with unescaped slashes and unicode: as `json`, but U+2028 and U+2029 stay escaped.
    JsonPhpBare,
    /// Slashes plain, all but ASCII escaped (PHP with unescaped slashes, Python compact).
    JsonAscii,
    /// Slashes escaped, other characters raw (PHP with unescaped unicode).
    JsonPhpUnicode,
    /// Slashes escaped, everything else raw, U+2028 and U+2029 too (PHP with unescaped unicode and line terminators).
    JsonPhpLines,
    /// Python's `json.dumps`: spaces after comma and colon, all but printable ASCII escaped.
    JsonPython,
}

/// How the signature is written down.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SignatureEncoding {
    /// Standard base64 with padding.
    Base64,
    /// base64url without padding.
    Base64url,
    /// Hexadecimal, either case, `0x` tolerated.
    Hex,
}

/// `[text]` of a dialect file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TextFile {
    #[serde(default)]
    encode: Vec<Encode>,
    #[serde(default)]
    fields: Vec<[String; 2]>,
    built: Option<String>,
    #[serde(default)]
    or_built: Vec<String>,
    /// The text whose digest stands where `{text.digest}` does.
    canonical: Option<String>,
    #[serde(default)]
    apart: bool,
    #[serde(default)]
    signature_prefix: String,
    #[serde(default)]
    or_fields: Vec<Vec<[String; 2]>>,
    signature: String,
    signature_encode: SignatureEncoding,
}

impl TextForm {
    pub(crate) fn read(
        file: &TextFile,
        source: &mut dyn FnMut(&str) -> Result<Source, String>,
    ) -> Result<Self, String> {
        let canonical = file.canonical.as_deref().map(|text| Built::read(text, source)).transpose()?;
        let mut built = Vec::new();
        for text in file.built.iter().chain(&file.or_built) {
            built.push(Built::read(text, source)?.with_digest(canonical.clone())?);
        }
        let signature = source(&file.signature)?;
        if built.iter().any(|built| built.covers(&signature) && !matches!(signature, Source::Auth(_))) {
            return Err("the signature cannot be in the text that it signs".to_owned());
        }
        if !built.is_empty() {
            if !file.encode.is_empty() || !file.fields.is_empty() || !file.or_fields.is_empty() {
                return Err("wanted built, or encode and fields; found both".to_owned());
            }
            return Ok(Self {
                encodes: Vec::new(),
                alternatives: Vec::new(),
                built,
                signature,
                prefix: file.signature_prefix.as_str().into(),
                apart: file.apart,
                encoding: file.signature_encode,
                members: false,
            });
        }
        if file.encode.is_empty() || file.fields.is_empty() {
            return Err("wanted at least one encode and one field".to_owned());
        }
        let mut list = |fields: &[[String; 2]]| -> Result<Vec<Field>, String> {
            fields
                .iter()
                .map(|[name, from]| Ok(Field { name: name.as_str().into(), source: source(from)? }))
                .collect()
        };
        let mut alternatives = vec![list(&file.fields)?];
        for other in &file.or_fields {
            alternatives.push(list(other)?);
        }
        let members = file.fields.iter().any(|[_, from]| from.starts_with("body."))
            || file.signature.starts_with("body.");
        Ok(Self {
            encodes: file.encode.clone(),
            alternatives,
            built,
            signature,
            prefix: file.signature_prefix.as_str().into(),
            apart: file.apart,
            encoding: file.signature_encode,
            members,
        })
    }

    /// Whether a text can be built at all: a signed body must be seen, and must be text where a text is made of it.
    pub(crate) fn check_body(&self, body: Body<'_>) -> Result<(), Reason> {
        let parts = self.alternatives.iter().flatten().map(|field| &field.source);
        for part in parts {
            match (part, body) {
                (Source::Request(Part::Body | Part::BodySha256 | Part::BodySha256IfAny), Body::Unseen) => {
                    return Err(Reason::BodyUnseen);
                }
                (Source::Request(Part::Body), Body::Seen(bytes)) if std::str::from_utf8(bytes).is_err() => {
                    return Err(Reason::BodyNotText);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether every spelling has this source in it.
    pub(crate) fn covers(&self, source: &Source) -> bool {
        self.alternatives.iter().all(|fields| fields.iter().any(|field| field.source == *source))
            && self.built.iter().all(|built| built.covers(source))
    }

    /// Builds every spelling into `texts`, each once. An alternative whose parts are not all there is left out.
    ///
    /// # Errors
    /// Why none of the built ones could be.
    pub(crate) fn build(&self, facts: &Facts<'_>, texts: &mut Vec<Vec<u8>>) -> Result<(), Reason> {
        texts.clear();
        // An address without a path, and what is none (`*`), could lend letters to the method before it.
        let rooted = facts.incoming.target.path.starts_with('/');
        let (path, query) = (facts.incoming.target.path, facts.incoming.target.query);
        let joined = self.built.iter().any(Built::joins_query) && !is_query_apart(path, query);
        if (!self.built.is_empty() && !rooted) || (self.apart && !is_apart(facts)) || joined {
            return Err(Reason::MalformedCredential);
        }
        let mut wrong = Reason::MissingIdentity;
        for built in &self.built {
            match built.bytes(facts, None) {
                Ok(text) if !text.is_empty() && !texts.contains(&text) => texts.push(text),
                Ok(_) => {}
                Err(reason) => wrong = reason,
            }
        }
        for fields in &self.alternatives {
            let values: Option<Vec<Cow<'_, str>>> =
                fields.iter().map(|field| part(facts, &field.source)).collect();
            let Some(values) = values else { continue };
            for encode in &self.encodes {
                let text = spell(*encode, fields, &values).into_bytes();
                // The empty text is what a failed encoder leaves behind; nobody means to sign it.
                if !text.is_empty() && !texts.contains(&text) {
                    texts.push(text);
                }
            }
        }
        if texts.is_empty() { Err(wrong) } else { Ok(()) }
    }
}

/// Whether parts that stand side by side can be told apart again: a usual method, an address without braces, and a body that is a
/// JSON object or nothing.
fn is_apart(facts: &Facts<'_>) -> bool {
    let incoming = facts.incoming;
    let method = matches!(incoming.method, "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD");
    let (path, query) = (incoming.target.path, incoming.target.query);
    let address = !path.contains('{') && !query.unwrap_or("").contains('{');
    let body = match incoming.body {
        Body::Seen(body) => body.is_empty() || body.starts_with(b"{"),
        Body::Empty | Body::Unseen => true,
    };
    method && address && body
}

/// Whether a path and the query right behind it can be told apart without the question mark: only what has a `=` is a query, and it
/// begins with a name, so that no end of a path becomes one.
fn is_query_apart(path: &str, query: Option<&str>) -> bool {
    let named = |query: &str| {
        let name = query.split_once('=').map(|(name, _)| name);
        name.is_some_and(|name| !name.is_empty() && !name.contains(['/', '&']))
    };
    !path.contains(['=', '&']) && query.is_none_or(|query| query.is_empty() || named(query))
}

impl SignatureEncoding {
    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Base64 => "base64",
            Self::Base64url => "base64url",
            Self::Hex => "hex",
        }
    }
}

fn spell(encode: Encode, fields: &[Field], values: &[Cow<'_, str>]) -> String {
    let mut out = String::with_capacity(values.iter().map(|value| value.len() + 24).sum());
    match encode {
        Encode::Plain => values.iter().for_each(|value| out.push_str(value)),
        Encode::Lines => out = values.join("\n"),
        json => {
            let python = json == Encode::JsonPython;
            out.push('{');
            for (at, (field, value)) in fields.iter().zip(values).enumerate() {
                if at > 0 {
                    out.push_str(if python { ", " } else { "," });
                }
                quote(json, &field.name, &mut out);
                out.push_str(if python { ": " } else { ":" });
                quote(json, value, &mut out);
            }
            out.push('}');
        }
    }
    out
}

fn quote(encode: Encode, text: &str, out: &mut String) {
    use Encode::{JsonAscii, JsonPhp, JsonPhpBare, JsonPhpLines, JsonPhpUnicode, JsonPython};
    let slashes = matches!(encode, JsonPhp | JsonPhpUnicode | JsonPhpLines);
    let ascii = matches!(encode, JsonPhp | JsonAscii | JsonPython);
    let separators = matches!(encode, JsonPhpUnicode | JsonPhpBare);
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '/' if slashes => out.push_str("\\/"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}' => escape(letter, out),
            '\u{7f}' if encode == JsonPython => escape(letter, out),
            '\u{2028}' | '\u{2029}' if separators => escape(letter, out),
            _ if ascii && !letter.is_ascii() => escape(letter, out),
            _ => out.push(letter),
        }
    }
    out.push('"');
}

fn escape(letter: char, out: &mut String) {
    let mut units = [0_u16; 2];
    for unit in letter.encode_utf16(&mut units) {
        out.push_str("\\u");
        for shift in [12, 8, 4, 0] {
            out.push(char::from_digit(u32::from(*unit >> shift & 15), 16).unwrap_or('0'));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelt(encode: Encode, text: &str) -> String {
        let mut out = String::new();
        quote(encode, text, &mut out);
        out
    }

    #[test]
    fn no_end_of_a_path_becomes_a_query() {
        for (path, query) in [("/orders/7", None), ("/orders", Some("")), ("/orders", Some("a=1&b=/"))] {
            assert!(is_query_apart(path, query), "{path} {query:?}");
        }
        // `DELETE /orders/7` must not serve for `DELETE /orders?/7`, nor a query for a path.
        let bad = [
            ("/orders", Some("/7")),
            ("/orders/", Some("7")),
            ("/orders", Some("/7=")),
            ("/orders", Some("=7")),
        ];
        for (path, query) in bad.into_iter().chain([("/ordersa=1", None), ("/orders", Some("a&b=1"))]) {
            assert!(!is_query_apart(path, query), "{path} {query:?}");
        }
    }

    #[test]
    fn each_language_spells_as_it_does() {
        let text = "a/ü😀\u{2028}\u{7f}\u{1}\n\"\\";
        assert_eq!(
            spelt(Encode::JsonPhp, text),
            r#""a\/\u00fc\ud83d\ude00\u2028"#.to_owned() + "\u{7f}" + r#"\u0001\n\"\\""#
        );
        assert_eq!(spelt(Encode::JsonPython, "/ü\u{7f}"), r#""/\u00fc\u007f""#);
        assert_eq!(spelt(Encode::Json, "/ü\u{2028}"), "\"/ü\u{2028}\"");
        assert_eq!(spelt(Encode::JsonPhpBare, "/ü\u{2028}"), "\"/ü\\u2028\"");
        assert_eq!(spelt(Encode::JsonPhpUnicode, "/ü\u{2029}"), "\"\\/ü\\u2029\"");
        assert_eq!(spelt(Encode::JsonAscii, "/ü"), "\"/\\u00fc\"");
    }
}
