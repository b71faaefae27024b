//! How a key comes to stand: on an operator's word at once, on its owner's where the organisation may want to approve it first.
use countersign::life::key::KeyState;
use countersign_store::denied::Denied;
use countersign_store::draft::Draft;

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
