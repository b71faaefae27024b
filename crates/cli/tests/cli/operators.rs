//! What operators do: the first owner, the server, the registry by command and by file, backup, recovery, the demo.
use crate::run::{Place, Server, mode};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};

#[test]
fn the_registry_is_managed_over_the_api() {
    let place = Place::new();
    let server = Server::start(&place);
    assert_eq!(mode(&place.path("data/operator.key")), 0o600);
    let run = |line: &str| place.run(&format!("{line} --server {}", server.manage));
    place.run("key new a.pem").ok();
    place.run("key new b.pem").ok();
    run("org add acme").ok();
    run("user add ada").ok();
    run("account add alice --identifier user=alice --organisation acme --acts-as ada").ok();
    run("account add alice --identifier user=alice2").fails(7, &["alice"]);
    run("account show nobody").fails(6, &["account list"]);
    run("account add bob --identifier noequals").fails(2, &["NAMESPACE=VALUE"]);
    let key = run("--json key register alice --file a.pem.pub -d asymmetric-jwt --label first").json();
    let id = key["id"].as_str().unwrap().to_owned();
    run("key register alice --file a.pem -d asymmetric-jwt").fails(2, &["private key"]);
    run("key register alice --file b.pem.pub -d nonsense").fails(2, &["dialect"]);
    run(&format!("key rotate {id} --file b.pem.pub --keep soon")).fails(2, &["7d"]);
    // Without anybody to ask, what is missing is named.
    run(&format!("key rotate {id}")).fails(2, &["--file FILE", "--new FILE"]);
    let rotated = run(&format!("--json key rotate {id} --file b.pem.pub --keep 1h")).json();
    assert_eq!(rotated["retiring"]["state"], "retiring");
    run(&format!("key rotate {id} --file b.pem.pub --keep 1h")).fails(7, &["not replaced yet"]);
    assert!(run(&format!("key revoke {id}")).ok().contains("revoked"));
    run(&format!("key enable {id}")).fails(7, &[]);
    run("key revoke key_nothing").fails(6, &[]);
    let keys = run("--json key list alice").json();
    assert_eq!(keys.as_array().unwrap().len(), 2);
    let code = run("org join-code acme --once");
    assert!(code.out.contains("code") && code.err.contains("never again"));
    let made = run("companion add alice -d partner-key --label app").ok();
    assert!(made.contains("secret"));
    assert!(run("--json account disable alice").json()["enabled"] == false);
    run("account identifier add alice email=a@b").ok();
    run("account acts-as remove alice ada").ok();
    assert!(run("audit list").ok().contains("key.revoke"));
    assert!(run("audit check").ok().contains("yes"));
    run("account delete alice").ok();
    run("user delete ada").ok();
}

#[test]
fn readiness_says_who_would_not_pass_and_why() {
    let place = Place::new();
    let server = Server::start(&place);
    let run = |line: &str| place.run(&format!("{line} --server {}", server.manage));
    assert!(run("readiness").ok().contains("No request was seen"));
    place.run("key new a.pem").ok();
    // Another dialect's proof is none here; the route watches, so the request passes, to an upstream that is not there.
    let asked = format!("request GET {}/watched/x -d asymmetric-jwt -k a.pem --as me", server.public);
    place.run(&asked).fails(5, &["502"]);
    let told = run("readiness").ok();
    for wanted in [
        "0 of 1 callers would pass; this one would not.",
        "- 127.0.0.0/24 on watched:",
        "missing-credentials",
    ] {
        assert!(told.contains(wanted), "{wanted}\n{told}");
    }
    let report = run("--json readiness").json();
    assert_eq!((report["callers"].as_u64(), report["ready"].as_u64()), (Some(1), Some(0)));
    assert_eq!(report["seen"][0]["kind"], "network");
}

#[test]
fn strangers_and_silence_have_their_exit_codes() {
    let place = Place::new();
    place.run("key new a.pem").ok();
    place.run("account list").fails(4, &["countersign init"]);
    place
        .run("account list --operator-key a.pem --server http://127.0.0.1:9")
        .fails(5, &["countersign serve"]);
    place.run("account list --operator-key a.pem.pub").fails(2, &["private"]);
    place.run("account list --operator-key a.pem --server nonsense").fails(2, &[]);
    let server = Server::start(&place);
    place
        .run(&format!("account list --operator-key a.pem --server {}", server.manage))
        .fails(4, &["--recover", "rej_"]);
    let unsigned = format!("request GET {}/own/x -d asymmetric-jwt -k a.pem --as me", server.public);
    place.run(&unsigned).fails(3, &["missing-credentials", "rej_"]);
    place.run("request GET http://127.0.0.1:9/ -d asymmetric-jwt -k a.pem --as me").fails(5, &[]);
}

#[test]
fn a_key_stands_under_a_second_account_with_proof_and_where_the_server_allows_it() {
    let place = Place::new();
    for file in ["a.pem", "b.pem"] {
        place.run(&format!("key new {file}")).ok();
    }
    for allowed in [false, true] {
        let server = Server::with(&place, &format!("[keys]\nshared = {allowed}\n"));
        let run = |line: &str| place.run(&format!("{line} --server {}", server.manage));
        if !allowed {
            run("account add one").ok();
            run("account add two").ok();
            run("key register one --file a.pem.pub -d skykit").ok();
        }
        run("key register two --file a.pem.pub -d skykit").fails(2, &["cannot be registered"]);
        run("key register two --file a.pem.pub -d skykit --prove b.pem").fails(2, &["another key"]);
        let proved = run("key register two --file a.pem.pub -d skykit --prove a.pem");
        if allowed { drop(proved.ok()) } else { proved.fails(2, &["[keys] shared"]) }
    }
}

#[test]
fn operators_come_get_other_roles_and_go() {
    let place = Place::new();
    let server = Server::start(&place);
    place.run("key new eve.pem").ok();
    let run = |line: &str| place.run(&format!("{line} --server {}", server.manage));
    let eve = |line: &str| run(&format!("{line} --operator-key eve.pem"));
    eve("account list").fails(4, &["refused"]);
    run("operator add eve --role auditor --file eve.pem.pub").ok();
    let listed = run("--json operator list").json();
    assert!(listed.as_array().unwrap().iter().any(|row| row["name"] == "eve" && row["role"] == "auditor"));
    eve("account list").ok();
    eve("account add x").fails(4, &["auditor"]);
    run("operator role eve manager").ok();
    eve("account add x").ok();
    eve("operator role eve owner").fails(4, &["owner"]);
    run("operator remove eve").ok();
    eve("account list").fails(4, &["operator"]);
    run("operator remove owner").fails(7, &["owner"]);
}

#[test]
fn a_file_is_applied_twice_and_changes_nothing_the_second_time() {
    let place = Place::new();
    let server = Server::start(&place);
    for name in ["a.pem", "b.pem", "c.pem"] {
        place.run(&format!("key new {name}")).ok();
    }
    place.write("secret", "an-api-key-of-the-caller\n");
    let file = |off: &str| {
        format!(
            "[[organisation]]\nname = \"acme\"\n[[user]]\nname = \"ada\"\n\
             [[account]]\nname = \"one\"\norganisation = \"acme\"\nidentifiers = {{ user = [\"one\", \"eins\"] }}\nacts_as = [\"ada\"]\n\
             [[account.key]]\nlabel = \"first\"\ndialects = [\"asymmetric-jwt\"]\nfile = \"a.pem.pub\"\n\
             [[account.key]]\nlabel = \"off\"\ndialects = [\"asymmetric-jwt\"]\nfile = \"b.pem.pub\"\nenabled = {off}\n\
             [[account.companion]]\nlabel = \"app\"\ndialect = \"partner-key\"\nsecret_file = \"secret\"\n"
        )
    };
    let run = |line: &str| place.run(&format!("{line} --server {}", server.manage));
    place.write("accounts.toml", &file("false"));
    assert!(run("apply accounts.toml --dry-run").ok().contains("would be made"));
    assert_eq!(run("--json account list one").json().as_array().unwrap().len(), 0);
    assert!(run("apply accounts.toml").ok().contains("key.disable"));
    assert_eq!(run("apply accounts.toml").ok(), "Nothing to change.\n");
    let states = run("--json key list one").json();
    let states: Vec<_> =
        states.as_array().unwrap().iter().map(|key| (key["label"].clone(), key["state"].clone())).collect();
    assert!(
        states.contains(&("first".into(), "active".into()))
            && states.contains(&("off".into(), "disabled".into()))
    );
    place.write("accounts.toml", &file("true"));
    assert!(run("apply accounts.toml").ok().contains("key.activate"));
    place.write("accounts.toml", "[[account]]\nnme = \"x\"\n");
    run("apply accounts.toml").fails(2, &["accounts.toml", "nme"]);
    run("apply missing.toml").fails(6, &["missing.toml"]);
}

#[test]
fn sessions_are_opened_kept_refreshed_and_ended() {
    let place = Place::new();
    let server = Server::start(&place);
    place.run("key new a.pem").ok();
    let line = format!("{} -k a.pem --as caller --session-file session.json", server.public);
    let first = place.run(&format!("login {line} --token")).ok();
    assert_eq!(mode(&place.path("session.json")), 0o600);
    assert_eq!(place.run(&format!("login {line} --token")).ok(), first, "the kept session is gone on with");
    place.run("key new other.pem").ok();
    let stranger = format!("login {} -k other.pem --as caller --session-file other.json", server.public);
    place.run(&stranger).fails(3, &["registered"]);
    place.run(&format!("logout {line}")).ok();
    place.run(&format!("logout {line}")).fails(6, &["no session"]);
    place.write("session.json", "{ not tokens");
    assert_ne!(place.run(&format!("login {line} --token")).ok(), first);
}

#[test]
fn an_owner_is_made_once_and_recovered_with_a_trace() {
    let place = Place::new();
    let made = place.run("--json init").json();
    let first = fs::read(place.path("data/operator.key")).unwrap();
    assert_eq!(mode(&place.path("data/operator.key")), 0o600);
    place.run("init").fails(7, &["--recover"]);
    let again = place.run("--json init --recover").json();
    assert_ne!(made["key"], again["key"]);
    assert_eq!(
        (&again["revoked"], &again["kept"]),
        (&serde_json::json!([made["key"]]), &serde_json::json!([]))
    );
    // Where no key is in the wrong hands, they stay.
    let third = place.run("--json init --recover --keep-keys").json();
    assert_eq!(
        (&third["revoked"], &third["kept"]),
        (&serde_json::json!([]), &serde_json::json!([again["key"]]))
    );
    place.run("init --keep-keys").fails(2, &["--recover"]);
    assert_eq!(fs::read(again["replaced"].as_str().unwrap()).unwrap(), first);
    let server = Server::start(&place);
    let audit = place.run(&format!("audit list --server {}", server.manage)).ok();
    assert!(audit.matches("local").count() >= 2 && audit.contains("key.revoke"), "{audit}");
    // The lost key is nobody's now, and the one that was kept still counts.
    let lost = fs::read_dir(place.path("data")).unwrap().map(|file| file.unwrap().path());
    let mut lost: Vec<_> =
        lost.filter(|path| path.to_string_lossy().contains("operator.key.before")).collect();
    lost.sort();
    for file in lost {
        let is_first = fs::read(&file).unwrap() == first;
        let list = format!("account list --operator-key {} --server {}", file.display(), server.manage);
        let listed = place.run(&list);
        if is_first { listed.fails(4, &["refused"]) } else { drop(listed.ok()) }
    }
    place.run("init").fails(1, &[]);
}

#[test]
fn the_audit_log_is_checked_beside_a_running_server_and_in_a_backup() {
    let place = Place::new();
    let server = Server::start(&place);
    let manage = format!("--server {}", server.manage);
    let told = |line: &str| place.run(&format!("{line} --config server.toml"));
    let first = told("audit head").ok();
    place.run(&format!("user add ada {manage}")).ok();
    place.run("store backup copy.db").ok();
    place.run(&format!("user add bob {manage}")).ok();
    let head = told("audit head").ok();
    let verified = told(&format!("--json audit verify --expect {}", first.trim())).json();
    assert_eq!(verified["head"].as_str(), Some(head.trim()));
    assert!(told("audit verify").ok().contains("intact"));
    // A backup from before leads to the first head, and not to one that came later.
    place.run(&format!("audit verify --file copy.db --expect {}", first.trim())).ok();
    place
        .run(&format!("audit verify --file copy.db --expect {}", head.trim()))
        .fails(8, &["ends before entry", "removed"]);
    let (number, chain) = first.trim().split_once(':').unwrap();
    let other: String = chain.chars().rev().collect();
    told(&format!("audit verify --expect {number}:{other}")).fails(8, &["is not the expected one"]);
    told("audit verify --expect 1:x").fails(2, &["NUMBER:CHAIN"]);
    place.run("audit verify --file nothing.db").fails(1, &["nothing.db", "data directory"]);
}

#[test]
fn backups_are_new_files_made_beside_a_running_server() {
    let place = Place::new();
    let _server = Server::start(&place);
    place.run("store backup copy.db").ok();
    assert!(fs::metadata(place.path("copy.db")).unwrap().len() > 0);
    place.run("store backup copy.db").fails(7, &["already"]);
    place.run("store backup other.db --data nowhere").fails(1, &["nowhere"]);
}

#[test]
fn configurations_are_checked_with_line_and_fix_and_shown_with_their_origin() {
    let place = Place::new();
    assert!(place.run("config check").ok().contains("can be used"));
    place.write("bad.toml", "version = 1\n[server]\nlgo = \"info\"\n[[listener]]\naddress = \"nowhere\"\n");
    place.run("config check --config bad.toml").fails(2, &["bad.toml:3", "log", "bad.toml:5"]);
    place.run("serve --config bad.toml").fails(2, &["bad.toml:3"]);
    place.run("config check --config missing.toml").fails(6, &["missing.toml"]);
    let shown = place.run("config show --origin --set server.log=debug").ok();
    assert!(shown.contains("flag") && shown.contains("default"), "{shown}");
    place.write("default.toml", &place.run("config default").ok());
    place.run("config check --config default.toml").ok();
}

#[test]
fn the_demo_shows_every_verdict_as_expected() {
    let place = Place::new();
    let shown = place.run("--json demo --once").json();
    assert_eq!(shown["unexpected"], 0, "{shown:#}");
    for dialect in ["skykit", "skillhive", "spacetime", "asymmetric-jwt", "partner-key"] {
        let rows = shown["rows"].as_array().unwrap().iter().filter(|row| row["dialect"] == dialect);
        let (good, bad): (Vec<_>, Vec<_>) = rows.partition(|row| row["expected"] == "accepted");
        assert!(!good.is_empty() && bad.len() >= 4, "{dialect}");
        assert!(bad.iter().all(|row| row["because"].as_str().is_some_and(|text| text.ends_with('.'))));
    }
}

#[test]
fn the_demo_serves_the_console_and_its_link_opens_it_once() {
    let place = Place::new();
    let demo = Demo::start(&place);
    let line = |name: &str| {
        let found = demo.told.lines().find_map(|line| line.strip_prefix(name));
        found
            .unwrap_or_else(|| panic!("no {name:?} in: {}", demo.told))
            .split_whitespace()
            .next()
            .unwrap()
            .to_owned()
    };
    let (manage, link) = (line("management listener"), line("console"));
    let token = link.strip_prefix(&format!("{manage}/console/#/link/")).unwrap();
    let page = demo.ask(&manage, "GET /console/", "");
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("countersign console"), "{page}");
    let opened = demo.ask(&manage, "POST /console/api/v1/link", &format!("{{\"token\":\"{token}\"}}"));
    assert!(opened.starts_with("HTTP/1.1 200") && opened.contains("\"role\":\"owner\""), "{opened}");
    let again = demo.ask(&manage, "POST /console/api/v1/link", &format!("{{\"token\":\"{token}\"}}"));
    assert!(again.starts_with("HTTP/1.1 401"), "{again}");
}

/// A demo that goes on serving, with what it printed before that.
struct Demo {
    child: Child,
    told: String,
}

impl Demo {
    fn start(place: &Place) -> Self {
        let mut child = place
            .command(&["demo"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        // The last command that it suggests ends what it prints.
        let mut told = String::new();
        for line in lines {
            told.push_str(&line);
            told.push('\n');
            if line.contains(" key list ") {
                break;
            }
        }
        Self { child, told }
    }

    fn ask(&self, base: &str, line: &str, body: &str) -> String {
        let address = base.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        let length = body.len();
        let head = format!(
            "{line} HTTP/1.1\r\nHost: {address}\r\ncountersign-console: 1\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_proxy_of_the_environment_stands_before_no_server_of_this_machine() {
    let place = Place::new();
    let server = Server::start(&place);
    let list = ["account", "list", "--server", &server.manage];
    let output = place.command(&list).env("HTTP_PROXY", "http://127.0.0.1:9").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_caller_holds_both_schemes_while_it_moves_and_readiness_names_who_still_has_to() {
    let place = Place::new();
    let server = Server::with(
        &place,
        "[[route]]\nname = \"moving\"\npath = \"/moving/\"\ndialects = [\"skykit\", \"asymmetric-jwt\"]\nmoving_to = [\"asymmetric-jwt\"]\n\
         upstream = \"http://127.0.0.1:9\"\n\
         [[route]]\nname = \"shadowed\"\npath = \"/shadowed/\"\ndialects = [\"skykit\", \"asymmetric-jwt\"]\nmoving_to = [\"asymmetric-jwt\"]\n\
         mode = \"shadow\"\nupstream = \"http://127.0.0.1:9\"\n",
    );
    let run = |line: &str| place.run(&format!("{line} --server {}", server.manage));
    let mut accounts = String::new();
    for name in ["done", "half", "late"] {
        place.run(&format!("key new {name}.old --for skykit --bits 2048")).ok();
        place.run(&format!("key new {name}.new")).ok();
        accounts.push_str(&format!(
            "[[account]]\nname = \"{name}\"\nidentifiers = {{ email = \"{name}@h\", user = \"{name}\" }}\n\
             [[account.key]]\nlabel = \"old\"\nfile = \"{name}.old.pub\"\ndialects = [\"skykit\"]\n\
             [[account.key]]\nlabel = \"new\"\nfile = \"{name}.new.pub\"\ndialects = [\"asymmetric-jwt\"]\n"
        ));
    }
    place.write("accounts.toml", &accounts);
    run("apply accounts.toml").ok();
    // Verified and passed on, to nobody: 502 is the upstream's.
    let old = |name: &str, route: &str| {
        let asked = format!("request GET {}/{route}/x -d skykit -k {name}.old --as {name}@h", server.public);
        place.run(&asked).fails(5, &["502"]);
    };
    let new = |name: &str, route: &str| {
        let asked =
            format!("request GET {}/{route}/x -d asymmetric-jwt -k {name}.new --as {name}", server.public);
        place.run(&asked).fails(5, &["502"]);
    };
    new("done", "moving");
    old("half", "moving");
    new("half", "moving");
    old("late", "shadowed");
    new("done", "shadowed");
    let told = run("readiness").ok();
    for wanted in [
        "2 of 4 callers would pass; these 2 would not.",
        "- half on moving: It still signs skykit (1 of 2 requests)",
        "- late on shadowed: It still signs skykit (1 of 1 requests)",
    ] {
        assert!(told.contains(wanted), "{wanted}\n{told}");
    }
    let report = run("--json readiness").json();
    let rows = report["seen"].as_array().unwrap();
    let leaving = |name: &str| rows.iter().find(|row| row["caller"] == name).unwrap()["leaving"].clone();
    assert_eq!((leaving("late").as_str(), leaving("done").as_str()), (Some("skykit"), None));
    // A key of the one scheme proves nothing in the other.
    let crossed = format!("request GET {}/moving/x -d asymmetric-jwt -k late.old --as late", server.public);
    place.run(&crossed).fails(3, &[]);
    place.write("wrong.toml", "version = 1\n[[listener]]\naddress = \"127.0.0.1:0\"\nsurfaces = [\"gateway\"]\n[[route]]\nname = \"r\"\ndialects = [\"skykit\"]\nmoving_to = [\"spacetime\"]\nupstream = \"http://127.0.0.1:9\"\n");
    place.run("config check --config wrong.toml").fails(2, &["moving_to", "spacetime"]);
}
