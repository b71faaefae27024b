//! Begins a replay memory, or goes on with one: by which terms uses are remembered, and what may be missing from it.
use crate::database::Database;
use countersign::time::{Span, Time};
use countersign_store::fault::Fault;
use countersign_store::replay::{Changed, Entry, Found, Recovery, ReplayStart, Scope, State};
use sqlx::Row;
use sqlx::postgres::PgConnection;
use std::collections::BTreeMap;

/// What one node goes by.
#[derive(Debug)]
pub(crate) struct Joining {
    pub(crate) scope: Scope,
    pub(crate) start: ReplayStart,
}

impl Joining {
    /// Looks at the state, changes it where this node has to, and gives what claims are to know.
    ///
    /// # Errors
    /// When the database fails, or another node remembers by other terms since.
    pub(crate) async fn join(
        &self,
        database: &Database,
        now: Time,
        entry: Entry,
    ) -> Result<(String, Recovery), Fault> {
        database
            .bounded(async {
                let failed = |error| database.failed("begin to remember at", error);
                let mut unit = database.begin("BEGIN").await?;
                // Nobody claims meanwhile.
                sqlx::query("SELECT pg_advisory_xact_lock(1129534290, $1)")
                    .bind(i32::from(self.scope.number()))
                    .execute(&mut *unit)
                    .await
                    .map_err(failed)?;
                let (place, clock) = here(&mut unit).await.map_err(failed)?;
                let before = state(&mut unit, self.scope).await.map_err(failed)?;
                let changed = self.changed(&mut unit, entry).await.map_err(failed)?;
                if entry == Entry::Again && changed.is_some_and(|changed| changed.otherwise) {
                    return Err(Fault::new(
                        "another node was started with other terms of remembering what was used: \
                         start this one anew, with the same configuration",
                    ));
                }
                // By the later clock: a proof dated ahead of ours may have been used.
                let (state, why) = self.next(before, place, now.seconds().max(clock), changed);
                keep(&mut unit, self.scope, &state).await.map_err(failed)?;
                database.commit(unit).await?;
                let barrier =
                    if state.barrier == i64::MIN { Time::MIN } else { Time::from_seconds(state.barrier) };
                Ok((format!("{} {}", state.place, state.generation), Recovery { barrier, why }))
            })
            .await
    }

    fn next(
        &self,
        before: Option<State>,
        place: String,
        latest: i64,
        changed: Option<Changed>,
    ) -> (State, Option<String>) {
        let Some(before) = before else {
            // Never begun: this installation has accepted nothing yet.
            let keep = self.start.keep();
            return (State { place, generation: 1, barrier: i64::MIN, forgotten: i64::MIN, keep }, None);
        };
        let moved =
            "the database is a restored copy or a promoted standby, which may lack what was used last";
        // No node claims at two places: a database that is no primary any more takes no claims.
        self.start.next(before, Found { place, moved, linger: Span::ZERO, latest, changed })
    }

    /// In what the terms differ from what is noted; notes them at a start. Of a dialect that is unheard of they are noted later, too:
    /// a copy that was restored may be older than the first start with it.
    async fn changed(&self, unit: &mut PgConnection, entry: Entry) -> Result<Option<Changed>, sqlx::Error> {
        let rows = sqlx::query("SELECT dialect, terms FROM replay_terms WHERE scope = $1")
            .bind(self.scope.number())
            .fetch_all(&mut *unit)
            .await?;
        let mut known: BTreeMap<String, String> = BTreeMap::new();
        for row in rows {
            known.insert(row.try_get("dialect")?, row.try_get("terms")?);
        }
        for (dialect, term) in &self.start.terms {
            let (noted, told) = (known.get(dialect), term.noted());
            if noted != Some(&told) && (entry == Entry::Begin || noted.is_none()) {
                sqlx::query(
                    "INSERT INTO replay_terms (scope, dialect, terms) VALUES ($1, $2, $3) \
                     ON CONFLICT (scope, dialect) DO UPDATE SET terms = excluded.terms",
                )
                .bind(self.scope.number())
                .bind(dialect)
                .bind(told)
                .execute(&mut *unit)
                .await?;
            }
        }
        Ok(self.start.changed(&known))
    }
}

/// The place and the database's clock, seconds rounded up.
async fn here(unit: &mut PgConnection) -> Result<(String, i64), sqlx::Error> {
    let sql =
        "SELECT countersign_place_1() AS place, ceil(extract(epoch FROM clock_timestamp()))::bigint AS clock";
    let row = sqlx::query(sql).fetch_one(unit).await?;
    Ok((row.try_get("place")?, row.try_get("clock")?))
}

async fn state(unit: &mut PgConnection, scope: Scope) -> Result<Option<State>, sqlx::Error> {
    let row = sqlx::query("SELECT * FROM replay WHERE scope = $1")
        .bind(scope.number())
        .fetch_optional(unit)
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(State {
        place: row.try_get("place")?,
        generation: row.try_get("generation")?,
        barrier: row.try_get("barrier")?,
        forgotten: row.try_get("forgotten")?,
        keep: row.try_get("keep")?,
    }))
}

async fn keep(unit: &mut PgConnection, scope: Scope, state: &State) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO replay (scope, place, generation, barrier, forgotten, keep) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (scope) DO UPDATE SET place = excluded.place, generation = excluded.generation, \
         barrier = excluded.barrier, forgotten = excluded.forgotten, keep = excluded.keep",
    )
    .bind(scope.number())
    .bind(&state.place)
    .bind(state.generation)
    .bind(state.barrier)
    .bind(state.forgotten)
    .bind(state.keep)
    .execute(unit)
    .await
    .map(|_| ())
}
