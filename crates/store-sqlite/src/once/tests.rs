//! What was acknowledged is never accepted again: after power cuts, on a full disk, with a spoilt, foreign or lost log.
use super::*;
use crate::log::disk::sim::{Choice, SimDisk};
use crate::log::segment::MOST_CLAIMS;
use futures_util::FutureExt;
use futures_util::future::join_all;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Seconds at which most tests begin.
const DAY: i64 = 1_700_000_000;
/// How far a proof may be dated from the clock, either way.
const WINDOW: i64 = 20;

fn at(seconds: i64) -> Time {
    Time::from_seconds(seconds)
}

fn begin(disk: &SimDisk, now: Time, begun: Begun) -> Result<(DurableOnce, Recovery), Fault> {
    begin_with(disk, now, begun, [7; 16], [1; 16])
}

fn begin_with(
    disk: &SimDisk,
    now: Time,
    begun: Begun,
    key: [u8; 16],
    epoch: [u8; 16],
) -> Result<(DurableOnce, Recovery), Fault> {
    let horizon = Span::from_seconds(WINDOW);
    let start = ReplayStart { key, fresh: epoch, now, horizon, most: 10_000_000 };
    DurableOnce::start(Box::new(disk.clone()), &start, epoch, begun, (None, Time::MIN))
}

fn claim(number: u64, dated: Time) -> Claim {
    let mut mark = [0; 32];
    mark[..8].copy_from_slice(&number.to_le_bytes());
    Claim { mark, since: dated, until: dated + Span::from_seconds(WINDOW) }
}

/// A disk with a few acknowledged claims, and the claims.
async fn used() -> (SimDisk, Vec<Claim>) {
    let disk = SimDisk::default();
    let (once, recovery) = begin(&disk, at(DAY), Begun::Never).unwrap();
    assert_eq!((recovery.why, recovery.barrier), (None, Time::MIN));
    let claims: Vec<Claim> = (0..5).map(|number| claim(number, at(DAY))).collect();
    for claim in &claims {
        assert_eq!(once.claim(*claim, at(DAY)).await.unwrap(), Use::First);
        assert_eq!(once.claim(*claim, at(DAY)).await.unwrap(), Use::Again);
    }
    drop(once);
    (disk, claims)
}

/// Whether any of the claims would be accepted again.
async fn reopened(once: &DurableOnce, claims: &[Claim], now: Time) -> usize {
    let mut count = 0;
    for claim in claims {
        if claim.until >= now && claim.since <= now + Span::from_seconds(WINDOW) {
            count += usize::from(once.claim(*claim, now).await.unwrap() == Use::First);
        }
    }
    count
}

#[tokio::test]
async fn a_restart_remembers() {
    let (disk, claims) = used().await;
    let (once, recovery) = begin(&disk, at(DAY + 5), Begun::Here).unwrap();
    assert_eq!((recovery.why, recovery.claims, recovery.barrier), (None, 5, Time::MIN));
    assert_eq!(recovery.latest, at(DAY));
    assert_eq!(reopened(&once, &claims, at(DAY + 5)).await, 0);
    assert_eq!(once.claim(claim(99, at(DAY + 5)), at(DAY + 5)).await.unwrap(), Use::First);
}

#[tokio::test]
async fn a_log_that_cannot_be_trusted_raises_a_barrier_that_lasts() {
    let (disk, claims) = used().await;
    let now = at(DAY + 5);
    let cases = [
        ("missing", SimDisk::default(), Begun::Here, [7; 16], [1; 16]),
        ("restored from a backup", SimDisk::default(), Begun::BeforeBackup, [7; 16], [1; 16]),
        ("another installation", disk.snapshot(), Begun::Here, [7; 16], [2; 16]),
        ("another installation", disk.snapshot(), Begun::Here, [8; 16], [1; 16]),
        ("another installation", disk.snapshot(), Begun::Never, [7; 16], [1; 16]),
        ("a copy", disk.copied(), Begun::Here, [7; 16], [1; 16]),
    ];
    for (why, disk, begun, key, epoch) in cases {
        let (once, recovery) = begin_with(&disk, now, begun, key, epoch).unwrap();
        assert!(recovery.why.as_deref().is_some_and(|found| found.contains(why)), "{why}: {recovery:?}");
        assert_eq!(recovery.barrier, at(DAY + 5 + WINDOW));
        assert_eq!(reopened(&once, &claims, now).await, 0);
        assert_eq!(once.claim(claim(100, now), now).await.unwrap(), Use::Barred);
        drop(once);
        // The next start finds a log of its own, and still knows what it does not know.
        let (once, recovery) = begin_with(&disk, at(DAY + 9), Begun::Here, key, epoch).unwrap();
        assert_eq!((recovery.why, recovery.barrier), (None, at(DAY + 5 + WINDOW)), "{why}");
        assert_eq!(reopened(&once, &claims, at(DAY + 9)).await, 0);
        let later = at(DAY + 6 + WINDOW);
        assert_eq!(once.claim(claim(101, later), later).await.unwrap(), Use::First);
    }
}

#[tokio::test]
async fn no_spoilt_byte_reopens_a_claim() {
    let (disk, claims) = used().await;
    let name = disk.names().pop().unwrap();
    let older = disk.snapshot();
    begin(&older, at(DAY + 1), Begun::Here).unwrap();
    assert_eq!(older.names().len(), 2);
    // In the newest file and in one before it.
    for disk in [disk, older] {
        for byte in 0..136 + 5 * 36 {
            for bits in [1, 0x80] {
                let disk = disk.snapshot();
                disk.tamper(&name, |bytes| bytes[byte] ^= bits);
                let (once, recovery) = begin(&disk, at(DAY + 5), Begun::Here).unwrap();
                assert_eq!(reopened(&once, &claims, at(DAY + 5)).await, 0, "byte {byte}");
                assert!(recovery.why.is_some(), "byte {byte}");
            }
        }
    }
}

#[tokio::test]
async fn a_lost_file_is_noticed_until_nothing_in_it_counts() {
    let (disk, mut claims) = used().await;
    let mut names = Vec::new();
    for start in 1..4 {
        names = disk.names();
        let now = at(DAY + start);
        let (once, recovery) = begin(&disk, now, Begun::Here).unwrap();
        assert_eq!(recovery.why, None);
        let fresh = claim(100 + u64::try_from(start).unwrap(), now);
        assert_eq!(once.claim(fresh, now).await.unwrap(), Use::First);
        claims.push(fresh);
    }
    assert!(names.len() >= 2);
    for name in &names {
        let disk = disk.snapshot();
        disk.lose(name);
        let (once, recovery) = begin(&disk, at(DAY + 5), Begun::Here).unwrap();
        assert!(recovery.why.is_some(), "{name}");
        assert_eq!(reopened(&once, &claims, at(DAY + 5)).await, 0);
    }
    // Much later the files are gone by themselves, and nothing is amiss.
    let (once, recovery) = begin(&disk, at(DAY + 1000), Begun::Here).unwrap();
    assert_eq!(recovery.why, None);
    drop(once);
    assert_eq!(disk.names().len(), 1);
    let (_once, recovery) = begin(&disk, at(DAY + 1001), Begun::Here).unwrap();
    assert_eq!(recovery.why, None);
}

#[tokio::test]
async fn a_clock_that_steps_back_over_a_restart_reopens_nothing() {
    let (disk, mut claims) = used().await;
    let (once, _) = begin(&disk, at(DAY + 100), Begun::Here).unwrap();
    // The first claims are forgotten now, on disk too.
    let late = claim(200, at(DAY + 100));
    assert_eq!(once.claim(late, at(DAY + 100)).await.unwrap(), Use::First);
    claims.push(late);
    drop(once);
    for back in [DAY + 99, DAY + 50, DAY + 10, DAY] {
        let disk = disk.snapshot();
        let (once, recovery) = begin(&disk, at(back), Begun::Here).unwrap();
        assert_eq!(recovery.latest, at(DAY + 100));
        assert_eq!(reopened(&once, &claims, at(back)).await, 0);
    }
}

#[tokio::test]
async fn a_clock_that_was_ahead_for_a_moment_costs_seconds_only() {
    let (disk, mut claims) = used().await;
    let (once, _) = begin(&disk, at(DAY + 10), Begun::Here).unwrap();
    for (number, now) in [(200, DAY + 10), (201, DAY + 3600), (202, DAY + 40), (203, DAY + 110)] {
        let fresh = claim(number, at(now));
        let found = once.claim(fresh, at(now)).await.unwrap();
        assert_eq!(found, Use::First, "{number}");
        claims.push(fresh);
    }
    drop(once);
    for now in [DAY + 5, DAY + 30, DAY + 112, DAY + 130, DAY + 3601] {
        let disk = disk.snapshot();
        let (once, recovery) = begin(&disk, at(now), Begun::Here).unwrap();
        assert_eq!((recovery.why, recovery.latest), (None, at(DAY + 3600)));
        assert_eq!(reopened(&once, &claims, at(now)).await, 0);
        if now > DAY + 50 {
            assert_eq!(once.claim(claim(300, at(now)), at(now)).await.unwrap(), Use::First, "{now}");
        }
    }
}

#[tokio::test]
async fn a_wider_window_raises_a_barrier() {
    let (disk, claims) = used().await;
    let fresh = SimDisk::default();
    begin(&fresh, at(DAY), Begun::Never).unwrap();
    let wider_on = |disk: &SimDisk, now| {
        let start = ReplayStart {
            key: [7; 16],
            fresh: [1; 16],
            now,
            horizon: Span::from_seconds(60),
            most: 10_000_000,
        };
        DurableOnce::start(Box::new(disk.clone()), &start, [1; 16], Begun::Here, (None, Time::MIN)).unwrap()
    };
    let wider = |now| wider_on(&disk, now);
    // Where nothing was ever used, nothing is barred.
    assert_eq!(wider_on(&fresh, at(DAY + 30)).1.barrier, Time::MIN);
    let (once, recovery) = wider(at(DAY + 30));
    // No use was dated later than the last one was remembered.
    assert!(recovery.why.is_some() && recovery.barrier == at(DAY + WINDOW + 1), "{recovery:?}");
    // Valid for longer by the new settings, and forgotten by the old ones.
    let stretched = Claim { until: claims[0].until + Span::from_seconds(40), ..claims[0] };
    assert_eq!(once.claim(stretched, at(DAY + 30)).await.unwrap(), Use::Barred);
    drop(once);
    assert_eq!(wider(at(DAY + 31)).1.why, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_at_once_exactly_one_is_first() {
    let disk = SimDisk::default();
    let (once, _) = begin(&disk, at(DAY), Begun::Never).unwrap();
    let once = Arc::new(once);
    for round in 0..200 {
        let tasks = (0..64).map(|_| {
            let once = Arc::clone(&once);
            tokio::spawn(async move { once.claim(claim(round, at(DAY)), at(DAY)).await.unwrap() })
        });
        let answers: Vec<Use> = join_all(tasks).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(answers.iter().filter(|answer| **answer == Use::First).count(), 1);
        assert_eq!(answers.iter().filter(|answer| **answer == Use::Again).count(), 63);
    }
}

#[tokio::test]
async fn what_waits_together_is_synced_together_and_no_more_waits_than_fits() {
    let disk = SimDisk::default();
    let (once, _) = begin(&disk, at(DAY), Begun::Never).unwrap();
    let before = disk.syncs();
    let most = u64::try_from(MOST_CLAIMS).unwrap();
    let held = disk.hold();
    let mut waiting: Vec<_> = (0..most).map(|number| once.claim(claim(number, at(DAY)), at(DAY))).collect();
    // Polled once, each has taken its place.
    assert!(waiting.iter_mut().all(|answer| answer.now_or_never().is_none()));
    let late = claim(most, at(DAY));
    let fault = once.claim(late, at(DAY)).await.unwrap_err();
    assert!(fault.to_string().starts_with("overloaded"), "{fault}");
    drop(held);
    for answer in join_all(waiting).await {
        assert_eq!(answer.unwrap(), Use::First);
    }
    // At most a few: what came while the thread waited for the disk, and the rest.
    assert!(disk.syncs() - before <= 3, "{}", disk.syncs() - before);
    // The one that found no room was not used up.
    assert_eq!(once.claim(late, at(DAY)).await.unwrap(), Use::First);
}

#[tokio::test]
async fn a_full_disk_refuses_and_recovers_by_itself() {
    let (disk, mut claims) = used().await;
    let (once, _) = begin(&disk, at(DAY + 1), Begun::Here).unwrap();
    disk.set_full(true);
    for number in 300..310 {
        let lost = claim(number, at(DAY + 1));
        let fault = once.claim(lost, at(DAY + 1)).await.unwrap_err();
        assert!(fault.to_string().contains("replay log"), "{fault}");
        // What the disk kept of it is not known: it stays used.
        assert_eq!(once.claim(lost, at(DAY + 1)).await.unwrap(), Use::Again);
    }
    disk.set_full(false);
    for number in 310..320 {
        let fresh = claim(number, at(DAY + 2));
        assert_eq!(once.claim(fresh, at(DAY + 2)).await.unwrap(), Use::First);
        claims.push(fresh);
    }
    drop(once);
    let (once, recovery) = begin(&disk, at(DAY + 3), Begun::Here).unwrap();
    assert_eq!(recovery.why, None);
    assert_eq!(reopened(&once, &claims, at(DAY + 3)).await, 0);
}

#[tokio::test]
async fn a_disk_that_hangs_is_a_fault_and_not_a_wait_without_end() {
    let disk = SimDisk::default();
    let (once, _) = begin(&disk, at(DAY), Begun::Never).unwrap();
    let (begin_again, told) = std::sync::mpsc::channel::<()>();
    let (holds, held) = std::sync::mpsc::channel();
    let hung = disk.clone();
    let hanging = std::thread::spawn(move || {
        let _hung = hung.hang();
        holds.send(()).unwrap();
        let _told = told.recv();
    });
    held.recv().unwrap();
    let told = once.claim(claim(1, at(DAY)), at(DAY)).await.unwrap_err().to_string();
    assert!(told.contains("within 5 s"), "{told}");
    assert_eq!(once.claim(claim(1, at(DAY)), at(DAY)).await.unwrap(), Use::Again, "the disk may yet take it");
    drop(begin_again);
    hanging.join().unwrap();
    assert_eq!(once.claim(claim(2, at(DAY)), at(DAY)).await.unwrap(), Use::First);
    drop(once);
    let (once, _) = begin(&disk, at(DAY), Begun::Here).unwrap();
    assert_eq!(reopened(&once, &[claim(1, at(DAY)), claim(2, at(DAY))], at(DAY)).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_power_cuts_reopen_nothing() {
    let disk = SimDisk::default();
    let mut choice = Choice(20_261_122);
    let clock = Arc::new(AtomicI64::new(DAY * 1000));
    let numbers = Arc::new(AtomicU64::new(0));
    let acknowledged: Arc<Mutex<Vec<Claim>>> = Arc::default();
    let mut begun = Begun::Never;
    let (mut cuts, mut barriers, mut torn, mut asked, mut total) = (0, 0, 0, 0, 0);
    while cuts < 200 {
        disk.light_fuse(choice.below(120));
        let now = Time::from_millis(clock.fetch_add(1000, Ordering::SeqCst));
        if let Ok((once, recovery)) = begin(&disk, now, begun) {
            begun = Begun::Here;
            barriers += u32::from(recovery.why.is_some());
            torn += u32::from(recovery.cut > 0);
            let once = Arc::new(once);
            let live: Vec<Claim> = acknowledged.lock().unwrap().clone();
            asked += live.len();
            assert_eq!(reopened(&once, &live, now).await, 0, "after {cuts} cuts");
            let tasks = (0..8).map(|_| {
                let (once, clock, numbers) = (Arc::clone(&once), Arc::clone(&clock), Arc::clone(&numbers));
                let acknowledged = Arc::clone(&acknowledged);
                tokio::spawn(async move {
                    for _ in 0..40 {
                        let now = Time::from_millis(clock.fetch_add(700, Ordering::SeqCst));
                        let number = numbers.fetch_add(1, Ordering::SeqCst);
                        let mut fresh = claim(number, now);
                        if number % 2 == 0 {
                            fresh.until = now + Span::from_seconds(300);
                        }
                        match once.claim(fresh, now).await {
                            Ok(Use::First) => acknowledged.lock().unwrap().push(fresh),
                            Ok(_) => {}
                            Err(_) => break,
                        }
                    }
                })
            });
            join_all(tasks).await.into_iter().for_each(Result::unwrap);
        }
        disk.power_cut(&mut choice);
        cuts += 1;
        if cuts % 8 == 0 {
            // The clock steps, up to 100 seconds either way.
            let step = i64::try_from(choice.below(200)).unwrap() - 100;
            clock.fetch_add(step * 1000, Ordering::SeqCst);
        }
        let now = Time::from_millis(clock.load(Ordering::SeqCst));
        let mut claims = acknowledged.lock().unwrap();
        let before = claims.len();
        // Kept a while longer, since the clock may step back.
        claims.retain(|claim| claim.until + Span::from_seconds(100) >= now);
        total += before - claims.len();
    }
    total += acknowledged.lock().unwrap().len();
    println!(
        "{cuts} power cuts: {total} acknowledged, {asked} tried again, 0 accepted; {torn} torn ends, {barriers} barriers"
    );
    assert!(total > 5000 && asked > 1000 && torn > 5, "the test must have something to show");
    assert!(barriers < cuts / 4, "the log itself must remember; the barrier is for the rest");
}
