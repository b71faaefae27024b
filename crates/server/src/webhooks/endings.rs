//! Notes in the audit log which keys end soon, once for an installation: from there it is told like anything else that happens.
use super::lease::{Lease, Stop};
use crate::app::App;
use crate::reminders::{counts, due};
use countersign::time::Time;
use countersign_guard::clock::draw;
use countersign_store::denied::ChangeError;
use countersign_store::draft::Draft;
use countersign_store::fault::Fault;
use countersign_store::stamp::Stamp;

/// Accounts looked at before others have their turn, and written of in one unit.
const TOGETHER: usize = 256;

/// Notes every key that came within 30, 7 or 1 days of its end since it was last looked, and then that it was looked. Only whoever
/// holds the deliveries does.
///
/// # Errors
/// [`Stop`] when the hold was lost or the registry failed: what was not noted is noted at the next look.
pub(super) async fn note(app: &App, lease: &mut Lease<'_>) -> Result<(), Stop> {
    let now = app.clock.now();
    // Not a time yet to come, as after a clock was set back.
    let before = lease.mark().looked.map(|looked| Time::from_seconds(looked).min(now));
    let mut after = None::<String>;
    // Ends: each page moves on, and an empty one is the last.
    loop {
        let accounts = app.directory.accounts(after.as_deref(), TOGETHER);
        let Some(last) = accounts.last() else { break };
        after = Some(last.id.clone());
        let keys = accounts.iter().flat_map(|account| app.directory.keys_of(&account.id));
        let ending: Vec<(String, i64, Time)> = keys
            .filter_map(|key| {
                let end = key.life.ends().filter(|_| counts(key.life, now))?;
                Some((key.id.clone(), due(end, before, now)?, end))
            })
            .collect();
        // What follows may take a while in a large registry, and no other node may begin meanwhile.
        lease.hold().await?;
        if ending.is_empty() {
            tokio::task::yield_now().await;
            continue;
        }
        let stamp = Stamp { now, actor: "local".to_owned(), random: draw(&*app.entropy) };
        let change = |draft: &mut Draft<'_>| {
            for (key, days, end) in &ending {
                draft.note_key_ends(key, *days, *end);
            }
            Ok(())
        };
        app.registrar.change(&stamp, change).await.map_err(|error| match error {
            ChangeError::Fault(fault) => fault,
            ChangeError::Denied(denied) => Fault::new(denied.to_string()),
        })?;
    }
    lease.change(|mark| mark.looked = Some(now.seconds())).await
}
