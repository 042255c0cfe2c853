//! Every number of a snapshot, counted again from the story.

use contact_rate_exporter::{
    demo::story::{Activity, Channel, Filter, MAILBOXES, Status, TAGS},
    domain::{Bounds, Exposure, Tickets, bounds, rise_p_value},
    snapshot::{PopulationValues, RateValues, Snapshot},
};
use jiff::Timestamp;

use super::desk::{Desk, POPULATIONS, STORY, before_end, end, refresher, sources};

const DAY: i64 = 86_400;

/// Windows shorter than a day, of days, longer than the daily counts reach, and between days.
const WINDOWS: [(&str, i64); 6] = [
    ("6h", DAY / 4),
    ("1d", DAY),
    ("7d", 7 * DAY),
    ("28d", 28 * DAY),
    ("90d", 90 * DAY),
    ("36h", 3 * DAY / 2),
];

/// When the oldest ticket of a status that waits was created.
fn oldest(filter: &Filter, status: &str) -> Option<Timestamp> {
    let status = match status {
        "active" => Status::Active,
        "pending" => Status::Pending,
        other => panic!("{other}"),
    };
    let now = super::desk::now();
    let statuses = [status];
    let waiting = STORY.list(filter, &statuses, Timestamp::MIN, now, now);
    waiting.map(|ticket| ticket.created).min()
}

fn segments() -> [(&'static str, Filter); 4] {
    let filter = Filter::default();
    [
        ("all", filter.clone()),
        (
            "usagers",
            Filter {
                mailboxes: vec![MAILBOXES[0].0],
                ..filter.clone()
            },
        ),
        (
            "bug",
            Filter {
                tags: vec![TAGS[0].0],
                mailboxes: vec![MAILBOXES[0].0, MAILBOXES[1].0],
                ..filter.clone()
            },
        ),
        (
            "telephone",
            Filter {
                channels: vec![Channel::Phone],
                ..filter
            },
        ),
    ]
}

const SEGMENTS: &str = "
segments:
  - {name: usagers, mailboxes: [Usagers]}
  - {name: bug, tags: [3745889], mailboxes: [125926, Administrations]}
  - {name: telephone, channels: [phone]}
windows: [6h, 1d, 7d, 28d, 90d, 36h]
";

/// Besides those of the story: one without a past, and one that nobody is in.
const MORE: &str = "
  members:
    total: {database: app, query: SELECT count(*) FROM users}
  nobody:
    window: {database: app, query: 'SELECT 0 WHERE :start < :end'}
";

fn activity(filter: &Filter, window: i64, back: i64) -> Activity {
    STORY.activity(filter, before_end(back + window), before_end(back))
}

fn count(activity: &Activity, tickets: Tickets) -> u64 {
    match tickets {
        Tickets::Created => activity.created,
        Tickets::Resolved => activity.resolved.len() as u64,
        Tickets::Closed => activity.closed,
        Tickets::Replies => activity.replies,
    }
}

/// φ of the spec, from the 56 days that end at `end`.
fn dispersion(filter: &Filter) -> f64 {
    let day = |index: i64| {
        STORY.created(
            filter,
            before_end((56 - index) * DAY),
            before_end((55 - index) * DAY),
        ) as f64
    };
    let mut sum = 0.0;
    let mut free = 56.0;
    for position in 0..7 {
        let days: Vec<f64> = (0..8).map(|week| day(week * 7 + position)).collect();
        let mean = days.iter().sum::<f64>() / 8.0;
        if mean == 0.0 {
            free -= 8.0;
            continue;
        }
        sum += days
            .iter()
            .map(|day| (day - mean) * (day - mean) / mean)
            .sum::<f64>();
        free -= 1.0;
    }
    f64::max(1.0, sum / free)
}

/// Starts and ends of the baseline, in seconds before `end`; `None` where it is not known.
fn baseline(window: i64) -> Option<(i64, Vec<(i64, i64)>)> {
    if window % DAY != 0 && window < 56 * DAY {
        return None;
    }
    if window < 7 * DAY {
        let weeks = (1..=4).map(|week| (week * 7 * DAY + window, week * 7 * DAY));
        return Some((4, weeks.collect()));
    }
    let windows = (56 * DAY / window - 1).clamp(1, 4);
    Some((windows, vec![(window + windows * window, window)]))
}

fn population(name: &str, start: i64, stop: i64) -> f64 {
    match name {
        "users" => STORY.users(before_end(stop)) as f64,
        "dossiers" => STORY.dossiers(before_end(start), before_end(stop)) as f64,
        "members" => STORY.users(STORY.horizon()) as f64,
        _ => 0.0,
    }
}

fn close(actual: f64, expected: f64, what: &str) {
    let tolerance = 1e-9 * expected.abs();
    assert!(
        (actual - expected).abs() <= tolerance,
        "{what}: {actual} is not {expected}"
    );
}

fn close_options(actual: Option<f64>, expected: Option<f64>, what: &str) {
    assert_eq!(
        actual.is_some(),
        expected.is_some(),
        "{what}: {actual:?} is not {expected:?}"
    );
    if let (Some(actual), Some(expected)) = (actual, expected) {
        close(actual, expected, what);
    }
}

fn check_rate(
    rate: Option<&RateValues>,
    filter: &Filter,
    name: &str,
    window: i64,
    tickets: Tickets,
    what: &str,
) {
    let now = population(name, window, 0);
    if now == 0.0 {
        assert_eq!(rate, None, "{what}");
        return;
    }
    let rate = rate.unwrap_or_else(|| panic!("{what} is missing"));
    let count_of = |back: i64| count(&activity(filter, window, back), tickets);
    let has_past = name != "members";
    let t = count_of(0);
    let (t0, u0) = (count_of(window), population(name, 2 * window, window));
    close(rate.ratio, t as f64 / now, what);
    close_options(rate.previous, has_past.then_some(t0 as f64 / u0), what);

    let phi = dispersion(filter);
    let expected = (tickets != Tickets::Replies).then(|| bounds(t, now, phi).unwrap());
    assert_eq!(rate.bounds.is_some(), expected.is_some(), "{what}");
    if let (Some(actual), Some(Bounds { lower, upper })) = (rate.bounds, expected) {
        close(actual.lower, lower, what);
        close(actual.upper, upper, what);
        assert!(lower <= rate.ratio && rate.ratio <= upper);
    }

    let of_created = (tickets == Tickets::Created && has_past)
        .then(|| baseline(window))
        .flatten();
    let exposure = of_created.map(|(windows, intervals)| {
        let tickets = intervals
            .iter()
            .map(|(start, stop)| STORY.created(filter, before_end(*start), before_end(*stop)))
            .sum();
        let population = if name == "users" {
            windows as f64 * population(name, 0, window)
        } else {
            intervals
                .iter()
                .map(|(start, stop)| population(name, *start, *stop))
                .sum()
        };
        Exposure {
            tickets,
            population,
        }
    });
    close_options(
        rate.baseline,
        exposure.map(|b| b.tickets as f64 / b.population),
        what,
    );
    let current = Exposure {
        tickets: t,
        population: now,
    };
    let p_value = exposure.and_then(|baseline| rise_p_value(current, baseline, phi));
    close_options(rate.rise_p_value, p_value, what);

    assert_eq!(rate.change.is_some(), has_past, "{what}");
    if let Some(change) = rate.change {
        let (r, r0) = (t as f64 / now, t0 as f64 / u0);
        let size = (t + t0) as f64;
        assert!(
            (change.population - f64::midpoint(r, r0) * (now - u0)).abs() <= 1e-9 * size,
            "{what}"
        );
        assert!(
            (change.rate - f64::midpoint(now, u0) * (r - r0)).abs() <= 1e-9 * size,
            "{what}"
        );
        close(change.population + change.rate, t as f64 - t0 as f64, what);
    }
}

fn check_populations(snapshot: &Snapshot) {
    for (frame, values) in snapshot.frame.populations.iter().zip(&snapshot.populations) {
        match values {
            PopulationValues::Total(value) => {
                assert_eq!(*value, Some(population(&frame.name, 0, 0)));
            }
            PopulationValues::Window(values) => {
                let expected = WINDOWS.map(|(_, window)| Some(population(&frame.name, window, 0)));
                assert_eq!(values[..], expected, "{}", frame.name);
            }
        }
    }
}

fn mean(values: impl ExactSizeIterator<Item = i64>) -> Option<f64> {
    let count = values.len();
    (count > 0).then(|| values.sum::<i64>() as f64 / count as f64)
}

#[tokio::test]
async fn every_number_is_that_of_the_story() {
    let desk = Desk::start(|_| {}).await;
    let config = desk.config(&format!("{SEGMENTS}{POPULATIONS}{MORE}")).await;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    let snapshot = published.latest();
    assert_eq!(published.failures(), [""; 0]);
    assert_eq!(snapshot.window_end, Some(end()));
    assert!(
        sources(&snapshot)
            .iter()
            .all(|source| source.ends_with(" up"))
    );
    check_populations(&snapshot);

    let mut rates = 0;
    for (segment, (name, filter)) in segments().into_iter().enumerate() {
        let values = &snapshot.segments[segment];
        close(values.dispersion.unwrap(), dispersion(&filter), name);
        let open = STORY.open(&filter, super::desk::now());
        let expected = [("active", open.active), ("pending", open.pending)];
        for open in values.open.iter().flatten() {
            let oldest = oldest(&filter, &open.status);
            assert_eq!(open.oldest, oldest, "{name} {}", open.status);
        }
        let told = values.open.as_ref().map(|open| {
            let told = open.iter().map(|one| (one.status.as_str(), one.count));
            told.collect::<Vec<_>>()
        });
        let listable = filter.channels.is_empty();
        assert_eq!(told, listable.then(|| expected.to_vec()), "{name}");
        for (index, (window_name, window)) in WINDOWS.into_iter().enumerate() {
            let what = format!("{name} {window_name}");
            let activity = activity(&filter, window, 0);
            let counts = values.counts[index].as_ref().unwrap();
            for tickets in Tickets::ALL {
                assert_eq!(
                    counts.tickets(tickets),
                    Some(count(&activity, tickets)),
                    "{what} {tickets}"
                );
            }
            assert_eq!(counts.received_messages, Some(activity.messages), "{what}");
            let first = activity
                .resolved
                .iter()
                .filter(|ticket| ticket.replies == 1)
                .count() as u64;
            if !activity.resolved.is_empty() {
                assert_eq!(counts.resolved_on_first_reply, Some(first), "{what}");
            }
            let resolved = activity.resolved.iter();
            for (actual, expected) in [
                (
                    counts.first_response_mean_seconds,
                    mean(activity.first_response_seconds.iter().copied()),
                ),
                (
                    counts.response_mean_seconds,
                    mean(activity.response_seconds.iter().copied()),
                ),
                (
                    counts.resolution_mean_seconds,
                    mean(resolved.clone().map(|ticket| ticket.resolution_seconds)),
                ),
                (
                    counts.handle_mean_seconds,
                    mean(resolved.map(|ticket| ticket.handle_seconds.into())),
                ),
            ] {
                close_options(actual, expected, &what);
            }
            let ratings = STORY.ratings(&filter, before_end(window), end());
            let actual = values.ratings[index].unwrap();
            assert_eq!(
                (actual.great, actual.okay, actual.not_good),
                (ratings.great, ratings.okay, ratings.not_good),
                "{what}"
            );
            for (population, population_name) in ["users", "dossiers", "members", "nobody"]
                .into_iter()
                .enumerate()
            {
                for tickets in Tickets::ALL {
                    let rate = snapshot.rates.iter().find(|rate| {
                        (rate.segment, rate.population, rate.window, rate.tickets)
                            == (segment, population, index, tickets)
                    });
                    rates += usize::from(rate.is_some());
                    let what = format!("{what} {population_name} {tickets}");
                    check_rate(rate, &filter, population_name, window, tickets, &what);
                }
            }
        }
    }
    assert_eq!(snapshot.rates.len(), rates);
    assert_eq!(rates, 4 * 6 * 3 * 4, "all but those of nobody");
}

#[tokio::test]
async fn a_refresh_costs_the_calls_that_it_promises() {
    let desk = Desk::start(|_| {}).await;
    let config = desk.config(&format!("{SEGMENTS}{POPULATIONS}")).await;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    let (windows, segments) = (6, 4);
    let reading = [
        ("/v2/conversations", 2 * (segments - 1)),
        ("/v2/reports/conversations/new", segments),
        ("/v2/reports/happiness", windows * segments),
        ("/v2/reports/productivity", windows * segments),
    ];
    let lists = [
        ("/v2/mailboxes", 1),
        ("/v2/oauth2/token", 1),
        ("/v2/tags", 1),
    ];
    let mut first: Vec<(String, usize)> = reading
        .into_iter()
        .chain(lists)
        .map(|(path, count)| (path.to_owned(), count))
        .collect();
    let second = first[..4].to_vec();
    first.sort();
    assert_eq!(desk.calls(), first);
    refresher.refresh().await;
    let calls = desk.calls();
    assert_eq!(calls, second, "token, mailboxes and tags are kept");
    let total: usize = calls.iter().map(|(_, count)| count).sum();
    assert_eq!(total, 2 * windows * segments + 3 * segments - 2);
    assert_eq!(
        total,
        refresher
            .sources()
            .tickets
            .budget(&config)
            .calls_per_refresh
    );
    assert_eq!(published.failures(), [""; 0]);
}
