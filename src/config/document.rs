//! YAML as a tree in which every key and value knows its line and column.
//!
//! A deserialiser stops at its first error and forgets positions; an operator wants every problem
//! of the file at once, each with its place.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

/// Deepest nesting. The format needs six levels.
const MAX_DEPTH: usize = 32;
/// Most nodes of a file, those that aliases repeat included.
const MAX_NODES: usize = 50_000;

/// A place in the file, both numbers from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

/// A value and where it starts.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where the value starts.
    pub position: Position,
    /// The value.
    pub value: Value,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub enum Value {
    /// Text, not yet interpreted. `plain` when it stood without quotes.
    Scalar {
        /// The text.
        text: String,
        /// Whether it was written without quotes and not as a block.
        plain: bool,
    },
    /// A list.
    Sequence(Vec<Node>),
    /// Keys and values in the order of the file, repeated keys included.
    Mapping(Vec<(Key, Node)>),
}

/// A key and where it stands.
#[derive(Clone, Debug)]
pub struct Key {
    /// Where it starts.
    pub position: Position,
    /// Its text.
    pub text: String,
}

/// The file is not the YAML that it should be.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// Where.
    pub position: Position,
    /// What, in words.
    pub message: String,
}

impl Node {
    /// Whether the value is left empty, `~` or `null`.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true }
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// What the value is, for "expected …, found …".
    pub fn kind(&self) -> &'static str {
        match &self.value {
            _ if self.is_null() => "nothing",
            Value::Scalar { .. } => "a single value",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }
}

/// Reads one YAML document. An empty file is an empty mapping.
pub fn parse(text: &str) -> Result<Node, SyntaxError> {
    let mut composer = Composer {
        parser: Parser::new_from_str(text),
        anchors: HashMap::new(),
        nodes: 0,
    };
    let mut document = None;
    loop {
        let (event, span) = composer.next()?;
        match event {
            Event::StreamStart | Event::DocumentEnd | Event::Nothing => {}
            Event::StreamEnd => break,
            Event::DocumentStart(_) if document.is_some() => {
                return Err(SyntaxError {
                    position: position(&span),
                    message: "expected one YAML document, found a second one".to_owned(),
                });
            }
            Event::DocumentStart(_) => {
                let (event, span) = composer.next()?;
                document = Some(composer.node(event, span, 0)?);
            }
            _ => {
                return Err(SyntaxError {
                    position: position(&span),
                    message: "unexpected content".to_owned(),
                });
            }
        }
    }
    let start = Position { line: 1, column: 1 };
    Ok(document.filter(|node| !node.is_null()).unwrap_or(Node {
        position: start,
        value: Value::Mapping(Vec::new()),
    }))
}

struct Composer<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
}

impl<'a> Composer<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), SyntaxError> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(SyntaxError {
                position: Position {
                    line: error.marker().line(),
                    column: error.marker().col() + 1,
                },
                message: format!("not YAML: {}", error.info()),
            }),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, SyntaxError> {
        let position = position(&span);
        let before = self.nodes;
        self.count(1, position)?;
        if depth > MAX_DEPTH {
            return Err(SyntaxError {
                position,
                message: format!("nested deeper than {MAX_DEPTH} levels"),
            });
        }
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => {
                let value = Value::Scalar {
                    text: text.into_owned(),
                    plain: style == ScalarStyle::Plain,
                };
                (value, anchor)
            }
            Event::SequenceStart(anchor, _) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break,
                        (event, span) => items.push(self.node(event, span, depth + 1)?),
                    }
                }
                (Value::Sequence(items), anchor)
            }
            Event::MappingStart(anchor, _) => (self.mapping(depth)?, anchor),
            Event::Alias(anchor) => return self.alias(anchor, position),
            _ => {
                return Err(SyntaxError {
                    position,
                    message: "the document ends where a value was expected".to_owned(),
                });
            }
        };
        let node = Node { position, value };
        if anchor != 0 {
            let size = self.nodes - before;
            self.anchors.insert(anchor, (node.clone(), size));
        }
        Ok(node)
    }

    fn mapping(&mut self, depth: usize) -> Result<Value, SyntaxError> {
        let mut entries = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(Value::Mapping(entries));
            }
            let key = self.node(event, span, depth + 1)?;
            let Value::Scalar { text, .. } = key.value else {
                return Err(SyntaxError {
                    position: key.position,
                    message: format!("expected a key, found {}", key.kind()),
                });
            };
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            let key = Key {
                position: key.position,
                text,
            };
            entries.push((key, value));
        }
    }

    /// An alias takes a copy of its anchor's node, within the budget of nodes: nested aliases would
    /// otherwise grow without bound.
    fn alias(&mut self, anchor: usize, position: Position) -> Result<Node, SyntaxError> {
        let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
            return Err(SyntaxError {
                position,
                message: "an alias that refers to itself".to_owned(),
            });
        };
        self.count(size, position)?;
        Ok(node)
    }

    fn count(&mut self, nodes: usize, position: Position) -> Result<(), SyntaxError> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES {
            return Err(SyntaxError {
                position,
                message: format!("more than {MAX_NODES} values, aliases expanded"),
            });
        }
        Ok(())
    }
}

fn position(span: &Span) -> Position {
    Position {
        line: span.start.line().max(1),
        column: span.start.col() + 1,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn values_know_where_they_start() {
        let document = parse("a: 1\nb:\n  - x\n  - 'y'\n").unwrap();
        let Value::Mapping(entries) = &document.value else {
            panic!("not a mapping")
        };
        assert_eq!(entries[0].1.position, Position { line: 1, column: 4 });
        let Value::Sequence(items) = &entries[1].1.value else {
            panic!("not a list")
        };
        assert_eq!(items[1].position, Position { line: 4, column: 5 });
        assert!(matches!(&items[1].value, Value::Scalar { text, plain: false } if text == "y"));
    }

    #[test]
    fn an_empty_file_is_an_empty_mapping() {
        for text in ["", "# nothing\n", "---\n"] {
            assert!(
                matches!(parse(text).unwrap().value, Value::Mapping(entries) if entries.is_empty())
            );
        }
    }

    #[test]
    fn an_alias_repeats_its_anchor() {
        let document = parse("a: &x [1, 2]\nb: *x\n").unwrap();
        let Value::Mapping(entries) = document.value else {
            panic!("not a mapping")
        };
        assert!(matches!(&entries[1].1.value, Value::Sequence(items) if items.len() == 2));
    }

    #[test]
    fn aliases_cannot_grow_without_bound() {
        let mut text = "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n".to_owned();
        for level in 1..12 {
            let item = format!("*a{}", level - 1);
            let items = [item.as_str(); 10].join(",");
            writeln!(text, "a{level}: &a{level} [{items}]").unwrap();
        }
        assert!(parse(&text).unwrap_err().message.contains("50000 values"));
    }

    #[test]
    fn faults_name_their_place() {
        let error = parse("a: 1\nb: [1\n").unwrap_err();
        assert!(error.position.line >= 2, "{error:?}");
        let error = parse("a: 1\n---\nb: 2\n").unwrap_err();
        assert!(error.message.contains("second"), "{error:?}");
        let error = parse(&format!("{}1{}", "[".repeat(40), "]".repeat(40))).unwrap_err();
        assert!(error.message.contains("nested"), "{error:?}");
    }
}
