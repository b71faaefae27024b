//! `countersign org`: organisations, their members, and the join codes by which callers join.
use crate::account::AddRemove;
use crate::exit::Done;
use crate::manage::{ManageArgs, segment, show_list, show_one, text};
use crate::member::at;
use crate::print::{Out, pairs};
use crate::world;
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

#[derive(Subcommand, Debug)]
pub(crate) enum OrgCommand {
    /// Make an organisation.
    Add {
        /// Its unique name.
        name: String,
        /// Keys that its members register themselves wait for a manager.
        #[arg(long)]
        approval: bool,
        #[command(flatten)]
        manage: ManageArgs,
    },
    /// Say whether keys that members register themselves wait for a manager.
    Approval {
        /// `on` or `off`.
        switch: Switch,
        /// Its name or id.
        org: String,
        #[command(flatten)]
        manage: ManageArgs,
    },
    /// List organisations.
    List {
        #[command(flatten)]
        manage: ManageArgs,
    },
    /// List the members of an organisation.
    Members {
        /// Its name or id.
        org: String,
        #[command(flatten)]
        manage: ManageArgs,
    },
    /// Take an account into an organisation, or out of it.
    Member {
        /// `add` or `remove`.
        action: AddRemove,
        /// The organisation's name or id.
        org: String,
        /// The account's name or id.
        account: String,
        /// MEMBER, ADMIN or OWNER.
        #[arg(long, default_value = "MEMBER")]
        role: String,
        #[command(flatten)]
        manage: ManageArgs,
    },
    /// Delete an organisation; its accounts stay.
    Delete {
        /// Its name or id.
        org: String,
        #[command(flatten)]
        manage: ManageArgs,
    },
    /// Make a join code; it is shown once.
    JoinCode {
        /// The organisation's name or id.
        org: String,
        /// The role it gives: MEMBER, ADMIN or OWNER.
        #[arg(long, default_value = "MEMBER")]
        role: String,
        /// How long it works.
        #[arg(long, default_value = "24h", value_name = "TIME")]
        life: String,
        /// It works once only.
        #[arg(long)]
        once: bool,
        #[command(flatten)]
        manage: ManageArgs,
    },
    /// List the join codes of an organisation, by digest.
    JoinCodes {
        /// The organisation's name or id.
        org: String,
        #[command(flatten)]
        manage: ManageArgs,
    },
}

/// On or off.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

pub(crate) fn run(command: &OrgCommand, out: Out) -> Done {
    world::run(async {
        match command {
            OrgCommand::Add { name, approval, manage } => {
                let new = json!({ "name": name, "approval": approval });
                show_one(&manage.api()?.post("/organisations", &new).await?, out)
            }
            OrgCommand::Approval { switch, org, manage } => {
                let api = manage.api()?;
                let path = place(&api.organisation(org).await?, "")?;
                let change = json!({ "approval": matches!(switch, Switch::On) });
                show_one(&api.patch(&path, &change).await?, out)
            }
            OrgCommand::List { manage } => show_list(
                &manage.api()?.list("/organisations").await?,
                &["id", "name", "approval", "created"],
                out,
            ),
            OrgCommand::Members { org, manage } => {
                let api = manage.api()?;
                let path = place(&api.organisation(org).await?, "/members")?;
                show_list(&api.list(&path).await?, &["account", "role"], out)
            }
            OrgCommand::Member { action, org, account, role, manage } => {
                let api = manage.api()?;
                let account = api.account(account).await?;
                let member = format!("/members/{}", segment(text(&account, "id")?));
                let path = place(&api.organisation(org).await?, &member)?;
                match action {
                    AddRemove::Add => show_one(&api.put(&path, &json!({ "role": role })).await?, out),
                    AddRemove::Remove => {
                        api.delete(&path).await?;
                        out.show(&json!({ "removed": at(&account, "id") }), || "removed\n".to_owned())
                    }
                }
            }
            OrgCommand::Delete { org, manage } => {
                let api = manage.api()?;
                let found = api.organisation(org).await?;
                api.delete(&place(&found, "")?).await?;
                out.show(&json!({ "deleted": at(&found, "id") }), || format!("{org} is deleted\n"))
            }
            OrgCommand::JoinCode { org, role, life, once, manage } => {
                let api = manage.api()?;
                let path = place(&api.organisation(org).await?, "/join-codes")?;
                let made = api.post(&path, &json!({ "role": role, "life": life, "once": once })).await?;
                let rows = [
                    ("code", text(&made, "code")?.to_owned()),
                    ("expires", text(at(&made, "join_code"), "expires")?.to_owned()),
                ];
                Out::note("The code is shown now and never again.");
                out.show(&made, || pairs(&rows))
            }
            OrgCommand::JoinCodes { org, manage } => {
                let api = manage.api()?;
                let path = place(&api.organisation(org).await?, "/join-codes")?;
                show_list(&api.list(&path).await?, &["digest", "role", "expires", "once"], out)
            }
        }
    })
}

fn place(organisation: &Value, rest: &str) -> Result<String, crate::exit::Failure> {
    Ok(format!("/organisations/{}{rest}", segment(text(organisation, "id")?)))
}
