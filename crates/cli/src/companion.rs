//! `countersign companion`: the API keys that some dialects want beside the proof; never enough by themselves.
use crate::exit::Done;
use crate::manage::{ManageArgs, segment, show_list, show_one, text};
use crate::member::{at, put};
use crate::print::{Out, pairs};
use crate::world;
use clap::Subcommand;
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(Subcommand, Debug)]
pub(crate) enum CompanionCommand {
    /// Make a companion key; the secret that the server makes is shown once.
    Add {
        /// The account's name or id.
        account: String,
        /// The dialect it goes with.
        #[arg(short, long)]
        dialect: String,
        /// What to call it.
        #[arg(long, default_value = "")]
        label: String,
        /// Good beside any account's proofs, not only this one's.
        #[arg(long)]
        unbound: bool,
        /// The file with a secret that callers hold already; without it the server makes one.
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
        #[command(flatten)]
        manage: ManageArgs,
    },
    /// List an account's companion keys.
    List {
        /// The account's name or id.
        account: String,
        #[command(flatten)]
        manage: ManageArgs,
    },
    /// Switch a companion key on.
    Enable {
        /// Its id.
        companion: String,
        #[command(flatten)]
        manage: ManageArgs,
    },
    /// Switch a companion key off, at once.
    Disable {
        /// Its id.
        companion: String,
        #[command(flatten)]
        manage: ManageArgs,
    },
    /// Delete a companion key.
    Delete {
        /// Its id.
        companion: String,
        #[command(flatten)]
        manage: ManageArgs,
    },
}

pub(crate) fn run(command: &CompanionCommand, out: Out) -> Done {
    world::run(async {
        match command {
            CompanionCommand::Add { account, dialect, label, unbound, secret_file, manage } => {
                let mut body = json!({ "dialect": dialect, "label": label, "bound": !unbound });
                if let Some(path) = secret_file {
                    put(&mut body, "secret", Value::from(world::read_secret(path)?.as_str()));
                }
                let api = manage.api()?;
                let account = api.account(account).await?;
                let path = format!("/accounts/{}/companions", segment(text(&account, "id")?));
                let made = api.post(&path, &body).await?;
                let mut rows = vec![("id", text(at(&made, "companion"), "id")?.to_owned())];
                if let Some(secret) = at(&made, "secret").as_str() {
                    Out::note("The secret is shown now and never again.");
                    rows.push(("secret", secret.to_owned()));
                }
                out.show(&made, || pairs(&rows))
            }
            CompanionCommand::List { account, manage } => {
                let api = manage.api()?;
                let account = api.account(account).await?;
                let path = format!("/accounts/{}/companions", segment(text(&account, "id")?));
                show_list(
                    &api.list(&path).await?,
                    &["id", "dialect", "label", "bound", "enabled", "created"],
                    out,
                )
            }
            CompanionCommand::Enable { companion, manage } => switch(companion, "enable", manage, out).await,
            CompanionCommand::Disable { companion, manage } => {
                switch(companion, "disable", manage, out).await
            }
            CompanionCommand::Delete { companion, manage } => {
                manage.api()?.delete(&format!("/companions/{}", segment(companion))).await?;
                out.show(&json!({ "deleted": companion }), || format!("{companion} is deleted\n"))
            }
        }
    })
}

async fn switch(companion: &str, action: &str, manage: &ManageArgs, out: Out) -> Done {
    let path = format!("/companions/{}/{action}", segment(companion));
    show_one(&manage.api()?.post(&path, &Value::Null).await?, out)
}
