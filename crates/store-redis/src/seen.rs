//! What is found at a server: the state of a part, whose history it is, and whether the server can be used as it is.
use crate::connection::{Connection, Script};
use crate::state::Kept;
use countersign_store::fault::Fault;

/// What was seen at once.
pub(crate) struct Seen {
    /// The state as it is written; empty when there is none.
    pub(crate) text: String,
    /// The process and its replication history.
    pub(crate) place: String,
    /// The server's clock, seconds.
    pub(crate) clock: i64,
    /// How many uses are there.
    pub(crate) uses: usize,
    /// Whether it writes down what it acknowledges, in an AOF.
    pub(crate) persists: bool,
}

impl Seen {
    /// Looks at a key.
    ///
    /// # Errors
    /// When the server fails, or cannot be used as it is: a replica, one that throws out, one of the wrong kind.
    pub(crate) async fn look(connection: &Connection, key: &str, cluster: bool) -> Result<Self, Fault> {
        let look = connection.script(Script::Look, key);
        let (text, about, clock, kept): (String, String, i64, usize) =
            connection.ask(&look).await.map_err(|error| connection.failed("read", error))?;
        let told = |name: &str| {
            let line = about.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.map(str::trim)
                .ok_or_else(|| Fault::new(format!("Redis at {} does not tell its {name}", connection.host())))
        };
        fits(connection, &told, cluster)?;
        let place = format!("{}/{}", told("run_id")?, told("master_replid")?);
        Ok(Self { text, place, clock, uses: kept.saturating_sub(1), persists: told("aof_enabled")? == "1" })
    }

    /// Replaces the state, if what was seen is still so; `false` when it is not.
    ///
    /// # Errors
    /// When the server fails.
    pub(crate) async fn replace(
        &self,
        connection: &Connection,
        key: &str,
        kept: &Kept,
    ) -> Result<bool, Fault> {
        let mut keep = connection.script(Script::Keep, key);
        keep.arg(&self.text).arg(&self.place).arg(kept.written()?);
        let kept: i64 = connection.ask(&keep).await.map_err(|error| connection.failed("write to", error))?;
        Ok(kept == 1)
    }
}

fn fits<'a>(
    connection: &Connection,
    told: &impl Fn(&str) -> Result<&'a str, Fault>,
    cluster: bool,
) -> Result<(), Fault> {
    let host = connection.host();
    if told("role")? != "master" {
        return Err(Fault::new(format!("Redis at {host} is a replica: its answer is no answer")));
    }
    let policy = told("maxmemory_policy")?;
    if policy != "noeviction" {
        return Err(Fault::new(format!(
            "wanted maxmemory-policy noeviction, found {policy} at {host}: what was used would be thrown out when \
             memory is short; set it, and give these keys a Redis of their own"
        )));
    }
    match (told("cluster_enabled")? == "1", cluster) {
        (true, false) => Err(Fault::new(format!(
            "Redis at {host} is a node of a cluster: write redis+cluster:// in the address, on all nodes"
        ))),
        (false, true) => Err(Fault::new(format!(
            "Redis at {host} is no node of a cluster: write redis:// or redis+sentinel:// in the address, on all nodes"
        ))),
        _ => Ok(()),
    }
}
