//! The sections `forecast` and `capacity`: how far back weeks are read, of what, and what the team
//! can carry.

use super::{
    Population, Segment,
    decode::{Decoder, Field, Section},
};
use crate::domain::{forecast::FEWEST_WEEKS, parse_duration};

/// Most weeks of history: five years.
const MOST_WEEKS: usize = 260;
const DEFAULT_WEEKS: usize = 104;
const WEEK_SECONDS: i64 = 7 * 24 * 60 * 60;

/// What is forecast. Without the section nothing is.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// Completed weeks that are read, 12 to 260.
    pub weeks: usize,
    /// Indices into [`super::Config::segments`], ascending, at least one.
    pub segments: Vec<usize>,
    /// Indices into [`super::Config::populations`], ascending; every one has a past.
    pub populations: Vec<usize>,
    /// Tickets a week that the team can resolve, by index into [`super::Config::segments`]. Where none
    /// is given it is measured.
    pub capacity: Vec<(usize, f64)>,
}

impl Forecast {
    /// What `forecast: {}` means: 104 weeks of all tickets, through every population with a past.
    pub fn of_all(populations: &[Population]) -> Self {
        Self {
            weeks: DEFAULT_WEEKS,
            segments: vec![0],
            populations: with_past(populations),
            capacity: Vec::new(),
        }
    }

    /// The capacity that is given for a segment.
    pub fn capacity_of(&self, segment: usize) -> Option<f64> {
        let mut given = self.capacity.iter();
        given.find(|(of, _)| *of == segment).map(|(_, most)| *most)
    }
}

/// Both sections. Names in `faulty` have a problem of their own already.
pub fn forecast(
    decoder: &mut Decoder<'_>,
    root: &mut Section<'_>,
    segments: &[Segment],
    populations: &[Population],
    faulty: &[String],
) -> Option<Forecast> {
    let (field, capacity) = (root.take("forecast"), root.take("capacity"));
    let Some(field) = field else {
        if let Some(capacity) = capacity {
            decoder.problem(
                &capacity,
                "a capacity is held against the forecast, and there is no `forecast:` section; add one, `forecast: {}` for the defaults",
            );
        }
        return None;
    };
    let mut section = decoder.section(&field)?;
    let history = section.take("history");
    let of_segments = section.take("segments");
    let of_populations = section.take("populations");
    let weeks = match history {
        Some(field) => weeks(decoder, &field),
        None => Some(DEFAULT_WEEKS),
    };
    let choices: Vec<(&str, usize)> = names(segments.iter().map(|segment| &segment.name));
    let chosen_segments = match &of_segments {
        Some(field) => chosen(decoder, field, &choices, &[], "segment"),
        None => vec![0],
    };
    let choices: Vec<(&str, usize)> = names(populations.iter().map(|population| &population.name));
    let chosen_populations = match &of_populations {
        Some(field) => {
            let chosen = chosen(decoder, field, &choices, faulty, "population");
            refuse_without_past(decoder, field, populations, &chosen);
            chosen
        }
        None => with_past(populations),
    };
    decoder.finish(section);
    let capacity = capacity.map_or_else(Vec::new, |field| {
        capacities(decoder, &field, segments, &chosen_segments)
    });
    Some(Forecast {
        weeks: weeks?,
        segments: chosen_segments,
        populations: chosen_populations,
        capacity,
    })
}

fn with_past(populations: &[Population]) -> Vec<usize> {
    (0..populations.len())
        .filter(|index| populations.get(*index).is_some_and(Population::has_past))
        .collect()
}

fn names<'n>(names: impl Iterator<Item = &'n String>) -> Vec<(&'n str, usize)> {
    names
        .enumerate()
        .map(|(index, name)| (name.as_str(), index))
        .collect()
}

fn weeks(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<usize> {
    let expected = format!("whole weeks from {FEWEST_WEEKS}w to {MOST_WEEKS}w, such as 104w");
    decoder.parsed(field, &expected, |text| {
        let seconds = parse_duration(&text.value)?;
        let weeks = usize::try_from(seconds / WEEK_SECONDS).ok()?;
        let fits = seconds % WEEK_SECONDS == 0 && (FEWEST_WEEKS..=MOST_WEEKS).contains(&weeks);
        fits.then_some(weeks)
    })
}

/// A list of names, each once, as ascending indices.
fn chosen(
    decoder: &mut Decoder<'_>,
    field: &Field<'_>,
    choices: &[(&str, usize)],
    faulty: &[String],
    what: &str,
) -> Vec<usize> {
    let mut chosen = Vec::new();
    let items = decoder.items(field);
    let is_list = matches!(field.node.value, super::document::Value::Sequence(_));
    if items.is_empty() && is_list && what == "segment" {
        decoder.problem(field, "expected at least one segment");
    }
    for item in items {
        if faulty.iter().any(|name| item.is(name)) {
            continue;
        }
        let none = format!("there is no {what} to forecast");
        let Some(index) = decoder.one_of(&item, choices, &none) else {
            continue;
        };
        if chosen.contains(&index) {
            decoder.problem(&item, "is given twice");
        } else {
            chosen.push(index);
        }
    }
    chosen.sort_unstable();
    chosen
}

fn refuse_without_past(
    decoder: &mut Decoder<'_>,
    field: &Field<'_>,
    populations: &[Population],
    chosen: &[usize],
) {
    for population in chosen.iter().filter_map(|index| populations.get(*index)) {
        if population.has_past() {
            continue;
        }
        let items = decoder.items(field);
        let item = items.iter().find(|item| item.is(&population.name));
        decoder.problem(
            item.unwrap_or(field),
            "has no past to forecast from: its query must use :end, as in `WHERE created_at < :end`",
        );
    }
}

fn capacities(
    decoder: &mut Decoder<'_>,
    field: &Field<'_>,
    segments: &[Segment],
    forecast: &[usize],
) -> Vec<(usize, f64)> {
    let mut capacities = Vec::new();
    for (name, position, entry) in decoder.entries(field) {
        let segment = segments.iter().position(|segment| segment.name == name);
        let expected = "tickets a week, a number of more than 0 such as 350";
        let most = decoder.parsed(&entry, expected, |text| {
            let most: f64 = text.value.parse().ok()?;
            (most.is_finite() && most > 0.0).then_some(most)
        });
        let Some(segment) = segment else {
            let known: Vec<&str> = segments.iter().map(|s| s.name.as_str()).collect();
            let near = super::suggestion(name, &known);
            decoder.problem_at(position, &entry.key, format!("unknown segment{near}"));
            continue;
        };
        if !forecast.contains(&segment) {
            decoder.problem_at(
                position,
                &entry.key,
                "this segment is not forecast; add it to forecast.segments",
            );
            continue;
        }
        if let Some(most) = most {
            capacities.push((segment, most));
        }
    }
    capacities
}
