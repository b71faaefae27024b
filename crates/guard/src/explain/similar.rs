//! Looks for the name that was meant: registered, and different from the one in the proof in spelling alone.
use crate::diagnosis::scene::Scene;
use crate::guard::Guard;
use countersign::read::Scratch;
use countersign::reason::Reason;
use countersign_store::model::Account;

/// Accounts and users that are looked through for one whose name differs in spelling alone: an operator waits for it, and beyond some
/// thousands a list is searched by other means.
const MOST_LOOKED_AT: usize = 5000;
/// Of which so many are copied at once.
const PAGE: usize = 500;

impl Guard {
    /// A registered identifier or known user that differs from the one in the proof in spelling alone: of all accounts, or of one.
    pub(super) fn similar(&self, scene: &Scene<'_>, only: Option<&str>) -> Option<String> {
        let dialect = scene.dialect?;
        let mut scratch = Scratch::default();
        let proof = dialect.read(scene.incoming, &scene.limits, &mut scratch, &mut ()).ok()??;
        let own = only.map(|id| self.directory.account(id));
        match scene.reason {
            Reason::UnknownAccount => {
                let meant = bare(proof.identifier());
                let namespace = dialect.namespace()?;
                let of = |account: Account| {
                    let named = account.identifiers.into_iter();
                    named
                        .filter(|known| known.namespace == namespace)
                        .find(|known| bare(&known.value) == meant)
                };
                let found = match own {
                    Some(account) => account.and_then(of),
                    None => self.looked_through(of),
                };
                found.map(|known| known.value).filter(|known| known != proof.identifier())
            }
            Reason::UnknownUser => {
                let meant = bare(proof.wants().acting_as?);
                match own {
                    Some(account) => account?.acts_as.into_iter().find(|user| bare(user) == meant),
                    None => {
                        let users = self.directory.users(None, MOST_LOOKED_AT);
                        users.into_iter().map(|user| user.name).find(|user| bare(user) == meant)
                    }
                }
            }
            Reason::UserNotDelegated => {
                let named = proof.wants().acting_as?;
                let meant = bare(named);
                own??.acts_as.into_iter().find(|user| bare(user) == meant && user != named)
            }
            _ => None,
        }
    }

    fn looked_through<T>(&self, of: impl Fn(Account) -> Option<T>) -> Option<T> {
        let mut after: Option<String> = None;
        for _ in 0..MOST_LOOKED_AT / PAGE {
            let page = self.directory.accounts(after.as_deref(), PAGE);
            after = Some(page.last()?.id.clone());
            if let Some(found) = page.into_iter().find_map(&of) {
                return Some(found);
            }
        }
        None
    }
}

/// A name without what people get wrong: capitals, white space, leading zeros.
fn bare(name: &str) -> String {
    name.trim().trim_start_matches('0').to_lowercase()
}
