//! Values that must not be shown.

use std::{
    fmt,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

/// Largest secret file that is read.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// A password, token or address with credentials. `Debug` shows nothing of it and there is no
/// `Display` and no `Serialize`: reading it is always the explicit [`Secret::expose`].
///
/// One that stood in a file knows the file, so that it can be read again when it has changed:
/// secrets rotate.
#[derive(Clone)]
pub struct Secret {
    value: String,
    origin: Option<Arc<Origin>>,
}

/// The file that a secret stood in, as it was.
struct Origin {
    path: PathBuf,
    state: FileState,
}

/// What shows that a file is another, or has another content.
#[derive(Clone, Copy, PartialEq, Eq)]
struct FileState {
    modified: Option<SystemTime>,
    length: u64,
}

/// Why a secret could not be read from its file. Shows the file's name, never its content.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// It cannot be read.
    #[error("cannot read the file {path}: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A folder, a device, a pipe.
    #[error("{path} is not a regular file")]
    NotAFile {
        /// Which one.
        path: PathBuf,
    },
    /// More than a secret can be.
    #[error("the file {path} is larger than {MAX_SECRET_BYTES} bytes: not a secret")]
    TooLarge {
        /// Which file.
        path: PathBuf,
    },
    /// Nothing in it but white space.
    #[error("the file {path} is empty")]
    Empty {
        /// Which file.
        path: PathBuf,
    },
}

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            origin: None,
        }
    }

    /// Reads the regular file at `path`, of at most 64 KiB; white space around the content, and a
    /// byte order mark before it, are cut off. Blocks.
    pub fn from_file(path: &Path) -> Result<Self, SecretError> {
        let read = |source| SecretError::Read {
            path: path.to_owned(),
            source,
        };
        // Asked before it is opened: to open a pipe waits for a writer.
        let metadata = std::fs::metadata(path).map_err(read)?;
        if !metadata.is_file() {
            return Err(SecretError::NotAFile {
                path: path.to_owned(),
            });
        }
        let state = FileState {
            modified: metadata.modified().ok(),
            length: metadata.len(),
        };
        let mut content = String::new();
        File::open(path)
            .map_err(read)?
            .take(MAX_SECRET_BYTES + 1)
            .read_to_string(&mut content)
            .map_err(read)?;
        if content.len() as u64 > MAX_SECRET_BYTES {
            return Err(SecretError::TooLarge {
                path: path.to_owned(),
            });
        }
        let value = content.trim_start_matches('\u{feff}').trim();
        if value.is_empty() {
            return Err(SecretError::Empty {
                path: path.to_owned(),
            });
        }
        Ok(Self {
            value: value.to_owned(),
            origin: Some(Arc::new(Origin {
                path: path.to_owned(),
                state,
            })),
        })
    }

    /// The value, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.value
    }

    /// The file that it was read from; `None` when it stood in the config file.
    pub fn file(&self) -> Option<&Path> {
        self.origin.as_ref().map(|origin| origin.path.as_path())
    }

    /// Whether its file is another than when it was read: replaced, written or gone. Blocks.
    pub fn has_changed(&self) -> bool {
        self.origin.as_ref().is_some_and(|origin| {
            std::fs::metadata(&origin.path).map_or(true, |metadata| {
                let state = FileState {
                    modified: metadata.modified().ok(),
                    length: metadata.len(),
                };
                state != origin.state
            })
        })
    }

    /// Reads its file again; `None` when it stood in the config file. Blocks.
    pub fn reread(&self) -> Option<Result<Self, SecretError>> {
        self.file().map(Self::from_file)
    }
}

impl PartialEq for Secret {
    /// Whether the values are the same, wherever they stood.
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changes_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "\u{feff}hunter2\r\n").unwrap();
        let secret = Secret::from_file(&path).unwrap();
        assert_eq!(secret.expose(), "hunter2");
        assert!(!secret.has_changed());
        // As Kubernetes does: another file takes the name.
        let next = folder.path().join("next");
        std::fs::write(&next, "hunter22").unwrap();
        std::fs::rename(&next, &path).unwrap();
        assert!(secret.has_changed());
        let again = secret.reread().unwrap().unwrap();
        assert_eq!(again.expose(), "hunter22");
        assert!(!again.has_changed() && again != secret);
        std::fs::remove_file(&path).unwrap();
        assert!(again.has_changed());
        assert!(matches!(again.reread(), Some(Err(SecretError::Read { .. }))));
        assert!(Secret::new("x").reread().is_none() && !Secret::new("x").has_changed());
    }

    #[test]
    fn only_a_file_of_reasonable_size_is_a_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, " \n").unwrap();
        assert!(matches!(Secret::from_file(&path), Err(SecretError::Empty { .. })));
        std::fs::write(&path, vec![b'x'; 64 * 1024 + 1]).unwrap();
        assert!(matches!(Secret::from_file(&path), Err(SecretError::TooLarge { .. })));
        assert!(matches!(Secret::from_file(folder.path()), Err(SecretError::NotAFile { .. })));
        assert!(matches!(Secret::from_file(Path::new("/dev/zero")), Err(SecretError::NotAFile { .. })));
    }
}
