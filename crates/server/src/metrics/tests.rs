//! What is counted is told under its names.
use super::*;
use crate::config::listener::Surface;
use crate::ids::Ids;
use countersign_guard::clock::SeededEntropy;

#[test]
fn what_was_counted_is_told() {
    let metrics = Metrics::default();
    let call = Call {
        id: Ids::new(&SeededEntropy::default()).next(*b"req"),
        peer: "127.0.0.1:1".parse().unwrap(),
        local: "127.0.0.1:2".parse().unwrap(),
        tls: false,
        at: Time::from_seconds(0),
        surface: Surface::Gateway,
        client: Err("nobody told"),
        conduct: None,
    };
    let outcome = Outcome {
        dialect: Some("skillhive".into()),
        verdict: Some("refused"),
        reason: Some("bad-signature"),
        algorithm: Some("rsa-pkcs1-sha1"),
        ..Outcome::default()
    };
    metrics.count(&call, &outcome, 401, 0.001);
    let counts = Counts { turns: 4, in_lanes: 7, scalar: 2, rechecked: 1, differences: 0 };
    let text = metrics.text(Levels { keys: 3, lanes: Some(counts), ..Levels::default() });
    for line in [
        "countersign_judgements_total{surface=\"gateway\",dialect=\"skillhive\",verdict=\"refused\",reason=\"bad-signature\"} 1",
        "countersign_responses_total{surface=\"gateway\",status=\"4xx\"} 1",
        "countersign_weak_signatures_total{dialect=\"skillhive\"} 1",
        "countersign_keys 3",
        "countersign_lanes_turns_total 4",
        "countersign_lanes_checks_total 7",
        "countersign_lanes_left_total 2",
        "countersign_lanes_rechecked_total 1",
        "countersign_lanes_differences_total 0",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}
