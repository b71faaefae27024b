//! Whatever fails against a running server says what to do next, in a line of its own and as a member of the JSON.
use crate::run::{Place, Ran, Server};
use crate::shape::{has_step, leaves};
use serde_json::Value;
use std::path::Path;

/// What does not end by itself, or needs no server.
const LEFT_OUT: [&str; 5] = ["serve", "demo", "completions", "sidecar", "help"];

/// A leaf with nonsense in place of everything that its help wants.
fn filled(place: &Place, leaf: &str) -> String {
    let help = place.run(&format!("{leaf} --help")).ok();
    let usage = help.lines().find(|line| line.starts_with("Usage: countersign ")).unwrap();
    let words = usage.trim_start_matches("Usage: countersign ").split_whitespace();
    let words = words.filter(|word| !word.starts_with('[')).map(|word| match word.strip_prefix('<') {
        Some(_) => "nonsense",
        None => word,
    });
    words.collect::<Vec<_>>().join(" ")
}

/// What a failing command told; `None` when it went well.
fn failed(place: &Place, server: &Server, line: &str) -> Option<(i32, String, Value)> {
    let variables = [("COUNTERSIGN_MANAGE", server.manage.as_str())];
    let run = |words: &[&str]| {
        let mut command = place.command(words);
        Ran::of(command.envs(variables).stdin(std::process::Stdio::null()).output().unwrap())
    };
    let words: Vec<&str> = line.split(' ').collect();
    let text = run(&words);
    let json = run(&[&["--json"], &words[..]].concat());
    if text.code == 0 || text.err.is_empty() {
        return None;
    }
    let told = serde_json::from_str(json.err.lines().last().unwrap_or_default()).unwrap_or_default();
    Some((text.code, text.err, told))
}

#[test]
fn every_command_given_nonsense_says_what_to_do_next() {
    let place = Place::new();
    let server = Server::start(&place);
    let mut seen = 0;
    for leaf in leaves(&place).iter().filter(|leaf| LEFT_OUT.iter().all(|left| leaf != left)) {
        let line = filled(&place, leaf);
        let Some((_, text, json)) = failed(&place, &server, &line) else { continue };
        assert!(has_step(&text), "{line}: {text}");
        assert!(json["next"].as_str().is_some_and(|next| next.len() > 8), "{line}: {json}");
        seen += 1;
    }
    assert!(seen > 40, "{seen} commands failed");
}

#[test]
fn what_the_server_refuses_comes_with_a_step_of_its_own() {
    let place = Place::new();
    let server = Server::with(&place, "[session]\nself_registration = false\n");
    place.run("key new a.pem").ok();
    place.run("key new b.pem").ok();
    let manage = &server.manage;
    place.run(&format!("account add alice --server {manage}")).ok();
    place.run(&format!("key register alice --file a.pem.pub -d spacetime --server {manage}")).ok();
    let public = &server.public;
    for (line, code, step) in [
        (format!("account show nobody --server {manage}"), 6, "`countersign account list`"),
        (format!("account show acc_nobody --server {manage}"), 6, "`countersign account list`"),
        (format!("key revoke key_nobody --server {manage}"), 6, "`countersign key list"),
        (format!("account add alice --server {manage}"), 7, "choose another name"),
        (format!("account list --operator-key b.pem --server {manage}"), 4, "`countersign init --recover`"),
        (format!("account list --server {public}"), 6, "surface manage"),
        (format!("explain --reject rej_none --server {manage}"), 6, "refusals_time"),
        (format!("account add {} --server {manage}", "x".repeat(500)), 2, "`countersign help apis --json`"),
        (format!("login {public} -k b.pem --as nobody"), 3, "registered"),
        (format!("login {manage} -k b.pem --as nobody"), 3, "session API"),
        (format!("request GET {public}/own/x -d skykit -k b.pem --as x"), 2, "another key"),
    ] {
        let (exit, text, json) = failed(&place, &server, &line).unwrap_or_else(|| panic!("{line} went well"));
        assert_eq!(exit, code, "{line}: {text}");
        let last = text.trim_end().lines().last().unwrap();
        assert!(last.starts_with("next: ") && last.contains(step), "{line}: wanted {step:?} in {text}");
        assert!(json["next"].as_str().is_some_and(|next| next.contains(step)), "{line}: {json}");
    }
}

/// The text between a bracket and the one that closes it, from `at` on; brackets in texts do not count.
fn inside(source: &str, at: usize) -> &str {
    let (mut depth, mut text, mut escaped) = (1, false, false);
    for (offset, letter) in source[at..].char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if text => escaped = true,
            '"' => text = !text,
            '(' if !text => depth += 1,
            ')' if !text => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &source[at..at + offset];
        }
    }
    &source[at..]
}

/// Sentences of ours without a next step in the sources, beside those that the help of their command answers.
fn bare(folder: &Path, found: &mut Vec<String>) -> usize {
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            seen += bare(&entry, found);
            continue;
        }
        let source = std::fs::read_to_string(&entry).unwrap();
        let source = source.split("#[cfg(test)]").next().unwrap();
        for call in ["Failure::new(", "Failure::failed("] {
            for (at, _) in source.match_indices(call) {
                let told = inside(source, at + call.len());
                let after = source[at + call.len() + told.len() + 1..].trim_start();
                let silent = told.ends_with("\"\"") || told.starts_with("Exit::Usage");
                seen += 1;
                if told.contains('"') && !silent && !told.contains("; ") && !after.starts_with(".next(") {
                    found.push(format!("{}: {told}", entry.display()));
                }
            }
        }
    }
    seen
}

#[test]
fn no_sentence_in_the_sources_ends_without_a_step() {
    let mut found = Vec::new();
    let seen = bare(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(seen > 60, "{seen} sentences were looked at");
    assert!(found.is_empty(), "no next step in {found:#?}");
}
