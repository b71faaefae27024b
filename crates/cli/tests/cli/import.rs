//! What other systems have, made into an installation file: what is taken, what stays behind and why, and that a server takes the file.
use crate::run::{Place, Server};
use serde_json::{Value, json};
use std::fs;
use std::process::Command;

/// Makes a pair with openssl; gives the public half as PEM.
pub(crate) fn pair(place: &Place, name: &str, arguments: &[&str]) -> String {
    let run = |words: &[&str]| {
        let ended = Command::new("openssl").current_dir(place.folder.path()).args(words).output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    };
    run(&[&["genpkey", "-out", name], arguments].concat());
    run(&["pkey", "-in", name, "-pubout", "-out", &format!("{name}.pub")]);
    fs::read_to_string(place.path(&format!("{name}.pub"))).unwrap()
}

pub(crate) fn rsa(place: &Place, name: &str, bits: &str) -> String {
    pair(place, name, &["-algorithm", "RSA", "-pkeyopt", &format!("rsa_keygen_bits:{bits}")])
}

/// What an import tells, whether or not something was left out.
pub(crate) fn imported(place: &Place, line: &str, code: i32) -> Value {
    let ran = place.run(&format!("--json import {line}"));
    assert_eq!(ran.code, code, "{} {}", ran.out, ran.err);
    serde_json::from_str(&ran.out).unwrap()
}

#[track_caller]
pub(crate) fn left_out(told: &Value, wanted: &[(&str, &str)]) {
    let left = told["left_out"].as_array().unwrap();
    for (place, why) in wanted {
        let found = left.iter().any(|said| {
            said["where"].as_str().unwrap().contains(place) && said["why"].as_str().unwrap().contains(why)
        });
        assert!(found, "{place}: {why} in {left:#?}");
    }
    assert_eq!(left.len(), wanted.len(), "{left:#?}");
}

#[test]
fn kongs_key_pairs_are_taken_and_its_secrets_stay_behind() {
    let place = Place::new();
    let (good, weak) = (rsa(&place, "good", "2048"), rsa(&place, "weak", "1024"));
    let curve = pair(&place, "curve", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    let other = rsa(&place, "other", "2048");
    let block = |text: &str, depth: usize| {
        text.lines().map(|line| format!("{}{line}\n", " ".repeat(depth))).collect::<String>()
    };
    let yaml = format!(
        "_format_version: \"3.0\"\nconsumers:\n- username: shop\n  jwt_secrets:\n  - key: shop-issuer\n    algorithm: RS256\n    rsa_public_key: |\n{}\
         \x20 - key: shop-hmac\n    algorithm: HS256\n    secret: hunter2\n  - key: shop-weak\n    algorithm: RS256\n    rsa_public_key: |\n{}\
         \x20 keyauth_credentials:\n  - key: letmein\n- custom_id: c-17\n  jwt_secrets:\n  - key: c17\n    algorithm: ES256\n    rsa_public_key: |\n{}\
         jwt_secrets:\n- consumer: shop\n  key: shop-two\n  algorithm: RS512\n  rsa_public_key: |\n{}\
         - consumer: shop\n  key: again\n  algorithm: RS256\n  rsa_public_key: |\n{}- consumer: shop\n  algorithm: RS256\n  rsa_public_key: x\n\
         keys:\n- name: signer\n  kid: k1\n  set:\n    name: partners\n  jwk: '{{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}}'\n",
        block(&good, 6),
        block(&weak, 6),
        block(&curve, 6),
        block(&other, 4),
        block(&good, 4),
    );
    place.write("kong.yaml", &yaml);
    place.run("import kong kong.yaml").fails(2, &["--dialect"]);
    let told = imported(&place, "kong kong.yaml -d asymmetric-jwt --namespace issuer -o kong.toml", 3);
    left_out(
        &told,
        &[
            ("shop-hmac", "HMAC"),
            ("shop-weak", "1024"),
            ("shop keyauth_credentials", "API key"),
            ("c-17 jwt_secret c17", "P-256"),
            ("shop jwt_secret again", "already"),
            ("shop jwt_secret ", "no key"),
        ],
    );
    assert!(!told.to_string().contains("hunter2") && !told.to_string().contains("letmein"));
    let text = fs::read_to_string(place.path("kong.toml")).unwrap();
    assert_eq!(told["installation"], text.as_str());
    let file: toml::Value = toml::from_str(&text).unwrap();
    let partners = &file["account"][0];
    assert_eq!(
        (partners["name"].as_str(), partners["identifiers"]["issuer"][0].as_str()),
        (Some("partners"), Some("k1"))
    );
    let shop = &file["account"][1];
    assert_eq!(shop["name"].as_str(), Some("shop"));
    assert_eq!(shop["identifiers"]["issuer"].as_array().unwrap().len(), 2);
    assert_eq!(shop["key"][0]["algorithms"][0].as_str(), Some("RS256"));
    place
        .run("import kong kong.yaml -d asymmetric-jwt --namespace issuer -o kong.toml")
        .fails(7, &["kong.toml"]);
    // The admin API's list, with the consumer by id.
    let list = json!({ "data": [{ "key": "iss", "algorithm": "RS256", "rsa_public_key": good, "consumer": { "id": "u-1" } }], "next": null });
    place.write("list.json", &list.to_string());
    let told = imported(&place, "kong list.json -d skykit", 0);
    assert!(told["installation"].as_str().unwrap().contains("name = \"u-1\""));
    place.write("nothing.yaml", "services: []\n");
    place.run("import kong nothing.yaml -d skykit").fails(2, &["nothing.yaml", "no consumers"]);
    place.write("broken.yaml", "a: [\n");
    place.run("import kong broken.yaml -d skykit").fails(2, &["broken.yaml"]);
}

#[test]
fn authorized_keys_keep_their_restrictions_or_stay_behind() {
    let place = Place::new();
    for (name, kind) in [("alice", "ed25519"), ("bob", "rsa"), ("carol", "ecdsa"), ("dave", "ed25519")] {
        let mut made = Command::new("ssh-keygen");
        made.current_dir(place.folder.path()).args(["-q", "-N", "", "-t", kind, "-C", name, "-f", name]);
        assert!(made.status().unwrap().success());
    }
    let key = |name: &str| fs::read_to_string(place.path(&format!("{name}.pub"))).unwrap().trim().to_owned();
    let bare = |name: &str| key(name).rsplit_once(' ').unwrap().0.to_owned();
    place.write(
        "authorized_keys",
        &format!(
            "# keys\nfrom=\"10.0.0.0/8,2001:db8::1\",expiry-time=\"20300102\",no-pty {}\n\
             restrict,command=\"/bin/backup \\\"a b\\\"\" {}\n{}\nfrom=\"*.example.com\" {}\ncert-authority {}\n{}\nssh-dss AAAA x\nfuture-option {}\n",
            key("alice"), key("bob"), key("carol"), key("dave"), key("dave"), bare("dave"), key("dave"),
        ),
    );
    let told = imported(&place, "authorized-keys authorized_keys -d asymmetric-jwt -o keys.toml", 3);
    left_out(
        &told,
        &[
            ("line 4", "P-256"),
            ("line 5", "*.example.com"),
            ("line 6", "certificate authority"),
            ("line 7", "--account"),
            ("line 8", ""),
            ("line 9", "future-option"),
        ],
    );
    assert!(told["notes"].to_string().contains("/bin/backup") && told["notes"].to_string().contains("UTC"));
    let file: toml::Value = toml::from_str(told["installation"].as_str().unwrap()).unwrap();
    let alice = &file["account"][0];
    assert_eq!(alice["identifiers"]["user"][0].as_str(), Some("alice"));
    assert_eq!(alice["key"][0]["networks"].as_array().unwrap().len(), 2);
    assert_eq!(alice["key"][0]["expires"].as_str(), Some("2030-01-02T00:00:00Z"));
    // A server takes the file, and who had the keys is let in with them.
    let server = Server::with(
        &place,
        "[[route]]\nname = \"open\"\npath = \"/open/\"\ndialects = [\"asymmetric-jwt\"]\nupstream = \"http://127.0.0.1:9\"\n",
    );
    place.run(&format!("apply keys.toml --server {}", server.manage)).ok();
    place
        .run(&format!("request GET {}/open/x -d asymmetric-jwt -k bob --as bob", server.public))
        .fails(5, &["502"]);
    // Alice's key counts in the networks that it counted in before.
    place
        .run(&format!("request GET {}/open/x -d asymmetric-jwt -k alice --as alice", server.public))
        .fails(3, &[]);
}

#[test]
fn key_sets_are_one_accounts() {
    let place = Place::new();
    rsa(&place, "a", "2048");
    pair(&place, "b", &["-algorithm", "ED25519"]);
    let jwk = |name: &str, more: Value| {
        let mut jwk: Value =
            serde_json::from_str(&place.run(&format!("key convert {name}.pub --to jwk")).ok()).unwrap();
        jwk.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        jwk
    };
    let set = json!({ "keys": [
        jwk("a", json!({ "kid": "one", "alg": "RS512", "use": "sig" })),
        jwk("b", json!({ "kid": "two", "use": "enc" })),
        { "kty": "oct", "kid": "three", "k": "c2VjcmV0" },
        jwk("b", json!({ "kid": "four", "alg": "HS256" })),
        jwk("b", json!({ "kid": "five" })),
    ]});
    place.write("jwks.json", &set.to_string());
    place.run("import jwks jwks.json -d asymmetric-jwt").fails(2, &["--account"]);
    let told = imported(&place, "jwks jwks.json -d asymmetric-jwt --account shop --prefix team-", 3);
    left_out(&told, &[("(two)", "not for signatures"), ("(three)", "shared secret"), ("(four)", "alg")]);
    let file: toml::Value = toml::from_str(told["installation"].as_str().unwrap()).unwrap();
    assert_eq!(file["account"][0]["identifiers"]["user"][0].as_str(), Some("team-shop"));
    assert_eq!(file["account"][0]["key"].as_array().unwrap().len(), 2);
    assert_eq!(file["account"][0]["key"][0]["algorithms"][0].as_str(), Some("RS512"));
    assert!(!told.to_string().contains("c2VjcmV0"));
}

#[test]
fn snowflake_users_come_with_the_keys_that_their_fingerprints_name() {
    let place = Place::new();
    let body = |pem: &str| pem.lines().filter(|line| !line.starts_with('-')).collect::<String>();
    let (a, b, c) = (rsa(&place, "a", "2048"), rsa(&place, "b", "2048"), rsa(&place, "c", "2048"));
    let print = |name: &str| {
        let shown = place.run(&format!("--json key show {name}.pub")).json();
        format!("SHA256:{}", shown["spki_sha256_base64"].as_str().unwrap())
    };
    place.write(
        "desc.csv",
        &format!(
            "\"property\",\"value\",\"default\",\"description\"\n\"NAME\",\"LOADER\",\"null\",\"\"\n\"LOGIN_NAME\",\"loader\",\"null\",\"\"\n\
             \"DISABLED\",\"true\",\"false\",\"\"\n\"RSA_PUBLIC_KEY\",\"{}\",\"null\",\"\"\n\"RSA_PUBLIC_KEY_FP\",\"{}\",\"null\",\"\"\n\
             \"RSA_PUBLIC_KEY_2\",\"{}\",\"null\",\"\"\n\"RSA_PUBLIC_KEY_2_FP\",\"{}\",\"null\",\"\"\n\"NAME\",\"PERSON\",\"null\",\"\"\n\"RSA_PUBLIC_KEY\",\"null\",\"null\",\"\"\n",
            body(&a), print("a"), body(&b), print("a"),
        ),
    );
    let told = imported(&place, "snowflake desc.csv -d skykit --namespace user --prefix ORG-ACC.", 3);
    left_out(&told, &[("LOADER RSA_PUBLIC_KEY_2", "another key"), ("PERSON", "passwords")]);
    let file: toml::Value = toml::from_str(told["installation"].as_str().unwrap()).unwrap();
    let loader = &file["account"][0];
    assert_eq!(loader["identifiers"]["user"][0].as_str(), Some("ORG-ACC.LOADER"));
    assert_eq!((loader["enabled"].as_bool(), loader["key"].as_array().unwrap().len()), (Some(false), 1));
    let rows = json!([
        { "NAME": "ETL", "RSA_PUBLIC_KEY": body(&c), "RSA_PUBLIC_KEY_FP": print("c"), "DISABLED": false },
        { "name": "SHOWN", "has_rsa_public_key": "true" },
    ]);
    place.write("rows.json", &rows.to_string());
    let told = imported(&place, "snowflake rows.json -d skykit --namespace user", 3);
    left_out(&told, &[("SHOWN", "DESC USER")]);
    assert!(told["installation"].as_str().unwrap().contains("\"ETL\""));
}

#[test]
fn djangos_tables_are_read_as_dumpdata_writes_them() {
    let place = Place::new();
    let (a, weak) = (rsa(&place, "a", "2048"), rsa(&place, "weak", "1024"));
    let user = |pk: u32, name: &str, active: bool| json!({ "model": "auth.user", "pk": pk, "fields": { "username": name, "is_active": active } });
    let key = |pk: u32, user: Value, key: &str| json!({ "model": "asymmetric_jwt_auth.publickey", "pk": pk, "fields": { "user": user, "key": key, "comment": "", "last_used_on": null } });
    let trust = |pk: u32, user: Value, url: &str| json!({ "model": "asymmetric_jwt_auth.jwksendpointtrust", "pk": pk, "fields": { "user": user, "jwks_url": url, "last_used_on": null } });
    let rows = json!([
        user(1, "guido", true),
        user(2, "gone", false),
        key(1, json!(1), &a),
        key(2, json!(1), &weak),
        key(3, json!(9), &a),
        trust(1, json!(["gone"]), "https://idp.example/jwks.json"),
        trust(2, json!(1), "http://idp.example/jwks.json"),
    ]);
    place.write("dump.json", &rows.to_string());
    let told = imported(&place, "django dump.json", 3);
    left_out(
        &told,
        &[("publickey 2", "1024"), ("publickey 3", "auth.user"), ("jwksendpointtrust 2", "https")],
    );
    let file: toml::Value = toml::from_str(told["installation"].as_str().unwrap()).unwrap();
    assert_eq!(file["account"][0]["jwks_url"].as_str(), Some("https://idp.example/jwks.json"));
    assert_eq!(file["account"][0]["enabled"].as_bool(), Some(false));
    assert_eq!(file["account"][1]["key"][0]["dialects"][0].as_str(), Some("asymmetric-jwt"));
    place.write("other.json", "[]");
    place.run("import django other.json").fails(2, &["dumpdata"]);
    let shown = place.run("import django dump.json");
    assert!(
        shown.out.starts_with("[[account]]") && shown.err.contains("left out: publickey 2:"),
        "{}",
        shown.err
    );
}
