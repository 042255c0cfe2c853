//! The hidden command `generate`: shell completions and man pages, made from the flags.

use std::{
    io,
    path::{Path, PathBuf},
};

use clap::Command;
use clap_complete::Shell;

/// Man pages cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write man pages into the folder {folder}")]
pub struct Error {
    /// The folder.
    folder: PathBuf,
    /// Why.
    #[source]
    source: io::Error,
}

/// The script by which `shell` completes the flags and commands of `program`.
pub fn completions(mut program: Command, shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    let name = program.get_name().to_owned();
    clap_complete::generate(shell, &mut program, name, &mut script);
    script
}

/// Writes `PROGRAM.1` and a `PROGRAM-COMMAND.1` for each command that help texts show into an
/// existing folder. Files of these names are replaced.
pub fn man_pages(program: Command, folder: &Path) -> Result<(), Error> {
    clap_mangen::generate_to(program, folder).map_err(|source| Error {
        folder: folder.to_owned(),
        source,
    })
}
