//! The command `backfill`: past windows as an OpenMetrics file, for
//! `promtool tsdb create-blocks-from openmetrics`.
//!
//! Each step is what a refresh at that instant would have published, assessed by the same code. What
//! differs is how it is read: counts of disjoint intervals add up, so one interval per step and
//! segment is enough for every window that is a whole number of steps, and a report tells of two
//! intervals at once. `plan` says which calls that takes, `tickets` and `run` make them at the
//! account's pace, `cache` keeps every answer, `past` draws the snapshots, `samples` writes the file.

mod cache;
mod chain;
mod definition;
mod entry;
mod past;
mod plan;
mod progress;
mod run;
mod samples;
mod span;
mod tickets;

use std::{
    fmt::{self, Write as _},
    io,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicUsize},
};

use jiff::{SignedDuration, Timestamp};

use self::{
    cache::Cache,
    past::Past,
    plan::{How, Mode, Plan},
    progress::{Progress, Work},
    run::Run,
    samples::{Samples, Written, folder_of},
    span::Span,
    tickets::{Tickets, known_mode},
};
use crate::{
    config::{Config, CountsFrom},
    domain::{Interval, Window},
    exposition::catalogue,
    refresh,
    sources::count::{self, Populations},
    sources::helpscout::{self, HelpScout, Telemetry},
};

pub use self::{
    cache::CacheError,
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
    /// Where answers are kept; beside the output when not given.
    pub cache_dir: Option<PathBuf>,
    /// What to do about means.
    pub means: Means,
    /// Labels added to every sample.
    pub labels: Vec<(String, String)>,
    /// Only tell what there is to do.
    pub dry_run: bool,
}

/// The past cannot be filled in.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The instants asked for are impossible.
    #[error(transparent)]
    Span(#[from] SpanError),
    /// The cache cannot be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The Help Scout client cannot be built from the config.
    #[error("cannot prepare the Help Scout client")]
    Client(#[source] helpscout::Error),
    /// The client's metrics cannot be made.
    #[error("cannot prepare the Help Scout client's metrics")]
    Telemetry(#[source] prometheus::Error),
    /// The populations cannot be built from the config.
    #[error("cannot prepare the populations")]
    Populations(#[source] count::Error),
    /// A call failed, after the client's own retries.
    #[error(
        "segment {segment}: cannot read {what}; all answers so far are kept, run it again to go on"
    )]
    HelpScout {
        /// Which report, over which interval.
        what: String,
        /// Of which segment.
        segment: String,
        /// Why.
        #[source]
        source: Box<helpscout::Error>,
    },
    /// A population failed.
    #[error("no population over {interval}; all answers so far are kept, run it again to go on")]
    Population {
        /// Over which interval.
        interval: Interval,
        /// Which, and why.
        #[source]
        source: Box<count::Error>,
    },
    /// Samples cannot be put aside.
    #[error("cannot put samples aside for the output")]
    Aside(#[source] io::Error),
    /// The file cannot be written.
    #[error("cannot write {}", path.display())]
    Output {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Error {
    /// Whether flags or config are at fault.
    pub const fn is_usage(&self) -> bool {
        matches!(self, Self::Span(_) | Self::Populations(_))
    }
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
    let folder = options.cache_dir.clone();
    let folder = folder.unwrap_or_else(|| cache_beside(&options.output));
    let telemetry = Telemetry::new().map_err(Error::Telemetry)?;
    let help_scout = HelpScout::for_history(config, telemetry).map_err(Error::Client)?;
    let populations = Populations::new(config).map_err(Error::Populations)?;
    let plan = |mode| Plan::new(config, span, mode, options.means == Means::Read);
    let first_plans = [plan(Mode::RECORDED), plan(Mode::Search)];
    if options.dry_run {
        let cache = Cache::look(&folder, config)?;
        let supposed = match config.helpscout.counts_from {
            CountsFrom::Search => Mode::Search,
            CountsFrom::Auto | CountsFrom::Reports => {
                known_mode(&cache, &first_plans)?.unwrap_or(Mode::RECORDED)
            }
        };
        let plan = plan(supposed);
        return Ok(foresee(config, &plan, &cache, &help_scout, options.means)?);
    }
    let cache = Cache::open(&folder, config)?;
    let mut samples = Samples::new(folder_of(&options.output)).map_err(Error::Aside)?;
    let tickets = Tickets::new(config, &cache, &help_scout);
    let mode = tickets.mode(&first_plans).await?;
    let plan = plan(mode);
    let (work, _) = run::work(config, &plan, &cache)?;
    let progress = Progress::new(work);
    let past = Past {
        config,
        frame: Arc::new(refresh::frame(config)),
        plan: &plan,
        cache: &cache,
        mistrusted: AtomicUsize::new(0),
    };
    let run = Run {
        config,
        plan: &plan,
        cache: &cache,
        tickets: &tickets,
        populations: &populations,
        progress: &progress,
    };
    let outcome = tokio::select! {
        outcome = run.run(&past, &mut samples) => outcome,
        () = progress.show(|| help_scout.pace_per_minute()) => Ok(()),
    };
    populations.close().await;
    outcome?;
    let written = samples
        .write(&options.output, &span, &options.labels)
        .map_err(|source| Error::Output {
            path: options.output.clone(),
            source,
        })?;
    Ok(report(config, options, &past, written, &folder))
}

/// `history.om` has its cache in `history.om.cache`.
fn cache_beside(output: &Path) -> PathBuf {
    let mut path = output.as_os_str().to_owned();
    path.push(".cache");
    path.into()
}

/// What ended before this instant is not needed at `step` or later.
fn horizon_of(plan: &Plan, step: i64) -> Timestamp {
    let back = SignedDuration::from_secs(plan.horizon());
    let end = plan.span().end(step);
    end.checked_sub(back).unwrap_or(Timestamp::MIN)
}

/// Tells what a run would do.
fn foresee(
    config: &Config,
    plan: &Plan,
    cache: &Cache,
    help_scout: &HelpScout,
    means: Means,
) -> Result<Outcome, CacheError> {
    let (Work { calls, queries }, by_population) = run::work(config, plan, cache)?;
    let mut text = summary(config, plan);
    let pace = help_scout.pace_per_minute();
    let time = progress::duration(calls as f64 * 60.0 / f64::from(pace));
    let _ = writeln!(
        text,
        "{calls} Help Scout calls, {time} at {pace} a minute{}",
        if config.helpscout.requests_per_minute.is_some() {
            ""
        } else {
            " (half of the 200 that the smallest plan is granted; the account's own limit is known from the first answer)"
        }
    );
    let _ = writeln!(text, "{queries} readings of populations");
    for (population, count) in config.populations.iter().zip(by_population) {
        if population.has_past() {
            let _ = writeln!(text, "  {}: {count}", population.name);
        }
    }
    text.push_str("What the cache has is not counted, nor are the token and the lists of mailboxes and tags.\n");
    left_out(&mut text, config, plan, means);
    Ok(Outcome(text))
}

/// Tells what a run has done.
fn report(
    config: &Config,
    options: &Options,
    past: &Past<'_>,
    written: Written,
    cache: &Path,
) -> Outcome {
    let mut text = summary(config, past.plan);
    let _ = writeln!(
        text,
        "{} samples of {} series in {}",
        written.samples,
        written.series,
        options.output.display()
    );
    left_out(&mut text, config, past.plan, options.means);
    let mistrusted = past.mistrusted.load(std::sync::atomic::Ordering::Relaxed);
    if mistrusted > 0 {
        let _ = writeln!(
            text,
            "left out for {mistrusted} steps and segments: dispersion, baseline and p-value, since tickets created \
             by day do not agree with the reports"
        );
    }
    let _ = writeln!(
        text,
        "the answers are kept in {}; remove it when you need them no more",
        cache.display()
    );
    Outcome(text)
}

fn summary(config: &Config, plan: &Plan) -> String {
    let span = plan.span();
    let windows: Vec<&str> = config.windows.iter().map(Window::name).collect();
    let mut text = format!(
        "{} steps from {} to {}; {} segments; windows {}\n",
        span.steps(),
        span.end(0),
        span.last(),
        config.segments.len(),
        windows.join(", ")
    );
    if plan.mode() == Mode::Search && config.helpscout.counts_from == CountsFrom::Auto {
        text.push_str(
            "the plan has no reports: created tickets are counted by search, the rest is absent\n",
        );
    }
    text
}

/// Says which series of a live page the past does not have.
fn left_out(text: &mut String, config: &Config, plan: &Plan, means: Means) {
    let _ = writeln!(
        text,
        "left out: {}, since nobody knows how many were open then",
        catalogue::OPEN_TICKETS.name
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
    if means == Means::Skip && plan.mode() != Mode::Search {
        let windows = config.windows.iter().zip(&plan.counts.how);
        let sums: Vec<&str> = windows
            .filter(|(window, how)| **how == How::Sum && window.seconds() != plan.span().step())
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
