//! `countersign signing-key`: the server's own keys, which sign tokens and assertions; a new one takes over without a refused token.
use crate::exit::Done;
use crate::manage::{ManageArgs, segment, show_list, show_one};
use crate::member::at;
use crate::print::Out;
use crate::world;
use clap::Subcommand;
use serde_json::Value;

#[derive(Subcommand, Debug)]
pub(crate) enum SigningKeyCommand {
    /// List the keys: which one signs, which one is next, and when retired ones are removed.
    List {
        #[command(flatten)]
        manage: ManageArgs,
    },
    /// Make a new key: it is published now and signs in six minutes; what the old one signed still verifies until it ends.
    Rotate {
        /// Let it sign within seconds, as soon as every node knows it: for a key that leaked. Whoever keeps the key set and does not read it again
        /// for an unknown key may refuse tokens for up to five minutes.
        #[arg(long)]
        at_once: bool,
        #[command(flatten)]
        manage: ManageArgs,
    },
    /// Remove a key that leaked: what it signed is refused from now on. Rotate first.
    Remove {
        /// The key's id, as `signing-key list` shows it.
        kid: String,
        #[command(flatten)]
        manage: ManageArgs,
    },
}

pub(crate) fn run(command: &SigningKeyCommand, out: Out) -> Done {
    world::run(async {
        match command {
            SigningKeyCommand::List { manage } => {
                let keys = manage.api()?.get("/signing-keys").await?;
                let items = at(&keys, "items").as_array().cloned().unwrap_or_default();
                show_list(&items, &["kid", "state", "created", "retired", "removed", "sealed"], out)
            }
            SigningKeyCommand::Rotate { at_once, manage } => {
                let path =
                    if *at_once { "/signing-keys/rotate?at_once=true" } else { "/signing-keys/rotate" };
                show_one(&manage.api()?.post(path, &Value::Null).await?, out)
            }
            SigningKeyCommand::Remove { kid, manage } => {
                manage.api()?.delete(&format!("/signing-keys/{}", segment(kid))).await?;
                out.show(&serde_json::json!({ "removed": kid }), || {
                    format!("{kid} is removed: what it signed is refused\n")
                })
            }
        }
    })
}
