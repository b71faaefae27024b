//! What was counted is told, and what is told is the table.
use super::*;
use crate::config::listener::Surface;
use crate::ids::Ids;
use countersign_guard::clock::SeededEntropy;
use std::collections::BTreeMap;

#[test]
fn what_was_counted_is_told_and_is_the_table() {
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
        trace: None,
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
    metrics.clock_stepped(true);
    metrics.webhook_pushed(true);
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
        "countersign_clock_steps_total{way=\"back\"} 1",
        "countersign_clock_steps_total{way=\"ahead\"} 0",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let held = Outcome {
        dialect: Some("skykit".into()),
        verdict: Some("verified"),
        algorithm: Some("ed25519"),
        ..Outcome::default()
    };
    metrics.count(&call, &held, 200, 0.001);
    metrics.count(&call, &held, 200, 0.001);
    assert!(
        metrics.text(Levels::default()).contains("countersign_algorithms_total{algorithm=\"ed25519\"} 2")
    );
    metrics.history().note(Time::from_seconds(120));
    metrics.history().note(Time::from_seconds(125));
    let minutes = metrics.history().since(0);
    assert_eq!(minutes.len(), 1);
    assert_eq!(minutes[0].verdicts, [("refused".to_owned(), 1), ("verified".to_owned(), 2)].into());
    metrics.limited("failures");
    metrics.reloaded(1, true);
    metrics.ordered(true);
    metrics.certificates(&[("l".to_owned(), "c".to_owned(), Time::from_seconds(1))], 0);
    metrics.standings(&[Standing {
        upstream: "u".to_owned(),
        address: "a".to_owned(),
        well: true,
        in_flight: 1,
    }]);
    metrics.not_enforced.get_or_create(&Passed { mode: "warn".into(), reason: "none".into() }).inc();
    let sent = Sent { upstream: "u".into(), status: "2xx".into() };
    metrics.sent.get_or_create(&sent).inc();
    metrics.retries.get_or_create(&sent).inc();
    let text = metrics.text(Levels::default());
    let wanted: BTreeMap<String, (String, String)> = TABLE
        .iter()
        // The library ends a help text with a full stop.
        .map(|row| {
            (format!("countersign_{}", row.name), (row.kind.name().to_owned(), format!("{}.", row.help)))
        })
        .collect();
    assert_eq!(told(&text), wanted);
    assert_eq!(wanted.len(), TABLE.len(), "each name once");
    for row in TABLE {
        let name = row.exported().pop().unwrap();
        let sample = text
            .lines()
            .find(|line| line.starts_with(&name))
            .unwrap_or_else(|| panic!("no sample of {name}"));
        let labels = sample.split_once('{').map_or("", |(_, rest)| rest.split('}').next().unwrap());
        let labels: Vec<&str> =
            labels.split("\",").filter_map(|term| term.split('=').next()).filter(|l| !l.is_empty()).collect();
        assert_eq!(labels, row.labels, "{sample}");
    }
}

/// Type and help of every metric in a text.
fn told(text: &str) -> BTreeMap<String, (String, String)> {
    let mut out: BTreeMap<String, (String, String)> = BTreeMap::new();
    for line in text.lines() {
        let Some((what, rest)) = line.strip_prefix("# ").and_then(|line| line.split_once(' ')) else {
            continue;
        };
        let Some((name, value)) = rest.split_once(' ') else { continue };
        let entry = out.entry(name.to_owned()).or_default();
        match what {
            "TYPE" => value.clone_into(&mut entry.0),
            "HELP" => value.clone_into(&mut entry.1),
            other => panic!("{other}"),
        }
    }
    out
}
