//! The section `populations`.

mod http;

use super::{
    Bound, Population, PopulationKind, PopulationSource, Template,
    databases::Databases,
    decode::{Decoder, Field, Section, suggestion},
    query::{foreign_placeholder, misfit},
};

/// Most populations.
pub const MAX_POPULATIONS: usize = 20;
const MAX_NAME_CHARACTERS: usize = 40;

/// Endings of `contact_<name>` that OpenMetrics keeps for other types, or that are units.
const RESERVED_SUFFIXES: [&str; 8] = [
    "_total", "_created", "_count", "_sum", "_bucket", "_info", "_ratio", "_seconds",
];

/// Names that would make a metric or source of the exporter's own once more, a counter's name without
/// `_total` included; `tests/library/docs.rs` holds the catalogue of metrics against it.
pub const RESERVED_NAMES: [&str; 36] = [
    "created_tickets",
    "resolved_tickets",
    "closed_tickets",
    "sent_replies",
    "received_messages",
    "open_tickets",
    "rate_rise_p_value",
    "tickets_change",
    "happiness_ratings",
    "forecast_weekly_tickets",
    "forecast_lower_weekly_tickets",
    "forecast_upper_weekly_tickets",
    "forecast_weekly_population",
    "capacity_weekly_tickets",
    "reason_tickets",
    "reason_previous_tickets",
    "help_center_visitors",
    "help_center_articles_per_visit",
    "source_up",
    "source_failures",
    "helpscout_requests",
    "tickets_requests",
    "tickets_rate_limit_requests",
    "tickets_rate_limit_remaining_requests",
    "helpscout_rate_limit_requests",
    "helpscout_rate_limit_remaining_requests",
    "exporter_config_hash",
    "exporter_config_last_reload_successful",
    // Sources.
    "tickets",
    "daily_tickets",
    "happiness",
    "help_center",
    "reasons",
    "visibility",
    "history",
    "forecast",
];

/// The populations, and the names of those that have a problem.
pub fn populations(
    decoder: &mut Decoder<'_>,
    root: &mut Section<'_>,
    databases: &Databases,
    help_center: Result<(), &'static str>,
) -> (Vec<Population>, Vec<String>) {
    let Some(field) = root.take("populations") else {
        return (Vec::new(), Vec::new());
    };
    let entries = decoder.entries(&field);
    if entries.len() > MAX_POPULATIONS {
        decoder.problem(
            &field,
            format!(
                "at most {MAX_POPULATIONS} populations, found {}",
                entries.len()
            ),
        );
    }
    let mut populations: Vec<Population> = Vec::new();
    let names: Vec<String> = entries
        .iter()
        .map(|(name, ..)| (*name).to_owned())
        .collect();
    for (name, position, entry) in entries {
        if let Some(message) = refuse_name(name) {
            decoder.problem_at(position, &entry.key, message);
        }
        let Some(mut section) = decoder.section(&entry) else {
            continue;
        };
        let total = section.take("total");
        let window = section.take("window");
        let kind = match (total, window) {
            (Some(_), Some(window)) => {
                decoder.problem(
                    &window,
                    "give either total (a stock) or window (a flow), not both",
                );
                None
            }
            (Some(field), None) => Some((PopulationKind::Total, field)),
            (None, Some(field)) => Some((PopulationKind::Window, field)),
            (None, None) => {
                decoder.missing(&section, "total (a stock) or window (a flow)");
                None
            }
        };
        decoder.finish(section);
        let Some((kind, field)) = kind else { continue };
        if let Some(source) = source(decoder, kind, &field, databases, help_center) {
            populations.push(Population {
                name: name.to_owned(),
                kind,
                source,
            });
        }
    }
    let faulty = names
        .into_iter()
        .filter(|name| {
            !populations
                .iter()
                .any(|population| population.name == *name)
        })
        .collect();
    (populations, faulty)
}

/// Why a population cannot have this name.
fn refuse_name(name: &str) -> Option<String> {
    let mut characters = name.chars();
    let shape = characters.next().is_some_and(|c| c.is_ascii_lowercase())
        && characters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !shape {
        return Some(
            "a population's name is a lower-case letter, then lower-case letters, digits and _"
                .to_owned(),
        );
    }
    if name.len() > MAX_NAME_CHARACTERS {
        return Some(format!(
            "a population's name has at most {MAX_NAME_CHARACTERS} characters"
        ));
    }
    let metric = format!("contact_{name}");
    if let Some(suffix) = RESERVED_SUFFIXES.iter().find(|s| metric.ends_with(**s)) {
        return Some(format!(
            "the metric {metric} would end in {suffix}, which is kept for other types and units; choose another name"
        ));
    }
    RESERVED_NAMES.contains(&name).then(|| {
        format!("the exporter uses {name} for a metric or source of its own; choose another name")
    })
}

fn source(
    decoder: &mut Decoder<'_>,
    kind: PopulationKind,
    field: &Field<'_>,
    databases: &Databases,
    help_center: Result<(), &'static str>,
) -> Option<PopulationSource> {
    let mut section = decoder.section(field)?;
    let database = section.take("database");
    let query = section.take("query");
    let http = section.take("http");
    let prometheus = section.take("prometheus");
    let helpscout = section.take("helpscout");
    decoder.finish(section);
    let ways = [
        database.is_some() || query.is_some(),
        http.is_some(),
        prometheus.is_some(),
        helpscout.is_some(),
    ];
    if ways.iter().filter(|given| **given).count() != 1 {
        decoder.problem(
            field,
            "expected exactly one of: database and query, http, prometheus, helpscout",
        );
        return None;
    }
    if let Some(http) = http {
        return http::endpoint(decoder, kind, &http);
    }
    if let Some(prometheus) = prometheus {
        return http::prometheus(decoder, kind, &prometheus);
    }
    if let Some(helpscout) = helpscout {
        return help_scout(decoder, kind, &helpscout, help_center);
    }
    sql_source(decoder, kind, field, database, query, databases)
}

/// What Help Scout itself counts of those who could have made contact.
fn help_scout(
    decoder: &mut Decoder<'_>,
    kind: PopulationKind,
    field: &Field<'_>,
    help_center: Result<(), &'static str>,
) -> Option<PopulationSource> {
    decoder.choice(field, &[("help_center_visitors", ())])?;
    if kind == PopulationKind::Total {
        decoder.problem(
            field,
            "visitors are counted over a window: put it under window instead of total",
        );
        return None;
    }
    if let Err(why) = help_center {
        decoder.problem(field, why);
        return None;
    }
    Some(PopulationSource::HelpCenterVisitors)
}

fn sql_source(
    decoder: &mut Decoder<'_>,
    kind: PopulationKind,
    field: &Field<'_>,
    database: Option<Field<'_>>,
    query: Option<Field<'_>>,
    databases: &Databases,
) -> Option<PopulationSource> {
    let (Some(database), Some(query)) = (database, query) else {
        decoder.problem(field, "database and query go together");
        return None;
    };
    let choices: Vec<(&str, usize)> = databases
        .usable
        .iter()
        .enumerate()
        .map(|(index, database)| (database.name.as_str(), index))
        .collect();
    let text = decoder.text(&query);
    if databases.faulty.iter().any(|name| database.is(name)) {
        // Its own problem is told already.
        return None;
    }
    let none = "there is no database to ask; add one under `databases`";
    let database = decoder.one_of(&database, &choices, none)?;
    let text = text?;
    let dialect = databases.usable.get(database)?.dialect;
    let template = Template::sql(&text.value, dialect);
    if text.value.trim().is_empty() {
        decoder.problem(&query, "expected a query, found an empty text");
        return None;
    }
    if let Some(placeholder) = foreign_placeholder(&text.value, dialect) {
        let names = Bound::ALL.map(|bound| format!(":{}", bound.name()));
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let near = suggestion(placeholder, &names);
        decoder.problem(
            &query,
            format!(
                "nothing fills the placeholder {placeholder}; only :start and :end are known, and :start_unix, :end_unix, :start_iso, :end_iso{near}"
            ),
        );
        return None;
    }
    if let Some(message) = misfit(&text.value, dialect) {
        decoder.problem(&query, message);
        return None;
    }
    placeholders(decoder, kind, &query, &template, [":start", ":end"]);
    Some(PopulationSource::Sql {
        database,
        query: template,
    })
}

/// A flow needs both ends; a stock has no start.
fn placeholders(
    decoder: &mut Decoder<'_>,
    kind: PopulationKind,
    field: &Field<'_>,
    template: &Template,
    [start, end]: [&str; 2],
) {
    match kind {
        PopulationKind::Window if !template.uses_start() || !template.uses_end() => {
            decoder.problem(
                field,
                format!(
                    "a window population must use both {start} and {end} (in SQL, outside of strings and comments)"
                ),
            );
        }
        PopulationKind::Total if template.uses_start() => {
            decoder.problem(
                field,
                format!("a total is a stock at {end}: it must not use {start}; or make it a window population"),
            );
        }
        _ => {}
    }
}
