//! The command `report`: contact rate by calendar month, for people and for machines.
//!
//! `months` says which months there are and when they begin, `reading` asks the same sources as
//! the daemon and concludes by the same rules, `missing` says what could not be read, `rows` assesses
//! with the same formulas, and `table`, `records` and `svg` draw.

mod contents;
mod error;
pub(super) mod figures;
mod missing;
mod months;
mod output;
mod reading;
mod records;
mod rows;
pub(super) mod svg;
mod table;

use clap::ValueEnum;
use jiff::{Timestamp, tz::TimeZone};
use tracing::warn;

use crate::{
    app,
    config::{Config, Population, PopulationKind, Segment, suggestion},
    domain::cut_to_minute,
    sources::{count::Populations, tickets::TicketSource},
};

use contents::Contents;
use reading::{Chosen, Sources};

pub use error::Error;
pub use months::{MAX_MONTHS, Month, MonthsError, time_zone};
pub use output::{colours, progress, write};
pub use records::KEYS;

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people: aligned, in percent.
    Table,
    /// For spreadsheets: rates as ratios, unknown is empty.
    Csv,
    /// For programs: the same keys, unknown is null.
    Json,
    /// A chart of the contact rate by tickets created.
    Svg,
}

/// What to report.
#[derive(Clone, Debug)]
pub struct Options {
    /// First month.
    pub from: Option<Month>,
    /// Last month.
    pub to: Option<Month>,
    /// Name of the segment.
    pub segment: String,
    /// Name of the population; `None`: the first window population of the config, else its first.
    pub population: Option<String>,
    /// Whose calendar.
    pub zone: TimeZone,
    /// Whether the running month is shown.
    pub include_current: bool,
}

/// A contact rate by month, oldest first.
#[derive(Debug)]
pub struct Report(Contents);

impl Report {
    /// An error where something could not be read, and its cells are empty.
    pub fn whole(&self) -> Result<(), Error> {
        if self.0.missing.is_empty() {
            return Ok(());
        }
        Err(Error::Incomplete(missing::sentences(&self.0.missing)))
    }

    /// The report as text. Only a table can have colours.
    pub fn render(&self, format: Format, colours: bool) -> Result<String, Error> {
        match format {
            Format::Table => Ok(table::draw(&self.0, colours)),
            Format::Csv => records::csv(&self.0.rows),
            Format::Json => records::json(&self.0.rows),
            Format::Svg => svg::draw(&self.0),
        }
    }
}

/// Reads every month from the sources of `config`, as seen at `now`. After each, `progress` is told
/// how many have been read, and of how many.
pub async fn read(
    config: &Config,
    options: &Options,
    now: Timestamp,
    progress: impl Fn(usize, usize),
) -> Result<Report, Error> {
    let segment = segment(config, &options.segment)?;
    let population = population(config, options.population.as_deref())?;
    let periods = months::periods(
        options.from,
        options.to,
        options.include_current,
        &options.zone,
        cut_to_minute(now),
    )?;
    if let Some(month) = periods.left_out {
        warn!(%month, "the month has not ended and is left out: --include-current shows it");
    }
    if let Some((_, population)) = population {
        warn_of_gaps(population);
    }
    let tickets = TicketSource::for_history(config)?;
    let populations = Populations::new(config).map_err(app::Error::Population)?;
    let populations = tickets.counting_visitors(populations);
    let sources = Sources {
        config,
        tickets: &tickets,
        populations: &populations,
        chosen: Chosen {
            segment,
            population,
        },
    };
    let read = reading::read(&sources, &periods, progress).await;
    tickets.close().await;
    populations.close().await;
    let (known, missing) = read?;
    Ok(Report(Contents {
        segment: segment.name.clone(),
        population: population.map(|(_, population)| population.name.clone()),
        zone: options.zone.clone(),
        rows: rows::rows(&periods, &known),
        missing,
    }))
}

fn segment<'a>(config: &'a Config, name: &str) -> Result<&'a Segment, Error> {
    let found = config.segments.iter().find(|segment| segment.name == name);
    found.ok_or_else(|| {
        let known: Vec<&str> = config.segments.iter().map(|s| s.name.as_str()).collect();
        Error::Segment {
            name: name.to_owned(),
            near: near(name, &known),
        }
    })
}

/// The population and its index, or `None` where the config has none at all.
fn population<'a>(
    config: &'a Config,
    name: Option<&str>,
) -> Result<Option<(usize, &'a Population)>, Error> {
    let mut all = config.populations.iter().enumerate();
    let Some(name) = name else {
        let flow = all.find(|(_, population)| population.kind == PopulationKind::Window);
        return Ok(flow.or_else(|| config.populations.iter().enumerate().next()));
    };
    let found = all.find(|(_, population)| population.name == name);
    found.map(Some).ok_or_else(|| {
        let known: Vec<&str> = config.populations.iter().map(|p| p.name.as_str()).collect();
        Error::Population {
            name: name.to_owned(),
            near: near(name, &known),
        }
    })
}

/// A near miss, else the few names that there are.
pub(super) fn near(name: &str, known: &[&str]) -> String {
    let suggestion = suggestion(name, known);
    if suggestion.is_empty() && !known.is_empty() && known.len() <= 10 {
        return format!("; it has {}", known.join(", "));
    }
    suggestion
}

fn warn_of_gaps(population: &Population) {
    if population.kind == PopulationKind::Total && !population.has_past() {
        warn!(
            population = population.name,
            "how many there were in the past is not known, so that there is no rate: the query \
             must use :end, as in `WHERE created_at < :end`"
        );
    }
}
