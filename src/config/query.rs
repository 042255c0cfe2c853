//! Placeholders of SQL queries and HTTP addresses, and what a query must be.

mod lexer;
mod shape;

use lexer::{Kind, tokens};

pub use shape::misfit;

/// Which SQL dialect a query is written in: what counts as a string, a comment, a quoted name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// PostgreSQL.
    Postgres,
    /// MySQL and MariaDB.
    Mysql,
    /// SQLite.
    Sqlite,
}

/// A text with placeholders for the two ends of an interval.
#[derive(Clone, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

/// One piece of a [`Template`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Literal text.
    Text(String),
    /// A placeholder.
    Bound(Bound),
}

/// A placeholder: which end of the interval it stands for, and how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bound {
    /// Which end.
    pub edge: Edge,
    /// In which form.
    pub form: Form,
}

/// An end of an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Edge {
    /// Its start, which belongs to it.
    Start,
    /// Its end, which does not.
    End,
}

/// How a placeholder writes an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// `:start`: as the database's own instants are. `{start}`: RFC 3339.
    Instant,
    /// `:start_unix`, `{start_unix}`: whole seconds since 1970-01-01 UTC.
    Unix,
    /// `:start_iso`: the text `YYYY-MM-DDTHH:MM:SS` in UTC, without a `Z`, so that texts that end in
    /// one, or in a part of a second, sort after it.
    Iso,
}

impl Bound {
    /// Every placeholder of SQL; the first two and those with [`Form::Unix`] are URLs' too.
    pub const ALL: [Self; 6] = [
        Self::new(Edge::Start, Form::Instant),
        Self::new(Edge::End, Form::Instant),
        Self::new(Edge::Start, Form::Unix),
        Self::new(Edge::End, Form::Unix),
        Self::new(Edge::Start, Form::Iso),
        Self::new(Edge::End, Form::Iso),
    ];

    const fn new(edge: Edge, form: Form) -> Self {
        Self { edge, form }
    }

    /// Its name, without the `:` or the braces.
    pub const fn name(self) -> &'static str {
        match (self.edge, self.form) {
            (Edge::Start, Form::Instant) => "start",
            (Edge::End, Form::Instant) => "end",
            (Edge::Start, Form::Unix) => "start_unix",
            (Edge::End, Form::Unix) => "end_unix",
            (Edge::Start, Form::Iso) => "start_iso",
            (Edge::End, Form::Iso) => "end_iso",
        }
    }

    /// The placeholder of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|bound| bound.name() == name)
    }
}

impl std::fmt::Debug for Template {
    /// Shows only which placeholders there are: a URL can hold a token, a query can hold data.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "Template(start: {}, end: {})",
            self.uses_start(),
            self.uses_end()
        )
    }
}

impl Template {
    /// Reads a SQL query. `:start`, `:end_unix` and the others of [`Bound::ALL`] are placeholders; a
    /// `::cast`, a string, a comment or a quoted name that holds a colon is left alone.
    pub fn sql(text: &str, dialect: Dialect) -> Self {
        let mut pieces = Vec::new();
        for token in tokens(text, dialect) {
            match token.kind {
                Kind::Bound(bound) => pieces.push(Piece::Bound(bound)),
                Kind::Foreign | Kind::Other => push_text(&mut pieces, token.text),
            }
        }
        Self { pieces }
    }

    /// Reads an HTTP address. `{start}`, `{end}`, `{start_unix}` and `{end_unix}` are placeholders.
    pub fn url(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, opened)) = rest.split_once('{') {
            push_text(&mut pieces, before);
            let placeholder = opened.split_once('}').and_then(|(name, after)| {
                let bound = Bound::named(name).filter(|bound| bound.form != Form::Iso)?;
                Some((bound, after))
            });
            if let Some((bound, after)) = placeholder {
                pieces.push(Piece::Bound(bound));
                rest = after;
            } else {
                push_text(&mut pieces, "{");
                rest = opened;
            }
        }
        push_text(&mut pieces, rest);
        Self { pieces }
    }

    /// The pieces in order.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The placeholders in order, each as often as it occurs.
    pub fn bounds(&self) -> impl Iterator<Item = Bound> + '_ {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Bound(bound) => Some(*bound),
            Piece::Text(_) => None,
        })
    }

    /// The text with each placeholder as `write` writes it.
    pub fn written(&self, mut write: impl FnMut(Bound) -> String) -> String {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Bound(bound) => write(*bound),
            })
            .collect()
    }

    /// Whether the start of the interval occurs, in any form.
    pub fn uses_start(&self) -> bool {
        self.bounds().any(|bound| bound.edge == Edge::Start)
    }

    /// Whether the end of the interval occurs, in any form.
    pub fn uses_end(&self) -> bool {
        self.bounds().any(|bound| bound.edge == Edge::End)
    }
}

/// The first placeholder of `text` that is none of [`Bound::ALL`], if there is one: `?`, `$1`
/// or `:name`, as far as `dialect` knows them. Nothing fills it, and some databases would take it
/// for NULL and count nothing.
pub fn foreign_placeholder(text: &str, dialect: Dialect) -> Option<&str> {
    tokens(text, dialect)
        .find(|token| token.kind == Kind::Foreign)
        .map(|token| token.text)
}

/// `text` with `place`, a word in braces, replaced wherever it is code: not in a string, a comment or a
/// quoted name.
pub fn replaced(text: &str, dialect: Dialect, place: &str, with: &str) -> String {
    let mut result = String::new();
    let mut code = String::new();
    for token in tokens(text, dialect) {
        // As code it is three tokens.
        if token.text.contains(place) {
            result += &code.replace(place, with);
            result += token.text;
            code.clear();
        } else {
            code += token.text;
        }
    }
    result + &code.replace(place, with)
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    if text.is_empty() {
        return;
    }
    if let Some(Piece::Text(last)) = pieces.last_mut() {
        last.push_str(text);
    } else {
        pieces.push(Piece::Text(text.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(template: &Template, start: &str, end: &str) -> String {
        template.written(|bound| match bound.form {
            Form::Instant if bound.edge == Edge::Start => start.to_owned(),
            Form::Instant => end.to_owned(),
            _ => {
                format!("{}{}", &start[..1], bound.name())
                    + if start.ends_with('}') { "}" } else { "" }
            }
        })
    }

    #[test]
    fn an_address_has_its_placeholders_in_braces() {
        let url =
            Template::url("https://a/{start}?to={end}&from={start}&x={other}{{end}{start_iso}{");
        assert_eq!(
            written(&url, "S", "E"),
            "https://a/S?to=E&from=S&x={other}{E{start_iso}{"
        );
        let names: Vec<&str> = Template::url("{start_unix}-{end_unix}")
            .bounds()
            .map(Bound::name)
            .collect();
        assert_eq!(names, ["start_unix", "end_unix"]);
        assert!(url.uses_start() && url.uses_end());
        assert!(!Template::url("https://a/{ end }").uses_end());
        assert!(Template::url("").pieces().is_empty());
    }

    #[test]
    fn debug_shows_no_text() {
        let shown = format!("{:?}", Template::url("https://a/?token=hunter2&to={end}"));
        assert_eq!(shown, "Template(start: false, end: true)");
    }

    proptest! {
        #[test]
        fn an_address_put_together_again_is_the_same(text in "([{}a-z:/]|\\{start\\}|\\{end\\}|\\{end_unix\\})*") {
            prop_assert_eq!(written(&Template::url(&text), "{start}", "{end}"), text);
        }

        #[test]
        fn a_query_put_together_again_is_the_same(text in r#"([-:$'"`#?@/*\\ \n\[\]eEaé_1]|:start|:end|:end_unix|:start_iso|\$q\$)*"#) {
            for dialect in [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite] {
                let query = Template::sql(&text, dialect);
                prop_assert_eq!(&written(&query, ":start", ":end"), &text);
                // Neighbouring texts are one piece, and no text is empty.
                for pair in query.pieces().windows(2) {
                    prop_assert!(!matches!(pair, [Piece::Text(_), Piece::Text(_)]));
                }
                prop_assert!(!query.pieces().contains(&Piece::Text(String::new())));
            }
        }
    }
}
