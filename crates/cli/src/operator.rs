//! `countersign operator`: who runs the installation, and what each of them may do.
use crate::exit::Done;
use crate::manage::{ManageArgs, segment, show_list, show_one, text};
use crate::member::at;
use crate::print::Out;
use crate::{keyring, world};
use clap::{Subcommand, ValueEnum};
use serde_json::json;
use std::path::PathBuf;

#[derive(Subcommand, Debug)]
pub(crate) enum OperatorCommand {
    /// List operators.
    List {
        #[command(flatten)]
        manage: ManageArgs,
    },
    /// Make an operator with its first key.
    Add {
        /// The unique name.
        name: String,
        /// What it may do.
        #[arg(long)]
        role: Role,
        /// The file with its public key.
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        manage: ManageArgs,
    },
    /// Give an account a role, or another one.
    Role {
        /// The account's name or id.
        account: String,
        /// What it may do.
        role: Role,
        #[command(flatten)]
        manage: ManageArgs,
    },
    /// Take an operator's role; the account stays.
    Remove {
        /// The account's name or id.
        account: String,
        #[command(flatten)]
        manage: ManageArgs,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Role {
    /// Everything.
    Owner,
    /// Everything but operators and signing keys.
    Manager,
    /// Reads everything, changes nothing.
    Auditor,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Manager => "manager",
            Self::Auditor => "auditor",
        }
    }
}

pub(crate) fn run(command: &OperatorCommand, out: Out) -> Done {
    world::run(async {
        match command {
            OperatorCommand::List { manage } => {
                let rows = manage.api()?.list("/operators").await?;
                show_list(&rows, &["id", "name", "role", "enabled", "created"], out)
            }
            OperatorCommand::Add { name, role, file, manage } => {
                let public = keyring::public_key(file)?.key.to_pem();
                let body = json!({ "name": name, "role": role.name(), "public": public });
                let made = manage.api()?.post("/operators", &body).await?;
                show_one(at(&made, "account"), out)
            }
            OperatorCommand::Role { account, role, manage } => {
                let api = manage.api()?;
                let account = api.account(account).await?;
                let path = format!("/operators/{}", segment(text(&account, "id")?));
                show_one(&api.put(&path, &json!({ "role": role.name() })).await?, out)
            }
            OperatorCommand::Remove { account, manage } => {
                let api = manage.api()?;
                let known = api.account(account).await?;
                api.delete(&format!("/operators/{}", segment(text(&known, "id")?))).await?;
                out.show(&json!({ "removed": account }), || format!("{account} is no operator any more\n"))
            }
        }
    })
}
