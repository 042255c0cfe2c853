//! Where a command's result goes: a file that appears whole or not at all, or standard output.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, BufWriter, ErrorKind, Write},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

/// Permissions of a new file, less the umask.
const NEW_FILE: u32 = 0o666;

/// A file on its way. It is written aside, in the folder where it is to be, and takes its place when
/// it is [`finish`](Self::finish)ed, so that a reader never sees half of it; dropped before that it
/// leaves nothing behind. What is there but is no file (a pipe, a terminal) is written to as it is.
#[derive(Debug)]
pub struct Output {
    target: Target,
}

#[derive(Debug)]
enum Target {
    Aside {
        file: BufWriter<NamedTempFile>,
        path: PathBuf,
    },
    Special(BufWriter<File>),
}

impl Output {
    /// Begins what is to be at `path`. A link stays a link: what it leads to is replaced. A file that
    /// is there gives its permissions to the new one.
    pub fn begin(path: &Path) -> io::Result<Self> {
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let permissions = match fs::metadata(&path) {
            Ok(old) if old.is_dir() => return Err(ErrorKind::IsADirectory.into()),
            Ok(old) if !old.is_file() => {
                let special = OpenOptions::new().write(true).open(&path)?;
                let target = Target::Special(BufWriter::new(special));
                return Ok(Self { target });
            }
            Ok(old) => Some(old.permissions()),
            Err(_) => None,
        };
        let file = tempfile::Builder::new()
            .prefix(".contact-rate-")
            .permissions(Permissions::from_mode(NEW_FILE))
            .tempfile_in(folder_of(&path))?;
        if let Some(permissions) = permissions {
            file.as_file().set_permissions(permissions)?;
        }
        let file = BufWriter::new(file);
        Ok(Self {
            target: Target::Aside { file, path },
        })
    }

    /// Puts the file in its place. When this returns, neither a kill nor a power cut takes it away.
    pub fn finish(self) -> io::Result<()> {
        match self.target {
            Target::Special(mut special) => special.flush(),
            Target::Aside { file, path } => {
                let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
                file.as_file().sync_all()?;
                file.persist(&path).map_err(|error| error.error)?;
                File::open(folder_of(&path))?.sync_all()
            }
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.target {
            Target::Aside { file, .. } => file.write(bytes),
            Target::Special(special) => special.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.target {
            Target::Aside { file, .. } => file.flush(),
            Target::Special(special) => special.flush(),
        }
    }
}

/// Writes `text` to the file `output`, or without one to standard output, where a reader that has
/// gone is no failure.
pub fn write(text: &str, output: Option<&Path>) -> io::Result<()> {
    let Some(path) = output else {
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(text.as_bytes());
        return match written.and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            outcome => outcome,
        };
    };
    let mut output = Output::begin(path)?;
    output.write_all(text.as_bytes())?;
    output.finish()
}

/// The folder of a file that may be named without one.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_file_appears_whole_and_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.csv");
        write("first\n", Some(&path)).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "first\n");
        assert_ne!(mode(&path) & 0o400, 0);
        // What is there is replaced, with its permissions, through a link too.
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let link = folder.path().join("latest.csv");
        symlink(&path, &link).unwrap();
        write("second\n", Some(&link)).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "second\n");
        assert_eq!(mode(&path), 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_is_not_finished_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.om");
        write("old\n", Some(&path)).unwrap();
        let mut output = Output::begin(&path).unwrap();
        output.write_all(b"half").unwrap();
        output.flush().unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        drop(output);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old\n");
    }

    #[test]
    fn devices_are_written_to_and_folders_are_not() {
        write("gone", Some(Path::new("/dev/null"))).unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        let full = write("no room", Some(Path::new("/dev/full"))).unwrap_err();
        assert_eq!(full.kind(), ErrorKind::StorageFull);
        let folder = tempfile::tempdir().unwrap();
        let error = write("text", Some(folder.path())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::IsADirectory);
        let nowhere = folder.path().join("no such folder").join("report.csv");
        let error = write("text", Some(&nowhere)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}
