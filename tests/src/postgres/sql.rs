//! Questions to a cluster, for tests that wait for the answer.

use super::{Cluster, program, runtime};
use std::io::Write as _;
use std::process::{Command, Stdio};
use tokio_postgres::SimpleQueryMessage;

/// A row, every value as text.
pub type Row = Vec<Option<String>>;

impl Cluster {
    /// Runs statements as the superuser and gives all rows.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub fn try_sql(&self, database: &str, statements: &str) -> Result<Vec<Row>, tokio_postgres::Error> {
        let runtime = runtime().unwrap_or_else(|error| panic!("{error}"));
        let messages = runtime.block_on(async {
            let client = self.connect(database).await?;
            client.simple_query(statements).await
        })?;
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect())
            }
            _ => None,
        });
        Ok(rows.collect())
    }

    /// Runs statements as the superuser and gives all rows.
    ///
    /// # Panics
    /// When PostgreSQL refuses them.
    #[must_use]
    pub fn sql(&self, database: &str, statements: &str) -> Vec<Row> {
        self.try_sql(database, statements).unwrap_or_else(|error| {
            let said = error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string);
            panic!("{statements}: {said}")
        })
    }

    /// The one value that a question has for an answer; NULL is empty.
    ///
    /// # Panics
    /// When it has another answer.
    #[must_use]
    pub fn value(&self, database: &str, question: &str) -> String {
        let mut rows = self.sql(database, question);
        assert!(rows.len() == 1 && rows[0].len() == 1, "{question} has no one answer: {rows:?}");
        rows.remove(0).remove(0).unwrap_or_default()
    }

    /// Copies text into a table, with `psql`.
    ///
    /// # Panics
    /// When PostgreSQL refuses it.
    pub fn copy_in(&self, database: &str, copy: &str, text: &str) {
        let psql = program("psql").unwrap_or_else(|error| panic!("{error}"));
        let mut psql = Command::new(psql)
            .args(["-X", "-v", "ON_ERROR_STOP=1", "-c", copy, &self.url(database)])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("psql starts");
        psql.stdin.take().expect("its input").write_all(text.as_bytes()).expect("it reads");
        assert!(psql.wait().expect("psql ends").success(), "{copy}");
    }

    /// Makes a database.
    pub fn create_database(&self, name: &str) {
        drop(self.sql("postgres", &format!("CREATE DATABASE {name}")));
    }
}
