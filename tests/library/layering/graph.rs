//! Which module of the library names which, read from the tokens of its source. Tests are left out:
//! what they name is no part of the program.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    iter::Peekable,
    path::{Path, PathBuf},
    slice::Iter,
};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A module's or an item's place below the crate.
pub type Place = Vec<String>;

/// What is no module, no import and no crate where a path begins.
const PRIMITIVES: &[&str] = &[
    "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "str", "u8", "u16",
    "u32", "u64", "u128", "usize",
];

/// How many imports of imports are followed.
const MOST_IMPORTS: usize = 16;

type Tokens<'a> = Peekable<Iter<'a, TokenTree>>;

/// Every module, and what it names.
#[derive(Default)]
pub struct Graph {
    modules: BTreeMap<Place, Module>,
}

#[derive(Default)]
struct Module {
    /// What its imports are called here, and the paths that they stand for.
    imports: BTreeMap<String, Vec<String>>,
    /// Paths as written.
    paths: Vec<Vec<String>>,
    children: BTreeSet<String>,
}

impl Graph {
    /// Reads the library whose root is `root`.
    pub fn of(root: &Path) -> Self {
        let mut graph = Self::default();
        graph.read(&Vec::new(), root, root.parent().expect("a folder"));
        graph
    }

    /// The arrows between modules: who names an item of whom, imports followed to where the item is.
    pub fn arrows(&self) -> BTreeSet<(Place, Place)> {
        let mut arrows = BTreeSet::new();
        for (place, module) in &self.modules {
            for path in &module.paths {
                let target = self.target(place, path, MOST_IMPORTS);
                if let Some(target) = target.filter(|target| target != place) {
                    arrows.insert((place.clone(), target));
                }
            }
        }
        arrows
    }

    /// The crates that the modules below `room` name.
    pub fn crates(&self, room: &str) -> BTreeSet<String> {
        let modules = self.modules.iter();
        modules
            .filter(|(place, _)| place.first().is_some_and(|first| first == room))
            .flat_map(|(place, module)| {
                let outside = module.paths.iter().filter(|path| {
                    !module.imports.contains_key(&path[0])
                        && self.target(place, path, MOST_IMPORTS).is_none()
                });
                outside.map(|path| path[0].clone())
            })
            // Types begin with a capital: they are imported, or of the prelude.
            .filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase()))
            .filter(|name| !PRIMITIVES.contains(&name.as_str()))
            .collect()
    }

    /// Every module that has modules inside it.
    pub fn rooms(&self) -> impl Iterator<Item = &Place> {
        let modules = self.modules.iter();
        modules
            .filter(|(_, module)| !module.children.is_empty())
            .map(|(place, _)| place)
    }

    /// The modules directly inside `room`.
    pub fn inside(&self, room: &Place) -> &BTreeSet<String> {
        &self.modules[room].children
    }

    /// The module that holds what a path written in `place` names, through at most `most` imports;
    /// `None` outside the crate.
    fn target(&self, place: &Place, path: &[String], most: usize) -> Option<Place> {
        let module = &self.modules[place];
        let (first, rest) = path.split_first()?;
        let (mut at, rest) = match first.as_str() {
            "crate" => (Vec::new(), rest),
            "self" => (place.clone(), rest),
            "super" => (place[..place.len() - 1].to_vec(), rest),
            child if module.children.contains(child) => (place.clone(), path),
            imported => {
                let further = [module.imports.get(imported)?, rest].concat();
                return self.target(place, &further, most.checked_sub(1)?);
            }
        };
        for (index, word) in rest.iter().enumerate() {
            let module = &self.modules[&at];
            if word == "super" {
                at.pop();
            } else if module.children.contains(word) {
                at.push(word.clone());
            } else if let Some(imported) = module.imports.get(word) {
                let further = [imported, &rest[index + 1..]].concat();
                return self.target(&at, &further, most.checked_sub(1)?);
            } else {
                break;
            }
        }
        Some(at)
    }

    fn read(&mut self, place: &Place, file: &Path, folder: &Path) {
        let text = fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let tokens: TokenStream = text
            .parse()
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        self.modules.insert(place.clone(), Module::default());
        self.walk(place, folder, tokens);
    }

    /// Takes in the tokens of a module or of a part of it.
    fn walk(&mut self, place: &Place, folder: &Path, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut rest = tokens.iter().peekable();
        while let Some(token) = rest.next() {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == '#' => {
                    if let Some(TokenTree::Group(attribute)) = rest.peek()
                        && attribute.stream().to_string().replace(' ', "") == "cfg(test)"
                    {
                        rest.next();
                        skip_item(&mut rest);
                    }
                }
                TokenTree::Ident(word) if *word == "mod" => {
                    self.child(place, folder, &mut rest);
                }
                TokenTree::Ident(word) if *word == "use" => {
                    self.import(place, &mut rest);
                }
                TokenTree::Ident(word) => {
                    let path = path_from(word.to_string(), &mut rest);
                    if path.len() > 1 {
                        self.module(place).paths.push(path);
                    }
                }
                TokenTree::Group(group) => self.walk(place, folder, group.stream()),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }

    fn child(&mut self, place: &Place, folder: &Path, rest: &mut Tokens) {
        let Some(TokenTree::Ident(name)) = rest.next() else {
            return;
        };
        let name = name.to_string();
        let inner: Place = place.iter().cloned().chain([name.clone()]).collect();
        let inner_folder: PathBuf = folder.join(&name);
        self.module(place).children.insert(name.clone());
        if let Some(TokenTree::Group(body)) = rest.next() {
            self.modules.insert(inner.clone(), Module::default());
            self.walk(&inner, &inner_folder, body.stream());
        } else {
            self.read(&inner, &folder.join(format!("{name}.rs")), &inner_folder);
        }
    }

    /// An import, read after `use`.
    fn import(&mut self, place: &Place, rest: &mut Tokens) {
        let tree: Vec<TokenTree> = rest
            .by_ref()
            .take_while(|token| !matches!(token, TokenTree::Punct(p) if p.as_char() == ';'))
            .cloned()
            .collect();
        for (path, name) in leaves(&[], &tree) {
            let module = self.module(place);
            module.paths.push(path.clone());
            if let Some(name) = name {
                module.imports.insert(name, path);
            }
        }
    }

    fn module(&mut self, place: &Place) -> &mut Module {
        self.modules.entry(place.clone()).or_default()
    }
}

/// The words after `first`, as far as they are joined by `::`.
fn path_from(first: String, rest: &mut Tokens) -> Vec<String> {
    let mut path = vec![first];
    loop {
        let mut ahead = rest.clone();
        let joined = is_colon(ahead.next()) && is_colon(ahead.next());
        let Some(TokenTree::Ident(word)) = ahead.next().filter(|_| joined) else {
            return path;
        };
        path.push(word.to_string());
        *rest = ahead;
    }
}

fn is_colon(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == ':')
}

/// Every path of an import's tree, and what it is called here: nothing for `*` and `as _`.
fn leaves(prefix: &[String], tree: &[TokenTree]) -> Vec<(Vec<String>, Option<String>)> {
    let comma = |token: &TokenTree| matches!(token, TokenTree::Punct(p) if p.as_char() == ',');
    let mut found = Vec::new();
    for branch in tree.split(comma).filter(|branch| !branch.is_empty()) {
        let mut path = prefix.to_vec();
        let mut name = None;
        let mut inner = false;
        let mut tokens = branch.iter();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Ident(word) if *word == "as" => {
                    name = tokens.next().map(ToString::to_string);
                }
                TokenTree::Ident(word) if *word == "self" && !path.is_empty() => {
                    name = path.last().cloned();
                }
                TokenTree::Ident(word) => {
                    path.push(word.to_string());
                    name = Some(word.to_string());
                }
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                    let inside: Vec<TokenTree> = group.stream().into_iter().collect();
                    found.extend(leaves(&path, &inside));
                    inner = true;
                }
                TokenTree::Punct(punct) if punct.as_char() == '*' => name = None,
                TokenTree::Punct(_) | TokenTree::Group(_) | TokenTree::Literal(_) => {}
            }
        }
        if !inner {
            found.push((path, name.filter(|name| name != "_")));
        }
    }
    found
}

/// Passes an item over: its attributes and all up to `;` or the end of its body.
fn skip_item(rest: &mut Tokens) {
    let mut is_import = false;
    for token in rest.by_ref() {
        match token {
            TokenTree::Ident(word) if *word == "use" => is_import = true,
            TokenTree::Punct(punct) if punct.as_char() == ';' => return,
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace && !is_import => {
                return;
            }
            _ => {}
        }
    }
}
