//! The words that a caller reads for one fault of each kind: a change of them is seen.
use crate::score::explain_over;
use crate::world::{NOW, World};
use countersign_guard::explain::Sight;

const SHOWN: [&str; 16] = [
    "scheme-of-another",
    "token-cut",
    "standard-alphabet",
    "hex-for-base64",
    "old-key",
    "key-for-another-dialect",
    "kid-of-own-other-key",
    "digest-sha512",
    "newline-signed",
    "scheme-rewritten",
    "query-sorted",
    "body-spaced",
    "members-sorted",
    "exp-misspelt",
    "zone-plus-5-30",
    "network-not-allowed",
];

#[tokio::test]
async fn the_words_of_causes_are_as_reviewed() {
    let world = World::new().unwrap();
    let mut told = String::new();
    for id in SHOWN {
        let fault = crate::faults::all().find(|fault| fault.id == id).unwrap();
        let dialect = fault.dialects[0];
        let sent = fault.make(dialect, &world, NOW).unwrap();
        let mut rows = world.records().unwrap();
        (fault.rows)(&mut rows);
        let explained = explain_over(rows, fault, dialect, &sent, Sight::All).await.unwrap();
        let cause = &explained.diagnosis.causes[0];
        told.push_str(&format!("{id} ({})\n  {}\n", dialect.label(), cause.text));
        told.push_str(&format!(
            "  seen: {}\n  fix:  {}\n",
            cause.detail.as_deref().unwrap_or("-"),
            cause.fix
        ));
    }
    insta::assert_snapshot!(told);
}
