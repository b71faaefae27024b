//! Reads rows of SQLite in which values stand as the store spells them.
use countersign::life::key::KeyLife;
use countersign::time::Time;
use countersign_store::column::{instant, life, list_of, nanos, role_of};
use countersign_store::fault::Fault;
use countersign_store::model::Role;
use sqlx::sqlite::SqliteRow;
use sqlx::{ColumnIndex, Decode, Row, Sqlite, Type};

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

    /// An instant that is spelt as [`instant`] spells it.
    ///
    /// # Errors
    /// When the column holds no instant, or one in another spelling.
    pub(crate) fn exact_instant(&self, column: &'static str) -> Result<Time, Fault> {
        let time = self.instant(column)?;
        let spelt: &str = self.get(column)?;
        if spelt == instant(time) {
            Ok(time)
        } else {
            Err(self.strange(column, "an instant as it is written"))
        }
    }

    /// An instant, when there is one.
    ///
    /// # Errors
    /// When the column holds something else.
    pub(crate) fn perhaps(&self, column: &'static str) -> Result<Option<Time>, Fault> {
        self.get::<Option<&str>>(column)?
            .map(|text| nanos(text).ok_or_else(|| self.strange(column, "whole nanoseconds")))
            .transpose()
    }

    /// A list.
    ///
    /// # Errors
    /// When the column holds no JSON list of texts.
    pub(crate) fn list(&self, column: &'static str) -> Result<Vec<String>, Fault> {
        let text: &str = self.get(column)?;
        list_of(text).ok_or_else(|| self.strange(column, "a JSON list of texts"))
    }

    /// A role, when there is one.
    ///
    /// # Errors
    /// When the column holds a word that is no role.
    pub(crate) fn role(&self, column: &'static str) -> Result<Option<Role>, Fault> {
        role_of(self.get(column)?).map_err(|wanted| self.strange(column, wanted))
    }

    /// A key's life, from its four columns.
    ///
    /// # Errors
    /// When they hold no state that a key can be in.
    pub(crate) fn life(&self) -> Result<KeyLife, Fault> {
        let until = self.perhaps("retiring_until")?;
        life(self.get("state")?, until, self.perhaps("not_before")?, self.perhaps("expires")?)
            .map_err(|wanted| self.strange("state", wanted))
    }

    fn strange(&self, column: &str, wanted: &str) -> Fault {
        Fault::new(format!(
            "registry.db is damaged: {}.{column} should hold {wanted}; restore a backup",
            self.table
        ))
    }
}
