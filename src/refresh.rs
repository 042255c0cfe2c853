//! The refresh: reads every source for one `end`, and publishes one immutable snapshot.
//!
//! What happens when a source fails, in one place:
//!
//! * its values stay until `max_age` after the refresh that read them started, then they and all
//!   that was computed from them are unknown;
//! * a rate is assessed only from tickets and population of the same `end`; when one of them fails,
//!   the last whole set stays as long;
//! * `up` is 0 at once, the failure counter moves, and the log says so once.
//!
//! A refresh is bounded by `interval` and never overlaps the next. When it outlasts `timeout`, what
//! has been read is published without waiting for the rest, and so is what comes later, so that a
//! source that hangs delays no other.

mod gathered;
mod health;
mod plan;
mod progress;
mod reading;
mod reports;
mod store;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, info, warn};

use crate::{
    config::{Config, CountsFrom},
    domain::{Source, cut_to_minute},
    snapshot::{Frame, Snapshot, SourceFailure},
};

use health::Health;
use progress::Progress;
use reading::Round;
use reports::{Plan, Reports};

pub use gathered::Gathered;
pub use health::sources;
pub use plan::{help_scout_calls, population_intervals};
pub use reading::Readers;
pub use store::{Store, frame};

/// How long a plan without reports is believed before reports are asked for again.
const REPORTS_RETRY: Duration = Duration::from_hours(1);

/// Least time between two snapshots of a refresh that outlasts `timeout`: each costs a whole page.
const SNAPSHOT_PAUSE: Duration = Duration::from_secs(1);

/// Receives snapshots.
pub type Publish = Box<dyn Fn(Arc<Snapshot>) + Send + Sync>;
/// Is told of failed readings.
pub type Failed = Box<dyn Fn(&Source, &SourceFailure) + Send + Sync>;

/// Where a refresh's results go, and where it takes the time from.
pub struct Outlets {
    /// Receives every snapshot.
    pub publish: Publish,
    /// Told of every failed reading.
    pub failed: Failed,
    /// The wall clock.
    pub now: fn() -> Timestamp,
}

/// What is known before anything was read: the sources, none of them up.
pub fn unread(config: &Config) -> Snapshot {
    let with_reports = config.helpscout.counts_from != CountsFrom::Search;
    let health = Health::new(config, with_reports);
    let frame = Arc::new(frame(config));
    Store::default().snapshot(config, frame, None, health.states())
}

/// What a refresh publishes of the sources when it has read exactly this and nothing before: how past
/// windows are assessed. It says nothing of the sources themselves.
pub fn snapshot_of(config: &Config, frame: &Arc<Frame>, gathered: &Gathered) -> Snapshot {
    let mut store = Store::default();
    store.take(config, gathered);
    store.snapshot(config, Arc::clone(frame), None, Vec::new())
}

/// What survives a reload that changes nothing of what is counted.
pub struct Carried {
    store: Store,
    window_end: Option<Timestamp>,
    health: Health,
    reports_refused_at: Option<Instant>,
}

/// Reads all sources of one configuration, again and again.
pub struct Refresher {
    config: Arc<Config>,
    readers: Arc<Readers>,
    outlets: Arc<Outlets>,
    frame: Arc<Frame>,
    store: Store,
    health: Health,
    window_end: Option<Timestamp>,
    reports: Reports,
    /// When reports were last refused, on a plan that has none: sources that only reports know do
    /// not exist then.
    reports_refused_at: Option<Instant>,
    next_expiry: Option<Instant>,
}

impl Refresher {
    /// A refresher that has read nothing yet, or goes on with what `carried` holds.
    pub fn new(
        config: Arc<Config>,
        readers: Readers,
        outlets: Arc<Outlets>,
        carried: Option<Carried>,
    ) -> Self {
        let reports = match config.helpscout.counts_from {
            CountsFrom::Auto => Reports::Unknown,
            CountsFrom::Reports => Reports::Available,
            CountsFrom::Search => Reports::Unavailable,
        };
        let frame = Arc::new(frame(&config));
        let Carried {
            mut store,
            window_end,
            mut health,
            reports_refused_at,
        } = carried.unwrap_or_else(|| Carried {
            store: Store::default(),
            window_end: None,
            health: Health::new(&config, reports != Reports::Unavailable),
            reports_refused_at: None,
        });
        let with_reports = reports != Reports::Unavailable && reports_refused_at.is_none();
        health.follow(&config, with_reports);
        if !config.helpscout.happiness {
            store.forget_ratings();
        }
        Self {
            config,
            readers: Arc::new(readers),
            outlets,
            frame,
            store,
            health,
            window_end,
            reports,
            reports_refused_at,
            next_expiry: None,
        }
    }

    /// Refreshes at once and then every `interval`, for good. Cancel by dropping the future: all
    /// it does is read.
    ///
    /// What was carried over is published first. Who has nothing yet publishes nothing before the
    /// first refresh has ended or outlasts `timeout`: until then the old page stays.
    pub async fn run(&mut self, refreshed: impl Fn()) {
        if self.window_end.is_some() {
            self.publish();
        }
        loop {
            let started = Instant::now();
            self.refresh().await;
            refreshed();
            let next = started + self.config.interval;
            while Instant::now() < next {
                let wake = self.next_expiry.map_or(next, |expiry| expiry.min(next));
                sleep_until(wake).await;
                if self
                    .next_expiry
                    .is_some_and(|expiry| expiry <= Instant::now())
                {
                    self.publish();
                }
            }
        }
    }

    /// Says good-bye to the databases. Gives what the next refresher goes on with, if it counts the
    /// same.
    pub async fn retire(self) -> Carried {
        self.readers.populations.close().await;
        Carried {
            store: self.store,
            window_end: self.window_end,
            health: self.health,
            reports_refused_at: self.reports_refused_at,
        }
    }

    /// The readers, to ask about pace and quota.
    pub fn readers(&self) -> &Arc<Readers> {
        &self.readers
    }

    /// Whether tickets are counted by search, as far as is known by now.
    pub fn counts_by_search(&self) -> bool {
        self.reports == Reports::Unavailable
    }

    /// Reads every source once and publishes.
    pub async fn refresh(&mut self) {
        let started = Instant::now();
        let end = cut_to_minute((self.outlets.now)());
        let deadline = started + self.config.interval;
        self.reconsider_reports(started);
        let config = Arc::clone(&self.config);
        let readers = Arc::clone(&self.readers);
        let reader = readers.helpscout.until(deadline);
        let mut progress = Progress::new(&config, self.reports, end, started);
        let mut latest = self.reports;
        {
            let patience = started + config.timeout;
            let plan = Plan {
                reports: self.reports,
                presumed: if self.reports_refused_at.is_some() {
                    Reports::Unavailable
                } else {
                    Reports::Available
                },
                patience,
            };
            let mut round = Round::new(&config, &readers, &reader, plan, end, deadline);
            let mut next_snapshot = patience;
            let mut news = false;
            loop {
                let wake = self.next_expiry.unwrap_or(deadline);
                tokio::select! {
                    biased;
                    reading = round.next() => {
                        let Some(reading) = reading else { break };
                        latest = round.reports();
                        self.note_available(latest);
                        progress.take(&config, reading, &self.outlets, &mut self.health);
                        news = true;
                        continue;
                    }
                    () = sleep_until(next_snapshot), if news => {
                        debug!("the refresh outlasts the timeout of one call; publishing what is read");
                    }
                    () = sleep_until(wake), if self.next_expiry.is_some() => {}
                }
                self.store.take(&config, &progress.gathered);
                self.publish();
                news = false;
                next_snapshot = next_snapshot.max(Instant::now() + SNAPSHOT_PAUSE);
            }
        }
        self.note_reports(latest, started, progress.tickets_forbidden);
        self.store.take(&config, &progress.gathered);
        self.window_end = Some(end);
        self.publish();
        debug!(%end, seconds = started.elapsed().as_secs_f64(), "refreshed");
    }

    /// Publishes what is known now.
    pub fn publish(&mut self) {
        self.next_expiry = self.store.expire(Instant::now(), self.config.max_age);
        let snapshot = self.store.snapshot(
            &self.config,
            Arc::clone(&self.frame),
            self.window_end,
            self.health.states(),
        );
        (self.outlets.publish)(Arc::new(snapshot));
    }

    /// A plan can change: once in a while reports are asked for again.
    fn reconsider_reports(&mut self, now: Instant) {
        let due = self
            .reports_refused_at
            .is_some_and(|refused| now.duration_since(refused) >= REPORTS_RETRY);
        if self.asks_for_the_plan() && due {
            self.reports = Reports::Unknown;
        }
    }

    /// With the first reading that tells of reports, the sources that only they know are back.
    fn note_available(&mut self, latest: Reports) {
        if latest == Reports::Available && self.reports_refused_at.take().is_some() {
            info!("Help Scout answers reports: tickets are counted from them again");
            self.health.follow(&self.config, true);
        }
    }

    /// Remembers what this refresh learnt about the plan, and says so once, until it changes.
    fn note_reports(&mut self, latest: Reports, started: Instant, tickets_forbidden: bool) {
        let asked = self.reports == Reports::Unknown;
        self.reports = latest;
        if !self.asks_for_the_plan() {
            return;
        }
        if latest == Reports::Unavailable {
            if self.reports_refused_at.is_none() {
                warn!(
                    "Help Scout refuses reports (403): the plan has none. Created tickets are counted by searching \
                     conversations; what only reports know is absent"
                );
            }
            if asked {
                self.reports_refused_at = Some(started);
            }
            self.health.follow(&self.config, false);
            self.store.forget_reports();
        } else if tickets_forbidden {
            // Refused reports where there were some: the next refresh finds out about the plan.
            self.reports = Reports::Unknown;
        }
    }

    fn asks_for_the_plan(&self) -> bool {
        self.config.helpscout.counts_from == CountsFrom::Auto
    }
}
