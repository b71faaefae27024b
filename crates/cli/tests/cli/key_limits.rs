//! What a registered key may be used for, set and shown by command: it counts at the next request, and what is not named stays as it is.
#![expect(clippy::indexing_slicing, reason = "tests may stop at once")]
use crate::nodes::upstream;
use crate::run::{Place, Server};

/// A server with one route, and alice with one key.
fn made(place: &Place) -> (Server, String) {
    let upstream = upstream();
    let server = Server::with(
        place,
        &format!(
            "[[route]]\nname = \"in\"\npath = \"/in/\"\ndialects = [\"asymmetric-jwt\"]\nupstream = \"{upstream}\"\n"
        ),
    );
    place.run("key new a.pem").ok();
    place.run(&format!("account add alice --identifier user=alice --server {}", server.manage)).ok();
    let line = "--json key register alice --file a.pem.pub -d asymmetric-jwt --methods GET,HEAD --path /in/reports,/in/more \
                --network 127.0.0.0/8 --expires 2999-01-31";
    let key = place.run(&format!("{line} --server {}", server.manage)).json();
    assert_eq!(key["limits"]["methods"], serde_json::json!(["GET", "HEAD"]));
    assert_eq!(key["limits"]["paths"], serde_json::json!(["/in/reports", "/in/more"]));
    assert_eq!(key["limits"]["networks"], serde_json::json!(["127.0.0.0/8"]));
    assert_eq!(key["expires"], "2999-01-31T00:00:00Z");
    (server, key["id"].as_str().unwrap().to_owned())
}

#[test]
fn limits_are_set_by_command_and_count_at_the_next_request() {
    let place = Place::new();
    let (server, key) = made(&place);
    let run = |line: &str| place.run(&format!("{line} --server {}", server.manage));
    let asked = |method: &str, path: &str| {
        let line = format!("request {method} {}{path} -d asymmetric-jwt -k a.pem --as alice", server.public);
        place.run(&line).code
    };
    assert_eq!(
        (asked("GET", "/in/reports/x"), asked("GET", "/in/reportsx"), asked("POST", "/in/reports")),
        (0, 3, 3)
    );
    // One list is changed, and nothing else.
    let after = run(&format!("--json key limit {key} --method POST")).json();
    assert_eq!(after["limits"]["methods"], serde_json::json!(["POST"]));
    assert_eq!(after["limits"]["paths"], serde_json::json!(["/in/reports", "/in/more"]));
    assert_eq!((asked("POST", "/in/reports"), asked("GET", "/in/reports")), (0, 3));
    run(&format!("key limit {key} --clear-methods --clear-paths --algorithm RS256"))
        .fails(2, &["algorithms that this key can serve"]);
    run(&format!("key limit {key} --clear-methods --clear-paths")).ok();
    assert_eq!((asked("GET", "/in/x"), asked("PUT", "/in/x")), (0, 0));
    run(&format!("key limit {key} --networks 10.0.0.0/8,192.0.2.7")).ok();
    assert_eq!(asked("GET", "/in/x"), 3, "from elsewhere");
    run(&format!("key limit {key} --clear-networks --dialects skykit,spacetime")).ok();
    assert_eq!(asked("GET", "/in/x"), 3, "for other dialects");
    run(&format!("key limit {key} -d asymmetric-jwt --expires 1h")).ok();
    assert_eq!(asked("GET", "/in/x"), 0);
    let kind = run(&format!("--json key show {key}")).json();
    let own = place.run("--json key show a.pem").json()["algorithms"][0].as_str().unwrap().to_owned();
    assert!(kind["expires"].is_string() && kind["algorithms"] == serde_json::json!([]), "{kind}");
    run(&format!("key limit {key} --algorithm {own} --method GET --path /in")).ok();
    let listed = run("key list alice").ok();
    assert!(listed.contains("LIMITS") && listed.contains(&format!("GET; /in; {own}")), "{listed}");
    let shown = run(&format!("key show {key}")).ok();
    assert!(shown.contains("methods: GET") && shown.contains("paths: /in"), "{shown}");
    run(&format!("key limit {key} --clear-expires --clear-algorithms --clear-methods --clear-paths")).ok();
    let shown = run(&format!("--json key show {key}")).json();
    assert!(shown["expires"].is_null() && shown["algorithms"] == serde_json::json!([]), "{shown}");
    let audit = run("audit list").ok();
    for action in ["key.set-limits", "key.set-expiry", "key.set-dialects"] {
        assert!(audit.contains(action), "{action} in {audit}");
    }
}

#[test]
fn what_cannot_be_limits_says_what_can() {
    let place = Place::new();
    let (server, key) = made(&place);
    let run = |line: &str| place.run(&format!("{line} --server {}", server.manage));
    let before = run(&format!("--json key show {key}")).json();
    for (line, code, words) in [
        (String::new(), 2, ["wanted something to change", "--clear-"]),
        (" --expires soon".into(), 2, ["2027-01-31T12:00:00Z", "\"soon\""]),
        (" --expires 2001-01-01".into(), 0, ["", ""]),
        (" --method get".into(), 2, ["a method in capitals such as GET", "\"get\""]),
        (" --path reports --method GET".into(), 2, ["a path prefix such as /v1/orders", "reports"]),
        (" --network 10.0.0.1/8".into(), 2, ["a network such as 10.0.0.0/8", "10.0.0.1/8"]),
        (" --dialect nonsense".into(), 2, ["does not know the dialect", "choose from these"]),
        (" --method GET --clear-methods".into(), 2, ["cannot be used with", "--clear-methods"]),
    ] {
        let ran = run(&format!("key limit {key}{line}"));
        if code == 0 {
            // A key may be given an end that has passed: it counts no more.
            ran.ok();
            assert_eq!(run(&format!("--json key show {key}")).json()["live"], false);
            run(&format!("key limit {key} --expires 2999-01-31")).ok();
        } else {
            ran.fails(code, &words);
        }
    }
    assert_eq!(run(&format!("--json key show {key}")).json(), before, "nothing was changed by halves");
    run("key limit key_nobody --method GET").fails(6, &["key"]);
    run("key show key_nobody").fails(6, &["key"]);
}
