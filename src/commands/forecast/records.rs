//! CSV: one record per coming week. JSON: the same records, and what holds for all of them.

use serde::Serialize;

use super::{
    contents::{Contents, Row},
    error::Error,
};
use crate::domain::{forecast::Horizon, stamp};

/// Every key of a week and what it means, in order. `docs/forecast.md` is held against it by a test.
pub const KEYS: [(&str, &str); 11] = [
    ("week", "The week's Monday in `time_zone`, as `2026-11-30`."),
    ("start", "Its first instant, in UTC."),
    ("end", "The first instant after it."),
    ("tickets", "Expected tickets created."),
    ("lower", "Lower 90 % bound."),
    ("upper", "Upper 90 % bound."),
    (
        "population",
        "The expected population that the forecast goes through, or that `--population` names: the flow of the week, or the stock at its end.",
    ),
    ("capacity", "Tickets a week that the team can resolve."),
    (
        "what_if_tickets",
        "Expected tickets if `--rate` and `--population-growth` come true; unknown without them, as are the next two.",
    ),
    ("what_if_lower", "Their lower bound."),
    ("what_if_upper", "Their upper bound."),
];

/// The field names are the keys.
#[derive(Debug, Serialize)]
struct Record {
    week: String,
    start: String,
    end: String,
    tickets: f64,
    lower: Option<f64>,
    upper: Option<f64>,
    population: Option<f64>,
    capacity: Option<f64>,
    what_if_tickets: Option<f64>,
    what_if_lower: Option<f64>,
    what_if_upper: Option<f64>,
}

impl Record {
    fn new(contents: &Contents, row: &Row) -> Self {
        let (lower, upper) = row.tickets.bounds.unzip();
        let (what_if_lower, what_if_upper) = row.what_if.and_then(|band| band.bounds).unzip();
        Self {
            week: row.week.monday.to_string(),
            start: stamp(row.week.interval.start),
            end: stamp(row.week.interval.end),
            tickets: row.tickets.expected,
            lower,
            upper,
            population: row.population,
            capacity: contents.capacity,
            what_if_tickets: row.what_if.map(|band| band.expected),
            what_if_lower,
            what_if_upper,
        }
    }
}

/// The whole of a JSON forecast.
#[derive(Debug, Serialize)]
struct Whole<'a> {
    segment: &'a str,
    method: &'static str,
    population: Option<&'a str>,
    known_weeks: usize,
    level_since: Option<String>,
    capacity: Option<f64>,
    capacity_reached: Option<String>,
    what_if_capacity_reached: Option<String>,
    quality: Vec<Quality>,
    weeks: Vec<Record>,
}

/// How good it has been over one horizon.
#[derive(Debug, Serialize)]
struct Quality {
    horizon: &'static str,
    error: Option<f64>,
    naive_error: Option<f64>,
    coverage: Option<f64>,
}

pub(super) fn csv(contents: &Contents) -> Result<String, Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let fail = |source: Box<dyn std::error::Error + Send + Sync>| Error::Encode {
        format: "CSV",
        source,
    };
    let rows = contents.rows();
    if rows.is_empty() {
        let keys = KEYS.map(|(key, _)| key);
        writer
            .write_record(keys)
            .map_err(|error| fail(error.into()))?;
    }
    for row in &rows {
        let record = Record::new(contents, row);
        writer
            .serialize(record)
            .map_err(|error| fail(error.into()))?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|error| fail(error.to_string().into()))?;
    String::from_utf8(bytes).map_err(|error| fail(error.into()))
}

pub(super) fn json(contents: &Contents) -> Result<String, Error> {
    let forecast = &contents.forecast;
    let monday =
        |week: Option<crate::domain::forecast::Week>| week.map(|week| week.monday.to_string());
    let quality = Horizon::ALL
        .into_iter()
        .enumerate()
        .filter_map(|(index, horizon)| {
            (*forecast.horizons.get(index)?)?;
            let quality = forecast.quality.get(index)?;
            Some(Quality {
                horizon: horizon.name(),
                error: quality.error,
                naive_error: *forecast.naive_error.get(index)?,
                coverage: quality.coverage,
            })
        });
    let whole = Whole {
        segment: &contents.segment,
        method: forecast.method.name(),
        population: contents.through.as_deref(),
        known_weeks: forecast.known_weeks,
        level_since: forecast
            .level_since
            .and_then(|since| monday(contents.past_weeks.get(since).copied())),
        capacity: contents.capacity,
        capacity_reached: monday(contents.reached(false)),
        what_if_capacity_reached: monday(contents.reached(true)),
        quality: quality.collect(),
        weeks: contents
            .rows()
            .iter()
            .map(|row| Record::new(contents, row))
            .collect(),
    };
    let text = serde_json::to_string_pretty(&whole).map_err(|error| Error::Encode {
        format: "JSON",
        source: error.into(),
    })?;
    Ok(text + "\n")
}
