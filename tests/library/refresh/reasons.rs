//! Contact reasons: counted again from the story, read beside the refreshes, and what becomes of each
//! failure.

use std::time::Duration;

use contact_rate_exporter::{
    config::Config,
    demo::story::{Filter, TAGS},
    refresh::Refresher,
    snapshot::{ReasonValues, Snapshot},
};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::desk::{
    Desk, Fate, POPULATIONS, Published, STORY, before_end, end, pass, refresher, reload, source,
    status,
};

const DAY: i64 = 86_400;
const TAG_LIST: &str = "/v2/tags";
const PRODUCTIVITY: &str = "/v2/reports/productivity";

/// Refreshes and reads the reasons, each once.
async fn read(refresher: &mut Refresher) {
    refresher.refresh().await;
    beside(refresher).await;
}

async fn beside(refresher: &mut Refresher) {
    refresher
        .read_beside(Instant::now() + Duration::from_mins(1))
        .await;
}

async fn started(desk: &Desk, text: &str) -> (Config, Refresher, Published) {
    let config = desk.config(text).await;
    let (mut refresher, published) = refresher(&config);
    read(&mut refresher).await;
    (config, refresher, published)
}

fn reasons(snapshot: &Snapshot) -> &[ReasonValues] {
    snapshot.reasons().map_or(&[], |found| &found.reasons)
}

fn names(snapshot: &Snapshot) -> Vec<&str> {
    let all = reasons(snapshot).iter();
    all.map(|reason| reason.name.as_str()).collect()
}

fn failures(snapshot: &Snapshot) -> Vec<String> {
    let state = source(snapshot, "reasons").unwrap();
    let failures = state.last_failures.iter();
    failures
        .map(|failure| format!("{}: {failure}", failure.reason))
        .collect()
}

fn tickets(tag: u64, from: i64, to: i64) -> u64 {
    let filter = Filter {
        tags: vec![tag],
        ..Filter::default()
    };
    STORY.created(&filter, before_end(from * DAY), before_end(to * DAY))
}

/// Ids and names of the tags, those with most tickets first.
fn ranked() -> Vec<(u64, &'static str)> {
    let mut tags = TAGS.to_vec();
    let all = |tag: u64| {
        let filter = Filter {
            tags: vec![tag],
            ..Filter::default()
        };
        STORY.created(&filter, jiff::Timestamp::MIN, super::desk::now())
    };
    tags.sort_by_key(|(id, _)| (std::cmp::Reverse(all(*id)), *id));
    tags
}

fn expect(snapshot: &Snapshot, tags: &[(u64, &str)], days: i64) {
    let found = reasons(snapshot);
    assert_eq!(found.len(), tags.len());
    let users = STORY.users(end()) as f64;
    let dossiers = STORY.dossiers(before_end(days * DAY), end()) as f64;
    for (reason, (id, name)) in found.iter().zip(tags) {
        assert_eq!(reason.name, *name);
        assert_eq!(reason.counts.current, tickets(*id, days, 0), "{name}");
        let before = tickets(*id, 2 * days, days);
        assert_eq!(reason.counts.previous, Some(before), "{name}");
        let tickets = reason.counts.current as f64;
        let rates = [Some(tickets / users), Some(tickets / dossiers)];
        assert_eq!(reason.ratios, rates, "{name}");
    }
}

#[tokio::test]
async fn reasons_are_those_of_the_story() {
    let desk = Desk::start(|options| options.page_size = 2).await;
    let text = format!("{POPULATIONS}reasons: {{window: 7d, top: 3}}\nwindows: [1d, 7d]\n");
    let config = desk.config(&text).await;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    // They are not read with a refresh.
    let snapshot = published.latest();
    assert_eq!(snapshot.reasons(), None);
    assert!(!source(&snapshot, "reasons").unwrap().up);
    assert!(source(&snapshot, "tickets").unwrap().up);
    desk.asked();
    beside(&mut refresher).await;
    let snapshot = published.latest();
    assert_eq!(published.failures(), [""; 0]);
    expect(&snapshot, &ranked()[..3], 7);
    assert_eq!(snapshot.reasons().unwrap().window.name(), "7d");
    assert!(source(&snapshot, "reasons").unwrap().last_success.is_some());
    // Three pages of tags of two each, and one report per reason.
    let expected = [(PRODUCTIVITY, 3), (TAG_LIST, 3)];
    assert_eq!(
        desk.calls(),
        expected.map(|(path, count)| (path.to_owned(), count))
    );
    let budget = refresher.sources().tickets.budget(&config);
    assert_eq!(
        budget.calls_for_reasons,
        1 + 3,
        "with a page that holds all"
    );
}

#[tokio::test]
async fn reasons_that_do_not_exist_are_nowhere() {
    let desk = Desk::start(|_| {}).await;
    let (config, refresher, published) = started(&desk, POPULATIONS).await;
    let snapshot = published.latest();
    assert!(source(&snapshot, "reasons").is_none());
    assert_eq!(snapshot.reasons(), None);
    let budget = refresher.sources().tickets.budget(&config);
    assert_eq!(budget.calls_for_reasons, 0);
}

/// By name, by id, both of one: and one that is not there fails without taking the others along.
#[tokio::test]
async fn an_unknown_tag_fails_and_the_others_go_on() {
    let desk = Desk::start(|_| {}).await;
    let text =
        format!("{POPULATIONS}reasons: {{window: 28d, tags: [compte, 3745889, bug, délai, 12]}}\n");
    let (_, mut refresher, published) = started(&desk, &text).await;
    let tags = [TAGS[1], TAGS[0]];
    let snapshot = published.latest();
    expect(&snapshot, &tags, 28);
    let expected = [
        "query: `reasons.tags` names tag `délai`, which Help Scout does not list for the app's owner: did you mean `délais`?",
        "query: `reasons.tags` names tag 12, which Help Scout does not list for the app's owner",
    ];
    assert_eq!(failures(&snapshot), expected);
    assert!(!source(&snapshot, "reasons").unwrap().up);

    // It is tried again with the next refresh; what was counted already is not counted again.
    desk.asked();
    pass(Duration::from_mins(5)).await;
    beside(&mut refresher).await;
    assert_eq!(desk.calls(), [(TAG_LIST.to_owned(), 1)]);
    assert_eq!(failures(&published.latest()), expected);
    expect(&published.latest(), &tags, 28);
    pass(Duration::from_mins(55)).await;
    beside(&mut refresher).await;
    assert!(desk.calls().contains(&(PRODUCTIVITY.to_owned(), 2)));
}

fn tags_of(list: &mut Value) -> &mut Vec<Value> {
    list["_embedded"]["tags"].as_array_mut().unwrap()
}

#[tokio::test]
async fn the_list_is_followed_as_it_changes() {
    let desk = Desk::start(|_| {}).await;
    let text = format!("{POPULATIONS}reasons: {{window: 7d, top: 2}}\nwindows: [7d]\n");
    let (_, mut refresher, published) = started(&desk, &text).await;
    let tags = ranked();
    expect(&published.latest(), &tags[..2], 7);

    // The first is renamed, with signs that Help Scout escapes: the same id, the same counts.
    desk.only(TAG_LIST, || {
        Fate::Edited(|mut list| {
            for tag in tags_of(&mut list) {
                let name = tag["name"].as_str().unwrap();
                tag["name"] = json!(format!("R&amp;D: {name}"));
            }
            list
        })
    });
    pass(Duration::from_hours(1)).await;
    beside(&mut refresher).await;
    let renamed = tags.iter().map(|(id, name)| (*id, format!("R&D: {name}")));
    let renamed: Vec<(u64, String)> = renamed.collect();
    let renamed: Vec<(u64, &str)> = renamed.iter().map(|(id, name)| (*id, &**name)).collect();
    expect(&published.latest(), &renamed[..2], 7);

    // Another comes to have most tickets.
    desk.only(TAG_LIST, || {
        Fate::Edited(|mut list| {
            tags_of(&mut list)[4]["ticketCount"] = json!(1_000_000);
            list
        })
    });
    pass(Duration::from_hours(1)).await;
    beside(&mut refresher).await;
    let first = if tags[0] == TAGS[4] { tags[1] } else { tags[0] };
    expect(&published.latest(), &[TAGS[4], first], 7);

    // That one is deleted: it is gone at once, and the next one takes its place.
    desk.only(TAG_LIST, || {
        Fate::Edited(|mut list| {
            tags_of(&mut list).pop();
            list
        })
    });
    pass(Duration::from_hours(1)).await;
    beside(&mut refresher).await;
    let left: Vec<(u64, &str)> = tags
        .iter()
        .filter(|tag| **tag != TAGS[4])
        .copied()
        .collect();
    expect(&published.latest(), &left[..2], 7);
    assert_eq!(published.failures(), [""; 0]);
}

#[tokio::test]
async fn names_are_told_apart_and_cut() {
    let desk = Desk::start(|_| {}).await;
    desk.only(TAG_LIST, || {
        Fate::Edited(|mut list| {
            let tags = tags_of(&mut list);
            tags[1]["name"] = tags[0]["name"].clone();
            tags[2]["name"] = json!("x".repeat(200));
            tags[3]["name"] = json!("");
            list
        })
    });
    let (_, _, published) = started(&desk, "reasons: {top: 50}\n").await;
    let snapshot = published.latest();
    let mut found = names(&snapshot);
    found.sort_unstable();
    let long = format!("{}…", "x".repeat(63));
    assert!(found.contains(&&*long), "{found:?}");
    assert!(found.contains(&"(3745892)"), "{found:?}");
    assert!(found.contains(&"bug"), "{found:?}");
    let told_apart = ["bug (3745889)", "bug (3745890)"];
    assert!(
        told_apart.iter().any(|name| found.contains(name)),
        "{found:?}"
    );
    assert_eq!(found.len(), 5);
}

/// Whatever fails, the other sources do not notice, and the last good counts stay.
#[tokio::test]
async fn failures_are_told_and_counts_stay_until_they_are_too_old() {
    let desk = Desk::start(|_| {}).await;
    let text = format!("{POPULATIONS}reasons: {{window: 7d, every: 5m}}\nwindows: [7d]\n");
    let (_, mut refresher, published) = started(&desk, &text).await;
    let tags = ranked();
    let five = Duration::from_mins(5);
    let unread = |list: &'static str| move || Fate::Answer(200, list.to_owned());
    desk.only(TAG_LIST, || status(403));
    pass(five).await;
    beside(&mut refresher).await;
    assert!(failures(&published.latest())[0].starts_with("forbidden: /v2/tags is forbidden"));
    expect(&published.latest(), &tags, 7);

    desk.only(TAG_LIST, unread("planted@example.org"));
    pass(five).await;
    beside(&mut refresher).await;
    let told = failures(&published.latest());
    assert!(
        told[0].starts_with("decode: the answer of /v2/tags"),
        "{told:?}"
    );
    assert!(!told[0].contains("planted"));
    expect(&published.latest(), &tags, 7);

    // Three readings old.
    pass(five).await;
    beside(&mut refresher).await;
    assert_eq!(names(&published.latest()), [""; 0]);

    // It works again; one tag's report does not.
    desk.script(|path, query| match path {
        PRODUCTIVITY if query.contains("tags=3745889") => status(404),
        _ => Fate::Good,
    });
    pass(five).await;
    beside(&mut refresher).await;
    let snapshot = published.latest();
    let others: Vec<(u64, &str)> = tags
        .iter()
        .filter(|tag| **tag != TAGS[0])
        .copied()
        .collect();
    expect(&snapshot, &others, 7);
    assert_eq!(failures(&snapshot).len(), 1);
    assert!(failures(&snapshot)[0].starts_with("status: contact reason `bug`: "));
    assert!(source(&snapshot, "tickets").unwrap().up);

    desk.script(|_, _| Fate::Good);
    pass(five).await;
    beside(&mut refresher).await;
    expect(&published.latest(), &tags, 7);
    assert!(source(&published.latest(), "reasons").unwrap().up);
}

/// A help desk that refuses is not asked for each reason, and one that fails for three in a row neither.
#[tokio::test]
async fn a_desk_in_trouble_is_left_alone() {
    let desk = Desk::start(|_| {}).await;
    let text = format!("{POPULATIONS}reasons: {{window: 7d, every: 5m}}\nwindows: [7d]\n");
    let config = desk.config(&text).await;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    for (answer, asked) in [(403, 1), (400, 3)] {
        desk.script(move |path, query| match path {
            PRODUCTIVITY if query.contains("tags=") => status(answer),
            _ => Fate::Good,
        });
        desk.asked();
        pass(Duration::from_mins(5)).await;
        beside(&mut refresher).await;
        assert_eq!(
            desk.calls(),
            [(PRODUCTIVITY.to_owned(), asked), (TAG_LIST.to_owned(), 1)]
        );
        assert_eq!(failures(&published.latest()).len(), asked);
        assert_eq!(names(&published.latest()), [""; 0]);
    }
}

/// Tickets are shown, the rate by that population is not; it is asked for again over the same interval.
#[tokio::test]
async fn a_population_that_fails_leaves_its_rate_out() {
    let desk = Desk::start(|_| {}).await;
    let text = format!(
        "{}  visits:\n    window: {{helpscout: help_center_visitors}}\nreasons: {{window: 7d, tags: [bug]}}\nwindows: [7d]\n",
        POPULATIONS.trim_start()
    );
    let text = format!("  help_center: true\n{text}");
    desk.only("/v2/reports/docs", || status(400));
    let (_, mut refresher, published) = started(&desk, &text).await;
    let snapshot = published.latest();
    let [bug] = reasons(&snapshot) else {
        panic!("{snapshot:?}");
    };
    assert_eq!(bug.counts.current, tickets(TAGS[0].0, 7, 0));
    assert!(bug.ratios[0].is_some() && bug.ratios[1].is_some());
    assert_eq!(bug.ratios[2], None);
    assert!(failures(&snapshot)[0].starts_with("status: population `visits` could not be read"));

    desk.script(|_, _| Fate::Good);
    desk.asked();
    pass(Duration::from_mins(5)).await;
    beside(&mut refresher).await;
    let snapshot = published.latest();
    let [bug] = reasons(&snapshot) else {
        panic!("{snapshot:?}");
    };
    let visitors = STORY.help_visits(&[], before_end(7 * DAY), end()).visitors;
    let expected = bug.counts.current as f64 / visitors as f64;
    assert_eq!(bug.ratios[2], Some(expected));
    assert!(source(&snapshot, "reasons").unwrap().up);
    assert!(desk.calls().iter().all(|(path, _)| path != PRODUCTIVITY));
}

/// Without reports reasons are counted by search, as tickets are.
#[tokio::test]
async fn a_plan_without_reports_counts_reasons_by_search() {
    let desk = Desk::start(|options| options.reports = false).await;
    let text =
        format!("{POPULATIONS}reasons: {{window: 7d, tags: [bug, compte]}}\nwindows: [7d]\n");
    let (config, refresher, published) = started(&desk, &text).await;
    expect(&published.latest(), &[TAGS[0], TAGS[1]], 7);
    assert_eq!(published.failures(), [""; 0]);
    let budget = refresher.sources().tickets.budget(&config);
    assert_eq!(budget.calls_for_reasons, 1 + 2 * 6);
}

/// Reports that leave created tickets out: they are the sum of the series.
#[tokio::test]
async fn what_a_report_leaves_out_is_summed() {
    let desk = Desk::start(|options| {
        options.shape.created_in_current = false;
        options.shape.created_in_previous = false;
    })
    .await;
    let text =
        format!("{POPULATIONS}reasons: {{window: 7d, tags: [bug, compte]}}\nwindows: [7d]\n");
    let (_, _, published) = started(&desk, &text).await;
    expect(&published.latest(), &[TAGS[0], TAGS[1]], 7);
}

/// A reload that counts the same goes on with what was found; one that counts otherwise does not.
#[tokio::test]
async fn a_reload_keeps_reasons_where_they_are_the_same() {
    let desk = Desk::start(|_| {}).await;
    let text = format!("{POPULATIONS}reasons: {{window: 7d, top: 2}}\nwindows: [7d]\n");
    let (config, mut refresher, published) = started(&desk, &text).await;
    let found = published.latest().reasons().cloned();
    let mut same = config.clone();
    same.reasons.as_mut().unwrap().every = Duration::from_hours(2);
    refresher.adopt(reload(&same, refresher.sources()));
    refresher.publish();
    assert_eq!(published.latest().reasons().cloned(), found);

    let other = desk.config(&text.replace("top: 2", "top: 3")).await;
    refresher.adopt(reload(&other, refresher.sources()));
    beside(&mut refresher).await;
    expect(&published.latest(), &ranked()[..3], 7);

    let none = desk.config(POPULATIONS).await;
    refresher.adopt(reload(&none, refresher.sources()));
    beside(&mut refresher).await;
    assert_eq!(published.latest().reasons(), None);
    assert!(source(&published.latest(), "reasons").is_none());
}
