//! The registry in memory: room for each key, the pause that a change makes for readers, and the program's start.
use crate::judging::NOW;
use crate::load;
use crate::measure::{Table, median, now};
use crate::process::{Running, began, built, free_address};
use crate::serving::{caller, mail};
use countersign::ask::{KeyQuery, Who};
use countersign::life::key::KeyLife;
use countersign::time::Time;
use countersign_keys::{CompactKey, PrivateKey, sha256};
use countersign_store::directory::Directory;
use countersign_store::model::{KeyRecord, Record, Write};
use countersign_store::registry::{Loaded, Registry};
use countersign_store_sqlite::SqliteStore;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

const SMALL: u64 = 1_000;
const LARGE: u64 = 1_000_000;
/// Rows taken up together, so that little is held twice.
const PART: u64 = 1_000;
/// Rows written to SQLite in one unit.
const UNIT: u64 = 20_000;
/// Changes made while a reader reads.
const CHANGES: u64 = 2_000;
/// Starts of the program; the median counts.
const STARTS: usize = 5;
/// Head of the DER of an Ed25519 key; 32 bytes follow.
const ED25519: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Measures it.
pub(crate) fn run(table: &mut Table) -> Result<(), String> {
    room(table)?;
    pause(table)
}

/// How a public key is made from a number.
type Make = fn(u64) -> Vec<u8>;

/// A directory with as many callers, each with one key.
///
/// # Errors
/// When a row cannot be taken up.
pub(crate) fn filled(size: u64, key: Make) -> Result<Directory, String> {
    let directory = Directory::load(Loaded { version: 0, records: Vec::new() });
    let directory = directory.map_err(|fault| fault.to_string())?;
    for from in (0..size).step_by(usize::try_from(PART).unwrap_or(1)) {
        let rows = (from..size.min(from + PART)).flat_map(|number| rows(number, key));
        let writes: Vec<Write> = rows.map(Write::Put).collect();
        directory.apply(&writes, 1).map_err(|fault| fault.to_string())?;
    }
    Ok(directory)
}

fn rows(number: u64, key: Make) -> [Record; 2] {
    caller(number, key(number), Time::from_seconds(NOW), "skykit")
}

/// An RSA-2048 key that nobody can sign with: its modulus is any number of that size.
pub(crate) fn rsa(number: u64) -> Vec<u8> {
    let mut der = vec![0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d];
    der.extend([0x01, 0x01, 0x01, 0x05, 0x00, 0x03, 0x82, 0x01, 0x0f, 0x00, 0x30, 0x82, 0x01, 0x0a]);
    der.extend([0x02, 0x82, 0x01, 0x01, 0x00]);
    let mut modulus: Vec<u8> = (0..8_u8).flat_map(|part| sha256(&[&number.to_be_bytes(), &[part]])).collect();
    if let Some(first) = modulus.first_mut() {
        *first |= 0x80;
    }
    if let Some(last) = modulus.last_mut() {
        *last |= 1;
    }
    der.extend(modulus);
    der.extend([0x02, 0x03, 0x01, 0x00, 0x01]);
    der
}

/// An Ed25519 key with its private half.
///
/// # Errors
/// When the crypto library makes none.
pub(crate) fn ed25519_private(number: u64) -> Result<PrivateKey, String> {
    // PKCS#8 version 1: the seed stands at the end.
    let mut der = vec![0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70];
    der.extend([0x04, 0x22, 0x04, 0x20]);
    der.extend(sha256(&[b"bench", &number.to_be_bytes()]));
    PrivateKey::read(&der, None).map_err(|error| error.to_string())
}

/// The public half; a number whose private half the library refuses has any point.
pub(crate) fn ed25519(number: u64) -> Vec<u8> {
    ed25519_private(number)
        .map_or_else(|_| [&ED25519[..], &[3; 32]].concat(), |key| key.public_key().spki_der().to_vec())
}

/// Bytes of each key, from the memory of processes that hold as many.
fn room(table: &mut Table) -> Result<(), String> {
    let held = |kind: &str, callers: u64, keys: u64| -> Result<f64, String> {
        let own = std::env::current_exe().map_err(|error| error.to_string())?;
        let words = ["hold".to_owned(), kind.to_owned(), callers.to_string(), keys.to_string()];
        let ended = Command::new(own).args(words).output().map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&ended.stdout);
        let trouble = || format!("holding keys: {}", String::from_utf8_lossy(&ended.stderr).trim());
        text.trim().parse().map_err(|_| trouble())
    };
    for (kind, bound) in [("RSA-2048", "at most 320 bytes"), ("Ed25519", "at most 80 bytes")] {
        let empty = held(kind, 1, 1)?;
        let whole = (held(kind, LARGE, 1)? - empty) / 1e6;
        let spare = (held(kind, LARGE / 4, 4)? - empty) / 1e6;
        let compact = held(kind, LARGE, 0)? / 1e6;
        table.add(
            format!("room for a stored {kind} key: its compact form"),
            format!("{compact:.0} bytes"),
            bound,
        );
        let figure = format!("{whole:.0} bytes ({spare:.0} a key when a caller has four)");
        table.add(format!("room for a caller with one {kind} key, names and indexes included"), figure, "");
    }
    Ok(())
}

/// The process that [`room`] starts: `hold KIND CALLERS KEYS`; prints the bytes resident. Without keys for callers,
/// it holds compact keys alone.
///
/// # Errors
/// When the words are others or a row cannot be taken up.
pub(crate) fn hold(words: &[String]) -> Result<(), String> {
    let [kind, callers, keys] = words else {
        return Err(format!("hold: wanted KIND CALLERS KEYS, found {words:?}"));
    };
    let make: Make = if kind == "Ed25519" { plain_ed25519 } else { rsa };
    let callers: u64 = callers.parse().map_err(|error| format!("{callers}: {error}"))?;
    let keys: u64 = keys.parse().map_err(|error| format!("{keys}: {error}"))?;
    if keys == 0 {
        let read = |number| CompactKey::from_spki_der(&make(number)).map_err(|error| error.to_string());
        let before = resident()?;
        let mut held = Vec::with_capacity(usize::try_from(callers).unwrap_or(0));
        for number in 0..callers {
            held.push(read(number)?);
        }
        println!("{}", resident()? - before);
        drop(held);
        return Ok(());
    }
    let directory = filled(callers, make)?;
    for key in 1..keys {
        for number in 0..callers {
            let [_, row] = caller(number, make(number + key * callers), Time::from_seconds(NOW), "skykit");
            if let Record::Key(row) = row {
                let id = format!("key_{:026}", number + key * callers);
                let write = Write::Put(Record::Key(KeyRecord { id, ..row }));
                directory.apply(&[write], 1).map_err(|fault| fault.to_string())?;
            }
        }
    }
    println!("{}", resident()?);
    drop(directory);
    Ok(())
}

/// Thirty-two bytes that read as a point, without a private half: quick to make.
fn plain_ed25519(number: u64) -> Vec<u8> {
    // About half of all numbers are no point.
    (0..=u8::MAX)
        .map(|turn| [&ED25519[..], &sha256(&[&number.to_be_bytes(), &[turn]])].concat())
        .find(|der| CompactKey::from_spki_der(der).is_ok())
        .unwrap_or_default()
}

/// Bytes of memory that this process holds.
fn resident() -> Result<f64, String> {
    let text = std::fs::read_to_string("/proc/self/statm").map_err(|error| error.to_string())?;
    let pages = text.split_whitespace().nth(1).and_then(|pages| pages.parse::<f64>().ok());
    pages.map(|pages| pages * 4096.0).ok_or_else(|| "/proc/self/statm has no pages".to_owned())
}

/// What a reader feels while keys are revoked and put back among a million.
fn pause(table: &mut Table) -> Result<(), String> {
    let directory = filled(LARGE, plain_ed25519)?;
    let (stop, start) = (AtomicBool::new(false), AtomicBool::new(false));
    let (quiet, busy, seen) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut waits = [Vec::new(), Vec::new()];
            let mut number = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                number = (number + 617_453) % LARGE;
                let from = now();
                look(&directory, number);
                let changing = usize::from(start.load(Ordering::Relaxed));
                if let Some(waits) = waits.get_mut(changing) {
                    waits.push(now().duration_since(from).as_secs_f64() * 1e6);
                }
            }
            waits
        });
        std::thread::sleep(std::time::Duration::from_secs(2));
        start.store(true, Ordering::Relaxed);
        let seen = changes(&directory);
        stop.store(true, Ordering::Relaxed);
        let [quiet, busy] = reader.join().unwrap_or_default();
        (quiet, busy, seen)
    });
    let told = |mut waits: Vec<f64>| {
        waits.sort_by(f64::total_cmp);
        let place = waits.len().saturating_sub(1 + waits.len() / 10_000);
        let most = waits.last().copied().unwrap_or(f64::NAN);
        (waits.get(place).copied().unwrap_or(f64::NAN), most)
    };
    let ((quiet, quiet_most), (busy, busy_most)) = (told(quiet), told(busy));
    let figure = format!("{:.3} ms at most, {:.1} us in the middle", worst(&seen) * 1e3, median(seen) * 1e6);
    table.add("a key revoked among a million: until no look-up shows it live", figure, "at most 100 ms");
    let figure = format!(
        "{busy:.1} us for 99.99 % of look-ups, {busy_most:.0} us at most (undisturbed {quiet:.1} us, {quiet_most:.0} us)"
    );
    table.add("longest wait of a reader while keys change", figure, "");
    Ok(())
}

fn worst(times: &[f64]) -> f64 {
    times.iter().copied().fold(0.0, f64::max)
}

/// Makes changes one after another; gives the seconds that each took to show.
fn changes(directory: &Directory) -> Vec<f64> {
    let mut seen = Vec::new();
    for turn in 0..CHANGES {
        let number = (turn * 7_919) % LARGE;
        let [_, row] = rows(number, plain_ed25519);
        let Record::Key(row) = row else { continue };
        let revoked = KeyRecord { life: KeyLife::ACTIVE.revoke(), ..row };
        let from = now();
        let applied = directory.apply(&[Write::Put(Record::Key(revoked))], turn + 2);
        let keys = look(directory, number);
        let live = keys.is_none_or(|live| live);
        let took = now().duration_since(from).as_secs_f64();
        // A change that does not show would be the worst of all.
        seen.push(if applied.is_ok() && !live { took } else { f64::INFINITY });
    }
    seen
}

/// Whether the caller has a live key; `None` when it is not found.
fn look(directory: &Directory, number: u64) -> Option<bool> {
    let identifier = mail(number);
    let who = Who::Identifier { namespace: "email", identifier: &identifier };
    let query = KeyQuery { dialect: "skykit", who, kid: None, companion: None, acting_as: None };
    let found = directory.answer(&query);
    found.caller.is_some().then(|| found.keys.iter().any(|key| key.life.is_live(Time::from_seconds(NOW))))
}

/// From the start of the program to its first answer.
///
/// # Errors
/// When the program does not start or answer.
pub(crate) fn start(table: &mut Table) -> Result<(), String> {
    let program = built("COUNTERSIGN_BENCH_PROGRAM")?;
    for (size, bound) in [(SMALL, "at most 50 ms"), (LARGE, "at most 1500 ms")] {
        let scratch = tempfile::Builder::new().prefix("countersign-bench-").tempdir_in("/var/tmp");
        let scratch = scratch.map_err(|error| error.to_string())?;
        let data = stored(size, scratch.path())?;
        let request = scratch.path().join("request");
        std::fs::write(&request, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .map_err(|error| error.to_string())?;
        let (mut times, mut memory, mut used) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..STARTS {
            let address = free_address()?;
            let config = scratch.path().join("server.toml");
            let described =
                format!("version = 1\n[[listener]]\naddress = \"{address}\"\nsurfaces = [\"health\"]\n");
            std::fs::write(&config, described).map_err(|error| error.to_string())?;
            let path = |path: &Path| path.display().to_string();
            let mut command = Command::new(&program);
            command.args(["serve", "--config", &path(&config), "--data", &path(&data)]);
            let from = began();
            let mut running = Running::spawn(command, &scratch.path().join("log"))?;
            running.accepts(address)?;
            load::send(address, &request, 200, 1)?;
            times.push(now().duration_since(from).as_secs_f64() * 1e3);
            used.push(running.cpu()? * 1e3);
            memory.push(running.resident_kilobytes()? / 1024.0);
            running.end();
        }
        let most = worst(&times);
        let used = median(used);
        let figure = format!("{:.0} ms (longest {most:.0} ms; {used:.0} ms of CPU time)", median(times));
        table.add(format!("start to the first answer, {size} keys in SQLite"), figure, bound);
        let idle = if size == SMALL { "at most 16 MiB" } else { "" };
        table.add(format!("memory then, {size} keys"), format!("{:.1} MiB", median(memory)), idle);
    }
    Ok(())
}

/// A data directory with as many callers.
fn stored(size: u64, scratch: &Path) -> Result<PathBuf, String> {
    let data = scratch.join("data");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(async {
        let store = SqliteStore::open(&data).await.map_err(|fault| fault.to_string())?;
        let mut version = 0;
        for from in (0..size).step_by(usize::try_from(UNIT).unwrap_or(1)) {
            let rows = (from..size.min(from + UNIT)).flat_map(|number| rows(number, rsa));
            let writes: Vec<Write> = rows.map(Write::Put).collect();
            version = store.commit(version, &writes, &[]).await.map_err(|not| format!("{not:?}"))?;
        }
        store.close().await;
        Ok::<_, String>(())
    })?;
    Ok(data)
}
