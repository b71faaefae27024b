//! Credentials that are missing, in the wrong place, or in no shape to be read.
use super::cause::Cause;
use super::encoding::{length, loose, of_part, of_signature};
use super::evidence::Evidence;
use super::finding::{Diagnosis, shown};
use super::scene::Scene;
use countersign::dialect::demand::Place;
use countersign::reason::Reason;
use countersign_keys::{Algorithm, KeyKind};
use serde_json::Value;

/// Headers looked at for a credential that went astray: more than a server takes.
const MOST_HEADERS: usize = 512;

/// Nothing was found where the dialect looks.
pub(super) fn absent(scene: &Scene<'_>, evidence: &Evidence, found: &mut Diagnosis) {
    if scene.reason == Reason::AmbiguousCredentials {
        return found.sure(Cause::TwoCredentials, None);
    }
    let Some(dialect) = scene.dialect.or_else(|| scene.dialects.first().map(|dialect| &**dialect)) else {
        return found.likely(Cause::NothingSent, None);
    };
    match dialect.place() {
        Place::Header { name, words, .. } => {
            let wanted =
                words.iter().map(|word| format!("{name}: {word} …")).collect::<Vec<_>>().join(" or ");
            if let Some(value) = &evidence.value {
                return match scheme(value) {
                    _ if is_token(value) => found.sure(Cause::SchemeMissing, format!("wanted {wanted}")),
                    Some(word) => found
                        .sure(Cause::SchemeWrong, format!("wanted {wanted}; found the word {}", shown(word))),
                    None => found.sure(Cause::SchemeWrong, format!("wanted {wanted}; found no such word")),
                };
            }
            if scene.incoming.target.query.is_some_and(|query| query.contains("eyJ")) {
                return found.sure(Cause::CredentialInAddress, format!("wanted {wanted}"));
            }
            let stray = scene.incoming.headers.iter().take(MOST_HEADERS).find(|(_, value)| {
                let text = String::from_utf8_lossy(value.as_bytes());
                text.rsplit(' ').next().is_some_and(is_token)
            });
            if let Some((other, _)) = stray {
                return found.sure(Cause::HeaderWrong, format!("wanted {wanted}; found it in {other}"));
            }
        }
        Place::Headers(names) => {
            let there = |name: &http::HeaderName| scene.incoming.headers.contains_key(name);
            let missing: Vec<&str> =
                names.iter().filter(|name| !there(name)).map(http::HeaderName::as_str).collect();
            let bare = |name: &str| name.replace(['-', '_'], "");
            let stray = scene.incoming.headers.keys().take(MOST_HEADERS).find(|known| {
                let known = bare(known.as_str());
                missing.iter().any(|name| bare(name) == known)
            });
            if let Some(other) = stray {
                return found
                    .sure(Cause::HeaderWrong, format!("found {other}; wanted {}", missing.join(", ")));
            }
            if missing.len() < names.len() {
                return found.sure(Cause::HeaderMissing, format!("missing: {}", missing.join(", ")));
            }
        }
        Place::Body | Place::Form(_) => {}
    }
    found.likely(Cause::NothingSent, None);
}

/// Something is there that cannot be read.
pub(super) fn malformed(scene: &Scene<'_>, evidence: &Evidence, found: &mut Diagnosis) {
    match scene.reason {
        Reason::AmbiguousCredentials => found.sure(Cause::TwoCredentials, None),
        Reason::TooLarge => found.sure(Cause::CredentialTooLarge, None),
        Reason::BodyUnseen => found.sure(Cause::BodyUnseen, None),
        Reason::BodyNotText => found.sure(Cause::BodyNotText, None),
        Reason::BodyTooLarge => found.sure(Cause::BodyTooLarge, None),
        Reason::PathNotPlain => found.sure(Cause::PathNotPlain, None),
        Reason::ComponentAbsent | Reason::ComponentUnknown => found.sure(Cause::ComponentAbsent, None),
        Reason::UnsupportedCritical => found.sure(Cause::TokenExtension, None),
        Reason::UnsupportedHeader => {
            let typ = evidence.head.as_ref().and_then(|head| head.get("typ")).map(Value::to_string);
            found.sure(Cause::TokenKind, typ.map(|typ| format!("typ is {}", shown(&typ))));
        }
        Reason::UnsupportedAlgorithm => algorithm(scene, evidence, found),
        Reason::MissingIdentity | Reason::MalformedIdentity => identity(scene, evidence, found),
        Reason::MalformedJson => json(evidence, found),
        _ => shape(scene, evidence, found),
    }
    if found.causes.is_empty() {
        found.likely(Cause::CredentialOther, None);
    }
}

fn shape(scene: &Scene<'_>, evidence: &Evidence, found: &mut Diagnosis) {
    if let Some(token) = &evidence.credential {
        if let Some(cause) = literal(token) {
            return found.sure(cause, None);
        }
        if let Some((first, rest)) = token.split_once(' ')
            && is_token(rest.trim())
        {
            let scheme = evidence.value.as_deref().and_then(|value| value.split(' ').next()).unwrap_or("");
            if first.eq_ignore_ascii_case(scheme) {
                return found.sure(Cause::SchemeTwice, None);
            }
        }
        if token.contains([' ', '\t']) {
            return found.sure(Cause::WhiteSpaceInside, None);
        }
        if evidence.parts.len() < 3 {
            let inner = loose(token).and_then(|bytes| String::from_utf8(bytes).ok());
            if inner.as_deref().is_some_and(is_token) {
                return found.sure(Cause::TokenEncodedAgain, None);
            }
            let whole = evidence.parts.len() == 2 && evidence.claims.is_some();
            let cause = if whole { Cause::TokenUnsigned } else { Cause::TokenCut };
            if token.starts_with("eyJ") {
                return found.sure(cause, format!("{} of 3 parts", evidence.parts.len()));
            }
            return found.likely(Cause::CredentialOther, None);
        }
        if let Some(cause) = evidence.parts.iter().take(2).find_map(|part| of_part(part)) {
            return found.sure(cause, None);
        }
        let kid = evidence.head.as_ref().and_then(|head| head.get("kid"));
        if kid.is_some_and(|kid| kid.as_str().is_none_or(|kid| kid.len() > scene.limits.kid)) {
            return found.sure(Cause::HeaderMemberType, "kid".to_owned());
        }
    }
    if let Some((name, value)) = evidence.message.as_ref().and_then(|message| message.odd_parameter()) {
        return found.sure(Cause::ClaimType, format!("signature.{name} is {}", shown(&value.to_string())));
    }
    if let Some(cause) = written(scene, evidence) {
        return found.sure(cause, None);
    }
    if let Some(message) = evidence.message.as_ref().filter(|message| !message.is_written_well) {
        found.sure(Cause::EncodingWrong, format!("wanted {}=:BASE64:", message.label));
    }
}

/// What is wrong with how the signature is written.
pub(super) fn written(scene: &Scene<'_>, evidence: &Evidence) -> Option<Cause> {
    let dialect = scene.dialect?;
    let wanted = match dialect.signed_text(scene.incoming, &|member| evidence.member(member)) {
        Some(text) => text.encoding,
        None if evidence.message.is_some() => "base64",
        None => "base64url",
    };
    of_signature(evidence.signature.as_deref()?, wanted, &lengths(scene))
}

/// How long signatures may be: as the account's keys make them, or any key that the dialect takes.
fn lengths(scene: &Scene<'_>) -> Vec<usize> {
    let kinds = scene.dialect.map(|dialect| dialect.algorithms()).unwrap_or_default();
    let taken = |kind: KeyKind| kinds.iter().any(|algorithm| algorithm.kind() == kind);
    let own: Vec<usize> = scene
        .keys
        .iter()
        .filter(|known| taken(known.key().kind()))
        .map(|known| length(known.key().kind(), known.key().bits()))
        .collect();
    if !own.is_empty() {
        return own;
    }
    let of = |kind: KeyKind| match kind {
        KeyKind::Rsa => vec![256, 384, 512, 1024],
        kind => vec![length(kind, 0)],
    };
    kinds.iter().flat_map(|algorithm| of(algorithm.kind())).collect()
}

fn literal(token: &str) -> Option<Cause> {
    let bare = token.trim();
    if bare.starts_with("-----BEGIN") {
        return Some(Cause::KeyAsCredential);
    }
    let quoted = bare.starts_with(['"', '\'', '`']) || bare.starts_with("b'") || bare.starts_with("b\"");
    if quoted && bare.len() > 2 {
        return Some(Cause::TokenQuoted);
    }
    let holders = ["undefined", "null", "none", "nil", "token", "[object object]", "jwt", "nan"];
    let open = bare.starts_with(['{', '$', '<', '%']);
    (bare.is_empty() || open || holders.contains(&bare.to_ascii_lowercase().as_str()))
        .then_some(Cause::TemplateNotFilled)
}

fn algorithm(scene: &Scene<'_>, evidence: &Evidence, found: &mut Diagnosis) {
    let named = match &evidence.message {
        Some(message) => message.parameters.get("alg"),
        None => evidence.head.as_ref().and_then(|head| head.get("alg")),
    };
    let taken = scene.dialect.map(|dialect| dialect.algorithms()).unwrap_or_default();
    let names: Vec<&str> = match &evidence.message {
        Some(_) => taken.iter().filter_map(|algorithm| algorithm.http_name()).collect(),
        None => taken.iter().flat_map(|algorithm| algorithm.jose_names()).copied().collect(),
    };
    let detail = |named: &str| format!("wanted {}; found {}", names.join(", "), shown(named));
    match named.and_then(Value::as_str) {
        None => found.sure(Cause::AlgorithmMissing, format!("wanted {}", names.join(", "))),
        Some(named) if named.eq_ignore_ascii_case("none") => found.sure(Cause::AlgorithmNone, None),
        Some(named) if named.starts_with("HS") || named.starts_with("hmac") => {
            found.sure(Cause::AlgorithmSharedSecret, detail(named))
        }
        Some(named) if names.iter().any(|known| known.eq_ignore_ascii_case(named)) => {
            found.sure(Cause::AlgorithmSpelling, detail(named));
        }
        Some(named) => {
            let known = Algorithm::from_jose(named).or_else(|| Algorithm::from_http(named)).is_some();
            let cause = if known { "known here, but not taken by this dialect" } else { "not known here" };
            found.sure(Cause::AlgorithmNotTaken, format!("{}, {cause}", detail(named)));
        }
    }
}

fn identity(scene: &Scene<'_>, evidence: &Evidence, found: &mut Diagnosis) {
    let Some(dialect) = scene.dialect else { return };
    let (place, around) = dialect.naming();
    let value = evidence.at(scene, &place);
    match value {
        None | Some(Value::Null) => match evidence.nearly(&place) {
            Some(near) => found.sure(Cause::ClaimMisspelt, format!("wanted {place}; found {}", shown(&near))),
            None => found.sure(Cause::IdentityMissing, format!("wanted {place}")),
        },
        Some(Value::String(text)) => {
            let form = around.map(|(before, after)| format!("{before}…{after}")).unwrap_or_default();
            found.sure(
                Cause::IdentityForm,
                format!("wanted the form {}; found {}", shown(&form), shown(&text)),
            );
        }
        Some(other) => found.sure(Cause::IdentityType, format!("{place} is {}", shown(&other.to_string()))),
    }
}

fn json(evidence: &Evidence, found: &mut Diagnosis) {
    match &evidence.claims {
        Some(Value::String(_)) => found.sure(Cause::JsonInText, None),
        // The lenient reader takes a member that comes twice; the strict one does not.
        Some(Value::Object(_)) if evidence.head.as_ref().is_none_or(Value::is_object) => {
            found.likely(Cause::JsonMemberTwice, None);
        }
        _ => {
            let start = evidence.text.as_deref().map(String::from_utf8_lossy);
            found.sure(Cause::JsonWrong, start.map(|text| format!("found {}", shown(&text))));
        }
    }
}

/// The word before a credential. Where nothing comes behind it, or it is no plain word, it may be a secret itself, which is never told.
fn scheme(value: &str) -> Option<&str> {
    const LONGEST: usize = 24;
    let (word, rest) = value.trim().split_once([' ', ':', '='])?;
    let plain = word.len() <= LONGEST
        && word.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-')
        && !rest.trim().is_empty();
    plain.then_some(word)
}

/// Whether a text looks like a token, or the start of one.
fn is_token(text: &str) -> bool {
    let text = text.trim();
    text.starts_with("eyJ") && text.split('.').count() >= 3
}

#[cfg(test)]
mod tests {
    use super::scheme;

    #[test]
    fn a_secret_without_a_scheme_is_not_taken_for_one() {
        assert_eq!(scheme("Basic YTpi"), Some("Basic"));
        assert_eq!(scheme("Token: abc"), Some("Token"));
        for secret in [
            "hunter2",
            "hunter",
            "sk_live_1234 ",
            "abcdef0123 x",
            "hunter=",
            "",
            "correcthorsebatterystaplecorrect x",
        ] {
            assert_eq!(scheme(secret), None, "{secret}");
        }
    }
}
