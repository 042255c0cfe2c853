//! The story's users and dossiers as a SQLite file, one row each.

use std::{fmt::Write, path::Path};

use jiff::{Timestamp, tz::Offset};
use sqlx::{ConnectOptions as _, Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use super::{story::Story, tables};

/// Rows sent to SQLite in one statement: a JSON text of about half a megabyte.
const BATCH_ROWS: usize = 20_000;

/// The database could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the demo database {path} (it needs about 60 MB)")]
pub struct CreateError {
    path: String,
    #[source]
    source: sqlx::Error,
}

/// Writes a new database: tables `users (id, created_at)` and `dossiers (id, depose_at)`, instants
/// as `YYYY-MM-DD HH:MM:SS` in UTC, indexed. Fails where the file already holds such a table.
pub async fn create(path: &Path, story: &Story) -> Result<(), CreateError> {
    told(path, write(path, story, false).await)
}

/// The same, and the tables of a help desk beside them.
pub async fn create_with_tickets(path: &Path, story: &Story) -> Result<(), CreateError> {
    told(path, write(path, story, true).await)
}

fn told(path: &Path, written: Result<(), sqlx::Error>) -> Result<(), CreateError> {
    written.map_err(|source| CreateError {
        path: path.display().to_string(),
        source,
    })
}

async fn write(path: &Path, story: &Story, with_tickets: bool) -> Result<(), sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        // A file that a crash leaves unfinished is of no use to anybody.
        .pragma("journal_mode", "OFF")
        .pragma("synchronous", "OFF")
        // A slow disk is no reason to print half a megabyte of SQL.
        .disable_statement_logging();
    let mut connection = SqliteConnection::connect_with(&options).await?;
    sqlx::raw_sql(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, created_at TEXT NOT NULL);
         CREATE TABLE dossiers (id INTEGER PRIMARY KEY, depose_at TEXT NOT NULL);",
    )
    .execute(&mut connection)
    .await?;
    insert(
        &mut connection,
        "INSERT INTO users (created_at) SELECT value FROM json_each(?)",
        story.user_hours(),
    )
    .await?;
    insert(
        &mut connection,
        "INSERT INTO dossiers (depose_at) SELECT value FROM json_each(?)",
        story.dossier_hours(),
    )
    .await?;
    sqlx::raw_sql(
        "CREATE INDEX users_created_at ON users (created_at);
         CREATE INDEX dossiers_depose_at ON dossiers (depose_at);",
    )
    .execute(&mut connection)
    .await?;
    if with_tickets {
        tables::write(&mut connection, story).await?;
    }
    connection.close().await
}

async fn insert(
    connection: &mut SqliteConnection,
    statement: &'static str,
    hours: impl Iterator<Item = (Timestamp, impl Iterator<Item = u64>)>,
) -> Result<(), sqlx::Error> {
    let mut batch = Batch::default();
    for (start, seconds) in hours {
        batch.push_hour(start, seconds);
        if batch.rows >= BATCH_ROWS {
            batch = batch.insert(connection, statement).await?;
        }
    }
    batch.insert(connection, statement).await?;
    Ok(())
}

/// Instants on their way to SQLite, as the inside of a JSON array.
#[derive(Default)]
struct Batch {
    json: String,
    rows: usize,
}

impl Batch {
    fn push_hour(&mut self, start: Timestamp, seconds: impl Iterator<Item = u64>) {
        let hour = Offset::UTC.to_datetime(start);
        for second in seconds {
            let separator = if self.rows == 0 { "" } else { "," };
            // Writing to a string cannot fail.
            let _ = write!(
                self.json,
                "{separator}\"{} {:02}:{:02}:{:02}\"",
                hour.date(),
                hour.hour(),
                second / 60,
                second % 60
            );
            self.rows += 1;
        }
    }

    /// Inserts all rows and gives back an empty batch.
    async fn insert(
        self,
        connection: &mut SqliteConnection,
        statement: &'static str,
    ) -> Result<Self, sqlx::Error> {
        sqlx::query(statement)
            .bind(format!("[{}]", self.json))
            .execute(connection)
            .await?;
        Ok(Self::default())
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::{
        super::story::{DEFAULT_SEED, Scenario},
        *,
    };

    fn text(instant: Timestamp) -> String {
        instant.strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    async fn count(
        connection: &mut SqliteConnection,
        query: &'static str,
        bounds: &[Timestamp],
    ) -> u64 {
        let mut query = sqlx::query_scalar::<_, i64>(query);
        for bound in bounds {
            query = query.bind(text(*bound));
        }
        u64::try_from(query.fetch_one(connection).await.unwrap()).unwrap()
    }

    #[tokio::test]
    async fn sql_counts_what_the_story_counts() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("demo.sqlite");
        let anchor = "2026-03-29T13:00:00Z".parse().unwrap();
        let story = Story::new(Scenario::Growth, DEFAULT_SEED, anchor);
        create(&path, &story).await.unwrap();

        let options = SqliteConnectOptions::new().filename(&path).read_only(true);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        let day = SignedDuration::from_hours(24);
        let odd = SignedDuration::from_secs(37 * 60 + 11);
        for end in [
            story.launch(),
            story.launch() + day,
            anchor - day * 400 + odd,
            anchor,
            anchor + odd,
            story.horizon() - odd,
            story.horizon() + day,
        ] {
            let users = count(
                &mut connection,
                "SELECT count(*) FROM users WHERE created_at < ?",
                &[end],
            )
            .await;
            assert_eq!(users, story.users(end), "{end}");
            for days in [1, 7, 28, 366] {
                let start = end - day * days;
                let dossiers = count(
                    &mut connection,
                    "SELECT count(*) FROM dossiers WHERE depose_at >= ? AND depose_at < ?",
                    &[start, end],
                )
                .await;
                assert_eq!(dossiers, story.dossiers(start, end), "{start} {end}");
            }
        }
        assert!(story.users(anchor) > 50_000);
        connection.close().await.unwrap();

        let error = create(&path, &story).await.unwrap_err();
        assert!(error.to_string().contains("demo.sqlite"), "{error}");
    }
}
