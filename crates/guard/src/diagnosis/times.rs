//! What a proof's times say about its caller's clock.
use super::cause::Cause;
use super::evidence::Evidence;
use super::finding::Diagnosis;
use super::scene::Scene;
use countersign::dialect::demand::{Demand, DemandKind};
use countersign::time::{Span, Time};
use serde_json::Value;

/// Offsets from UTC that clocks on walls have, in quarters of an hour: whole and half hours, and three zones beside.
const QUARTERS: [i64; 3] = [23, 35, 51];
/// How far off an exact zone a proof may be: sent a little later, by a clock a little wrong. Seconds.
const NEAR_ZONE: i64 = 20;
/// Seconds in a year: clocks that are wrong by more were never set.
const YEAR: i64 = 31_557_600;
/// Seconds since 1970 that no proof of now has: from the year 5138 on, the number counts something smaller.
const NO_SECONDS: i64 = 100_000_000_000;
/// And so few that they are a length of time: until 1973.
const NO_DATE: i64 = 100_000_000;

/// A time at a place of the proof, in seconds.
pub(super) fn seconds(scene: &Scene<'_>, evidence: &Evidence, place: &str) -> Option<i64> {
    let text = match evidence.at(scene, place)? {
        Value::Number(number) => number.to_string(),
        Value::String(text) if place.starts_with("header.") => text,
        _ => return None,
    };
    // Beyond the year 9999 all times are one, but milliseconds are told by their size.
    text.parse::<i64>().ok().or_else(|| Time::from_decimal(&text).map(Time::seconds))
}

/// How far ahead the caller's clock is, as far as the proof tells: from when it was made, or from its end where that is all there is.
pub(super) fn skew(scene: &Scene<'_>, evidence: &Evidence) -> Option<i64> {
    let dialect = scene.dialect?;
    let now = scene.now.seconds();
    let demands = dialect.demands();
    let made = |kind: DemandKind| {
        let demand = demands.iter().filter(move |demand| demand.kind == kind);
        demand.filter_map(|demand| demand.at.first()).find(|place| !place.ends_with(".nbf"))
    };
    let sane = |at: &i64| (NO_DATE..NO_SECONDS).contains(at);
    let near = made(DemandKind::Near).or_else(|| made(DemandKind::NotBefore));
    if let Some(at) = near.and_then(|place| seconds(scene, evidence, place)).filter(sane) {
        return Some(at.saturating_sub(now));
    }
    let ends = seconds(scene, evidence, made(DemandKind::NotAfter)?).filter(sane)?;
    // Without a date of its making, the life that the dialect's own signer gives.
    let life = Span::parse(dialect.settings().get("make_life")?)?;
    Some(ends.saturating_sub(life.seconds()).saturating_sub(now))
}

/// What is wrong with a time.
pub(super) fn of_demand(scene: &Scene<'_>, evidence: &Evidence, demand: &Demand, found: &mut Diagnosis) {
    let now = scene.now.seconds();
    let times: Vec<(&String, i64)> =
        demand.at.iter().filter_map(|place| Some((place, seconds(scene, evidence, place)?))).collect();
    if let Some((place, at)) = times.iter().find(|(_, at)| *at >= NO_SECONDS) {
        return found.sure(Cause::Milliseconds, format!("{place} is {at}; now is {now}"));
    }
    let ending = matches!(demand.kind, DemandKind::NotAfter | DemandKind::Lifetime | DemandKind::Ahead);
    if let Some((place, at)) = times.last().filter(|(_, at)| ending && (0..NO_DATE).contains(at)) {
        return found.sure(Cause::LengthForTime, format!("{place} is {at}; now is {now}"));
    }
    match demand.kind {
        DemandKind::Lifetime => {
            let life = times.last().zip(times.first()).map(|(to, from)| to.1.saturating_sub(from.1));
            let allowed = demand.span.map(|span| span.seconds()).unwrap_or_default();
            let detail = life.map(|life| format!("it lives {life} s; {allowed} s are allowed"));
            if life.is_some_and(|life| life <= 0) {
                found.sure(Cause::EndBeforeStart, detail);
            } else {
                found.sure(Cause::LifeTooLong, detail);
            }
        }
        DemandKind::Ahead => found.sure(Cause::LifeTooLong, None),
        _ => clock(scene, evidence, demand, &times, found),
    }
}

fn clock(
    scene: &Scene<'_>,
    evidence: &Evidence,
    demand: &Demand,
    times: &[(&String, i64)],
    found: &mut Diagnosis,
) {
    let now = scene.now.seconds();
    let Some((place, at)) = times.first() else { return };
    let off = at.saturating_sub(now);
    if off.saturating_abs() > 5 * YEAR {
        return found.sure(Cause::TimeImpossible, format!("{place} is {at}; now is {now}"));
    }
    if demand.kind == DemandKind::NotBefore && place.ends_with(".nbf") {
        return found.sure(Cause::NotBeforeAhead, format!("{place} lies {off} s ahead"));
    }
    let skew = skew(scene, evidence).unwrap_or(off);
    found.skew_seconds = Some(skew);
    let told =
        if skew < 0 { format!("{} s behind", skew.saturating_neg()) } else { format!("{skew} s ahead") };
    if let Some(zone) = zone(skew) {
        found.sure(Cause::TimeZone, format!("{told}: that is UTC{zone}"));
    }
    let cause = match demand.kind {
        DemandKind::NotAfter => Cause::TooOld,
        _ if skew < 0 => Cause::ClockBehind,
        _ => Cause::ClockAhead,
    };
    found.likely(cause, told);
}

/// The zone whose local time would be that far off, as `+5:30`.
pub(super) fn zone(skew: i64) -> Option<String> {
    const QUARTER: i64 = 900;
    let rounded = (skew.saturating_add(QUARTER / 2)).div_euclid(QUARTER);
    let off = skew.saturating_sub(rounded.saturating_mul(QUARTER)).saturating_abs();
    let real = rounded % 2 == 0 || QUARTERS.contains(&rounded);
    // From UTC-12 to UTC+14.
    let there = rounded != 0 && (-48..=56).contains(&rounded);
    (off <= NEAR_ZONE && real && there).then(|| {
        let (hours, minutes) = (rounded.abs() / 4, rounded.abs() % 4 * 15);
        format!("{}{hours}:{minutes:02}", if rounded < 0 { '-' } else { '+' })
    })
}

#[cfg(test)]
mod tests {
    use super::zone;

    #[test]
    fn zones_are_those_of_the_earth() {
        assert_eq!(zone(19_800).as_deref(), Some("+5:30"));
        assert_eq!(zone(-5 * 3600 + 3).as_deref(), Some("-5:00"));
        assert_eq!(zone(20_700).as_deref(), Some("+5:45"));
        for none in [0, 15, 900, -900, 5003, 3600 + 60, 15 * 3600, -13 * 3600, i64::MAX, i64::MIN] {
            assert_eq!(zone(none), None, "{none}");
        }
    }
}
