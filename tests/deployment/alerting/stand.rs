//! Everything that one scenario needs, running.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{shipped, webhook::Webhook};
use crate::common::{alertmanager::Alertmanager, exporter::Exporter, prometheus::Prometheus};

/// How long anything that must happen may take: the demo reads its sources every 30 s, and some
/// panels need two readings.
const PATIENCE: Duration = Duration::from_mins(2);

const PAUSE: Duration = Duration::from_millis(100);

/// The group of rules that judge numbers of the help desk; the other judges the exporter.
const RATES: &str = "contact-rate";

pub struct Stand {
    pub prometheus: Prometheus,
    pub webhook: Webhook,
    exporter: Exporter,
    _alertmanager: Alertmanager,
}

impl Stand {
    /// Starts all for a scenario, and waits until rules were evaluated on its rates.
    pub async fn start(scenario: &str) -> Self {
        let exporter = Exporter::start(&["demo", &format!("--scenario={scenario}")], &[]);
        let webhook = Webhook::start().await;
        let alertmanager = Alertmanager::start(&shipped::alertmanager(&webhook.authority())).await;
        exporter.ready().await;
        let files = shipped::prometheus(exporter.address(), &alertmanager.authority());
        let prometheus = Prometheus::with_files(&files).await;
        let stand = Self {
            prometheus,
            webhook,
            exporter,
            _alertmanager: alertmanager,
        };
        stand
            .until("a recorded p-value", async || {
                let recorded = r#"job:contact_rate_rise_p_value:max{window="7d"}"#;
                let found = stand.prometheus.instant(recorded).await;
                (found.len() == 2).then_some(())
            })
            .await;
        stand
    }

    /// Asks again and again until there is an answer.
    pub async fn until<T>(&self, what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            assert!(
                Instant::now() < deadline,
                "no {what}:\n{}",
                self.exporter.output()
            );
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The rules on rates.
    pub async fn rate_rules(&self) -> Vec<Value> {
        let group = self.rate_group().await;
        group["rules"].as_array().unwrap().clone()
    }

    /// Waits until the rules on rates have been evaluated `times` times more.
    pub async fn evaluations(&self, times: usize) {
        let mut seen = BTreeSet::from([self.last_evaluation().await]);
        self.until("evaluation", async || {
            seen.insert(self.last_evaluation().await);
            (seen.len() > times).then_some(())
        })
        .await;
    }

    async fn last_evaluation(&self) -> String {
        let group = self.rate_group().await;
        group["lastEvaluation"].as_str().unwrap().to_owned()
    }

    async fn rate_group(&self) -> Value {
        let groups = self.prometheus.rule_groups().await;
        groups
            .into_iter()
            .find(|group| group["name"] == RATES)
            .unwrap()
    }

    /// Ends the demo in good order, so that it removes its files.
    pub fn end(self) {
        self.exporter.signal("TERM");
        let ended = self.exporter.ended();
        assert_eq!(ended.code, Some(0), "{}", ended.output);
    }
}
