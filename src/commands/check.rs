//! The command `check`: reads every source once and says line by line what works.

mod forecast;

use std::{
    fmt::{self, Write as _},
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use tokio::time::Instant;

use crate::{
    app::{Error, pace_warning, sources},
    config::{Config, PopulationKind, PopulationSource, Segment},
    domain::{ContactCounts, HelpCenter, Source, Tickets},
    refresh::{Outlets, Refresher},
    snapshot::{PopulationValues, Snapshot, SourceState},
    sources::{
        capabilities::Budget,
        database::{Relation, RelationKind},
        telemetry::Telemetry,
        tickets::TicketSource,
    },
};

/// What `check` found.
pub struct Report {
    lines: Vec<Line>,
}

struct Line {
    verdict: Verdict,
    about: String,
    text: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Ok,
    Note,
    Fail,
}

impl Report {
    /// Whether every source was read.
    pub fn all_works(&self) -> bool {
        self.lines.iter().all(|line| line.verdict != Verdict::Fail)
    }

    fn add(&mut self, verdict: Verdict, about: impl Into<String>, text: impl Into<String>) {
        self.lines.push(Line {
            verdict,
            about: about.into(),
            text: text.into(),
        });
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self
            .lines
            .iter()
            .map(|line| line.about.chars().count())
            .max();
        let width = width.unwrap_or(0);
        for Line {
            verdict,
            about,
            text,
        } in &self.lines
        {
            let verdict = match verdict {
                Verdict::Ok => "ok  ",
                Verdict::Note => "note",
                Verdict::Fail => "FAIL",
            };
            writeln!(formatter, "{verdict}  {about:width$}  {text}")?;
        }
        let failed = self
            .lines
            .iter()
            .filter(|line| line.verdict == Verdict::Fail)
            .count();
        match failed {
            0 => write!(formatter, "Everything works."),
            1 => write!(formatter, "1 line failed."),
            count => write!(formatter, "{count} lines failed."),
        }
    }
}

/// Reads every source of the configuration once. Fails only when the clients cannot be built; what
/// the sources say is in the report.
pub async fn check(config: Config, name: &str) -> Result<Report, Error> {
    let config = Arc::new(config);
    let telemetry = Telemetry::new()?;
    let sources = sources(&config, &telemetry, None)?;
    let latest: Arc<Mutex<Option<Arc<Snapshot>>>> = Arc::default();
    let outlets = Outlets {
        publish: Box::new({
            let latest = Arc::clone(&latest);
            move |snapshot| *lock(&latest) = Some(snapshot)
        }),
        now: Timestamp::now,
    };
    let mut refresher = Refresher::new(Arc::clone(&config), sources, Arc::new(outlets));
    refresher.refresh().await;
    refresher
        .read_beside(Instant::now() + config.interval)
        .await;
    let snapshot = lock(&latest).take();

    let mut report = Report { lines: Vec::new() };
    report.add(Verdict::Ok, "config", summary(&config, name));
    if let Some(snapshot) = snapshot {
        for state in &snapshot.sources {
            // Read beside the refreshes, and told below.
            if state.source == Source::Forecast {
                continue;
            }
            let against = refresher.sources().tickets.days_agree_with();
            let days = refresher.sources().tickets.days_known(&config);
            match days.filter(|_| is_being_read(state)) {
                Some((known, all)) => report.add(
                    Verdict::Note,
                    state.source.name(),
                    format!(
                        "being read, one call a day, at half of the pace: {known} of {all} days so far; dispersion is absent until then"
                    ),
                ),
                None => describe_source(&mut report, state, &snapshot, against),
            }
        }
    }
    relations(&mut report, &config, &refresher).await;
    forecast::describe(&mut report, &config, refresher.sources()).await;
    let tickets = &refresher.sources().tickets;
    notes(&mut report, &config, tickets);
    calls(&mut report, &config, tickets);
    refresher.close().await;
    Ok(report)
}

/// In what each population of a database is counted: a name can mean the table of another schema,
/// and a view can leave out rows.
async fn relations(report: &mut Report, config: &Config, refresher: &Refresher) {
    let deadline = Instant::now() + config.timeout;
    let tickets = refresher.sources().tickets.relations(deadline).await;
    counted_in(report, "tickets", &tickets);
    for (index, population) in config.populations.iter().enumerate() {
        let deadline = Instant::now() + config.timeout;
        let populations = &refresher.sources().populations;
        let relations = populations.relations(index, deadline).await;
        counted_in(report, &population.name, &relations);
    }
}

fn counted_in(report: &mut Report, about: &str, relations: &[Relation]) {
    if relations.is_empty() {
        return;
    }
    let names: Vec<String> = relations.iter().map(ToString::to_string).collect();
    let only_tables = relations
        .iter()
        .all(|relation| relation.kind == RelationKind::Table);
    let verdict = if only_tables {
        Verdict::Ok
    } else {
        Verdict::Note
    };
    report.add(verdict, about, format!("counted in {}", names.join(", ")));
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn summary(config: &Config, name: &str) -> String {
    let windows: Vec<&str> = config
        .windows
        .iter()
        .map(crate::domain::Window::name)
        .collect();
    let segments: Vec<&str> = config.segments.iter().map(|s| s.name.as_str()).collect();
    format!(
        "{name}: windows {}; segments {}; {} population(s); a refresh every {} s",
        windows.join(", "),
        segments.join(", "),
        config.populations.len(),
        config.interval.as_secs()
    )
}

/// Days that are read one by one take more than one refresh, and nothing is wrong.
fn is_being_read(state: &SourceState) -> bool {
    state.source == Source::DailyTickets && !state.up && state.last_failures.is_empty()
}

fn describe_source(report: &mut Report, state: &SourceState, snapshot: &Snapshot, against: &str) {
    let name = state.source.name();
    let took = state
        .last_duration_seconds
        .map_or_else(String::new, |seconds| format!(" ({seconds:.1} s)"));
    if state.up {
        let value = values(&state.source, snapshot, against);
        report.add(Verdict::Ok, name, format!("{value}{took}"));
        if let Some(missing) = &state.missing_past {
            report.add(Verdict::Note, name, missing.clone());
        }
        return;
    }
    if state.last_failures.is_empty() {
        report.add(Verdict::Fail, name, format!("not read{took}"));
    }
    for failure in &state.last_failures {
        let text = format!("{}: {failure}{took}", failure.reason);
        report.add(Verdict::Fail, name, text);
    }
}

/// What was read of a source, in words.
fn values(source: &Source, snapshot: &Snapshot, against: &str) -> String {
    let windows = snapshot.frame.windows.iter();
    let all = snapshot.segments.first();
    match source {
        Source::Tickets => {
            let counts = windows.enumerate().map(|(index, window)| {
                let counts = all.and_then(|all| all.counts.get(index)?.as_ref());
                format!("{window}: {}", counts.map_or_else(unknown, in_words))
            });
            counts.collect::<Vec<_>>().join("; ")
        }
        Source::DailyTickets => {
            let dispersion = all.and_then(|all| all.dispersion);
            match dispersion {
                Some(value) => {
                    format!("56 days, sums agree with {against}; dispersion {value:.2}")
                }
                None => "56 days; dispersion unknown: too few of them since the first ticket, or \
                         counts that have not settled yet"
                    .to_owned(),
            }
        }
        Source::OpenTickets => all
            .and_then(|all| all.open.as_ref())
            .map_or_else(unknown, |open| {
                let counts = open
                    .iter()
                    .map(|one| format!("{} {}", one.count, one.status));
                counts.collect::<Vec<_>>().join(", ")
            }),
        Source::Happiness => {
            let ratings = windows.enumerate().map(|(index, window)| {
                let ratings = all.and_then(|all| *all.ratings.get(index)?);
                let text = ratings.map_or_else(unknown, |ratings| {
                    format!(
                        "{} great, {} okay, {} not good",
                        ratings.great, ratings.okay, ratings.not_good
                    )
                });
                format!("{window}: {text}")
            });
            ratings.collect::<Vec<_>>().join("; ")
        }
        Source::HelpCenter => {
            let visits = windows.zip(&snapshot.help_center).map(|(window, visits)| {
                let text = visits.as_ref().map_or_else(unknown, visits_in_words);
                format!("{window}: {text}")
            });
            visits.collect::<Vec<_>>().join("; ")
        }
        Source::Reasons => reasons_in_words(snapshot),
        Source::Population(name) => {
            let index = snapshot
                .frame
                .populations
                .iter()
                .position(|p| p.name == *name);
            match index.and_then(|index| snapshot.populations.get(index)) {
                Some(PopulationValues::Total(value)) => {
                    value.map_or_else(unknown, |v| v.to_string())
                }
                Some(PopulationValues::Window(values)) => {
                    let values = windows.zip(values).map(|(window, value)| {
                        format!(
                            "{window}: {}",
                            value.map_or_else(unknown, |v| v.to_string())
                        )
                    });
                    values.collect::<Vec<_>>().join("; ")
                }
                None => unknown(),
            }
        }
        // Read beside the refreshes.
        _ => unknown(),
    }
}

fn unknown() -> String {
    "unknown".to_owned()
}

fn in_words(counts: &ContactCounts) -> String {
    let mut text = String::new();
    for tickets in Tickets::ALL {
        if let Some(count) = counts.tickets(tickets) {
            let separator = if text.is_empty() { "" } else { ", " };
            let _ = write!(text, "{separator}{count} {tickets}");
        }
    }
    if text.is_empty() { unknown() } else { text }
}

fn visits_in_words(visits: &HelpCenter) -> String {
    let mut text = format!("{} visitors", visits.visitors);
    for (result, share) in visits.results() {
        if let Some(share) = share {
            let _ = write!(text, ", {:.0} % {result}", 100.0 * share);
        }
    }
    text
}

fn reasons_in_words(snapshot: &Snapshot) -> String {
    let Some(found) = snapshot.reasons() else {
        return unknown();
    };
    let counts = found.reasons.iter().map(|reason| {
        let before = reason.counts.previous;
        let before = before.map_or_else(unknown, |count| count.to_string());
        format!(
            "{} {} (before: {before})",
            reason.name, reason.counts.current
        )
    });
    let counts: Vec<String> = counts.collect();
    let counts = if counts.is_empty() {
        "there is no reason to count".to_owned()
    } else {
        counts.join(", ")
    };
    format!("{}: {counts}", found.window)
}

/// What works, but not as far as it could.
fn notes(report: &mut Report, config: &Config, tickets: &TicketSource) {
    for population in &config.populations {
        if population.kind == PopulationKind::Total && !population.has_past() {
            let (place, placeholder) = match population.source {
                PopulationSource::Http { .. } => ("URL", "{end}"),
                _ => ("query", ":end, as in `WHERE created_at < :end`"),
            };
            report.add(
                Verdict::Note,
                population.name.clone(),
                format!(
                    "its {place} does not say how many there were in the past, so that previous rate, baseline, p-value and change are absent; add {placeholder}"
                ),
            );
        }
    }
    let absent = tickets.absent();
    if !absent.is_empty() {
        let text = format!(
            "{} is not asked for, and absent: {}",
            tickets.name(),
            absent.join(", ")
        );
        report.add(Verdict::Note, "tickets", text);
    }
    if let Some(limitation) = tickets.limitation(config) {
        report.add(Verdict::Note, "reports", limitation);
    }
    if config.populations.is_empty() {
        report.add(
            Verdict::Note,
            "populations",
            "none is configured: there are ticket counts, but no contact rate",
        );
    }
    for segment in &config.segments {
        if let Some(unknown) = tickets.unknown_of(segment) {
            let text = format!("{}: {unknown}", segment.name);
            report.add(Verdict::Note, "segments", text);
        }
        if segment.name != Segment::ALL && segment.has_no_filter() {
            report.add(
                Verdict::Note,
                "segments",
                format!(
                    "{}: has no filter and counts the same as `all`",
                    segment.name
                ),
            );
        }
    }
}

fn calls(report: &mut Report, config: &Config, tickets: &TicketSource) {
    let Budget {
        calls_per_refresh: calls,
        calls_for_reasons,
        per_minute: pace,
        granted_per_minute,
    } = tickets.budget(config);
    let hourly = calls as f64 * 3600.0 / config.interval.as_secs_f64();
    let name = tickets.name();
    let Some(pace) = pace else {
        let text = format!(
            "{calls} {name} {} per refresh, {hourly:.0} per hour",
            tickets.calls()
        );
        report.add(Verdict::Ok, "calls", text);
        return;
    };
    let granted = granted_per_minute.map_or_else(
        || "the account's limit is not known yet".to_owned(),
        |granted| format!("the account is granted {granted}"),
    );
    report.add(
        Verdict::Ok,
        "calls",
        format!(
            "{calls} {name} calls per refresh, {hourly:.0} per hour; at most {pace} a minute ({granted})"
        ),
    );
    if let Some(reasons) = &config.reasons
        && calls_for_reasons > 0
    {
        let every = reasons.every.as_secs_f64();
        let hourly = calls_for_reasons as f64 * 3600.0 / every;
        report.add(
            Verdict::Ok,
            "calls",
            format!(
                "at most {calls_for_reasons} more for the contact reasons every {every} s, {hourly:.0} per hour; one after the other"
            ),
        );
    }
    if let Some(warning) = pace_warning(config, tickets) {
        report.add(Verdict::Note, "calls", warning);
    }
}
