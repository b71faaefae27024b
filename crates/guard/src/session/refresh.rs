//! Refreshing a session, and ending it: each moves the kept state by compare-and-swap, so that races have one winner.
use crate::session::reply::{No, Stop, json, nothing};
use crate::session::{Asked, SessionApi};
use bytes::Bytes;
use countersign::life::session::{Ended, Refresh, Session};
use countersign::reason::Reason;
use countersign::time::Time;
use countersign_store::fault::Fault;
use http::Response;

/// Tries when others change the same session at the same time: each loser reads again, and a winner ends the race.
const MOST_TRIES: u32 = 64;

impl SessionApi {
    /// A new pair for the current refresh token. One that was used before ends the session, but for the grace.
    pub(crate) async fn refresh(&self, asked: &Asked<'_>) -> Result<Response<Bytes>, Stop> {
        let holder = self.refresher(asked).await?;
        let session = self.rotate(&holder.session.id, Some(&holder.mark), asked.now).await?;
        Ok(json(&self.pair(&session)?))
    }

    /// Ends the session of the token: a refresh token, or an access token as some clients send it.
    pub(crate) async fn logout(&self, asked: &Asked<'_>) -> Result<Response<Bytes>, Stop> {
        let holder = match self.refresher(asked).await {
            Ok(holder) => holder,
            Err(Stop::Fault(fault)) => return Err(fault.into()),
            Err(Stop::No(_)) => self.holder(asked).await?,
        };
        for _ in 0..MOST_TRIES {
            let session = self.session(&holder.session.id).await?;
            if session.ended.is_some()
                || self.guard.sessions().replace(&session, &session.end(Ended::Logout)).await?
            {
                return Ok(nothing());
            }
        }
        Err(raced().into())
    }

    /// Moves a session to its next pair. `mark` is the one of the refresh token that asks; `None`: whichever is current.
    pub(crate) async fn rotate(&self, id: &str, mark: Option<&str>, now: Time) -> Result<Session, Stop> {
        let fresh = self.mark();
        for _ in 0..MOST_TRIES {
            let session = self.session(id).await?;
            let mark = mark.unwrap_or(&session.iteration);
            match session.refresh(mark, &fresh, now, &self.settings.windows) {
                Refresh::Rotate(mut next) => {
                    next.organisation = self.organisation_of(&next.account);
                    if self.guard.sessions().replace(&session, &next).await? {
                        return Ok(next);
                    }
                }
                Refresh::Repeat(session) => return Ok(session),
                Refresh::Reused(over) => {
                    if self.guard.sessions().replace(&session, &over).await? {
                        return Err(No::refused(Reason::SessionEnded).into());
                    }
                }
                Refresh::Over => return Err(No::refused(Reason::SessionEnded).into()),
            }
        }
        Err(raced().into())
    }

    async fn session(&self, id: &str) -> Result<std::sync::Arc<Session>, Stop> {
        let session = self.guard.sessions().get(id).await?;
        session.ok_or_else(|| No::refused(Reason::SessionUnknown).into())
    }
}

fn raced() -> Fault {
    Fault::new(format!("a session changed {MOST_TRIES} times while it was to be changed once; try again"))
}
