//! Names the samples of a forecast.

use super::{Sink, put, unix_seconds};
use crate::{
    domain::forecast::{Forecast, Horizon},
    exposition::catalogue::{self, Family},
    snapshot::Snapshot,
};

/// Of one segment: a number by the index of its horizon.
type OfHorizon = fn(&Forecast, usize) -> Option<f64>;

/// Gives every sample of the planning to `sink`.
pub fn visit(snapshot: &Snapshot, sink: &mut impl Sink) {
    let Some(planning) = snapshot.planning() else {
        return;
    };
    let segments = || {
        planning.segments.iter().filter_map(|plan| {
            let name = snapshot.frame.segments.get(plan.segment)?;
            Some((name.as_str(), plan))
        })
    };
    let population = |index: usize| {
        let population = snapshot.frame.populations.get(index);
        population.map(|population| population.name.as_str())
    };
    let mut by_horizon = |family: &Family, value: OfHorizon| {
        for (segment, plan) in segments() {
            for (index, horizon) in Horizon::ALL.into_iter().enumerate() {
                let labels = [("segment", segment), ("horizon", horizon.name())];
                let value = plan.forecast.as_ref().and_then(|of| value(of, index));
                put(sink, family, &labels, value);
            }
        }
    };
    by_horizon(&catalogue::FORECAST_WEEKLY_TICKETS, |of, index| {
        Some((*of.horizons.get(index)?)?.expected)
    });
    by_horizon(&catalogue::FORECAST_LOWER_WEEKLY_TICKETS, |of, index| {
        Some((*of.horizons.get(index)?)?.bounds?.0)
    });
    by_horizon(&catalogue::FORECAST_UPPER_WEEKLY_TICKETS, |of, index| {
        Some((*of.horizons.get(index)?)?.bounds?.1)
    });
    for plan in &planning.populations {
        let Some(name) = population(plan.population) else {
            continue;
        };
        for horizon in Horizon::ALL {
            let labels = [("population", name), ("horizon", horizon.name())];
            let value = plan.expected(horizon).map(|band| band.expected);
            put(sink, &catalogue::FORECAST_WEEKLY_POPULATION, &labels, value);
        }
    }
    for (segment, plan) in segments() {
        let Some(forecast) = &plan.forecast else {
            continue;
        };
        let through = plan.through.and_then(population).unwrap_or_default();
        let labels = [
            ("segment", segment),
            ("method", forecast.method.name()),
            ("population", through),
        ];
        put(sink, &catalogue::FORECAST_INFO, &labels, Some(1.0));
    }
    let mut by_horizon = |family: &Family, value: OfHorizon| {
        for (segment, plan) in segments() {
            for (index, horizon) in Horizon::ALL.into_iter().enumerate() {
                let labels = [("segment", segment), ("horizon", horizon.name())];
                let told = plan.forecast.as_ref().filter(|of| {
                    // How good something is says nothing where it is not told.
                    of.horizons.get(index).is_some_and(Option::is_some)
                });
                put(sink, family, &labels, told.and_then(|of| value(of, index)));
            }
        }
    };
    by_horizon(&catalogue::FORECAST_ERROR_RATIO, |of, index| {
        of.quality.get(index)?.error
    });
    by_horizon(&catalogue::FORECAST_NAIVE_ERROR_RATIO, |of, index| {
        *of.naive_error.get(index)?
    });
    by_horizon(&catalogue::FORECAST_COVERAGE_RATIO, |of, index| {
        of.quality.get(index)?.coverage
    });
    for (segment, plan) in segments() {
        let family = &catalogue::CAPACITY_WEEKLY_TICKETS;
        put(sink, family, &[("segment", segment)], plan.capacity);
    }
    for (segment, plan) in segments() {
        let monday = plan.reached.map(|week| unix_seconds(week.interval.start));
        let family = &catalogue::CAPACITY_REACHED_TIMESTAMP_SECONDS;
        put(sink, family, &[("segment", segment)], monday);
    }
}
