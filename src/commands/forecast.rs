//! The command `forecast`: how many tickets will come week by week, and when that is more than the
//! team can resolve.
//!
//! Weeks are read as the daemon reads them and concluded by the same rules; `table`, `records` and
//! `chart` draw.

mod chart;
mod contents;
mod error;
mod records;
mod share;
mod table;

use std::path::Path;

use jiff::Timestamp;

use crate::{
    app,
    commands::{
        output,
        report::{Format, near},
    },
    config::{Config, Forecast, Population},
    domain::forecast::{FEWEST_WEEKS, Past, WEEKS_AHEAD, plan},
    refresh::{Sources, WeeksReader},
    sources::{count::Populations, tickets::TicketSource},
};

use contents::Contents;

pub use error::Error;
pub use records::KEYS;
pub use share::{Share, parse_share};

/// What to forecast.
#[derive(Clone, Debug)]
pub struct Options {
    /// Name of the segment.
    pub segment: String,
    /// Name of the population to go through; `None`: those of the config that are forecast.
    pub population: Option<String>,
    /// How many weeks ahead, from 1 to 13.
    pub weeks: usize,
    /// By how much the contact rate is supposed to change over the whole time.
    pub rate: Option<Share>,
    /// By how much the population is supposed to change over the whole time.
    pub population_growth: Option<Share>,
}

/// Tickets to come, week by week.
#[derive(Debug)]
pub struct WeeksAhead(Contents);

impl WeeksAhead {
    /// An error where something could not be read, so that the forecast rests on less than it could.
    pub fn whole(&self) -> Result<(), Error> {
        if self.0.failures.is_empty() {
            return Ok(());
        }
        let failures = self.0.failures.iter();
        Err(Error::Incomplete(
            failures
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n  "),
        ))
    }

    /// The forecast as text.
    pub fn render(&self, format: Format) -> Result<String, Error> {
        match format {
            Format::Table => Ok(table::draw(&self.0)),
            Format::Csv => records::csv(&self.0),
            Format::Json => records::json(&self.0),
            Format::Svg => chart::draw(&self.0),
        }
    }
}

/// Reads the completed weeks from the sources of `config`, as seen at `now`, and forecasts. Where the
/// config forecasts nothing, as if it had `forecast: {}`.
pub async fn read(config: &Config, options: &Options, now: Timestamp) -> Result<WeeksAhead, Error> {
    let config = narrowed(config, options)?;
    let tickets = TicketSource::for_history(&config)?;
    let populations = Populations::new(&config).map_err(app::Error::Population)?;
    let sources = Sources {
        tickets,
        populations,
    };
    let mut failures = Vec::new();
    let mut past = Past::default();
    if let Some(mut reader) = WeeksReader::new(&config, &sources) {
        reader.without_pauses();
        past = reader.frame(&past, now);
        failures.extend(reader.created(&mut past).await);
        failures.extend(reader.populations(&mut past).await);
        failures.extend(reader.resolved(&mut past).await);
    }
    sources.populations.close().await;
    let planning = plan(&past);
    let Some(of_segment) = planning.segments.into_iter().next() else {
        return Err(Error::TooFew {
            known: 0,
            needed: FEWEST_WEEKS,
            failures,
        });
    };
    let Some(forecast) = of_segment.forecast else {
        return Err(Error::TooFew {
            known: of_segment.known_weeks,
            needed: FEWEST_WEEKS,
            failures,
        });
    };
    let shown = options
        .population
        .as_ref()
        .and_then(|_| past.populations.first());
    let shown = of_segment.through.or_else(|| shown.map(|of| of.population));
    let population = planning
        .populations
        .into_iter()
        .find(|of| Some(of.population) == shown);
    let name = |index: usize| config.populations.get(index).map(|of| of.name.clone());
    Ok(WeeksAhead(Contents {
        segment: options.segment.clone(),
        through: of_segment.through.and_then(name),
        population_name: shown.and_then(name),
        population,
        zone: config.time_zone.clone(),
        past_weeks: past.weeks,
        past_created: past
            .segments
            .into_iter()
            .next()
            .map(|of| of.created)
            .unwrap_or_default(),
        coming: planning.coming,
        forecast,
        capacity: of_segment.capacity,
        weeks: options.weeks.min(WEEKS_AHEAD),
        rate: options.rate,
        growth: options.population_growth,
        failures,
    }))
}

/// The config with what the command line asks for and no more.
fn narrowed(config: &Config, options: &Options) -> Result<Config, Error> {
    let mut config = config.clone();
    let name = &options.segment;
    let segment = config.segments.iter().position(|of| of.name == *name);
    let segment = segment.ok_or_else(|| {
        let known: Vec<&str> = config.segments.iter().map(|of| of.name.as_str()).collect();
        Error::Segment {
            name: name.clone(),
            near: near(name, &known),
        }
    })?;
    let mut forecast = match config.forecast.take() {
        Some(forecast) => forecast,
        None => Forecast::of_all(&config.populations),
    };
    forecast.segments = vec![segment];
    if let Some(name) = &options.population {
        let found = config.populations.iter().position(|of| of.name == *name);
        let index = found.ok_or_else(|| {
            let known = config.populations.iter().map(|of| of.name.as_str());
            Error::Population {
                name: name.clone(),
                near: near(name, &known.collect::<Vec<_>>()),
            }
        })?;
        if !config
            .populations
            .get(index)
            .is_some_and(Population::has_past)
        {
            return Err(Error::NoPast { name: name.clone() });
        }
        forecast.populations = vec![index];
    }
    config.forecast = Some(forecast);
    Ok(config)
}

/// Writes `text` to the file `output`, whole or not at all, or without one to standard output.
pub fn write(text: &str, output: Option<&Path>) -> Result<(), Error> {
    output::write(text, output).map_err(|source| Error::Write {
        path: output.unwrap_or(Path::new("standard output")).to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests;
