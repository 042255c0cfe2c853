//! As much of the three SQL dialects as it takes to know a placeholder from what only looks like
//! one: strings, quoted names, comments and casts.
//!
//! Sources: PostgreSQL documentation 4.1 "Lexical Structure"; MySQL reference manual 11.1 to 11.7
//! "Language Structure"; SQLite "SQL As Understood By SQLite".

use super::{Bound, Dialect};

/// What a token is, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One of our placeholders.
    Bound(Bound),
    /// A placeholder that is not ours.
    Foreign,
    /// Anything else.
    Other,
}

/// A piece of SQL that cannot be cut further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
}

/// The tokens of `text`: none is empty, and together they are `text`.
pub(super) fn tokens(text: &str, dialect: Dialect) -> impl Iterator<Item = Token<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (kind, length) = first(rest, dialect)?;
        let (token, after) = rest.split_at(length);
        rest = after;
        Some(Token { kind, text: token })
    })
}

/// Kind and length in bytes of the token that `rest` starts with. Anything unclosed runs to the end.
fn first(rest: &str, dialect: Dialect) -> Option<(Kind, usize)> {
    use Dialect::{Mysql, Postgres, Sqlite};
    let mut characters = rest.chars();
    let first = characters.next()?;
    let second = characters.next();
    let other = |length| Some((Kind::Other, length));
    match (first, second) {
        ('-', Some('-')) if dialect != Mysql => other(line_length(rest, dialect)),
        // In MySQL, `5--1` is a sum: a comment's dashes are followed by white space.
        ('-', Some('-'))
            if characters
                .next()
                .is_none_or(|c| c.is_whitespace() || c.is_control()) =>
        {
            other(line_length(rest, dialect))
        }
        ('#', _) if dialect == Mysql => other(line_length(rest, dialect)),
        ('/', Some('*')) => other(block_comment_length(rest, dialect == Postgres)),
        ('\'', _) => other(quoted_length(rest, 0, '\'', dialect == Mysql)),
        // PostgreSQL's escape strings know backslashes.
        ('e' | 'E', Some('\'')) if dialect == Postgres => other(quoted_length(rest, 1, '\'', true)),
        ('"', _) => other(quoted_length(rest, 0, '"', dialect == Mysql)),
        ('`', _) if dialect != Postgres => other(quoted_length(rest, 0, '`', false)),
        ('[', _) if dialect == Sqlite => other(through(rest, ']')),
        ('$', Some('0'..='9')) if dialect == Postgres => {
            Some((Kind::Foreign, 1 + word_length(rest, 1)))
        }
        ('$', _) if dialect == Postgres => other(dollar_quoted_length(rest)),
        (':', Some(':')) => other(2),
        (':', Some(c)) if is_name(c) => Some(colon(rest, dialect)),
        ('?', _) if dialect != Postgres => Some((Kind::Foreign, 1 + word_length(rest, 1))),
        ('@' | '$', Some(c)) if dialect == Sqlite && is_name(c) => {
            Some((Kind::Foreign, 1 + word_length(rest, 1)))
        }
        (c, _) if is_name(c) => other(word_length(rest, 0)),
        (c, _) => other(c.len_utf8()),
    }
}

/// A colon and a name: a placeholder, or in PostgreSQL perhaps the bound of a slice, `a[1:n]`.
fn colon(rest: &str, dialect: Dialect) -> (Kind, usize) {
    let length = 1 + word_length(rest, 1);
    match rest.get(1..length).and_then(Bound::named) {
        Some(bound) => (Kind::Bound(bound), length),
        None if dialect == Dialect::Sqlite => (Kind::Foreign, length),
        // Not known to these; they will say so themselves.
        None => (Kind::Other, length),
    }
}

fn is_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Length of the name or number that begins at byte `from`. A `$` may be inside.
fn word_length(rest: &str, from: usize) -> usize {
    let word = rest.get(from..).unwrap_or_default();
    word.find(|c: char| !is_name(c) && c != '$')
        .unwrap_or(word.len())
}

/// Length up to the end of the line, the end included.
fn line_length(rest: &str, dialect: Dialect) -> usize {
    rest.find(|c| c == '\n' || (c == '\r' && dialect == Dialect::Postgres))
        .map_or(rest.len(), |at| at + 1)
}

/// Length up to `closing` (of one byte), which is included.
fn through(rest: &str, closing: char) -> usize {
    rest.find(closing).map_or(rest.len(), |at| at + 1)
}

/// Length of `prefix` characters of one byte and what stands between two `quote`s. A doubled quote
/// stands for itself, and after a backslash, where those count, anything does.
fn quoted_length(rest: &str, prefix: usize, quote: char, backslashes: bool) -> usize {
    let mut characters = rest.char_indices().skip(prefix + 1).peekable();
    while let Some((at, character)) = characters.next() {
        if backslashes && character == '\\' {
            characters.next();
        } else if character == quote && characters.next_if(|(_, next)| *next == quote).is_none() {
            return at + 1;
        }
    }
    rest.len()
}

/// PostgreSQL nests block comments, the others do not.
fn block_comment_length(rest: &str, nests: bool) -> usize {
    let mut depth = 1_usize;
    let mut at = 2;
    while let Some(tail) = rest.get(at..).filter(|tail| !tail.is_empty()) {
        if nests && tail.starts_with("/*") {
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

/// `$tag$ … $tag$`, where the tag is a name or nothing; a lone `$` is one character.
fn dollar_quoted_length(rest: &str) -> usize {
    let tag = rest
        .get(1..)
        .and_then(|inner| inner.find(|c| !is_name(c)))
        .and_then(|length| rest.get(..length + 2))
        .filter(|tag| tag.ends_with('$'));
    let Some(tag) = tag else {
        return 1;
    };
    rest.get(tag.len()..)
        .and_then(|body| body.find(tag))
        .map_or(rest.len(), |at| tag.len() + at + tag.len())
}

#[cfg(test)]
mod tests {
    use Dialect::{Mysql, Postgres, Sqlite};
    use proptest::prelude::*;

    use super::*;

    const ALL: [Dialect; 3] = [Postgres, Mysql, Sqlite];

    /// The query with placeholders as `<s>`, `<e>`, and foreign ones as `<?>`.
    fn marked(text: &str, dialect: Dialect) -> String {
        tokens(text, dialect)
            .map(|token| match token.kind {
                Kind::Bound(bound) => match bound.name() {
                    "start" => "<s>",
                    "end" => "<e>",
                    "start_unix" => "<su>",
                    "end_unix" => "<eu>",
                    "start_iso" => "<si>",
                    _ => "<ei>",
                },
                Kind::Foreign => "<?>",
                Kind::Other => token.text,
            })
            .collect()
    }

    #[track_caller]
    fn expect(dialects: &[Dialect], text: &str, expected: &str) {
        for &dialect in dialects {
            assert_eq!(marked(text, dialect), expected, "{text} in {dialect:?}");
        }
    }

    #[test]
    fn placeholders_are_found_wherever_an_expression_may_stand() {
        expect(&ALL, ":start", "<s>");
        expect(&ALL, "a<:end", "a<<e>");
        expect(&ALL, "(:start,:end)", "(<s>,<e>)");
        expect(&ALL, "x >= :start AND x < :end;", "x >= <s> AND x < <e>;");
        expect(&ALL, ":end-:start", "<e>-<s>");
        expect(&ALL, "'é':end", "'é'<e>");
        expect(
            &ALL,
            "(:start_unix,:end_unix,:start_iso,:end_iso)",
            "(<su>,<eu>,<si>,<ei>)",
        );
        expect(&[Postgres], ":end::timestamptz", "<e>::timestamptz");
        expect(&[Postgres], "x :::end", "x ::<e>");
    }

    #[test]
    fn what_only_begins_like_one_is_none() {
        expect(
            &[Postgres, Mysql],
            ":started :ending :end_ :end1 :endé :END",
            ":started :ending :end_ :end1 :endé :END",
        );
        expect(&ALL, "a::start ::end", "a::start ::end");
        expect(&ALL, ": start", ": start");
        expect(&[Postgres], "a[1:2] a[1:n] x := 1", "a[1:2] a[1:n] x := 1");
        expect(&[Mysql], "@a:=1", "@a:=1");
    }

    #[test]
    fn strings_are_left_alone() {
        expect(&ALL, "':end' :end", "':end' <e>");
        expect(&ALL, "'it''s :end' :end", "'it''s :end' <e>");
        expect(&ALL, "'' :end", "'' <e>");
        expect(&ALL, "'a :end", "'a :end");
        // A backslash is itself, in standard SQL.
        expect(&[Postgres, Sqlite], r"'\' :end '", r"'\' <e> '");
        expect(&[Mysql], r"'\' :end ' :end", r"'\' :end ' <e>");
        expect(&[Mysql], r#""\" :end " :end"#, r#""\" :end " <e>"#);
        expect(
            &[Postgres],
            r"E'\' :end ' e'\'' :end",
            r"E'\' :end ' e'\'' <e>",
        );
        expect(&[Postgres], r"E'\\' :end", r"E'\\' <e>");
        // An `e` at the end of a name begins no escape string.
        expect(&[Postgres], r"date'\' :end '", r"date'\' <e> '");
        expect(&[Postgres], "U&':end' B':end' :end", "U&':end' B':end' <e>");
        expect(&[Mysql], "_utf8':end' :end", "_utf8':end' <e>");
        expect(&[Postgres], "$$ :end $$ :end", "$$ :end $$ <e>");
        expect(
            &[Postgres],
            "$a$ :end $b$ $$ $a$ :end",
            "$a$ :end $b$ $$ $a$ <e>",
        );
        expect(&[Postgres], "$é_1$:end$é_1$:end", "$é_1$:end$é_1$<e>");
        expect(&[Postgres], "a$$ :end", "a$$ <e>");
        expect(&[Postgres], "$ :end $", "$ <e> $");
        expect(&[Postgres], "$a$ :end", "$a$ :end");
    }

    #[test]
    fn quoted_names_are_left_alone() {
        expect(&ALL, r#"":end" :end"#, r#"":end" <e>"#);
        expect(&ALL, r#""a"":end" :end"#, r#""a"":end" <e>"#);
        expect(&[Postgres, Sqlite], r#""\" :end"#, r#""\" <e>"#);
        expect(
            &[Mysql, Sqlite],
            "`:end` `a``:end` :end",
            "`:end` `a``:end` <e>",
        );
        expect(&[Mysql], r"`\` :end", r"`\` <e>");
        expect(&[Sqlite], "[:end] :end", "[:end] <e>");
        expect(&[Postgres], "a[:end]", "a[<e>]");
    }

    #[test]
    fn comments_are_left_alone() {
        expect(&ALL, "-- :end\n:end", "-- :end\n<e>");
        expect(&ALL, "1 --", "1 --");
        expect(&[Postgres, Sqlite], "--:end\n:end", "--:end\n<e>");
        expect(&[Mysql], "5--:end", "5--<e>");
        expect(&[Mysql], "--\t:end\n:end", "--\t:end\n<e>");
        expect(&[Mysql], "# :end\n:end", "# :end\n<e>");
        expect(&[Postgres], "a #> :end", "a #> <e>");
        expect(&[Postgres], "-- :end\r:end", "-- :end\r<e>");
        expect(&[Mysql, Sqlite], "-- :end\r:end", "-- :end\r:end");
        expect(&ALL, "/* :end */:end", "/* :end */<e>");
        expect(&ALL, "/*/ :end */:end", "/*/ :end */<e>");
        expect(&ALL, "/**/:end", "/**/<e>");
        expect(&ALL, "/* :end", "/* :end");
        expect(&[Postgres], "/* /* */ :end */ :end", "/* /* */ :end */ <e>");
        expect(&[Mysql, Sqlite], "/* /* */ :end */", "/* /* */ <e> */");
    }

    #[test]
    fn operators_are_no_placeholders() {
        expect(
            &[Postgres],
            "j ? 'a' ?| b @> c ->> 'x' #>> d @? e",
            "j ? 'a' ?| b @> c ->> 'x' #>> d @? e",
        );
        expect(&[Mysql], "j->>'$.a' -> '$.b' @x", "j->>'$.a' -> '$.b' @x");
        expect(&[Sqlite], "j->>'$.a' % 2", "j->>'$.a' % 2");
    }

    #[test]
    fn foreign_placeholders_are_told() {
        expect(&[Mysql, Sqlite], "a < ? AND '?' = b", "a < <?> AND '?' = b");
        expect(&[Sqlite], "?1 :ended @a $b :start", "<?> <?> <?> <?> <s>");
        expect(&[Postgres], "a < $1 AND $12", "a < <?> AND <?>");
        expect(&[Postgres], "a$1", "a$1");
    }

    proptest! {
        #[test]
        fn tokens_are_the_text(text in any::<String>()) {
            for dialect in ALL {
                let pieces: Vec<_> = tokens(&text, dialect).collect();
                prop_assert!(pieces.iter().all(|token| !token.text.is_empty()));
                prop_assert_eq!(pieces.iter().map(|token| token.text).collect::<String>(), text.as_str());
            }
        }

        #[test]
        fn whatever_is_quoted_hides_its_placeholders(text in r"(:end|:start|[-:$\\`#?/* \n\[\]a'])*") {
            let quoted = format!("'{}' :end", text.replace('\'', "''"));
            for dialect in [Postgres, Sqlite] {
                let ours = tokens(&quoted, dialect).filter(|token| token.kind != Kind::Other).count();
                prop_assert_eq!(ours, 1);
            }
            let quoted = format!("'{}' :end", text.replace('\\', r"\\").replace('\'', r"\'"));
            let ours = tokens(&quoted, Mysql).filter(|token| token.kind != Kind::Other).count();
            prop_assert_eq!(ours, 1);
        }
    }
}
