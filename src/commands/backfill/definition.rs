//! Of what a cache is: answers to other questions must not be taken for answers to these.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::cache::CacheError;
use crate::config::Config;

/// The file of a cache that says it.
pub const FILE: &str = "definition.json";

/// The form of the cache's lines.
const VERSION: u32 = 1;

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Definition {
    version: u32,
    /// [`Config::definition_hash`].
    counted: u64,
    /// The Help Scout app, so that two accounts with one definition are kept apart.
    app_id: String,
}

impl Definition {
    fn new(config: &Config) -> Self {
        Self {
            version: VERSION,
            counted: config.definition_hash(),
            app_id: config.helpscout.app_id.clone(),
        }
    }
}

/// Whether there is a cache in `folder` and it answers what `config` asks; an error when it is one of
/// something else.
pub fn fits(folder: &Path, config: &Config) -> Result<bool, CacheError> {
    let path = folder.join(FILE);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(source) => return Err(CacheError::Io { path, source }),
    };
    let foreign = |what| CacheError::Foreign {
        folder: folder.to_owned(),
        what,
    };
    let found: Definition =
        serde_json::from_slice(&text).map_err(|_| foreign("by another version of this program"))?;
    let wanted = Definition::new(config);
    if found.version != wanted.version {
        Err(foreign("by another version of this program"))
    } else if found.counted != wanted.counted {
        Err(foreign(
            "under another definition (windows, segments, populations, queries or counts_from)",
        ))
    } else if found.app_id != wanted.app_id {
        Err(foreign("with another Help Scout app"))
    } else {
        Ok(true)
    }
}

/// Writes down what a new cache is of.
pub fn write(folder: &Path, config: &Config) -> Result<(), CacheError> {
    let path = folder.join(FILE);
    let write = || {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut file, &Definition::new(config))?;
        file.flush()?;
        file.persist(&path)?;
        Ok(())
    };
    write().map_err(|source| CacheError::Io {
        path: path.clone(),
        source,
    })
}
