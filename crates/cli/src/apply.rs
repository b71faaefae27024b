//! `countersign apply`: makes a server's registry what a file describes; what the file does not name stays as it is.
use crate::exit::{Done, Failure};
use crate::installation::{Described, DescribedCompanion, DescribedKey, Installation};
use crate::manage::{Api, ManageArgs, segment, text};
use crate::print::{Out, table};
use crate::world;
use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::PathBuf;

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
    action: &'static str,
    kind: &'static str,
    name: String,
}

/// Carries a file out, noting what it does.
struct Applying<'a> {
    api: &'a Api,
    dry: bool,
    changes: Vec<Change>,
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

/// Makes the registry what the file describes; gives what changed, or would.
pub(crate) async fn apply(api: &Api, wanted: &Installation, dry: bool) -> Result<Vec<Change>, Failure> {
    let mut applying = Applying { api, dry, changes: Vec::new() };
    let organisations = applying.organisations(wanted).await?;
    applying.users(wanted).await?;
    let known = by_name(api.list("/accounts").await?);
    for account in &wanted.accounts {
        let found = known.get(&account.name);
        let id = applying.account(account, found, &organisations).await?;
        let (keys, companions) = match &id {
            Some(id) => (
                api.list(&format!("/accounts/{}/keys", segment(id))).await?,
                api.list(&format!("/accounts/{}/companions", segment(id))).await?,
            ),
            // Only in a dry run: an account that is not there has nothing yet.
            None => Default::default(),
        };
        for key in &account.keys {
            applying.key(&account.name, id.as_deref(), key, &keys).await?;
        }
        for companion in &account.companions {
            applying.companion(&account.name, id.as_deref(), companion, &companions).await?;
        }
    }
    Ok(applying.changes)
}

impl Applying<'_> {
    fn note(&mut self, action: &'static str, kind: &'static str, name: impl Into<String>) {
        self.changes.push(Change { action, kind, name: name.into() });
    }

    /// Makes what is missing; gives every organisation's id by name.
    async fn organisations(&mut self, wanted: &Installation) -> Result<HashMap<String, Value>, Failure> {
        let mut known = by_name(self.api.list("/organisations").await?);
        for name in &wanted.organisations {
            if !known.contains_key(name) {
                self.note("add", "organisation", name);
                if !self.dry {
                    let made = self.api.post("/organisations", &json!({ "name": name })).await?;
                    known.insert(name.clone(), made);
                }
            }
        }
        Ok(known)
    }

    async fn users(&mut self, wanted: &Installation) -> Done {
        let known = by_name(self.api.list("/users").await?);
        for (name, enabled) in &wanted.users {
            let path = format!("/users/{}", segment(name));
            let is_on = known.get(name).map(|user| user["enabled"] == true);
            if is_on.is_none() {
                self.note("add", "user", name);
                if !self.dry {
                    self.api.post("/users", &json!({ "name": name })).await?;
                }
            }
            // New users are switched on.
            if is_on.unwrap_or(true) != *enabled {
                self.note(if *enabled { "enable" } else { "disable" }, "user", name);
                if !self.dry {
                    self.api.patch(&path, &json!({ "enabled": enabled })).await?;
                }
            }
        }
        Ok(())
    }

    /// Makes or changes an account; gives its id, where there is one by now.
    async fn account(
        &mut self,
        wanted: &Described,
        found: Option<&Value>,
        organisations: &HashMap<String, Value>,
    ) -> Result<Option<String>, Failure> {
        let organisation = match &wanted.organisation {
            Some(name) if !self.dry && !organisations.contains_key(name) => {
                return Err(Failure::usage(format!(
                    "account {}: there is no organisation {name:?}; add [[organisation]] name = {name:?} to the file",
                    wanted.name
                )));
            }
            Some(name) => organisations.get(name).map_or(Value::Null, |row| row["id"].clone()),
            None => Value::Null,
        };
        let identifiers: Vec<Value> = wanted
            .identifiers
            .iter()
            .map(|(namespace, value)| json!({ "namespace": namespace, "value": value }))
            .collect();
        let Some(found) = found else {
            self.note("add", "account", &wanted.name);
            if self.dry {
                return Ok(None);
            }
            let body = json!({
                "name": wanted.name,
                "organisation": organisation,
                "identifiers": identifiers,
                "acts_as": wanted.acts_as,
                "paths": wanted.paths,
                "jwks_url": wanted.jwks_url,
            });
            let made = self.api.post("/accounts", &body).await?;
            let id = text(&made, "id")?.to_owned();
            if !wanted.enabled {
                self.api.patch(&format!("/accounts/{}", segment(&id)), &json!({ "enabled": false })).await?;
            }
            return Ok(Some(id));
        };
        let id = text(found, "id")?.to_owned();
        let path = format!("/accounts/{}", segment(&id));
        for identifier in identifiers {
            if !found["identifiers"].as_array().is_some_and(|all| all.contains(&identifier)) {
                let name = format!(
                    "{} {}={}",
                    wanted.name,
                    text(&identifier, "namespace")?,
                    text(&identifier, "value")?
                );
                self.note("add", "identifier", name);
                if !self.dry {
                    self.api.post(&format!("{path}/identifiers"), &identifier).await?;
                }
            }
        }
        let mut change = json!({});
        let mut differs = |member: &str, value: Value| {
            if found[member] != value {
                change[member] = value;
            }
        };
        differs("enabled", wanted.enabled.into());
        differs("paths", wanted.paths.clone().into());
        differs("jwks_url", wanted.jwks_url.clone().into());
        if !same_set(&found["acts_as"], &wanted.acts_as) {
            change["acts_as"] = wanted.acts_as.clone().into();
        }
        if let Some(members) = change.as_object().filter(|members| !members.is_empty()) {
            let names: Vec<&str> = members.keys().map(String::as_str).collect();
            self.note("change", "account", format!("{} ({})", wanted.name, names.join(", ")));
            if !self.dry {
                self.api.patch(&path, &change).await?;
            }
        }
        let organisation_id = organisation.as_str();
        if let Some(organisation) = organisation_id.filter(|id| found["organisation"] != **id) {
            self.note("change", "account", format!("{} (organisation)", wanted.name));
            if !self.dry {
                let place = format!("/organisations/{}/members/{}", segment(organisation), segment(&id));
                self.api.put(&place, &json!({ "role": "MEMBER" })).await?;
            }
        }
        Ok(Some(id))
    }

    async fn key(&mut self, account: &str, id: Option<&str>, wanted: &DescribedKey, known: &[Value]) -> Done {
        let print = wanted.key.fingerprints().jwk_thumbprint;
        let name = format!("{account} {}", if wanted.label.is_empty() { &print } else { &wanted.label });
        let found = known.iter().find(|key| key["fingerprints"]["jwk_thumbprint"] == print.as_str());
        let Some(found) = found else {
            self.note("add", "key", &name);
            if let Some(id) = id.filter(|_| !self.dry) {
                let body = json!({
                    "public": wanted.key.to_pem(),
                    "label": wanted.label,
                    "dialects": wanted.dialects,
                    "algorithms": wanted.algorithms,
                    "limits": { "methods": wanted.methods, "paths": wanted.paths, "networks": wanted.networks },
                    "shared": wanted.shared,
                });
                let made = self.api.post(&format!("/accounts/{}/keys", segment(id)), &body).await;
                let made = made.map_err(|failure| about("key", &name, failure))?;
                if !wanted.enabled {
                    let path = format!("/keys/{}/disable", segment(text(&made["key"], "id")?));
                    self.api.post(&path, &Value::Null).await?;
                }
            }
            return Ok(());
        };
        let key_id = text(found, "id")?;
        let state = text(found, "state")?;
        let action = match (wanted.enabled, state) {
            (true, "disabled" | "pending") => Some("activate"),
            (false, "active" | "pending") => Some("disable"),
            _ => None,
        };
        if let Some(action) = action {
            self.note(if action == "activate" { "enable" } else { "disable" }, "key", &name);
            if !self.dry {
                self.api.post(&format!("/keys/{}/{action}", segment(key_id)), &Value::Null).await?;
            }
        }
        if wanted.enabled && (state == "revoked" || state == "retiring") {
            Out::note(&format!("note: key {name} is {state} and stays so; put a new key into the file"));
        }
        if !same_set(&found["dialects"], &wanted.dialects)
            || !same_set(&found["algorithms"], &wanted.algorithms)
        {
            Out::note(&format!(
                "note: key {name} keeps the dialects and algorithms it was registered with; register a new key for others"
            ));
        }
        Ok(())
    }

    async fn companion(
        &mut self,
        account: &str,
        id: Option<&str>,
        wanted: &DescribedCompanion,
        known: &[Value],
    ) -> Done {
        let name = format!("{account} {} {}", wanted.dialect, wanted.label);
        let same =
            |row: &&Value| row["dialect"] == wanted.dialect.as_str() && row["label"] == wanted.label.as_str();
        let Some(found) = known.iter().find(same) else {
            self.note("add", "companion", &name);
            if let Some(id) = id.filter(|_| !self.dry) {
                let body = json!({
                    "dialect": wanted.dialect,
                    "label": wanted.label,
                    "bound": wanted.bound,
                    "secret": wanted.secret.as_str(),
                });
                let made = self.api.post(&format!("/accounts/{}/companions", segment(id)), &body).await;
                let made = made.map_err(|failure| about("companion key", &name, failure))?;
                if !wanted.enabled {
                    let path = format!("/companions/{}/disable", segment(text(&made["companion"], "id")?));
                    self.api.post(&path, &Value::Null).await?;
                }
            }
            return Ok(());
        };
        if (found["enabled"] == true) != wanted.enabled {
            let action = if wanted.enabled { "enable" } else { "disable" };
            self.note(action, "companion", &name);
            if !self.dry {
                let path = format!("/companions/{}/{action}", segment(text(found, "id")?));
                self.api.post(&path, &Value::Null).await?;
            }
        }
        Ok(())
    }
}

fn about(kind: &str, name: &str, failure: Failure) -> Failure {
    Failure::new(failure.exit, format!("{kind} {name}: {}", failure.message))
}

fn by_name(rows: Vec<Value>) -> HashMap<String, Value> {
    let named = |row: Value| Some((row["name"].as_str()?.to_owned(), row));
    rows.into_iter().filter_map(named).collect()
}

fn same_set(found: &Value, wanted: &[String]) -> bool {
    let mut found: Vec<&str> = found.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    found.sort_unstable();
    wanted.sort_unstable();
    found == wanted
}

fn told(changes: &[Change], dry: bool) -> String {
    if changes.is_empty() {
        return "Nothing to change.\n".to_owned();
    }
    let rows = changes
        .iter()
        .map(|change| vec![change.action.to_owned(), change.kind.to_owned(), change.name.clone()]);
    let end = if dry { "would be made; leave --dry-run out to make them" } else { "made" };
    format!("{}{} changes {end}.\n", table(&["action", "what", "name"], rows.collect()), changes.len())
}
