//! Who the caller is known to be, and what it may do: accounts, keys in their lives, companion keys, users, routes.
use super::cause::Cause;
use super::evidence::Evidence;
use super::finding::{Diagnosis, shown};
use super::scene::Scene;
use countersign::ask::KnownKey;
use countersign::life::key::KeyState;
use countersign::permission::permit;
use countersign::reason::Reason;
use countersign::time::Time;

/// Headers looked at for a companion key that went astray: more than a server takes.
const MOST_HEADERS: usize = 512;

/// Something about who it is does not hold, other than the signature.
pub(super) fn identity(scene: &Scene<'_>, evidence: &Evidence, found: &mut Diagnosis) {
    let dialect = scene.dialect;
    let named = || {
        let (place, _) = dialect?.naming();
        Some((evidence.text_at(scene, &place)?, place))
    };
    match scene.reason {
        Reason::UnknownAccount if dialect.is_some_and(countersign::dialect::Dialect::names_keys) => {
            found
                .sure(Cause::KeyUnknown, named().map(|(name, place)| format!("{place} is {}", shown(&name))));
        }
        Reason::UnknownAccount => {
            let detail = named().map(|(name, place)| format!("{place} is {}", shown(&name)));
            match &scene.similar {
                Some(known) => {
                    let detail = detail.unwrap_or_default();
                    found
                        .sure(Cause::IdentifierSpelling, format!("{detail}; registered is {}", shown(known)));
                }
                None => found.sure(Cause::AccountUnknown, detail),
            }
        }
        Reason::AccountDisabled => found.sure(Cause::AccountDisabled, None),
        Reason::KeyElsewhere => found.sure(Cause::KidOfAnotherAccount, None),
        Reason::KeyHintUnknown => found.sure(Cause::KidUnknown, None),
        Reason::MissingCompanion => companion(scene, found),
        Reason::UnknownCompanion => found.sure(Cause::CompanionUnknown, None),
        Reason::CompanionDisabled => found.sure(Cause::CompanionDisabled, None),
        Reason::CompanionElsewhere => found.sure(Cause::CompanionOfAnother, None),
        Reason::UnknownUser => match &scene.similar {
            Some(known) => found.sure(Cause::UserSpelling, format!("known is {}", shown(known))),
            None => found.sure(Cause::UserUnknown, None),
        },
        Reason::UserNotDelegated => match &scene.similar {
            Some(known) => found.sure(Cause::UserSpelling, format!("known is {}", shown(known))),
            None => found.sure(Cause::DelegationMissing, None),
        },
        Reason::SessionUnknown | Reason::SessionEnded => found.sure(Cause::SessionOver, None),
        _ => found.likely(Cause::WrongKey, None),
    }
}

fn companion(scene: &Scene<'_>, found: &mut Diagnosis) {
    let wanted = scene.dialect.and_then(|dialect| dialect.companion());
    let wanted = wanted.map(|name| format!("wanted {name}")).unwrap_or_default();
    let stray = scene.incoming.headers.keys().take(MOST_HEADERS).find(|name| {
        let bare = name.as_str().replace(['-', '_'], "");
        bare.contains("apikey") || bare == "xapitoken"
    });
    match stray {
        Some(other) => found.sure(Cause::CompanionMisplaced, format!("{wanted}; found {other}")),
        None => found.sure(Cause::CompanionMissing, wanted),
    }
}

/// The route or a limit did not let it through.
pub(super) fn policy(scene: &Scene<'_>, found: &mut Diagnosis) {
    match scene.reason {
        Reason::NotAdmitted => found.sure(Cause::RouteNotForAccount, None),
        Reason::NotCovered => found.sure(Cause::RouteWantsMore, None),
        Reason::TooManyFailures | Reason::TooManyRequests => found.sure(Cause::TooMany, None),
        _ => found.likely(Cause::PathNotAllowed, None),
    }
}

/// Why a key that signed is not good now; `None` when it is.
pub(super) fn life(key: &KnownKey, now: Time) -> Option<Cause> {
    match key.life.state {
        KeyState::Pending => Some(Cause::KeyPending),
        KeyState::Disabled => Some(Cause::KeyDisabled),
        KeyState::Revoked => Some(Cause::KeyRevoked),
        KeyState::Retiring { until } if until <= now => Some(Cause::KeyRetired),
        _ if key.life.expires.is_some_and(|end| end <= now) => Some(Cause::KeyExpired),
        _ if key.life.not_before.is_some_and(|from| from > now) => Some(Cause::KeyNotYet),
        _ => None,
    }
}

/// What a key that signed may not do here.
pub(super) fn limits(scene: &Scene<'_>, key: &KnownKey, found: &mut Diagnosis) {
    let incoming = scene.incoming;
    let limits = &key.limits;
    if !limits.methods.is_empty() && !limits.methods.iter().any(|known| **known == *incoming.method) {
        let taken = limits.methods.join(", ");
        return found.sure(
            Cause::MethodNotAllowed,
            format!("the key takes {taken}; this is {}", shown(incoming.method)),
        );
    }
    let known = |client| limits.networks.iter().any(|network| network.contains(client));
    if !limits.networks.is_empty() && !incoming.client.is_some_and(known) {
        let taken: Vec<String> = limits.networks.iter().map(ToString::to_string).collect();
        let from =
            incoming.client.map_or_else(|| "an address that is not known".to_owned(), |at| at.to_string());
        return found.sure(
            Cause::NetworkNotAllowed,
            format!("the key takes {}; this came from {from}", taken.join(", ")),
        );
    }
    let of_key: Vec<&str> = limits.paths.iter().map(|path| &**path).collect();
    let of_account: Vec<&str> =
        scene.account.map(|account| account.paths.iter().map(|path| &**path).collect()).unwrap_or_default();
    let blocked =
        scene.account.is_none_or(|account| permit(account, std::iter::once(limits), incoming).is_err());
    if blocked {
        let (whose, taken) = if of_key.is_empty() { ("account", of_account) } else { ("key", of_key) };
        found.sure(
            Cause::PathNotAllowed,
            format!("the {whose} takes {}; this is {}", taken.join(", "), shown(incoming.target.path)),
        );
    }
}
