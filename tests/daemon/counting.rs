//! Tickets from an endpoint that counts: a small one in the manner of Zendesk's `search/count`, which
//! reads the text of the query and counts its own tickets.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::common::{
    exporter::{Exporter, run, value},
    upstream::{Asked, Reply, Upstream},
};

const DAY: i64 = 86_400;

#[derive(Clone, Copy)]
struct Ticket {
    created: i64,
    solved: Option<i64>,
    billing: bool,
}

/// A ticket every three hours for seventy days, every fifth about billing; all but every fourth are
/// solved an hour later.
fn tickets() -> Vec<Ticket> {
    let now = Timestamp::now().as_second();
    (0..560)
        .map(|number| {
            let created = now - 3600 - number * 3 * 3600;
            Ticket {
                created,
                solved: (number % 4 != 0).then_some(created + 3600),
                billing: number % 5 == 0,
            }
        })
        .collect()
}

/// What the text of a query counts; `None` where it is not understood.
fn count(tickets: &[Ticket], query: &str) -> Option<usize> {
    let instant = |text: &str| {
        let day = format!("{text}T00:00:00Z");
        let at = text.parse::<Timestamp>().or_else(|_| day.parse());
        at.ok().map(Timestamp::as_second)
    };
    let mut left = tickets.to_vec();
    for word in query.split_whitespace() {
        match word {
            "type:ticket" => {}
            "group:billing" => left.retain(|ticket| ticket.billing),
            "status:open" => left.retain(|ticket| ticket.solved.is_none()),
            _ => {
                let at = word.find(['<', '>'])?;
                let (field, bound) = word.split_at(at);
                let of = |ticket: &Ticket| match field {
                    "created" => Some(Some(ticket.created)),
                    "solved" => Some(ticket.solved),
                    _ => None,
                };
                of(left.first()?)?;
                let is_since = bound.starts_with(">=");
                let bound = instant(bound.trim_start_matches(['<', '>', '=']))?;
                left.retain(|ticket| {
                    let at = of(ticket).flatten();
                    at.is_some_and(|at| if is_since { at >= bound } else { at < bound })
                });
                if left.is_empty() {
                    return Some(0);
                }
            }
        }
    }
    Some(left.len())
}

fn query(asked: &Asked) -> String {
    let parameters = url::form_urlencoded::parse(asked.query.as_bytes());
    let parameters: HashMap<String, String> = parameters.into_owned().collect();
    parameters.get("query").cloned().unwrap_or_default()
}

fn answer(tickets: &[Ticket], asked: &Asked) -> Reply {
    if asked.header("authorization") != "Basic bWUvdG9rZW46aHVudGVyMg==" {
        return Reply::json(401, "{}");
    }
    match count(tickets, &query(asked)) {
        Some(count) => Reply::json(200, format!(r#"{{"count":{count}}}"#))
            .with("X-Rate-Limit", 700)
            .with("X-Rate-Limit-Remaining", 650),
        None => Reply::json(422, "{}"),
    }
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new(config: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        std::fs::write(folder.0.path().join("config.yml"), config).unwrap();
        folder
    }

    fn flag(&self) -> String {
        format!(
            "--config.file={}",
            self.0.path().join("config.yml").display()
        )
    }
}

fn config(upstream: &Upstream, per_minute: u32, more: &str) -> String {
    format!(
        "tickets:
  http:
    url: {}api/v2/search/count.json?query={{query}}
    pointer: /count
    basic_auth: {{username: me/token, password: hunter2}}
    requests_per_minute: {per_minute}
  created: type:ticket {{segment}} created>={{start}} created<{{end}}
  closed: type:ticket {{segment}} solved>={{start}} solved<{{end}}
  open: {{Still Open: 'type:ticket {{segment}} status:open'}}
segments: [{{name: billing, query: 'group:billing'}}]
{more}",
        upstream.url
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_counts_is_a_ticket_source() {
    let tickets = tickets();
    let desk = Upstream::start({
        let tickets = tickets.clone();
        move |asked| answer(&tickets, asked)
    })
    .await;
    let folder = Folder::new(&config(&desk, 10_000, ""));
    let exporter = Exporter::start(&[&folder.flag()], &[]);
    let page = exporter
        .metrics_when("days", |page| {
            value(page, r#"contact_source_up{source="daily_tickets"}"#) == Some(1.0)
                && value(page, "contact_window_end_timestamp_seconds").is_some()
        })
        .await;
    let end = value(&page, "contact_window_end_timestamp_seconds").unwrap();
    let end: i64 = end.to_string().parse().unwrap();
    for (name, seconds) in [("1d", DAY), ("7d", 7 * DAY), ("28d", 28 * DAY)] {
        for (segment, is_in) in [("all", false), ("billing", true)] {
            let within = |at: i64| end - seconds <= at && at < end;
            let of = |ticket: &&Ticket| ticket.billing || !is_in;
            let expected = tickets
                .iter()
                .filter(of)
                .filter(|one| within(one.created))
                .count();
            let solved = tickets
                .iter()
                .filter(of)
                .filter(|one| one.solved.is_some_and(within));
            let series = |metric: &str| {
                value(
                    &page,
                    &format!("{metric}{{segment=\"{segment}\",window=\"{name}\"}}"),
                )
            };
            assert_eq!(
                series("contact_created_tickets"),
                Some(expected as f64),
                "{name} {segment}"
            );
            assert_eq!(
                series("contact_closed_tickets"),
                Some(solved.count() as f64)
            );
            assert_eq!(series("contact_resolved_tickets"), None, "not asked");
        }
    }
    let open = r#"contact_open_tickets{segment="all",status="still_open"}"#;
    assert_eq!(value(&page, open), Some(140.0));
    assert!(value(&page, r#"contact_tickets_dispersion_ratio{segment="all"}"#).is_some());
    assert_eq!(
        value(&page, "contact_tickets_rate_limit_requests"),
        Some(700.0)
    );
    assert_eq!(
        value(&page, "contact_tickets_rate_limit_remaining_requests"),
        Some(650.0)
    );
    let asked = u32::try_from(desk.asked().len()).unwrap();
    assert_eq!(
        value(&page, r#"contact_tickets_requests_total{code="200"}"#),
        Some(f64::from(asked))
    );
    assert!(!page.contains("\ncontact_helpscout_") && !page.contains("hunter2"));

    // Another refresh asks for no day that has settled.
    let first = desk.asked().len();
    exporter.signal("HUP");
    exporter
        .metrics_when("another refresh", |_| desk.asked().len() >= first + 26)
        .await;
    let mut days: HashMap<String, usize> = HashMap::new();
    for asked in desk.asked() {
        let text = query(&asked);
        let day_long = text.matches("T00:00:00Z").count() == 2;
        if day_long && text.contains("created>=") {
            *days.entry(text).or_default() += 1;
        }
    }
    assert!(days.len() >= 112, "{}", days.len());
    let again = days.values().filter(|times| **times > 1).count();
    assert!(
        again <= 2,
        "only yesterday may be asked for again, within its first hour: {again}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_told_by_their_reason() {
    let script = |reply: fn() -> Reply| Upstream::start(move |_: &Asked| reply());
    for (reason, reply) in [
        ("auth", (|| Reply::json(401, "{}")) as fn() -> Reply),
        ("forbidden", || Reply::json(403, "{}")),
        ("rate_limited", || {
            Reply::json(429, "").with("Retry-After", 3600)
        }),
        ("decode", || Reply::json(200, "{\"count\": ")),
        ("decode", || Reply::json(200, "{\"count\": 1.5}")),
        ("decode", || Reply::json(200, "{\"total\": 1}")),
        ("status", || Reply::json(422, "{}")),
        ("too_large", Reply::endless),
    ] {
        let desk = script(reply).await;
        let folder = Folder::new(&config(&desk, 10_000, ""));
        let exporter = Exporter::start(&[&folder.flag()], &[]);
        let counter =
            format!("contact_source_failures_total{{reason=\"{reason}\",source=\"tickets\"}}");
        let page = exporter
            .metrics_when(reason, |page| value(page, &counter) > Some(0.0))
            .await;
        assert_eq!(
            value(&page, r#"contact_source_up{source="tickets"}"#),
            Some(0.0)
        );
        assert!(!page.contains("\ncontact_created_tickets"), "{reason}");
        if reason == "rate_limited" {
            assert!(
                desk.asked().len() <= 4,
                "nothing is sent before the wait is over"
            );
        }
    }
}

/// Days take what half of the pace leaves, and the rate does not wait for them.
#[tokio::test(flavor = "multi_thread")]
async fn days_do_not_delay_the_first_counts() {
    let tickets = tickets();
    let desk = Upstream::start(move |asked| answer(&tickets, asked)).await;
    let folder = Folder::new(&config(&desk, 60, "timeout: 1s\nwindows: [7d]\n"));
    let exporter = Exporter::start(&[&folder.flag()], &[]);
    let created = r#"contact_created_tickets{segment="all",window="7d"}"#;
    let page = exporter
        .metrics_when("created", |page| {
            value(page, created) == Some(56.0)
                && value(page, "contact_window_end_timestamp_seconds").is_some()
        })
        .await;
    assert_eq!(
        value(&page, r#"contact_source_up{source="daily_tickets"}"#),
        Some(0.0)
    );
    let failures = page.lines().filter(|line| {
        line.starts_with("contact_source_failures_total") && line.contains("daily_tickets")
    });
    assert!(failures.clone().count() > 0 && failures.into_iter().all(|line| line.ends_with(" 0")));
    assert!(desk.asked().len() <= 60);
    assert!(!page.contains("\ncontact_tickets_dispersion_ratio"));
}

/// An endpoint that knows only dates tells nothing of windows that end at a minute.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_by_dates_and_by_post_is_told_by_check() {
    let tickets = tickets();
    let desk = Upstream::start(move |asked| {
        let body: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
        assert_eq!(
            (asked.method.as_str(), asked.header("content-type")),
            ("POST", "application/json")
        );
        let words = body["jql"].as_str().unwrap().replace('"', "");
        match count(&tickets, &words) {
            Some(count) => Reply::json(200, format!(r#"{{"count":{count}}}"#)),
            None => Reply::json(400, "{}"),
        }
    })
    .await;
    let folder = Folder::new(&format!(
        "tickets:
  http:
    url: {}count
    body: '{{\"jql\": \"{{query}}\"}}'
    pointer: /count
    requests_per_minute: 10000
  created: created>=\"{{start_date}}\" created<\"{{end_date}}\"
  open: {{open: 'status:open'}}
",
        desk.url
    ));
    let ended = run(&["check", &folder.flag()], &[]);
    let told = ended.output;
    assert!(
        told.contains("asked by dates") && told.contains("140 open"),
        "{told}"
    );
    let asked = desk.asked();
    assert!(
        asked
            .iter()
            .filter(|asked| asked.body.contains("created"))
            .count()
            >= 56
    );
}
