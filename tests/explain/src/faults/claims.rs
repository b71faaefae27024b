//! Claims that are missing, misspelt, of another type or of another value, and what stands beside the proof.
use crate::dialect::Dialect;
use crate::draft::text;
use crate::fault::{Challenge, Fault, Route, TOKENS};
use crate::world::{ALICE, COMPANION_OF_BOB, COMPANION_OFF};
use countersign_store::model::Record;

const CLASS: &str = "claim";
const BESIDE: &str = "beside the proof";
const SKYKIT: &[Dialect] = &[Dialect::Skykit];
const JWT: &[Dialect] = &[Dialect::Jwt, Dialect::JwtEd];
const PARTNER: &[Dialect] = &[Dialect::Partner];
const HIVE: &[Dialect] = &[Dialect::Skillhive];
const SPACE: &[Dialect] = &[Dialect::Spacetime];

/// The claim that names the caller.
fn who(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Skykit => "iss",
        Dialect::Partner => "sub",
        _ => "username",
    }
}

/// The faults.
pub(crate) const FAULTS: &[Fault] = &[
    Fault::new("identity-missing", CLASS, "identity-missing", TOKENS)
        .draft(|draft| draft.remove(who(draft.dialect))),
    Fault::new("identity-missing-in-body", CLASS, "identity-missing", SPACE).sent(|sent, _| {
        sent.body = String::from_utf8_lossy(&sent.body).replace("\"userId\": \"alice\", ", "").into_bytes();
    }),
    Fault::new("identity-misspelt", CLASS, "claim-misspelt", TOKENS).draft(|draft| {
        let name = who(draft.dialect);
        let other = match name {
            "iss" => "issuer",
            "sub" => "subject",
            _ => "user_name",
        };
        for (known, _) in &mut draft.claims {
            if known == name {
                other.clone_into(known);
            }
        }
    }),
    Fault::new("identity-misspelt-in-body", CLASS, "claim-misspelt", SPACE).sent(|sent, _| {
        sent.body = String::from_utf8_lossy(&sent.body).replace("userId", "userID").into_bytes();
    }),
    Fault::new("identity-a-number", CLASS, "identity-type", TOKENS)
        .draft(|draft| draft.set(who(draft.dialect), "1001")),
    Fault::new("subject-without-prefix", CLASS, "identity-form", PARTNER)
        .draft(|draft| draft.set("sub", text("1001"))),
    Fault::new("subject-lower-case", CLASS, "identity-form", PARTNER)
        .draft(|draft| draft.set("sub", text("partner:1001"))),
    Fault::new("exp-missing", CLASS, "claim-missing", &[Dialect::Skykit, Dialect::Partner])
        .draft(|draft| draft.remove("exp")),
    Fault::new("iat-missing", CLASS, "claim-missing", SKYKIT).draft(|draft| draft.remove("iat")),
    Fault::new("time-missing", CLASS, "claim-missing", JWT).draft(|draft| draft.remove("time")),
    Fault::new("exp-misspelt", CLASS, "claim-misspelt", &[Dialect::Skykit, Dialect::Partner]).draft(
        |draft| {
            let value = draft.claims.iter().find(|(name, _)| name == "exp").map(|(_, value)| value.clone());
            draft.remove("exp");
            draft.set("expires", value.unwrap_or_default());
        },
    ),
    Fault::new("time-misspelt", CLASS, "claim-misspelt", JWT).draft(|draft| {
        draft.remove("time");
        draft.set("timestamp", draft.now.to_string());
    }),
    Fault::new("time-as-text", CLASS, "claim-type", TOKENS).draft(|draft| {
        let name = if draft.claims.iter().any(|(name, _)| name == "time") { "time" } else { "exp" };
        let value = draft.claims.iter().find(|(known, _)| known == name).map(|(_, value)| text(value));
        draft.set(name, value.unwrap_or_default());
    }),
    Fault::new("time-as-date", CLASS, "claim-type", TOKENS).draft(|draft| {
        let name = if draft.claims.iter().any(|(name, _)| name == "time") { "time" } else { "exp" };
        draft.set(name, text("2026-09-21T14:13:20Z"));
    }),
    Fault::new(
        "time-null",
        CLASS,
        "claim-missing",
        &[Dialect::Skykit, Dialect::Jwt, Dialect::JwtEd, Dialect::Partner],
    )
    .draft(|draft| {
        let name = if draft.claims.iter().any(|(name, _)| name == "time") { "time" } else { "exp" };
        draft.set(name, "null");
    }),
    Fault::new("nonce-missing", CLASS, "claim-missing", JWT).draft(|draft| draft.remove("nonce")),
    Fault::new("nonce-empty", CLASS, "claim-missing", JWT).draft(|draft| draft.set("nonce", text(""))),
    Fault::new("nonce-a-list", CLASS, "claim-type", JWT).draft(|draft| draft.set("nonce", "[1]")),
    Fault::new("issuer-wrong", CLASS, "issuer-wrong", PARTNER).draft(|draft| draft.set("iss", text("Acme"))),
    Fault::new("issuer-lower-case", CLASS, "issuer-wrong", PARTNER)
        .draft(|draft| draft.set("iss", text("ghazal"))),
    Fault::new("audience-wrong", CLASS, "audience-wrong", PARTNER)
        .draft(|draft| draft.set("aud", text("https://api.example.com"))),
    Fault::new("audience-missing", CLASS, "claim-missing", PARTNER).draft(|draft| draft.remove("aud")),
    Fault::new("audience-unwanted", CLASS, "audience-unwanted", JWT)
        .draft(|draft| draft.set("aud", text("https://api.example.com"))),
    Fault::new("companion-missing", BESIDE, "companion-missing", PARTNER)
        .draft(|draft| draft.companion = None),
    Fault::new("companion-unknown", BESIDE, "companion-unknown", PARTNER)
        .draft(|draft| draft.companion = Some("no-such-key".to_owned())),
    Fault::new("companion-misplaced", BESIDE, "companion-misplaced", PARTNER).sent(|sent, _| {
        for (name, _) in &mut sent.headers {
            if name == "x-helplightning-api-key" {
                "X-Api-Key".clone_into(name);
            }
        }
    }),
    Fault::new("companion-of-another", BESIDE, "companion-of-another", PARTNER)
        .draft(|draft| draft.companion = Some(COMPANION_OF_BOB.to_owned())),
    Fault::new("companion-off", BESIDE, "companion-disabled", PARTNER)
        .draft(|draft| draft.companion = Some(COMPANION_OFF.to_owned())),
    Fault::new("user-unknown", BESIDE, "user-unknown", HIVE)
        .draft(|draft| draft.set("user", "erin@example.com"))
        .sent(|sent, _| sent.change("Api-User", |_| "erin@example.com".to_owned())),
    Fault::new("user-capitals", BESIDE, "user-spelling", HIVE)
        .draft(|draft| draft.set("user", "Carol@Example.com"))
        .sent(|sent, _| sent.change("Api-User", |_| "Carol@Example.com".to_owned())),
    Fault::new("delegation-missing", BESIDE, "delegation-missing", HIVE)
        .draft(|draft| draft.set("user", "dave@example.com"))
        .sent(|sent, _| sent.change("Api-User", |_| "dave@example.com".to_owned())),
    Fault::new("challenge-unknown", BESIDE, "challenge-unknown", SPACE).challenge(Challenge::Unknown),
    Fault::new("challenge-old", BESIDE, "challenge-old", SPACE).challenge(Challenge::Old),
    Fault::new("challenge-used", BESIDE, "used-before", SPACE).twice(),
    Fault::new("sent-twice", BESIDE, "used-before", &[Dialect::Jwt, Dialect::JwtEd, Dialect::Operator])
        .twice(),
    Fault::new("method-not-allowed", BESIDE, "method-not-allowed", Dialect::ALL).rows(|rows| {
        for row in rows {
            if let Record::Key(key) = row {
                key.methods = vec!["GET".to_owned()];
            }
        }
    }),
    Fault::new("path-not-allowed", BESIDE, "path-not-allowed", Dialect::ALL).rows(|rows| {
        for row in rows {
            if let Record::Key(key) = row {
                key.paths = vec!["/public".to_owned()];
            }
        }
    }),
    Fault::new("account-path-not-allowed", BESIDE, "path-not-allowed", Dialect::ALL).rows(|rows| {
        for row in rows {
            if let Record::Account(account) = row
                && account.id == ALICE
            {
                account.paths = vec!["/public".to_owned()];
            }
        }
    }),
    Fault::new("network-not-allowed", BESIDE, "network-not-allowed", Dialect::ALL).rows(|rows| {
        for row in rows {
            if let Record::Key(key) = row {
                key.networks = vec!["192.0.2.0/24".to_owned()];
            }
        }
    }),
    Fault::new("route-not-for-account", BESIDE, "route-not-for-account", Dialect::ALL).route(Route::Others),
    Fault::new("route-wants-more", BESIDE, "route-wants-more", TOKENS).route(Route::WholeRequest),
];
