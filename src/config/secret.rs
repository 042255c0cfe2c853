//! Values that must not be shown, and their files, which may be replaced at any time.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tracing::{info, warn};

use super::file::{FileError, Stamp, read_text};

/// Largest secret file that is read: 64 KiB.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// How long a look at a secret's file may take before the last content is used.
const PATIENCE: Duration = Duration::from_secs(2);

/// A password, token or address with credentials. `Debug` shows nothing of it and there is no
/// `Display` and no `Serialize`: reading it is always the explicit [`Secret::expose`].
///
/// One that stood in a file knows the file. Secrets rotate: whoever holds one asks for the
/// [`latest`](Self::latest) before a login, and [`reread`](Self::reread)s it after a refused one.
#[derive(Clone)]
pub struct Secret {
    value: Arc<str>,
    origin: Option<Arc<Origin>>,
}

/// The file that a secret stood in, as it was.
struct Origin {
    path: PathBuf,
    stamp: Stamp,
    /// What makes the secret of the file's content, as `Bearer …` of a token.
    change: Option<fn(&str) -> String>,
    watch: Arc<Watch>,
}

/// What all that was ever read from one file shares.
struct Watch {
    /// The key that names the file, as `databases.app.url_file`.
    key: String,
    /// Somebody is looking at the file. On a hung mount that may be for good, and one who waits is
    /// enough.
    busy: AtomicBool,
    /// The log has said that it cannot be read.
    told: AtomicBool,
}

/// Why a secret cannot be used. Each text completes "cannot read the file …: "; none shows the
/// secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read, or is no text.
    #[error(transparent)]
    File(#[from] FileError),
    /// Nothing in it but white space.
    #[error("it is empty")]
    Empty,
    /// A secret has one line. White space around it is cut off before.
    #[error("it has several lines, and a secret has one")]
    SeveralLines,
    /// A character that nobody sees or types, most likely there by accident.
    #[error("it holds the invisible character U+{:04X}", u32::from(*.0))]
    Invisible(char),
}

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self {
            value: value.into().into(),
            origin: None,
        }
    }

    /// A value of the config file: white space around it is cut off, what is odd is refused.
    pub fn given(value: &str) -> Result<Self, SecretError> {
        cleaned(value).map(Self::new)
    }

    /// Reads a regular UTF-8 file of one line and at most 64 KiB. White space around the line and
    /// a byte order mark are cut off. Blocks. `key` is what names the file in the config, for the
    /// log.
    pub fn from_file(path: &Path, key: &str) -> Result<Self, SecretError> {
        Self::read(path, None, Arc::new(Watch::new(key)))
    }

    fn read(
        path: &Path,
        change: Option<fn(&str) -> String>,
        watch: Arc<Watch>,
    ) -> Result<Self, SecretError> {
        let (text, stamp) = read_text(path, MAX_SECRET_BYTES)?;
        let value = cleaned(&text)?;
        Ok(Self {
            value: change
                .map_or_else(|| value.to_owned(), |change| change(value))
                .into(),
            origin: Some(Arc::new(Origin {
                path: path.to_owned(),
                stamp,
                change,
                watch,
            })),
        })
    }

    /// The value, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.value
    }

    /// Another secret made of this one, as `Bearer …` of a token, and made anew whenever the file
    /// is read again.
    #[must_use]
    pub fn map(&self, change: fn(&str) -> String) -> Self {
        Self {
            value: change(&self.value).into(),
            origin: self.origin.as_deref().map(|origin| {
                Arc::new(Origin {
                    path: origin.path.clone(),
                    stamp: origin.stamp,
                    change: Some(change),
                    watch: Arc::new(Watch::new(&origin.watch.key)),
                })
            }),
        }
    }

    /// The file that it was read from; `None` when it stood in the config file.
    pub fn file(&self) -> Option<&Path> {
        self.origin.as_ref().map(|origin| origin.path.as_path())
    }

    /// The secret as it is now: this one, or what its file holds since it was replaced, written or
    /// linked elsewhere. While the file cannot be read this one stays in use, and the log says so.
    ///
    /// Takes two seconds at most, and no worker of the runtime waits for the file system.
    pub async fn latest(&self) -> Self {
        self.look(false).await.unwrap_or_else(|| self.clone())
    }

    /// After a login with this secret was refused: what its file holds now, if that is another
    /// secret, with which a login is worth one more try. Bounded like [`latest`](Self::latest).
    pub async fn reread(&self) -> Option<Self> {
        self.look(true).await.filter(|latest| latest != self)
    }

    async fn look(&self, in_any_case: bool) -> Option<Self> {
        let origin = Arc::clone(self.origin.as_ref()?);
        if origin.watch.busy.swap(true, Ordering::AcqRel) {
            return None;
        }
        let looked = tokio::task::spawn_blocking(move || {
            let found = origin.look(in_any_case);
            origin.watch.busy.store(false, Ordering::Release);
            found
        });
        match tokio::time::timeout(PATIENCE, looked).await {
            Ok(found) => found.ok().flatten(),
            Err(_elapsed) => {
                if let Some(origin) = &self.origin {
                    origin.watch.tell(&"the file system does not answer");
                }
                None
            }
        }
    }
}

impl Origin {
    /// What the file holds, if it is worth reading and can be read. Blocks.
    fn look(&self, in_any_case: bool) -> Option<Secret> {
        let unchanged = || Stamp::at(&self.path).is_ok_and(|stamp| stamp == self.stamp);
        if !in_any_case && unchanged() {
            return None;
        }
        match Secret::read(&self.path, self.change, Arc::clone(&self.watch)) {
            Ok(secret) => {
                if self.watch.told.swap(false, Ordering::Relaxed) {
                    info!(
                        key = self.watch.key,
                        "the file of a secret can be read again"
                    );
                }
                Some(secret)
            }
            Err(error) => {
                self.watch.tell(&error);
                None
            }
        }
    }
}

impl Watch {
    fn new(key: &str) -> Self {
        Self {
            key: key.to_owned(),
            busy: AtomicBool::new(false),
            told: AtomicBool::new(false),
        }
    }

    /// Once, until the file can be read again. Without its name: that may come from the
    /// environment.
    fn tell(&self, error: &dyn fmt::Display) {
        if !self.told.swap(true, Ordering::Relaxed) {
            warn!(
                key = self.key,
                error = %error,
                "the file of a secret cannot be read, its last content stays in use"
            );
        }
    }
}

fn cleaned(text: &str) -> Result<&str, SecretError> {
    let value = text.trim_start_matches('\u{feff}').trim();
    if value.is_empty() {
        return Err(SecretError::Empty);
    }
    if value.contains(['\n', '\r']) {
        return Err(SecretError::SeveralLines);
    }
    let is_invisible = |c: char| {
        c.is_control()
            || matches!(c, '\u{feff}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2064}')
    };
    match value.chars().find(|c| is_invisible(*c)) {
        Some(invisible) => Err(SecretError::Invisible(invisible)),
        None => Ok(value),
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

    #[tokio::test]
    async fn a_file_that_changes_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "\u{feff}hunter2\r\n").unwrap();
        let secret = Secret::from_file(&path, "key").unwrap();
        assert_eq!(secret.expose(), "hunter2");
        assert_eq!(secret.latest().await, secret);
        assert!(secret.reread().await.is_none());
        let bearer = secret.map(|token| format!("Bearer {token}"));

        // As Kubernetes does: another file takes the name.
        let next = folder.path().join("next");
        std::fs::write(&next, "hunter3").unwrap();
        std::fs::rename(&next, &path).unwrap();
        assert_eq!(secret.latest().await.expose(), "hunter3");
        assert_eq!(secret.reread().await.unwrap().expose(), "hunter3");
        assert_eq!(bearer.latest().await.expose(), "Bearer hunter3");
        assert_eq!(
            bearer.latest().await.latest().await.expose(),
            "Bearer hunter3"
        );

        // While it is gone or odd, the last content stays.
        let third = secret.latest().await;
        for odd in ["", "two\nlines"] {
            std::fs::write(&path, odd).unwrap();
            assert_eq!(third.latest().await, third);
        }
        std::fs::remove_file(&path).unwrap();
        assert_eq!(third.latest().await, third);
        assert!(third.reread().await.is_none());
        std::fs::write(&path, "hunter4").unwrap();
        assert_eq!(third.latest().await.expose(), "hunter4");
        // What stood in the config file stays as it is.
        let given = Secret::new("x");
        assert_eq!(given.latest().await, given);
        assert!(given.reread().await.is_none());
    }

    /// Links within a link, as Kubernetes mounts secrets: `secret → ..data/secret`, `..data → one`.
    #[tokio::test]
    async fn a_link_that_leads_elsewhere_is_followed() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for (name, value) in [("one", "hunter2"), ("two", "hunter3")] {
            std::fs::create_dir(at(name)).unwrap();
            std::fs::write(at(name).join("secret"), value).unwrap();
        }
        symlink("one", at("..data")).unwrap();
        symlink("..data/secret", at("secret")).unwrap();
        let secret = Secret::from_file(&at("secret"), "key").unwrap();
        symlink("two", at("..data_tmp")).unwrap();
        std::fs::rename(at("..data_tmp"), at("..data")).unwrap();
        assert_eq!(secret.latest().await.expose(), "hunter3");
    }

    #[test]
    fn what_is_odd_is_refused() {
        for (text, said) in [
            ("", "is empty"),
            (" \n\u{feff}", "invisible"),
            ("a\nb", "several lines"),
            ("a\rb", "several lines"),
            ("hun\0ter2", "U+0000"),
            ("hun\u{200b}ter2", "U+200B"),
            ("hun\tter2", "U+0009"),
        ] {
            let message = Secret::given(text).unwrap_err().to_string();
            assert!(message.contains(said), "{text:?}: {message}");
            assert!(!message.contains("ter2"), "{message}");
        }
        assert_eq!(
            Secret::given(" pass phrase é \n").unwrap().expose(),
            "pass phrase é"
        );
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(…)");
    }
}
