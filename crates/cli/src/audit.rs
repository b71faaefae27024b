//! `countersign audit`: what was done, when and by whom; and whether the log is whole.
use crate::exit::{Done, Failure};
use crate::manage::{ManageArgs, show_list, show_one};
use crate::member::at;
use crate::print::Out;
use crate::world;
use clap::Subcommand;

#[derive(Subcommand, Debug)]
pub(crate) enum AuditCommand {
    /// List the entries.
    List {
        #[command(flatten)]
        manage: ManageArgs,
    },
    /// Check that every entry follows from the one before it.
    Check {
        #[command(flatten)]
        manage: ManageArgs,
    },
}

pub(crate) fn run(command: &AuditCommand, out: Out) -> Done {
    world::run(async {
        match command {
            AuditCommand::List { manage } => {
                let entries = manage.api()?.list("/audit").await?;
                show_list(&entries, &["number", "at", "actor", "action", "subject", "detail"], out)
            }
            AuditCommand::Check { manage } => {
                let chain = manage.api()?.get("/audit/chain").await?;
                show_one(&chain, out)?;
                if *at(&chain, "intact") == true {
                    return Ok(());
                }
                Err(Failure::failed("the audit log was changed after it was written"))
            }
        }
    })
}
