//! Lists that people look through: the newest first, what ends soon, what has ended, and the names of ids.
use super::bench::{Bench, START};
use crate::surface::manage::moment::Moment;
use countersign::life::session::Session;
use countersign::time::Time;
use countersign_keys::{KeyKind, PrivateKey};
use serde_json::{Value, json};

fn texts<'v>(page: &'v Value, member: &str) -> Vec<&'v str> {
    page["items"].as_array().unwrap().iter().map(|row| row[member].as_str().unwrap()).collect()
}

fn numbers(page: &Value) -> Vec<u64> {
    page["items"].as_array().unwrap().iter().map(|row| row["number"].as_u64().unwrap()).collect()
}

async fn whole(bench: &Bench, path: &str) -> Vec<u64> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let page = bench.call("GET", &format!("{path}{after}"), None).await.good();
        all.extend(numbers(&page));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return all,
        }
    }
}

#[tokio::test]
async fn the_audit_log_is_read_from_either_end_without_gap_or_overlap() {
    let bench = Bench::new().await;
    for name in ["one", "two", "three"] {
        bench.account(name).await;
    }
    let old = whole(&bench, "/api/v1/audit?limit=200").await;
    for limit in [1, 2, 3, 200] {
        assert_eq!(whole(&bench, &format!("/api/v1/audit?limit={limit}")).await, old);
        let mut new = whole(&bench, &format!("/api/v1/audit?newest=true&limit={limit}")).await;
        new.reverse();
        assert_eq!(new, old, "{limit}");
    }
    let beyond = bench.call("GET", "/api/v1/audit?newest=true&limit=1&after=999999", None).await.good();
    assert_eq!(numbers(&beyond), old[old.len() - 1..], "a place after the end is the end");
    for none in ["/api/v1/audit?newest=true&after=0", "/api/v1/audit?newest=true&after=1"] {
        assert_eq!(bench.call("GET", none, None).await.good(), json!({ "items": [] }));
    }
}

#[tokio::test]
async fn the_audit_log_is_searched_by_account_and_action() {
    let bench = Bench::new().await;
    let (one, two) = (bench.account("one").await, bench.account("two").await);
    let key = bench.key(&one, "skykit").await["key"]["id"].as_str().unwrap().to_owned();
    bench.key(&two, "skykit").await;
    bench.call("POST", &format!("/api/v1/keys/{key}/disable"), None).await.good();
    let found = async |query: &str| {
        bench.call("GET", &format!("/api/v1/audit?newest=true{query}"), None).await.good()
    };
    let mine = found(&format!("&account={one}")).await;
    assert_eq!(texts(&mine, "action"), ["key.disable", "key.add", "account.add"]);
    assert_eq!(texts(&mine, "subject"), [key.as_str(), &key, &one]);
    assert_eq!(
        texts(&found(&format!("&account={one}&action=key")).await, "action"),
        ["key.disable", "key.add"]
    );
    assert_eq!(texts(&found("&action=key.disable").await, "action"), ["key.disable"]);
    assert_eq!(texts(&found("&action=key.dis").await, "action"), [""; 0], "a part of a word is none");
    // What it did, too.
    assert!(texts(&found("&account=acc_owner&action=key.add").await, "subject").contains(&key.as_str()));
    assert_eq!(texts(&found("&account=acc_none").await, "action"), [""; 0]);
}

#[tokio::test]
async fn keys_are_found_by_their_end() {
    let bench = Bench::new().await;
    let mut ids = Vec::new();
    for name in ["one", "two", "three", "four"] {
        let account = bench.account(name).await;
        ids.push(bench.key(&account, "skykit").await["key"]["id"].as_str().unwrap().to_owned());
    }
    let ends = async |key: &str, days: i64| {
        let expires = Moment(Time::from_seconds(START + days * 86_400));
        bench.call("PATCH", &format!("/api/v1/keys/{key}"), Some(json!({ "expires": expires }))).await.good();
    };
    ends(&ids[0], 10).await;
    ends(&ids[1], 40).await;
    ends(&ids[2], 10).await;
    bench.call("POST", &format!("/api/v1/keys/{}/disable", ids[2]), None).await.good();
    bench
        .call("POST", &format!("/api/v1/keys/{}/retire", ids[3]), Some(json!({ "overlap": "5d" })))
        .await
        .good();
    let found = async |query: &str| {
        let mut ids: Vec<String> = Vec::new();
        let page = bench.call("GET", &format!("/api/v1/keys?dialect=skykit&{query}"), None).await.good();
        ids.extend(texts(&page, "id").into_iter().map(str::to_owned));
        // The list goes by account.
        ids.sort();
        ids
    };
    let sorted = |wanted: &[usize]| {
        let mut wanted: Vec<String> = wanted.iter().map(|at| ids[*at].clone()).collect();
        wanted.sort();
        wanted
    };
    assert_eq!(found("ends_within_days=30").await, sorted(&[0, 3]));
    assert_eq!(found("ends_within_days=90").await, sorted(&[0, 1, 3]));
    assert_eq!(found("ends_within_days=1").await, sorted(&[]));
    assert_eq!(found("state=retiring").await, sorted(&[3]));
    bench.clock.set(Time::from_seconds(START + 20 * 86_400));
    assert_eq!(found("state=expired").await, sorted(&[0, 3]));
    assert_eq!(found("state=retiring").await, sorted(&[]));
    assert_eq!(found("state=active").await, sorted(&[1]));
    assert_eq!(found("state=disabled").await, sorted(&[2]));
    assert_eq!(found("ends_within_days=30").await, sorted(&[1]));
}

#[tokio::test]
async fn keys_are_found_by_what_they_may_sign() {
    let bench = Bench::new().await;
    let account = bench.account("one").await;
    bench.key(&account, "skykit").await;
    let rsa = PrivateKey::generate(KeyKind::Rsa, 2048).unwrap().public_key().to_pem();
    let body = json!({ "public": rsa, "label": "rsa", "dialects": ["skykit"] });
    let made = bench.call("POST", &format!("/api/v1/accounts/{account}/keys"), Some(body)).await.good();
    let path = format!("/api/v1/keys/{}", made["key"]["id"].as_str().unwrap());
    let found = async |name: &str| {
        let page =
            bench.call("GET", &format!("/api/v1/keys?dialect=skykit&algorithm={name}"), None).await.good();
        page["items"].as_array().unwrap().len()
    };
    for (name, wanted) in
        [("RS256", 1), ("RSA-SHA256", 1), ("rsa", 1), ("Ed25519", 1), ("RSA-SHA1", 0), ("ES256", 0)]
    {
        assert_eq!(found(name).await, wanted, "{name}");
    }
    bench.call("PATCH", &path, Some(json!({ "algorithms": ["RSA-SHA1"] }))).await.good();
    for (name, wanted) in [("RS256", 0), ("rsa", 1), ("RSA-SHA1", 1)] {
        assert_eq!(found(name).await, wanted, "{name}, narrowed to a weak one");
    }
}

#[tokio::test]
async fn sessions_come_newest_first_in_pages() {
    let bench = Bench::new().await;
    let account = bench.account("one").await;
    for (id, opened) in [("bb", 10), ("aa", 30), ("dd", 20), ("cc", 20)] {
        let opened = Time::from_seconds(START + opened);
        let row = Session { opened, ..super::others::session(id, &account) };
        bench.app.sessions.open(&row).await.unwrap();
    }
    let first = bench.call("GET", "/api/v1/sessions?limit=2", None).await.good();
    assert_eq!(texts(&first, "id"), ["aa", "cc"]);
    let path = format!("/api/v1/sessions?limit=2&after={}", first["next"].as_str().unwrap());
    let second = bench.call("GET", &path, None).await.good();
    assert_eq!((texts(&second, "id"), &second["next"]), (vec!["dd", "bb"], &Value::Null));
    assert_eq!(first["items"][0]["console"], false);
}

#[tokio::test]
async fn ids_are_told_by_name_and_what_is_not_there_is_left_out() {
    let bench = Bench::new().await;
    let account = bench.account("one").await;
    let key = bench.key(&account, "skykit").await;
    let organisation =
        bench.call("POST", "/api/v1/organisations", Some(json!({ "name": "acme" }))).await.good();
    let (key, organisation) = (&key["key"]["id"].as_str().unwrap(), organisation["id"].as_str().unwrap());
    let ids = format!("{account},acc_none,{key},local,,{organisation},usr_1");
    let names = bench.call("GET", &format!("/api/v1/names?ids={ids}"), None).await.good();
    assert_eq!(texts(&names, "id"), [account.as_str(), key, organisation]);
    assert_eq!((&names["items"][0]["name"], &names["items"][2]["name"]), (&json!("one"), &json!("acme")));
    assert_eq!(names["items"][1]["account"], json!(account));
    let many = vec!["acc_1"; 101].join(",");
    let refused = bench.call("GET", &format!("/api/v1/names?ids={many}"), None).await;
    assert_eq!(refused.problem(), (400, "bad-query".into()));
}
