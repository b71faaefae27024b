//! A rule as it stands in a dialect file.
use super::Rule;
use super::built::{BuiltRule, How};
use crate::form::built::Built;
use crate::reason::Reason;
use crate::source::{Head, Source};
use crate::time::Span;
use serde::Deserialize;

/// One entry of `rules`; exactly one of the verbs, with the members that go with it.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleFile {
    present: Option<Vec<String>>,
    absent: Option<String>,
    equals: Option<String>,
    contains: Option<String>,
    begins: Option<String>,
    word: Option<String>,
    same: Option<[String; 2]>,
    audience: Option<String>,
    kind: Option<String>,
    near: Option<String>,
    not_before: Option<String>,
    not_after: Option<String>,
    ahead: Option<String>,
    lifetime: Option<[String; 2]>,
    companion: Option<String>,
    known_user: Option<bool>,
    session: Option<bool>,
    once: Option<Vec<String>>,
    issued: Option<String>,
    // what goes with them
    is: Option<String>,
    to: Option<String>,
    or: Option<Vec<String>>,
    for_body: Option<bool>,
    received: Option<String>,
    default: Option<String>,
    window: Option<String>,
    future: Option<String>,
    or_empty: Option<Vec<String>>,
    of: Option<String>,
    sole: Option<String>,
    within: Option<String>,
    slack: Option<String>,
    optional: Option<bool>,
    at_most: Option<String>,
    from: Option<String>,
    dated: Option<String>,
    keep: Option<String>,
    /// Any text but `off` (or the rule is dropped): lets a setting switch the rule.
    #[serde(rename = "when")]
    _when: Option<String>,
}

impl Rule {
    pub(crate) fn read(
        file: &RuleFile,
        source: &mut dyn FnMut(&str) -> Result<Source, String>,
    ) -> Result<Self, String> {
        let verbs = [
            file.present.is_some(),
            file.absent.is_some(),
            file.equals.is_some(),
            file.contains.is_some(),
            file.begins.is_some(),
            file.word.is_some(),
            file.same.is_some(),
            file.audience.is_some(),
            file.kind.is_some(),
            file.near.is_some(),
            file.window.is_some(),
            file.not_before.is_some(),
            file.not_after.is_some(),
            file.ahead.is_some(),
            file.lifetime.is_some(),
            file.companion.is_some(),
            file.known_user.is_some(),
            file.session.is_some(),
            file.once.is_some(),
            file.issued.is_some(),
        ];
        if verbs.iter().filter(|verb| **verb).count() != 1 {
            return Err(
                "wanted exactly one of present, absent, equals, contains, begins, word, same, audience, kind, near, window, not_before, \
                        not_after, ahead, lifetime, companion, known_user, session, once, issued"
                    .to_owned(),
            );
        }
        let optional = file.optional.unwrap_or(false);
        let slack = || file.slack.as_deref().map_or(Ok(Span::ZERO), span);
        if let Some(names) = &file.present {
            return names.iter().map(|name| source(name)).collect::<Result<_, _>>().map(Self::Present);
        }
        if let Some(name) = &file.absent {
            return Ok(Self::Absent(source(name)?, reason(name)));
        }
        let built = [
            (&file.equals, How::Equals),
            (&file.contains, How::Contains),
            (&file.begins, How::Begins),
            (&file.word, How::Word),
        ];
        let mut built = built.into_iter().filter_map(|(name, how)| Some((name.as_ref()?, how)));
        if let Some((name, how)) = built.next()
            && (how != How::Equals || file.is.is_none())
        {
            return file.built(name, how, source).map(|rule| Self::Built(Box::new(rule)));
        }
        if let Some(name) = &file.equals {
            let at = source(name)?;
            let reason = match at {
                Source::Head(Head::Typ | Head::Type) => Reason::WrongTokenType,
                _ => reason(name),
            };
            return Ok(Self::Equals(at, wanted(&file.is, "is")?.into(), reason));
        }
        if let Some([one, other]) = &file.same {
            return Ok(Self::Same(source(one)?, source(other)?));
        }
        if let Some(name) = &file.audience {
            let sole = matches!(file.sole.as_deref(), Some("true"));
            return Ok(Self::Audience { at: source(name)?, is: wanted(&file.is, "is")?.into(), sole });
        }
        if let Some(name) = &file.kind {
            let text = match wanted(&file.of, "of")? {
                "text" => true,
                "text-or-number" => false,
                other => return Err(format!("of: wanted text or text-or-number, found {other}")),
            };
            let most = wanted(&file.at_most, "at_most")?;
            let most =
                most.parse().map_err(|_| format!("at_most: wanted a number of bytes, found {most}"))?;
            return Ok(Self::Kind { at: source(name)?, text, most });
        }
        if let Some(name) = &file.near {
            return Ok(Self::Near(source(name)?, span(wanted(&file.within, "within")?)?));
        }
        if let Some(name) = &file.window {
            let received = source(wanted(&file.received, "received")?)?;
            let default = span(wanted(&file.default, "default")?)?;
            let most = span(wanted(&file.at_most, "at_most")?)?;
            let future = span(wanted(&file.future, "future")?)?;
            if default > most {
                return Err("default: wanted at most what at_most says".to_owned());
            }
            return Ok(Self::Window { at: source(name)?, received, default, most, future });
        }
        if let Some(name) = &file.not_before {
            return Ok(Self::NotBefore { at: source(name)?, slack: slack()?, optional });
        }
        if let Some(name) = &file.not_after {
            return Ok(Self::NotAfter { at: source(name)?, slack: slack()?, optional });
        }
        if let Some(name) = &file.ahead {
            let from = file.from.as_deref().map(&mut *source).transpose()?;
            let most = span(wanted(&file.at_most, "at_most")?)?;
            return Ok(Self::Ahead { at: source(name)?, from, most, slack: slack()? });
        }
        if let Some([from, to]) = &file.lifetime {
            let most = span(wanted(&file.at_most, "at_most")?)?;
            return Ok(Self::Lifetime { from: source(from)?, to: source(to)?, most });
        }
        if let Some(name) = &file.companion {
            return source(name).map(Self::Companion);
        }
        if file.known_user.is_some() {
            return Ok(Self::KnownUser);
        }
        if file.session.is_some() {
            return Ok(Self::Session);
        }
        if let Some(names) = &file.once {
            let parts = names.iter().map(|name| source(name)).collect::<Result<_, _>>()?;
            let dated = source(wanted(&file.dated, "dated")?)?;
            let keep = span(wanted(&file.keep, "keep")?)?;
            // How far ahead is read off the other rules, once all of them are known.
            return Ok(Self::Once { parts, dated, ahead: Span::ZERO, keep, optional });
        }
        let name = file.issued.as_deref().unwrap_or_default();
        source(name).map(Self::Issued)
    }
}

impl RuleFile {
    fn built(
        &self,
        name: &str,
        how: How,
        source: &mut dyn FnMut(&str) -> Result<Source, String>,
    ) -> Result<BuiltRule, String> {
        let to = wanted(&self.to, "to")?;
        let mut read = |texts: &mut dyn Iterator<Item = &str>| {
            texts.map(|text| Built::read(text, source)).collect::<Result<Vec<_>, _>>()
        };
        let more = |list: &'_ Option<Vec<String>>| list.clone().unwrap_or_default();
        let (or, or_empty) = (more(&self.or), more(&self.or_empty));
        let texts = read(&mut std::iter::once(to).chain(or.iter().map(String::as_str)))?;
        let empty = read(&mut or_empty.iter().map(String::as_str))?;
        let optional = self.optional.unwrap_or(false);
        // A digest says little; what it is made of says what is wanted.
        let shown = std::iter::once(to).chain(or.iter().map(String::as_str)).collect::<Vec<_>>().join(" or ");
        let words = format!(
            "{} {}{}",
            how.word(),
            shown.replace('\n', "\\n"),
            if optional { ", where it is there" } else { "" }
        );
        Ok(BuiltRule {
            at: source(name)?,
            how,
            texts,
            empty,
            words: words.into(),
            optional,
            for_body: self.for_body.unwrap_or(false),
            reason: reason(name),
        })
    }
}

fn reason(name: &str) -> Reason {
    match name {
        "claim.iss" => Reason::WrongIssuer,
        "claim.aud" => Reason::WrongAudience,
        _ => Reason::WrongClaim,
    }
}

fn wanted<'a>(text: &'a Option<String>, name: &str) -> Result<&'a str, String> {
    text.as_deref().ok_or_else(|| format!("this rule wants {name} = \"…\""))
}

fn span(text: &str) -> Result<Span, String> {
    Span::parse(text).ok_or_else(|| format!("wanted a length of time such as 20s, 5m, 1h, found {text}"))
}
