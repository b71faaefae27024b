//! Explain: everything to whoever made the proof, one word to others.
use crate::fixture::{HOST, World};

async fn explain(world: &World, proof: &str, path: &str) -> serde_json::Value {
    let headers: Vec<(String, String)> = proof
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let asked =
        serde_json::json!({"method": "GET", "url": format!("http://{HOST}{path}"), "headers": headers})
            .to_string();
    let request =
        format!("POST /explain HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {}\r\n\r\n{asked}", asked.len());
    let answer = world.send(request).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_str(&answer.body).unwrap()
}

#[tokio::test]
async fn the_maker_of_a_proof_is_told_everything_and_the_proof_is_not_used_up() {
    let world = World::new().await;
    let proof = world.proof("asymmetric-jwt", "GET", "/once", b"");
    let told = explain(&world, &proof, "/once").await;
    assert_eq!(
        (told["verdict"].as_str(), told["caller"]["account"].as_str()),
        (Some("verified"), Some("alice"))
    );
    assert!(told["steps"].as_array().unwrap().len() > 2);
    let sent = world.send(format!("GET /once HTTP/1.1\r\nHost: {HOST}\r\n{proof}\r\n")).await;
    assert_eq!(sent.status, 200);
    let told = explain(&world, &proof, "/once").await;
    assert_eq!(told["reason"], "replayed");
}

#[tokio::test]
async fn strangers_are_told_no_more_than_the_refusal_tells() {
    let world = World::new().await;
    let mut told = Vec::new();
    for who in ["mallory", "alice"] {
        let proof = world.proof_of(who, "skykit", "GET", "/", b"");
        // One signature in 256 ends in these letters already.
        let (start, end) = proof.trim_end().split_at(proof.trim_end().len() - 2);
        let broken = format!("{start}{}\r\n", if end == "AA" { "BA" } else { "AA" });
        told.push(explain(&world, &broken, "/").await);
    }
    assert_eq!(told[0], told[1]);
    assert_eq!((told[0]["code"].as_str(), told[0].get("steps")), (Some("refused"), None));
}

#[tokio::test]
async fn a_description_that_cannot_be_read_is_told_how_it_should_be() {
    let world = World::new().await;
    for asked in ["", "[]", "{\"method\":\"GET\"}", "{\"method\":\"GET\",\"url\":\"x\",\"headers\":[]}"] {
        let request = format!(
            "POST /explain HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {}\r\n\r\n{asked}",
            asked.len()
        );
        let answer = world.send(request).await;
        assert_eq!(answer.status, 400, "{asked}");
        assert!(answer.body.contains("wanted"), "{}", answer.body);
    }
    let many: Vec<(String, &str)> = (0..40_000).map(|number| (format!("h{number}"), "x")).collect();
    let asked =
        serde_json::json!({"method": "GET", "url": format!("http://{HOST}/"), "headers": many}).to_string();
    let head = format!("POST /explain HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {}\r\n\r\n", asked.len());
    let answer = world.send(format!("{head}{asked}")).await;
    assert_eq!(answer.status, 400, "{answer:?}");
}

#[tokio::test]
async fn operators_are_told_everything_on_their_own_listener() {
    let config = crate::fixture::ROUTES
        .replace("surfaces = [\"metrics\", \"health\"]", "surfaces = [\"manage\", \"explain\"]");
    let config = format!("{config}\n[manage]\nauthorities = [\"{HOST}\"]\n");
    let world = World::with(&config).await;
    let own = world.running.address(countersign_server::config::listener::Surface::Manage).unwrap();
    let asked = serde_json::json!({
        "method": "GET",
        "url": format!("http://{HOST}/"),
        "headers": [["Authorization", "Bearer a.b.c"]],
    });
    let asked = asked.to_string();
    for (address, proved) in [(own, true), (own, false), (world.address, true)] {
        let proof = if proved {
            world.proof("operator", "POST", "/explain", asked.as_bytes())
        } else {
            String::new()
        };
        let head = format!(
            "POST /explain HTTP/1.1\r\nHost: {HOST}\r\n{proof}Content-Length: {}\r\n\r\n",
            asked.len()
        );
        let answer = crate::fixture::send(address, format!("{head}{asked}").as_bytes()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let told: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(told.get("steps").is_some(), proved && address == own, "{told}");
    }
    let proof = world.proof("operator", "POST", "/explain", b"another body");
    let head =
        format!("POST /explain HTTP/1.1\r\nHost: {HOST}\r\n{proof}Content-Length: {}\r\n\r\n", asked.len());
    let answer = crate::fixture::send(own, format!("{head}{asked}").as_bytes()).await;
    assert_eq!(answer.status, 401, "{answer:?}");
    // Signed for another installation: refused before the proof is looked at.
    let proof = world.proof("operator", "POST", "/explain", asked.as_bytes());
    let head = format!(
        "POST /explain HTTP/1.1\r\nHost: other.example\r\n{proof}Content-Length: {}\r\n\r\n",
        asked.len()
    );
    let answer = crate::fixture::send(own, format!("{head}{asked}").as_bytes()).await;
    assert_eq!(answer.status, 421, "{answer:?}");
}
