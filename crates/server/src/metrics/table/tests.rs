//! The table against the dashboard that is shipped.
use super::*;
use std::collections::{BTreeMap, BTreeSet};

const DASHBOARD: &str = include_str!("../../../../../packaging/grafana/countersign.json");

/// The names of ours, and the labels between braces or in `by (…)`, that a query has.
fn asked(query: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let names =
        query.split(|c| !letter(c)).filter(|word| word.starts_with("countersign_")).map(str::to_owned);
    let mut labels = BTreeSet::new();
    for part in query.split('{').skip(1).filter_map(|part| part.split('}').next()) {
        labels.extend(
            part.split(',')
                .filter_map(|term| term.split(['=', '!']).next())
                .map(|label| label.trim().to_owned()),
        );
    }
    for part in query.split("by (").skip(1).filter_map(|part| part.split(')').next()) {
        labels.extend(part.split(',').map(|label| label.trim().to_owned()));
    }
    labels.retain(|label| !label.is_empty());
    (names.collect(), labels)
}

#[test]
fn the_dashboard_asks_for_nothing_that_is_not_in_the_table() {
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let queries = panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let queries: Vec<&str> = queries.map(|target| target["expr"].as_str().unwrap()).collect();
    assert!(queries.len() > 10, "{}", queries.len());
    let known: BTreeMap<String, &Metric> =
        TABLE.iter().flat_map(|row| row.exported().into_iter().map(move |name| (name, row))).collect();
    let variables = dashboard["templating"]["list"].as_array().unwrap().iter();
    let variables: Vec<&str> = variables.filter_map(|one| one["query"]["query"].as_str()).collect();
    for query in queries.iter().copied().chain(variables) {
        let (names, labels) = asked(query);
        assert!(!names.is_empty(), "{query}");
        let mut allowed: BTreeSet<&str> = ["job", "instance", "le"].into();
        for name in &names {
            let row = known.get(name).unwrap_or_else(|| panic!("{name} is in no table: {query}"));
            allowed.extend(row.labels);
        }
        for label in &labels {
            assert!(allowed.contains(label.as_str()), "{label} is no label of {names:?}: {query}");
        }
    }
    // Whoever looks at it sees every alarm.
    let all = queries.join("\n");
    for alarm in [
        "faults_total",
        "lanes_differences_total",
        "config_reload_failed",
        "certificates_broken",
        "certificate_ends",
        "weak_signatures_total",
    ] {
        assert!(all.contains(&format!("countersign_{alarm}")), "{alarm}");
    }
}

#[test]
fn labels_are_read_from_queries() {
    let (names, labels) = asked(
        "sum by (surface, le) (rate(countersign_a_bucket{verdict!=\"x\",job=\"$job\"}[5m])) / countersign_b",
    );
    assert_eq!(names, ["countersign_a_bucket", "countersign_b"].map(str::to_owned).into());
    assert_eq!(labels, ["surface", "le", "verdict", "job"].map(str::to_owned).into());
}
