//! How values that SQLite has no type for stand in a column: instants and lists as text, words for enumerations.
use countersign::life::key::{KeyLife, KeyState};
use countersign::time::Time;
use countersign_store::fault::Fault;
use countersign_store::model::Role;
use sqlx::sqlite::SqliteRow;
use sqlx::{ColumnIndex, Decode, Row, Sqlite, Type};

/// An instant as decimal nanoseconds.
pub(crate) fn instant(time: Time) -> String {
    time.nanos().to_string()
}

/// A list as JSON.
///
/// # Errors
/// When the list cannot be written as JSON, which no list of texts does.
pub(crate) fn list(items: &[String]) -> Result<String, Fault> {
    serde_json::to_string(items).map_err(|error| Fault::caused("cannot write a list as JSON", error))
}

/// A role as its word.
pub(crate) fn role(role: Role) -> &'static str {
    match role {
        Role::Auditor => "auditor",
        Role::Manager => "manager",
        Role::Owner => "owner",
    }
}

/// A row that names its table and column in every fault.
pub(crate) struct Reader<'a> {
    row: &'a SqliteRow,
    table: &'static str,
}

impl<'a> Reader<'a> {
    /// Reads a row of a table.
    pub(crate) fn new(table: &'static str, row: &'a SqliteRow) -> Self {
        Self { row, table }
    }

    /// A column as SQLite keeps it.
    ///
    /// # Errors
    /// When the column is missing or of another type.
    pub(crate) fn get<T>(&self, column: &'static str) -> Result<T, Fault>
    where
        T: Decode<'a, Sqlite> + Type<Sqlite>,
        &'static str: ColumnIndex<SqliteRow>,
    {
        self.row
            .try_get(column)
            .map_err(|error| Fault::caused(format!("cannot read {}.{column}", self.table), error))
    }

    /// An instant.
    ///
    /// # Errors
    /// When the column holds no instant.
    pub(crate) fn instant(&self, column: &'static str) -> Result<Time, Fault> {
        self.perhaps(column)?.ok_or_else(|| self.strange(column, "an instant"))
    }

    /// An instant, when there is one.
    ///
    /// # Errors
    /// When the column holds something else.
    pub(crate) fn perhaps(&self, column: &'static str) -> Result<Option<Time>, Fault> {
        self.get::<Option<&str>>(column)?
            .map(|text| {
                text.parse().map(Time::from_nanos).map_err(|_| self.strange(column, "whole nanoseconds"))
            })
            .transpose()
    }

    /// A list.
    ///
    /// # Errors
    /// When the column holds no JSON list of texts.
    pub(crate) fn list(&self, column: &'static str) -> Result<Vec<String>, Fault> {
        let text: &str = self.get(column)?;
        serde_json::from_str(text).map_err(|_| self.strange(column, "a JSON list of texts"))
    }

    /// A role, when there is one.
    ///
    /// # Errors
    /// When the column holds a word that is no role.
    pub(crate) fn role(&self, column: &'static str) -> Result<Option<Role>, Fault> {
        match self.get::<Option<&str>>(column)? {
            None => Ok(None),
            Some("auditor") => Ok(Some(Role::Auditor)),
            Some("manager") => Ok(Some(Role::Manager)),
            Some("owner") => Ok(Some(Role::Owner)),
            Some(_) => Err(self.strange(column, "auditor, manager or owner")),
        }
    }

    /// A key's life, from its four columns.
    ///
    /// # Errors
    /// When they hold no state that a key can be in.
    pub(crate) fn life(&self) -> Result<KeyLife, Fault> {
        let state = match self.get("state")? {
            "pending" => KeyState::Pending,
            "active" => KeyState::Active,
            "retiring" => KeyState::Retiring { until: self.instant("retiring_until")? },
            "disabled" => KeyState::Disabled,
            "revoked" => KeyState::Revoked,
            _ => return Err(self.strange("state", "pending, active, retiring, disabled or revoked")),
        };
        Ok(KeyLife { state, not_before: self.perhaps("not_before")?, expires: self.perhaps("expires")? })
    }

    fn strange(&self, column: &str, wanted: &str) -> Fault {
        Fault::new(format!(
            "registry.db is damaged: {}.{column} should hold {wanted}; restore a backup",
            self.table
        ))
    }
}
