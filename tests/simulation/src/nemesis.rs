//! Whoever breaks things: kills nodes, cuts and slows the network, steps clocks, puts copies of the database into service.
use crate::chance::Chance;
use crate::operator;
use crate::world::World;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::sleep;

/// Clocks are at most so many milliseconds off.
const WRONG: u64 = 30_000;

/// Breaks one thing after another, until it is stopped.
pub async fn breaks(world: Arc<World>) {
    let chance = Chance::new(world.seed, "nemesis");
    let network = &world.network;
    loop {
        sleep(chance.between(300, 3000)).await;
        let Some(node) = world.any(&chance).cloned() else { return };
        let what = chance.below(10);
        world.checker.note(world.now(), &format!("nemesis {what} {}", node.number));
        match what {
            0 | 1 => {
                node.crash();
                node.boot(chance.between(50, 4000));
            }
            2 | 3 => {
                network.set_cut(node.number, true);
                let (network, long) = (Arc::clone(network), chance.between(300, 12_000));
                tokio::spawn(async move {
                    sleep(long).await;
                    network.set_cut(node.number, false);
                });
            }
            4 => {
                let losing = [0, 0, 5, 25];
                network.losing.store(chance.of(&losing).copied().unwrap_or(0), Ordering::Relaxed);
            }
            5 => {
                let slowest = [4, 50, 500, 4000];
                network.slowest.store(chance.of(&slowest).copied().unwrap_or(4), Ordering::Relaxed);
            }
            6 => {
                let deaf = [0, 50, 100];
                network.deaf.store(chance.of(&deaf).copied().unwrap_or(0), Ordering::Relaxed);
            }
            7 => {
                let millis = i64::try_from(chance.below(2 * WRONG)).unwrap_or(0);
                node.watch.set(millis - i64::try_from(WRONG).unwrap_or(0));
            }
            8 => network.database.replicate(),
            _ => fail_over(&world, &chance),
        }
        for node in &world.nodes {
            let forgetting = node.on(async |up| up.link.forget(up.app().clock.now()).await);
            let _unanswered = tokio::time::timeout(Duration::from_millis(1), forgetting).await;
        }
    }
}

/// The server of the database is lost; its standby takes over, with all of it or without the end.
fn fail_over(world: &World, chance: &Chance) {
    let lost = chance.in_hundred(50);
    if !lost {
        world.network.database.replicate();
    }
    world.network.database.fail_over();
    world.checker.failed_over(world.now(), lost);
    operator::looks_again(world);
}

/// Mends everything.
pub async fn heals(world: &World) {
    let network = &world.network;
    network.losing.store(0, Ordering::Relaxed);
    network.slowest.store(4, Ordering::Relaxed);
    network.deaf.store(0, Ordering::Relaxed);
    // What was still to be joined again would join itself; nothing is cut after this.
    for node in &world.nodes {
        network.set_cut(node.number, false);
        node.watch.set(0);
    }
    sleep(Duration::from_secs(8)).await;
}
