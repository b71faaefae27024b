//! Requests that wait together, with the lanes on: each gets its own verdict, and what happened is counted.
use crate::fixture::{HOST, ROUTES, World, send};
use futures_util::future::join_all;

#[tokio::test]
async fn requests_of_one_moment_get_their_own_verdicts() {
    let world = World::with(&ROUTES.replacen("[server]", "[server]\nlanes = true", 1)).await;
    let here = world.running.app().lanes.is_some();
    if !here {
        eprintln!("this CPU has no AVX-512 IFMA: the server checks one by one");
    }
    for _ in 0..2 {
        let requests = (0..48_usize).map(|number| {
            let mut proof = world.proof("skykit", "GET", "/public/ok", b"");
            let good = !number.is_multiple_of(3);
            if !good {
                // One letter in the middle of the signature.
                let at = proof.len() - 150 - number;
                let other = if &proof[at..=at] == "A" { "B" } else { "A" };
                proof.replace_range(at..=at, other);
            }
            let world = &world;
            async move {
                let request =
                    format!("GET /public/ok HTTP/1.1\r\nHost: {HOST}\r\n{proof}Connection: close\r\n\r\n");
                (good, world.send(request).await)
            }
        });
        for (good, answer) in join_all(requests).await {
            assert_eq!(answer.status, if good { 200 } else { 401 }, "{answer:?}");
        }
    }
    let inside = world.running.addresses()[1].address;
    let request = "GET /metrics HTTP/1.1\r\nHost: inner\r\nConnection: close\r\n\r\n";
    let text = send(inside, request.as_bytes()).await.body;
    let count = |name: &str| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("countersign_{name}_total ")));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
    };
    assert_eq!(count("lanes_differences"), 0);
    let (together, alone) = (count("lanes_checks"), count("lanes_left"));
    assert_eq!(together + alone > 0, here, "{together} together, {alone} alone");
    assert_eq!(together > 0, here, "forty-eight requests at once, and never three together");
}

#[tokio::test]
async fn without_the_setting_there_are_no_lanes() {
    let world = World::new().await;
    assert!(world.running.app().lanes.is_none());
}
