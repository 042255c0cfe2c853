//! The command `report`, run as an operator would, against recorded answers and against the
//! simulator. `UPDATE_GOLDEN=1` rewrites the files it is held against.

pub(crate) mod desk;
mod recorded;
mod refusals;
mod running;
mod simulated;

use std::{fs, path::Path};

/// Holds `text` against a file of the repository.
fn hold(path: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, text).unwrap();
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(
        text, expected,
        "{path}: run UPDATE_GOLDEN=1 cargo test --test commands report, and look at what changed"
    );
}
