//! JWK sets (RFC 7517): the keys of one account, each with its key id as label and its one algorithm.
use super::draft::{Draft, Key};
use crate::exit::Failure;
use countersign_keys::{Policy, read_key_set};

pub(super) fn read(bytes: &[u8], draft: &mut Draft) -> Result<(), Failure> {
    let account = draft.named.clone().ok_or_else(|| {
        Failure::usage("a JWK set does not say whose it is; name its account with --account NAME")
    })?;
    let set = read_key_set(bytes, &Policy::default()).map_err(Failure::usage)?;
    for refused in set.refused {
        let number = refused.position.saturating_add(1);
        let kid = refused.kid.map_or_else(String::new, |kid| format!(" ({kid})"));
        draft.leave(format!("key {number}{kid}"), &refused.error);
    }
    for intake in set.keys {
        let label = intake.kid.unwrap_or_default();
        let place = format!("key {}", if label.is_empty() { "without kid" } else { &label });
        let key = Key { algorithm: intake.algorithm, ..Key::plain(&label, intake.key) };
        draft.take(&place, &account, &account, key);
    }
    Ok(())
}
