//! `find` of a dialect file: where a proof stands.
use crate::dialect::settings::split;
use crate::dialect::{Find, Schemes};
use crate::form::fields::Field;
use crate::form::httpsig;
use crate::source::Source;
use http::HeaderName;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FindFile {
    pub(super) form: String,
    header: Option<String>,
    headers: Option<Vec<String>>,
    body: Option<String>,
    /// A field of a form.
    form_field: Option<String>,
    /// A field of a form or of a JSON object.
    field: Option<String>,
    /// `quoted` or `percent`: the credential is a list of parameters.
    parameters: Option<String>,
    parameter: Option<String>,
    #[serde(default)]
    scheme: Vec<String>,
    #[serde(default)]
    bare: bool,
    #[serde(default)]
    spaces: bool,
    #[serde(default)]
    when: BTreeMap<String, String>,
}

/// Where proofs stand.
///
/// # Errors
/// What is wrong with the table.
pub(super) fn find(
    file: &FindFile,
    source: &mut dyn FnMut(&str) -> Result<Source, String>,
) -> Result<Find, String> {
    let header = |name: &str| HeaderName::try_from(name).map_err(|_| format!("{name} is no header name"));
    let field = file.form_field.as_ref().or(file.field.as_ref());
    if let (Some(name), None, None, None, None) =
        (&file.parameter, &file.header, &file.headers, &file.body, field)
    {
        return Ok(Find::Parameter(name.as_str().into()));
    }
    if let (Some(kind), Some(name), None, None) = (&file.parameters, &file.header, &file.headers, &file.body)
    {
        let words: Vec<Box<str>> = split(&file.scheme).map(Into::into).collect();
        let percent = match kind.as_str() {
            "quoted" => false,
            "percent" => true,
            other => return Err(format!("parameters: wanted quoted or percent, found {other}")),
        };
        if words.is_empty() || file.bare {
            return Err("parameters stand behind a scheme word; wanted scheme = [\"…\"]".to_owned());
        }
        return Ok(Find::Parameters {
            name: header(name)?,
            schemes: Schemes { words, bare: false, spaces: file.spaces },
            percent,
        });
    }
    if let (Some(name), None, None, None) = (field, &file.header, &file.headers, &file.body) {
        return Ok(Find::Form(Field { name: name.as_str().into(), json: file.form_field.is_none() }));
    }
    match (&file.header, &file.headers, &file.body) {
        (Some(name), None, None) if field.is_none() => {
            let schemes: Vec<Box<str>> = split(&file.scheme).map(Into::into).collect();
            if schemes.is_empty() && !file.bare {
                return Err("wanted scheme = [\"…\"] or bare = true".to_owned());
            }
            let when = file.when.iter().map(|(name, text)| Ok((source(name)?, text.as_str().into())));
            Ok(Find::Header {
                name: header(name)?,
                schemes: Schemes { words: schemes, bare: file.bare, spaces: file.spaces },
                when: when.collect::<Result<_, String>>()?,
            })
        }
        (None, Some(names), None) if !names.is_empty() => {
            names.iter().map(|name| header(name)).collect::<Result<_, _>>().map(Find::Headers)
        }
        (None, None, Some(kind)) if kind == "json" => Ok(Find::Body),
        (None, None, None) if file.form == "httpsig" => {
            Ok(Find::Headers(vec![httpsig::read::INPUT, httpsig::read::SIGNATURE]))
        }
        _ => Err("wanted exactly one of header, headers, form_field, field and body = \"json\"".to_owned()),
    }
}
