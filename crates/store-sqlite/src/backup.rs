//! A consistent copy of the registry in one new file, made while a server runs.
//!
//! The copy holds accounts, keys, secrets and the audit log. It holds no sessions, since a session that ended after
//! the copy must not live again, and no replay log, since a copied one lacks what was claimed after. Instead the copy
//! is marked, and an installation that starts from it refuses one-time proofs dated before its start, for as long as
//! such a proof could be valid. To restore, put the copy into an empty data directory as `registry.db`: the side files
//! of another database do not belong to it.
use crate::blocking::off_reactor;
use crate::database::connect;
use crate::private::{private, sync_folder};
use crate::replay::{RESTORED, Scope};
use crate::schema::Schema;
use countersign_store::fault::Fault;
use sqlx::Connection;
use std::path::Path;

/// Writes a copy of the registry in a data directory to a new file, whether or not a server runs on it.
///
/// # Errors
/// When there is no registry, the new file exists, or the disk fails.
pub async fn backup(directory: &Path, to: &Path) -> Result<(), Fault> {
    let from = directory.join(Schema::Registry.file());
    if !from.is_file() {
        return Err(Fault::new(format!(
            "{} holds no registry: name the data directory of an installation",
            directory.display()
        )));
    }
    copy(&from, to).await
}

/// Copies one registry file.
pub(crate) async fn copy(from: &Path, to: &Path) -> Result<(), Fault> {
    let Some(text) = to.to_str() else {
        return Err(Fault::new(format!("{} is not UTF-8: name the copy otherwise", to.display())));
    };
    let made = to.to_owned();
    off_reactor(move || {
        // Taken first: the name is ours alone from here on, and nobody else may read it.
        private().create_new(true).open(&made).map(|_| ()).map_err(|error| {
            Fault::caused(format!("cannot make {} (a backup never overwrites)", made.display()), error)
        })
    })
    .await?;
    let copied = fill(from, to, text).await;
    let (made, keep) = (to.to_owned(), copied.is_ok());
    off_reactor(move || {
        let done = if keep {
            private().open(&made).and_then(|file| file.sync_all())
        } else {
            // Half a copy is worse than none.
            std::fs::remove_file(&made)
        };
        let folder = made.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        done.and_then(|()| sync_folder(folder))
            .map_err(|error| Fault::caused(format!("cannot finish {}", made.display()), error))
    })
    .await
    .and(copied)
}

async fn fill(from: &Path, to: &Path, text: &str) -> Result<(), Fault> {
    let failed = |error| Fault::caused(format!("cannot copy {} to {text}", from.display()), error);
    let mut source = connect(from).await?;
    sqlx::query("VACUUM INTO $1").bind(text.to_owned()).execute(&mut source).await.map_err(failed)?;
    source.close().await.map_err(failed)?;
    let mut copy = connect(to).await?;
    for scope in [Scope::Proofs, Scope::Challenges] {
        sqlx::query(
            "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )
        .bind(scope.epoch())
        .bind(RESTORED)
        .execute(&mut copy)
        .await
        .map_err(failed)?;
    }
    // One file, without side files.
    sqlx::query("PRAGMA journal_mode = DELETE").execute(&mut copy).await.map_err(failed)?;
    copy.close().await.map_err(failed)
}
