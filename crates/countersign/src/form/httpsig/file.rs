//! `[signature]` of a dialect file.
use super::digest::DigestKind;
use super::{HttpSig, Need, Needed, When};
use crate::dialect::settings::{OFF, split};
use http::HeaderName;
use serde::Deserialize;

/// Needs of one dialect: each has a bit.
const MOST_NEEDS: usize = 64;

/// `[signature]` of a dialect file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignatureFile {
    /// The label it must have; `any` or left out: any.
    label: Option<String>,
    /// The label that is written.
    #[serde(default = "usual_label")]
    write_label: String,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    covers: Vec<String>,
    #[serde(default)]
    with_body: Vec<String>,
    #[serde(default)]
    if_present: Vec<String>,
    #[serde(default)]
    jose_names: bool,
    #[serde(default)]
    digests: Vec<String>,
}

fn usual_label() -> String {
    "sig1".to_owned()
}

/// The items of a list; a setting that is `off` is none.
fn items(list: &[String]) -> impl Iterator<Item = &str> {
    split(list).filter(|text| *text != OFF)
}

impl HttpSig {
    pub(crate) fn read(file: &SignatureFile) -> Result<Self, String> {
        let mut needs = Vec::new();
        let lists = [
            (&file.covers, When::Always),
            (&file.with_body, When::WithBody),
            (&file.if_present, When::IfPresent),
        ];
        for (list, when) in lists {
            for name in items(list) {
                needs.push(Need { part: needed(name)?, when });
            }
        }
        if needs.len() > MOST_NEEDS {
            return Err(format!("wanted at most {MOST_NEEDS} components, found {}", needs.len()));
        }
        let digest = |name: &str| {
            DigestKind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
                format!(
                    "digests: wanted sha-256 or sha-512, found {name}; the others of RFC 9530 are deprecated"
                )
            })
        };
        let digests: Vec<_> = items(&file.digests).map(digest).collect::<Result<_, _>>()?;
        let labels = [file.label.as_deref().unwrap_or("any"), &file.write_label];
        if let Some(bad) = labels.iter().find(|label| !is_label(label)) {
            return Err(format!("label: wanted lower-case letters, digits and _ - . *, found {bad}"));
        }
        // As a string of a structured field has it (RFC 9651 section 3.3.3); another is no signature's.
        let plain = |tag: &&str| tag.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if let Some(bad) = items(&file.tags).find(|tag| !plain(tag)) {
            return Err(format!("tags: wanted printable ASCII, found {bad:?}"));
        }
        let label = file.label.as_deref().filter(|label| *label != "any").map(Into::into);
        Ok(Self {
            label_made: label.clone().unwrap_or_else(|| file.write_label.as_str().into()),
            label,
            tags: items(&file.tags).map(Into::into).collect(),
            needs,
            jose_names: file.jose_names,
            digests: if digests.is_empty() { DigestKind::ALL.to_vec() } else { digests },
        })
    }
}

/// Whether a text can be a key of a dictionary (RFC 9651 section 3.2).
fn is_label(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase() || first == '*')
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'*'))
}

fn field_of(name: &str) -> &str {
    name.strip_suffix(";key").unwrap_or(name)
}

fn needed(name: &str) -> Result<Needed, String> {
    Ok(match name {
        "@method" => Needed::Method,
        "@scheme" => Needed::Scheme,
        "@authority" => Needed::Authority,
        "@path" => Needed::Path,
        "@query" => Needed::Query,
        "@target-uri" => Needed::TargetUri,
        "@request-target" => Needed::RequestTarget,
        other => match (other.strip_suffix(";key"), HeaderName::from_lowercase(field_of(other).as_bytes())) {
            (None, Ok(field)) => Needed::Field(field),
            (Some(_), Ok(field)) => Needed::Member(field),
            (_, Err(_)) => {
                return Err(format!(
                    "{other}: wanted @method, @scheme, @authority, @path, @query, @target-uri, @request-target or a \
                     field's name in lower case, with `;key` where one member of it is enough"
                ));
            }
        },
    })
}
