//! Clocks, time zones, units of time and lives.
use crate::dialect::Dialect;
use crate::draft::text;
use crate::fault::{DATED, Fault};

const CLASS: &str = "time";
const SKYKIT: &[Dialect] = &[Dialect::Skykit];
const NEAR: &[Dialect] = &[Dialect::Jwt, Dialect::JwtEd, Dialect::Operator];
const ENDING: &[Dialect] = &[Dialect::Skykit, Dialect::Partner];

/// Times in another unit: multiplied, or as the clock of another zone shows them.
fn times(draft: &mut crate::draft::Draft<'_>, change: fn(i64) -> String) {
    for (name, value) in draft.claims.iter_mut().chain(&mut draft.fields) {
        if matches!(name.as_str(), "iat" | "exp" | "time")
            && let Ok(seconds) = value.parse::<i64>()
        {
            *value = change(seconds);
        }
    }
}

/// The faults.
pub(crate) const FAULTS: &[Fault] = &[
    Fault::new("ahead-45", CLASS, "clock-ahead", DATED).clock(45),
    Fault::new("ahead-97", CLASS, "clock-ahead", DATED).clock(97),
    Fault::new("ahead-5003", CLASS, "clock-ahead", DATED).clock(5003),
    Fault::new("ahead-a-day", CLASS, "clock-ahead", DATED).clock(86_400 + 77),
    Fault::new("behind-31", CLASS, "clock-behind", NEAR).clock(-31),
    Fault::new("behind-61", CLASS, "clock-behind", NEAR).clock(-61),
    Fault::new("behind-301", CLASS, "clock-behind", NEAR).clock(-301),
    Fault::new("behind-70000", CLASS, "clock-behind", NEAR).clock(-70_000),
    Fault::new("ended-100-ago", CLASS, "too-old", SKYKIT).clock(-700),
    Fault::new("ended-hours-ago", CLASS, "too-old", ENDING).clock(-9_000),
    Fault::new("ended-seconds-ago", CLASS, "too-old", &[Dialect::Partner]).clock(-70),
    Fault::new("zone-plus-1", CLASS, "time-zone", DATED).clock(3600),
    Fault::new("zone-plus-2", CLASS, "time-zone", DATED).clock(7200 - 2),
    Fault::new("zone-plus-5-30", CLASS, "time-zone", DATED).clock(19_800),
    Fault::new("zone-plus-9", CLASS, "time-zone", DATED).clock(9 * 3600 + 3),
    Fault::new(
        "zone-minus-5",
        CLASS,
        "time-zone",
        &[Dialect::Skykit, Dialect::Jwt, Dialect::JwtEd, Dialect::Operator, Dialect::Partner],
    )
    .clock(-5 * 3600),
    Fault::new("zone-minus-8", CLASS, "time-zone", DATED).clock(-8 * 3600 - 1),
    Fault::new(
        "milliseconds",
        CLASS,
        "milliseconds",
        &[Dialect::Skykit, Dialect::Jwt, Dialect::JwtEd, Dialect::Operator],
    )
    .draft(|draft| times(draft, |seconds| (seconds * 1000 + 123).to_string())),
    Fault::new(
        "microseconds",
        CLASS,
        "milliseconds",
        &[Dialect::Skykit, Dialect::Jwt, Dialect::JwtEd, Dialect::Operator],
    )
    .draft(|draft| times(draft, |seconds| (seconds * 1_000_000 + 123).to_string())),
    Fault::new("end-as-a-length", CLASS, "length-for-time", ENDING).draft(|draft| draft.set("exp", "600")),
    Fault::new("life-too-long", CLASS, "life-too-long", SKYKIT)
        .draft(|draft| draft.set("exp", (draft.now + 7200).to_string())),
    Fault::new("life-a-year", CLASS, "life-too-long", SKYKIT)
        .draft(|draft| draft.set("exp", (draft.now + 31_536_000).to_string())),
    Fault::new("end-before-start", CLASS, "end-before-start", SKYKIT)
        .draft(|draft| draft.set("exp", (draft.now - 60).to_string())),
    Fault::new("end-is-start", CLASS, "end-before-start", SKYKIT)
        .draft(|draft| draft.set("exp", draft.now.to_string())),
    Fault::new("not-before-tomorrow", CLASS, "not-before-ahead", ENDING)
        .draft(|draft| draft.set("nbf", (draft.now + 86_000).to_string())),
    Fault::new("time-negative", CLASS, "time-impossible", NEAR)
        .draft(|draft| times(draft, |_| "-1".to_owned())),
    Fault::new("time-huge", CLASS, "claim-type", SKYKIT).draft(|draft| draft.set("exp", "1e999")),
    Fault::new("time-header-as-date", CLASS, "claim-type", &[Dialect::Operator])
        .draft(|draft| draft.set("time", "Mon, 21 Sep 2026 14:13:20 GMT")),
    Fault::new("time-in-a-list", CLASS, "claim-type", ENDING)
        .draft(|draft| draft.set("exp", format!("[{}]", text(&draft.now.to_string())))),
];
