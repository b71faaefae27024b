//! `countersign apply`: makes a server's registry what a file describes; what the file leaves out stays as it is.
use crate::exit::{Done, Failure};
use crate::installation::{Described, Installation};
use crate::manage::{Api, ManageArgs, segment, text};
use crate::member::at;
use crate::print::{Out, table};
use crate::world;
use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Accounts of one call: the server takes about a thousand with a key each.
const MOST_ACCOUNTS: usize = 400;

#[derive(Args, Debug)]
pub(crate) struct ApplyArgs {
    /// The file, such as accounts.toml; keys and secrets in it are named relative to it.
    file: PathBuf,
    /// Show what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    manage: ManageArgs,
}

/// One thing that changes.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub(crate) struct Change {
    action: String,
    name: String,
    detail: String,
}

pub(crate) fn run(args: &ApplyArgs, out: Out) -> Done {
    let installation = Installation::read(&args.file)?;
    let api = args.manage.api()?;
    world::run(async {
        let changes = apply(&api, &installation, args.dry_run).await?;
        let value = json!({ "applied": !args.dry_run, "changes": changes });
        out.show(&value, || told(&changes, args.dry_run))
    })
}

/// Makes the registry what the file describes, in one unit where one call takes it; gives what changed, or would.
pub(crate) async fn apply(api: &Api, wanted: &Installation, dry: bool) -> Result<Vec<Change>, Failure> {
    let whole = wanted.accounts.len() <= MOST_ACCOUNTS;
    if wanted.prune && !whole {
        return Err(Failure::usage(format!(
            "prune = true wants the whole installation in one call, which takes {MOST_ACCOUNTS} accounts; the file has {}; \
             leave prune out and delete what should go with `countersign account delete`",
            wanted.accounts.len()
        )));
    }
    let parts: Vec<&[Described]> =
        if wanted.accounts.is_empty() { vec![&[]] } else { wanted.accounts.chunks(MOST_ACCOUNTS).collect() };
    if !whole {
        once(&wanted.accounts)?;
    }
    // Everything is tried before anything is changed: an installation that is half there is nobody's wish.
    let tries: &[bool] = if whole || dry { &[dry] } else { &[true, false] };
    let mut changes = Vec::new();
    for dry in tries {
        changes = in_parts(api, wanted, &parts, *dry).await?;
    }
    for account in
        wanted.accounts.iter().filter(|account| account.keys.iter().any(|key| key.enabled.is_some()))
    {
        switch_keys(api, account, dry, &mut changes).await?;
    }
    Ok(changes)
}

/// One call a part; a failure says how much was changed before it.
async fn in_parts(
    api: &Api,
    wanted: &Installation,
    parts: &[&[Described]],
    dry: bool,
) -> Result<Vec<Change>, Failure> {
    let (mut changes, mut done) = (Vec::new(), 0_usize);
    for accounts in parts {
        let body = json!({ "document": wanted.document(accounts), "dry_run": dry });
        let answer = api.post("/apply", &body).await.map_err(|failure| {
            if dry || done == 0 {
                return failure;
            }
            let message = format!(
                "{}; the first {done} accounts of the file are there already, and applying it once more goes on",
                failure.message
            );
            Failure { message, ..failure }
        })?;
        done = done.saturating_add(accounts.len());
        for change in at(&answer, "changes").as_array().into_iter().flatten() {
            let part = |name: &str| at(change, name).as_str().unwrap_or_default().to_owned();
            changes.push(Change { action: part("action"), name: part("name"), detail: part("detail") });
        }
    }
    Ok(changes)
}

/// A call sees no other, so what may stand once in a registry is counted here. Keys are not: a registry may have one twice, by a proof.
fn once(accounts: &[Described]) -> Done {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for account in accounts {
        let identifiers = account.identifiers.iter().flatten().flat_map(|(namespace, values)| {
            values.iter().map(move |value| format!("identifier {namespace} {value}"))
        });
        // Within an account the server judges.
        let own: BTreeSet<String> = identifiers.chain([format!("name {}", account.name)]).collect();
        for one in own {
            if let Some(other) = seen.insert(one.clone(), &account.name) {
                return Err(Failure::usage(format!(
                    "wanted the {one} once, found the accounts {other} and {} with it; take it out of one",
                    account.name
                )));
            }
        }
    }
    Ok(())
}

/// Switches keys on and off, where the file says which they should be: a move of their life, and no change of a row.
async fn switch_keys(api: &Api, account: &Described, dry: bool, changes: &mut Vec<Change>) -> Done {
    let known = match api.account_named(&account.name).await? {
        Some(found) => api.list(&format!("/accounts/{}/keys", segment(text(&found, "id")?))).await?,
        // Only in a dry run: an account that is not there has no keys yet.
        None => Vec::new(),
    };
    for key in &account.keys {
        let Some(enabled) = key.enabled else { continue };
        let print = key.key.fingerprints().jwk_thumbprint;
        let found = known.iter().find(|row| *at(at(row, "fingerprints"), "jwk_thumbprint") == print.as_str());
        let state = found.map_or(Ok("active"), |row| text(row, "state"))?;
        let name = format!("{} {}", account.name, if key.label.is_empty() { &print } else { &key.label });
        let action = match (enabled, state) {
            (true, "disabled" | "pending") => "activate",
            (false, "active" | "pending") => "disable",
            (true, "revoked" | "retiring") => {
                Out::note(&format!("note: key {name} is {state} and stays so; put a new key into the file"));
                continue;
            }
            _ => continue,
        };
        let change = Change { action: format!("key.{action}"), name, detail: String::new() };
        changes.push(change);
        if let Some(row) = found.filter(|_| !dry) {
            api.post(&format!("/keys/{}/{action}", segment(text(row, "id")?)), &Value::Null).await?;
        }
    }
    Ok(())
}

fn told(changes: &[Change], dry: bool) -> String {
    if changes.is_empty() {
        return "Nothing to change.\n".to_owned();
    }
    let rows =
        changes.iter().map(|change| vec![change.action.clone(), change.name.clone(), change.detail.clone()]);
    let end = if dry { "would be made; leave --dry-run out to make them" } else { "made" };
    format!("{}{} changes {end}.\n", table(&["action", "name", "detail"], rows.collect()), changes.len())
}
