//! Files that a driver opens by itself: a database, certificates. A pipe among them would be waited for
//! for ever, and so would a file system that does not answer.

use std::{fs, io, os::unix::fs::FileTypeExt as _, path::PathBuf};

use tokio::task::{JoinHandle, spawn_blocking};

use super::SqlError;

/// What is at some paths.
pub(super) struct Files {
    paths: Vec<PathBuf>,
    /// A look that the file system has not answered yet: it is not asked again meanwhile.
    looking: Option<JoinHandle<io::Result<Option<&'static str>>>>,
}

impl Files {
    pub(super) fn new(paths: Vec<PathBuf>) -> Self {
        Self {
            paths,
            looking: None,
        }
    }

    /// Fails for what cannot be read to its end. A file that is not there is for the driver to tell.
    ///
    /// Whoever stops waiting leaves the look to the next.
    pub(super) async fn look(&mut self) -> Result<(), SqlError> {
        if self.paths.is_empty() {
            return Ok(());
        }
        let paths = &self.paths;
        let looking = self.looking.get_or_insert_with(|| {
            let paths = paths.clone();
            spawn_blocking(move || first_odd(&paths))
        });
        let found = looking.await;
        self.looking = None;
        match found {
            Ok(Ok(None)) => Ok(()),
            Ok(Ok(Some(kind))) => Err(SqlError::NoFile(kind)),
            Ok(Err(error)) => Err(SqlError::Unreachable(Box::new(error))),
            Err(error) => Err(SqlError::Unreachable(Box::new(error))),
        }
    }
}

/// What the first of the paths is that leads to neither a file nor a folder.
fn first_odd(paths: &[PathBuf]) -> io::Result<Option<&'static str>> {
    for path in paths {
        match fs::metadata(path) {
            Ok(metadata) => {
                let odd = unreadable(metadata.file_type());
                if odd.is_some() {
                    return Ok(odd);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

fn unreadable(kind: fs::FileType) -> Option<&'static str> {
    if kind.is_fifo() {
        Some("a pipe")
    } else if kind.is_socket() {
        Some("a socket")
    } else if kind.is_block_device() || kind.is_char_device() {
        Some("a device")
    } else {
        None
    }
}
