//! What a forecast tells, before it is drawn.

use std::fmt::Write as _;

use jiff::tz::TimeZone;

use super::Share;
use crate::{
    commands::report::figures,
    domain::{
        SourceFailure,
        forecast::{Band, Forecast, Horizon, PopulationPlan, Week},
    },
};

/// Everything that a drawing needs.
#[derive(Debug)]
pub(super) struct Contents {
    pub segment: String,
    /// The population that the forecast goes through.
    pub through: Option<String>,
    /// The population that is shown.
    pub population_name: Option<String>,
    pub population: Option<PopulationPlan>,
    pub zone: TimeZone,
    pub past_weeks: Vec<Week>,
    pub past_created: Vec<Option<u64>>,
    pub coming: Vec<Week>,
    pub forecast: Forecast,
    pub capacity: Option<f64>,
    /// Weeks ahead that were asked for.
    pub weeks: usize,
    pub rate: Option<Share>,
    pub growth: Option<Share>,
    pub failures: Vec<SourceFailure>,
}

/// One coming week.
pub(super) struct Row {
    pub week: Week,
    pub tickets: Band,
    pub population: Option<f64>,
    /// Tickets if what is supposed comes true.
    pub what_if: Option<Band>,
}

impl Contents {
    /// The coming weeks that were asked for and can be told.
    pub fn rows(&self) -> Vec<Row> {
        let of_population = self.population.as_ref().and_then(|of| of.forecast.as_ref());
        let factor = self.factor();
        let weeks = self.coming.iter().zip(&self.forecast.weeks);
        weeks
            .take(self.weeks)
            .enumerate()
            .map(|(index, (week, tickets))| Row {
                week: *week,
                tickets: *tickets,
                population: of_population
                    .and_then(|of| of.weeks.get(index))
                    .map(|band| band.expected),
                what_if: factor.map(|factor| Band {
                    expected: tickets.expected * factor,
                    bounds: tickets
                        .bounds
                        .map(|(lower, upper)| (lower * factor, upper * factor)),
                }),
            })
            .collect()
    }

    /// What tickets are multiplied by, if anything is supposed.
    pub fn factor(&self) -> Option<f64> {
        if self.rate.is_none() && self.growth.is_none() {
            return None;
        }
        let factor = |share: Option<Share>| share.map_or(1.0, Share::factor);
        Some(factor(self.rate) * factor(self.growth))
    }

    /// What is supposed, in words.
    pub fn supposed(&self) -> String {
        let rate = self.rate.map(|share| format!("contact rate {share}"));
        let growth = self.growth.map(|share| format!("population {share}"));
        let parts: Vec<String> = rate.into_iter().chain(growth).collect();
        parts.join(", ")
    }

    /// The first week of which more is expected than the team can resolve: as it looks, and as
    /// supposed.
    pub fn reached(&self, what_if: bool) -> Option<Week> {
        let capacity = self.capacity?;
        let rows = self.rows();
        let row = rows.iter().find(|row| {
            let band = if what_if {
                row.what_if
            } else {
                Some(row.tickets)
            };
            band.is_some_and(|band| band.expected > capacity)
        })?;
        Some(row.week)
    }

    /// How the forecast came about, in words.
    pub fn way(&self) -> String {
        use crate::domain::forecast::Method;
        match (self.forecast.method, &self.through) {
            (Method::RateAndPopulation, Some(through)) => {
                format!("from the contact rate and {through}")
            }
            (Method::RateAndPopulation | Method::Direct, _) => "from past tickets".to_owned(),
            (Method::LastYear, _) => {
                "the same weeks of last year (no better way is known)".to_owned()
            }
            (Method::LastValue, _) => "the last week again (no better way is known)".to_owned(),
        }
    }

    /// How good it has been over four weeks, in words.
    pub fn quality(&self) -> Option<String> {
        let index = Horizon::ALL.iter().position(|of| *of == Horizon::Month)?;
        let quality = self.forecast.quality.get(index)?;
        let mut text = format!(
            "Over four weeks it has been {} off on average",
            percent(quality.error?)
        );
        if let Some(naive) = self.forecast.naive_error.get(index).copied().flatten() {
            let _ = write!(text, ", the simplest guess {}", percent(naive));
        }
        if let Some(coverage) = quality.coverage {
            let _ = write!(
                text,
                "; {} of past weeks lay inside the band",
                percent(coverage)
            );
        }
        text.push('.');
        Some(text)
    }
}

/// Whole percent.
fn percent(ratio: f64) -> String {
    format!("{}\u{202f}%", figures::size((100.0 * ratio).round()))
}
