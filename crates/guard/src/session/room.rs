//! Room for a new session: an account that has too many loses its oldest.
use countersign::life::session::Ended;
use countersign::time::Time;
use countersign_store::fault::Fault;
use countersign_store::sessions::Sessions;

/// Sessions that one opening ends at most: each is a write that it waits for, and the next opening ends more.
const MOST_ENDED: usize = 16;

/// Ends the oldest sessions of an account that has more than `most`: sessions are kept in memory, and a proof is all it takes.
pub(crate) async fn make_room(
    sessions: &dyn Sessions,
    account: &str,
    most: usize,
    now: Time,
) -> Result<(), Fault> {
    // Oldest first.
    let mut live = sessions.list(Some(account), now).await?;
    // Those of the console are others, with a number of their own.
    live.retain(|session| !session.is_console());
    let more = live.len().saturating_sub(most).min(MOST_ENDED);
    for old in live.iter().take(more) {
        // One that changed at this moment is in use; the next opening sees to it.
        let _ended = sessions.replace(old, &old.end(Ended::Revoked)).await?;
    }
    Ok(())
}
