//! `countersign user`: the users that accounts may act for.
use crate::exit::Done;
use crate::manage::{ManageArgs, segment, show_list, show_one};
use crate::print::Out;
use crate::world;
use clap::Subcommand;
use serde_json::json;

#[derive(Subcommand, Debug)]
pub(crate) enum UserCommand {
    /// Make a user.
    Add {
        /// The unique name.
        name: String,
        #[command(flatten)]
        manage: ManageArgs,
    },
    /// List users.
    List {
        #[command(flatten)]
        manage: ManageArgs,
    },
    /// Let a user be acted for again.
    Enable {
        /// The name.
        name: String,
        #[command(flatten)]
        manage: ManageArgs,
    },
    /// Let nobody act for a user.
    Disable {
        /// The name.
        name: String,
        #[command(flatten)]
        manage: ManageArgs,
    },
    /// Delete a user.
    Delete {
        /// The name.
        name: String,
        #[command(flatten)]
        manage: ManageArgs,
    },
}

pub(crate) fn run(command: &UserCommand, out: Out) -> Done {
    world::run(async {
        let path = |name: &str| format!("/users/{}", segment(name));
        match command {
            UserCommand::Add { name, manage } => {
                show_one(&manage.api()?.post("/users", &json!({ "name": name })).await?, out)
            }
            UserCommand::List { manage } => {
                show_list(&manage.api()?.list("/users").await?, &["name", "enabled", "created"], out)
            }
            UserCommand::Enable { name, manage } => {
                show_one(&manage.api()?.patch(&path(name), &json!({ "enabled": true })).await?, out)
            }
            UserCommand::Disable { name, manage } => {
                show_one(&manage.api()?.patch(&path(name), &json!({ "enabled": false })).await?, out)
            }
            UserCommand::Delete { name, manage } => {
                manage.api()?.delete(&path(name)).await?;
                out.show(&json!({ "deleted": name }), || format!("{name} is deleted\n"))
            }
        }
    })
}
