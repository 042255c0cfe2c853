//! The arrows between modules go one way. A new arrow is a line in this table, and so is reviewed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Each module of the library, and the modules that it may name.
const ARROWS: &[(&str, &[&str])] = &[
    (
        "app",
        &[
            "chain",
            "config",
            "domain",
            "exposition",
            "refresh",
            "signals",
            "sources",
            "web",
        ],
    ),
    ("chain", &[]),
    ("cli", &["commands", "demo", "web"]),
    (
        "commands",
        &[
            "app",
            "chain",
            "config",
            "domain",
            "exposition",
            "refresh",
            "snapshot",
            "sources",
        ],
    ),
    ("config", &["domain"]),
    ("demo", &["config"]),
    ("domain", &[]),
    ("exposition", &["domain", "snapshot"]),
    ("log", &["cli"]),
    (
        "refresh",
        &["chain", "config", "domain", "snapshot", "sources"],
    ),
    ("signals", &[]),
    ("snapshot", &["domain"]),
    ("sources", &["config", "domain"]),
    ("web", &["chain", "config", "exposition"]),
];

/// Crates that pure code may use.
const DOMAIN_CRATES: &[&str] = &["jiff", "statrs", "std", "super", "crate", "self", "core"];

#[test]
fn modules_name_only_what_the_table_allows() {
    let table: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (module, text) in sources() {
        found
            .entry(module)
            .or_default()
            .extend(named_after(&text, "crate::"));
    }
    let modules: Vec<&str> = found.keys().map(String::as_str).collect();
    let expected: Vec<&str> = table.keys().copied().collect();
    assert_eq!(
        modules, expected,
        "a module of src is missing from the table, or the other way round"
    );
    for (module, named) in &found {
        for other in named
            .iter()
            .filter(|other| *other != module && table.contains_key(other.as_str()))
        {
            let allowed = table[module.as_str()];
            assert!(
                allowed.contains(&other.as_str()),
                "{module} names {other}: not an arrow of the table"
            );
        }
        for allowed in table[module.as_str()] {
            assert!(
                named.contains(*allowed),
                "{module} → {allowed} is in the table and nowhere in src"
            );
        }
    }
}

#[test]
fn the_arrows_form_no_circle() {
    let table: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let mut left: BTreeSet<&str> = table.keys().copied().collect();
    while !left.is_empty() {
        let free = left
            .iter()
            .copied()
            .find(|module| table[module].iter().all(|other| !left.contains(other)));
        let free = free.unwrap_or_else(|| panic!("a circle among {left:?}"));
        left.remove(free);
    }
}

#[test]
fn pure_code_knows_no_runtime_no_network_and_no_format() {
    for (module, text) in sources()
        .into_iter()
        .filter(|(module, _)| module == "domain")
    {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for line in code.lines().filter(|line| line.starts_with("use ")) {
            let name = line
                .trim_start_matches("use ")
                .split([':', ';', ' '])
                .next()
                .unwrap_or_default();
            assert!(
                DOMAIN_CRATES.contains(&name)
                    || name.chars().all(|c| c.is_ascii_lowercase() || c == '_') && is_sibling(name),
                "{module} uses {name}"
            );
        }
    }
}

fn is_sibling(name: &str) -> bool {
    Path::new("src/domain").join(format!("{name}.rs")).exists()
}

/// Every source file of the library: its top module and its text.
fn sources() -> Vec<(String, String)> {
    let mut files = Vec::new();
    collect(Path::new("src"), &mut files);
    files
        .into_iter()
        .filter_map(|path| {
            let inside = path.strip_prefix("src").unwrap();
            let first = inside
                .components()
                .next()
                .unwrap()
                .as_os_str()
                .to_str()
                .unwrap();
            let module = first.trim_end_matches(".rs").to_owned();
            let text = fs::read_to_string(&path).unwrap();
            (module != "lib" && module != "main").then_some((module, text))
        })
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The names right after `prefix`, those of `prefix{a, b::{c, d}}` included; comments left out.
fn named_after(text: &str, prefix: &str) -> BTreeSet<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices(prefix) {
        let rest = &code[at + prefix.len()..];
        if !rest.starts_with('{') {
            names.insert(word(rest));
            continue;
        }
        let mut depth = 0;
        let mut previous = ' ';
        for (index, character) in rest.char_indices() {
            match character {
                '{' => depth += 1,
                '}' => depth -= 1,
                c if depth == 1 && c.is_ascii_lowercase() && matches!(previous, '{' | ',') => {
                    names.insert(word(&rest[index..]));
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
            if !character.is_whitespace() {
                previous = character;
            }
        }
    }
    names
}

fn word(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
        .collect()
}
