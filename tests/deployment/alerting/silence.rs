//! Where the contact rate does not rise, nobody is told that it does.

use super::stand::Stand;

/// Several times what an alert of the test needs to fire.
const EVALUATIONS: usize = 12;

async fn stays_silent(scenario: &str) {
    let stand = Stand::start(scenario).await;
    stand.evaluations(EVALUATIONS).await;
    let rules = stand.rate_rules().await;
    let alerts: Vec<&str> = rules
        .iter()
        .filter(|rule| rule["type"] == "alerting")
        .map(|rule| rule["name"].as_str().unwrap())
        .collect();
    assert!(alerts.contains(&"ContactRateRising"), "{alerts:?}");
    // Pending counts: here the conditions themselves do not hold, at any evaluation so far.
    let query = format!(
        "count_over_time(ALERTS{{alertname=~\"{}\"}}[10m])",
        alerts.join("|")
    );
    let raised = stand.prometheus.instant(&query).await;
    assert!(raised.is_empty(), "{scenario}: {raised:?}");
    let told = stand.webhook.alerts("/support");
    assert!(told.is_empty(), "{scenario}: {told:?}");
    stand.end();
}

#[tokio::test]
async fn steady_is_silent() {
    stays_silent("steady").await;
}

#[tokio::test]
async fn growth_is_silent() {
    stays_silent("growth").await;
}

#[tokio::test]
async fn improvement_is_silent() {
    stays_silent("improvement").await;
}
