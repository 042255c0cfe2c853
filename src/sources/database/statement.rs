//! A query, its placeholders, and how they are bound.

use std::sync::Mutex;

use jiff::{Timestamp, tz::TimeZone};
use tokio::time::{Duration, Instant};

use super::{
    comparison::{self, Comparison},
    relation,
};
use crate::{
    config::{Bound, Dialect, Edge, Form, Template},
    domain::Interval,
};

/// How long what was found out about a query's comparisons is believed: the next version of an
/// application may write its times in another way.
const BELIEVED: Duration = Duration::from_hours(1);

/// A query in the SQL of one kind of database.
pub struct Statement {
    template: Template,
    dialect: Dialect,
    /// What it compares with its placeholders, as far as that can be read.
    comparisons: Vec<Comparison>,
    /// The tables that it names.
    tables: Vec<relation::Named>,
    /// When its comparisons were last found to be defined.
    examined: Mutex<Option<Instant>>,
}

impl Statement {
    /// The query `template`, for databases that speak `dialect`.
    pub fn new(template: Template, dialect: Dialect) -> Self {
        let query = comparison::read(&template, dialect);
        if query.is_none() {
            tracing::debug!("a query cannot be read, so that what it compares is not looked at");
        }
        let query = query.as_deref();
        Self {
            comparisons: query.map_or_else(Vec::new, |query| comparison::of(query, dialect)),
            tables: query.map_or_else(Vec::new, relation::named),
            template,
            dialect,
            examined: Mutex::new(None),
        }
    }

    pub(super) fn template(&self) -> &Template {
        &self.template
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub(super) fn comparisons(&self) -> &[Comparison] {
        &self.comparisons
    }

    pub(super) fn tables(&self) -> &[relation::Named] {
        &self.tables
    }

    /// Whether its comparisons must be looked at before an answer is believed.
    pub(super) fn is_due(&self) -> bool {
        let examined = *self
            .examined
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        !self.comparisons.is_empty() && examined.is_none_or(|at| at.elapsed() >= BELIEVED)
    }

    pub(super) fn was_examined(&self) {
        *self
            .examined
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(Instant::now());
    }
}

/// A value that is bound to a placeholder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Bind {
    /// As the database writes instants.
    Instant(Timestamp),
    /// Seconds since 1970.
    Unix(i64),
    /// A text.
    Iso(String),
}

impl Bind {
    pub(super) fn of(bound: Bound, interval: Interval) -> Self {
        let instant = match bound.edge {
            Edge::Start => interval.start,
            Edge::End => interval.end,
        };
        match bound.form {
            Form::Instant => Self::Instant(instant),
            Form::Unix => Self::Unix(instant.as_second()),
            Form::Iso => Self::Iso(written(instant, "%Y-%m-%dT%H:%M:%S")),
        }
    }
}

/// `instant` in UTC.
pub(super) fn written(instant: Timestamp, format: &str) -> String {
    instant.to_zoned(TimeZone::UTC).strftime(format).to_string()
}

/// Text and values of a query whose placeholders are numbered, each distinct one once.
pub(super) fn numbered(template: &Template, prefix: char) -> (String, Vec<Bound>) {
    let mut bounds: Vec<Bound> = Vec::new();
    let text = template.written(|bound| {
        let index = bounds.iter().position(|known| *known == bound);
        let index = index.unwrap_or_else(|| {
            bounds.push(bound);
            bounds.len() - 1
        });
        format!("{prefix}{}", index + 1)
    });
    (text, bounds)
}

/// Text and values of a query whose placeholders are counted, each as often as it occurs.
pub(super) fn counted(template: &Template) -> (String, Vec<Bound>) {
    (
        template.written(|_| "?".to_owned()),
        template.bounds().collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_numbered_or_counted() {
        let query = Template::sql(
            "SELECT :end, :start_unix, :end, :start_iso",
            Dialect::Sqlite,
        );
        let (text, bounds) = numbered(&query, '$');
        assert_eq!(text, "SELECT $1, $2, $1, $3");
        assert_eq!(bounds.len(), 3);
        let (text, bounds) = counted(&query);
        assert_eq!(text, "SELECT ?, ?, ?, ?");
        assert_eq!(bounds.len(), 4);
        let interval = Interval::ending_at("2026-01-03T00:00:00Z".parse().unwrap(), 60);
        let binds: Vec<Bind> = bounds.iter().map(|b| Bind::of(*b, interval)).collect();
        assert_eq!(
            binds,
            [
                Bind::Instant(interval.end),
                Bind::Unix(1_767_398_340),
                Bind::Instant(interval.end),
                Bind::Iso("2026-01-02T23:59:00".to_owned()),
            ]
        );
    }
}
