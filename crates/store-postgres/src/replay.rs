//! Begins a replay memory, or goes on with one: by which terms uses are remembered, and what may be missing from it.
use crate::database::Database;
use countersign::time::{Span, Time};
use countersign_store::fault::Fault;
use sqlx::Row;
use sqlx::postgres::PgConnection;
use std::collections::BTreeMap;

/// By which terms uses are remembered, for each dialect.
pub type Terms = BTreeMap<String, Term>;

/// By which terms the uses of one dialect's proofs are remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// The terms, spelt so that any change shows.
    pub text: String,
    /// How far from the clock a proof may be dated.
    pub window: Span,
}

/// What a replay memory is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One-time proofs.
    Proofs,
    /// Answered challenges, which strangers can ask for.
    Challenges,
}

/// What a replay memory needs to begin.
#[derive(Clone, Debug)]
pub struct ReplayStart {
    /// Now.
    pub now: Time,
    /// How far from the clock an accepted proof may be dated, over all dialects.
    pub horizon: Span,
    /// By which terms this node remembers. When they are others than before, what was used before is behind a barrier, and nodes
    /// that still go by the others answer faults until they are started anew.
    pub terms: Terms,
}

/// What was found at the start, for the operator's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// Proofs dated at or before this are barred; [`Time::MIN`] when all of them are vouched for.
    pub barrier: Time,
    /// Why the barrier was raised at this start, when it was.
    pub why: Option<String>,
}

/// What one node goes by.
#[derive(Debug)]
pub(crate) struct Joining {
    pub(crate) scope: Scope,
    pub(crate) start: ReplayStart,
}

/// Whether terms may be changed: at the start of a node, and never afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    Begin,
    Again,
}

impl Scope {
    /// The number in the tables.
    pub(crate) fn number(self) -> i16 {
        match self {
            Self::Proofs => 1,
            Self::Challenges => 2,
        }
    }
}

/// The state as it is kept.
struct State {
    place: String,
    generation: i64,
    barrier: i64,
    forgotten: i64,
    keep: i64,
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
                if entry == Entry::Again && changed.is_some() {
                    return Err(Fault::new(
                        "another node was started with other terms of remembering what was used: \
                         start this one anew, with the same configuration",
                    ));
                }
                let (state, why) = self.next(before, place, clock, now, changed);
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
        clock: i64,
        now: Time,
        changed: Option<Span>,
    ) -> (State, Option<String>) {
        let seconds = |span: Span| span.millis().div_euclid(1000).saturating_add(1);
        let horizon = self.start.terms.values().map(|term| term.window).fold(self.start.horizon, Span::max);
        let keep = seconds(horizon);
        let Some(before) = before else {
            // Never begun: this installation has accepted nothing yet.
            let state = State { place, generation: 1, barrier: i64::MIN, forgotten: i64::MIN, keep };
            return (state, None);
        };
        // By the later clock: a proof dated ahead of ours may have been used.
        let latest = now.seconds().max(clock);
        let mut state = State { keep: before.keep.max(keep), ..before };
        let mut raise = |ahead: Span| {
            state.barrier = state.barrier.max(latest.saturating_add(seconds(ahead)));
            state.generation = state.generation.saturating_add(1);
        };
        let why = if state.place != place {
            raise(horizon);
            Some("the database is a restored copy or a promoted standby, which may lack what was used last")
        } else if let Some(changed) = changed {
            raise(changed);
            Some("uses are remembered by other terms than before")
        } else if keep > before.keep {
            raise(horizon);
            Some("proofs may be dated further from the clock than before")
        } else {
            None
        };
        state.place = place;
        (state, why.map(str::to_owned))
    }

    /// The widest window of the dialects whose terms differ from what is noted; notes them at a start.
    async fn changed(&self, unit: &mut PgConnection, entry: Entry) -> Result<Option<Span>, sqlx::Error> {
        let rows = sqlx::query("SELECT dialect, terms FROM replay_terms WHERE scope = $1")
            .bind(self.scope.number())
            .fetch_all(&mut *unit)
            .await?;
        let mut known: BTreeMap<String, String> = BTreeMap::new();
        for row in rows {
            known.insert(row.try_get("dialect")?, row.try_get("terms")?);
        }
        let mut widest = None;
        for (dialect, term) in &self.start.terms {
            if known.get(dialect) == Some(&term.text) {
                continue;
            }
            widest = widest.max(Some(term.window));
            if entry == Entry::Begin {
                sqlx::query(
                    "INSERT INTO replay_terms (scope, dialect, terms) VALUES ($1, $2, $3) \
                     ON CONFLICT (scope, dialect) DO UPDATE SET terms = excluded.terms",
                )
                .bind(self.scope.number())
                .bind(dialect)
                .bind(&term.text)
                .execute(&mut *unit)
                .await?;
            }
        }
        Ok(widest)
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
