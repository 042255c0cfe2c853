//! What `check` says of the forecast: how many weeks are known, and how many it takes.

use jiff::Timestamp;

use super::{Report, Verdict};
use crate::{
    config::Config,
    domain::forecast::{FEWEST_WEEKS, Past, YEAR, plan},
    refresh::{Sources, WeeksReader},
};

/// Days that are asked for at once, in weeks, and the calls that this takes.
const WEEKS_AT_ONCE: usize = 8;
const CALLS: usize = 2;

/// Reads the weeks of tickets and populations once.
pub async fn describe(report: &mut Report, config: &Config, sources: &Sources) {
    let (Some(forecast), Some(mut reader)) = (&config.forecast, WeeksReader::new(config, sources))
    else {
        return;
    };
    reader.without_pauses();
    let mut past = reader.frame(&Past::default(), Timestamp::now());
    let mut failures = reader.created(&mut past).await;
    failures.extend(reader.populations(&mut past).await);
    for failure in failures {
        let text = format!("{}: {failure}", failure.reason);
        report.add(Verdict::Fail, "forecast", text);
    }
    for segment in plan(&past).segments {
        let name = config
            .segments
            .get(segment.segment)
            .map(|of| of.name.as_str());
        let (known, name) = (segment.known_weeks, name.unwrap_or_default());
        let (verdict, missing) = match known {
            _ if known < FEWEST_WEEKS => (
                Verdict::Note,
                format!("; {FEWEST_WEEKS} are needed, so that there is no forecast yet"),
            ),
            _ if known < YEAR => (
                Verdict::Note,
                format!("; {YEAR} are needed for the horizon 13w, which is absent"),
            ),
            _ if known < 2 * YEAR => (
                Verdict::Ok,
                format!("; from {} on the season is known", 2 * YEAR),
            ),
            _ => (Verdict::Ok, String::new()),
        };
        let text = format!(
            "{name}: {known} of {} weeks known since the first ticket{missing}",
            forecast.weeks
        );
        report.add(verdict, "forecast", text);
    }
    let measured = past
        .segments
        .iter()
        .filter(|of| of.capacity.is_none())
        .count();
    let series = past.segments.len() * forecast.weeks.div_ceil(WEEKS_AT_ONCE) * CALLS;
    let text = format!(
        "{} {} calls once after a start, and {} a day; {} queries of populations",
        series + measured * forecast.weeks,
        sources.tickets.name(),
        past.segments.len() * CALLS + 2 * measured,
        past.populations.len() * forecast.weeks
    );
    report.add(Verdict::Ok, "forecast", text);
}
