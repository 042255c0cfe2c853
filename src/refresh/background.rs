//! What is not read with every refresh: each task at its own pace, beside the refreshes.
//!
//! A task is a [`Source`] of its own, with its own state. Tasks begin after the first refresh, so that
//! none delays the first rate. They run side by side, but whoever asks the help desk takes a
//! [turn](Context::turn) first: one call at a time, so that a refresh waits for one of them at most.
//!
//! A task that lasts long reads in steps, each of which may bring a finding; its state is told at the
//! last step. After a failure it is tried again with the next refresh, or after `every` where that
//! comes sooner. What it found is shown for three times `every`.

mod reasons;

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context as Waker, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, sleep_until},
};

use super::{reading::Sources, states::Outcome};
use crate::{
    config::Config,
    domain::{Source, SourceFailure},
    snapshot::Finding,
};
pub use reasons::ReasonsTask;

/// A finding is shown for so many times the time between two readings.
const KEPT: u32 = 3;

/// Whom a step may ask, and for what.
pub struct Context {
    /// The configuration in force when the step began.
    pub config: Arc<Config>,
    /// What reads its sources.
    pub sources: Arc<Sources>,
    /// The wall clock.
    pub now: fn() -> Timestamp,
    /// Whose turn it is to ask the help desk.
    pub turns: Turns,
}

/// One turn, which the tasks take one after the other.
pub type Turns = Arc<Semaphore>;

impl Context {
    /// Waits until no other task asks the help desk. Hold it for one call.
    pub async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.turns.acquire().await.ok()
    }
}

/// What a step brought.
#[derive(Debug, Default)]
pub struct Step {
    /// What is known now; it replaces what was found before.
    pub finding: Option<Finding>,
    /// How the whole reading went, if this step was its last. Without it the next step follows at once.
    pub end: Option<Ended>,
}

/// How a whole reading went.
#[derive(Debug, Default)]
pub struct Ended {
    /// Every reading that failed.
    pub failures: Vec<SourceFailure>,
    /// Which past could not be read, and why.
    pub missing_past: Option<String>,
}

/// Something to read again and again.
pub trait Task: Send {
    /// The source that it is.
    fn source(&self) -> Source;

    /// A hash of everything that its numbers depend on, addresses included. A task of the next
    /// configuration with the same source and definition does not begin anew: this one goes on.
    fn definition(&self) -> u64;

    /// From the begin of one reading to the begin of the next.
    fn every(&self) -> Duration;

    /// Reads a part, or all. May be dropped at any time.
    fn step<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Step>;
}

/// What a task brought, to be taken over.
pub struct News {
    /// Whose.
    pub source: Source,
    /// What was found, when its reading began, and for how long it may be shown.
    pub finding: Option<(Finding, Instant, Duration)>,
    /// The state of the source, at the end of a reading.
    pub outcome: Option<Outcome>,
}

/// A task and when it goes on.
struct Slot {
    source: Source,
    definition: u64,
    /// When the reading began.
    started: Instant,
    work: Work,
}

enum Work {
    Waiting(Box<dyn Task>, Instant),
    Sleeping(BoxFuture<'static, Box<dyn Task>>),
    /// In the middle of a reading.
    Stepping(Box<dyn Task>),
    Running(BoxFuture<'static, (Box<dyn Task>, Step)>),
    /// Only while it is being polled.
    Moving,
}

/// Every task of one configuration.
pub struct Background {
    slots: Vec<Slot>,
    begun: bool,
    turns: Turns,
}

impl Background {
    /// Nothing is read before [`Background::begin`].
    pub fn new(tasks: Vec<Box<dyn Task>>) -> Self {
        let mut background = Self {
            slots: Vec::new(),
            begun: false,
            turns: Arc::new(Semaphore::new(1)),
        };
        background.adopt(tasks);
        background
    }

    /// The first refresh has ended: the tasks may run.
    pub const fn begin(&mut self) {
        self.begun = true;
    }

    /// Goes on with the tasks of another configuration, and says of which sources what was found
    /// counts no more.
    pub fn adopt(&mut self, tasks: Vec<Box<dyn Task>>) -> Vec<Source> {
        let mut before = std::mem::take(&mut self.slots);
        for task in tasks {
            let (source, definition) = (task.source(), task.definition());
            let same = |slot: &Slot| slot.source == source && slot.definition == definition;
            let slot = match before.iter().position(same) {
                Some(index) => before.swap_remove(index),
                None => Slot {
                    source,
                    definition,
                    started: Instant::now(),
                    work: Work::Waiting(task, Instant::now()),
                },
            };
            self.slots.push(slot);
        }
        before.into_iter().map(|slot| slot.source).collect()
    }

    /// The sources of the tasks.
    pub fn sources(&self) -> Vec<Source> {
        let slots = self.slots.iter();
        slots.map(|slot| slot.source.clone()).collect()
    }

    /// The next step that is done. Waits for ever while there is nothing to read. Nothing is lost when
    /// the wait is given up.
    pub async fn next(&mut self, context: impl Fn(Turns) -> Context) -> News {
        poll_fn(|waker| {
            if !self.begun {
                return Poll::Pending;
            }
            for slot in &mut self.slots {
                let context = || context(Arc::clone(&self.turns));
                if let Poll::Ready(news) = slot.poll(waker, context) {
                    return Poll::Ready(news);
                }
            }
            Poll::Pending
        })
        .await
    }
}

impl Slot {
    fn poll(&mut self, waker: &mut Waker<'_>, context: impl Fn() -> Context) -> Poll<News> {
        loop {
            match std::mem::replace(&mut self.work, Work::Moving) {
                Work::Waiting(task, due) => {
                    self.work = Work::Sleeping(Box::pin(async move {
                        sleep_until(due).await;
                        task
                    }));
                }
                Work::Sleeping(mut sleeping) => match sleeping.as_mut().poll(waker) {
                    Poll::Pending => {
                        self.work = Work::Sleeping(sleeping);
                        return Poll::Pending;
                    }
                    Poll::Ready(task) => {
                        self.started = Instant::now();
                        self.work = running(task, context());
                    }
                },
                Work::Stepping(task) => self.work = running(task, context()),
                Work::Running(mut step) => match step.as_mut().poll(waker) {
                    Poll::Pending => {
                        self.work = Work::Running(step);
                        return Poll::Pending;
                    }
                    Poll::Ready((task, step)) => {
                        return Poll::Ready(self.take(task, step, &context()));
                    }
                },
                Work::Moving => return Poll::Pending,
            }
        }
    }

    fn take(&mut self, task: Box<dyn Task>, step: Step, context: &Context) -> News {
        let every = task.every();
        let finding = step
            .finding
            .map(|finding| (finding, self.started, every.saturating_mul(KEPT)));
        let outcome = step.end.map(|end| Outcome {
            failures: end.failures,
            missing_past: end.missing_past,
            took: self.started.elapsed(),
            at: (context.now)(),
        });
        let now = Instant::now();
        self.work = match &outcome {
            None => Work::Stepping(task),
            Some(outcome) if outcome.failures.is_empty() => {
                Work::Waiting(task, self.started + every)
            }
            Some(_) => Work::Waiting(task, now + every.min(context.config.interval)),
        };
        News {
            source: self.source.clone(),
            finding,
            outcome,
        }
    }
}

fn running(mut task: Box<dyn Task>, context: Context) -> Work {
    Work::Running(Box::pin(async move {
        let step = task.step(&context).await;
        drop(context);
        (task, step)
    }))
}

#[cfg(test)]
mod tests;
