//! Where a report goes, and what people are shown meanwhile.

use std::{
    io::{self, IsTerminal as _},
    path::Path,
};

use super::error::Error;
use crate::commands::{
    output,
    progress::{Begin, Progress},
};

/// Whether a table may have colours: on a terminal, unless `NO_COLOR` says no
/// (<https://no-color.org>).
pub fn colours(output: Option<&Path>) -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    output.is_none() && !refused && io::stdout().is_terminal()
}

/// Shows how many months have been read, and of how many.
pub fn progress() -> impl Fn(usize, usize) {
    let progress = Progress::new("report", Begin::Late);
    move |done, all| progress.show(done, all, &format!("{done} of {all} months read"))
}

/// Writes `text` to the file `output`, whole or not at all, or without one to standard output, where
/// a reader that has gone is no failure.
pub fn write(text: &str, output: Option<&Path>) -> Result<(), Error> {
    output::write(text, output).map_err(|source| Error::Write {
        path: output.unwrap_or(Path::new("standard output")).to_owned(),
        source,
    })
}
