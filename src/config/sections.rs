//! Small sections of the file: times, windows, Help Scout, targets.

use std::{collections::HashSet, fmt::Write as _, num::NonZeroU32, time::Duration};

use jiff::tz::TimeZone;
use url::{Host, Url};

use super::{
    CountsFrom, HelpScout, Population, Target,
    decode::{Decoder, Field, Section, suggestion},
    document::Value,
    help_center::help_center,
};
use crate::domain::{DAY_SECONDS, Tickets, Window, parse_duration};

/// Most windows.
pub const MAX_WINDOWS: usize = 8;

/// Least and most of each duration. Databases and clocks bound what they can count, and a value of
/// last month is no news.
const INTERVALS: (Duration, Duration) = (Duration::from_secs(10), Duration::from_hours(24));
const TIMEOUTS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_hours(1));
const MAX_AGES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_hours(24 * 30));
const DEFAULT_INTERVAL: Duration = Duration::from_mins(5);
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
const DEFAULT_WINDOWS: [&str; 3] = ["1d", "7d", "28d"];

/// `interval`, `timeout` and `max_age`.
pub struct Times {
    pub interval: Duration,
    pub timeout: Duration,
    pub max_age: Duration,
}

pub fn times(decoder: &mut Decoder<'_>, root: &mut Section<'_>) -> Times {
    let interval = root.take("interval");
    let interval_is_good = interval.is_none();
    let interval = interval.and_then(|field| bounded(decoder, &field, INTERVALS));
    let interval_is_good = interval_is_good || interval.is_some();
    let interval = interval.unwrap_or(DEFAULT_INTERVAL);
    let timeout = root
        .take("timeout")
        .and_then(|field| bounded(decoder, &field, TIMEOUTS))
        .unwrap_or(DEFAULT_TIMEOUT)
        // A call never outlasts the refresh it belongs to.
        .min(interval);
    let max_age = root.take("max_age").and_then(|field| {
        let max_age = bounded(decoder, &field, MAX_AGES)?;
        // A refresh that ends late still comes before the values of the one before vanish.
        let least = interval + timeout;
        if max_age < least && interval_is_good {
            decoder.problem(
                &field,
                format!(
                    "must be at least interval + timeout, here {}: with less, values vanish while the next refresh is still reading them",
                    in_words(least)
                ),
            );
        }
        Some(max_age)
    });
    Times {
        interval,
        timeout,
        max_age: max_age.unwrap_or(interval * 3),
    }
}

/// A duration from a bound that has a name in the file to another, both included.
pub(super) fn bounded_by(
    decoder: &mut Decoder<'_>,
    field: &Field<'_>,
    (least, name): (Duration, &str),
    most: Duration,
) -> Option<Duration> {
    let duration = duration(decoder, field)?;
    if duration < least {
        let least = in_words(least);
        decoder.problem(field, format!("must be at least {name} ({least})"));
        return None;
    }
    if duration > most {
        decoder.problem(field, format!("must be at most {}", in_words(most)));
        return None;
    }
    Some(duration)
}

/// A duration between two bounds, both included.
fn bounded(
    decoder: &mut Decoder<'_>,
    field: &Field<'_>,
    (least, most): (Duration, Duration),
) -> Option<Duration> {
    let duration = duration(decoder, field)?;
    if duration < least {
        decoder.problem(field, format!("must be at least {}", in_words(least)));
        return None;
    }
    if duration > most {
        decoder.problem(field, format!("must be at most {}", in_words(most)));
        return None;
    }
    Some(duration)
}

/// As a config file would say it.
fn in_words(duration: Duration) -> String {
    let mut rest = duration.as_secs();
    let mut words = String::new();
    for (unit, seconds) in [
        ("d", DAY_SECONDS.unsigned_abs()),
        ("h", 3600),
        ("m", 60),
        ("s", 1),
    ] {
        let count = rest / seconds;
        rest %= seconds;
        if count > 0 {
            let _ = write!(words, "{count}{unit}");
        }
    }
    words
}

fn duration(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<Duration> {
    let expected = "a duration such as 30s, 5m or 1h30m";
    decoder.parsed(field, expected, |text| {
        let seconds = parse_duration(&text.value)?;
        u64::try_from(seconds).ok().map(Duration::from_secs)
    })
}

/// `time_zone`: a name of the IANA time zone database.
pub fn zone_of_days(decoder: &mut Decoder<'_>, root: &mut Section<'_>) -> TimeZone {
    root.take("time_zone")
        .and_then(|field| {
            let text = decoder.text(&field)?;
            match time_zone(&text.value) {
                Ok(zone) => Some(zone),
                Err(hint) => {
                    let found = text.shown();
                    decoder.problem(
                        &field,
                        format!("expected the name of a time zone, such as Europe/Paris, found {found}{hint}"),
                    );
                    None
                }
            }
        })
        .unwrap_or(TimeZone::UTC)
}

/// The time zone of that name in the IANA database, or what to write instead, as in
/// `; did you mean …?`, if anything is near.
pub fn time_zone(name: &str) -> Result<TimeZone, String> {
    if let Ok(zone) = TimeZone::get(name) {
        return Ok(zone);
    }
    let known: Vec<String> = jiff::tz::db()
        .available()
        .map(|name| name.as_str().to_owned())
        .collect();
    let places: Vec<&str> = known.iter().map(String::as_str).collect();
    let near = suggestion(name, &places);
    if !near.is_empty() {
        return Err(near);
    }
    // The place alone, as `Paris`.
    let wanted = name.replace(' ', "_");
    let place = known.iter().find(|zone| {
        zone.rsplit('/')
            .next()
            .is_some_and(|place| place.eq_ignore_ascii_case(&wanted))
    });
    Err(place.map_or_else(String::new, |zone| format!("; did you mean `{zone}`?")))
}

pub fn windows(decoder: &mut Decoder<'_>, root: &mut Section<'_>) -> Vec<Window> {
    let Some(field) = root.take("windows") else {
        return DEFAULT_WINDOWS
            .iter()
            .filter_map(|text| Window::parse(text))
            .collect();
    };
    let items = decoder.items(&field);
    if items.is_empty() && matches!(&field.node.value, Value::Sequence(_)) {
        decoder.problem(&field, "expected at least one window");
    }
    if items.len() > MAX_WINDOWS {
        decoder.problem(
            &field,
            format!("at most {MAX_WINDOWS} windows, found {}", items.len()),
        );
    }
    let mut windows: Vec<Window> = Vec::new();
    for item in items {
        let expected = "a window from 1h to 366d in whole minutes, such as 1d or 28d";
        let Some(window) = decoder.parsed(&item, expected, |text| Window::parse(&text.value))
        else {
            continue;
        };
        if let Some(equal) = windows.iter().find(|w| w.seconds() == window.seconds()) {
            let message = format!("repeats the window {equal}");
            decoder.problem(&item, message);
        } else {
            windows.push(window);
        }
    }
    windows
}

pub fn helpscout(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<HelpScout> {
    let mut section = decoder.section(field)?;
    let app_id = required(decoder, &mut section, "app_id").and_then(|field| {
        decoder.parsed(&field, "the App ID of a Help Scout app", |text| {
            let app_id = text.value.trim();
            (!app_id.is_empty()).then(|| app_id.to_owned())
        })
    });
    let app_secret = decoder.secret(&mut section, "app_secret", "app_secret_file", true);
    let base_url = match section.take("base_url") {
        Some(field) => base_url(decoder, &field),
        None => Url::parse("https://api.helpscout.net").ok(),
    };
    let counts_from = section
        .take("counts_from")
        .map_or(Some(CountsFrom::Auto), |field| {
            decoder.choice(
                &field,
                &[
                    ("auto", CountsFrom::Auto),
                    ("reports", CountsFrom::Reports),
                    ("search", CountsFrom::Search),
                ],
            )
        });
    let requests_per_minute = section.take("requests_per_minute").and_then(|field| {
        decoder.parsed(&field, "a whole number of at least 1", |text| {
            text.value.parse::<NonZeroU32>().ok()
        })
    });
    let happiness = section.take("happiness").map_or(Some(true), |field| {
        decoder.choice(&field, &[("true", true), ("false", false)])
    });
    let help_center = help_center(decoder, &mut section);
    decoder.finish(section);
    Some(HelpScout {
        app_id: app_id?,
        app_secret: app_secret?,
        base_url: base_url?,
        counts_from: counts_from?,
        requests_per_minute,
        happiness: happiness?,
        help_center: help_center?,
    })
}

/// The secret travels to this address: `https`, or `http` to this machine only.
fn base_url(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<Url> {
    let text = decoder.text(field)?;
    let Ok(url) = Url::parse(&text.value) else {
        decoder.problem(
            field,
            "expected an address such as https://api.helpscout.net",
        );
        return None;
    };
    let message = if !url.username().is_empty()
        || url.password().is_some()
        || text.value.contains('@')
    {
        // Also where a password with a slash makes the user's name a host.
        "must not hold a user name or password; use app_id and app_secret"
    } else if url.query().is_some() || url.fragment().is_some() {
        "must not hold a query or fragment"
    } else if url.scheme() == "http" && !is_loopback(&url) {
        "http:// is only for a loopback host, since the app secret would travel in the clear; use https://"
    } else if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        "expected an https:// address"
    } else {
        return Some(url);
    };
    decoder.problem(field, message);
    None
}

/// Whether `url` points at this machine, by its name alone: nothing is resolved.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => {
            address.is_loopback()
                || address
                    .to_ipv4_mapped()
                    .is_some_and(|address| address.is_loopback())
        }
        None => false,
    }
}

pub fn targets(
    decoder: &mut Decoder<'_>,
    root: &mut Section<'_>,
    populations: &[Population],
    windows: &[Window],
    faulty: &[String],
) -> Vec<Target> {
    let Some(field) = root.take("targets") else {
        return Vec::new();
    };
    let mut targets: Vec<Target> = Vec::new();
    let mut places: HashSet<(usize, usize, Tickets)> = HashSet::new();
    for item in decoder.items(&field) {
        let Some(mut section) = decoder.section(&item) else {
            continue;
        };
        let population_choices: Vec<(&str, usize)> = populations
            .iter()
            .enumerate()
            .map(|(index, population)| (population.name.as_str(), index))
            .collect();
        let tickets_choices = Tickets::ALL.map(|tickets| (tickets.name(), tickets));
        let population = required(decoder, &mut section, "population")
            // A population that could not be read has its own problem already.
            .filter(|field| !faulty.iter().any(|name| field.is(name)))
            .and_then(|field| {
                let none = "there is no population to aim at; add one under `populations`";
                decoder.one_of(&field, &population_choices, none)
            });
        let window = required(decoder, &mut section, "window")
            // Windows that could not be read have their own problems already.
            .filter(|_| !windows.is_empty())
            .and_then(|field| window_index(decoder, &field, windows));
        let tickets = required(decoder, &mut section, "tickets")
            .and_then(|field| decoder.choice(&field, &tickets_choices));
        let at_most = required(decoder, &mut section, "at_most").and_then(|field| {
            let expected = "a ratio of more than 0, such as 0.05 for 5 %";
            decoder.parsed(&field, expected, |text| {
                let ratio: f64 = text.value.parse().ok()?;
                (ratio.is_finite() && ratio > 0.0).then_some(ratio)
            })
        });
        decoder.finish(section);
        if let (Some(population), Some(window), Some(tickets), Some(at_most)) =
            (population, window, tickets, at_most)
        {
            if places.contains(&(population, window, tickets)) {
                decoder.problem(
                    &item,
                    "repeats the target of the same population, window and tickets",
                );
            } else {
                places.insert((population, window, tickets));
                targets.push(Target {
                    population,
                    window,
                    tickets,
                    at_most,
                });
            }
        }
    }
    targets
}

pub(super) fn window_index(
    decoder: &mut Decoder<'_>,
    field: &Field<'_>,
    windows: &[Window],
) -> Option<usize> {
    let names: Vec<&str> = windows.iter().map(Window::name).collect();
    let expected = format!("one of the configured windows ({})", names.join(", "));
    decoder.parsed(field, &expected, |text| {
        let seconds = parse_duration(&text.value)?;
        windows
            .iter()
            .position(|window| window.seconds() == seconds)
    })
}

/// The value under `name`, whose absence is a problem.
pub fn required<'n>(
    decoder: &mut Decoder<'_>,
    section: &mut Section<'n>,
    name: &'static str,
) -> Option<Field<'n>> {
    let field = section.take(name);
    if field.is_none() {
        decoder.missing(section, name);
    }
    field
}
