//! What an explanation must not tell: to strangers anything but the outward code, to an account anything of another's.
use crate::sent::Sent;
use crate::world::{ALICE, BOB, COMPANION, COMPANION_OF_BOB, COMPANION_OFF, World};
use countersign::reason::Reason;
use countersign_guard::explain::{Explanation, Sight};

/// Keys of the account that is nobody's business.
const KEYS_OF_BOB: [&str; 2] = ["key_bob", "key_bob_ed"];

/// Says what leaked; `None` when nothing did.
///
/// # Errors
/// When the corpus has no such key.
pub fn of(
    told: &Explanation,
    sight: Sight<'_>,
    sent: &Sent,
    world: &World,
) -> Result<Option<String>, String> {
    let text = serde_json::to_string(told).map_err(|error| error.to_string())?;
    let sends = |secret: &str| {
        let carried = sent.headers.iter().any(|(_, value)| value.contains(secret));
        carried || String::from_utf8_lossy(&sent.body).contains(secret)
    };
    // Companion keys are told to nobody, not even to who sent them.
    if let Some(secret) =
        [COMPANION, COMPANION_OF_BOB, COMPANION_OFF].iter().find(|secret| text.contains(**secret))
    {
        return Ok(Some(format!("the companion key {secret} is told")));
    }
    let others: &[&str] = match sight {
        Sight::All => return Ok(None),
        // What the request itself proves is told to whoever has the request.
        _ if told.proved => return Ok(None),
        Sight::Account(ALICE) => &[BOB],
        Sight::Account(BOB) => &[ALICE, "key_main", "key_ed", "key_es", "key_second", "key_old"],
        _ => &[ALICE, BOB, "key_main", "key_ed", "key_es", "key_second", "key_old"],
    };
    for other in others
        .iter()
        .copied()
        .chain((sight != Sight::Account(BOB)).then_some(KEYS_OF_BOB).into_iter().flatten())
    {
        // What the request itself says is no news.
        if text.contains(&format!("\"{other}\""))
            || (text.contains(other) && !sends(other) && !is_in_a_token(sent, other))
        {
            return Ok(Some(format!("{other} is told to {sight:?}")));
        }
    }
    for id in KEYS_OF_BOB {
        let print = &world.key(id)?.fingerprints().spki_sha256_hex;
        if sight != Sight::Account(BOB) && text.contains(print.as_str()) {
            return Ok(Some(format!("the fingerprint of {id} is told to {sight:?}")));
        }
    }
    if sight == Sight::Stranger {
        let mut inside = Reason::ALL.iter().filter(|reason| reason.code() != reason.outward());
        let shows = inside.find(|reason| text.contains(&format!("\"{}\"", reason.code())));
        if let Some(reason) = shows {
            return Ok(Some(format!("a stranger is told {}", reason.code())));
        }
        if !told.steps.is_empty() || !told.diagnosis.causes.is_empty() || told.diagnosis.expected.is_some() {
            return Ok(Some("a stranger is told steps or causes".to_owned()));
        }
    }
    Ok(None)
}

/// Whether a token carries a name in one of its parts.
fn is_in_a_token(sent: &Sent, name: &str) -> bool {
    let parts = sent.headers.iter().flat_map(|(_, value)| value.split(['.', ' ']));
    parts.into_iter().any(|part| {
        let mut out = Vec::new();
        let read = countersign::base64::decode(countersign::base64::Alphabet::Url, part.as_bytes(), &mut out);
        read.is_ok() && String::from_utf8_lossy(&out).contains(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Dialect;
    use crate::fault::{Fault, Key};
    use crate::score::explain_over;
    use crate::world::NOW;
    use countersign_store::model::Record;

    /// Takes the account away, with all that belongs to it.
    fn without_alice(rows: Vec<Record>) -> Vec<Record> {
        let keeps = |row: &Record| match row {
            Record::Account(account) => account.id != ALICE,
            Record::Key(key) => key.account != ALICE,
            Record::Companion(companion) => companion.account != ALICE,
            _ => true,
        };
        rows.into_iter().filter(keeps).collect()
    }

    #[tokio::test]
    async fn whether_an_account_exists_changes_no_byte_for_strangers_and_other_accounts() {
        const WRONG: &Fault = &Fault::new("wrong-key", "", "", Dialect::ALL).key(Key::Unknown);
        let world = World::new().unwrap();
        for dialect in Dialect::ALL {
            let sent = WRONG.make(*dialect, &world, NOW).unwrap();
            for sight in [Sight::Stranger, Sight::Account(BOB)] {
                let mut told = Vec::new();
                for rows in [world.records().unwrap(), without_alice(world.records().unwrap())] {
                    let explained = explain_over(rows, WRONG, *dialect, &sent, sight).await.unwrap();
                    told.push(serde_json::to_string(&explained).unwrap());
                }
                assert_eq!(told[0], told[1], "{} to {sight:?}", dialect.label());
            }
        }
    }

    #[tokio::test]
    async fn what_is_anothers_looks_like_what_is_not_there_to_the_account_itself() {
        let world = World::new().unwrap();
        let find = |id: &str| crate::faults::all().find(|fault| fault.id == id).unwrap();
        for (id, dialect) in [
            ("kid-of-another-account", Dialect::Skykit),
            ("companion-of-another", Dialect::Partner),
            ("delegation-missing", Dialect::Skillhive),
        ] {
            let sent = find(id).make(dialect, &world, NOW).unwrap();
            let mut told = Vec::new();
            let without = |row: &Record| match row {
                Record::Account(account) => account.id != BOB,
                Record::Key(key) => key.account != BOB,
                Record::Companion(companion) => companion.account != BOB,
                Record::User(user) => user.name != "dave@example.com",
                _ => true,
            };
            let rows = world.records().unwrap();
            let less = rows.iter().filter(|row| without(row)).cloned().collect::<Vec<_>>();
            for rows in [rows, less] {
                let explained =
                    explain_over(rows, find(id), dialect, &sent, Sight::Account(ALICE)).await.unwrap();
                told.push(serde_json::to_value(&explained).unwrap());
            }
            if id == "kid-of-another-account" {
                // Without the other account the hint names nothing, which a hint may; with it the proof is refused in the same words as
                // for a hint that a strict dialect does not find.
                assert_eq!(told[0]["reason"], "key-hint-unknown");
                continue;
            }
            assert_eq!(told[0], told[1], "{id}");
        }
    }
}
