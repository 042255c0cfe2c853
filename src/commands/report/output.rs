//! Where a report goes (to a file, whole or not at all, or to standard output), and what a terminal
//! is shown meanwhile.

use std::{
    fs::{self, OpenOptions, Permissions},
    io::{self, ErrorKind, IsTerminal as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use super::Error;

/// Permissions of a new file, less the umask.
const NEW_FILE: u32 = 0o666;

/// Whether a table may have colours: on a terminal, unless `NO_COLOR` says no
/// (<https://no-color.org>).
pub fn colours(output: Option<&Path>) -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    output.is_none() && !refused && io::stdout().is_terminal()
}

/// Tells how many months have been read, and of how many: on a terminal only, in one line of
/// standard error that is gone at the end.
pub fn progress() -> impl Fn(usize, usize) {
    let is_shown = io::stderr().is_terminal();
    move |done, all| {
        if is_shown {
            let text = match all.saturating_sub(done) {
                0 => String::new(),
                _ => format!("{done} of {all} months read"),
            };
            // A terminal that has gone shows nothing.
            let _ = write!(io::stderr(), "\r\x1b[2K{text}");
        }
    }
}

/// Writes `text` to the file `output`: aside first, then renamed, so that a reader never sees half
/// of it. What is there but is no file (a pipe, a terminal) is written to as it is. Without
/// `output` to standard output, where a reader that has gone is no failure.
pub fn write(text: &str, output: Option<&Path>) -> Result<(), Error> {
    let path = output.unwrap_or(Path::new("standard output"));
    let written = match output {
        Some(path) => write_file(text, path),
        None => print(text),
    };
    written.map_err(|source| Error::Write {
        path: path.to_owned(),
        source,
    })
}

fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

fn write_file(text: &str, path: &Path) -> io::Result<()> {
    // A link stays a link: what it leads to is replaced.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut permissions = None;
    match fs::metadata(path) {
        Ok(old) if old.is_dir() => return Err(ErrorKind::IsADirectory.into()),
        Ok(old) if !old.is_file() => {
            let mut special = OpenOptions::new().write(true).open(path)?;
            return special.write_all(text.as_bytes());
        }
        Ok(old) => permissions = Some(old.permissions()),
        Err(_) => {}
    }
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut aside = tempfile::Builder::new()
        .prefix(".contact-rate-report-")
        .permissions(Permissions::from_mode(NEW_FILE))
        .tempfile_in(folder)?;
    if let Some(permissions) = permissions {
        aside.as_file().set_permissions(permissions)?;
    }
    aside.write_all(text.as_bytes())?;
    aside.as_file().sync_all()?;
    aside.persist(path).map_err(|error| error.error)?;
    Ok(())
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
    fn devices_are_written_to_and_folders_are_not() {
        write("gone", Some(Path::new("/dev/null"))).unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        let folder = tempfile::tempdir().unwrap();
        let error = write("text", Some(folder.path())).unwrap_err();
        assert!(!error.is_usage());
        let nowhere = folder.path().join("no such folder").join("report.csv");
        let error = write("text", Some(&nowhere)).unwrap_err().to_string();
        assert!(error.contains("no such folder"), "{error}");
    }
}
