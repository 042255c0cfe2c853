//! CSV and JSON: one record per month, the same keys in the same order. Rates are ratios.

use serde::{Serialize, Serializer};

use super::{error::Error, rows::Row};
use crate::domain::{Tickets, stamp};

/// Every key and what it means, in order. `docs/report.md` is held against it by a test.
pub const KEYS: [(&str, &str); 17] = [
    ("month", "The calendar month, as `2025-01`."),
    (
        "start",
        "Its first instant in the chosen time zone, in UTC, as `2024-12-31T23:00:00Z`.",
    ),
    (
        "end",
        "The first instant after it. For the running month (only with `--include-current`): the instant of reading, cut to the minute, so that `end` is not the start of a month.",
    ),
    (
        "population",
        "Window population: its count over `[start, end)`. Total: the stock at `end`.",
    ),
    ("created", "Tickets created."),
    (
        "resolved",
        "Tickets closed with at least one reply, each once.",
    ),
    ("closed", "Tickets closed, with or without reply."),
    ("replies", "Replies sent by the team."),
    (
        "rate_created",
        "`created` ÷ `population`, a ratio: 0.0525 is 5.25 %.",
    ),
    (
        "rate_created_lower",
        "Lower end of its 95 % confidence band.",
    ),
    (
        "rate_created_upper",
        "Upper end of its 95 % confidence band.",
    ),
    ("rate_resolved", "`resolved` ÷ `population`."),
    ("rate_closed", "`closed` ÷ `population`."),
    ("rate_replies", "`replies` ÷ `population`."),
    (
        "change_created",
        "`created` less that of the month before. Unknown for the running month, as are the next two.",
    ),
    (
        "change_population_effect",
        "Tickets of that change that come from a larger or smaller population.",
    ),
    (
        "change_rate_effect",
        "Tickets of that change that come from a higher or lower rate. The two effects sum to `change_created`.",
    ),
];

/// The field names are the keys.
#[derive(Debug, Serialize)]
struct Record {
    month: String,
    start: String,
    end: String,
    #[serde(serialize_with = "shortest")]
    population: Option<f64>,
    created: Option<u64>,
    resolved: Option<u64>,
    closed: Option<u64>,
    replies: Option<u64>,
    rate_created: Option<f64>,
    rate_created_lower: Option<f64>,
    rate_created_upper: Option<f64>,
    rate_resolved: Option<f64>,
    rate_closed: Option<f64>,
    rate_replies: Option<f64>,
    change_created: Option<i64>,
    change_population_effect: Option<f64>,
    change_rate_effect: Option<f64>,
}

impl Record {
    fn new(row: &Row) -> Self {
        let rate = |tickets| row.assessment(tickets).map(|assessment| assessment.ratio);
        let created = row.assessment(Tickets::Created);
        let bounds = created.and_then(|assessment| assessment.bounds);
        let change = row.change();
        Self {
            month: row.month.to_string(),
            start: stamp(row.interval.start),
            end: stamp(row.interval.end),
            population: row.population,
            created: row.counts.created,
            resolved: row.counts.resolved,
            closed: row.counts.closed,
            replies: row.counts.replies,
            rate_created: rate(Tickets::Created),
            rate_created_lower: bounds.map(|bounds| bounds.lower),
            rate_created_upper: bounds.map(|bounds| bounds.upper),
            rate_resolved: rate(Tickets::Resolved),
            rate_closed: rate(Tickets::Closed),
            rate_replies: rate(Tickets::Replies),
            change_created: row.change_created,
            // Nothing is negative about no effect.
            change_population_effect: change.map(|change| change.population + 0.0),
            change_rate_effect: change.map(|change| change.rate + 0.0),
        }
    }
}

/// A whole number without `.0`: populations are counts, though some sources give fractions.
#[expect(
    clippy::ref_option,
    reason = "serde asks with a reference to the field"
)]
fn shortest<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    /// Whole numbers up to here are exact.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match *value {
        Some(value) if value.fract() == 0.0 && (0.0..=EXACT).contains(&value) => {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "whole and within 0..=2^53"
            )]
            let whole = value as u64;
            serializer.serialize_some(&whole)
        }
        Some(value) => serializer.serialize_some(&value),
        None => serializer.serialize_none(),
    }
}

/// RFC 4180 with a header and LF line ends; unknown is empty.
pub(super) fn csv(rows: &[Row]) -> Result<String, Error> {
    let error = |source: Box<dyn std::error::Error + Send + Sync>| Error::Encode {
        format: "CSV",
        source,
    };
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer
            .serialize(Record::new(row))
            .map_err(|source| error(source.into()))?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|source| error(source.into_error().into()))?;
    String::from_utf8(bytes).map_err(|source| error(source.into()))
}

/// An array of objects; unknown is null.
pub(super) fn json(rows: &[Row]) -> Result<String, Error> {
    let records: Vec<Record> = rows.iter().map(Record::new).collect();
    let mut text = serde_json::to_string_pretty(&records).map_err(|source| Error::Encode {
        format: "JSON",
        source: source.into(),
    })?;
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        commands::report::{
            months::{periods, time_zone},
            reading::Known,
            rows::rows,
        },
        domain::ContactCounts,
    };

    /// December 2017 with this population, and nothing known of November.
    fn december(population: Option<f64>) -> Vec<Row> {
        let month = "2017-12".parse().unwrap();
        let now = "2018-02-01T00:00:00Z".parse().unwrap();
        let utc = time_zone("UTC").unwrap();
        let periods = periods(Some(month), Some(month), false, &utc, now).unwrap();
        let known = Known {
            counts: ContactCounts {
                created: Some(126),
                ..ContactCounts::default()
            },
            population,
            dispersion: None,
        };
        rows(&periods, &[Known::default(), known])
    }

    #[test]
    fn the_keys_are_the_documented_ones_in_order() {
        let names: Vec<&str> = KEYS.iter().map(|(key, _)| *key).collect();
        let text = csv(&december(Some(2400.0))).unwrap();
        assert_eq!(text.lines().next().unwrap(), names.join(","));
        let text = json(&december(Some(2400.0))).unwrap();
        let keys: Vec<&str> = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix('"')?.split('"').next())
            .collect();
        assert_eq!(keys, names);
    }

    #[test]
    fn unknown_is_empty_or_null() {
        let text = csv(&december(None)).unwrap();
        assert_eq!(
            text.lines().nth(1).unwrap(),
            "2017-12,2017-12-01T00:00:00Z,2018-01-01T00:00:00Z,,126,,,,,,,,,,,,"
        );
        let text = json(&december(None)).unwrap();
        assert_eq!(text.matches(": null").count(), 13);
        assert!(text.contains("\"created\": 126"));
    }

    #[test]
    fn whole_populations_have_no_fraction() {
        for (population, expected) in [
            (2400.0, ",2400,126,"),
            (0.0, ",0,126,"),
            (2400.5, ",2400.5,126,"),
            (9_007_199_254_740_992.0, ",9007199254740992,126,"),
        ] {
            let text = csv(&december(Some(population))).unwrap();
            assert!(text.contains(expected), "{text}");
        }
    }
}
