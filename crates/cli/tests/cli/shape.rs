//! How every command speaks: JSON where a program reads, colours at a terminal alone, completions that shells understand, a next step in
//! every failure.
use crate::run::Place;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// What prints no JSON, and why.
const NO_JSON: [(&str, &str); 4] = [
    ("serve", "runs until it is stopped, and tells by its log (`server.log_format`)"),
    ("demo", "serves on after its table; `demo --once --json` has a test of its own"),
    ("completions", "prints a script for a shell"),
    ("key convert", "prints a key in the form that was asked for"),
];

/// Every command without commands below it, as the help lists them.
pub(crate) fn leaves(place: &Place) -> Vec<String> {
    let (mut open, mut found) = (vec![String::new()], Vec::new());
    while let Some(path) = open.pop() {
        let line = format!("{path} --help");
        let help = place.run(line.trim()).ok();
        let below =
            help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
        let names: Vec<&str> = below
            .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        assert!(help.contains("--json"), "{path} takes --json");
        if names.is_empty() {
            found.push(path.clone());
        }
        open.extend(names.iter().map(|name| format!("{path} {name}").trim().to_owned()));
    }
    found.sort();
    found
}

#[test]
fn every_command_speaks_json() {
    let place = Place::new();
    let leaves = leaves(&place);
    assert!(leaves.len() > 60, "{leaves:?}");
    for (name, _) in NO_JSON {
        assert!(leaves.iter().any(|leaf| leaf == name), "there is no {name} any more");
    }
    for leaf in leaves.iter().filter(|leaf| NO_JSON.iter().all(|(name, _)| name != leaf)) {
        let ran = place.run(&format!("--json {leaf}"));
        if !ran.out.is_empty() {
            serde_json::from_str::<Value>(&ran.out)
                .unwrap_or_else(|error| panic!("{leaf}: {error}: {}", ran.out));
        }
        if ran.code != 0 && ran.out.is_empty() {
            let told = ran.err.lines().last().unwrap_or_default();
            let told: Value =
                serde_json::from_str(told).unwrap_or_else(|error| panic!("{leaf}: {error}: {}", ran.err));
            assert!(told["error"].is_string() && told["message"].is_string(), "{leaf}: {told}");
            assert!(told["next"].as_str().is_some_and(|next| !next.is_empty()), "{leaf}: {told}");
        }
    }
}

/// What a program prints; `cargo xtask test` installs the shells that are missing.
fn shell(place: &Place, words: &[&str]) -> String {
    let (name, arguments) = words.split_first().unwrap();
    let output = Command::new(name)
        .args(arguments)
        .current_dir(place.folder.path())
        .env_clear()
        .envs([("HOME", place.folder.path().as_os_str()), ("PATH", "/usr/bin:/bin".as_ref())])
        .env("TERM", "xterm")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn shells_complete_what_is_begun() {
    let place = Place::new();
    for name in ["bash", "zsh", "fish"] {
        place.write(name, &place.run(&format!("completions {name}")).ok());
    }
    let bash = "source ./bash; COMP_WORDS=(countersign key ro); COMP_CWORD=2; _countersign countersign ro key; echo ${COMPREPLY[@]}";
    assert_eq!(shell(&place, &["bash", "--norc", "-c", bash]).trim(), "rotate");
    let fish = "source ./fish; complete -C 'countersign key ro'";
    assert!(shell(&place, &["fish", "--no-config", "-c", fish]).starts_with("rotate\t"));
    // The words that zsh would offer, as its own helper gets them.
    let zsh = "autoload -U compinit; compinit -u -D; source ./zsh; functions _countersign__key_commands _countersign__subcmd__key_commands 2>/dev/null; whence -w _countersign";
    let told = shell(&place, &["zsh", "-f", "-c", zsh]);
    assert!(told.contains("_countersign: function") && told.contains("rotate"), "{told}");
}

#[test]
fn colours_are_for_terminals_and_can_be_had_or_not() {
    let place = Place::new();
    let program = env!("CARGO_BIN_EXE_countersign");
    let at_terminal = |before: &str, line: &str| {
        let line = format!("{before} {program} {line}");
        shell(&place, &["script", "-qec", &line, "/dev/null"])
    };
    let coloured = "\u{1b}[1m";
    assert!(at_terminal("", "dialect list").contains(coloured));
    assert!(!at_terminal("NO_COLOR=1", "dialect list").contains('\u{1b}'));
    assert!(!at_terminal("", "dialect list --color never").contains('\u{1b}'));
    assert!(!at_terminal("", "dialect list --json").contains('\u{1b}'));
    assert!(!place.run("dialect list").ok().contains('\u{1b}'));
    assert!(place.run("--color always dialect list").ok().contains(coloured));
    let failed = place.run("--color always key show none.pem");
    assert!(failed.err.contains('\u{1b}') && !place.run("key show none.pem").err.contains('\u{1b}'));
}

/// Whether a failure ends with what to do next. What is wrong with the arguments themselves is told by the parser, with the usage.
pub(crate) fn has_step(told: &str) -> bool {
    let last = told.trim_end().lines().last().unwrap_or_default();
    last.strip_prefix("next: ").is_some_and(|step| step.len() > 8) || last.contains("try '--help'")
}

/// The text with what stands between two marks taken out.
fn without(text: &str, begin: &str, end: &str) -> String {
    let Some((before, rest)) = text.split_once(begin) else { return text.to_owned() };
    let after = rest.find(end).map_or("", |at| &rest[at..]);
    format!("{before}{begin}…{after}")
}

/// What is typed, and goes wrong without a server.
const WRONG: &[&str] = &[
    "key show nothing.pem",
    "key show empty",
    "key show a.pem --passphrase-file empty",
    "key new a.pem",
    "key convert a.pem --to pkcs8",
    "key convert rsa.pem --to hex",
    "key rotate key_1 --keep soon",
    "sign -d nothing -k a.pem --as me",
    "sign -d skykit -k a.pem --as me",
    "sign -d skillhive -k rsa.pem --as me",
    "sign -d asymmetric-jwt -k a.pem --as me --set tolerance",
    "sign -d asymmetric-jwt -k a.pem --as me --set tollerance=1s",
    "sign -d asymmetric-jwt -k a.pem --as me --algorithm RS1",
    "sign -d asymmetric-jwt -k a.pem --as me -H nocolon",
    "sign -d spacetime -k a.pem --as me",
    "snippet -d operator -k a.pem --as me -l python https://h/",
    "snippet -d skykit -k rsa.pem --as me -l python here",
    "request GET /relative -d asymmetric-jwt -k a.pem --as me",
    "request GET http://127.0.0.1:1/ -d asymmetric-jwt -k a.pem --as me",
    "request GET https://h/ -d spacetime -k a.pem --as me --offline",
    "verify seen -d skykit",
    "verify seen -d skykit --key a.pem.pub",
    "verify seen -d skykit --key a.pem.pub --as x --at tomorrow",
    "verify empty -d skykit --key a.pem.pub --as x",
    "verify badheader.json -d skykit --key a.pem.pub --as x",
    "verify path -d skykit --key a.pem.pub --as x",
    "explain",
    "explain seen -d skykit --ask nowhere --prove a.pem",
    "console sign -k a.pem hello",
    "console link -k a.pem --server nowhere",
    "console link -k a.pem --server http://127.0.0.1:1",
    "account list",
    "account list --operator-key a.pem --server http://127.0.0.1:1",
    "account add x --identifier nonsense",
    "apply nothing.toml",
    "apply wrong.toml",
    "dialect lint bad.toml",
    "dialect test seen",
    "config check --set server",
    "config check --set server.lgo=info",
    "config check --config wrong.toml",
    "store restore nothing.db",
    "health http://127.0.0.1:1",
    "init --listen 0.0.0.0:8700",
    "init --dialect skikyt",
    "help nonsense",
];

#[test]
fn every_failure_says_what_to_do_next() {
    let place = Place::new();
    place.run("key new a.pem").ok();
    place.run("key new rsa.pem --type rsa --bits 2048").ok();
    place.write("empty", "");
    place.write("seen", "GET / HTTP/1.1\nHost: h\n\n");
    place.write("path", "{\"url\":\"path\"}");
    place.write("badheader.json", "{\"url\":\"https://h/\",\"headers\":{\"a b\":\"c\"}}");
    place.write("wrong.toml", "[[acount]]\n");
    place.write("bad.toml", "name = \"x\"\nsummary = \"\"\nalgorithms = [\"none\"]\n");
    let (mut told, mut bare) = (String::new(), Vec::new());
    for line in WRONG {
        let ran = place.run(line);
        assert!(ran.code != 0, "{line} went well");
        let text = ran.err.replace(&place.folder.path().display().to_string(), "FOLDER");
        // Lists that grow with every dialect and setting.
        let text = without(&without(&text, "shipped are ", "\n"), "this section has ", "\n");
        let _ = write!(told, "$ countersign {line}\n[{}] {}\n", ran.code, text.trim());
        let json = place.run(&format!("--json {line}"));
        let json: Value = serde_json::from_str(json.err.lines().last().unwrap_or_default()).unwrap();
        let next = json["next"].as_str().unwrap_or_default();
        if !has_step(&ran.err) || next.is_empty() {
            bare.push(line);
        }
    }
    let kept = include_str!("messages.txt");
    assert!(bare.is_empty(), "no next step in what is told of {bare:#?}\n{told}");
    assert!(
        told == kept,
        "tests/cli/messages.txt has other messages; read these, and keep them when they are good:\n{told}"
    );
}

/// Every command that the pages of a folder name in code: `countersign WORD WORD`.
fn named(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            named(&path, found);
        } else if path.extension().is_some_and(|end| end == "md") {
            let text = std::fs::read_to_string(&path).unwrap();
            let fenced = text.split("```").skip(1).step_by(2);
            let lines = fenced.flat_map(|block| block.split("\ncountersign ").skip(1));
            for rest in text.split("`countersign ").skip(1).chain(lines) {
                let line = rest.split(['`', '\n']).next().unwrap_or_default();
                let is_word = |word: &&str| {
                    word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
                        && !word.starts_with('-')
                };
                let words: Vec<&str> = line.split(' ').take_while(is_word).take(2).collect();
                // Texts that are signed begin so, with their version.
                if line.split(' ').nth(words.len()) != Some("1") {
                    found.insert(words.join(" "));
                }
            }
        }
    }
}

#[test]
fn every_command_that_a_page_names_exists() {
    let leaves = leaves(&Place::new());
    let mut found = BTreeSet::new();
    named(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs"), &mut found);
    found.remove("");
    assert!(found.len() > 30, "{found:?}");
    for command in &found {
        let first = command.split(' ').next().unwrap_or_default();
        let is_it = |leaf: &String| {
            // A command with arguments, or a whole group that is told of.
            leaf == command
                || leaf == first
                || leaf.strip_prefix(command.as_str()).is_some_and(|rest| rest.starts_with(' '))
        };
        assert!(
            leaves.iter().any(is_it),
            "a page names `countersign {command}`, and there is no such command"
        );
    }
}
