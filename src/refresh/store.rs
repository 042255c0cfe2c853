//! The last good values: each is kept until `max_age` after it was read, then it is unknown.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::Instant;

use super::gathered::{Gathered, Pair};
use crate::{
    config::{Config, PopulationKind},
    domain::{
        Assessment, Conclusions, ContactCounts, Doubt, Evidence, Exposed, Figure, HelpCenter,
        NoCreated, OpenTickets, Ratings, Source, Tickets, WindowConclusions, assess,
    },
    snapshot::{
        Finding, Frame, PopulationValues, RateValues, SegmentValues, Snapshot, SourceState,
    },
};

/// A value, and when it was read.
#[derive(Clone, Copy, Debug)]
struct Kept<T> {
    value: T,
    /// When the refresh that read it started.
    read_at: Instant,
}

/// A rate with what it was assessed from.
#[derive(Clone, Copy, Debug)]
struct Rate {
    assessment: Assessment,
    evidence: Evidence,
    /// When the dispersion that its bounds are widened by was read, which may be earlier.
    dispersion_read_at: Option<Instant>,
}

/// What rests on daily counts, and so can be older than its rate.
#[derive(Clone, Copy, Debug)]
struct Rise {
    baseline: Option<f64>,
    p_value: Option<f64>,
}

/// Segment, population, window.
type Place = (usize, usize, usize);

/// What a refresh has to say of one window of a segment.
struct News<'a> {
    concluded: &'a WindowConclusions,
    /// Which counts failed, while others were read.
    failed: &'a [Figure],
    days_tell: bool,
    read_at: Instant,
}

/// Every last good value of one configuration.
#[derive(Default)]
pub struct Store {
    /// Counts of windows, but for created tickets.
    /// The newest first; earlier ones hold what failed since, where questions fail one by one.
    counts: HashMap<Pair, Vec<Kept<ContactCounts>>>,
    /// Created tickets: those that come from daily counts can be older than the rest.
    created: HashMap<Pair, Kept<u64>>,
    ratings: HashMap<Pair, Kept<Ratings>>,
    open: HashMap<usize, Kept<OpenTickets>>,
    /// Visits of the help centre by window.
    help_center: HashMap<usize, Kept<HelpCenter>>,
    dispersion: HashMap<usize, Kept<f64>>,
    populations: HashMap<Pair, Kept<f64>>,
    rates: HashMap<(Place, Tickets), Kept<Rate>>,
    rises: HashMap<Place, Kept<Rise>>,
    /// What was read beside the refreshes, and for how long it may be shown.
    found: BTreeMap<Source, (Kept<Arc<Finding>>, Duration)>,
}

impl Store {
    /// Takes over what a refresh has read so far. May be called again as more comes in.
    pub fn take(&mut self, config: &Config, gathered: &Gathered) {
        let read_at = gathered.started;
        for (place, ratings) in &gathered.ratings {
            let value = *ratings;
            self.ratings.insert(*place, Kept { value, read_at });
        }
        for (segment, open) in &gathered.open {
            match open.clone() {
                Some(value) => self.open.insert(*segment, Kept { value, read_at }),
                None => self.open.remove(segment),
            };
        }
        for (window, visits) in &gathered.help_center {
            let value = *visits;
            self.help_center.insert(*window, Kept { value, read_at });
        }
        let exposed = self.take_populations(config, gathered);
        for segment in 0..config.segments.len() {
            let conclusions = gathered.conclude(segment);
            let with_days = gathered.daily.contains_key(&segment);
            self.take_dispersion(segment, &conclusions, with_days, read_at);
            for (window, concluded) in conclusions.windows.iter().enumerate() {
                let Some(concluded) = concluded else { continue };
                let failed = gathered.failed.get(&(segment, window));
                let failed = failed.map_or(&[][..], Vec::as_slice);
                self.take_counts((segment, window), concluded, failed, read_at);
                let days_tell = with_days && conclusions.doubt.is_none();
                for (population, exposed) in exposed.iter().enumerate() {
                    if let Some(exposed) = exposed.get(window).and_then(Option::as_ref) {
                        let place = (segment, population, window);
                        let news = News {
                            concluded,
                            failed,
                            days_tell,
                            read_at,
                        };
                        self.take_rates(place, exposed, &news);
                    }
                }
            }
        }
    }

    fn take_populations(
        &mut self,
        config: &Config,
        gathered: &Gathered,
    ) -> Vec<Vec<Option<Exposed>>> {
        let read_at = gathered.started;
        let none = HashMap::new();
        let mut exposed = Vec::with_capacity(config.populations.len());
        for index in 0..config.populations.len() {
            let read = gathered.populations.get(&index).unwrap_or(&none);
            for (window, value) in gathered.uses.values(index, read).enumerate() {
                if let Some(value) = value {
                    self.populations
                        .insert((index, window), Kept { value, read_at });
                }
            }
            exposed.push(gathered.uses.exposed(index, read).collect());
        }
        exposed
    }

    fn take_dispersion(
        &mut self,
        segment: usize,
        conclusions: &Conclusions,
        with_days: bool,
        read_at: Instant,
    ) {
        match (conclusions.doubt, conclusions.dispersion) {
            (_, Some(value)) => {
                self.dispersion.insert(segment, Kept { value, read_at });
            }
            // Without ticket counts, daily counts are trusted where they have proved right before.
            (Some(Doubt::Unchecked), None) => {
                if let (Some(known), Some(value)) = (
                    self.dispersion.get_mut(&segment),
                    conclusions.unchecked_dispersion,
                ) {
                    *known = Kept { value, read_at };
                }
            }
            (Some(_), None) => {}
            // There are too few days to tell.
            (None, None) => {
                if with_days {
                    self.dispersion.remove(&segment);
                }
            }
        }
    }

    fn take_counts(
        &mut self,
        pair: Pair,
        concluded: &WindowConclusions,
        failed: &[Figure],
        read_at: Instant,
    ) {
        match (concluded.current.created, concluded.no_created) {
            (Some(value), _) => {
                self.created.insert(pair, Kept { value, read_at });
            }
            // It was asked for by itself and failed: what it told stays.
            (None, _) if failed.contains(&Figure::Created) => {}
            // The daily counts failed this time: what they told stays.
            (None, Some(why)) if why.may_pass() => {}
            (None, _) => {
                self.created.remove(&pair);
            }
        }
        let value = ContactCounts {
            created: None,
            ..concluded.current.clone()
        };
        let layers = self.counts.entry(pair).or_default();
        // A refresh may be taken over more than once.
        layers.retain(|kept| kept.read_at < read_at);
        // Of what was known before only that stays which failed this time.
        let mut known = value.clone();
        layers.retain_mut(|kept| {
            let before = known.clone();
            known.fill(&kept.value, failed);
            kept.value = kept.value.only(failed);
            known != before
        });
        layers.insert(0, Kept { value, read_at });
    }

    /// Assesses the rates of one segment, population and window, of which tickets and population were
    /// both read for one `end`. What was not keeps its last whole set.
    fn take_rates(&mut self, place: Place, exposed: &Exposed, news: &News<'_>) {
        let News {
            concluded,
            failed,
            days_tell,
            read_at,
        } = *news;
        let dispersion = self.dispersion.get(&place.0).copied();
        for tickets in Tickets::ALL {
            let evidence = concluded.evidence(tickets, exposed, dispersion.map(|kept| kept.value));
            let Some(evidence) = evidence else {
                let waits = failed.contains(&Figure::of(tickets))
                    || tickets == Tickets::Created
                        && concluded.no_created.is_some_and(NoCreated::may_pass);
                if !waits {
                    self.rates.remove(&(place, tickets));
                }
                continue;
            };
            let Some(assessment) = assess(&evidence) else {
                self.rates.remove(&(place, tickets));
                self.rises.remove(&place);
                continue;
            };
            if tickets == Tickets::Created {
                if evidence.baseline.is_some() {
                    let value = Rise {
                        baseline: assessment.baseline,
                        p_value: assessment.rise_p_value,
                    };
                    // No older than what it rests on, which may be from an earlier refresh.
                    let read_at = dispersion.map_or(read_at, |kept| kept.read_at.min(read_at));
                    self.rises.insert(place, Kept { value, read_at });
                } else if days_tell && concluded.baseline.is_none() {
                    // It is clear that there is none.
                    self.rises.remove(&place);
                }
            }
            let value = Rate {
                assessment,
                evidence,
                dispersion_read_at: dispersion.map(|kept| kept.read_at),
            };
            self.rates.insert((place, tickets), Kept { value, read_at });
        }
    }

    /// Takes over what was read of `source` beside the refreshes, and keeps it for `max_age` after its
    /// reading began.
    pub fn take_finding(
        &mut self,
        source: Source,
        finding: Finding,
        read_at: Instant,
        max_age: Duration,
    ) {
        let value = Arc::new(finding);
        self.found
            .insert(source, (Kept { value, read_at }, max_age));
    }

    /// Forgets everything but what was read beside the refreshes.
    pub fn forget_all_but_found(&mut self) {
        *self = Self {
            found: std::mem::take(&mut self.found),
            ..Self::default()
        };
    }

    /// Forgets what only daily counts tell, once it is clear that there are none.
    pub fn forget_days(&mut self) {
        self.dispersion.clear();
        self.created.clear();
        self.rises.clear();
    }

    /// Forgets ratings, once they are not read any more.
    pub fn forget_ratings(&mut self) {
        self.ratings.clear();
    }

    /// Forgets what was read of `source`, and all that was computed from it: its address has changed.
    pub fn forget(&mut self, config: &Config, source: &Source) {
        match source {
            Source::Tickets => {
                self.counts.clear();
                self.created.clear();
                self.rates.clear();
                self.rises.clear();
            }
            Source::DailyTickets => self.forget_days(),
            Source::OpenTickets => self.open.clear(),
            Source::Happiness => self.forget_ratings(),
            Source::HelpCenter => self.help_center.clear(),
            Source::Population(name) => {
                let is_it = |index: usize| {
                    let population = config.populations.get(index);
                    population.is_some_and(|population| population.name == *name)
                };
                self.populations.retain(|(index, _), _| !is_it(*index));
                self.rates.retain(|((_, index, _), _), _| !is_it(*index));
                self.rises.retain(|(_, index, _), _| !is_it(*index));
            }
            Source::Reasons | Source::Visibility | Source::History | Source::Forecast => {
                self.found.remove(source);
            }
        }
    }

    /// Drops every value that is older than `max_age`, and returns when the next one will be.
    pub fn expire(&mut self, now: Instant, max_age: Duration) -> Option<Instant> {
        let mut next = None;
        let mut keep_for = |read_at: Instant, max_age: Duration| {
            let expires = read_at + max_age;
            let keep = now < expires;
            if keep {
                next = Some(next.map_or(expires, |next: Instant| next.min(expires)));
            }
            keep
        };
        self.found
            .retain(|_, (kept, max_age)| keep_for(kept.read_at, *max_age));
        let mut keep = |read_at: Instant| keep_for(read_at, max_age);
        self.counts.retain(|_, layers| {
            layers.retain(|kept| keep(kept.read_at));
            !layers.is_empty()
        });
        self.created.retain(|_, kept| keep(kept.read_at));
        self.ratings.retain(|_, kept| keep(kept.read_at));
        self.open.retain(|_, kept| keep(kept.read_at));
        self.help_center.retain(|_, kept| keep(kept.read_at));
        self.dispersion.retain(|_, kept| keep(kept.read_at));
        self.populations.retain(|_, kept| keep(kept.read_at));
        self.rises.retain(|_, kept| keep(kept.read_at));
        self.rates.retain(|_, kept| {
            if !keep(kept.read_at) {
                return false;
            }
            // Bounds do not outlive the dispersion that they were widened by.
            let rate = &mut kept.value;
            if rate
                .dispersion_read_at
                .is_some_and(|read_at| !keep(read_at))
            {
                rate.dispersion_read_at = None;
                rate.evidence.dispersion = None;
                if let Some(assessment) = assess(&rate.evidence) {
                    rate.assessment = assessment;
                }
            }
            true
        });
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
                .map(|window| self.counts((segment, window)))
                .collect(),
            ratings: (0..windows)
                .map(|window| self.ratings.get(&(segment, window)).map(|kept| kept.value))
                .collect(),
            open: self.open.get(&segment).map(|kept| kept.value.clone()),
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
            help_center: (0..windows)
                .map(|window| self.help_center.get(&window).map(|kept| kept.value))
                .collect(),
            sources,
            found: self
                .found
                .values()
                .map(|(kept, _)| Arc::clone(&kept.value))
                .collect(),
        }
    }

    fn counts(&self, pair: Pair) -> Option<ContactCounts> {
        let counts = self.counts.get(&pair).and_then(|layers| {
            let mut layers = layers.iter();
            let newest = layers.next()?.value.clone();
            Some(layers.fold(newest, |mut known, earlier| {
                known.fill(&earlier.value, &Figure::ALL);
                known
            }))
        });
        let created = self.created.get(&pair).map(|kept| kept.value);
        if counts.is_none() && created.is_none() {
            return None;
        }
        Some(ContactCounts {
            created,
            ..counts.unwrap_or_default()
        })
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
                            .map(|kept| (tickets, &kept.value.assessment))
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
