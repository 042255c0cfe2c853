//! Any text as config file: an error or a config, and what is printed of either holds no secret.
#![no_main]

use std::path::Path;

use contact_rate_exporter::config;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let environment = |name: &str| (name.len() < 8).then(|| "q7Hunter2Zx".to_owned());
    let told = match config::parse(text, Path::new("contact-rate.yml"), &environment) {
        Ok(config) => {
            let _ = config.definition_hash();
            format!("{config:?}")
        }
        Err(error) => error.to_string(),
    };
    assert!(!told.contains("q7Hunter2Zx") || text.contains("q7Hunter2Zx"));
});
