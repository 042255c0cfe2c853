//! What can be wrong with a cache.

use std::path::{Path, PathBuf};

/// The cache cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// Its folder cannot be made.
    #[error("cannot make the folder {} for the cache", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It cannot be read or written.
    #[error("cannot use the cache {}; all answers that it has are kept", path.display())]
    Database {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// Another run has it.
    #[error("the cache {} is in use by another run", .0.display())]
    InUse(PathBuf),
    /// There is no room for it.
    #[error(
        "the disk of the cache {} is full; all answers so far are kept: make room and run it again to go on",
        .0.display()
    )]
    Full(PathBuf),
    /// Its answers are to other questions, or from other places.
    #[error(
        "the cache {} was made under another definition: {difference}. Its answers do not fit: give \
         another --cache-dir, or remove it to read everything again", path.display()
    )]
    Foreign {
        /// Which.
        path: PathBuf,
        /// By what it differs.
        difference: String,
    },
    /// It is not what this version writes.
    #[error(
        "{} is no cache that this version of the program can read: give another --cache-dir, or remove it \
         to read everything again", .0.display()
    )]
    Unknown(PathBuf),
}

impl CacheError {
    /// What SQLite's result codes mean here. Source: SQLite documentation, "Result and Error Codes":
    /// the low byte is the primary code.
    pub(super) fn of(path: &Path, source: sqlx::Error) -> Self {
        let path = path.to_owned();
        let code = source
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code);
        let code: i32 = code.and_then(|code| code.parse().ok()).unwrap_or(0);
        match code & 0xff {
            5 | 6 => Self::InUse(path),
            13 => Self::Full(path),
            26 => Self::Unknown(path),
            _ => Self::Database { path, source },
        }
    }
}
