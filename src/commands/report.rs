//! The command `report`: contact rate by calendar month, for people and for machines.
//!
//! `months` says which months there are and when they begin, `reading` asks the same sources as
//! the daemon and concludes by the same rules, `missing` says what could not be read, `rows` assesses
//! with the same formulas, and `table`, `records` and `svg` draw.

mod figures;
mod missing;
mod months;
mod output;
mod reading;
mod records;
mod rows;
mod svg;
mod table;

use std::{io, path::PathBuf};

use clap::ValueEnum;
use jiff::{Timestamp, tz::TimeZone};
use tracing::warn;

use crate::{
    app,
    config::{Config, Population, PopulationKind, Segment, suggestion},
    domain::cut_to_minute,
    sources::count::Populations,
    sources::helpscout::{self, HelpScout, Telemetry},
};

use missing::Missing;
use reading::{Chosen, Sources};
use rows::Row;

pub use months::{MAX_MONTHS, Month, time_zone};
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

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such segment.
    #[error("--segment={name}: the config has no segment of that name{near}")]
    Segment {
        /// As given.
        name: String,
        /// A name much like it, in words.
        near: String,
    },
    /// No such population.
    #[error("--population={name}: the config has no population of that name{near}")]
    Population {
        /// As given.
        name: String,
        /// A name much like it, in words.
        near: String,
    },
    /// A month that has not begun.
    #[error("{month} is in the future: the running month is {running}")]
    Future {
        /// As given.
        month: Month,
        /// The running month.
        running: Month,
    },
    /// The months are the wrong way round.
    #[error("--from={from} is after --to={to}")]
    Reversed {
        /// The first month.
        from: Month,
        /// The last one.
        to: Month,
    },
    /// Nothing but the running month was asked for.
    #[error("{month} has not ended: --include-current reports what has gone by of it")]
    NotEnded {
        /// The running month.
        month: Month,
    },
    /// More months than one report may have.
    #[error("from {from} to {to} are more than {MAX_MONTHS} months")]
    TooMany {
        /// The first month.
        from: Month,
        /// The last one.
        to: Month,
    },
    /// The calendar does not know when a month begins.
    #[error("it cannot be said when {month} begins")]
    Calendar {
        /// Which.
        month: Month,
        /// Why.
        #[source]
        source: jiff::Error,
    },
    /// What reads the sources cannot be built.
    #[error(transparent)]
    Prepare(#[from] app::Error),
    /// The metrics of the Help Scout client, which nothing shows here, cannot be made.
    #[error("cannot prepare the Help Scout client")]
    Telemetry(#[source] prometheus::Error),
    /// The segment's mailboxes and tags cannot be looked up.
    #[error("the filter of segment `{segment}` cannot be looked up in Help Scout")]
    Filter {
        /// Its name.
        segment: String,
        /// Why.
        #[source]
        source: Box<helpscout::Error>,
    },
    /// The tickets of a month could not be read.
    #[error("the tickets of {month} could not be read from Help Scout")]
    Tickets {
        /// Which.
        month: Month,
        /// Why.
        #[source]
        source: Box<helpscout::Error>,
    },
    /// Something could not be read: its cells are empty.
    #[error("{}", .0.join("\ncontact-rate-exporter: "))]
    Incomplete(Vec<String>),
    /// A record cannot be written as CSV or JSON.
    #[error("the report cannot be written as {format}")]
    Encode {
        /// Which format.
        format: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The chart cannot be drawn.
    #[error("the chart cannot be drawn")]
    Draw(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The report cannot be written to where it should go.
    #[error("cannot write the report to {}", path.display())]
    Write {
        /// The file, or standard output.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Error {
    /// Whether the command line or the config is at fault.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Segment { .. }
            | Self::Population { .. }
            | Self::Future { .. }
            | Self::Reversed { .. }
            | Self::NotEnded { .. }
            | Self::TooMany { .. }
            | Self::Calendar { .. } => true,
            Self::Prepare(error) => error.is_config(),
            _ => false,
        }
    }
}

/// A contact rate by month, oldest first.
#[derive(Debug)]
pub struct Report {
    segment: String,
    population: Option<String>,
    zone: TimeZone,
    rows: Vec<Row>,
    missing: Vec<Missing>,
}

impl Report {
    /// An error where something could not be read, and its cells are empty.
    pub fn whole(&self) -> Result<(), Error> {
        if self.missing.is_empty() {
            return Ok(());
        }
        Err(Error::Incomplete(missing::sentences(&self.missing)))
    }

    /// The report as text. Only a table can have colours.
    pub fn render(&self, format: Format, colours: bool) -> Result<String, Error> {
        match format {
            Format::Table => Ok(table::draw(self, colours)),
            Format::Csv => records::csv(&self.rows),
            Format::Json => records::json(&self.rows),
            Format::Svg => svg::draw(self),
        }
    }

    /// Name of the time zone.
    fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// What tickets are divided by, in words.
    fn population_name(&self) -> String {
        self.population
            .as_deref()
            .unwrap_or("population")
            .replace('_', " ")
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
    let telemetry = Telemetry::new().map_err(Error::Telemetry)?;
    let help_scout = HelpScout::new(config, telemetry).map_err(app::Error::HelpScout)?;
    let populations = Populations::new(config).map_err(app::Error::Population)?;
    let sources = Sources {
        helpscout: &help_scout,
        populations: &populations,
        chosen: Chosen {
            segment,
            population,
            counts_from: config.helpscout.counts_from,
        },
    };
    let read = reading::read(&sources, &periods, progress).await;
    populations.close().await;
    let (known, missing) = read?;
    Ok(Report {
        segment: segment.name.clone(),
        population: population.map(|(_, population)| population.name.clone()),
        zone: options.zone.clone(),
        rows: rows::rows(&periods, &known),
        missing,
    })
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
fn near(name: &str, known: &[&str]) -> String {
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
