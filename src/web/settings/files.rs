//! The files of the web config, and whether they have changed.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Largest file that is read: a config, a chain of certificates or a key.
const MAX_BYTES: u64 = 1024 * 1024;

/// Reads files and remembers which.
pub struct Files {
    folder: PathBuf,
    seen: Vec<(PathBuf, Stamp)>,
}

impl Files {
    /// Relative paths count from `folder`.
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            seen: Vec::new(),
        }
    }

    /// Where a file is.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.folder.join(path)
    }

    /// The content of a regular file of sensible size.
    pub fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        let path = self.path(path);
        // Before the content: a change in between is then seen as one.
        self.seen.push((path.clone(), Stamp::of(&path)));
        let metadata = fs::metadata(&path)?;
        // A pipe would keep whoever reads it waiting.
        if !metadata.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        let mut content = Vec::new();
        File::open(&path)?
            .take(MAX_BYTES + 1)
            .read_to_end(&mut content)?;
        if content.len() as u64 > MAX_BYTES {
            return Err(io::Error::other(format!(
                "it is larger than {MAX_BYTES} bytes"
            )));
        }
        Ok(content)
    }

    /// What has been read.
    pub fn into_fingerprint(self) -> Fingerprint {
        Fingerprint(self.seen)
    }
}

/// Files and how they stood at one instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint(Vec<(PathBuf, Stamp)>);

impl Fingerprint {
    /// The same files as they stand now. Blocks.
    pub fn now(&self) -> Self {
        let now = |path: &PathBuf| (path.clone(), Stamp::of(path));
        Self(self.0.iter().map(|(path, _)| now(path)).collect())
    }

    /// These files and those of `other` that are not among them.
    pub fn and(mut self, other: &Self) -> Self {
        for (path, stamp) in &other.0 {
            if !self.0.iter().any(|(known, _)| known == path) {
                self.0.push((path.clone(), stamp.clone()));
            }
        }
        self
    }
}

/// What changes with every write, replacement or move of a file, and of the links that lead to it.
/// The time of the last change of the inode (ctime) cannot be set back, unlike that of its content.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stamp {
    Missing,
    There {
        device: u64,
        inode: u64,
        size: u64,
        changed: (i64, i64),
        modified: Option<SystemTime>,
    },
}

impl Stamp {
    fn of(path: &Path) -> Self {
        fs::metadata(path).map_or(Self::Missing, |metadata| Self::There {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            modified: metadata.modified().ok(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn every_kind_of_change_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("one"), "1").unwrap();
        fs::write(path("other"), "2").unwrap();
        symlink("one", path("link")).unwrap();
        let mut files = Files::new(folder.path());
        assert_eq!(files.read(Path::new("link")).unwrap(), b"1");
        assert!(files.read(Path::new("absent")).is_err());
        let before = files.into_fingerprint();
        assert_eq!(before.now(), before);

        // As Kubernetes replaces a secret: the link leads elsewhere.
        symlink("other", path("new")).unwrap();
        fs::rename(path("new"), path("link")).unwrap();
        let after = before.now();
        assert_ne!(after, before);
        fs::write(path("absent"), "").unwrap();
        assert_ne!(after.now(), after);
        let after = after.now();
        fs::remove_file(path("link")).unwrap();
        assert_ne!(after.now(), after);
    }

    #[test]
    fn only_regular_files_of_sensible_size_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = Files::new(folder.path());
        let error = files.read(Path::new(".")).unwrap_err();
        assert!(error.to_string().contains("regular"), "{error}");
        let large = File::create(folder.path().join("large")).unwrap();
        large.set_len(1 << 30).unwrap();
        let error = files.read(Path::new("large")).unwrap_err();
        assert!(error.to_string().contains("larger"), "{error}");
    }
}
