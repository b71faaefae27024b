//! The sessions on PostgreSQL: asked each time, since another node may have ended one a moment ago.
use crate::store::PostgresStore;
use crate::text::kept;
use countersign::life::session::Session;
use countersign::time::Time;
use countersign_store::column::instant;
use countersign_store::fault::Fault;
use countersign_store::registry::Answer;
use countersign_store::sessions::Sessions;
use std::sync::Arc;

impl Sessions for PostgresStore {
    fn open<'a>(&'a self, session: &'a Session) -> Answer<'a, Result<(), Fault>> {
        Box::pin(self.database.bounded(async move {
            let mut held = self.database.connection().await?;
            let written = sqlx::query(
                "INSERT INTO sessions (id, account, ends, over, state) VALUES ($1, $2, $3::numeric, $4, $5) \
                 ON CONFLICT DO NOTHING",
            )
            .bind(kept(&session.id).into_owned())
            .bind(kept(&session.account).into_owned())
            .bind(instant(session.ends))
            .bind(session.ended.is_some())
            .bind(state(session)?)
            .execute(&mut *held)
            .await
            .map_err(|error| self.database.failed("write to", error))?;
            held.release();
            if written.rows_affected() == 1 {
                Ok(())
            } else {
                Err(Fault::new("a session with this id is kept already: draw its id at random"))
            }
        }))
    }

    fn get<'a>(&'a self, id: &'a str) -> Answer<'a, Result<Option<Arc<Session>>, Fault>> {
        Box::pin(self.database.bounded(async move {
            let state = self.state_of(id).await?;
            state.map(|state| parse(&state).map(Arc::new)).transpose()
        }))
    }

    fn replace<'a>(&'a self, before: &'a Session, after: &'a Session) -> Answer<'a, Result<bool, Fault>> {
        Box::pin(self.database.bounded(async move {
            if after.id != before.id {
                return Err(Fault::new("a session cannot be replaced by one with another id"));
            }
            // Compared here, since another release may spell the same session otherwise; swapped by the very text that was read.
            let Some(found) = self.state_of(&before.id).await? else { return Ok(false) };
            if parse(&found)? != *before {
                return Ok(false);
            }
            let mut held = self.database.connection().await?;
            let written = sqlx::query(
                "UPDATE sessions SET account = $2, ends = $3::numeric, over = $4, state = $5 WHERE id = $1 AND state = $6",
            )
            .bind(kept(&after.id).into_owned())
            .bind(kept(&after.account).into_owned())
            .bind(instant(after.ends))
            .bind(after.ended.is_some())
            .bind(state(after)?)
            .bind(found)
            .execute(&mut *held)
            .await
            .map_err(|error| self.database.failed("write to", error))?;
            held.release();
            Ok(written.rows_affected() == 1)
        }))
    }

    fn list<'a>(
        &'a self,
        account: Option<&'a str>,
        now: Time,
    ) -> Answer<'a, Result<Vec<Arc<Session>>, Fault>> {
        Box::pin(self.database.bounded(async move {
            let mut held = self.database.connection().await?;
            let states: Vec<String> = sqlx::query_scalar(
                "SELECT state FROM sessions WHERE NOT over AND ends > $1::numeric AND ($2::text IS NULL OR account = $2)",
            )
            .bind(instant(now))
            .bind(account.map(|account| kept(account).into_owned()))
            .fetch_all(&mut *held)
            .await
            .map_err(|error| self.database.failed("read", error))?;
            held.release();
            let found: Result<Vec<Session>, Fault> = states.iter().map(|state| parse(state)).collect();
            let mut found: Vec<Arc<Session>> = found?.into_iter().map(Arc::new).collect();
            found.sort_by(|one, other| (one.opened, &one.id).cmp(&(other.opened, &other.id)));
            Ok(found)
        }))
    }

    fn sweep(&self, now: Time) -> Answer<'_, Result<u64, Fault>> {
        Box::pin(self.database.bounded(async move {
            let mut held = self.database.connection().await?;
            let gone = sqlx::query("DELETE FROM sessions WHERE over OR ends <= $1::numeric")
                .bind(instant(now))
                .execute(&mut *held)
                .await
                .map_err(|error| self.database.failed("write to", error))?;
            held.release();
            Ok(gone.rows_affected())
        }))
    }
}

impl PostgresStore {
    async fn state_of(&self, id: &str) -> Result<Option<String>, Fault> {
        let mut held = self.database.connection().await?;
        let state = sqlx::query_scalar("SELECT state FROM sessions WHERE id = $1")
            .bind(kept(id).into_owned())
            .fetch_optional(&mut *held)
            .await
            .map_err(|error| self.database.failed("read", error))?;
        held.release();
        Ok(state)
    }
}

fn state(session: &Session) -> Result<String, Fault> {
    serde_json::to_string(session).map_err(|error| Fault::caused("cannot write a session as JSON", error))
}

fn parse(state: &str) -> Result<Session, Fault> {
    serde_json::from_str(state).map_err(|error| {
        Fault::caused("a session in the database cannot be read: delete its row, which ends it", error)
    })
}
