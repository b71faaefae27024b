//! Imports of files that somebody shaped to get more than was theirs, or to keep the command busy.
use crate::import::{imported, left_out, pair, rsa};
use crate::run::{Place, Server};
use serde_json::{Value, json};

/// Ed25519 public keys as OpenSSH writes them, cheap enough for thousands.
fn ssh_keys(place: &Place, count: usize) -> Vec<String> {
    let base = ssh(place, "base");
    let blob = base.split(' ').nth(1).unwrap().to_owned();
    // The last letters tell other points; about half of them are none, and are left out by the import.
    (0..count)
        .map(|number| format!("ssh-ed25519 {}{:03}{}", &blob[..50], number % 1000, &blob[53..]))
        .collect()
}

fn ssh(place: &Place, name: &str) -> String {
    pair(place, name, &["-algorithm", "ED25519"]);
    place.run(&format!("key convert {name}.pub --to openssh")).ok().trim().to_owned()
}

fn accounts(told: &Value) -> Vec<(String, usize)> {
    let file: toml::Value = toml::from_str(told["installation"].as_str().unwrap()).unwrap();
    let rows = file.get("account").and_then(toml::Value::as_array).unwrap();
    rows.iter()
        .map(|row| {
            let keys = row.get("key").and_then(toml::Value::as_array).map_or(0, Vec::len);
            (row["name"].as_str().unwrap().to_owned(), keys)
        })
        .collect()
}

#[test]
fn kongs_consumers_are_never_mixed_up() {
    let place = Place::new();
    let keys: Vec<String> =
        ["a", "b", "c", "d", "e", "f"].iter().map(|name| rsa(&place, name, "2048")).collect();
    let secret = |key: &str, pem: &str| json!({ "key": key, "algorithm": "RS256", "rsa_public_key": pem });
    let of = |consumer: &str, key: &str, pem: &str| json!({ "consumer": { "id": consumer }, "key": key, "algorithm": "RS256", "rsa_public_key": pem });
    let file = json!({
        "consumers": [
            { "username": "alice", "id": "id-1", "jwt_secrets": [secret("alice-issuer", &keys[0])] },
            // Another consumer, whose own word for itself is the first one's name.
            { "custom_id": "alice", "id": "id-2", "jwt_secrets": [secret("mallory-issuer", &keys[1])] },
            // And one that is called as the first one's id.
            { "username": "id-1", "id": "id-3" },
            { "username": "bob", "jwt_secrets": [secret("alice-issuer", &keys[4])] },
        ],
        "jwt_secrets": [
            of("id-1", "another", &keys[2]),
            { "key": "alice", "algorithm": "RS256", "rsa_public_key": keys[3] },
        ],
        "keys": [{ "name": "alice", "kid": "k", "pem": { "public_key": keys[5] } }],
    });
    place.write("kong.json", &file.to_string());
    let told = imported(&place, "kong kong.json -d skykit", 3);
    left_out(
        &told,
        &[
            ("mallory-issuer", "another caller"),
            ("another", "several consumers"),
            ("bob", "alice-issuer"),
            ("jwt_secret alice", "another caller"),
            ("key alice", "another caller"),
        ],
    );
    assert_eq!(accounts(&told), [("alice".to_owned(), 1)]);
}

#[test]
fn djangos_users_are_those_of_one_table() {
    let place = Place::new();
    let key = rsa(&place, "a", "2048");
    let row = |model: &str, pk: u32, fields: Value| json!({ "model": model, "pk": pk, "fields": fields });
    let own = row("asymmetric_jwt_auth.publickey", 1, json!({ "user": 7, "key": key, "comment": "" }));
    // A table that everybody may write into, under the number of a user.
    let comment = row("forum.guest", 7, json!({ "username": "admin" }));
    let user = row("auth.user", 7, json!({ "username": "mallory", "is_active": true }));
    place.write("all.json", &json!([user, comment, own]).to_string());
    let told = imported(&place, "django all.json", 0);
    assert_eq!(accounts(&told), [("mallory".to_owned(), 1)]);
    let member = row("members.member", 7, json!({ "username": "mallory" }));
    place.write("two.json", &json!([member, comment, own]).to_string());
    place.run("import django two.json").fails(2, &["forum.guest", "members.member"]);
    place.write("one.json", &json!([member, own]).to_string());
    assert_eq!(accounts(&imported(&place, "django one.json", 0)), [("mallory".to_owned(), 1)]);
    let trust = |pk: u32, url: &str| {
        row("asymmetric_jwt_auth.jwksendpointtrust", pk, json!({ "user": 7, "jwks_url": url }))
    };
    place.write(
        "trusts.json",
        &json!([user, trust(1, "https://a.example/jwks"), trust(2, "https://b.example/jwks")]).to_string(),
    );
    left_out(
        &imported(&place, "django trusts.json", 3),
        &[("jwksendpointtrust 2", "https://a.example/jwks")],
    );
}

#[test]
fn a_line_that_restricts_twice_reaches_no_further() {
    let place = Place::new();
    let (one, two) = (ssh(&place, "one"), ssh(&place, "two"));
    place.write(
        "keys",
        &format!(
            "from=\"10.0.0.0/8\",from=\"0.0.0.0/0\" {one} both\n\
             expiry-time=\"20300101Z\",expiry-time=\"20990101Z\" {two} dated\n\
             {} dated\n",
            ssh(&place, "three"),
        ),
    );
    let told = imported(&place, "authorized-keys keys -d asymmetric-jwt", 3);
    left_out(&told, &[("line 1", "more than once")]);
    assert!(
        told["notes"].to_string().contains("line 3") && told["notes"].to_string().contains("same caller"),
        "{told}"
    );
    assert!(told["installation"].as_str().unwrap().contains("expires = \"2030-01-01T00:00:00Z\""), "{told}");
}

#[test]
fn names_that_steer_a_terminal_or_look_like_others_stay_behind() {
    let place = Place::new();
    let (a, b) = (rsa(&place, "a", "2048"), rsa(&place, "b", "2048"));
    let names = ["evil\u{9b}2J", "admin\u{202e}", " admin", &"x".repeat(129)];
    let consumers: Vec<Value> = names
        .iter()
        .map(|name| json!({ "username": name, "jwt_secrets": [{ "key": "k", "algorithm": "RS256", "rsa_public_key": a }] }))
        .collect();
    // Written as JSON escapes it, since YAML has no control characters.
    let text = json!({ "consumers": consumers }).to_string().replace('\u{9b}', "\\u009b");
    place.write("kong.json", &text);
    let ran = place.run("import kong kong.json -d skykit");
    assert_eq!(ran.code, 3, "{} {}", ran.out, ran.err);
    assert!(ran.out.trim() == "account = []", "{}", ran.out);
    let odd = |text: &str| text.chars().any(|letter| "\u{9b}\u{202e}\u{1b}".contains(letter));
    assert!(!odd(&ran.out) && !odd(&ran.err), "{:?} {:?}", ran.out, ran.err);
    place.write(
        "label.json",
        &json!({ "consumers": [{ "username": "ok", "jwt_secrets": [{ "key": "k", "algorithm": "RS256", "rsa_public_key": b }] }] }).to_string(),
    );
    imported(&place, "kong label.json -d skykit", 0);
    let told = place.run("import kong \u{1b}[2Jgone -d skykit");
    assert!(told.code != 0 && !odd(&told.err), "{:?}", told.err);
}

#[test]
fn big_files_and_files_that_grow_when_read_end() {
    let place = Place::new();
    let lines: Vec<String> = ssh_keys(&place, 1000).into_iter().map(|key| format!("{key} same\n")).collect();
    place.write("keys", &lines.concat());
    let told = imported(&place, "authorized-keys keys -d asymmetric-jwt", 3);
    assert_eq!(accounts(&told), [("same".to_owned(), 64)], "a server takes no more");
    // A hundred million entries in a few hundred bytes.
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let before = format!("*a{}", level - 1);
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", [before.as_str(); 10].join(", ")));
    }
    bomb.push_str("consumers: *a8\n");
    place.write("bomb.yaml", &bomb);
    place.run("import kong bomb.yaml -d skykit").fails(2, &["bomb.yaml"]);
    place.write(
        "broken.yaml",
        "consumers:\n- username: a\n  hmacauth_credentials:\n  - secret: hunter2\n   - x: [\n",
    );
    let told = place.run("import kong broken.yaml -d skykit");
    assert!(told.code == 2 && !told.err.contains("hunter2"), "{}", told.err);
    let deep = format!("{{\"consumers\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    place.write("deep.yaml", &deep);
    for source in ["kong", "snowflake", "django"] {
        place.run(&format!("import {source} deep.yaml -d skykit --namespace user")).fails(2, &["deep.yaml"]);
    }
    let rows: Vec<Value> = (0..20_000)
        .flat_map(|pk| {
            [
                json!({ "model": "auth.user", "pk": pk, "fields": { "username": format!("u{pk}") } }),
                json!({ "model": "asymmetric_jwt_auth.jwksendpointtrust", "pk": pk, "fields": { "user": pk, "jwks_url": "https://a.example/" } }),
            ]
        })
        .collect();
    place.write("dump.json", &json!(rows).to_string());
    assert_eq!(accounts(&imported(&place, "django dump.json", 0)).len(), 20_000);
}

#[test]
fn private_keys_and_links_are_not_taken() {
    let place = Place::new();
    pair(&place, "a", &["-algorithm", "ED25519"]);
    let private = std::fs::read_to_string(place.path("a")).unwrap();
    let inner = private.lines().nth(1).unwrap().to_owned();
    let d = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
    let jwk =
        json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "d": d });
    place.write("kong.json", &json!({ "keys": [{ "name": "k", "kid": "k", "jwk": jwk }, { "name": "p", "kid": "p", "pem": { "public_key": private } }] }).to_string());
    place.write("set.json", &json!({ "keys": [jwk] }).to_string());
    place.write("keys", &private);
    for line in [
        "kong kong.json -d asymmetric-jwt",
        "jwks set.json -d asymmetric-jwt --account me",
        "authorized-keys keys -d asymmetric-jwt --account me",
        "authorized-keys a -d asymmetric-jwt --account me",
    ] {
        for json in ["", "--json "] {
            let ran = place.run(&format!("{json}import {line}"));
            assert!(ran.code != 0 && !ran.out.contains("BEGIN PUBLIC"), "{line} {}", ran.out);
            let all = format!("{}{}", ran.out, ran.err);
            assert!(!all.contains(d) && !all.contains(&inner), "{line}: {all}");
        }
    }
    // A link that stands where the file is to be written is not followed, dangling or not.
    let key = rsa(&place, "b", "2048");
    place.write("good.json", &json!({ "consumers": [{ "username": "ok", "jwt_secrets": [{ "key": "k", "algorithm": "RS256", "rsa_public_key": key }] }] }).to_string());
    std::os::unix::fs::symlink(place.path("elsewhere"), place.path("out.toml")).unwrap();
    place.run("import kong good.json -d skykit -o out.toml").fails(7, &["out.toml"]);
    assert!(!place.path("elsewhere").exists());
}

#[test]
fn an_installation_of_several_calls_is_tried_whole_before_anything_is_changed() {
    let place = Place::new();
    let server = Server::with(&place, "");
    let account = |name: &str, more: &str| {
        format!("[[account]]\nname = \"{name}\"\nidentifiers = {{ user = \"{name}\" }}\n{more}")
    };
    let many: String = (0..400).map(|number| account(&format!("a{number}"), "")).collect();
    place.run("key new k.pem").ok();
    let key = "[[account.key]]\nlabel = \"k\"\nfile = \"k.pem.pub\"\ndialects = [\"asymmetric-jwt\"]\n";
    for (what, last, words) in [
        (
            "an identifier that the first call has",
            "[[account]]\nname = \"last\"\nidentifiers = { user = \"a0\" }\n".to_owned(),
            "a0",
        ),
        ("an account that the first call has", account("a0", ""), "a0"),
        ("a name that no server takes", account("last\\u009b", ""), "name"),
    ] {
        place.write("accounts.toml", &format!("{}{many}{last}", account("first", key)));
        for more in [" --dry-run", ""] {
            let ran = place.run(&format!("apply accounts.toml --server {}{more}", server.manage));
            assert!(
                ran.code != 0 && ran.err.contains(words),
                "{what}{more}: {} {} {}",
                ran.code,
                ran.out,
                ran.err
            );
        }
        let there = place.run(&format!("--json account list --server {}", server.manage)).ok();
        assert!(!there.contains("\"a1\""), "{what}: half of it is there: {there}");
    }
    place.write("accounts.toml", &format!("{}{many}{}", account("first", key), account("last", "")));
    place.run(&format!("apply accounts.toml --server {} --dry-run", server.manage)).ok();
    place.run(&format!("apply accounts.toml --server {}", server.manage)).ok();
    let there = place.run(&format!("--json account list --server {}", server.manage)).ok();
    assert!(there.contains("\"a1\""), "{there}");
    // A key may be two accounts' by a proof that no file has: that is found when some is changed already, and told so.
    place.run("key new two.pem").ok();
    let key = key.replace("k.pem", "two.pem").replace("\"k\"", "\"two\"");
    place.write("accounts.toml", &format!("{}{many}{}", account("first", &key), account("last", &key)));
    place
        .run(&format!("apply accounts.toml --server {}", server.manage))
        .fails(2, &["the first 400 accounts", "once more"]);
}
