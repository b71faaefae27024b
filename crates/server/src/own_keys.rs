//! Changes of the server's own keys while it runs: sealed under another key, and removed when nothing they signed counts any more.
use crate::secrets::SIGNING;
use crate::shared::Shared;
use countersign_guard::clock::draw;
use countersign_store::denied::ChangeError;
use countersign_store::draft::Draft;
use countersign_store::model::SecretRecord;
use countersign_store::stamp::Stamp;

/// Seals what is not sealed under the key that seals now, while the server runs. Gives how many secrets that were.
///
/// # Errors
/// When a secret does not open, or the registry cannot be written.
pub(crate) async fn reseal(shared: &Shared) -> Result<usize, ChangeError> {
    let mut anew = Vec::new();
    for record in shared.directory.secrets("").into_iter().filter(|record| shared.seal.is_to_seal(record)) {
        let (value, sealed) =
            shared.seal.seal(&record.name, &shared.seal.open(&record)?, &*shared.entropy)?;
        anew.push((record, value, sealed));
    }
    let stamp = Stamp { now: shared.clock.now(), actor: "local".to_owned(), random: draw(&*shared.entropy) };
    let change = |draft: &mut Draft<'_>| {
        let mut done = 0;
        for (record, value, sealed) in &anew {
            // Another node may have been faster, or somebody removed it.
            if draft.secret(&record.name).is_ok_and(|now| now.value == record.value) {
                draft.reseal_secret(&record.name, value, *sealed)?;
                done += 1;
            }
        }
        Ok(done)
    };
    shared.registrar.change(&stamp, change).await
}

/// Removes signing keys whose last token has ended: those that were retired for longer than any token of theirs counts.
///
/// # Errors
/// When the registry cannot be written.
pub(crate) async fn remove_spent(shared: &Shared) -> Result<(), ChangeError> {
    let now = shared.clock.now();
    let spent =
        |record: &SecretRecord| record.retired.is_some_and(|retired| retired + shared.keeps_signed() <= now);
    let spent: Vec<SecretRecord> = shared.directory.secrets(SIGNING).into_iter().filter(spent).collect();
    if spent.is_empty() {
        return Ok(());
    }
    let stamp = Stamp { now, actor: "local".to_owned(), random: draw(&*shared.entropy) };
    let change = |draft: &mut Draft<'_>| {
        for record in &spent {
            if draft.secret(&record.name).is_ok() {
                draft.delete_secret(&record.name)?;
            }
        }
        Ok(())
    };
    shared.registrar.change(&stamp, change).await
}
