//! The suite that every replay memory passes, and its races over two nodes.
use crate::{claim, node, settings, words};
use countersign::ask::Use;
use countersign::time::Time;
use countersign_store::once::Once;
use countersign_testkit::conformance;
use countersign_testkit::redis::Redis;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_passes_the_suite() {
    let (once, start) = node(&settings(&Redis::shared().url()), &words()).await;
    conformance::once::once(once, start, 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_claims_on_two_nodes_exactly_one_is_first() {
    let (settings, words) = (settings(&Redis::shared().url()), words());
    let (one, start) = node(&settings, &words).await;
    let (other, again) = node(&settings, &words).await;
    assert_eq!(again, start, "whoever joins goes by the same barrier");
    let nodes = [one, other];
    let now = Time::from_seconds(start);
    // Each mark comes eight times, in other orders, to both nodes: duplicates meet inside batches and between them.
    let mut tasks = Vec::new();
    for turn in 0..8_u64 {
        for place in 0..500_u64 {
            let number = (place * (2 * turn + 1) + turn) % 500;
            let node = nodes[usize::try_from((turn + place) % 2).unwrap()].clone();
            tasks.push(tokio::spawn(async move {
                (number, node.claim(claim(number, start), now).await.unwrap())
            }));
        }
    }
    let mut firsts = vec![0; 500];
    let mut others = 0;
    for task in tasks {
        match task.await.unwrap() {
            (number, Use::First) => firsts[usize::try_from(number).unwrap()] += 1,
            (_, Use::Again) => others += 1,
            (_, Use::Barred) => panic!("nothing is barred here"),
        }
    }
    assert!(firsts.iter().all(|count| *count == 1), "{firsts:?}");
    assert_eq!(others, 3500);
}
