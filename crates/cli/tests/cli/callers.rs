//! What callers do: keys, signing, judging captured requests, dialects, and everything that can be wrong with them.
use crate::run::{Place, mode};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

const VECTOR_KEY: &str = "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

#[test]
fn keys_are_made_private_shown_and_converted() {
    let place = Place::new();
    let made = place.run("--json key new a.pem").json();
    assert_eq!((made["kind"].as_str(), mode(&place.path("a.pem"))), (Some("Ed25519"), 0o600));
    let again = place.run("--json key show a.pem.pub").json();
    assert_eq!(again["jwk_thumbprint"], made["jwk_thumbprint"]);
    for form in ["pem", "jwk", "openssh", "base64", "hex"] {
        let text = place.run(&format!("key convert a.pem --to {form}")).ok();
        let shown = place.run_with_input("--json key show -", text.as_bytes()).json();
        assert_eq!(shown["jwk_thumbprint"], made["jwk_thumbprint"], "{form}");
    }
    place.run("key convert a.pem --to pkcs8 --out copy.pem").ok();
    assert_eq!(mode(&place.path("copy.pem")), 0o600);
    let rsa = place.run("--json key new --for skykit --bits 2048 b.pem").json();
    assert_eq!((rsa["kind"].as_str(), rsa["bits"].as_u64()), (Some("RSA"), Some(2048)));
}

#[test]
fn nothing_is_overwritten_and_bad_keys_are_named() {
    let place = Place::new();
    place.run("key new a.pem").ok();
    let before = fs::read(place.path("a.pem")).unwrap();
    place.run("key new a.pem").fails(7, &["a.pem", "already"]);
    assert_eq!(fs::read(place.path("a.pem")).unwrap(), before);
    place.run("key convert a.pem --to pem --out a.pem.pub").fails(7, &["a.pem.pub"]);
    place.run("key new --bits 1024 c.pem").fails(2, &["2048"]);
    place.run("key new --type rsa --bits 2049 c.pem").fails(2, &["2049"]);
    place.run("key convert a.pem --to pkcs8").fails(2, &["--out"]);
    place.run("key convert a.pem.pub --to pkcs8 --out x.pem").fails(2, &["private"]);
    place.run("key show nothing.pem").fails(6, &["nothing.pem"]);
    place.write("noise.pem", "-----BEGIN NOISE-----\n");
    place.run("key show noise.pem").fails(2, &["noise.pem"]);
    place.run("key show .").fails(2, &["directory"]);
}

#[test]
fn encrypted_keys_want_their_passphrase_and_never_a_hanging_prompt() {
    let place = Place::new();
    place.write("right", "correct horse\n");
    place.write("wrong", "battery staple\n");
    place.write("empty", "\n");
    place.run("key new a.pem --passphrase-file right").ok();
    assert!(fs::read_to_string(place.path("a.pem")).unwrap().contains("ENCRYPTED"));
    let sign = "sign -d asymmetric-jwt -k a.pem --as me --token";
    assert_eq!(place.run(&format!("{sign} --passphrase-file right")).ok().matches('.').count(), 2);
    place.run(&format!("{sign} --passphrase-file wrong")).fails(2, &["passphrase"]);
    place.run(&format!("{sign} --passphrase-file empty")).fails(2, &["empty"]);
    place.run(sign).fails(2, &["--passphrase-file"]);
    place.run("key new b.pem --encrypt").fails(2, &["--passphrase-file"]);
    assert!(!place.path("b.pem").exists());
}

#[test]
fn a_key_that_others_may_read_is_used_with_a_warning() {
    let place = Place::new();
    place.run("key new a.pem").ok();
    fs::set_permissions(place.path("a.pem"), fs::Permissions::from_mode(0o644)).unwrap();
    let ran = place.run("sign -d asymmetric-jwt -k a.pem --as me");
    assert!(ran.err.contains("chmod 600"), "{}", ran.err);
    ran.ok();
    fs::set_permissions(place.path("a.pem.pub"), fs::Permissions::from_mode(0o644)).unwrap();
    let public = place.run("key show a.pem.pub");
    assert!(!public.err.contains("chmod"), "a public key is everybody's: {}", public.err);
    public.ok();
}

#[test]
fn a_server_that_does_not_answer_is_told_as_that() {
    let place = Place::new();
    place.run("key new a.pem").ok();
    let request = "request GET http://127.0.0.1:1/x -d asymmetric-jwt -k a.pem --as me";
    place.run(request).fails(5, &["no answer came", "refused", "does the server run?"]);
}

#[test]
fn what_is_signed_verifies_and_what_is_changed_does_not() {
    let place = Place::new();
    place.run("key new a.pem").ok();
    place.run("key new b.pem").ok();
    let token = place.run("sign -d asymmetric-jwt -k a.pem --as me --token").ok();
    place.write("token", &token);
    let known = "-d asymmetric-jwt --key a.pem.pub --as me";
    let verdict = place.run(&format!("--json verify token {known}")).json();
    assert_eq!(
        (verdict["verdict"].as_str(), verdict["caller"]["identifier"].as_str()),
        (Some("verified"), Some("me"))
    );
    let explained = place.run("explain token -d asymmetric-jwt --key b.pem.pub --as me");
    assert!(explained.out.contains("NO: bad-signature") && explained.err.is_empty(), "{}", explained.out);
    assert_eq!(explained.code, 3);
    for (line, reason) in [
        ("verify token -d asymmetric-jwt --key a.pem.pub --as other", "unknown-account"),
        ("verify token -d asymmetric-jwt --key a.pem.pub --as me --at 2001-09-09T01:46:40Z", "out-of-window"),
    ] {
        let ran = place.run(line);
        assert!(ran.code == 3 && ran.out.contains(reason), "{line}: {}", ran.out);
    }
    let raw = format!("GET /x HTTP/1.1\r\nHost: api.example\r\nAuthorization: JWT {}\r\n\r\n", token.trim());
    assert!(place.run_with_input(&format!("verify - {known}"), raw.as_bytes()).ok().contains("verified"));
}

#[test]
fn signatures_over_the_request_are_judged_from_captures() {
    let place = Place::new();
    place.run("key new a.pem --for skillhive --bits 2048").ok();
    let sign = "--json sign -d skillhive -k a.pem --as c1 --acting-as ada -X POST --data {\"a\":1} https://h.example/x?y=%20";
    let made = place.run(sign).json();
    let request = |body: &str| {
        serde_json::json!({ "method": "POST", "url": "https://h.example/x?y=%20", "headers": made["headers"], "body": body })
            .to_string()
    };
    let line = "--json verify - -d skillhive --key a.pem.pub --as c1 --acting-as ada";
    let good = place.run_with_input(line, request("{\"a\":1}").as_bytes()).json();
    assert_eq!(good["caller"]["acting_as"], "ada");
    let bad = place.run_with_input(line, request("{\"a\":2}").as_bytes());
    assert!(bad.code == 3 && bad.out.contains("bad-signature"), "{}", bad.out);
    place.run("sign -d skillhive -k a.pem --as c1 --acting-as ada").fails(2, &["address"]);
    place.run("sign -d skillhive -k a.pem --as c1 https://h/x").fails(2, &["user to act for"]);
    place.run("sign -d skillhive -k a.pem --acting-as ada https://h/x").fails(2, &["--as CONNECTION"]);
    place
        .run("sign -d skillhive -k a.pem --as c --acting-as ada --token https://h/x")
        .fails(2, &["no token"]);
}

#[test]
fn message_signatures_are_judged_from_captures() {
    let place = Place::new();
    for (file, kind) in [("ed.pem", ""), ("ec.pem", " --type p256"), ("rsa.pem", " --type rsa --bits 2048")] {
        place.run(&format!("key new {file}{kind}")).ok();
        let url = "https://h.example/x?y=%20";
        let made = place
            .run(&format!("--json sign -d http-signature -k {file} -X POST --data {{\"a\":1}} {url}"))
            .json();
        let request = |url: &str, body: &str| {
            serde_json::json!({ "method": "POST", "url": url, "headers": made["headers"], "body": body })
                .to_string()
        };
        let judged = |set: &str, capture: String| {
            let line = format!("--json verify - -d http-signature --key {file}.pub{set}");
            place.run_with_input(&line, capture.as_bytes())
        };
        let good = judged("", request(url, "{\"a\":1}")).json();
        assert_eq!(
            (good["verdict"].as_str(), good["dialect"].as_str()),
            (Some("verified"), Some("http-signature"))
        );
        // The key's own name, since nothing else was registered.
        let named = good["caller"]["identifier"].as_str().unwrap().to_owned();
        assert!(made["headers"].to_string().contains(&named), "{named}: {made}");
        for (set, url, body, reason) in [
            ("", url, "{\"a\":2}", "digest-mismatch"),
            ("", url, "", "digest-mismatch"),
            ("", "https://h.example/x?y=+", "{\"a\":1}", "bad-signature"),
            ("", "https://other.example/x?y=%20", "{\"a\":1}", "bad-signature"),
            (" --set also_covers=@scheme", url, "{\"a\":1}", "component-missing"),
            (" --set tag=mine", url, "{\"a\":1}", "missing-credentials"),
        ] {
            let bad = judged(set, request(url, body));
            assert!(bad.code == 3 && bad.out.contains(reason), "{file}{set} {url} {body}: {}", bad.out);
        }
    }
    // Accounts that are found by name, and what is signed only when it is there.
    let sets = "--set namespace=partner --set if_present=authorization";
    let sign = format!(
        "--json sign -d http-signature -k ed.pem --as acme {sets} -H Authorization:x https://h.example/"
    );
    let made = place.run(&sign).json();
    let mut headers = made["headers"].as_array().unwrap().clone();
    headers.push(serde_json::json!(["authorization", "x"]));
    let capture = |headers: &[serde_json::Value]| {
        serde_json::json!({ "method": "GET", "url": "https://h.example/", "headers": headers }).to_string()
    };
    let line = format!("--json verify - -d http-signature --key ed.pem.pub --as acme {sets}");
    let good = place.run_with_input(&line, capture(&headers).as_bytes()).json();
    assert_eq!(good["caller"]["identifier"], "acme");
    headers.pop();
    let bad = place.run_with_input(&line, capture(&headers).as_bytes());
    assert!(bad.code == 3 && bad.out.contains("component-absent"), "{}", bad.out);
}

#[test]
fn a_file_of_accounts_says_who_is_known() {
    let place = Place::new();
    place.run("key new a.pem").ok();
    place.write("token", &place.run("sign -d asymmetric-jwt -k a.pem --as me --token").ok());
    let accounts = |key: &str| {
        format!(
            "[[account]]\nname = \"mine\"\nidentifiers = {{ user = \"me\" }}\n[[account.key]]\n{key}\ndialects = [\"asymmetric-jwt\"]\n"
        )
    };
    let line = "verify token -d asymmetric-jwt --accounts accounts.toml";
    place.write("accounts.toml", &accounts("file = \"a.pem.pub\""));
    assert!(place.run(line).ok().contains("mine"));
    place.write("accounts.toml", &accounts("file = \"a.pem.pub\"\nenabled = false"));
    assert!(place.run(line).out.contains("key-not-live"));
    for (key, words) in [
        ("file = \"a.pem\"", "private key"),
        ("file = \"missing.pem\"", "missing.pem"),
        ("file = \"a.pem.pub\"\npublic = \"x\"", "either"),
        ("lable = \"x\"", "lable"),
        ("file = ", "accounts.toml"),
    ] {
        place.write("accounts.toml", &accounts(key));
        let ran = place.run(line);
        assert!(ran.code == 2 || ran.code == 6, "{key}: {}", ran.code);
        assert!(ran.err.contains(words) && ran.err.contains("accounts.toml"), "{key}: {}", ran.err);
    }
}

#[test]
fn wrong_arguments_end_with_2_and_say_what_was_wanted() {
    let place = Place::new();
    place.run("key new a.pem").ok();
    place.write("dialect.toml", "name = ");
    place.write("seen", "GET / HTTP/1.1\nHost: h\n\n");
    for (line, words) in [
        ("srve", "serve"),
        ("sign -d nothing -k a.pem --as me", "shipped are"),
        ("sign -d dialect.toml -k a.pem --as me", "dialect"),
        ("sign -d skykit -k a.pem --as me", "RS256"),
        ("sign -d asymmetric-jwt -k a.pem --as me --set tolerance", "NAME=VALUE"),
        ("sign -d asymmetric-jwt -k a.pem --as me --set tollerance=1s", "tolerance"),
        ("sign -d asymmetric-jwt -k a.pem --as me --algorithm RS1", "wanted one of"),
        ("sign -d spacetime -k a.pem --as me", "session"),
        ("sign -d spacetime -k a.pem --as me --challenge eyJhbGciOiJFZERTQSJ9.e30", "hexadecimal"),
        ("sign -d asymmetric-jwt -k a.pem --as me -H nocolon", "header"),
        ("verify a.pem.pub -d skykit", "--accounts"),
        ("verify a.pem.pub -d skykit --key a.pem.pub --as x", "request line"),
        ("verify seen -d skykit --key a.pem.pub", "--as EMAIL"),
        ("verify a.pem.pub -d skykit --key a.pem.pub --as x --at tomorrow", "2026-11-22"),
        ("verify seen -d skykit --key a.pem --as x", "private key"),
        ("request GET /relative -d asymmetric-jwt -k a.pem --as me", "absolute"),
        ("request GET https://h/ -d spacetime -k a.pem --as me --offline", "session"),
        ("help nonsense", "exit-codes"),
        ("config check --set server", "PATH=VALUE"),
        ("config check --set server.lgo=info", "log"),
    ] {
        let ran = place.run(line);
        assert!(ran.code == 2 && ran.err.contains(words), "{line}: {} {}", ran.code, ran.err);
        assert!(ran.out.is_empty(), "{line}: {}", ran.out);
    }
    assert!(place.run("--json sign -d skykit -k none.pem --as me").err.contains("\"error\":\"missing\""));
}

#[test]
fn dialects_are_listed_shown_linted_and_tested() {
    let place = Place::new();
    let list = place.run("--json dialect list").json();
    assert!(
        list.as_array()
            .unwrap()
            .iter()
            .any(|item| item["name"] == "skykit" && item["callers_named_by"] == "email")
    );
    assert!(place.run("dialect show skillhive").ok().contains("Does not protect"));
    place.write("own.toml", &place.run("dialect show skykit --file").ok());
    assert!(place.run("dialect lint own.toml").ok().contains("sound"));
    place.write("bad.toml", "name = \"x\"\nsummary = \"\"\nalgorithms = [\"none\"]\n");
    let bad = place.run("dialect lint own.toml bad.toml");
    assert!(bad.code == 2 && bad.out.contains("bad.toml: error"), "{}", bad.out);
    place.run("dialect test own.toml").fails(2, &["own.toml"]);
    place.run("dialect test missing.json").fails(6, &["missing.json"]);
}

#[test]
fn vectors_are_judged_and_counted() {
    let place = Place::new();
    place.run("key new a.pem").ok();
    let token = place.run("sign -d asymmetric-jwt -k a.pem --as me --token").ok();
    let public = fs::read_to_string(place.path("a.pem.pub")).unwrap();
    let vector = |result: &str, status: u16| {
        serde_json::json!({
            "format": "seed-dialect-vectors/1",
            "dialect": "asymmetric-jwt",
            "now": 0,
            "config": {},
            "registry": { "users": { "me": { "keys": [{ "pem": public }] } } },
            "cases": [{ "id": "one", "group": "reject", "steps": [{
                "now": 1_000_000_000,
                "request": { "method": "GET", "url": "https://h/x", "headers": [["Authorization", format!("JWT {}", token.trim())]] },
                "expect": { "result": result, "status": status },
            }] }],
        })
        .to_string()
    };
    place.write("good.json", &vector("reject", 401));
    place.write("bad.json", &vector("accept", 200));
    let good = place.run("dialect test good.json");
    assert!(good.out.ends_with("1 passed, 0 failed\n") && good.code == 0, "{} {}", good.out, good.err);
    let both = place.run("dialect test good.json bad.json");
    assert!(both.out.ends_with("1 passed, 1 failed\n") && both.code == 1, "{} {}", both.out, both.err);
    assert!(both.out.contains("FAILED bad.json one: step 1"));
}

#[test]
fn every_shipped_vector_passes() {
    let place = Place::new();
    let dialects = concat!(env!("CARGO_MANIFEST_DIR"), "/../dialects");
    let mut arguments = vec!["dialect".to_owned(), "test".to_owned()];
    for name in ["skykit", "skillhive", "spacetime", "asymmetric-jwt", "partner-key"] {
        arguments.push(format!("{dialects}/{name}/vectors/seed.json"));
    }
    let ran = place.run_all(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).ok();
    let passed: u32 = ran.strip_suffix(" passed, 0 failed\n").unwrap().parse().unwrap();
    assert!(passed > 300, "{ran}");
}

#[test]
fn help_completions_and_offline_requests_are_printed() {
    let place = Place::new();
    assert_eq!(place.run("--json help exit-codes").json()[3]["name"], "refused");
    assert!(place.run("help key new").ok().contains("--passphrase-file"));
    for shell in ["bash", "zsh", "fish"] {
        assert!(place.run(&format!("completions {shell}")).ok().contains("countersign"));
    }
    place.run("key new a.pem").ok();
    let curl = place.run("request GET https://h.example/x -d asymmetric-jwt -k a.pem --as me --offline").ok();
    assert!(curl.starts_with("curl -X GET") && curl.contains("authorization: JWT"), "{curl}");
    place.write("key", VECTOR_KEY);
    assert!(place.run("key show key").ok().contains("Ed25519"));
}

#[test]
fn a_reader_that_stops_is_no_failure() {
    let place = Place::new();
    let mut child = place
        .command(&["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}
