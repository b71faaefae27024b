//! `countersign explain`: a capture in a browser's spelling, and a refusal that a server kept.
use crate::run::{Place, Server};
use serde_json::json;

#[test]
fn a_refusal_that_the_server_kept_is_told_to_an_operator() {
    let place = Place::new();
    let server = Server::with(
        &place,
        "[[route]]\nname = \"kept\"\npath = \"/kept/\"\ndialects = [\"asymmetric-jwt\"]\nupstream = \"http://127.0.0.1:9\"\n",
    );
    let run = |line: &str| place.run(&format!("{line} --server {}", server.manage));
    place.run("key new own.pem").ok();
    place.run("key new other.pem").ok();
    run("account add alice --identifier user=alice").ok();
    run("key register alice --file own.pem.pub -d asymmetric-jwt").ok();
    let asked =
        format!("--json request GET {}/kept/x -i -d asymmetric-jwt -k other.pem --as alice", server.public);
    let refused = place.run(&asked);
    assert_eq!(refused.code, 3, "{}{}", refused.out, refused.err);
    let told = format!("{}{}", refused.out, refused.err);
    let reject = told.split('"').find(|word| word.starts_with("rej_")).unwrap_or_else(|| panic!("{told}"));
    // It is explained beside the requests, a moment later.
    let found = (0..100).find_map(|_| {
        let asked = run(&format!("--json explain --reject {reject}"));
        if asked.out.contains("\"explanation\"") {
            return Some(asked);
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
        None
    });
    let asked = found.expect("the server keeps it");
    assert_eq!(asked.code, 3, "{}", asked.err);
    assert!(asked.out.contains("bad-signature") && asked.out.contains("alice"), "{}", asked.out);
    let text = run(&format!("explain --reject {reject}"));
    assert!(text.out.contains("NO: bad-signature"), "{}", text.out);
    run("explain --reject rej_nothing").fails(6, &["refusal"]);
    // The caller itself asks: by another key of the account everything is told, by none or a stranger's a word.
    place.run("key new spare.pem").ok();
    run("key register alice --file spare.pem.pub -d asymmetric-jwt").ok();
    let token = place.run("sign -d asymmetric-jwt -k other.pem --as alice --token").ok();
    let host = server.public.trim_start_matches("http://");
    let raw = format!("GET /kept/x HTTP/1.1\r\nHost: {host}\r\nAuthorization: JWT {}\r\n\r\n", token.trim());
    place.write("captured", &raw);
    let captured = format!("explain captured -d asymmetric-jwt --base {0} --ask {0}", server.public);
    let ask = |more: &str| place.run(&format!("{captured}{more}"));
    let told = ask(" --prove spare.pem");
    assert!(told.code == 3 && told.out.contains("NO: bad-signature"), "{}{}", told.out, told.err);
    // What only a judgement made here could heed is refused, not left unheard.
    for here in [" --at 2026-11-22T15:00:00Z", " --key spare.pem.pub --as alice"] {
        assert_eq!(ask(here).code, 2, "{here}");
    }
    for more in ["", " --prove other.pem"] {
        let told = ask(more);
        assert_eq!(told.code, 3, "{}{}", told.out, told.err);
        assert!(told.out.contains("code ") && !told.out.contains("NO:"), "{}", told.out);
    }
}

#[test]
fn what_a_browser_saved_is_explained() {
    let place = Place::new();
    place.run("key new a.pem").ok();
    let token = place.run("sign -d asymmetric-jwt -k a.pem --as me --token").ok();
    let har = json!({ "log": { "version": "1.2", "entries": [{ "request": {
        "method": "GET",
        "url": "https://api.example/x",
        "httpVersion": "HTTP/1.1",
        "headers": [
            { "name": "Host", "value": "api.example" },
            { "name": "Authorization", "value": format!("JWT {}", token.trim()) },
        ],
        "queryString": [],
    } }] } });
    place.write("saved.har", &har.to_string());
    let explained = place.run("explain saved.har -d asymmetric-jwt --key a.pem.pub --as me");
    assert!(explained.ok().contains("verified"));
    place.run("explain").fails(2, &["--dialect", "FILE"]);
}
