//! What the console sends for a page: through the gateway as any caller's request, and only where a proof is wanted.
use crate::console::{Site, code, json_of, routes};
use crate::fixture::{Answer, HOST, ed25519, p256};
use serde_json::{Value, json};

fn pairs(proof: &str) -> Vec<Value> {
    let lines = proof.lines().filter_map(|line| line.split_once(": "));
    lines.map(|(name, value)| json!([name, value])).collect()
}

async fn sent(
    site: &Site,
    session: &str,
    method: &str,
    path: &str,
    headers: Vec<Value>,
    body: Option<&str>,
) -> Answer {
    let asked = json!({ "method": method, "url": format!("http://{HOST}{path}"), "headers": headers, "body_b64": body });
    site.post("/console/api/v1/send", session, asked).await
}

#[tokio::test]
async fn a_page_sends_through_the_gateway_and_is_told_the_answer() {
    let site = Site::with(&routes()).await;
    let alice = site.session("alice", ed25519()).await;
    let good = pairs(&site.world.proof("skykit", "GET", "/x", b""));
    let answer = json_of(&sent(&site, &alice, "GET", "/x?q=1", good.clone(), None).await);
    assert_eq!((&answer["status"], &answer["cut"]), (&json!(200), &json!(false)), "{answer}");
    assert!(answer["text"].as_str().unwrap().contains("alice@email"), "the upstream saw nobody: {answer}");
    let body = pairs(&site.world.proof("skillhive", "POST", "/hive", b"{}"));
    let answer = json_of(&sent(&site, &alice, "POST", "/hive", body.clone(), Some("e30=")).await);
    assert_eq!(answer["status"], 200, "{answer}");
    // Another body than the signed one, and what works once a second time.
    let answer = json_of(&sent(&site, &alice, "POST", "/hive", body, Some("e30K")).await);
    assert_eq!(answer["status"], 403, "{answer}");
    let once = pairs(&site.world.proof("asymmetric-jwt", "GET", "/once", b""));
    let answer = json_of(&sent(&site, &alice, "GET", "/once", once.clone(), None).await);
    assert_eq!(answer["status"], 200, "{answer}");
    let answer = json_of(&sent(&site, &alice, "GET", "/once", once, None).await);
    assert_eq!(answer["status"], 401, "{answer}");
    let told = answer["headers"].as_array().unwrap();
    assert!(told.iter().any(|pair| pair[0] == "countersign-reject"), "{answer}");
    // It is counted as any request.
    let olga = site.session("olga", p256()).await;
    let seen = json_of(&site.get("/api/v1/verdicts", &olga).await);
    let verdicts: Vec<_> =
        seen["items"].as_array().unwrap().iter().map(|item| item["verdict"].clone()).collect();
    assert_eq!(verdicts, ["verified", "verified", "refused", "verified", "refused"], "{seen}");
    assert_eq!(seen["items"][0]["client"], "127.0.0.1");
}

#[tokio::test]
async fn a_page_reaches_nothing_that_a_proof_does_not_open() {
    let shadow = "\n[[route]]\nname = \"watched\"\npath = \"/watched\"\nmode = \"shadow\"\ndialects = [\"skykit\"]\nupstream = \"UPSTREAM\"\n\
        [[route]]\nname = \"bobs\"\npath = \"/bobs\"\nadmit = [\"bob\"]\ndialects = [\"skykit\"]\nupstream = \"UPSTREAM\"\n";
    let site = Site::with(&(routes() + shadow)).await;
    let alice = site.session("alice", ed25519()).await;
    let good = pairs(&site.world.proof("skykit", "GET", "/x", b""));
    let answer = json_of(&sent(&site, &alice, "GET", "/x", Vec::new(), None).await);
    assert_eq!(answer["status"], 401, "{answer}");
    assert_eq!(
        code(&sent(&site, &alice, "GET", "/watched", Vec::new(), None).await),
        (409, "route-is-lenient".to_owned())
    );
    for path in ["/bobs", "/v1/auth/logout/../x"] {
        let answer = sent(&site, &alice, "GET", path, good.clone(), None).await;
        assert!(answer.status == 422 || json_of(&answer)["status"] == 400, "{path} {answer:?}");
    }
    for name in [
        "X-Forwarded-For",
        "Forwarded",
        "Host",
        "Cookie",
        "Connection",
        "Transfer-Encoding",
        "X-Countersign-Account",
        "Upgrade",
        "Content-Length",
    ] {
        let mut headers = good.clone();
        headers.push(json!([name, "203.0.113.9"]));
        let answer = sent(&site, &alice, "GET", "/x", headers, None).await;
        if name == "X-Countersign-Account" {
            // The gateway takes it away, as it does from everybody.
            assert!(!json_of(&answer)["text"].as_str().unwrap().contains("203.0.113.9"), "{answer:?}");
        } else {
            assert_eq!(answer.status, 422, "{name} {answer:?}");
        }
    }
    for (method, url) in
        [("GET", "ftp://h/x"), ("G T", "http://h/x"), ("GET", "http://h/x y"), ("GET", "http://h\u{e4}/x")]
    {
        let asked = json!({ "method": method, "url": url, "headers": good });
        assert_eq!(site.post("/console/api/v1/send", &alice, asked).await.status, 422, "{method} {url}");
    }
    assert_eq!(sent(&site, "", "GET", "/x", good, None).await.status, 401);
}

#[tokio::test]
async fn an_address_is_judged_as_it_is_sent_and_nobody_is_taken_for_the_proxy() {
    let more = "\n[[route]]\nname = \"watched\"\npath = \"/watched\"\nmode = \"shadow\"\ndialects = [\"skykit\"]\nupstream = \"UPSTREAM\"\n";
    let trusting = "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n";
    let site = Site::with(&format!("{}{more}", routes().replacen("[server]\n", trusting, 1))).await;
    let alice = site.session("alice", ed25519()).await;
    // What follows a # is not sent: the route that lets everything pass would be reached behind the name of another.
    for path in ["/watched#/x", "/watched#?q", "/watched#", "/watched?q=1#x"] {
        let answer = sent(&site, &alice, "GET", path, Vec::new(), None).await;
        assert!([409, 422].contains(&answer.status), "{path} {answer:?}");
    }
    // A proxy that hides whom it speaks for stands in networks where keys may work that do not work for its callers.
    let good = pairs(&site.world.proof("skykit", "GET", "/nowhere", b""));
    for (chain, status) in [("203.0.113.7", 200), ("unknown", 409), ("_hidden, 127.0.0.1", 409)] {
        let asked = json!({ "method": "GET", "url": format!("http://{HOST}/nowhere"), "headers": good });
        let lines = format!("X-Forwarded-For: {chain}\r\n{alice}");
        let answer = site.post("/console/api/v1/send", &lines, asked).await;
        assert_eq!(answer.status, status, "{chain} {answer:?}");
    }
}
