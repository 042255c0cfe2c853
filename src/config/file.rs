//! Files that the configuration is made of.

use std::{
    fs::{File, Metadata},
    io::{self, Read as _},
    os::unix::fs::{FileTypeExt as _, MetadataExt as _},
    path::Path,
};

/// Why a file cannot be used. Each text completes "cannot read the file …: "; none shows its name
/// or its content.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error(transparent)]
    Read(io::Error),
    /// A folder, a pipe, a socket or a device: reading it may wait for ever.
    #[error("it is {0}, and only regular files are read")]
    NotRegular(&'static str),
    /// It is larger than anything that belongs there.
    #[error("it is larger than {0} bytes")]
    TooLarge(u64),
    /// It begins with the byte order mark of UTF-16.
    #[error("it is UTF-16; save it as UTF-8")]
    Utf16,
    /// Its bytes are no text.
    #[error("it is not UTF-8: the bytes in line {line} from column {column} on are no character")]
    NotUtf8 {
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
    },
}

/// What shows that a file is another one, or has another content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// The stamp of what the path leads to now, links followed. Blocks.
    pub fn at(path: &Path) -> io::Result<Self> {
        std::fs::metadata(path).map(|metadata| Self::of(&metadata))
    }
}

/// Reads a regular file of at most `limit` bytes as text, without a byte order mark.
///
/// Blocks, and on a hung mount for good: call it where nobody else waits.
pub fn read_text(path: &Path, limit: u64) -> Result<(String, Stamp), FileError> {
    // Asked before it is opened, since opening a pipe waits for whoever writes to it, and once
    // more afterwards: another file may have taken the name meanwhile.
    regular(&std::fs::metadata(path).map_err(FileError::Read)?)?;
    let file = File::open(path).map_err(FileError::Read)?;
    let metadata = file.metadata().map_err(FileError::Read)?;
    regular(&metadata)?;
    let mut bytes = Vec::new();
    // The size that the system tells may be 0, as of what is in /proc: what comes is counted.
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(FileError::Read)?;
    if bytes.len() as u64 > limit {
        return Err(FileError::TooLarge(limit));
    }
    Ok((text(bytes)?, Stamp::of(&metadata)))
}

fn regular(metadata: &Metadata) -> Result<(), FileError> {
    let kind = metadata.file_type();
    if kind.is_file() {
        return Ok(());
    }
    Err(FileError::NotRegular(if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }))
}

fn text(bytes: Vec<u8>) -> Result<String, FileError> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(FileError::Utf16);
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(error.as_bytes().get(..good).unwrap_or_default());
        let line = before.rsplit('\n').next().unwrap_or_default();
        FileError::NotUtf8 {
            line: before.matches('\n').count() + 1,
            column: line.chars().count() + 1,
        }
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_up_to_a_size_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "twelve bytes").unwrap();
        assert_eq!(read_text(&path, 12).unwrap().0, "twelve bytes");
        assert!(matches!(read_text(&path, 11), Err(FileError::TooLarge(11))));
        let refusal = |path: &Path| read_text(path, 12).unwrap_err().to_string();
        assert!(refusal(folder.path()).contains("a folder"));
        assert!(refusal(Path::new("/dev/zero")).contains("a device"));
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert!(refusal(&socket).contains("a socket"));
        // A file without a size of its own.
        assert!(matches!(
            read_text(Path::new("/proc/self/maps"), 12),
            Err(FileError::TooLarge(12))
        ));
    }

    #[test]
    fn a_byte_order_mark_is_no_text() {
        let read = |bytes: &[u8]| text(bytes.to_vec());
        assert_eq!(read(b"\xef\xbb\xbfa").unwrap(), "a");
        assert_eq!(read(b"a").unwrap(), "a");
        for utf16 in [b"\xff\xfea\0", b"\xfe\xff\0a"] {
            assert!(matches!(read(utf16), Err(FileError::Utf16)));
        }
        assert!(matches!(
            read("é\nüab\u{e9}".as_bytes().split_last().unwrap().1),
            Err(FileError::NotUtf8 { line: 2, column: 4 })
        ));
    }
}
