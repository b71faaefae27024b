//! `countersign audit`: what was done, when and by whom; and whether the log is whole.
use crate::configuration::ConfigArgs;
use crate::exit::{Done, Exit, Failure};
use crate::manage::{ManageArgs, show_list, show_one};
use crate::member::at;
use crate::print::Out;
use crate::world;
use clap::{Args, Subcommand};
use countersign_server::storage::{AuditLog, End};
use countersign_store::audit::{ChainBreak, Head, NotWhole};
use serde_json::json;
use std::path::PathBuf;

#[derive(Subcommand, Debug)]
pub(crate) enum AuditCommand {
    /// List the entries.
    List {
        #[command(flatten)]
        manage: ManageArgs,
    },
    /// Have the server check that every entry follows from the one before it: exit code 8 when one does not.
    Check {
        #[command(flatten)]
        manage: ManageArgs,
    },
    /// Check the whole log in the store itself, also while servers run: exit code 8 at the first entry that was changed, removed, put in or moved.
    Verify {
        /// A head that was kept elsewhere, as `audit head` or the server's log told it: the log must lead to that entry, so one that was cut or
        /// made anew is noticed.
        #[arg(long, value_name = "NUMBER:CHAIN")]
        expect: Option<Head>,
        #[command(flatten)]
        which: Which,
    },
    /// Print the log's last entry as NUMBER:CHAIN; keep it where nobody who can write to the store can.
    Head {
        #[command(flatten)]
        which: Which,
    },
}

/// Which log.
#[derive(Args, Debug)]
pub(crate) struct Which {
    /// The file of a backup; otherwise the configured store.
    #[arg(long, value_name = "BACKUP")]
    file: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
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
                Err(Failure::new(Exit::Tampered, "the audit log was changed after it was written")
                    .next("stop who can write to the store, and compare with a backup: `countersign audit verify --file BACKUP`"))
            }
            AuditCommand::Verify { expect, which } => {
                let log = which.open().await?;
                let verified = log.verify(expect.clone()).await;
                log.close().await;
                told(verified, out)
            }
            AuditCommand::Head { which } => {
                let log = which.open().await?;
                let head = log.head().await;
                log.close().await;
                let head = head.map_err(Failure::failed)?;
                let head = head.ok_or_else(|| {
                    Failure::new(Exit::Missing, "the audit log has no entry yet")
                        .next("`countersign init` makes the first")
                })?;
                out.show(&json!({ "head": head.to_string() }), || format!("{head}\n"))
            }
        }
    })
}

impl Which {
    async fn open(&self) -> Result<AuditLog, Failure> {
        let opened = match &self.file {
            Some(file) => AuditLog::file(file).await,
            None => {
                let end = End::configured(&self.config.load()?, &self.config.data_dir()?)
                    .map_err(Failure::failed)?;
                AuditLog::of(&end).await
            }
        };
        opened.map_err(Failure::failed)
    }
}

fn told(verified: Result<Option<Head>, NotWhole>, out: Out) -> Done {
    match verified {
        Ok(head) => {
            let entries = head.as_ref().map_or(0, |head| head.number);
            let value =
                json!({ "intact": true, "entries": entries, "head": head.as_ref().map(ToString::to_string) });
            out.show(&value, || {
                let head = head.map_or_else(String::new, |head| format!("\nhead {head}"));
                format!("intact: {entries} entries, each follows from the one before{head}\n")
            })
        }
        Err(NotWhole::Broken(broken)) => {
            let ChainBreak { number, flaw } = broken;
            if out.json {
                out.show(&json!({ "intact": false, "broken_at": number, "flaw": flaw.name() }), String::new)?;
            }
            Err(Failure::new(Exit::Tampered, broken)
                .next("stop who can write to the store, and compare with a backup: `countersign audit verify --file BACKUP`"))
        }
        Err(NotWhole::Fault(fault)) => Err(Failure::failed(fault)),
    }
}
