//! Placeholders of SQL queries and HTTP addresses.

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
        Self {
            pieces: split_sql(text, dialect),
        }
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

/// Splits SQL at its placeholders.
fn split_sql(text: &str, dialect: Dialect) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let placeholder = [(":start", Piece::Start), (":end", Piece::End)]
            .into_iter()
            .find(|(name, _)| {
                rest.starts_with(name) && !rest.get(name.len()..).is_some_and(continues_name)
            });
        if let Some((name, piece)) = placeholder {
            pieces.push(piece);
            rest = rest.get(name.len()..).unwrap_or_default();
            continue;
        }
        let length = token_length(rest, dialect).max(1);
        let (token, after) = rest.split_at(length);
        push_text(&mut pieces, token);
        rest = after;
    }
    pieces
}

fn continues_name(rest: &str) -> bool {
    rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

/// Length in bytes of the token that `rest` starts with, as far as it matters here: strings,
/// quoted names and comments are taken whole; anything unclosed runs to the end.
fn token_length(rest: &str, dialect: Dialect) -> usize {
    let backslashes = dialect == Dialect::Mysql;
    let until = |opening: usize, closing: &str| {
        rest.get(opening..)
            .and_then(|inner| inner.find(closing))
            .map_or(rest.len(), |at| opening + at + closing.len())
    };
    let mut characters = rest.chars();
    let (first, second) = (characters.next(), characters.next());
    match (first, second) {
        (Some('-'), Some('-')) => until(2, "\n"),
        (Some('#'), _) if dialect == Dialect::Mysql => until(1, "\n"),
        (Some('/'), Some('*')) => block_comment_length(rest, dialect == Dialect::Postgres),
        (Some('\''), _) => quoted_length(rest, 0, '\'', backslashes),
        // PostgreSQL's escape strings know backslashes.
        (Some('e' | 'E'), Some('\'')) if dialect == Dialect::Postgres => {
            quoted_length(rest, 1, '\'', true)
        }
        (Some('"'), _) => quoted_length(rest, 0, '"', backslashes),
        (Some('`'), _) if dialect != Dialect::Postgres => quoted_length(rest, 0, '`', false),
        (Some('['), _) if dialect == Dialect::Sqlite => until(1, "]"),
        (Some('$'), _) if dialect == Dialect::Postgres => dollar_quoted_length(rest),
        (Some(':'), Some(':')) => 2,
        (Some(c), _) if c.is_alphanumeric() || c == '_' => rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
            .unwrap_or(rest.len()),
        (Some(c), _) => c.len_utf8(),
        (None, _) => 0,
    }
}

fn quoted_length(rest: &str, prefix: usize, quote: char, backslashes: bool) -> usize {
    let mut characters = rest.char_indices().skip(prefix + 1).peekable();
    while let Some((at, character)) = characters.next() {
        if backslashes && character == '\\' {
            characters.next();
        } else if character == quote {
            // A doubled quote stands for itself.
            if characters.peek().is_some_and(|(_, next)| *next == quote) {
                characters.next();
            } else {
                return at + quote.len_utf8();
            }
        }
    }
    rest.len()
}

/// PostgreSQL nests block comments, the others do not.
fn block_comment_length(rest: &str, nests: bool) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(tail) = rest.get(at..).filter(|tail| !tail.is_empty()) {
        if tail.starts_with("/*") && (nests || depth == 0) {
            depth += 1;
            at += 2;
        } else if tail.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += tail.chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// `$tag$ … $tag$`; a lone `$` or a `$1` is one character.
fn dollar_quoted_length(rest: &str) -> usize {
    let Some(tag_end) = rest.get(1..).and_then(|inner| inner.find('$')) else {
        return 1;
    };
    let tag = rest.get(..tag_end + 2).unwrap_or_default();
    let name = tag.trim_matches('$');
    let is_tag = name.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if !is_tag {
        return 1;
    }
    rest.get(tag.len()..)
        .and_then(|body| body.find(tag))
        .map_or(rest.len(), |at| tag.len() + at + tag.len())
}
