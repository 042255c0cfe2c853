//! The file of a cache: an SQLite database with the definition, the answers and, while a run goes on,
//! its samples.
//!
//! It is in WAL mode, so that a transaction that has ended outlasts a kill at any moment and costs no
//! wait for the disk. The lock is held from the first look to the end, so that SQLite itself refuses
//! a second run, and no memory is shared: a network file system does as well.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{
    ConnectOptions as _, Connection as _, Row as _, SqliteConnection,
    sqlite::{
        SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode,
        SqliteSynchronous,
    },
};

use super::{
    definition::{Entry, difference},
    error::CacheError,
};

/// Says, in the file's header, whose it is.
const APPLICATION: i32 = 0x0c0a_7ac7;

/// The form of the tables.
const VERSION: i32 = 1;

const TABLES: [&str; 3] = [
    "CREATE TABLE definition (
        name TEXT PRIMARY KEY, shown TEXT NOT NULL, digest TEXT NOT NULL
    ) STRICT, WITHOUT ROWID",
    // Instants are Unix seconds, values JSON. By the end, as they are looked for.
    "CREATE TABLE answer (
        ended INTEGER NOT NULL, began INTEGER NOT NULL,
        kind TEXT NOT NULL, subject TEXT NOT NULL, value TEXT NOT NULL,
        PRIMARY KEY (ended, began, kind, subject)
    ) STRICT, WITHOUT ROWID",
    // A piece has samples of one series, from this step on.
    "CREATE TABLE sample (
        series INTEGER NOT NULL, step INTEGER NOT NULL, piece BLOB NOT NULL,
        PRIMARY KEY (series, step)
    ) STRICT",
];

/// An answer as it is kept: names instead of indices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// When its interval ended, in Unix seconds.
    pub ended: i64,
    /// When its interval began.
    pub began: i64,
    /// What was counted.
    pub kind: String,
    /// Of which segment or population.
    pub subject: String,
    /// JSON.
    pub value: String,
}

/// Samples of one series, in the order of their steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The number of the series.
    pub series: u32,
    /// The first step.
    pub step: u32,
    /// The samples, as `samples` writes them.
    pub bytes: Vec<u8>,
}

/// The file, open and locked.
pub struct CacheFile {
    path: PathBuf,
    connection: SqliteConnection,
}

impl CacheFile {
    /// Opens the file, or makes it, for the answers that `definition` tells of.
    pub async fn open(path: &Path, definition: &[Entry]) -> Result<Self, CacheError> {
        let mut file = Self::connect(path, true).await?;
        match file.fits(definition).await {
            Ok(true) => Ok(file),
            Ok(false) => {
                file.make(definition).await?;
                Ok(file)
            }
            Err(error) => {
                file.close().await;
                Err(error)
            }
        }
    }

    /// Opens the file, if there is one that has something; else one in memory that has nothing.
    pub async fn look(path: &Path, definition: &[Entry]) -> Result<Self, CacheError> {
        if path.exists() {
            let mut file = Self::connect(path, false).await?;
            match file.fits(definition).await {
                Ok(true) => return Ok(file),
                Ok(false) => file.close().await,
                Err(error) => {
                    file.close().await;
                    return Err(error);
                }
            }
        }
        let connection = SqliteConnectOptions::new().in_memory(true).connect().await;
        let connection = connection.map_err(|error| CacheError::of(path, error))?;
        let mut file = Self {
            path: path.to_owned(),
            connection,
        };
        file.make(definition).await?;
        Ok(file)
    }

    async fn connect(path: &Path, create: bool) -> Result<Self, CacheError> {
        if path.is_dir() {
            return Err(CacheError::Unknown(path.to_owned()));
        }
        let connection = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(create)
            .locking_mode(SqliteLockingMode::Exclusive)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .auto_vacuum(SqliteAutoVacuum::Incremental)
            .busy_timeout(Duration::ZERO)
            .disable_statement_logging()
            .connect()
            .await;
        Ok(Self {
            path: path.to_owned(),
            connection: connection.map_err(|error| CacheError::of(path, error))?,
        })
    }

    /// Whether there is something in it, and it is of `definition`; an error when it is of another.
    async fn fits(&mut self, definition: &[Entry]) -> Result<bool, CacheError> {
        let found = self.found().await;
        let found = found.map_err(|error| CacheError::of(&self.path, error))?;
        let Some((application, version, entries)) = found else {
            return Ok(false);
        };
        if (application, version) != (APPLICATION, VERSION) {
            return Err(CacheError::Unknown(self.path.clone()));
        }
        match difference(&entries, definition) {
            None => Ok(true),
            Some(difference) => Err(CacheError::Foreign {
                path: self.path.clone(),
                difference,
            }),
        }
    }

    async fn found(&mut self) -> Result<Option<(i32, i32, Vec<Entry>)>, sqlx::Error> {
        let connection = &mut self.connection;
        let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema")
            .fetch_one(&mut *connection)
            .await?;
        if tables == 0 {
            return Ok(None);
        }
        let application: i32 = sqlx::query_scalar("PRAGMA application_id")
            .fetch_one(&mut *connection)
            .await?;
        let version: i32 = sqlx::query_scalar("PRAGMA user_version")
            .fetch_one(&mut *connection)
            .await?;
        if (application, version) != (APPLICATION, VERSION) {
            return Ok(Some((application, version, Vec::new())));
        }
        let rows = sqlx::query("SELECT name, shown, digest FROM definition ORDER BY name")
            .fetch_all(connection)
            .await?;
        let entries = rows.iter().map(|row| {
            Ok(Entry {
                name: row.try_get(0)?,
                shown: row.try_get(1)?,
                digest: row.try_get(2)?,
            })
        });
        let entries: Result<Vec<Entry>, sqlx::Error> = entries.collect();
        Ok(Some((application, version, entries?)))
    }

    /// Makes everything at once, so that a kill leaves all of it or nothing.
    async fn make(&mut self, definition: &[Entry]) -> Result<(), CacheError> {
        let made = async {
            let mut transaction = self.connection.begin().await?;
            for table in TABLES {
                sqlx::query(table).execute(&mut *transaction).await?;
            }
            for entry in definition {
                sqlx::query("INSERT INTO definition VALUES (?, ?, ?)")
                    .bind(&entry.name)
                    .bind(&entry.shown)
                    .bind(&entry.digest)
                    .execute(&mut *transaction)
                    .await?;
            }
            for (pragma, value) in [("application_id", APPLICATION), ("user_version", VERSION)] {
                let statement = format!("PRAGMA {pragma} = {value}");
                sqlx::query(sqlx::AssertSqlSafe(statement))
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await
        };
        let made = made.await;
        made.map_err(|error| CacheError::of(&self.path, error))
    }

    /// Keeps answers, all or none.
    pub async fn keep(&mut self, answers: &[Kept]) -> Result<(), CacheError> {
        let kept = async {
            let mut transaction = self.connection.begin().await?;
            for answer in answers {
                sqlx::query("INSERT OR REPLACE INTO answer VALUES (?, ?, ?, ?, ?)")
                    .bind(answer.ended)
                    .bind(answer.began)
                    .bind(&answer.kind)
                    .bind(&answer.subject)
                    .bind(&answer.value)
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await
        };
        let kept = kept.await;
        kept.map_err(|error| CacheError::of(&self.path, error))
    }

    /// The answers whose intervals ended in `[from, to)`.
    pub async fn answers(&mut self, from: i64, to: i64) -> Result<Vec<Kept>, CacheError> {
        let answers = async {
            let rows = sqlx::query(
                "SELECT ended, began, kind, subject, value FROM answer WHERE ended >= ? AND ended < ?",
            )
            .bind(from)
            .bind(to)
            .fetch_all(&mut self.connection)
            .await?;
            let answers = rows.iter().map(|row| {
                Ok(Kept {
                    ended: row.try_get(0)?,
                    began: row.try_get(1)?,
                    kind: row.try_get(2)?,
                    subject: row.try_get(3)?,
                    value: row.try_get(4)?,
                })
            });
            answers.collect()
        };
        let answers: Result<Vec<Kept>, sqlx::Error> = answers.await;
        answers.map_err(|error| CacheError::of(&self.path, error))
    }

    /// Forgets all samples, and gives their room back.
    pub async fn forget_samples(&mut self) -> Result<(), CacheError> {
        let forgotten = async {
            sqlx::query("DELETE FROM sample")
                .execute(&mut self.connection)
                .await?;
            sqlx::query("PRAGMA incremental_vacuum")
                .execute(&mut self.connection)
                .await
        };
        let forgotten = forgotten.await;
        forgotten.map_err(|error| CacheError::of(&self.path, error))?;
        Ok(())
    }

    /// Puts pieces aside.
    pub async fn put(&mut self, pieces: &[Piece]) -> Result<(), CacheError> {
        let put = async {
            let mut transaction = self.connection.begin().await?;
            for piece in pieces {
                sqlx::query("INSERT INTO sample VALUES (?, ?, ?)")
                    .bind(piece.series)
                    .bind(piece.step)
                    .bind(&piece.bytes)
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await
        };
        let put = put.await;
        put.map_err(|error| CacheError::of(&self.path, error))
    }

    /// The first piece of a series that begins at `step` or later.
    pub async fn piece(&mut self, series: u32, step: u32) -> Result<Option<Piece>, CacheError> {
        let piece = async {
            let row = sqlx::query(
                "SELECT step, piece FROM sample WHERE series = ? AND step >= ? ORDER BY step LIMIT 1",
            )
            .bind(series)
            .bind(step)
            .fetch_optional(&mut self.connection)
            .await?;
            let piece = row.map(|row| {
                Ok::<_, sqlx::Error>(Piece {
                    series,
                    step: row.try_get(0)?,
                    bytes: row.try_get(1)?,
                })
            });
            piece.transpose()
        };
        let piece: Result<Option<Piece>, sqlx::Error> = piece.await;
        piece.map_err(|error| CacheError::of(&self.path, error))
    }

    /// For tests that change what the file is made of.
    #[cfg(test)]
    pub const fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }

    /// Lets go of the file, and leaves it alone in its folder. What was kept is kept without this too.
    pub async fn close(self) {
        let _kept_anyway = self.connection.close().await;
    }
}
