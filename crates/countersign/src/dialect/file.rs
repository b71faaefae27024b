//! Reads a dialect file (TOML) and says exactly what is wrong with one that cannot be used.
mod find;

use self::find::{FindFile, find};
use super::settings::{self, Settings, split};
use super::{By, Challenge, Detached, Dialect, Form, Pattern, ReplyShape, WhoFrom, covered};
use crate::form::built::Built;
use crate::form::httpsig::file::SignatureFile;
use crate::form::httpsig::{self, HttpSig};
use crate::form::jws::Outside;
use crate::form::make::{self, Make, MakeFile};
use crate::form::text::{TextFile, TextForm};
use crate::rule::file::RuleFile;
use crate::rule::{self, Rule};
use crate::source::{Names, Source};
use countersign_keys::Algorithm;
use serde::Deserialize;
use std::fmt;

/// Why a dialect file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialectError {
    /// The dialect, when the file says one.
    pub dialect: String,
    /// Where in the file.
    pub at: String,
    /// What is wrong: wanted, found, next step.
    pub what: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    summary: String,
    find: FindFile,
    text: Option<TextFile>,
    signature: Option<SignatureFile>,
    algorithms: Vec<String>,
    #[serde(default)]
    accept_weak: Vec<String>,
    #[serde(default)]
    types: Vec<String>,
    kid: Option<String>,
    who: WhoFile,
    #[serde(default)]
    rules: Vec<RuleFile>,
    reply: ReplyFile,
    make: Option<MakeFile>,
    /// The names of extensions that `crit` may have.
    #[serde(default)]
    critical: Vec<String>,
    /// The content type that a token has.
    content: Option<String>,
    /// What a token without a payload signs.
    payload: Option<PayloadFile>,
    #[serde(default)]
    unverified: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PayloadFile {
    built: String,
    /// `true` where the payload is signed as it stands; a text, since a setting may say it.
    unencoded: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WhoFile {
    from: String,
    namespace: Option<String>,
    #[serde(default)]
    by_key: bool,
    session_of: Option<String>,
    pattern: Option<String>,
    acting_as: Option<String>,
    #[serde(default)]
    number: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplyFile {
    status: u16,
    challenge: Option<String>,
    #[serde(default)]
    accept_signature: bool,
}

impl Dialect {
    /// Reads a dialect from the text of its file; `overrides` replace the file's own `[settings]`.
    ///
    /// # Errors
    /// [`DialectError`] for TOML that is none, unknown members, names that no fact has, settings that the file does not
    /// have, weak algorithms that are not named as such, and rules that cannot be kept.
    pub fn parse(text: &str, overrides: &Settings) -> Result<Self, DialectError> {
        let mut table: toml::Table = toml::from_str(text).map_err(|error| DialectError {
            dialect: String::new(),
            at: "file".to_owned(),
            what: error.to_string(),
        })?;
        let name = table.get("name").and_then(|name| name.as_str()).unwrap_or("").to_owned();
        let fail = |at: &str, what: String| DialectError { dialect: name.clone(), at: at.to_owned(), what };
        let mut settings = read_settings(table.remove("settings")).map_err(|what| fail("settings", what))?;
        for (key, value) in overrides {
            if !settings.contains_key(key) {
                let known: Vec<_> = settings.keys().map(String::as_str).collect();
                return Err(fail(
                    "settings",
                    format!("there is no setting `{key}`; this dialect has: {}", known.join(", ")),
                ));
            }
            settings.insert(key.clone(), value.clone());
        }
        let mut value = toml::Value::Table(table);
        settings::fill(&mut value, &settings);
        let file: File =
            value.try_into().map_err(|error: toml::de::Error| fail("file", error.to_string()))?;
        build(file, settings).map_err(|(at, what)| fail(&at, what))
    }
}

type Problem = (String, String);

fn at(place: &str) -> impl Fn(String) -> Problem + '_ {
    move |what| (place.to_owned(), what)
}

fn build(file: File, settings: Settings) -> Result<Dialect, Problem> {
    let mut names = Names::default();
    // What `crit` may name is read, so that it can be seen to be there.
    for name in file.critical.iter().filter(|name| *name != "b64") {
        Source::parse(&format!("head.{name}"), &mut names).map_err(at("critical"))?;
    }
    let mut source = |name: &str| Source::parse(name, &mut names);
    let who = who(&file.who, &mut source).map_err(at("who"))?;
    let find = find(&file.find, &mut source).map_err(at("find"))?;
    let algorithms = algorithms(&file)?;
    let form = match (file.find.form.as_str(), &file.text, &file.signature) {
        ("jws", None, None) => match &file.payload {
            None => Form::Jws,
            Some(payload) => Form::Detached(Detached {
                payload: Built::read(&payload.built, &mut source).map_err(at("payload.built"))?,
                unencoded: payload.unencoded.as_deref() == Some("true"),
            }),
        },
        ("text", Some(text), None) => Form::Text(TextForm::read(text, &mut source).map_err(at("text"))?),
        ("httpsig", None, Some(signature)) => {
            Form::HttpSig(HttpSig::read(signature).map_err(at("signature"))?)
        }
        ("jws" | "httpsig", Some(_), _) => {
            return Err(at("text")("only form text is built from a [text] table; remove it".to_owned()));
        }
        ("text", None, _) => return Err(at("text")("form text wants a [text] table".to_owned())),
        ("httpsig", ..) => return Err(at("signature")("form httpsig wants a [signature] table".to_owned())),
        ("jws" | "text", ..) => {
            return Err(at("signature")("only form httpsig has a [signature] table; remove it".to_owned()));
        }
        (other, ..) => return Err(at("find.form")(format!("wanted jws, text or httpsig, found {other}"))),
    };
    let mut rules = Vec::new();
    for (number, rule) in file.rules.iter().enumerate() {
        let place = format!("rules[{number}]");
        rules.push(Rule::read(rule, &mut source).map_err(at(&place))?);
    }
    if rules.iter().filter(|rule| rule.is_single_use()).count() > 1 {
        return Err(at("rules")("at most one rule may claim a single use".to_owned()));
    }
    if !rule::date_single_uses(&mut rules) {
        let what = "`once` wants a date that nobody chooses freely, found none; add a rule near or not_before with what `dated` names";
        return Err(at("rules")(what.to_owned()));
    }
    let make =
        file.make.as_ref().map(|make| Make::read(make, &mut source)).transpose().map_err(at("make"))?;
    let accepted =
        file.reply.accept_signature.then(|| httpsig::accept::value(&form, &rules, &names.members)).flatten();
    let covered = covered::compute(&form, &find, &rules);
    let reply = reply(file.reply, accepted)?;
    let warnings = warnings(&form, &rules, &algorithms);
    Ok(Dialect {
        name: file.name.as_str().into(),
        summary: file.summary.into(),
        find,
        form,
        outside: Outside {
            critical: file.critical.into_iter().map(Into::into).collect(),
            content: file.content.map(Into::into),
        },
        names,
        algorithms,
        kid_strict: kid_strict(file.kid.as_deref())?,
        types: file.types.into_iter().map(Into::into).collect(),
        who,
        rules,
        reply,
        make,
        covered,
        settings,
        warnings,
        unverified: file.unverified,
    })
}

fn read_settings(value: Option<toml::Value>) -> Result<Settings, String> {
    match value {
        None => Ok(Settings::new()),
        Some(value) => {
            let settings: Settings =
                value.try_into().map_err(|error| format!("every setting is a text: {error}"))?;
            match settings.keys().find(|key| make::is_name(key)) {
                Some(key) => Err(format!(
                    "`{key}` is a name that the signer fills in [make], so no setting may have it; call it {key}_kind or so"
                )),
                None => Ok(settings),
            }
        }
    }
}

fn kid_strict(kid: Option<&str>) -> Result<bool, Problem> {
    match kid {
        None | Some("hint") => Ok(false),
        Some("strict") => Ok(true),
        Some(other) => Err(at("kid")(format!("wanted hint or strict, found {other}"))),
    }
}

fn reply(file: ReplyFile, accepted: Option<String>) -> Result<ReplyShape, Problem> {
    if file.status != 401 && file.status != 403 {
        return Err(at("reply.status")(format!("wanted 401 or 403, found {}", file.status)));
    }
    let challenge = file.challenge.as_deref().map(Challenge::new);
    Ok(ReplyShape { status: file.status, challenge, accept_signature: accepted.map(Into::into) })
}

fn algorithms(file: &File) -> Result<Vec<Algorithm>, Problem> {
    let read = |place: &'static str, list: &[String]| -> Result<Vec<Algorithm>, Problem> {
        split(list)
            .map(|name| {
                Algorithm::from_name(name)
                    .or_else(|| Algorithm::from_jose(name))
                    .ok_or_else(|| at(place)(format!("{name} is no algorithm that countersign knows")))
            })
            .collect()
    };
    let algorithms = read("algorithms", &file.algorithms)?;
    let weak = read("accept_weak", &file.accept_weak)?;
    if algorithms.is_empty() {
        return Err(at("algorithms")("a dialect takes at least one algorithm".to_owned()));
    }
    match algorithms.iter().find(|algorithm| algorithm.is_weak() && !weak.contains(algorithm)) {
        Some(algorithm) => {
            Err(at("algorithms")(format!("{} is weak; name it in accept_weak as well", algorithm.name())))
        }
        None => Ok(algorithms),
    }
}

fn who(file: &WhoFile, source: &mut dyn FnMut(&str) -> Result<Source, String>) -> Result<WhoFrom, String> {
    // A setting chooses between the two: `off` is no namespace.
    let namespace = file.namespace.as_ref().filter(|name| *name != settings::OFF);
    let by_key = file.by_key && (namespace.is_none() || file.namespace.is_none());
    let by = match (namespace, by_key, &file.session_of) {
        (Some(namespace), false, None) => By::Namespace(namespace.as_str().into()),
        (None, true, None) => By::Key,
        (None, false, Some(name)) => By::Session { identifier: source(name)? },
        _ => return Err("wanted exactly one of namespace, by_key = true and session_of".to_owned()),
    };
    let pattern = match &file.pattern {
        None => None,
        Some(text) => {
            let digits = text.split_once("{digits}");
            let (before, after) = digits
                .or_else(|| text.split_once("{text}"))
                .ok_or_else(|| format!("pattern wants {{digits}} or {{text}} in it, found {text}"))?;
            Some(Pattern { digits: digits.is_some(), before: before.into(), after: after.into() })
        }
    };
    let acting_as = file.acting_as.as_deref().map(&mut *source).transpose()?;
    Ok(WhoFrom { from: source(&file.from)?, by, pattern, acting_as, number: file.number })
}

fn warnings(form: &Form, rules: &[Rule], algorithms: &[Algorithm]) -> Vec<String> {
    let mut out = Vec::new();
    if rules.iter().all(|rule| rule.window().is_none()) {
        out.push("no rule bounds how long a proof works".to_owned());
    }
    if !matches!(form, Form::Jws) && !rules.iter().any(Rule::is_single_use) {
        out.push("a captured request can be sent again".to_owned());
    }
    for weak in algorithms.iter().filter(|algorithm| algorithm.is_weak()) {
        out.push(format!("takes the weak algorithm {} for keys that name it", weak.name()));
    }
    out
}

impl fmt::Display for DialectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.dialect.is_empty() { "(without name)" } else { &self.dialect };
        write!(f, "dialect {name}, {}: {}", self.at, self.what)
    }
}

impl std::error::Error for DialectError {}

#[cfg(test)]
mod tests;
