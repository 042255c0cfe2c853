//! Placeholders of SQL queries and HTTP addresses.

mod lexer;

use lexer::{Kind, tokens};

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
    /// `:start` in SQL, `{start}` in a URL.
    Start,
    /// `:end` in SQL, `{end}` in a URL.
    End,
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
    /// Reads a SQL query. `:start` and `:end` are placeholders; a `::cast`, a string, a comment or
    /// a quoted name that holds a colon is left alone.
    pub fn sql(text: &str, dialect: Dialect) -> Self {
        let mut pieces = Vec::new();
        for token in tokens(text, dialect) {
            match token.kind {
                Kind::Start => pieces.push(Piece::Start),
                Kind::End => pieces.push(Piece::End),
                Kind::Foreign | Kind::Other => push_text(&mut pieces, token.text),
            }
        }
        Self { pieces }
    }

    /// Reads an HTTP address. `{start}` and `{end}` are placeholders.
    pub fn url(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut rest = text;
        loop {
            let next = [("{start}", Piece::Start), ("{end}", Piece::End)]
                .into_iter()
                .filter_map(|(name, piece)| rest.find(name).map(|at| (at, name.len(), piece)))
                .min_by_key(|(at, ..)| *at);
            let Some((at, length, piece)) = next else {
                break;
            };
            let (before, after) = rest.split_at(at);
            push_text(&mut pieces, before);
            pieces.push(piece);
            rest = after.get(length..).unwrap_or_default();
        }
        push_text(&mut pieces, rest);
        Self { pieces }
    }

    /// The pieces in order.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Whether `:start` occurs.
    pub fn uses_start(&self) -> bool {
        self.pieces.contains(&Piece::Start)
    }

    /// Whether `:end` occurs.
    pub fn uses_end(&self) -> bool {
        self.pieces.contains(&Piece::End)
    }
}

/// The first placeholder of `text` that is neither `:start` nor `:end`, if there is one: `?`, `$1`
/// or `:name`, as far as `dialect` knows them. Nothing fills it, and some databases would take it
/// for NULL and count nothing.
pub fn foreign_placeholder(text: &str, dialect: Dialect) -> Option<&str> {
    tokens(text, dialect)
        .find(|token| token.kind == Kind::Foreign)
        .map(|token| token.text)
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
        template
            .pieces()
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text,
                Piece::Start => start,
                Piece::End => end,
            })
            .collect()
    }

    #[test]
    fn an_address_has_its_placeholders_in_braces() {
        let url = Template::url("https://a/{start}?to={end}&from={start}&x={other}{");
        assert_eq!(
            written(&url, "S", "E"),
            "https://a/S?to=E&from=S&x={other}{"
        );
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
        fn an_address_put_together_again_is_the_same(text in "([{}a-z:/]|\\{start\\}|\\{end\\})*") {
            prop_assert_eq!(written(&Template::url(&text), "{start}", "{end}"), text);
        }

        #[test]
        fn a_query_put_together_again_is_the_same(text in r#"([-:$'"`#?@/*\\ \n\[\]eEaé_1]|:start|:end|\$q\$)*"#) {
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
