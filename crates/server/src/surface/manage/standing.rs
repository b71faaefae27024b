//! How a key comes to stand: on an operator's word at once, on its owner's where the organisation may want to approve it first.
use countersign::life::key::KeyState;
use countersign_store::denied::{Denial, Denied};
use countersign_store::draft::Draft;
use countersign_store::model::KeyRecord;

/// On whose word a key is registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// An operator's.
    Operator,
    /// Its owner's.
    Owner,
}

/// How a key comes to stand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    /// Whether it may stand under another account as well.
    pub(crate) shared: bool,
    /// On whose word.
    pub(crate) by: By,
}

impl By {
    /// In which state a key of this account begins, when `wanted` is what was asked for.
    ///
    /// # Errors
    /// [`Denied`] when it cannot begin so.
    pub(crate) fn begins(
        self,
        draft: &Draft<'_>,
        account: &str,
        wanted: KeyState,
    ) -> Result<KeyState, Denied> {
        match self {
            Self::Operator => Ok(wanted),
            Self::Owner => draft.by_itself(account, wanted),
        }
    }
}

/// Refuses a change that was thought out over a key as it was, and comes when it is another: what was narrowed or ended meanwhile must
/// not come back in a key that is made of what was read before.
///
/// # Errors
/// [`Denied`] `changed-meanwhile`.
pub(crate) fn unchanged(draft: &Draft<'_>, seen: &KeyRecord) -> Result<(), Denied> {
    let now = draft.key(&seen.id)?;
    let same = now.life == seen.life
        && now.dialects == seen.dialects
        && now.algorithms == seen.algorithms
        && now.methods == seen.methods
        && now.paths == seen.paths
        && now.networks == seen.networks;
    if same {
        return Ok(());
    }
    let text = "the key that this follows from was changed meanwhile; look at it, and ask again if it is still wanted";
    Err(Denied::new(Denial::State, "changed-meanwhile", text))
}
