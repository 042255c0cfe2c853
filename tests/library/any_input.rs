//! Any text as config and as web config: an error or a value, never a panic, and no secret in either. The same
//! properties are fuzzed, see docs/fuzzing.md.

use std::{fs, path::Path};

use contact_rate_exporter::{config, web::WebConfig};
use proptest::prelude::*;

const SECRET: &str = "q7Hunter2Zx";

fn told(text: &str) -> String {
    let environment = |name: &str| (name.len() < 8).then(|| SECRET.to_owned());
    match config::parse(text, Path::new("contact-rate.yml"), &environment) {
        Ok(config) => {
            let _ = config.definition_hash();
            format!("{config:?}")
        }
        Err(error) => error.to_string(),
    }
}

/// A config file of the tests with some of its bytes changed, doubled or taken away.
fn damaged(text: &str, changes: &[(usize, u8, String)]) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for (at, how, new) in changes {
        let at = at % characters.len().max(1);
        let end = (at + new.len()).min(characters.len());
        match how % 3 {
            0 => drop(characters.splice(at..end, new.chars())),
            1 => drop(characters.splice(at..at, new.chars())),
            _ => drop(characters.drain(at..end)),
        }
    }
    characters.into_iter().collect()
}

fn changes() -> impl Strategy<Value = Vec<(usize, u8, String)>> {
    let new = prop_oneof![
        any::<String>(),
        Just("${SECRET}".to_owned()),
        "[-:{}\\[\\]&*!|>'\"%@`#, \n\t0-9a-z]{0,8}"
    ];
    prop::collection::vec((any::<usize>(), any::<u8>(), new), 1..6)
}

fn examples(folder: &str) -> Vec<String> {
    let mut texts: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .filter_map(|entry| fs::read_to_string(entry.unwrap().path()).ok())
        .collect();
    texts.sort();
    assert!(!texts.is_empty(), "{folder}");
    texts
}

proptest! {
    #[test]
    fn any_text_is_a_config_or_an_error(text in any::<String>()) {
        let _ = told(&text);
    }

    #[test]
    fn a_damaged_config_shows_no_secret(index in any::<prop::sample::Index>(), changes in changes()) {
        let examples = examples("tests/config/good");
        let text = damaged(index.get::<String>(&examples), &changes);
        let told = told(&text);
        prop_assert!(!told.contains(SECRET), "{text}\n---\n{told}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_damaged_web_config_is_settings_or_an_error(index in any::<prop::sample::Index>(), changes in changes()) {
        let examples = examples("tests/web_config/good");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("web.yml");
        fs::write(&file, damaged(index.get::<String>(&examples), &changes)).unwrap();
        if let Err(error) = WebConfig::load(Some(&file)) {
            prop_assert!(error.to_string().contains("web.yml"), "{error}");
        }
    }
}
