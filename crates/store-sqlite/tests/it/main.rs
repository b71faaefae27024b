//! The store from outside: what it keeps, what it refuses, and what is left after kill -9.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may stop at once")]
mod audit;
mod conform;
mod full;
mod kill;
mod opening;
#[cfg(target_os = "linux")]
mod power;
mod rows;
mod session;

use countersign::ask::Claim;
use countersign::life::session::Session;
use countersign::time::{Span, Time};
use countersign_store_sqlite::ReplayStart;
use std::path::Path;
use tempfile::TempDir;

/// Seconds at which tests begin.
const DAY: i64 = 1_700_000_000;

fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

fn replay_start(now: i64) -> ReplayStart {
    ReplayStart {
        key: [5; 16],
        fresh: [6; 16],
        now: Time::from_seconds(now),
        horizon: Span::from_seconds(20),
        most: 1_000_000,
    }
}

fn claim(number: u64, dated: i64) -> Claim {
    let mut mark = [0; 32];
    mark[..8].copy_from_slice(&number.to_le_bytes());
    Claim { mark, since: Time::from_seconds(dated), until: Time::from_seconds(dated + 20) }
}

fn session(id: &str, account: &str) -> Session {
    Session {
        id: id.into(),
        account: account.into(),
        identifier: "alice".into(),
        organisation: None,
        key: "key_1".into(),
        opened: Time::from_seconds(DAY),
        ends: Time::from_seconds(DAY + 86_400),
        iteration: "0".into(),
        rotated: Time::from_seconds(DAY),
        previous: None,
        ended: None,
        grant: None,
    }
}

/// Runs SQL on a file beside whoever has it open.
async fn sql(file: &Path, text: &'static str) {
    use sqlx::ConnectOptions;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql(text).execute(&mut connection).await.unwrap();
    sqlx::Connection::close(connection).await.unwrap();
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}
