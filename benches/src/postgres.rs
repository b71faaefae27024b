//! A PostgreSQL of its own for the measurement: made in a scratch folder, run by an unprivileged user, on a Unix socket.
use crate::process::Running;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tokio_postgres::{NoTls, Statement};

/// Everything beyond what Debian ships: room for the crowd, and no network. `synchronous_commit` is on, as it ships.
const SETTINGS: &[&str] = &[
    "listen_addresses=",
    "max_connections=300",
    "shared_buffers=512MB",
    "max_wal_size=4GB",
    "synchronous_commit=on",
    "fsync=on",
];
const INSERT: &str = "INSERT INTO used (mark, until) VALUES ($1, $2) ON CONFLICT DO NOTHING";

/// A running server.
pub(crate) struct Postgres {
    socket: PathBuf,
    user: String,
    version: String,
    running: Option<Running>,
}

/// One connection with the statement prepared.
pub(crate) struct Client {
    client: tokio_postgres::Client,
    insert: Statement,
}

impl Postgres {
    /// Makes and starts it below `scratch`.
    ///
    /// # Errors
    /// When PostgreSQL is missing or does not start.
    pub(crate) fn start(scratch: &Path) -> Result<Self, String> {
        let programs = programs()?;
        let folder = scratch.join("postgres");
        let trouble = |error: std::io::Error| format!("PostgreSQL: {error}");
        std::fs::create_dir(&folder).map_err(trouble)?;
        // It refuses to run as root, so Debian's own account for it does.
        let root = said(Command::new("id").arg("-u"))?.trim() == "0";
        let user =
            if root { "postgres".to_owned() } else { said(Command::new("id").arg("-un"))?.trim().to_owned() };
        if root {
            said(Command::new("chown").arg("postgres").arg(&folder))?;
            // The scratch folder is private; its owner's name for it is enough for others to pass through.
            said(Command::new("chmod").arg("a+x").arg(scratch))?;
        }
        let by_user = |program: &str| {
            let path = programs.join(program);
            if root {
                let mut command = Command::new("setpriv");
                command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(path);
                command
            } else {
                Command::new(path)
            }
        };
        let data = folder.join("data");
        said(by_user("initdb").args(["--auth=trust", "--username", &user, "--pgdata"]).arg(&data))?;
        let mut server = by_user("postgres");
        server.arg("-D").arg(&data).arg("-k").arg(&folder);
        for setting in SETTINGS {
            server.args(["-c", setting]);
        }
        let running = Running::spawn(server, &scratch.join("postgres.log"))?;
        let version = said(by_user("postgres").arg("--version"))?;
        let version = version.split_whitespace().nth(2).unwrap_or("?");
        Ok(Self { socket: folder, user, version: format!("PostgreSQL {version}"), running: Some(running) })
    }

    /// Its name and version.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// A connection to the table of used marks, which is made when it is missing.
    ///
    /// # Errors
    /// When it does not answer within half a minute.
    pub(crate) async fn client(&self) -> Result<Client, String> {
        let mut config = tokio_postgres::Config::new();
        config.host_path(&self.socket).user(&self.user).dbname("postgres");
        let mut tries = 0;
        let (client, connection) = loop {
            match config.connect(NoTls).await {
                Ok(connected) => break connected,
                Err(error) if tries > 300 => return Err(format!("PostgreSQL: {error}")),
                Err(_) => tries += 1,
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        tokio::spawn(connection);
        let trouble = |error: tokio_postgres::Error| format!("PostgreSQL: {error}");
        let table = "CREATE TABLE IF NOT EXISTS used (mark bytea PRIMARY KEY, until bigint NOT NULL)";
        client.batch_execute(table).await.map_err(trouble)?;
        let insert = client.prepare(INSERT).await.map_err(trouble)?;
        Ok(Client { client, insert })
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.end();
        }
    }
}

impl Client {
    /// Claims a mark that was never claimed.
    ///
    /// # Errors
    /// When it was, or the database fails.
    pub(crate) async fn claim(&self, mark: &[u8; 32]) -> Result<(), String> {
        match self.client.execute(&self.insert, &[&mark.as_slice(), &0_i64]).await {
            Ok(1) => Ok(()),
            Ok(_) => Err("PostgreSQL knew a fresh mark".to_owned()),
            Err(error) => Err(format!("PostgreSQL: {error}")),
        }
    }
}

/// Where the newest PostgreSQL's programs lie, as Debian puts them.
fn programs() -> Result<PathBuf, String> {
    let folders = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = folders.map(|folder| folder.path()).filter_map(|path| Some((number(&path)?, path))).max();
    let found = newest.map(|(_, path)| path.join("bin")).filter(|bin| bin.join("initdb").is_file());
    found.ok_or_else(|| {
        "wanted PostgreSQL in /usr/lib/postgresql, found none: apt-get install postgresql".to_owned()
    })
}

fn said(command: &mut Command) -> Result<String, String> {
    let ended = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if ended.status.success() {
        Ok(String::from_utf8_lossy(&ended.stdout).into_owned())
    } else {
        Err(format!("{command:?}: {}", String::from_utf8_lossy(&ended.stderr).trim()))
    }
}
