//! How far a session reaches: which keys of the account it changes, and which it may add.
use super::holder::Holder;
use super::own_dialects::{open_to, takes};
use super::state::Console;
use crate::surface::manage::problem::Problem;
use crate::surface::manage::views::LimitsView;
use axum::http::StatusCode;
use countersign::ask::KeyLimits;
use countersign::time::Time;
use countersign_keys::{Algorithm, CompactKey, PublicKey};
use countersign_store::model::KeyRecord;

/// The dialect of management calls.
const OPERATOR: &str = "operator";
/// Entries of the audit log that are looked through for who switched a key off.
const LOOKED_AT: u64 = 5000;

/// What confines a new key: narrowing would mean nothing if its holder could add a wider one.
#[derive(Default)]
pub(super) struct Confines {
    pub(super) algorithms: Vec<String>,
    pub(super) limits: LimitsView,
    pub(super) expires: Option<Time>,
}

impl Confines {
    /// What confines the key that is signed in with confines `new`; another kind of key has other algorithms, and weak ones are an
    /// operator's to allow.
    pub(super) fn of(opener: KeyRecord, new: &PublicKey) -> Self {
        let same = CompactKey::from_spki_der(&opener.spki).is_ok_and(|key| key.kind() == new.kind());
        let strong = |name: &String| Algorithm::from_name(name).is_some_and(|found| !found.is_weak());
        Self {
            algorithms: opener.algorithms.into_iter().filter(|name| same && strong(name)).collect(),
            limits: LimitsView { methods: opener.methods, paths: opener.paths, networks: opener.networks },
            expires: opener.life.ends(),
        }
    }
}

/// A key of the account; others' are not there. Keys for management calls are changed in a session that may manage.
pub(super) fn own(console: &Console, holder: &Holder, key: &str) -> Result<KeyRecord, Problem> {
    let row = console.app.directory.key(key).filter(|row| row.account == holder.account.id);
    let row = row.ok_or_else(|| Problem::missing("key"))?;
    if holder.account.role.is_some()
        && holder.role().is_none()
        && row.dialects.iter().any(|name| name == OPERATOR)
    {
        return Err(operators());
    }
    Ok(row)
}

/// The same where nothing but the session speaks for the change: a narrowed key may lie where few are trusted, and changes no wider one.
pub(super) fn changeable(console: &Console, holder: &Holder, key: &str) -> Result<(), Problem> {
    let row = own(console, holder, key)?;
    let opener = holder.key.as_ref().filter(|opener| *opener.id != *row.id);
    if opener.is_some_and(|opener| !reaches(&opener.limits, &row)) {
        let title = "The key that is signed in with is narrowed, and this one is not, or otherwise.";
        return Err(Problem::new(StatusCode::FORBIDDEN, "key-too-narrow", title)
            .detail("Sign in with the key itself, or with one that is not narrowed to methods and paths."));
    }
    Ok(())
}

/// Whether a key with such limits changes another one: one that is narrowed, one that is narrowed the same.
fn reaches(limits: &KeyLimits, other: &KeyRecord) -> bool {
    fn same(own: &[Box<str>], other: &[String]) -> bool {
        own.is_empty() || own.iter().map(|text| &**text).eq(other.iter().map(String::as_str))
    }
    same(&limits.methods, &other.methods) && same(&limits.paths, &other.paths)
}

/// Dialects that an owner may register a key for by itself: those that routes for the account take or the opening key has, and
/// that of operators only where the session may manage.
pub(super) fn self_service(
    console: &Console,
    holder: &Holder,
    wanted: &[String],
    opener: Option<&KeyRecord>,
) -> Result<(), Problem> {
    if wanted.iter().any(|name| name == OPERATOR) && holder.role().is_none() {
        return Err(operators());
    }
    let taken = |name: &String| {
        name == OPERATOR
            || open_to(&console.app, &holder.account).any(|route| takes(&console.app, route, name))
            || opener.is_some_and(|opener| opener.dialects.contains(name))
    };
    if wanted.iter().all(taken) {
        return Ok(());
    }
    let title = "No route takes this dialect.";
    Err(Problem::invalid("dialect-not-taken", title)
        .detail("Wanted dialects that a route of this server takes; see the list of dialects.")
        .at("dialects"))
}

fn operators() -> Problem {
    let title = "Keys for management calls are changed by who signed in with one.";
    Problem::new(StatusCode::FORBIDDEN, "role-too-low", title)
        .detail("Sign in with a key for the dialect operator, or ask an owner of the installation.")
}

/// Whether the account itself was the last to switch a key off, as far as the newest part of the audit log tells.
pub(super) async fn switched_off_by(console: &Console, account: &str, key: &str) -> Result<bool, Problem> {
    let newest = super::own_audit::newest(console, LOOKED_AT, |entry| {
        entry.subject == key && entry.action == "key.disable"
    });
    Ok(newest.await?.last().is_some_and(|last| last.entry.actor == account))
}
