//! A number that changes with what is counted, and with nothing else.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::domain::Source;

use super::{
    Config, CountsFrom, Desk, PopulationKind, PopulationSource, ReasonChoice, Reference, Template,
};

/// Hash of the windows, segments, populations with their queries, `counts_from` and `time_zone`: 48 bits, exact
/// in an `f64`. Intervals, secrets and addresses do not move it.
pub fn hash(config: &Config) -> u64 {
    hash_of(&describe(config))
}

fn hash_of(text: &str) -> u64 {
    let digest = Sha256::digest(text.as_bytes());
    digest
        .iter()
        .take(6)
        .fold(0, |hash, byte| (hash << 8) | u64::from(*byte))
}

/// Hash of where `source` is read: whom, and as whom, but not with which password or token.
pub fn address_hash(config: &Config, source: &Source) -> u64 {
    let Source::Population(name) = source else {
        let mut text = desk_address(config);
        if let (Source::Forecast, Some(forecast)) = (source, &config.forecast) {
            let read = forecast.populations.iter();
            for population in read.filter_map(|index| config.populations.get(*index)) {
                let source = Source::Population(population.name.clone());
                let _ = write!(text, " {}", address_hash(config, &source));
            }
        }
        return hash_of(&text);
    };
    let mut populations = config.populations.iter();
    let population = populations.find(|population| population.name == *name);
    hash_of(&match population.map(|population| &population.source) {
        None => String::new(),
        Some(PopulationSource::Sql { database, .. }) => database_address(config, *database),
        Some(PopulationSource::Http { url, .. }) => without_password(&written(url)),
        Some(PopulationSource::Prometheus { url, .. }) => without_password(url.as_str()),
        Some(PopulationSource::HelpCenterVisitors) => desk_address(config),
    })
}

/// Hash of everything that is counted and of where it is read.
pub fn hash_with_addresses(config: &Config) -> u64 {
    let populations = config.populations.iter();
    let sources = populations.map(|population| Source::Population(population.name.clone()));
    let addresses: Vec<u64> = std::iter::once(Source::Tickets)
        .chain(sources)
        .map(|source| address_hash(config, &source))
        .collect();
    hash_of(&format!("{} {addresses:?}", hash(config)))
}

fn desk_address(config: &Config) -> String {
    match &config.desk {
        Desk::HelpScout(desk) => format!("{} {:?}", desk.base_url, desk.app_id),
        Desk::Sql(desk) => database_address(config, desk.database),
        Desk::Http(desk) => format!(
            "{} {:?}",
            without_password(&desk.address().raw()),
            desk.user()
        ),
    }
}

fn database_address(config: &Config, database: usize) -> String {
    let database = config.databases.get(database);
    database.map_or_else(String::new, |database| {
        without_password(database.url.expose())
    })
}

/// Hash of everything that a forecast rests on.
pub fn forecast_hash(config: &Config) -> u64 {
    let described = describe(config);
    let counted = described
        .lines()
        .filter(|line| !line.starts_with("windows "));
    let mut text: String = counted.flat_map(|line| [line, "\n"]).collect();
    let address = address_hash(config, &Source::Forecast);
    let _ = write!(text, "{:?} {address}", config.forecast);
    hash_of(&text)
}

/// An address without its password. One that cannot be read is taken whole: only its hash is kept.
fn without_password(address: &str) -> String {
    let Ok(mut url) = url::Url::parse(address) else {
        return address.to_owned();
    };
    // Fails where there is none.
    let _ = url.set_password(None);
    let parameters: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| name != "password")
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    url.set_query(None);
    format!("{url} {parameters:?}")
}

/// One line per thing counted; `{:?}` of texts keeps lines and fields apart.
fn describe(config: &Config) -> String {
    let mut text = String::new();
    let windows: Vec<i64> = config
        .windows
        .iter()
        .map(crate::domain::Window::seconds)
        .collect();
    let _ = match &config.desk {
        Desk::HelpScout(desk) => {
            let counts_from = match desk.counts_from {
                CountsFrom::Auto => "auto",
                CountsFrom::Reports => "reports",
                CountsFrom::Search => "search",
            };
            writeln!(text, "counts_from {counts_from}")
        }
        Desk::Sql(desk) => desk.queries().try_for_each(|(question, query)| {
            writeln!(text, "tickets {} {query:?}", question.name())
        }),
        Desk::Http(desk) => {
            let address = without_address(&desk.address().raw());
            let _ = writeln!(text, "tickets http {address:?} {:?}", desk.pointer.as_str());
            desk.texts()
                .try_for_each(|(name, query)| writeln!(text, "tickets {name} {query:?}"))
        }
    };
    let _ = writeln!(text, "windows {windows:?}");
    // What a day and a week are.
    match config.time_zone.iana_name() {
        None | Some("UTC") => {}
        Some(zone) => {
            let _ = writeln!(text, "time_zone {zone}");
        }
    }
    for segment in &config.segments {
        let channels: Vec<&str> = segment.channels.iter().map(|c| c.name()).collect();
        let _ = writeln!(
            text,
            "segment {:?} {:?} {:?} {channels:?}",
            segment.name,
            references(&segment.mailboxes),
            references(&segment.tags),
        );
        if let Some(condition) = &segment.condition {
            let _ = writeln!(text, "condition {:?}", condition.as_str());
        }
    }
    for population in &config.populations {
        let kind = match population.kind {
            PopulationKind::Total => "total",
            PopulationKind::Window => "window",
        };
        let source = match &population.source {
            PopulationSource::Sql { database, query } => {
                let name = config.databases.get(*database).map(|d| d.name.as_str());
                format!("sql {name:?} {:?}", written(query))
            }
            PopulationSource::Http { url, pointer, .. } => {
                format!(
                    "http {:?} {:?}",
                    without_address(&written(url)),
                    pointer.as_str()
                )
            }
            PopulationSource::Prometheus { query, .. } => format!("prometheus {query:?}"),
            PopulationSource::HelpCenterVisitors => "help_center_visitors".to_owned(),
        };
        let _ = writeln!(text, "population {} {kind} {source}", population.name);
    }
    if let Some(help_center) = config.help_center() {
        let _ = writeln!(text, "help_center {:?}", help_center.sites);
    }
    if let Some(reasons) = &config.reasons {
        let choice = match &reasons.choice {
            ReasonChoice::Top(top) => format!("top {top}"),
            ReasonChoice::Tags(tags) => format!("tags {:?}", references(tags)),
        };
        let _ = writeln!(text, "reasons {} {choice}", reasons.window);
    }
    text
}

fn references(references: &[Reference]) -> Vec<String> {
    references
        .iter()
        .map(|reference| match reference {
            Reference::Id(id) => format!("id {id}"),
            Reference::Name(name) => format!("name {}", name.as_str()),
        })
        .collect()
}

fn written(template: &Template) -> String {
    template.written(|bound| format!("{{{}}}", bound.name()))
}

/// The path, and the names of the parameters: their values can be secrets, unless they are one of
/// the two placeholders.
fn without_address(url: &str) -> String {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = after_scheme
        .find(['/', '?'])
        .and_then(|at| after_scheme.get(at..))
        .unwrap_or_default();
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let parameters: Vec<String> = query
        .split('&')
        .map(|parameter| match parameter.split_once('=') {
            Some((name, value)) if value.contains("{start") || value.contains("{end") => {
                format!("{name}={value}")
            }
            Some((name, _)) => name.to_owned(),
            None => parameter.to_owned(),
        })
        .collect();
    format!("{path}?{}", parameters.join("&"))
}
