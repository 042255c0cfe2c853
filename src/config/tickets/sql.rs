//! `tickets` with `database`: queries of a schema that comes with the exporter, or one's own.

mod decode;
mod question;
mod schema;

use std::{collections::BTreeMap, fmt};

use crate::config::{ConfigText, Dialect, Segment, Template};

pub use decode::{desk, fit_segments};
pub use question::Question;
pub use schema::Schema;

/// A SQL database in which tickets are counted.
#[derive(Clone)]
pub struct SqlDesk {
    /// Index into [`Config::databases`](crate::config::Config::databases).
    pub database: usize,
    /// The product whose tables are counted; `None` where all queries are one's own.
    pub schema: Option<Schema>,
    dialect: Dialect,
    /// With `{segment}`; everything else is filled in.
    queries: BTreeMap<Question, String>,
}

impl fmt::Debug for SqlDesk {
    /// Queries can come from the environment.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SqlDesk")
            .field("database", &self.database)
            .field("schema", &self.schema)
            .field("questions", &self.queries.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

impl SqlDesk {
    /// What people call the desk.
    pub fn name(&self) -> &'static str {
        self.schema.map_or("SQL", Schema::product)
    }

    /// Whether it is asked `question`.
    pub fn answers(&self, question: Question) -> bool {
        self.queries.contains_key(&question)
    }

    /// The query for `question` about a segment, if it is asked.
    pub fn query(&self, question: Question, segment: &Segment) -> Option<Template> {
        let text = self.queries.get(&question)?;
        let condition = segment.condition.as_ref().map(ConfigText::as_str);
        Some(Template::sql(
            &with_segment(text, condition, self.dialect),
            self.dialect,
        ))
    }

    /// Which SQL its queries are written in.
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// What is asked of it, for the hash of the definition.
    pub fn queries(&self) -> impl Iterator<Item = (Question, &str)> {
        self.queries
            .iter()
            .map(|(question, text)| (*question, text.as_str()))
    }
}

/// What stands for a segment's filter in a query.
const SEGMENT: &str = "{segment}";

/// `text` with `{segment}` replaced by a condition in brackets, or by one that always holds. The line
/// that ends it ends a comment too.
fn with_segment(text: &str, condition: Option<&str>, dialect: Dialect) -> String {
    // SQLite before 3.23 knows no TRUE.
    let always = if dialect == Dialect::Sqlite {
        "1"
    } else {
        "TRUE"
    };
    match condition {
        Some(condition) => text.replace(SEGMENT, &format!("({condition}\n)")),
        None => text.replace(SEGMENT, always),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_a_condition_in_brackets_that_a_comment_cannot_leave_open() {
        let text = "SELECT count(*) FROM a t WHERE {segment} AND EXISTS (SELECT 1 WHERE {segment})";
        assert_eq!(
            with_segment(text, None, Dialect::Postgres),
            "SELECT count(*) FROM a t WHERE TRUE AND EXISTS (SELECT 1 WHERE TRUE)"
        );
        assert_eq!(
            with_segment(
                "WHERE {segment} AND x",
                Some("a OR b -- both"),
                Dialect::Mysql
            ),
            "WHERE (a OR b -- both\n) AND x"
        );
    }
}
