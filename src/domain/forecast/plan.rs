//! The past of a whole configuration, and what it says of the weeks to come.

use super::{
    Band, Forecast, Horizon, PopulationPast, Week, choose, expect_population, measured_capacity,
    reached,
};

/// Completed weeks of everything that is forecast. All vectors of weeks go with [`weeks`](Self::weeks).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    /// The completed weeks, oldest first.
    pub weeks: Vec<Week>,
    /// The weeks to come, from the one after the running week on.
    pub coming: Vec<Week>,
    /// Segments that are forecast.
    pub segments: Vec<SegmentPast>,
    /// Populations that are forecast.
    pub populations: Vec<PopulationWeeks>,
}

/// The past of a segment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SegmentPast {
    /// Which, in the configuration.
    pub segment: usize,
    /// Tickets created by week; `None` is unknown.
    pub created: Vec<Option<u64>>,
    /// Tickets resolved by week; all unknown where they are not needed or not told.
    pub resolved: Vec<Option<u64>>,
    /// Tickets a week that the team can resolve, where the operator says so.
    pub capacity: Option<f64>,
}

/// The past of a population.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PopulationWeeks {
    /// Which, in the configuration.
    pub population: usize,
    /// Whether it is a stock, read at the end of each week, or the flow of each.
    pub is_stock: bool,
    /// By week; `None` is unknown.
    pub weeks: Vec<Option<f64>>,
}

impl PopulationWeeks {
    fn past(&self) -> PopulationPast<'_> {
        PopulationPast {
            weeks: &self.weeks,
            is_stock: self.is_stock,
        }
    }
}

/// What is to come.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Planning {
    /// The weeks to come, from the one after the running week on.
    pub coming: Vec<Week>,
    /// By segment.
    pub segments: Vec<SegmentPlan>,
    /// By population.
    pub populations: Vec<PopulationPlan>,
}

/// What is to come of a segment.
#[derive(Clone, Debug, PartialEq)]
pub struct SegmentPlan {
    /// Which, in the configuration.
    pub segment: usize,
    /// Known weeks, from the first with a ticket on.
    pub known_weeks: usize,
    /// Its tickets; `None` where too few weeks are known, or none of the last two.
    pub forecast: Option<Forecast>,
    /// The population that the forecast goes through, in the configuration.
    pub through: Option<usize>,
    /// Tickets a week that the team can resolve.
    pub capacity: Option<f64>,
    /// The first coming week of which more is expected than that.
    pub reached: Option<Week>,
}

/// What is to come of a population.
#[derive(Clone, Debug, PartialEq)]
pub struct PopulationPlan {
    /// Which, in the configuration.
    pub population: usize,
    /// Whether it is a stock.
    pub is_stock: bool,
    /// Its weeks; `None` where too few are known.
    pub forecast: Option<Forecast>,
}

impl PopulationPlan {
    /// Its flow a week as a mean over the horizon, or its stock at the horizon's end.
    pub fn expected(&self, horizon: Horizon) -> Option<Band> {
        let forecast = self.forecast.as_ref()?;
        let mut told = Horizon::ALL.into_iter().zip(forecast.horizons);
        let (_, mean) = told.find(|(of, _)| *of == horizon)?;
        if self.is_stock {
            // Where the mean cannot be told, neither can its last week.
            return forecast
                .weeks
                .get(horizon.weeks() - 1)
                .copied()
                .filter(|_| mean.is_some());
        }
        mean
    }
}

/// What `past` says of the weeks to come.
pub fn plan(past: &Past) -> Planning {
    let pasts: Vec<PopulationPast<'_>> =
        past.populations.iter().map(PopulationWeeks::past).collect();
    let segments = past.segments.iter().map(|segment| {
        let created: Vec<Option<f64>> = segment
            .created
            .iter()
            .map(|week| week.map(|count| count as f64))
            .collect();
        let begun = created
            .iter()
            .skip_while(|week| week.is_none_or(|count| count <= 0.0));
        let known_weeks = begun.flatten().count();
        let forecast = recent(&created).then(|| choose(&created, &pasts)).flatten();
        let capacity = segment
            .capacity
            .or_else(|| measured_capacity(&segment.resolved));
        let week = forecast
            .as_ref()
            .zip(capacity)
            .and_then(|(forecast, capacity)| {
                past.coming
                    .get(reached(&forecast.weeks, capacity)? - 1)
                    .copied()
            });
        SegmentPlan {
            segment: segment.segment,
            known_weeks,
            through: forecast
                .as_ref()
                .and_then(|forecast| Some(past.populations.get(forecast.population?)?.population)),
            forecast,
            capacity,
            reached: week,
        }
    });
    let populations = past.populations.iter().map(|population| PopulationPlan {
        population: population.population,
        is_stock: population.is_stock,
        forecast: recent(&population.weeks)
            .then(|| expect_population(population.past()))
            .flatten(),
    });
    Planning {
        coming: past.coming.clone(),
        segments: segments.collect(),
        populations: populations.collect(),
    }
}

/// Whether one of the last two weeks is known: what ended long ago says nothing of now.
fn recent(weeks: &[Option<f64>]) -> bool {
    weeks.iter().rev().take(2).any(Option::is_some)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp, reason = "whole numbers, exact in f64")]

    use jiff::tz::TimeZone;

    use super::{
        super::{coming_weeks, completed_weeks},
        *,
    };

    fn past(created: Vec<Option<u64>>) -> Past {
        let now = "2026-11-25T12:00:00Z".parse().unwrap();
        let weeks = completed_weeks(now, &TimeZone::UTC, created.len());
        Past {
            coming: coming_weeks(now, &TimeZone::UTC, 13),
            segments: vec![SegmentPast {
                segment: 2,
                resolved: vec![Some(90); created.len()],
                created,
                capacity: None,
            }],
            populations: vec![PopulationWeeks {
                population: 1,
                is_stock: true,
                weeks: (0..weeks.len())
                    .map(|week| Some(1000.0 + 10.0 * week as f64))
                    .collect(),
            }],
            weeks,
        }
    }

    #[test]
    fn a_plan_tells_when_the_capacity_is_reached() {
        let planning = plan(&past(vec![Some(100); 60]));
        let [segment] = &planning.segments[..] else {
            panic!()
        };
        assert_eq!((segment.segment, segment.known_weeks), (2, 60));
        assert_eq!(segment.capacity, Some(90.0));
        // The week after the running one, which began on 23 November.
        assert_eq!(segment.reached.unwrap().monday.to_string(), "2026-11-30");
        let mut given = past(vec![Some(100); 60]);
        given.segments[0].capacity = Some(100.0);
        assert_eq!(plan(&given).segments[0].reached, None);
        // 1 590 at the end of the last week, 10 more each week, one runs.
        let population = &planning.populations[0];
        let at = |horizon| population.expected(horizon).unwrap().expected;
        assert!((at(Horizon::Week) - 1610.0).abs() < 1e-6);
        assert!((at(Horizon::Quarter) - 1730.0).abs() < 1e-6);
    }

    #[test]
    fn what_ended_long_ago_is_not_forecast() {
        let mut created = vec![Some(100); 60];
        created[59] = None;
        assert!(plan(&past(created.clone())).segments[0].forecast.is_some());
        created[58] = None;
        let planning = plan(&past(created));
        assert_eq!(planning.segments[0].forecast, None);
        assert_eq!(planning.segments[0].known_weeks, 58);
    }

    #[test]
    fn weeks_before_the_first_ticket_are_not_known_ones() {
        let mut created = vec![Some(0); 50];
        created.extend([Some(5); 11]);
        let planning = plan(&past(created));
        assert_eq!(planning.segments[0].known_weeks, 11);
        assert_eq!(planning.segments[0].forecast, None);
    }
}
