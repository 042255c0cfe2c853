//! Reports and lists agree with the story, and with each other.

use contact_rate_exporter::demo::story::{Filter, MAILBOXES, TAGS};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::desk::{HelpDesk, STORY, days, hours, now, previous_range, range, text};

#[tokio::test]
async fn productivity_agrees_with_the_story_and_with_itself() {
    let desk = HelpDesk::start(|_| {}).await;
    let week = days(7);
    for end in [now(), now() - days(100), now() - hours(24 * 400 + 13)] {
        let (start, earlier) = (end - week, end - week - week);
        let path = |more: &str| format!("reports/productivity?{}{more}", range(start, end));
        let alone = desk.get(&path("")).await;
        let both = desk
            .get(&path(&format!("&{}", previous_range(earlier, start))))
            .await;
        let shifted = desk
            .get(&format!("reports/productivity?{}", range(earlier, start)))
            .await;
        assert_eq!(both["current"], alone["current"]);
        assert_eq!(both["previous"], shifted["current"]);
        assert!(alone.get("previous").is_none() && alone.get("deltas").is_none());
        assert!(both["deltas"]["newConversations"].is_number());

        let truth = STORY.activity(&Filter::default(), start, end);
        let current = &alone["current"];
        assert_eq!(current["newConversations"], truth.created);
        assert_eq!(current["closed"], truth.closed);
        assert_eq!(current["resolved"], truth.resolved.len());
        assert_eq!(current["totalConversations"], truth.resolved.len());
        assert_eq!(current["repliesSent"], truth.replies);
        assert_eq!(current["messagesReceived"], truth.messages);
        assert_eq!(current["createdInHS"], truth.created_by_agents);
        assert!(truth.resolved.len() as u64 <= truth.closed);
        for (block, count) in [
            ("responseTime", truth.response_seconds.len()),
            ("firstResponseTime", truth.first_response_seconds.len()),
            ("handleTime", truth.resolved.len()),
            ("resolutionTime", truth.resolved.len()),
            ("repliesToResolve", truth.resolved.len()),
        ] {
            let ranges = both[block]["ranges"].as_array().unwrap();
            let sum = |key: &str| -> u64 { ranges.iter().map(|r| r[key].as_u64().unwrap()).sum() };
            assert_eq!(both[block]["count"], count);
            assert_eq!(sum("count"), count as u64);
            assert_eq!(both[block]["previousCount"], sum("previousCount"));
            assert!(alone[block]["ranges"][0].get("previousCount").is_none());
        }
    }
    desk.stop().await;
}

#[tokio::test]
async fn productivity_has_the_recorded_keys() {
    fn keys(value: &Value) -> Vec<&String> {
        value.as_object().unwrap().keys().collect()
    }
    let desk = HelpDesk::start(|_| {}).await;
    let recorded: Value = serde_json::from_str(include_str!(
        "../../fixtures/help-scout/productivity-2017-11.json"
    ))
    .unwrap();
    let empty: Value = serde_json::from_str(include_str!(
        "../../fixtures/help-scout/productivity-no-data.json"
    ))
    .unwrap();
    let answer = desk
        .get(&format!(
            "reports/productivity?{}",
            range(now() - days(30), now())
        ))
        .await;
    assert_eq!(keys(&answer), keys(&recorded));
    assert_eq!(keys(&answer["current"]), keys(&recorded["current"]));
    let range_of = |all: &Value, block: &str| keys(&all[block]["ranges"][0]).len();
    for block in ["responseTime", "repliesToResolve"] {
        assert_eq!(range_of(&answer, block), range_of(&recorded, block));
    }
    // Before the launch nothing happened, and the answer has the nulls that were seen then.
    let before = desk
        .get("reports/productivity?start=2015-01-03T00:00:00Z&end=2015-01-03T23:59:59Z")
        .await;
    for (key, value) in empty["current"].as_object().unwrap() {
        if !key.ends_with("Date") {
            assert_eq!(&before["current"][key], value, "{key}");
        }
    }
    desk.stop().await;
}

#[tokio::test]
async fn days_add_up_to_their_window() {
    let desk = HelpDesk::start(|_| {}).await;
    let minute = Timestamp::from_second(now().as_second() / 60 * 60).unwrap();
    let start = minute - days(56);
    for filter in [
        String::new(),
        format!("&mailboxes={},{}", MAILBOXES[0].0, MAILBOXES[2].0),
        format!("&tags={}", TAGS[0].0),
        "&types=chat,phone".to_owned(),
    ] {
        let series = desk
            .get(&format!(
                "reports/conversations/new?viewBy=day&{}{filter}",
                range(start, minute)
            ))
            .await;
        let points = series["current"].as_array().unwrap();
        assert_eq!(points.len(), 56);
        assert!(series.get("previous").is_none());
        let mut sum = 0;
        for (day, point) in (0..).zip(points) {
            assert_eq!(point["start"], text(start + days(day)));
            let count = point["count"].as_u64().unwrap();
            let from = start + days(day);
            assert_eq!(count, desk.created(from, from + days(1), &filter).await);
            sum += count;
        }
        assert_eq!(sum, desk.created(start, minute, &filter).await);
        let messages = desk
            .get(&format!(
                "reports/conversations/received-messages?viewBy=week&{}{filter}",
                range(start, minute)
            ))
            .await;
        let sum: u64 = messages["current"]
            .as_array()
            .unwrap()
            .iter()
            .map(|point| point["messages"].as_u64().unwrap())
            .sum();
        let report = desk
            .get(&format!(
                "reports/productivity?{}{filter}",
                range(start, minute)
            ))
            .await;
        assert_eq!(report["current"]["messagesReceived"], sum);
    }
    desk.stop().await;
}

#[tokio::test]
async fn mailboxes_and_channels_divide_all_tickets() {
    let desk = HelpDesk::start(|_| {}).await;
    let (start, end) = (now() - days(28), now());
    let all = desk.created(start, end, "").await;
    assert!(all > 1_000);
    let mut sum = 0;
    for (id, _) in MAILBOXES {
        sum += desk.created(start, end, &format!("&mailboxes={id}")).await;
    }
    assert_eq!(sum, all);
    let mut sum = 0;
    for channel in ["email", "chat", "phone"] {
        sum += desk.created(start, end, &format!("&types={channel}")).await;
    }
    assert_eq!(sum, all);
    desk.stop().await;
}

#[tokio::test]
async fn the_list_counts_as_the_reports_do() {
    let desk = HelpDesk::start(|_| {}).await;
    let (start, end) = (now() - days(7), now());
    let last = end - SignedDuration::from_secs(1);
    let search = format!("query=(createdAt:[{} TO {}])", text(start), text(last));
    let total = async |more: &str| {
        desk.get(&format!("conversations?{more}")).await["page"]["totalElements"]
            .as_u64()
            .unwrap()
    };
    let mut created = 0;
    for status in ["active", "pending", "closed"] {
        created += total(&format!("status={status}&{search}")).await;
    }
    assert_eq!(created, desk.created(start, end, "").await);
    let spam = total(&format!("status=spam&{search}")).await;
    assert!(spam > 0);
    assert_eq!(total(&format!("status=all&{search}")).await, created + spam);

    let open = STORY.open(&Filter::default(), now());
    assert!(open.active > 0 && open.pending > 0);
    assert_eq!(total("").await, open.active);
    assert_eq!(total("status=pending").await, open.pending);
    assert_eq!(total("status=open").await, open.active + open.pending);
    let bugs = Filter {
        mailboxes: vec![MAILBOXES[0].0],
        tags: vec![TAGS[0].0],
        ..Filter::default()
    };
    assert_eq!(
        total(&format!("tag=bug&mailbox={}", MAILBOXES[0].0)).await,
        STORY.open(&bugs, now()).active
    );
    assert_eq!(
        total("status=all&query=(createdAt:[* TO 2015-01-01T00:00:00Z])").await,
        0
    );
    desk.stop().await;
}

#[tokio::test]
async fn ratings_agree_with_the_story() {
    let desk = HelpDesk::start(|_| {}).await;
    let (start, end) = (now() - days(28), now());
    let answer = desk
        .get(&format!(
            "reports/happiness?{}&{}",
            range(start, end),
            previous_range(start - days(28), start)
        ))
        .await;
    let recorded: Value = serde_json::from_str(include_str!(
        "../../fixtures/help-scout/happiness-with-previous.json"
    ))
    .unwrap();
    for part in ["current", "previous"] {
        let keys = |all: &Value| -> Vec<String> {
            all[part].as_object().unwrap().keys().cloned().collect()
        };
        assert_eq!(keys(&answer), keys(&recorded));
    }
    let truth = STORY.ratings(&Filter::default(), start, end);
    assert!(truth.not_good > 0);
    assert_eq!(answer["current"]["greatCount"], truth.great);
    assert_eq!(answer["current"]["okayCount"], truth.okay);
    assert_eq!(answer["current"]["notGoodCount"], truth.not_good);
    desk.stop().await;
}

#[tokio::test]
async fn the_future_is_not_told() {
    let desk = HelpDesk::start(|_| {}).await;
    let second = SignedDuration::from_secs(1);
    let this_second = Timestamp::from_second(now().as_second()).unwrap();
    let so_far = desk
        .created(now() - days(1), this_second + second, "")
        .await;
    assert_eq!(
        desk.created(now() - days(1), now() + days(1), "").await,
        so_far
    );
    let series = desk
        .get(&format!(
            "reports/conversations/new?viewBy=day&{}",
            range(now() - days(1), now() + days(2))
        ))
        .await;
    let counts: Vec<u64> = series["current"]
        .as_array()
        .unwrap()
        .iter()
        .map(|point| point["count"].as_u64().unwrap())
        .collect();
    assert_eq!(counts.iter().sum::<u64>(), so_far);
    assert_eq!(counts[2], 0);
    desk.stop().await;
}
