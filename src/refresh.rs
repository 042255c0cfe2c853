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
//! source that hangs delays no other. While a source has never been read because its other side is
//! not there yet, the next refresh comes sooner.
//!
//! A new configuration that counts the same lets the running refresh end: what was read stays, but
//! for what was read at another address. One that counts otherwise begins anew, and the old page
//! stays until it has something to show.

mod background;
mod frame;
mod gathered;
mod intervals;
mod progress;
mod reading;
mod states;
mod store;
mod succession;

use std::{sync::Arc, time::Duration};

use backon::BackoffBuilder as _;
use jiff::Timestamp;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until, timeout_at},
};
use tracing::debug;

use crate::{
    config::Config,
    domain::cut_to_minute,
    snapshot::{Frame, Snapshot},
    sources::capabilities::Capabilities,
};

use background::{Background, News};
use progress::Progress;
use reading::{Asked, Round};
use states::States;

pub use background::{Context, Ended as ReadingEnded, Step, Task, Turns};
pub use frame::frame;
pub use gathered::Gathered;
pub use intervals::population_intervals;
pub use reading::Sources;
pub use states::sources;
pub use store::Store;
pub use succession::Reload;

/// Least time between two snapshots of a refresh that outlasts `timeout`: each costs a whole page.
const SNAPSHOT_PAUSE: Duration = Duration::from_secs(1);

/// First pause after a refresh that found a source not there yet; it doubles up to `interval`.
const FIRST_RETRY: Duration = Duration::from_secs(5);

/// Receives snapshots.
pub type Publish = Box<dyn Fn(Arc<Snapshot>) + Send + Sync>;

/// Where a refresh's results go, and where it takes the time from.
pub struct Outlets {
    /// Receives every snapshot.
    pub publish: Publish,
    /// The wall clock.
    pub now: fn() -> Timestamp,
}

/// What is known before anything was read: the sources, none of them up.
pub fn unread(config: &Config, capabilities: Capabilities) -> Snapshot {
    let frame = Arc::new(frame(config));
    let states = States::new(config, capabilities);
    Store::default().snapshot(config, frame, None, states.all())
}

/// What a refresh publishes of the sources when it has read exactly this and nothing before: how past
/// windows are assessed. It says nothing of the sources themselves.
pub fn snapshot_of(config: &Config, frame: &Arc<Frame>, gathered: &Gathered) -> Snapshot {
    let mut store = Store::default();
    store.take(config, gathered);
    store.snapshot(config, Arc::clone(frame), None, Vec::new())
}

/// Reads all sources of one configuration after the other, again and again.
pub struct Refresher {
    config: Arc<Config>,
    sources: Arc<Sources>,
    outlets: Arc<Outlets>,
    frame: Arc<Frame>,
    store: Store,
    states: States,
    window_end: Option<Timestamp>,
    next_expiry: Option<Instant>,
    background: Background,
    /// Those before, until nothing reads from them any more.
    retired: Vec<Arc<Sources>>,
}

/// What a step beside the refreshes may ask, made when it begins.
fn context<'a>(
    config: &'a Arc<Config>,
    sources: &'a Arc<Sources>,
    outlets: &'a Outlets,
) -> impl Fn(Turns) -> Context + use<'a> {
    |turns| Context {
        config: Arc::clone(config),
        sources: Arc::clone(sources),
        now: outlets.now,
        turns,
    }
}

/// How a refresh ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// Everything was read, or failed.
    Whole,
    /// The same, but a new configuration came meanwhile: it wants to be read as well.
    Reloaded,
    /// Another definition came, and what was read is of no use.
    Redefined,
}

impl Refresher {
    /// A refresher that has read nothing yet.
    pub fn new(config: Arc<Config>, sources: Sources, outlets: Arc<Outlets>) -> Self {
        let tasks = background::tasks(&config);
        Self {
            frame: Arc::new(frame(&config)),
            store: Store::default(),
            states: States::new(&config, sources.tickets.capabilities()),
            config,
            sources: Arc::new(sources),
            outlets,
            window_end: None,
            next_expiry: None,
            background: Background::new(tasks),
            retired: Vec::new(),
        }
    }

    /// Refreshes at once and then every `interval`, and whenever a new configuration comes, until
    /// `reloads` is closed. May be dropped at any time: all it does is read.
    pub async fn run(&mut self, mut reloads: mpsc::Receiver<Reload>, refreshed: impl Fn()) {
        let mut retries = None;
        loop {
            let started = Instant::now();
            let ended = self.refresh_until(&mut reloads).await;
            if ended != Ended::Redefined {
                refreshed();
            }
            if ended != Ended::Whole {
                retries = None;
                continue;
            }
            let mut pause = self.config.interval;
            if self.states.may_soon_work() {
                let retries = retries.get_or_insert_with(|| {
                    backon::ExponentialBuilder::new()
                        .with_min_delay(FIRST_RETRY)
                        .with_max_delay(self.config.interval)
                        .without_max_times()
                        .with_jitter()
                        .build()
                });
                let soon = retries.next().unwrap_or(pause);
                pause = pause.min(started.elapsed() + soon);
            } else {
                retries = None;
            }
            if !self.rest(started + pause, &mut reloads).await {
                return;
            }
        }
    }

    /// Waits for `next`, or for a new configuration; `false` when there will be none any more.
    async fn rest(&mut self, next: Instant, reloads: &mut mpsc::Receiver<Reload>) -> bool {
        while Instant::now() < next {
            let wake = self.next_expiry.map_or(next, |expiry| expiry.min(next));
            tokio::select! {
                reload = reloads.recv() => {
                    let Some(reload) = reload else { return false };
                    self.adopt(reload);
                    self.close_retired().await;
                    return true;
                }
                news = self.background.next(context(&self.config, &self.sources, &self.outlets)) => {
                    self.take_news(news);
                    self.publish();
                }
                () = sleep_until(wake) => {}
            }
            let is_due = |expiry| expiry <= Instant::now();
            if self.next_expiry.is_some_and(is_due) {
                self.publish();
            }
        }
        true
    }

    /// Says good-bye to the databases.
    pub async fn close(self) {
        drop(self.background);
        for sources in self.retired.iter().chain([&self.sources]) {
            sources.tickets.close().await;
            sources.populations.close().await;
        }
    }

    /// What reads the sources, to ask about pace and quota.
    pub fn sources(&self) -> &Arc<Sources> {
        &self.sources
    }

    /// Reads every source once and publishes.
    pub async fn refresh(&mut self) {
        let (_never, mut reloads) = mpsc::channel(1);
        self.refresh_until(&mut reloads).await;
    }

    /// Reads once what is read beside the refreshes, and publishes. What is not read by `deadline` stays
    /// unread.
    pub async fn read_beside(&mut self, deadline: Instant) {
        self.background.begin();
        let mut waiting = self.background.sources();
        while !waiting.is_empty() {
            let context = context(&self.config, &self.sources, &self.outlets);
            let Ok(news) = timeout_at(deadline, self.background.next(context)).await else {
                break;
            };
            if news.outcome.is_some() {
                waiting.retain(|source| *source != news.source);
            }
            self.take_news(news);
        }
        self.publish();
    }

    /// The same; a new configuration may come meanwhile.
    async fn refresh_until(&mut self, reloads: &mut mpsc::Receiver<Reload>) -> Ended {
        let started = Instant::now();
        let end = cut_to_minute((self.outlets.now)());
        let config = Arc::clone(&self.config);
        let sources = Arc::clone(&self.sources);
        let deadline = started + config.interval;
        let patience = started + config.timeout;
        let mut progress = Progress::new(&config, sources.tickets.counted_by(), end, started);
        let uses = progress.gathered.uses.clone();
        let mut ended = Ended::Whole;
        {
            let tickets = sources.tickets.until(deadline, patience);
            let asked = Asked {
                config: &config,
                tickets: &tickets,
                populations: &sources.populations,
                end,
                deadline,
            };
            let mut round = Round::new(asked, &uses);
            let mut next_snapshot = patience;
            let mut news = false;
            let mut may_reload = true;
            loop {
                let wake = self.next_expiry.unwrap_or(deadline);
                tokio::select! {
                    biased;
                    reload = reloads.recv(), if may_reload => {
                        let Some(reload) = reload else {
                            may_reload = false;
                            continue;
                        };
                        let same = self.take_over(reload, Some(&mut progress));
                        ended = if same { Ended::Reloaded } else { Ended::Redefined };
                        if !same {
                            break;
                        }
                        continue;
                    }
                    reading = round.next() => {
                        let Some(reading) = reading else { break };
                        self.follow(&sources);
                        let now = (self.outlets.now)();
                        let again = progress.take(&config, reading, &mut self.states, now);
                        if let Some(pair) = again {
                            round.ask_again(pair);
                        }
                        news = true;
                        continue;
                    }
                    found = self.background.next(context(&self.config, &self.sources, &self.outlets)) => {
                        self.take_news(found);
                        news = true;
                        continue;
                    }
                    () = sleep_until(next_snapshot), if news => {
                        debug!("the refresh outlasts the timeout of one call; publishing what is read");
                    }
                    () = sleep_until(wake), if self.next_expiry.is_some() => {}
                }
                self.store.take(&self.config, &progress.gathered);
                self.publish();
                news = false;
                next_snapshot = next_snapshot.max(Instant::now() + SNAPSHOT_PAUSE);
            }
            tickets.end();
        }
        if ended != Ended::Redefined {
            self.follow(&sources);
            self.store.take(&self.config, &progress.gathered);
            self.window_end = Some(end);
            self.background.begin();
            self.publish();
            debug!(%end, seconds = started.elapsed().as_secs_f64(), "refreshed");
        }
        drop(sources);
        self.close_retired().await;
        ended
    }

    /// Takes over what was read beside the refreshes.
    fn take_news(&mut self, news: News) {
        let News {
            source,
            finding,
            outcome,
        } = news;
        if let Some((finding, read_at, max_age)) = finding {
            self.store
                .take_finding(source.clone(), finding, read_at, max_age);
        }
        if let Some(outcome) = outcome {
            self.states.finish(&source, outcome);
        }
    }

    /// Publishes what is known now.
    pub fn publish(&mut self) {
        self.next_expiry = self.store.expire(Instant::now(), self.config.max_age);
        let snapshot = self.store.snapshot(
            &self.config,
            Arc::clone(&self.frame),
            self.window_end,
            self.states.all(),
        );
        (self.outlets.publish)(Arc::new(snapshot));
    }
}
