//! Every metric family of the exporter, each on one line: type, name, labels, unit, help.
//!
//! Names and labels are the contract of `docs/metrics.md`. Families of a snapshot are printed from
//! here; those of a registry are listed so that the documentation can be held against one table.

use std::borrow::Cow;

use crate::snapshot::PopulationFrame;

/// What kind of numbers a family holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only goes up, and starts again from 0 with the process.
    Counter,
    /// Counts by upper bound.
    Histogram,
    /// Quantiles; no family of ours, but a registry may hold one.
    Summary,
}

/// A metric family: everything about its series but their label values and numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// Its name; a counter's ends in `_total`.
    pub name: Cow<'static, str>,
    /// Its type.
    pub kind: Kind,
    /// Its unit, which is also the end of its name; `None` where the name has none.
    pub unit: Option<&'static str>,
    /// Names of its labels, in the order in which they are printed.
    pub labels: &'static [&'static str],
    /// Where its numbers come from and over which interval.
    pub help: Cow<'static, str>,
}

macro_rules! families {
    ($($field:ident = $kind:ident $name:literal [$($label:literal),*] $unit:expr, $help:literal;)*) => {
        $(
            #[doc = concat!("`", $name, "`: ", $help)]
            pub static $field: Family = Family {
                name: Cow::Borrowed($name),
                kind: Kind::$kind,
                unit: $unit,
                labels: &[$($label),*],
                help: Cow::Borrowed($help),
            };
        )*

        /// Every family whose name does not depend on the configuration, in the order of the page.
        pub static FAMILIES: &[&Family] = &[$(&$field),*];
    };
}

/// Names of the gauges of populations come from the configuration; see [`population`].
const POPULATION_PREFIX: &str = "contact_";

families! {
    // Read from the help desk.
    CREATED_TICKETS = Gauge "contact_created_tickets" ["segment", "window"] Some("tickets"), "Tickets created in [end - window, end). From the ticket source (Help Scout: productivity report, its daily counts or a conversation search); read in the background.";
    RESOLVED_TICKETS = Gauge "contact_resolved_tickets" ["segment", "window"] Some("tickets"), "Tickets closed with at least one reply in [end - window, end), each once. From the ticket source (Help Scout: productivity report resolved); read in the background.";
    CLOSED_TICKETS = Gauge "contact_closed_tickets" ["segment", "window"] Some("tickets"), "Tickets closed in [end - window, end), with or without reply. From the ticket source (Help Scout: productivity report closed); read in the background.";
    SENT_REPLIES = Gauge "contact_sent_replies" ["segment", "window"] Some("replies"), "Replies sent by the team in [end - window, end). From the ticket source (Help Scout: productivity report repliesSent); read in the background.";
    RECEIVED_MESSAGES = Gauge "contact_received_messages" ["segment", "window"] Some("messages"), "Messages received from customers in [end - window, end). From the ticket source (Help Scout: productivity or received-messages report); read in the background.";
    OPEN_TICKETS = Gauge "contact_open_tickets" ["segment", "status"] Some("tickets"), "Tickets waiting when they were last read, not over an interval. From the ticket source (Help Scout: conversation list); read in the background.";
    OLDEST_OPEN_TICKET_TIMESTAMP_SECONDS = Gauge "contact_oldest_open_ticket_timestamp_seconds" ["segment", "status"] Some("seconds"), "When the oldest ticket that waits was created, in Unix time; absent when none waits. From the ticket source (Help Scout: conversation list); read in the background.";
    FIRST_RESPONSE_MEAN_SECONDS = Gauge "contact_first_response_mean_seconds" ["segment", "window"] Some("seconds"), "Mean wait for the first reply in [end - window, end). From the ticket source (Help Scout: productivity report firstResponseTime); read in the background.";
    RESPONSE_MEAN_SECONDS = Gauge "contact_response_mean_seconds" ["segment", "window"] Some("seconds"), "Mean wait for any reply in [end - window, end). From the ticket source (Help Scout: productivity report responseTime); read in the background.";
    RESOLUTION_MEAN_SECONDS = Gauge "contact_resolution_mean_seconds" ["segment", "window"] Some("seconds"), "Mean time from creation to resolution in [end - window, end). From the ticket source (Help Scout: productivity report resolutionTime); read in the background.";
    HANDLE_MEAN_SECONDS = Gauge "contact_handle_mean_seconds" ["segment", "window"] Some("seconds"), "Mean time an agent spent on a reply in [end - window, end). From the ticket source (Help Scout: productivity report handleTime); read in the background.";
    RESOLVED_ON_FIRST_REPLY_RATIO = Gauge "contact_resolved_on_first_reply_ratio" ["segment", "window"] Some("ratio"), "Share of the tickets resolved in [end - window, end) that one reply resolved. From two counts of the ticket source (Help Scout: productivity report); read in the background.";
    HAPPINESS_RATINGS = Gauge "contact_happiness_ratings" ["segment", "window", "rating"] Some("ratings"), "Ratings received in [end - window, end). From the ticket source (Help Scout: happiness report); read in the background.";
    TICKETS_DISPERSION_RATIO = Gauge "contact_tickets_dispersion_ratio" ["segment"] Some("ratio"), "How much more than Poisson the tickets created per day vary over [end - 56d, end), weekdays taken out; at least 1. From the ticket source (Help Scout: new-conversations report); read in the background.";
    // Computed from tickets and populations of one refresh.
    RATE_RATIO = Gauge "contact_rate_ratio" ["segment", "population", "window", "tickets"] Some("ratio"), "Contact rate: tickets divided by population over [end - window, end). From the ticket source and the population's query; read in the background.";
    RATE_PREVIOUS_RATIO = Gauge "contact_rate_previous_ratio" ["segment", "population", "window", "tickets"] Some("ratio"), "Contact rate over the window before, [end - 2 windows, end - window). From the ticket source and the population's query; read in the background.";
    RATE_LOWER_RATIO = Gauge "contact_rate_lower_ratio" ["segment", "population", "window", "tickets"] Some("ratio"), "Lower 95 % confidence bound of the contact rate over [end - window, end). From the same calls, widened by the dispersion; read in the background.";
    RATE_UPPER_RATIO = Gauge "contact_rate_upper_ratio" ["segment", "population", "window", "tickets"] Some("ratio"), "Upper 95 % confidence bound of the contact rate over [end - window, end). From the same calls, widened by the dispersion; read in the background.";
    RATE_BASELINE_RATIO = Gauge "contact_rate_baseline_ratio" ["segment", "population", "window", "tickets"] Some("ratio"), "Contact rate of the baseline: for windows under 7d the same window 1 to 4 weeks earlier, else up to 4 windows just before. From the ticket source and the population's query; read in the background.";
    RATE_RISE_P_VALUE = Gauge "contact_rate_rise_p_value" ["segment", "population", "window", "tickets"] None, "Chance of a rise this large of the rate over [end - window, end) against its baseline if nothing changed. From the same calls as both rates and the dispersion; read in the background.";
    TICKETS_CHANGE = Gauge "contact_tickets_change" ["segment", "population", "window", "tickets", "cause"] None, "Tickets of [end - window, end) minus those of the window before, split by cause; the causes sum to the change. From the ticket source and the population's query; read in the background.";
    RATE_TARGET_RATIO = Gauge "contact_rate_target_ratio" ["population", "window", "tickets"] Some("ratio"), "Contact rate over [end - window, end) to stay at or under. From the targets of the configuration; no call.";
    // What is to come.
    FORECAST_WEEKLY_TICKETS = Gauge "contact_forecast_weekly_tickets" ["segment", "horizon"] Some("tickets"), "Expected tickets created a week, mean over the coming weeks of the horizon, from the one after the running week on. From completed weeks of the ticket source and the populations, read in the background once a day.";
    FORECAST_LOWER_WEEKLY_TICKETS = Gauge "contact_forecast_lower_weekly_tickets" ["segment", "horizon"] Some("tickets"), "Lower 90 % bound of the expected tickets created a week over the horizon. From the past errors of the same forecast, read in the background once a day.";
    FORECAST_UPPER_WEEKLY_TICKETS = Gauge "contact_forecast_upper_weekly_tickets" ["segment", "horizon"] Some("tickets"), "Upper 90 % bound of the expected tickets created a week over the horizon. From the past errors of the same forecast, read in the background once a day.";
    FORECAST_WEEKLY_POPULATION = Gauge "contact_forecast_weekly_population" ["population", "horizon"] None, "Expected population: its flow a week as a mean over the coming weeks of the horizon, or its stock at the horizon's end. From its completed weeks, read in the background once a day.";
    FORECAST_INFO = Gauge "contact_forecast_info" ["segment", "method", "population"] None, "Always 1; the way in which the forecast of the segment came, and the population it went through, empty but for rate_and_population. From the backtest of completed weeks, read in the background once a day.";
    FORECAST_ERROR_RATIO = Gauge "contact_forecast_error_ratio" ["segment", "horizon"] Some("ratio"), "Sum of the absolute errors that the forecast would have made in the past, divided by what came. From the backtest of completed weeks, read in the background once a day.";
    FORECAST_NAIVE_ERROR_RATIO = Gauge "contact_forecast_naive_error_ratio" ["segment", "horizon"] Some("ratio"), "The same of the better of two simple guesses: the last week again, or the same week of last year. From the backtest of completed weeks, read in the background once a day.";
    FORECAST_COVERAGE_RATIO = Gauge "contact_forecast_coverage_ratio" ["segment", "horizon"] Some("ratio"), "Share of past weeks that lay within the bounds that would have been told. From the backtest of completed weeks, read in the background once a day.";
    CAPACITY_WEEKLY_TICKETS = Gauge "contact_capacity_weekly_tickets" ["segment"] Some("tickets"), "Tickets a week that the team can resolve. From the configuration, else the best mean of four consecutive completed weeks of resolved tickets, read in the background once a day.";
    CAPACITY_REACHED_TIMESTAMP_SECONDS = Gauge "contact_capacity_reached_timestamp_seconds" ["segment"] Some("seconds"), "Monday of the first coming week of which more tickets are expected than the capacity, in Unix time; absent if there is none within 13 weeks. From completed weeks, read in the background once a day.";
    // Why, and what self-service takes off.
    REASON_TICKETS = Gauge "contact_reason_tickets" ["reason", "window"] Some("tickets"), "Tickets created with that contact reason in [end - window, end), end being when the reasons were last read; a ticket may have several reasons, so they do not sum to all tickets. From the ticket source (Help Scout: productivity report by tag); read in the background every reasons.every.";
    REASON_PREVIOUS_TICKETS = Gauge "contact_reason_previous_tickets" ["reason", "window"] Some("tickets"), "Tickets created with that contact reason in the window before, [end - 2 windows, end - window); a ticket may have several reasons. From the ticket source (Help Scout: productivity report by tag); read in the background every reasons.every.";
    REASON_RATE_RATIO = Gauge "contact_reason_rate_ratio" ["reason", "population", "window"] Some("ratio"), "Tickets created with that contact reason divided by population, both over [end - window, end), end being when the reasons were last read; a ticket may have several reasons, so these do not sum to the contact rate. From the ticket source and the population's query; read in the background every reasons.every.";
    HELP_CENTER_VISITORS = Gauge "contact_help_center_visitors" ["window"] Some("visitors"), "Visitors of the help centre in [end - window, end). From Help Scout's Docs report; read in the background.";
    HELP_CENTER_ACTION_RATIO = Gauge "contact_help_center_action_ratio" ["window", "action"] Some("ratio"), "Share of the visits in [end - window, end) that began so: by browsing or with a search. From Help Scout's Docs report; read in the background.";
    HELP_CENTER_RESULT_RATIO = Gauge "contact_help_center_result_ratio" ["window", "result"] Some("ratio"), "Share of the visits in [end - window, end) that ended so: an answer found, a search that failed, a message sent. From Help Scout's Docs report; read in the background.";
    HELP_CENTER_ARTICLES_PER_VISIT = Gauge "contact_help_center_articles_per_visit" ["window"] None, "Articles read per visit in [end - window, end), on average. From Help Scout's Docs report; read in the background.";
    // How far to trust it.
    SOURCE_UP = Gauge "contact_source_up" ["source"] None, "1 if the last reading of the source succeeded for every segment and window, else 0. From the exporter's last refresh in the background; not over an interval.";
    SOURCE_LAST_SUCCESS_TIMESTAMP_SECONDS = Gauge "contact_source_last_success_timestamp_seconds" ["source"] Some("seconds"), "When a reading of the source last succeeded, in Unix time. From the exporter's refreshes in the background; not over an interval.";
    SOURCE_REFRESH_DURATION_SECONDS = Gauge "contact_source_refresh_duration_seconds" ["source"] Some("seconds"), "How long the last reading of the source took, failed or not. From the exporter's last refresh in the background.";
    WINDOW_END_TIMESTAMP_SECONDS = Gauge "contact_window_end_timestamp_seconds" [] Some("seconds"), "The end of every window and interval named here, in Unix time: the start of the last finished refresh in the background, cut to the minute. From the exporter's clock.";
    // Kept in the registry by the modules they are about.
    EXPORTER_BUILD_INFO = Gauge "contact_exporter_build_info" ["version", "revision", "rustc"] None, "Always 1; the labels tell which exporter this is. From the build; no call.";
    EXPORTER_CONFIG_HASH = Gauge "contact_exporter_config_hash" [] None, "Changes with what is counted: windows, segments, populations and their queries. From the configuration in force; no call.";
    EXPORTER_CONFIG_LAST_RELOAD_SUCCESSFUL = Gauge "contact_exporter_config_last_reload_successful" [] None, "1 if the last load of the configuration succeeded, else 0. From the exporter; no call.";
    EXPORTER_CONFIG_LAST_RELOAD_SUCCESS_TIMESTAMP_SECONDS = Gauge "contact_exporter_config_last_reload_success_timestamp_seconds" [] Some("seconds"), "When the configuration was last loaded with success, in Unix time. From the exporter; no call.";
    EXPORTER_WEB_CONFIG_LAST_RELOAD_SUCCESSFUL = Gauge "contact_exporter_web_config_last_reload_successful" [] None, "1 if the last load of the web config succeeded, else 0; absent without --web.config.file. From the exporter; no call.";
    HELPSCOUT_RATE_LIMIT_REMAINING_REQUESTS = Gauge "contact_helpscout_rate_limit_remaining_requests" [] Some("requests"), "Requests left to the whole Help Scout account in its current minute. From the X-RateLimit-Remaining-Minute header of the last answer; read in the background.";
    HELPSCOUT_RATE_LIMIT_REQUESTS = Gauge "contact_helpscout_rate_limit_requests" [] Some("requests"), "Requests a minute that Help Scout grants the whole account. From the X-RateLimit-Limit-Minute header of the last answer; read in the background.";
    HELPSCOUT_REQUEST_DURATION_SECONDS = Histogram "contact_helpscout_request_duration_seconds" ["endpoint"] Some("seconds"), "Time from sending a request to Help Scout to the end of its answer, each try by itself, waits for the rate limit left out.";
    HELPSCOUT_REQUESTS_TOTAL = Counter "contact_helpscout_requests_total" ["endpoint", "code"] Some("requests"), "Requests sent to Help Scout in the background, retries included, by endpoint and HTTP status; code \"error\" where no answer came.";
    TICKETS_RATE_LIMIT_REMAINING_REQUESTS = Gauge "contact_tickets_rate_limit_remaining_requests" [] Some("requests"), "Requests left of those that the endpoint that counts tickets grants. From the X-Rate-Limit-Remaining header of the last answer or the like; read in the background.";
    TICKETS_RATE_LIMIT_REQUESTS = Gauge "contact_tickets_rate_limit_requests" [] Some("requests"), "Requests that the endpoint that counts tickets grants, in the period of its own choice. From the X-Rate-Limit header of the last answer or the like; read in the background.";
    TICKETS_REQUEST_DURATION_SECONDS = Histogram "contact_tickets_request_duration_seconds" [] Some("seconds"), "Time from sending a request to the endpoint that counts tickets to the end of its answer, each try by itself, waits for the rate limit left out.";
    TICKETS_REQUESTS_TOTAL = Counter "contact_tickets_requests_total" ["code"] Some("requests"), "Requests sent to the endpoint that counts tickets, in the background, retries included, by HTTP status; code \"error\" where no answer came.";
    SOURCE_FAILURES_TOTAL = Counter "contact_source_failures_total" ["source", "reason"] Some("failures"), "Readings of a source that failed.";
    PROCESS_CPU_SECONDS_TOTAL = Counter "process_cpu_seconds_total" [] Some("seconds"), "Total user and system CPU time spent in seconds.";
    PROCESS_MAX_FDS = Gauge "process_max_fds" [] None, "Maximum number of open file descriptors.";
    PROCESS_OPEN_FDS = Gauge "process_open_fds" [] None, "Number of open file descriptors.";
    PROCESS_RESIDENT_MEMORY_BYTES = Gauge "process_resident_memory_bytes" [] Some("bytes"), "Resident memory size in bytes.";
    PROCESS_START_TIME_SECONDS = Gauge "process_start_time_seconds" [] Some("seconds"), "Start time of the process since unix epoch in seconds.";
    PROCESS_THREADS = Gauge "process_threads" [] None, "Number of OS threads in the process.";
    PROCESS_VIRTUAL_MEMORY_BYTES = Gauge "process_virtual_memory_bytes" [] Some("bytes"), "Virtual memory size in bytes.";
}

/// The family called `name`, if its name does not depend on the configuration.
pub fn family(name: &str) -> Option<&'static Family> {
    FAMILIES.iter().copied().find(|family| family.name == name)
}

/// The gauge `contact_<name>` of a population.
pub fn population(frame: &PopulationFrame) -> Family {
    let name = &frame.name;
    let (labels, help): (&[&str], String) = if frame.per_window {
        (
            &["window"],
            format!(
                "Population {name} in [end - window, end). From its query in the configuration; read in the background."
            ),
        )
    } else {
        (
            &[],
            format!(
                "Population {name} as it stood at end. From its query in the configuration; read in the background."
            ),
        )
    };
    Family {
        name: Cow::Owned(format!("{POPULATION_PREFIX}{name}")),
        kind: Kind::Gauge,
        unit: None,
        labels,
        help: Cow::Owned(help),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_valid_unique_and_free_of_foreign_suffixes() {
        let mut seen = BTreeSet::new();
        for family in FAMILIES {
            let name = &*family.name;
            assert!(
                name.starts_with("contact_") || name.starts_with("process_"),
                "{name}"
            );
            assert!(
                name.bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
                "{name}"
            );
            // In OpenMetrics a counter's family goes by its name without `_total`.
            assert!(
                seen.insert(name.strip_suffix("_total").unwrap_or(name)),
                "{name} twice"
            );
            assert_eq!(family.kind == Kind::Counter, name.ends_with("_total"));
            if ![&EXPORTER_BUILD_INFO, &FORECAST_INFO].contains(family) {
                for suffix in ["_created", "_count", "_sum", "_bucket", "_info"] {
                    assert!(!name.ends_with(suffix), "{name}");
                }
            }
        }
    }

    #[test]
    fn a_unit_ends_the_name() {
        for family in FAMILIES {
            let base = family.name.strip_suffix("_total").unwrap_or(&family.name);
            if let Some(unit) = family.unit {
                assert!(base.ends_with(&format!("_{unit}")), "{base}");
            } else {
                for unit in ["_seconds", "_bytes", "_ratio", "_tickets"] {
                    assert!(!base.ends_with(unit), "{base}");
                }
            }
        }
    }

    #[test]
    fn help_of_a_gauge_tells_where_its_numbers_come_from() {
        let populations = [true, false].map(|per_window| {
            population(&PopulationFrame {
                name: "users".to_owned(),
                per_window,
            })
        });
        for family in FAMILIES.iter().copied().chain(&populations) {
            if family.kind != Kind::Gauge || family.name.starts_with("process_") {
                continue;
            }
            let help = &family.help;
            assert!(help.contains("From "), "{}: {help}", family.name);
            assert!(
                help.contains("background") || help.contains("no call") || help.contains("clock"),
                "{}: {help}",
                family.name
            );
            if family.labels.contains(&"window") {
                assert!(
                    help.contains("window") && (help.contains("end") || help.contains("before")),
                    "{}: {help}",
                    family.name
                );
            }
        }
    }

    #[test]
    fn a_population_makes_a_gauge_of_its_kind() {
        let mut frame = PopulationFrame {
            name: "dossiers".to_owned(),
            per_window: true,
        };
        let flow = population(&frame);
        assert_eq!(flow.name, "contact_dossiers");
        assert_eq!(flow.labels, ["window"]);
        frame.per_window = false;
        let stock = population(&frame);
        assert!(stock.labels.is_empty());
        assert!(stock.help.contains("dossiers as it stood at end"));
    }

    #[test]
    fn families_are_found_by_name() {
        assert_eq!(family("contact_rate_ratio"), Some(&RATE_RATIO));
        assert_eq!(family("contact_rate"), None);
    }
}
