//! The report on the help centre.

use contact_rate_exporter::demo::story::HELP_SITES;
use serde_json::Value;

use super::desk::{HelpDesk, days, now, previous_range, range};

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    keys
}

/// Those of the official sample, words that people searched for included.
#[tokio::test]
async fn docs_have_the_documented_keys() {
    let desk = HelpDesk::start(|_| {}).await;
    let sample: Value =
        serde_json::from_str(include_str!("../../fixtures/help-scout/docs.json")).unwrap();
    let report = desk
        .get(&format!("reports/docs?{}", range(now() - days(7), now())))
        .await;
    assert_eq!(keys(&report["current"]), keys(&sample["current"]));
    let two = desk
        .get(&format!(
            "reports/docs?{}&{}",
            range(now() - days(7), now()),
            previous_range(now() - days(14), now() - days(7))
        ))
        .await;
    assert_eq!(keys(&two["previous"]), keys(&sample["current"]));
    assert_eq!(keys(&two["deltas"]), keys(&sample["deltas"]));
    let searches = two["failedSearches"].as_array().unwrap();
    assert_eq!(keys(&searches[0]), keys(&sample["failedSearches"][0]));
    assert!(searches[0]["id"].as_str().unwrap().contains('@'));
    assert_eq!(
        keys(&two["topArticles"][0]),
        keys(&sample["topArticles"][0])
    );
    desk.stop().await;
}

#[tokio::test]
async fn docs_filter_by_site_and_shares_make_a_whole() {
    let desk = HelpDesk::start(|_| {}).await;
    let path = |more: &str| format!("reports/docs?{}{more}", range(now() - days(28), now()));
    let [first, second] = HELP_SITES.map(|(id, _)| id);
    let visitors = |report: &Value| report["current"]["visitors"].as_u64().unwrap();
    let all = desk.get(&path("")).await;
    let one = desk.get(&path(&format!("&sites={first}"))).await;
    let other = desk.get(&path(&format!("&sites={second}"))).await;
    let both = desk.get(&path(&format!("&sites={first},{second}"))).await;
    assert_eq!(visitors(&all), visitors(&one) + visitors(&other));
    assert_eq!(visitors(&all), visitors(&both));
    let sum = |names: &[&str]| -> f64 {
        let current = &all["current"];
        names
            .iter()
            .map(|name| current[*name].as_f64().unwrap())
            .sum()
    };
    for names in [
        &["browseAction", "searchAction"][..],
        &["foundAnAnswerResult", "failedResult", "sentAnEmailResult"],
    ] {
        assert!((sum(names) - 100.0).abs() < 1e-9);
    }
    assert_eq!(desk.complaints(&path("&sites=nowhere")).await, ["sites"]);
    assert_eq!(
        desk.complaints(&path("&mailboxes=125926")).await,
        ["mailboxes"]
    );
    desk.stop().await;
}
