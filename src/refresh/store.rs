//! The last good values: each is kept until `max_age` after it was read, then it is unknown.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    gathered::{Exposed, Gathered, Kept, Pair},
    plan::{self, PopulationUse},
};
use crate::{
    config::{Config, PopulationKind},
    domain::{
        Assessment, ContactCounts, Contacts, Evidence, OpenTickets, Ratings, Tickets, assess,
        unchecked_dispersion,
    },
    snapshot::{
        Frame, PopulationFrame, PopulationValues, RateValues, SegmentValues, Snapshot, SourceState,
        TargetFrame,
    },
};

/// Created tickets in the window and in the previous one.
#[derive(Clone, Copy, Debug)]
struct Created {
    current: u64,
    previous: Option<u64>,
}

/// What rests on daily counts, and so can be older than its rate.
#[derive(Clone, Copy, Debug)]
struct Rise {
    baseline: Option<f64>,
    p_value: Option<f64>,
}

/// Segment, population, window.
type Place = (usize, usize, usize);

/// Every last good value of one configuration.
#[derive(Default)]
pub struct Store {
    contacts: HashMap<Pair, Kept<Contacts>>,
    /// Created tickets that the reports leave out, from daily counts.
    created: HashMap<Pair, Kept<Created>>,
    ratings: HashMap<Pair, Kept<Ratings>>,
    open: HashMap<usize, Kept<OpenTickets>>,
    dispersion: HashMap<usize, Kept<f64>>,
    populations: HashMap<Pair, Kept<f64>>,
    rates: HashMap<(Place, Tickets), Kept<Assessment>>,
    rises: HashMap<Place, Kept<Rise>>,
}

impl Store {
    /// Takes over what a refresh has read so far. May be called again as more comes in.
    pub fn take(&mut self, config: &Config, gathered: &Gathered) {
        for (place, contacts) in &gathered.contacts {
            self.contacts
                .insert(*place, gathered.kept(contacts.clone()));
        }
        for (place, ratings) in &gathered.ratings {
            self.ratings.insert(*place, gathered.kept(*ratings));
        }
        for (segment, open) in &gathered.open {
            match open {
                Some(open) => self.open.insert(*segment, gathered.kept(*open)),
                None => self.open.remove(segment),
            };
        }
        for (segment, daily) in &gathered.daily {
            match daily.dispersion() {
                Some(dispersion) => self.dispersion.insert(*segment, gathered.kept(dispersion)),
                None => self.dispersion.remove(segment),
            };
        }
        // Without ticket counts, daily counts are trusted where they have proved right before.
        for (segment, daily) in &gathered.unproven {
            if let (Some(known), Some(dispersion)) = (
                self.dispersion.get_mut(segment),
                unchecked_dispersion(daily),
            ) {
                *known = gathered.kept(dispersion);
            }
        }
        self.take_created(config, gathered);
        self.take_populations(config, gathered);
        self.take_rates(config, gathered);
    }

    fn take_created(&mut self, config: &Config, gathered: &Gathered) {
        for (&(segment, index), contacts) in &gathered.contacts {
            if contacts.current.created.is_some() {
                self.created.remove(&(segment, index));
                continue;
            }
            let (Some(daily), Some(window)) =
                (gathered.daily.get(&segment), config.windows.get(index))
            else {
                continue;
            };
            let end = gathered.end;
            if let Some(current) = daily.created_in(window.current(end)) {
                let previous = daily.created_in(window.previous(end));
                self.created.insert(
                    (segment, index),
                    gathered.kept(Created { current, previous }),
                );
            }
        }
    }

    fn take_populations(&mut self, config: &Config, gathered: &Gathered) {
        for (index, population) in config.populations.iter().enumerate() {
            for (window_index, window) in config.windows.iter().enumerate() {
                let uses = PopulationUse::new(population, window, gathered.end, false);
                if let Some(value) = gathered.populations.get(&(index, uses.current)) {
                    self.populations
                        .insert((index, window_index), gathered.kept(*value));
                }
            }
        }
    }

    fn take_rates(&mut self, config: &Config, gathered: &Gathered) {
        for (population_index, population) in config.populations.iter().enumerate() {
            for (window_index, window) in config.windows.iter().enumerate() {
                let uses = PopulationUse::new(population, window, gathered.end, true);
                let Some(exposed) = gathered.exposure(population_index, &uses) else {
                    continue;
                };
                for segment in 0..config.segments.len() {
                    let place = (segment, population_index, window_index);
                    self.take_rate(place, window, gathered, &exposed);
                }
            }
        }
    }

    /// Assesses the rates of one segment, population and window if tickets and population were both
    /// read for this `end`; else the last whole set stays.
    fn take_rate(
        &mut self,
        place: Place,
        window: &crate::domain::Window,
        gathered: &Gathered,
        exposed: &Exposed,
    ) {
        let (segment, _, window_index) = place;
        let Some(contacts) = gathered.contacts.get(&(segment, window_index)) else {
            return;
        };
        let end = gathered.end;
        let daily = gathered.daily.get(&segment);
        for tickets in Tickets::ALL {
            let mut counts = (
                contacts.current.tickets(tickets),
                contacts.previous.tickets(tickets),
            );
            if tickets == Tickets::Created && counts.0.is_none() {
                let created = self.created.get(&(segment, window_index));
                match created {
                    Some(kept) if kept.end == end => {
                        counts = (Some(kept.value.current), kept.value.previous);
                    }
                    // The daily counts failed this time: the last whole set stays.
                    Some(_) => continue,
                    None => {}
                }
            }
            let Some(count) = counts.0 else {
                self.rates.remove(&(place, tickets));
                continue;
            };
            let baseline_tickets = plan::baseline_tickets(window, end, daily, counts.1);
            let dispersion = self.dispersion.get(&segment);
            let evidence = Evidence {
                tickets,
                count,
                population: exposed.current,
                previous_count: counts.1,
                previous_population: exposed.previous,
                dispersion: dispersion.map(|kept| kept.value),
                baseline: plan::baseline(baseline_tickets, exposed.baseline),
            };
            let Some(assessment) = assess(&evidence) else {
                self.rates.remove(&(place, tickets));
                self.rises.remove(&place);
                continue;
            };
            if evidence.baseline.is_some() && tickets == Tickets::Created {
                let rise = Rise {
                    baseline: assessment.baseline,
                    p_value: assessment.rise_p_value,
                };
                let mut kept = gathered.kept(rise);
                if let Some(dispersion) = dispersion {
                    // No older than what it rests on, which may be from an earlier refresh.
                    kept.read_at = kept.read_at.min(dispersion.read_at);
                }
                self.rises.insert(place, kept);
            }
            self.rates
                .insert((place, tickets), gathered.kept(assessment));
        }
    }

    /// Forgets what only reports know, once it is clear that the plan has none.
    pub fn forget_reports(&mut self) {
        self.ratings.clear();
        self.dispersion.clear();
        self.created.clear();
        self.rises.clear();
    }

    /// Forgets ratings, once they are not read any more.
    pub fn forget_ratings(&mut self) {
        self.ratings.clear();
    }

    /// Drops every value that is older than `max_age`, and returns when the next one will be.
    pub fn expire(&mut self, now: Instant, max_age: Duration) -> Option<Instant> {
        let mut next = None;
        let mut keep = |read_at: Instant| {
            let expires = read_at + max_age;
            let keep = now < expires;
            if keep {
                next = Some(next.map_or(expires, |next: Instant| next.min(expires)));
            }
            keep
        };
        self.contacts.retain(|_, kept| keep(kept.read_at));
        self.created.retain(|_, kept| keep(kept.read_at));
        self.ratings.retain(|_, kept| keep(kept.read_at));
        self.open.retain(|_, kept| keep(kept.read_at));
        self.dispersion.retain(|_, kept| keep(kept.read_at));
        self.populations.retain(|_, kept| keep(kept.read_at));
        self.rates.retain(|_, kept| keep(kept.read_at));
        self.rises.retain(|_, kept| keep(kept.read_at));
        next
    }

    /// Everything that may be shown now.
    pub fn snapshot(
        &self,
        config: &Config,
        frame: Arc<Frame>,
        window_end: Option<Timestamp>,
        sources: Vec<SourceState>,
    ) -> Snapshot {
        let windows = config.windows.len();
        let segments = (0..config.segments.len()).map(|segment| SegmentValues {
            counts: (0..windows)
                .map(|window| self.counts(segment, window))
                .collect(),
            ratings: (0..windows)
                .map(|window| self.ratings.get(&(segment, window)).map(|kept| kept.value))
                .collect(),
            open: self.open.get(&segment).map(|kept| kept.value),
            dispersion: self.dispersion.get(&segment).map(|kept| kept.value),
        });
        let value = |population: usize, window: usize| {
            self.populations
                .get(&(population, window))
                .map(|kept| kept.value)
        };
        let populations = config
            .populations
            .iter()
            .enumerate()
            .map(|(index, population)| match population.kind {
                PopulationKind::Total => PopulationValues::Total(value(index, 0)),
                PopulationKind::Window => PopulationValues::Window(
                    (0..windows).map(|window| value(index, window)).collect(),
                ),
            });
        Snapshot {
            frame,
            window_end,
            segments: segments.collect(),
            populations: populations.collect(),
            rates: self.rates(config),
            sources,
        }
    }

    fn counts(&self, segment: usize, window: usize) -> Option<ContactCounts> {
        let kept = self.contacts.get(&(segment, window));
        let created = self.created.get(&(segment, window));
        let mut counts = kept.map(|kept| kept.value.current.clone());
        if let Some(created) = created {
            counts.get_or_insert_default().created = Some(created.value.current);
        }
        counts
    }

    fn rates(&self, config: &Config) -> Vec<RateValues> {
        let mut rates = Vec::with_capacity(self.rates.len());
        for segment in 0..config.segments.len() {
            for population in 0..config.populations.len() {
                for window in 0..config.windows.len() {
                    let place = (segment, population, window);
                    let rise = self.rises.get(&place).map(|kept| kept.value);
                    let places = Tickets::ALL.into_iter().filter_map(|tickets| {
                        self.rates
                            .get(&(place, tickets))
                            .map(|kept| (tickets, &kept.value))
                    });
                    for (tickets, assessment) in places {
                        let rise = rise.filter(|_| tickets == Tickets::Created);
                        rates.push(RateValues {
                            segment,
                            population,
                            window,
                            tickets,
                            ratio: assessment.ratio,
                            previous: assessment.previous,
                            bounds: assessment.bounds,
                            baseline: rise.and_then(|rise| rise.baseline),
                            rise_p_value: rise.and_then(|rise| rise.p_value),
                            change: assessment.change,
                        });
                    }
                }
            }
        }
        rates
    }
}

/// The frame of every snapshot made under `config`.
pub fn frame(config: &Config) -> Frame {
    Frame {
        segments: config
            .segments
            .iter()
            .map(|segment| segment.name.clone())
            .collect(),
        windows: config.windows.clone(),
        populations: config
            .populations
            .iter()
            .map(|population| PopulationFrame {
                name: population.name.clone(),
                per_window: population.kind == PopulationKind::Window,
            })
            .collect(),
        targets: config
            .targets
            .iter()
            .map(|target| TargetFrame {
                population: target.population,
                window: target.window,
                tickets: target.tickets,
                at_most: target.at_most,
            })
            .collect(),
    }
}
