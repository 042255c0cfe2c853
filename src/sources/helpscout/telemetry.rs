//! The client's own metrics: what was sent, how long it took, what quota is left.

use std::time::Duration;

use prometheus::{GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};
use tokio::time::Instant;

use super::endpoint::Endpoint;

/// Counters and gauges of the client. Clones share their values, so that they survive a reload:
/// hand a clone to each new client.
#[derive(Clone, Debug)]
pub struct Telemetry {
    requests: IntCounterVec,
    duration: HistogramVec,
    // Vectors without labels: such a family is absent until its value is known.
    limit: GaugeVec,
    remaining: GaugeVec,
}

impl Telemetry {
    /// New families, not registered yet.
    pub fn new() -> Result<Self, prometheus::Error> {
        Ok(Self {
            requests: IntCounterVec::new(
                Opts::new(
                    "contact_helpscout_requests_total",
                    "Requests sent to Help Scout in the background, retries included, by endpoint \
                     and HTTP status; code \"error\" where no answer came.",
                ),
                &["endpoint", "code"],
            )?,
            duration: HistogramVec::new(
                HistogramOpts::new(
                    "contact_helpscout_request_duration_seconds",
                    "Time from sending a request to Help Scout to the end of its answer, each try \
                     by itself, waits for the rate limit left out.",
                )
                .buckets(vec![0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0]),
                &["endpoint"],
            )?,
            limit: GaugeVec::new(
                Opts::new(
                    "contact_helpscout_rate_limit_requests",
                    "Requests a minute that Help Scout grants the whole account. From the \
                     X-RateLimit-Limit-Minute header of the last answer; read in the background.",
                ),
                &[],
            )?,
            remaining: GaugeVec::new(
                Opts::new(
                    "contact_helpscout_rate_limit_remaining_requests",
                    "Requests left to the whole Help Scout account in its current minute. From the \
                     X-RateLimit-Remaining-Minute header of the last answer; read in the background.",
                ),
                &[],
            )?,
        })
    }

    /// Adds the families to `registry`.
    pub fn register(&self, registry: &Registry) -> Result<(), prometheus::Error> {
        registry.register(Box::new(self.requests.clone()))?;
        registry.register(Box::new(self.duration.clone()))?;
        registry.register(Box::new(self.limit.clone()))?;
        registry.register(Box::new(self.remaining.clone()))
    }

    /// A request that leaves now.
    pub(super) fn sending(&self, endpoint: Endpoint) -> Sending<'_> {
        Sending {
            telemetry: self,
            endpoint,
            since: Instant::now(),
            status: None,
        }
    }

    /// What the last answer's headers say, where they say it.
    pub(super) fn quota(&self, limit: Option<u32>, remaining: Option<u32>) {
        const NO_LABELS: [&str; 0] = [];
        if let Some(limit) = limit {
            self.limit.with_label_values(&NO_LABELS).set(limit.into());
        }
        if let Some(remaining) = remaining {
            self.remaining
                .with_label_values(&NO_LABELS)
                .set(remaining.into());
        }
    }
}

/// A request under way. Counted when dropped, so that one nobody waits for any more is counted too.
#[derive(Debug)]
pub(super) struct Sending<'a> {
    telemetry: &'a Telemetry,
    endpoint: Endpoint,
    since: Instant,
    status: Option<u16>,
}

impl Sending<'_> {
    /// There is an answer.
    pub(super) fn answered(&mut self, status: u16) {
        self.status = Some(status);
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        let code = self.status.map(|status| status.to_string());
        let endpoint = self.endpoint.name();
        self.telemetry
            .requests
            .with_label_values(&[endpoint, code.as_deref().unwrap_or("error")])
            .inc();
        self.telemetry
            .duration
            .with_label_values(&[endpoint])
            .observe(self.elapsed().as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(registry: &Registry) -> String {
        prometheus::TextEncoder::new()
            .encode_to_string(&registry.gather())
            .unwrap()
    }

    #[test]
    fn the_quota_is_absent_until_known() {
        let telemetry = Telemetry::new().unwrap();
        let registry = Registry::new();
        telemetry.register(&registry).unwrap();
        assert_eq!(text(&registry), "");
        telemetry.clone().quota(Some(400), Some(0));
        let known = text(&registry);
        assert!(known.contains("\ncontact_helpscout_rate_limit_requests 400\n"));
        assert!(known.contains("\ncontact_helpscout_rate_limit_remaining_requests 0\n"));
        telemetry.quota(None, None);
        assert_eq!(
            text(&registry),
            known,
            "an answer that says nothing changes nothing"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_counted_answered_or_not() {
        let telemetry = Telemetry::new().unwrap();
        let registry = Registry::new();
        telemetry.register(&registry).unwrap();
        let mut answered = telemetry.sending(Endpoint::Tags);
        tokio::time::advance(Duration::from_secs(2)).await;
        answered.answered(503);
        drop(answered);
        let abandoned = telemetry.sending(Endpoint::Tags);
        tokio::time::advance(Duration::from_secs(40)).await;
        drop(abandoned);
        let text = text(&registry);
        for line in [
            r#"contact_helpscout_requests_total{code="503",endpoint="tags"} 1"#,
            r#"contact_helpscout_requests_total{code="error",endpoint="tags"} 1"#,
            r#"contact_helpscout_request_duration_seconds_bucket{endpoint="tags",le="2.5"} 1"#,
            r#"contact_helpscout_request_duration_seconds_count{endpoint="tags"} 2"#,
        ] {
            assert!(text.lines().any(|given| given == line), "{line}\n{text}");
        }
    }
}
