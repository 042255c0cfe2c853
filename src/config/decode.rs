//! From a YAML tree to typed values, collecting every problem on the way.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use super::{
    document::{Node, Position, Value},
    interpolation::interpolate,
    secret::Secret,
};

/// Largest secret file that is read.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

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
        let value = match self.environment {
            Some(environment) => interpolate(text, environment),
            None => Ok(text.clone()),
        };
        match value {
            Ok(value) => Some(Text {
                from_environment: value != *text,
                plain: *plain,
                value,
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
        let text = self.text(field)?;
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
            if result.iter().any(|(name, ..)| *name == key.text) {
                self.problem_at(key.position, &path, "this name is given twice");
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
                if text.value.is_empty() {
                    self.problem(&inline, "expected a secret, found an empty text");
                    return None;
                }
                Some(Secret::new(text.value))
            }
            (None, Some(file)) => {
                let path = self.text(&file)?;
                match self.secret_from_file(&path.value) {
                    Ok(secret) => Some(secret),
                    Err(message) => {
                        self.problem(&file, message);
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

    fn secret_from_file(&self, path: &str) -> Result<Secret, String> {
        let full = self.folder.join(path);
        let shown = full.display();
        let size = std::fs::metadata(&full)
            .map_err(|error| format!("cannot read the file {shown}: {error}"))?
            .len();
        if size > MAX_SECRET_BYTES {
            return Err(format!(
                "the file {shown} is larger than {MAX_SECRET_BYTES} bytes: not a secret"
            ));
        }
        let content = std::fs::read_to_string(&full)
            .map_err(|error| format!("cannot read the file {shown}: {error}"))?;
        let secret = content.trim();
        if secret.is_empty() {
            return Err(format!("the file {shown} is empty"));
        }
        Ok(Secret::new(secret))
    }

    /// Notes that a section lacks a key.
    pub fn missing(&mut self, section: &Section<'_>, name: &str) {
        self.problem_at(section.position, &section.key, format!("{name} is missing"));
    }

    /// Notes every key of the section that nobody asked for.
    pub fn finish(&mut self, section: Section<'_>) {
        for (name, position, field) in section.entries {
            if !section.known.contains(&name) {
                let suggestion = suggestion(name, &section.known);
                let message = if suggestion.is_empty() {
                    format!("unknown key; known here: {}", section.known.join(", "))
                } else {
                    format!("unknown key{suggestion}")
                };
                self.problem_at(position, &field.key, message);
            }
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
    from_environment: bool,
}

impl Text {
    /// The text for an error message; what came from the environment is not shown.
    fn shown(&self) -> String {
        if self.from_environment {
            "another value (from the environment, not shown)".to_owned()
        } else {
            let shown = self.value.chars().take(80);
            // A line break or a terminal's control sequence would tell something else.
            let escaped = shown.map(|character| match character {
                control if control.is_control() => control.escape_default().to_string(),
                other => other.to_string(),
            });
            format!("`{}`", escaped.collect::<String>())
        }
    }
}

fn join(parent: &str, name: &str) -> String {
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
