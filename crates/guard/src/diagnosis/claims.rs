//! Claims that are missing, misspelt, of another type or value, and proofs that were used.
use super::cause::Cause;
use super::evidence::Evidence;
use super::finding::{Diagnosis, shown};
use super::scene::Scene;
use super::times;
use countersign::dialect::demand::{Demand, DemandKind};
use countersign::reason::Reason;
use serde_json::Value;

/// A rule about claims, times or single use did not hold.
pub(super) fn claims(scene: &Scene<'_>, evidence: &Evidence, found: &mut Diagnosis) {
    match scene.reason {
        Reason::Replayed => return found.sure(Cause::UsedBefore, None),
        Reason::BeforeRestart => return found.sure(Cause::BeforeRestart, None),
        Reason::UnknownChallenge => return found.sure(Cause::ChallengeUnknown, None),
        Reason::ChallengeExpired => return found.sure(Cause::ChallengeOld, None),
        Reason::ComponentMissing => return found.sure(Cause::ComponentsLacking, None),
        Reason::DigestMismatch => return found.sure(Cause::DigestOfAnother, None),
        Reason::DigestUnusable => return found.sure(Cause::DigestNotCounted, None),
        Reason::WrongTokenType => return found.sure(Cause::TokenOfAnotherKind, None),
        _ => {}
    }
    let Some(demand) = &scene.demand else { return found.likely(Cause::ClaimWrong, None) };
    match scene.reason {
        Reason::MissingClaim => missing(scene, evidence, demand, found),
        Reason::MalformedClaim => malformed(scene, evidence, demand, found),
        Reason::WrongIssuer | Reason::WrongAudience | Reason::WrongClaim => {
            wrong(scene, evidence, demand, found)
        }
        _ => times::of_demand(scene, evidence, demand, found),
    }
    if found.causes.is_empty() {
        found.likely(Cause::ClaimWrong, None);
    }
}

fn missing(scene: &Scene<'_>, evidence: &Evidence, demand: &Demand, found: &mut Diagnosis) {
    let empty = |value: &Value| value.is_null() || value.as_str() == Some("");
    let place = demand.at.iter().find(|place| evidence.at(scene, place).is_none_or(|value| empty(&value)));
    let Some(place) = place else { return };
    match (evidence.at(scene, place), evidence.nearly(place)) {
        (None, Some(near)) => {
            found.sure(Cause::ClaimMisspelt, format!("wanted {place}; found {}", shown(&near)));
        }
        (None, None) => found.sure(Cause::ClaimMissing, format!("{place} is not there")),
        (Some(_), _) => found.sure(Cause::ClaimMissing, format!("{place} is empty")),
    }
}

fn malformed(scene: &Scene<'_>, evidence: &Evidence, demand: &Demand, found: &mut Diagnosis) {
    let timed = matches!(
        demand.kind,
        DemandKind::Near
            | DemandKind::NotBefore
            | DemandKind::NotAfter
            | DemandKind::Ahead
            | DemandKind::Lifetime
    );
    let odd = demand.at.iter().find(|place| !timed || times::seconds(scene, evidence, place).is_none());
    match odd {
        Some(place) => {
            let value = evidence.at(scene, place).map(|value| value.to_string()).unwrap_or_default();
            found.sure(Cause::ClaimType, format!("{place} is {}", shown(&value)));
        }
        None => times::of_demand(scene, evidence, demand, found),
    }
}

fn wrong(scene: &Scene<'_>, evidence: &Evidence, demand: &Demand, found: &mut Diagnosis) {
    let place = demand.at.first().map_or("", String::as_str);
    let value = evidence.at(scene, place).map(|value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    });
    let value = shown(&value.unwrap_or_default());
    let detail = match &demand.is {
        Some(is) => format!("wanted {} in {place}; found {value}", shown(is)),
        None => format!("{place} is {value}"),
    };
    let cause = match (demand.kind, scene.reason) {
        (DemandKind::Absent, _) if place == "claim.aud" => Cause::AudienceUnwanted,
        (_, Reason::WrongIssuer) => Cause::IssuerWrong,
        (_, Reason::WrongAudience) => Cause::AudienceWrong,
        _ if place == "claim.iss" => Cause::IssuerWrong,
        _ => Cause::ClaimWrong,
    };
    found.sure(cause, detail);
}
