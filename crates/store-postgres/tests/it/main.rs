//! The store from outside, on a real PostgreSQL: what it keeps, what it refuses, what two nodes make of it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may stop at once")]
mod audit;
mod bus;
mod conform;
mod faults;
mod opening;
mod replay;
mod secure;

use countersign::time::Time;
use countersign_store::model::{AuditDraft, Record, User, Write};
use countersign_store_postgres::{PostgresStore, Settings};
use countersign_testkit::postgres::Postgres;
use std::sync::Arc;

/// Seconds at which tests begin.
const DAY: i64 = 1_700_000_000;

/// A store over an empty database, and the address.
async fn fresh() -> (Arc<PostgresStore>, String) {
    let url = Postgres::shared().database();
    (open(&url).await, url)
}

async fn open(url: &str) -> Arc<PostgresStore> {
    Arc::new(PostgresStore::open(&Settings::new(url)).await.unwrap())
}

fn user(name: &str) -> Write {
    Write::Put(Record::User(User { name: name.into(), enabled: true, created: Time::from_seconds(DAY) }))
}

fn draft(detail: &str) -> AuditDraft {
    AuditDraft {
        at: Time::from_seconds(DAY),
        actor: "local".into(),
        action: "user.add".into(),
        subject: "u".into(),
        detail: detail.into(),
    }
}
