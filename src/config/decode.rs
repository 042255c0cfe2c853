//! From a YAML tree to typed values, collecting every problem on the way.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use super::{
    document::{Node, Position, Value},
    interpolation::interpolate,
    secret::Secret,
    text::ConfigText,
};

/// Longest text or key that a message quotes.
const MAX_SHOWN_CHARACTERS: usize = 80;

/// One thing wrong with the config file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where the offending value starts.
    pub position: Position,
    /// The key, as `populations.users.total.query`.
    pub key: String,
    /// What was expected and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    /// `line:column: key: message`; whoever prints it puts the file's name before.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { line, column } = self.position;
        write!(formatter, "{line}:{column}: ")?;
        if !self.key.is_empty() {
            write!(formatter, "{}: ", self.key)?;
        }
        formatter.write_str(&self.message)
    }
}

/// Looks an environment variable up.
type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What decoding needs from outside, and the problems it has met.
pub struct Decoder<'a> {
    /// `None`: texts are taken as they are.
    environment: Option<Environment<'a>>,
    folder: PathBuf,
    problems: Vec<Problem>,
}

impl<'a> Decoder<'a> {
    /// A decoder for a file in `folder`, from which relative paths count.
    pub fn new(environment: &'a dyn Fn(&str) -> Option<String>, folder: &Path) -> Self {
        Self {
            environment: Some(environment),
            folder: folder.to_owned(),
            problems: Vec::new(),
        }
    }

    /// A decoder for a file in which `${NAME}` has no meaning.
    pub fn literal() -> Self {
        Self {
            environment: None,
            folder: PathBuf::new(),
            problems: Vec::new(),
        }
    }

    /// Every problem so far, in the order of the file.
    pub fn into_problems(mut self) -> Vec<Problem> {
        self.problems.sort();
        self.problems
    }

    /// How many problems there are so far.
    pub fn problems(&self) -> usize {
        self.problems.len()
    }

    /// Notes a problem.
    pub fn problem(&mut self, place: &Field<'_>, message: impl Into<String>) {
        self.problem_at(place.node.position, &place.key, message);
    }

    /// Notes a problem at a place that is not a value.
    pub fn problem_at(&mut self, position: Position, key: &str, message: impl Into<String>) {
        self.problems.push(Problem {
            position,
            key: key.to_owned(),
            message: message.into(),
        });
    }

    /// Text with its `${NAME}` replaced.
    pub fn text(&mut self, field: &Field<'_>) -> Option<Text> {
        let Value::Scalar { text, plain } = &field.node.value else {
            self.problem(
                field,
                format!("expected a single value, found {}", field.node.kind()),
            );
            return None;
        };
        if field.node.is_null() {
            self.problem(field, "expected a value, found nothing");
            return None;
        }
        let configured = match self.environment {
            Some(environment) => interpolate(text, environment),
            None => Ok(ConfigText::new(text, false)),
        };
        match configured {
            Ok(configured) => Some(Text {
                value: configured.as_str().to_owned(),
                plain: *plain,
                configured,
            }),
            Err(message) => {
                self.problem(field, message);
                None
            }
        }
    }

    /// Text parsed by `parse`; `expected` says what it should be.
    pub fn parsed<T>(
        &mut self,
        field: &Field<'_>,
        expected: &str,
        parse: impl FnOnce(&Text) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(field)?;
        let value = parse(&text);
        if value.is_none() {
            self.problem(
                field,
                format!("expected {expected}, found {}", text.shown()),
            );
        }
        value
    }

    /// One of a few words; a near miss is suggested.
    pub fn choice<T: Copy>(&mut self, field: &Field<'_>, choices: &[(&str, T)]) -> Option<T> {
        self.one_of(field, choices, "nothing can be named here")
    }

    /// One of a few names that stand elsewhere in the file; a near miss is suggested. `none` says
    /// what to do when there are none.
    pub fn one_of<T: Copy>(
        &mut self,
        field: &Field<'_>,
        choices: &[(&str, T)],
        none: &str,
    ) -> Option<T> {
        let text = self.text(field)?;
        if choices.is_empty() {
            self.problem(field, none);
            return None;
        }
        let found = choices.iter().find(|(name, _)| *name == text.value);
        if found.is_none() {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            let suggestion = suggestion(&text.value, &names);
            let message = format!(
                "expected one of {}, found {}{suggestion}",
                names.join(", "),
                text.shown()
            );
            self.problem(field, message);
        }
        found.map(|(_, value)| *value)
    }

    /// The items of a list.
    pub fn items<'n>(&mut self, field: &Field<'n>) -> Vec<Field<'n>> {
        let Value::Sequence(nodes) = &field.node.value else {
            self.problem(
                field,
                format!("expected a list, found {}", field.node.kind()),
            );
            return Vec::new();
        };
        nodes
            .iter()
            .enumerate()
            .map(|(index, node)| Field {
                key: format!("{}[{index}]", field.key),
                node,
            })
            .collect()
    }

    /// The entries of a mapping whose keys are names that the operator chooses.
    pub fn entries<'n>(&mut self, field: &Field<'n>) -> Vec<(&'n str, Position, Field<'n>)> {
        let Value::Mapping(entries) = &field.node.value else {
            self.problem(
                field,
                format!("expected a mapping, found {}", field.node.kind()),
            );
            return Vec::new();
        };
        let mut result: Vec<(&str, Position, Field<'_>)> = Vec::with_capacity(entries.len());
        for (key, node) in entries {
            let path = join(&field.key, &key.text);
            if let Some((_, first, _)) = result.iter().find(|(name, ..)| *name == key.text) {
                let message = format!("this key is given twice, first in line {}", first.line);
                self.problem_at(key.position, &path, message);
                continue;
            }
            result.push((key.text.as_str(), key.position, Field { key: path, node }));
        }
        result
    }

    /// A mapping with known keys.
    pub fn section<'n>(&mut self, field: &Field<'n>) -> Option<Section<'n>> {
        if !matches!(field.node.value, Value::Mapping(_)) {
            self.problem(
                field,
                format!("expected a mapping, found {}", field.node.kind()),
            );
            return None;
        }
        let entries = self.entries(field);
        Some(Section {
            key: field.key.clone(),
            position: field.node.position,
            entries,
            known: Vec::new(),
        })
    }

    /// The secret under `name` or, in a file, under `name_file`: exactly one of them.
    /// `required` says whether neither is a problem.
    pub fn secret(
        &mut self,
        section: &mut Section<'_>,
        name: &'static str,
        file_name: &'static str,
        required: bool,
    ) -> Option<Secret> {
        let inline = section.take(name);
        let file = section.take(file_name);
        match (inline, file) {
            (Some(_), Some(file)) => {
                self.problem(
                    &file,
                    format!("give either {name} or {file_name}, not both"),
                );
                None
            }
            (Some(inline), None) => {
                let text = self.text(&inline)?;
                match Secret::given(&text.value) {
                    Ok(secret) => Some(secret),
                    Err(error) => {
                        self.problem(&inline, format!("cannot use the value: {error}"));
                        None
                    }
                }
            }
            (None, Some(file)) => {
                let path = self.text(&file)?;
                match Secret::from_file(&self.folder.join(&path.value), &file.key) {
                    Ok(secret) => Some(secret),
                    Err(error) => {
                        let shown = self.shown_path(&path.configured);
                        self.problem(&file, format!("cannot read the file{shown}: {error}"));
                        None
                    }
                }
            }
            (None, None) => {
                if required {
                    self.missing(section, &format!("{name} or {file_name}"));
                }
                None
            }
        }
    }

    /// The folder of the config file, from which relative paths count.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The path for a message, or nothing where the operator may have put the secret itself, or an
    /// address with a password, instead of the name of its file.
    fn shown_path(&self, path: &ConfigText) -> String {
        let is_harmless = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
        if !path.from_environment() && path.contains(['/', '.']) && path.chars().all(is_harmless) {
            format!(" {}", self.folder.join(path.as_str()).display())
        } else {
            String::new()
        }
    }

    /// Notes that a section lacks a key.
    pub fn missing(&mut self, section: &Section<'_>, name: &str) {
        self.problem_at(section.position, &section.key, format!("{name} is missing"));
    }

    /// Notes every key of the section that nobody asked for.
    pub fn finish(&mut self, section: Section<'_>) {
        for (name, position, _) in section.entries {
            if section.known.contains(&name) {
                continue;
            }
            // Keys are words; anything else may be a value that lost its key.
            let is_word = name.chars().all(|c| c.is_alphabetic() || "_-".contains(c));
            let suggestion = suggestion(name, &section.known);
            let is_word = is_word || !suggestion.is_empty();
            let key = join(&section.key, if is_word { name } else { "" });
            let message = if name.contains(':') {
                "unknown key; a key ends with a colon and a space".to_owned()
            } else if suggestion.is_empty() {
                format!("unknown key; known here: {}", section.known.join(", "))
            } else {
                format!("unknown key{suggestion}")
            };
            self.problem_at(position, &key, message);
        }
    }
}

/// A value and the path of keys that leads to it.
#[derive(Clone)]
pub struct Field<'n> {
    /// `populations.users.total`.
    pub key: String,
    /// The value.
    pub node: &'n Node,
}

impl Field<'_> {
    /// Whether the value is exactly this text.
    pub fn is(&self, expected: &str) -> bool {
        matches!(&self.node.value, Value::Scalar { text, .. } if text == expected)
    }
}

/// A mapping whose keys are asked for one by one; the rest is unknown.
pub struct Section<'n> {
    key: String,
    position: Position,
    entries: Vec<(&'n str, Position, Field<'n>)>,
    known: Vec<&'static str>,
}

impl<'n> Section<'n> {
    /// The value under `name`. A key without a value counts as absent.
    pub fn take(&mut self, name: &'static str) -> Option<Field<'n>> {
        self.known.push(name);
        self.peek(name)
    }

    /// The value under `name`, which does not belong here: whoever asks says so, and the key is not
    /// told once more as unknown, nor named among those that are known.
    pub fn strange(&mut self, name: &str) -> Option<Field<'n>> {
        if self.known.contains(&name) {
            return None;
        }
        let at = self.entries.iter().position(|(key, ..)| *key == name)?;
        Some(self.entries.remove(at).2)
    }

    /// The value under a key that is much like one of `names`.
    pub fn nearest(&self, names: &[&str]) -> Option<Field<'n>> {
        let mut entries = self.entries.iter();
        let near = entries.find(|(key, ..)| !suggestion(key, names).is_empty());
        near.map(|(.., field)| field.clone())
    }

    /// The value under `name`, for messages: whoever knows the key takes it.
    pub fn peek(&self, name: &str) -> Option<Field<'n>> {
        self.entries
            .iter()
            .find(|(key, ..)| *key == name)
            .map(|(_, _, field)| field.clone())
            .filter(|field| !field.node.is_null())
    }
}

/// A scalar's text after `${NAME}` was replaced.
pub struct Text {
    /// The text.
    pub value: String,
    /// Whether it stood without quotes.
    pub plain: bool,
    /// The text as messages may quote it.
    pub configured: ConfigText,
}

impl Text {
    /// The text for an error message. An address may have been put where it does not belong, with a
    /// password in it.
    pub fn shown(&self) -> String {
        if self.value.contains("://") && !self.configured.from_environment() {
            "an address".to_owned()
        } else if self.value.chars().count() > MAX_SHOWN_CHARACTERS {
            format!("a text of {} characters", self.value.chars().count())
        } else {
            self.configured.to_string()
        }
    }
}

/// The path of a key. A key that no name looks like is not shown: it may be a value whose colon
/// lacks its space, as in `app_secret:hunter2`.
fn join(parent: &str, name: &str) -> String {
    let is_name = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    let name = if !name.is_empty()
        && name.chars().count() <= MAX_SHOWN_CHARACTERS
        && name.chars().all(is_name)
    {
        name
    } else {
        "…"
    };
    if parent.is_empty() {
        name.to_owned()
    } else {
        format!("{parent}.{name}")
    }
}

/// `; did you mean …?`, or nothing when no known word is near.
pub fn suggestion(word: &str, known: &[&str]) -> String {
    known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map_or_else(String::new, |(_, candidate)| {
            format!("; did you mean `{candidate}`?")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_are_suggested_and_far_ones_are_not() {
        let known = ["windows", "interval", "timeout"];
        assert_eq!(suggestion("window", &known), "; did you mean `windows`?");
        assert_eq!(suggestion("intreval", &known), "; did you mean `interval`?");
        assert_eq!(suggestion("colour", &known), "");
    }
}
