//! The arrows between modules go one way: between rooms as the table says, where a new arrow is a
//! line and so is reviewed, and inside rooms in no circle.

mod graph;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use graph::{Graph, Place};

/// Each module of the library, and the modules that it may name.
const ARROWS: &[(&str, &[&str])] = &[
    (
        "app",
        &[
            "chain",
            "config",
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
    ("sources", &["chain", "config", "domain"]),
    ("web", &["chain", "config", "exposition"]),
];

/// Crates that pure code may use.
const DOMAIN_CRATES: &[&str] = &["core", "jiff", "statrs", "std"];

fn graph() -> Graph {
    Graph::of(Path::new("src/lib.rs"))
}

#[test]
fn modules_name_only_what_the_table_allows() {
    let graph = graph();
    let table: BTreeMap<&str, BTreeSet<&str>> = ARROWS
        .iter()
        .map(|(module, named)| (*module, named.iter().copied().collect()))
        .collect();
    let modules: Vec<&str> = graph
        .inside(&Vec::new())
        .iter()
        .map(String::as_str)
        .collect();
    let expected: Vec<&str> = table.keys().copied().collect();
    assert_eq!(
        modules, expected,
        "a module of src is missing from the table, or the other way round"
    );
    let arrows = graph.arrows();
    let found = between(&arrows, &Vec::new());
    for (module, allowed) in &table {
        let named: BTreeSet<&str> = found.get(module).cloned().unwrap_or_default();
        for other in &named {
            assert!(
                allowed.contains(other),
                "{module} names {other}: not an arrow of the table"
            );
        }
        for other in allowed {
            assert!(
                named.contains(other),
                "{module} → {other} is in the table and nowhere in src"
            );
        }
    }
}

#[test]
fn the_arrows_form_no_circle() {
    let graph = graph();
    let arrows = graph.arrows();
    let mut found = Vec::new();
    for room in graph.rooms() {
        let inside = between(&arrows, room);
        for circle in circles(&inside) {
            found.push((room.join("::"), circle));
        }
    }
    assert_eq!(found, [], "the circles of src");
}

#[test]
fn pure_code_knows_no_runtime_no_network_and_no_format() {
    let used = graph().crates("domain");
    assert!(used.contains("jiff"), "{used:?}");
    for name in used {
        assert!(DOMAIN_CRATES.contains(&name.as_str()), "domain uses {name}");
    }
}

/// The arrows between the modules directly inside `room`, each with all that is inside it.
fn between<'a>(
    arrows: &'a BTreeSet<(Place, Place)>,
    room: &Place,
) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (from, to) in arrows {
        let inside = |place: &'a Place| {
            let rest = place.strip_prefix(room.as_slice())?;
            rest.first().map(String::as_str)
        };
        if let (Some(from), Some(to)) = (inside(from), inside(to))
            && from != to
        {
            found.entry(from).or_default().insert(to);
        }
    }
    found
}

/// Every largest set of modules each of which leads to each other.
fn circles<'a>(arrows: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Vec<BTreeSet<&'a str>> {
    let reachable: BTreeMap<&str, BTreeSet<&str>> = arrows
        .keys()
        .map(|&start| {
            let mut seen = BTreeSet::new();
            let mut waiting = vec![start];
            while let Some(module) = waiting.pop() {
                for &next in arrows.get(module).into_iter().flatten() {
                    if seen.insert(next) {
                        waiting.push(next);
                    }
                }
            }
            (start, seen)
        })
        .collect();
    let leads = |from: &str, to: &str| reachable.get(from).is_some_and(|seen| seen.contains(to));
    let mut found: Vec<BTreeSet<&str>> = Vec::new();
    for &module in arrows.keys().filter(|module| leads(module, module)) {
        if !found.iter().any(|circle| circle.contains(module)) {
            let members = arrows.keys().copied();
            found.push(
                members
                    .filter(|other| leads(module, other) && leads(other, module))
                    .collect(),
            );
        }
    }
    found
}

/// What the checks rest on sees each way of naming a module.
#[test]
fn every_way_to_name_a_module_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(
        "lib.rs",
        "pub mod a; pub mod b; pub mod c; pub mod d; pub mod e; pub mod f;",
    );
    // Through a tree of imports, and a name that another module only passes on.
    write("a.rs", "use crate::{b::{Kept as Other, *}, c::Passed};");
    write(
        "b.rs",
        "pub mod inner; pub use inner::Deep; pub struct Kept; fn of() -> super::d::D { todo!() }",
    );
    write(
        "b/inner.rs",
        "pub struct Deep; // crate::f::None\nfn text() -> &'static str { \"crate::f::None\" }",
    );
    write("c.rs", "pub use crate::b::Deep as Passed;");
    // Inside a macro, and through an imported module.
    write(
        "d.rs",
        "use super::e; fn x() { println!(\"{}\", crate::c::Passed); e::run(); std::fs::read(0); }",
    );
    // Tests are no part of the program.
    write(
        "e.rs",
        "#[cfg(test)] use crate::{f::F}; #[cfg(test)] mod tests { use crate::f::F; } pub fn run() {}",
    );
    write("f.rs", "pub struct F;");
    let graph = Graph::of(&folder.path().join("lib.rs"));
    let arrows: Vec<String> = graph
        .arrows()
        .iter()
        .map(|(from, to)| format!("{} {}", from.join("::"), to.join("::")))
        .collect();
    let expected = [
        "a b",
        "a b::inner",
        "b b::inner",
        "b d",
        "c b::inner",
        "d b::inner",
        "d e",
    ];
    assert_eq!(arrows, expected);
    assert_eq!(graph.crates("d"), BTreeSet::from(["std".to_owned()]));
    let arrows = graph.arrows();
    let circle = circles(&between(&arrows, &Vec::new()));
    assert_eq!(circle, [BTreeSet::from(["b", "d"])]);
}
