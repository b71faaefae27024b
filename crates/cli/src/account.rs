//! `countersign account`: who is recognised, under which names, and for whom it may act.
use crate::exit::{Done, Failure};
use crate::manage::{ManageArgs, segment, show_list, show_one, text};
use crate::member::at;
use crate::print::Out;
use crate::world;
use clap::Subcommand;
use serde_json::{Value, json};

#[derive(Subcommand, Debug)]
pub(crate) enum AccountCommand {
    /// Make an account.
    Add {
        /// Its unique name.
        name: String,
        /// A name it is recognised by, such as email=ops@example.com; may be given more than once.
        #[arg(long = "identifier", value_name = "NAMESPACE=VALUE")]
        identifiers: Vec<String>,
        /// The organisation it belongs to.
        #[arg(long)]
        organisation: Option<String>,
        /// A user it may act for; may be given more than once.
        #[arg(long = "acts-as", value_name = "USER")]
        acts_as: Vec<String>,
        /// A path prefix it is limited to; may be given more than once.
        #[arg(long = "path", value_name = "PREFIX")]
        paths: Vec<String>,
        /// Where its key set (JWKS) lives.
        #[arg(long, value_name = "URL")]
        jwks_url: Option<String>,
        #[command(flatten)]
        manage: ManageArgs,
    },
    /// List accounts.
    List {
        /// Only those whose name or identifier has this part.
        search: Option<String>,
        #[command(flatten)]
        manage: ManageArgs,
    },
    /// Show an account.
    Show {
        /// Its name or id.
        account: String,
        #[command(flatten)]
        manage: ManageArgs,
    },
    /// Let an account in again.
    Enable {
        /// Its name or id.
        account: String,
        #[command(flatten)]
        manage: ManageArgs,
    },
    /// Keep an account out at once; its sessions end.
    Disable {
        /// Its name or id.
        account: String,
        #[command(flatten)]
        manage: ManageArgs,
    },
    /// Delete an account with its keys, companion keys and sessions.
    Delete {
        /// Its name or id.
        account: String,
        #[command(flatten)]
        manage: ManageArgs,
    },
    /// Give an account another name to be recognised by, or take one away.
    Identifier {
        /// `add` or `remove`.
        action: AddRemove,
        /// The account's name or id.
        account: String,
        /// The identifier, such as email=ops@example.com.
        #[arg(value_name = "NAMESPACE=VALUE")]
        identifier: String,
        #[command(flatten)]
        manage: ManageArgs,
    },
    /// Let an account act for a user, or no longer.
    ActsAs {
        /// `add` or `remove`.
        action: AddRemove,
        /// The account's name or id.
        account: String,
        /// The user's name.
        user: String,
        #[command(flatten)]
        manage: ManageArgs,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum AddRemove {
    Add,
    Remove,
}

pub(crate) fn run(command: &AccountCommand, out: Out) -> Done {
    world::run(async {
        match command {
            AccountCommand::Add { name, identifiers, organisation, acts_as, paths, jwks_url, manage } => {
                let identifiers =
                    identifiers.iter().map(|text| identifier(text)).collect::<Result<Vec<_>, _>>()?;
                let api = manage.api()?;
                let organisation = match organisation {
                    Some(name) => at(&api.organisation(name).await?, "id").clone(),
                    None => Value::Null,
                };
                let body = json!({
                    "name": name,
                    "organisation": organisation,
                    "identifiers": identifiers,
                    "acts_as": acts_as,
                    "paths": paths,
                    "jwks_url": jwks_url,
                });
                show_one(&api.post("/accounts", &body).await?, out)
            }
            AccountCommand::List { search, manage } => {
                let query =
                    search.as_ref().map_or(String::new(), |part| format!("?search={}", segment(part)));
                let items = manage.api()?.list(&format!("/accounts{query}")).await?;
                show_list(&items, &["id", "name", "identifiers", "enabled", "role", "acts_as"], out)
            }
            AccountCommand::Show { account, manage } => show_one(&manage.api()?.account(account).await?, out),
            AccountCommand::Enable { account, manage } => switch(account, manage, true, out).await,
            AccountCommand::Disable { account, manage } => switch(account, manage, false, out).await,
            AccountCommand::Delete { account, manage } => {
                let api = manage.api()?;
                let found = api.account(account).await?;
                api.delete(&path(&found, "")?).await?;
                out.show(&json!({ "deleted": at(&found, "id") }), || format!("{account} is deleted\n"))
            }
            AccountCommand::Identifier { action, account, identifier: text, manage } => {
                let identifier = identifier(text)?;
                let api = manage.api()?;
                let place = path(&api.account(account).await?, "/identifiers")?;
                let after = match action {
                    AddRemove::Add => api.post(&place, &identifier).await?,
                    AddRemove::Remove => {
                        let (namespace, value) = text.split_once('=').unwrap_or_default();
                        let query = format!("?namespace={}&value={}", segment(namespace), segment(value));
                        api.delete(&format!("{place}{query}")).await?
                    }
                };
                show_one(&after, out)
            }
            AccountCommand::ActsAs { action, account, user, manage } => {
                let api = manage.api()?;
                let place = path(&api.account(account).await?, "/acts-as")?;
                let after = match action {
                    AddRemove::Add => api.post(&place, &json!({ "user": user })).await?,
                    AddRemove::Remove => api.delete(&format!("{place}?user={}", segment(user))).await?,
                };
                show_one(&after, out)
            }
        }
    })
}

async fn switch(account: &str, manage: &ManageArgs, enabled: bool, out: Out) -> Done {
    let api = manage.api()?;
    let found = api.account(account).await?;
    let after = api.patch(&path(&found, "")?, &json!({ "enabled": enabled })).await?;
    show_one(&after, out)
}

fn path(account: &Value, rest: &str) -> Result<String, Failure> {
    Ok(format!("/accounts/{}{rest}", segment(text(account, "id")?)))
}

/// `email=ops@example.com` as the API wants it.
fn identifier(text: &str) -> Result<Value, Failure> {
    match text.split_once('=') {
        Some((namespace, value)) if !namespace.is_empty() && !value.is_empty() => {
            Ok(json!({ "namespace": namespace, "value": value }))
        }
        _ => Err(Failure::usage(format!(
            "wanted an identifier as NAMESPACE=VALUE such as email=ops@example.com, found {text:?}"
        ))),
    }
}
