//! Any bytes as web config file: an error or settings.
#![no_main]

use std::{fs, path::PathBuf, sync::LazyLock};

use contact_rate_exporter::web;
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| TempDir::new().expect("a folder"));
static FILE: LazyLock<PathBuf> = LazyLock::new(|| FOLDER.path().join("web.yml"));

fuzz_target!(|bytes: &[u8]| {
    fs::write(&*FILE, bytes).expect("a file");
    let loaded = web::load(&FILE);
    if let Err(error) = loaded.outcome {
        let _ = error.to_string();
    }
});
