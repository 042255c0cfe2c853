//! A snapshot in which every family has samples, from the worked example of the documentation:
//! two months of one mailbox, 2 000 and 2 400 dossiers.

#![allow(dead_code, reason = "each test file uses its part")]

use std::sync::Arc;

use contact_rate_exporter::{
    domain::forecast::{
        Band, Forecast, Method, Planning, PopulationPlan, Quality, SegmentPlan, coming_weeks,
    },
    domain::{
        Bounds, Change, ContactCounts, HelpCenter, OpenCount, Ratings, Reason, ReasonCounts,
        Source, Tickets, Window,
    },
    snapshot::{
        FailureTotals, Finding, Frame, PopulationFrame, PopulationValues, RateValues, ReasonValues,
        ReasonsFound, SegmentValues, Snapshot, SourceFailure, SourceState, TargetFrame,
    },
};
use jiff::{Timestamp, tz::TimeZone};

/// The sources of the example.
pub fn sources() -> Vec<Source> {
    vec![
        Source::Tickets,
        Source::DailyTickets,
        Source::OpenTickets,
        Source::Happiness,
        Source::Forecast,
        Source::HelpCenter,
        Source::Reasons,
        Source::Population("users".to_owned()),
        Source::Population("dossiers".to_owned()),
    ]
}

/// What the example counts. The second segment's name needs escaping in every format.
pub fn frame() -> Arc<Frame> {
    Arc::new(Frame {
        segments: vec!["all".to_owned(), "\"bugs\" & <b>\\n\nété</b>".to_owned()],
        windows: ["1d", "28d"]
            .map(|name| Window::parse(name).unwrap())
            .to_vec(),
        populations: [("users", false), ("dossiers", true)]
            .map(|(name, per_window)| PopulationFrame {
                name: name.to_owned(),
                per_window,
            })
            .to_vec(),
        targets: vec![TargetFrame {
            population: 1,
            window: 1,
            tickets: Tickets::Created,
            at_most: 0.05,
        }],
    })
}

/// Before the first refresh: every source is there and down, nothing is known.
pub fn empty() -> Snapshot {
    let frame = frame();
    Snapshot {
        window_end: None,
        segments: vec![SegmentValues::default(); frame.segments.len()],
        populations: vec![
            PopulationValues::Total(None),
            PopulationValues::Window(vec![None; frame.windows.len()]),
        ],
        rates: Vec::new(),
        help_center: vec![None; frame.windows.len()],
        sources: sources().into_iter().map(SourceState::unread).collect(),
        found: Vec::new(),
        frame,
    }
}

fn open(status: &str, count: u64, oldest: &str) -> OpenCount {
    OpenCount {
        status: status.to_owned(),
        count,
        oldest: oldest.parse().ok(),
    }
}

/// After a refresh in which the ratings could not be read.
pub fn full() -> Snapshot {
    let end: Timestamp = "2018-01-01T00:00:00Z".parse().unwrap();
    let december = ContactCounts {
        created: Some(126),
        resolved: Some(87),
        closed: Some(122),
        replies: Some(156),
        received_messages: Some(210),
        resolved_on_first_reply: Some(58),
        first_response_mean_seconds: Some(106_231.0),
        response_mean_seconds: Some(178_804.5),
        resolution_mean_seconds: Some(182_589.093_75),
        handle_mean_seconds: Some(402.0),
    };
    let new_year = ContactCounts {
        created: Some(0),
        resolved: Some(0),
        closed: Some(0),
        ..ContactCounts::default()
    };
    Snapshot {
        window_end: Some(end),
        segments: vec![
            SegmentValues {
                counts: vec![Some(new_year), Some(december)],
                ratings: vec![
                    None,
                    Some(Ratings {
                        great: 12,
                        okay: 3,
                        not_good: 1,
                    }),
                ],
                open: Some(vec![
                    open("active", 41, "2017-12-24T18:00:00Z"),
                    open("pending", 7, "2017-11-02T08:30:00Z"),
                ]),
                dispersion: Some(1.75),
            },
            SegmentValues {
                counts: vec![
                    None,
                    Some(ContactCounts {
                        created: Some(9),
                        ..ContactCounts::default()
                    }),
                ],
                ratings: vec![None, None],
                open: None,
                dispersion: None,
            },
        ],
        populations: vec![
            PopulationValues::Total(Some(1_234_567.0)),
            PopulationValues::Window(vec![Some(0.0), Some(2400.0)]),
        ],
        rates: rates(),
        help_center: vec![
            Some(HelpCenter::default()),
            Some(HelpCenter {
                visitors: 4210,
                browse: Some(0.8125),
                search: Some(0.1875),
                found: Some(0.705),
                failed: Some(0.2725),
                contacted: Some(0.0225),
                articles_per_visit: Some(1.4375),
            }),
        ],
        found: vec![
            Arc::new(Finding::Reasons(ReasonsFound {
                window: frame().windows[1].clone(),
                reasons: reasons(),
            })),
            Arc::new(Finding::Planning(planning(end))),
        ],
        sources: states(end),
        frame: frame(),
    }
}

/// 126 tickets a month are 29 a week. Of the second segment too little is known.
fn planning(end: Timestamp) -> Planning {
    let band = |expected, bounds| Some(Band { expected, bounds });
    let known = |horizons| Forecast {
        method: Method::RateAndPopulation,
        population: Some(0),
        weeks: vec![
            Band {
                expected: 29.5,
                bounds: None,
            };
            13
        ],
        horizons,
        quality: [
            Quality {
                error: Some(0.14),
                coverage: Some(0.9),
            },
            Quality {
                error: Some(0.08),
                coverage: None,
            },
            Quality {
                error: None,
                coverage: None,
            },
        ],
        naive_error: [Some(0.19), Some(0.125), None],
        known_weeks: 60,
        level_since: None,
    };
    let coming = coming_weeks(end, &TimeZone::UTC, 13);
    Planning {
        segments: vec![
            SegmentPlan {
                segment: 0,
                known_weeks: 60,
                forecast: Some(known([
                    band(29.5, Some((20.0, 39.0))),
                    band(30.25, Some((25.0, 35.5))),
                    band(31.0, None),
                ])),
                through: Some(1),
                capacity: Some(29.0),
                reached: coming.first().copied(),
            },
            SegmentPlan {
                segment: 1,
                known_weeks: 11,
                forecast: None,
                through: None,
                capacity: None,
                reached: None,
            },
        ],
        populations: vec![PopulationPlan {
            population: 1,
            is_stock: false,
            forecast: Some(known([band(560.0, None), band(575.5, None), None])),
        }],
        coming,
    }
}

/// The name of the second needs escaping, too; of the third nothing is known but its count.
fn reasons() -> Vec<ReasonValues> {
    let reason = |name: &str, current, previous, ratios: [Option<f64>; 2]| ReasonValues {
        name: name.to_owned(),
        counts: ReasonCounts { current, previous },
        ratios: ratios.to_vec(),
    };
    vec![
        reason(
            "pièces",
            30,
            Some(12),
            [Some(30.0 / 1_234_567.0), Some(0.0125)],
        ),
        reason("\"login\"\\", 9, Some(14), [None, Some(0.00375)]),
        reason("délais", 0, None, [None, None]),
    ]
}

fn rates() -> Vec<RateValues> {
    let rate = |segment, population, window, tickets, ratio| RateValues {
        segment,
        population,
        window,
        tickets,
        ratio,
        previous: None,
        bounds: None,
        baseline: None,
        rise_p_value: None,
        change: None,
    };
    let bounds = |lower, upper| Some(Bounds { lower, upper });
    vec![
        RateValues {
            bounds: bounds(0.0, 2.987_952_4e-6),
            ..rate(0, 0, 0, Tickets::Created, 0.0)
        },
        RateValues {
            bounds: bounds(7.9e-5, 1.309e-4),
            ..rate(0, 0, 1, Tickets::Created, 126.0 / 1_234_567.0)
        },
        RateValues {
            previous: Some(0.089),
            bounds: bounds(0.040_923_5, 0.066_284_1),
            baseline: Some(0.087_5),
            rise_p_value: Some(0.999_999_5),
            change: Some(Change {
                population: 28.3,
                rate: -80.3,
            }),
            ..rate(0, 1, 1, Tickets::Created, 0.0525)
        },
        RateValues {
            previous: Some(0.048),
            bounds: bounds(0.026_6, 0.048_2),
            ..rate(0, 1, 1, Tickets::Resolved, 0.036_25)
        },
        RateValues {
            previous: Some(0.0905),
            bounds: bounds(0.039_4, 0.064_5),
            ..rate(0, 1, 1, Tickets::Closed, 122.0 / 2400.0)
        },
        RateValues {
            previous: Some(0.0935),
            ..rate(0, 1, 1, Tickets::Replies, 0.065)
        },
        RateValues {
            bounds: bounds(0.001_714_7, 0.007_118_6),
            ..rate(1, 1, 1, Tickets::Created, 0.003_75)
        },
    ]
}

fn states(end: Timestamp) -> Vec<SourceState> {
    let read = |seconds: i64| end + jiff::SignedDuration::from_secs(seconds);
    sources()
        .into_iter()
        .enumerate()
        .map(|(index, source)| {
            let happiness = source == Source::Happiness;
            let mut failures = FailureTotals::default();
            if happiness {
                failures.add(Reason::Status);
            }
            SourceState {
                source,
                up: !happiness,
                last_success: Some(if happiness { read(-300) } else { read(2) }),
                last_duration_seconds: Some(0.25 * (index as f64 + 1.0)),
                last_failures: Vec::from_iter(
                    happiness.then(|| SourceFailure {
                        reason: Reason::Status,
                        segments: Vec::new(),
                        text: "GET /v2/reports/happiness answered 500: <try> again & \"again\""
                            .to_owned(),
                    }),
                ),
                missing_past: None,
                failures,
            }
        })
        .collect()
}
