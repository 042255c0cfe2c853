//! The command `backfill`: past windows as an OpenMetrics file, for
//! `promtool tsdb create-blocks-from openmetrics`.
//!
//! Each step is what a refresh at that instant would have published, assessed by the same code. What
//! differs is how it is read: counts of disjoint intervals add up, so one interval per step and
//! segment is enough for every window that is a whole number of steps, and a report tells of two
//! intervals at once. `schedule` says which calls that takes, `desk` and `run` make them at the
//! account's pace, `cache` keeps every answer, `past` draws the snapshots, `samples` writes the file.

mod cache;
mod desk;
mod error;
mod intervals;
mod labels;
mod past;
mod run;
mod samples;
mod schedule;
mod span;
mod work;

use std::{
    fmt::{self, Write as _},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use jiff::Timestamp;
use tokio::time::Instant;

use self::{
    cache::Cache,
    desk::{Desk, known_mode},
    past::Past,
    run::{Run, Unknown},
    samples::{Samples, WriteError, Written},
    schedule::{How, Mode, Schedule},
    span::Span,
    work::{Done, Work},
};
use super::output::Output;
use crate::{
    config::Config,
    domain::Window,
    exposition::catalogue,
    refresh,
    sources::{count::Populations, tickets::TicketSource},
};

pub use self::{
    cache::CacheError,
    error::Error,
    labels::parse_label,
    span::{SpanError, Step, parse_instant, parse_step},
};

/// What to do about means, which do not add up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Means {
    /// Read every window for itself, with a call for each.
    Read,
    /// Leave them out, but for windows as long as the step, whose means come with the counts.
    #[default]
    Skip,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// The first instant.
    pub from: Timestamp,
    /// The last instant at most.
    pub to: Timestamp,
    /// Time from one instant to the next.
    pub step: Step,
    /// The file to write.
    pub output: PathBuf,
    /// Folder in which answers are kept; beside the output when not given.
    pub cache_dir: Option<PathBuf>,
    /// What to do about means.
    pub means: Means,
    /// Labels added to every sample.
    pub labels: Vec<(String, String)>,
    /// Only tell what there is to do.
    pub dry_run: bool,
}

/// What was done, or is to be done, for people.
#[derive(Debug)]
pub struct Outcome(String);

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Fills in the past as `options` say, or tells what that takes. Shows how far it is on standard
/// error. The file appears whole or not at all; answers are kept either way.
pub async fn backfill(
    config: &Config,
    options: &Options,
    now: Timestamp,
) -> Result<Outcome, Error> {
    let span = Span::new(options.from, options.to, options.step, now)?;
    if let Some(name) = labels::twice(&options.labels) {
        return Err(Error::Label(name.to_owned()));
    }
    let tickets = TicketSource::for_history(config)?;
    let populations = Populations::new(config).map_err(Error::Populations)?;
    let sources = Sources {
        populations: tickets.counting_visitors(populations),
        tickets,
    };
    let path = cache::path(options.cache_dir.as_deref(), &options.output);
    let outcome = if options.dry_run {
        let cache = Cache::look(&path, config).await?;
        let outcome = foresee(config, options, span, &cache, &sources.tickets).await;
        cache.close().await;
        outcome.map_err(Error::Cache)
    } else {
        let cache = Cache::open(&path, config).await?;
        let outcome = fill(config, options, span, &cache, &sources).await;
        cache.close().await;
        outcome.map(|text| {
            Outcome(format!(
                "{}the answers are kept in {}; remove it when you need them no more\n",
                text,
                path.display()
            ))
        })
    };
    sources.tickets.close().await;
    sources.populations.close().await;
    outcome
}

/// Where everything is read.
struct Sources {
    tickets: TicketSource,
    populations: Populations,
}

/// Reads what the cache lacks, and writes the file.
async fn fill(
    config: &Config,
    options: &Options,
    span: Span,
    cache: &Cache,
    sources: &Sources,
) -> Result<String, Error> {
    let desk = Desk::new(config, cache, &sources.tickets);
    let mode = desk.mode(&first_schedules(config, options, span)).await?;
    let schedule = schedule(config, options, span, mode);
    let (work, _) = run::work(config, &schedule, cache, &sources.tickets).await?;
    // What a run that was killed left behind is of its own span.
    cache.forget_samples().await?;
    let mut samples = Samples::new();
    let done = Done::new(sources.tickets.name(), work);
    let past = Past {
        config,
        frame: Arc::new(refresh::frame(config)),
        schedule: &schedule,
        cache,
        mistrusted: AtomicUsize::new(0),
    };
    let unknown: Vec<Unknown> = config
        .populations
        .iter()
        .map(|_| Unknown::default())
        .collect();
    let run = Run {
        config,
        schedule: &schedule,
        cache,
        desk: &desk,
        populations: &sources.populations,
        done: &done,
        unknown: &unknown,
    };
    tokio::select! {
        outcome = run.run(&past, &mut samples) => outcome?,
        () = done.show(|| sources.tickets.budget(config).per_minute) => {}
    }
    let unwritten = |source| Error::Output {
        path: options.output.clone(),
        source,
    };
    let mut output = Output::begin(&options.output).map_err(unwritten)?;
    let written = samples
        .write(cache, &mut output, &span, &options.labels)
        .await
        .map_err(|error| match error {
            WriteError::Cache(error) => Error::Cache(error),
            WriteError::Output(source) => unwritten(source),
        })?;
    output.finish().map_err(unwritten)?;
    cache.forget_samples().await?;
    let mut text = told(config, options, &sources.tickets, &past, written);
    for (population, unknown) in config.populations.iter().zip(&unknown) {
        let count = unknown.intervals.load(Ordering::Relaxed);
        if count > 0 {
            let _ = writeln!(
                text,
                "left out: contact_{} and its contact rates over {count} intervals that it is not known of",
                population.name
            );
        }
    }
    Ok(text)
}

fn schedule(config: &Config, options: &Options, span: Span, mode: Mode) -> Schedule {
    Schedule::new(config, span, mode, options.means == Means::Read)
}

/// With all counts and with created tickets only: whose first interval is known tells which.
fn first_schedules(config: &Config, options: &Options, span: Span) -> [Schedule; 2] {
    [Mode::RECORDED, Mode::CreatedOnly].map(|mode| schedule(config, options, span, mode))
}

/// Tells what a run would do.
async fn foresee(
    config: &Config,
    options: &Options,
    span: Span,
    cache: &Cache,
    source: &TicketSource,
) -> Result<Outcome, CacheError> {
    let supposed = if source.capabilities().all_counts {
        let known = known_mode(cache, &first_schedules(config, options, span)).await?;
        known.unwrap_or(Mode::RECORDED)
    } else {
        Mode::CreatedOnly
    };
    // Nobody asks it anything: this only takes along what is known.
    let past = source.past(Instant::now());
    past.recall(supposed != Mode::CreatedOnly);
    let schedule = schedule(config, options, span, supposed);
    let (Work { calls, queries }, by_population) =
        run::work(config, &schedule, cache, source).await?;
    let mut text = summary(config, &schedule, source);
    let pace = source.budget(config).per_minute;
    let name = source.name();
    let _ = match pace {
        Some(pace) => writeln!(
            text,
            "{calls} {name} calls, {} at {pace} a minute{}",
            work::duration(calls as f64 * 60.0 / f64::from(pace)),
            source.pace_in_doubt(config).unwrap_or_default()
        ),
        None => writeln!(text, "{calls} readings of tickets from {name}"),
    };
    let _ = writeln!(text, "{queries} readings of populations");
    for (population, count) in config.populations.iter().zip(by_population) {
        if population.has_past() {
            let _ = writeln!(text, "  {}: {count}", population.name);
        }
    }
    text.push_str("What the cache has is not counted, nor are the token and the lists of mailboxes and tags.\n");
    left_out(&mut text, config, &schedule, options.means);
    Ok(Outcome(text))
}

/// Tells what a run has done.
fn told(
    config: &Config,
    options: &Options,
    source: &TicketSource,
    past: &Past<'_>,
    written: Written,
) -> String {
    let mut text = summary(config, past.schedule, source);
    let _ = writeln!(
        text,
        "{} samples of {} series in {}",
        written.samples,
        written.series,
        options.output.display()
    );
    left_out(&mut text, config, past.schedule, options.means);
    let mistrusted = past.mistrusted.load(Ordering::Relaxed);
    if mistrusted > 0 {
        let _ = writeln!(
            text,
            "left out for {mistrusted} steps and segments: dispersion, baseline and p-value, since tickets created \
             by day do not agree with the reports"
        );
    }
    text
}

fn summary(config: &Config, schedule: &Schedule, source: &TicketSource) -> String {
    let span = schedule.span();
    let windows: Vec<&str> = config.windows.iter().map(Window::name).collect();
    let mut text = format!(
        "{} steps from {} to {}; {} segments; windows {}\n",
        span.steps(),
        span.end(0),
        span.last(),
        config.segments.len(),
        windows.join(", ")
    );
    if schedule.mode() == Mode::CreatedOnly
        && let Some(limitation) = source.limitation(config)
    {
        let _ = writeln!(text, "{limitation}");
    }
    text
}

/// Says which series of a live page the past does not have.
fn left_out(text: &mut String, config: &Config, schedule: &Schedule, means: Means) {
    let _ = writeln!(
        text,
        "left out: {} and {}, since nobody knows how many were open then",
        catalogue::OPEN_TICKETS.name,
        catalogue::OLDEST_OPEN_TICKET_TIMESTAMP_SECONDS.name
    );
    for population in &config.populations {
        if !population.has_past() {
            let name = &population.name;
            let _ = writeln!(
                text,
                "left out: contact_{name} and its contact rates, since its query does not use :end and so cannot tell of the past"
            );
        }
    }
    if means == Means::Skip && schedule.mode() != Mode::CreatedOnly {
        let windows = config.windows.iter().zip(&schedule.counts.how);
        let sums: Vec<&str> = windows
            .filter(|(window, how)| **how == How::Sum && window.seconds() != schedule.span().step())
            .map(|(window, _)| window.name())
            .collect();
        if !sums.is_empty() {
            let _ = writeln!(
                text,
                "left out: mean times over {}, which would take a call for each (--means=read)",
                sums.join(", ")
            );
        }
    }
}
