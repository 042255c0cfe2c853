//! The keys beside `database`.

use std::collections::BTreeMap;

use super::{Question, SEGMENT, Schema, SqlDesk, with_segment};
use crate::config::{
    Bound, Dialect, Segment, Template,
    databases::Databases,
    decode::{Decoder, Field, Section, suggestion},
    document::Position,
    query::{foreign_placeholder, misfit},
};

/// Reads the keys beside `database` in `section`.
pub fn desk(
    decoder: &mut Decoder<'_>,
    mut section: Section<'_>,
    database: &Field<'_>,
    databases: &Databases,
) -> Option<SqlDesk> {
    let schema_field = section.take("schema");
    let schema = schema_field.as_ref().map(|field| {
        let choices = Schema::ALL.map(|schema| (schema.name(), schema));
        decoder.choice(field, &choices)
    });
    let account = section.take("account_id");
    let prefix = section.take("table_prefix");
    let asked = questions(&mut section);
    let is_faulty = databases.faulty.iter().any(|name| database.is(name));
    let choices: Vec<(&str, usize)> = databases
        .usable
        .iter()
        .enumerate()
        .map(|(index, database)| (database.name.as_str(), index))
        .collect();
    let none = "there is no database to ask; add one under `databases`";
    let database = if is_faulty {
        // Its own problem is told already.
        None
    } else {
        decoder.one_of(database, &choices, none)
    };
    // What goes with a misspelt schema is not known.
    let is_known = schema.is_none_or(|schema| schema.is_some());
    let given = Given {
        schema: schema.flatten(),
        account: match account.filter(|_| is_known) {
            Some(field) => account_id(decoder, &field, schema.flatten()),
            None => missing_account(decoder, schema.flatten(), schema_field.as_ref()),
        },
        prefix: table_prefix(decoder, prefix.filter(|_| is_known), schema.flatten()),
    };
    if schema.is_none()
        && !asked
            .iter()
            .any(|(question, _)| *question == Question::Created)
    {
        decoder.missing(
            &section,
            "schema (whose queries come with the exporter) or created (a query of your own)",
        );
    }
    decoder.finish(section);
    let database_index = database?;
    let dialect = databases.usable.get(database_index)?.dialect;
    if let (Some(schema), Some(field)) = (given.schema, &schema_field)
        && !schema.speaks(dialect)
    {
        let known = [Dialect::Postgres, Dialect::Mysql]
            .into_iter()
            .filter(|dialect| schema.speaks(*dialect))
            .map(Dialect::product);
        let known: Vec<&str> = known.collect();
        decoder.problem(
            field,
            format!(
                "{} keeps its tickets in {}, and the database is {}",
                schema.product(),
                known.join(" or "),
                dialect.product()
            ),
        );
        return None;
    }
    let queries = queries(decoder, &given, &asked, dialect);
    is_known.then_some(SqlDesk {
        database: database_index,
        schema: given.schema,
        dialect,
        queries,
    })
}

/// What fills the queries of a schema.
struct Given {
    schema: Option<Schema>,
    account: Option<i64>,
    prefix: String,
}

fn questions<'n>(section: &mut Section<'n>) -> Vec<(Question, Field<'n>)> {
    let all = [
        (Question::Created, section.take("created")),
        (Question::CreatedByDay, section.take("created_by_day")),
        (Question::Closed, section.take("closed")),
        (Question::Resolved, section.take("resolved")),
        (Question::Replies, section.take("replies")),
        (
            Question::ReceivedMessages,
            section.take("received_messages"),
        ),
        (Question::Open, section.take("open")),
        (Question::OldestOpen, section.take("oldest_open")),
        (
            Question::FirstResponseMeanSeconds,
            section.take("first_response_mean_seconds"),
        ),
        (Question::Ratings, section.take("ratings")),
    ];
    all.into_iter()
        .filter_map(|(question, field)| Some((question, field?)))
        .collect()
}

fn account_id(decoder: &mut Decoder<'_>, field: &Field<'_>, schema: Option<Schema>) -> Option<i64> {
    let Some(schema) = schema else {
        decoder.problem(field, "goes with a schema that needs it (chatwoot)");
        return None;
    };
    if !schema.needs_account() {
        let product = schema.product();
        decoder.problem(
            field,
            format!("{product} has one account per database: leave it out"),
        );
        return None;
    }
    decoder.parsed(field, "the number of an account", |text| {
        text.value.parse().ok().filter(|number| *number > 0)
    })
}

fn missing_account(
    decoder: &mut Decoder<'_>,
    schema: Option<Schema>,
    place: Option<&Field<'_>>,
) -> Option<i64> {
    if let (Some(schema), Some(place)) = (schema.filter(|schema| schema.needs_account()), place) {
        let product = schema.product();
        decoder.problem(
            place,
            format!("account_id is missing: one {product} database can hold several accounts, as in `account_id: 1`"),
        );
    }
    None
}

fn table_prefix(
    decoder: &mut Decoder<'_>,
    field: Option<Field<'_>>,
    schema: Option<Schema>,
) -> String {
    let default = schema.and_then(Schema::default_prefix);
    let Some(field) = field else {
        return default.unwrap_or_default().to_owned();
    };
    if default.is_none() {
        let whose = schema.map_or(
            "queries of your own name their tables whole".to_owned(),
            |schema| format!("the names of {}'s tables are fixed", schema.product()),
        );
        decoder.problem(&field, format!("{whose}: leave it out"));
        return String::new();
    }
    let expected = "what the names of tables begin with, of letters, digits and _, such as ost_";
    let prefix = decoder.parsed(&field, expected, |text| {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
        text.value.chars().all(fits).then(|| text.value.clone())
    });
    prefix.unwrap_or_default()
}

/// The schema's queries, and those that replace them.
fn queries(
    decoder: &mut Decoder<'_>,
    given: &Given,
    asked: &[(Question, Field<'_>)],
    dialect: Dialect,
) -> BTreeMap<Question, String> {
    let of_schema = |question| {
        let query = given.schema?.query(dialect, question)?;
        let account = given.account.unwrap_or_default().to_string();
        Some(
            query
                .replace("{table_prefix}", &given.prefix)
                .replace("{account_id}", &account),
        )
    };
    let mut queries: BTreeMap<Question, String> = Question::ALL
        .into_iter()
        .filter(|question| question.is_asked_by_default())
        .filter_map(|question| Some((question, of_schema(question)?)))
        .collect();
    for (question, field) in asked {
        let Some(text) = decoder.text(field) else {
            continue;
        };
        match (text.value.as_str(), text.plain) {
            ("true", true) => match (of_schema(*question), given.schema) {
                (Some(query), _) => {
                    queries.insert(*question, query);
                }
                (None, Some(schema)) => decoder.problem(
                    field,
                    format!(
                        "{} cannot tell this; write a query of your own",
                        schema.product()
                    ),
                ),
                (None, None) => decoder.problem(field, "expected a query; true goes with schema"),
            },
            ("false", true) if *question == Question::Created => {
                decoder.problem(
                    field,
                    "created tickets are what every rate begins with: they are always asked for",
                );
            }
            ("false", true) => {
                queries.remove(question);
            }
            _ => {
                if let Some(message) = refuse(*question, &text.value, dialect) {
                    decoder.problem(field, message);
                }
                queries.insert(*question, text.value);
            }
        }
    }
    if queries.contains_key(&Question::OldestOpen) && !queries.contains_key(&Question::Open) {
        // A time without a count has no series to stand beside.
        queries.remove(&Question::OldestOpen);
        if let Some((_, field)) = asked.iter().find(|(one, _)| *one == Question::OldestOpen) {
            decoder.problem(
                field,
                "goes with open, which says how many tickets there are of each status",
            );
        }
    }
    queries
}

/// Why a query of one's own cannot be asked.
fn refuse(question: Question, text: &str, dialect: Dialect) -> Option<String> {
    let query = with_segment(text, None, dialect);
    if query.trim().is_empty() {
        return Some("expected a query, found an empty text".to_owned());
    }
    if let Some(message) = unfit(&query, dialect) {
        return Some(message);
    }
    let template = Template::sql(&query, dialect);
    let (start, end) = (template.uses_start(), template.uses_end());
    if question.is_about_now() {
        (start || end).then(|| "is about now: it must use neither :start nor :end".to_owned())
    } else {
        (!start || !end).then(|| {
            "counts over an interval: it must use both :start and :end (outside of strings and comments)"
                .to_owned()
        })
    }
}

/// Why `query` is none that reads, or holds what nothing fills.
fn unfit(query: &str, dialect: Dialect) -> Option<String> {
    if let Some(placeholder) = foreign_placeholder(query, dialect) {
        let names = Bound::ALL.map(|bound| format!(":{}", bound.name()));
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let near = suggestion(placeholder, &names);
        return Some(format!(
            "nothing fills the placeholder {placeholder}; only :start and :end are known, and :start_unix, :end_unix, :start_iso, :end_iso{near}"
        ));
    }
    misfit(query, dialect).map(str::to_owned)
}

/// Holds every segment's `where` against the queries: `places` says where each segment's is.
pub fn fit_segments(
    decoder: &mut Decoder<'_>,
    desk: &SqlDesk,
    segments: &[Segment],
    places: &[(String, Position, String)],
) {
    let filtered = || {
        segments
            .iter()
            .filter(|segment| segment.condition.is_some())
    };
    for segment in filtered() {
        let Some((_, position, key)) = places.iter().find(|(name, ..)| *name == segment.name)
        else {
            continue;
        };
        let condition = segment.condition.as_ref().map_or("", |text| text.as_str());
        let whole: Vec<&str> = desk
            .queries()
            .filter(|(_, text)| !text.contains(SEGMENT))
            .map(|(question, _)| question.name())
            .collect();
        if !whole.is_empty() {
            decoder.problem_at(
                *position,
                key,
                format!(
                    "tickets.{} has no {{segment}}, so that it would count all tickets under this name; write `WHERE {{segment}} AND …` in it",
                    whole.join(", tickets.")
                ),
            );
        }
        let alone = format!("SELECT 1 WHERE ({condition}\n)");
        if let Some(message) = unfit(&alone, desk.dialect()) {
            decoder.problem_at(*position, key, message);
        } else if !closes(condition) {
            decoder.problem_at(
                *position,
                key,
                "its brackets do not close: it would reach beyond the place of {segment}",
            );
        }
    }
}

/// Whether no bracket of a condition closes what stands around it. Strings that hold brackets must
/// hold as many of both.
fn closes(condition: &str) -> bool {
    let mut depth = 0_i32;
    for character in condition.chars() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return false;
        }
    }
    depth == 0
}

impl Dialect {
    /// What people call such databases.
    pub const fn product(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::Mysql => "MySQL or MariaDB",
            Self::Sqlite => "SQLite",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_stays_within_its_brackets() {
        assert!(closes("t.a IN (1, 2) OR (t.b)"));
        assert!(!closes("t.a) OR (t.b"));
        assert!(!closes("(t.a"));
    }
}
