//! What a query must be: one statement, and one that reads.

use super::{
    Dialect,
    lexer::{Kind, tokens},
};

/// What is wrong with `text` as a query, if it is not exactly one statement that reads; `None` for
/// an empty text too, which others refuse.
///
/// The database refuses to write as well. What it cannot refuse, or not in every case, ends here: a
/// second statement, a change of the session's settings, a copy of the data into a file.
pub fn misfit(text: &str, dialect: Dialect) -> Option<&'static str> {
    let mut words = tokens(text, dialect)
        .filter(|token| !is_blank(token.text, dialect))
        .map(|token| match token.kind {
            Kind::Other => token.text,
            // A placeholder is no word.
            Kind::Bound(_) | Kind::Foreign => "?",
        })
        .peekable();
    while words.next_if_eq(&"(").is_some() {}
    let first = words.peek()?;
    let starts = ["SELECT", "WITH", "VALUES", "TABLE"];
    if *first != ";" && !starts.iter().any(|start| first.eq_ignore_ascii_case(start)) {
        return Some(
            "is not a query: it must begin with SELECT, WITH or VALUES, since the session is read-only",
        );
    }
    let mut previous = "";
    while let Some(word) = words.next() {
        if word == ";" && words.any(|word| word != ";") {
            return Some("holds more than one statement, and a query is one");
        }
        if word.eq_ignore_ascii_case("into") && !previous.eq_ignore_ascii_case("as") {
            return Some(
                "says INTO, which writes the result somewhere else, and the session is read-only",
            );
        }
        if dialect == Dialect::Mysql && (word.starts_with("/*!") || word.starts_with("/*M!")) {
            return Some("holds a comment that the server executes (/*! … */): write it as SQL");
        }
        previous = word;
    }
    None
}

fn is_blank(token: &str, dialect: Dialect) -> bool {
    let is_comment = token.starts_with("--") && token.len() > 1
        || token.starts_with("/*") && !(token.starts_with("/*!") || token.starts_with("/*M!"))
        || token.starts_with("/*") && dialect != Dialect::Mysql
        || token.starts_with('#') && dialect == Dialect::Mysql;
    is_comment || token.chars().all(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use Dialect::{Mysql, Postgres, Sqlite};

    use super::*;

    const ALL: [Dialect; 3] = [Postgres, Mysql, Sqlite];

    #[test]
    fn one_statement_that_reads_fits() {
        for text in [
            "SELECT 1",
            " select 1 ; ; ",
            "-- how many\nSELECT 1 -- ; DELETE\n",
            "/* ; */ WITH a AS (SELECT 1) SELECT * FROM a",
            "(SELECT 1) UNION (SELECT 2)",
            "((SELECT ';' AS \"into; x\"))",
            "VALUES (1)",
            "SELECT :end",
            "",
            "-- nothing",
        ] {
            for dialect in ALL {
                assert_eq!(misfit(text, dialect), None, "{text} in {dialect:?}");
            }
        }
        assert_eq!(misfit("SELECT $$ ; $$ # 1", Postgres), None);
        assert_eq!(misfit("SELECT '\\'; DELETE'", Mysql), None);
        assert_eq!(misfit("/*! is a comment */ SELECT 1", Sqlite), None);
    }

    #[test]
    fn anything_else_does_not() {
        for (text, said) in [
            ("DELETE FROM t", "begin with SELECT"),
            ("PRAGMA query_only = OFF", "begin with SELECT"),
            ("SET SESSION TRANSACTION READ WRITE", "begin with SELECT"),
            ("ATTACH 'x' AS y", "begin with SELECT"),
            (":end", "begin with SELECT"),
            ("COMMIT", "begin with SELECT"),
            ("SELECT 1; DELETE FROM t", "more than one statement"),
            ("SELECT 1;; -- x\n SELECT 2", "more than one statement"),
            ("; DELETE FROM t", "more than one statement"),
            ("SELECT 1 INTO x", "INTO"),
        ] {
            for dialect in ALL {
                let found = misfit(text, dialect);
                assert!(
                    found.is_some_and(|found| found.contains(said)),
                    "{text} in {dialect:?}: {found:?}"
                );
            }
        }
        for text in [
            "SELECT 1 INTO OUTFILE '/tmp/x'",
            "SELECT 1 into dumpfile '/tmp/x'",
            "SELECT 1 /*! INTO OUTFILE '/tmp/x' */",
            "/*! DELETE FROM t */",
            "SELECT 1 /*M!100000 INTO OUTFILE '/tmp/x' */",
        ] {
            assert!(misfit(text, Mysql).is_some(), "{text}");
        }
        // A backslash hides a quote in MySQL only.
        assert!(misfit("SELECT '\\'; DELETE'", Sqlite).is_some());
    }
}
