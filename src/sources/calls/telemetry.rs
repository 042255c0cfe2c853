//! The metrics of a client: what was sent, how long it took, what quota is left.

use std::time::Duration;

use prometheus::{GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};
use tokio::time::Instant;

/// Name and HELP of one family.
pub type Family = (&'static str, &'static str);

/// What the families of one client are called, and what their HELP says.
#[derive(Clone, Copy, Debug)]
pub struct Families {
    /// Requests by `code`, and by `endpoint` where there are several.
    pub requests: Family,
    /// Seconds of each try.
    pub duration: Family,
    /// What the account is granted.
    pub limit: Family,
    /// What is left of it.
    pub remaining: Family,
    /// Whether requests are told apart by the label `endpoint`.
    pub by_endpoint: bool,
}

/// Counters and gauges of a client. Clones share their values, so that they survive a reload: hand a
/// clone to each new client.
#[derive(Clone, Debug)]
pub struct Telemetry {
    by_endpoint: bool,
    requests: IntCounterVec,
    duration: HistogramVec,
    // Vectors without labels: such a family is absent until its value is known.
    limit: GaugeVec,
    remaining: GaugeVec,
}

impl Telemetry {
    /// New families, not registered yet.
    pub fn new(families: &Families) -> Result<Self, prometheus::Error> {
        let opts = |(name, help): Family| Opts::new(name, help);
        let (duration_name, duration_help) = families.duration;
        let duration = HistogramOpts::new(duration_name, duration_help)
            .buckets(vec![0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0]);
        let (requests_by, duration_by): (&[&str], &[&str]) = if families.by_endpoint {
            (&["endpoint", "code"], &["endpoint"])
        } else {
            (&["code"], &[])
        };
        Ok(Self {
            by_endpoint: families.by_endpoint,
            requests: IntCounterVec::new(opts(families.requests), requests_by)?,
            duration: HistogramVec::new(duration, duration_by)?,
            limit: GaugeVec::new(opts(families.limit), &[])?,
            remaining: GaugeVec::new(opts(families.remaining), &[])?,
        })
    }

    /// Adds the families to `registry`.
    pub fn register(&self, registry: &Registry) -> Result<(), prometheus::Error> {
        registry.register(Box::new(self.requests.clone()))?;
        registry.register(Box::new(self.duration.clone()))?;
        registry.register(Box::new(self.limit.clone()))?;
        registry.register(Box::new(self.remaining.clone()))
    }

    /// Takes all series away: the client is not in use any more.
    pub fn reset(&self) {
        self.requests.reset();
        self.duration.reset();
        self.limit.reset();
        self.remaining.reset();
    }

    /// A request to `endpoint` that leaves now.
    pub fn sending(&self, endpoint: &'static str) -> Sending<'_> {
        Sending {
            telemetry: self,
            endpoint,
            since: Instant::now(),
            status: None,
        }
    }

    /// What the last answer's headers say, where they say it.
    pub fn quota(&self, limit: Option<u32>, remaining: Option<u32>) {
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
pub struct Sending<'a> {
    telemetry: &'a Telemetry,
    endpoint: &'static str,
    since: Instant,
    status: Option<u16>,
}

impl Sending<'_> {
    /// There is an answer.
    pub fn answered(&mut self, status: u16) {
        self.status = Some(status);
    }

    /// Since it left.
    pub fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        let code = self.status.map(|status| status.to_string());
        let code = code.as_deref().unwrap_or("error");
        let labels = [self.endpoint, code];
        let (requests_by, duration_by): (&[&str], &[&str]) = if self.telemetry.by_endpoint {
            (&labels, &labels[..1])
        } else {
            (&labels[1..], &[])
        };
        let telemetry = self.telemetry;
        telemetry.requests.with_label_values(requests_by).inc();
        telemetry
            .duration
            .with_label_values(duration_by)
            .observe(self.elapsed().as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn families(by_endpoint: bool) -> Families {
        Families {
            requests: ("desk_requests_total", "Requests."),
            duration: ("desk_request_duration_seconds", "Time."),
            limit: ("desk_rate_limit_requests", "Granted."),
            remaining: ("desk_rate_limit_remaining_requests", "Left."),
            by_endpoint,
        }
    }

    fn telemetry(by_endpoint: bool) -> (Telemetry, Registry) {
        let telemetry = Telemetry::new(&families(by_endpoint)).unwrap();
        let registry = Registry::new();
        telemetry.register(&registry).unwrap();
        (telemetry, registry)
    }

    fn text(registry: &Registry) -> String {
        prometheus::TextEncoder::new()
            .encode_to_string(&registry.gather())
            .unwrap()
    }

    #[test]
    fn the_quota_is_absent_until_known() {
        let (telemetry, registry) = telemetry(true);
        assert_eq!(text(&registry), "");
        telemetry.clone().quota(Some(400), Some(0));
        let known = text(&registry);
        assert!(known.contains("\ndesk_rate_limit_requests 400\n"));
        assert!(known.contains("\ndesk_rate_limit_remaining_requests 0\n"));
        telemetry.quota(None, None);
        assert_eq!(
            text(&registry),
            known,
            "an answer that says nothing changes nothing"
        );
        telemetry.reset();
        assert_eq!(text(&registry), "");
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_counted_answered_or_not() {
        let send = async |telemetry: &Telemetry| {
            let mut answered = telemetry.sending("tags");
            tokio::time::advance(Duration::from_secs(2)).await;
            answered.answered(503);
            drop(answered);
            let abandoned = telemetry.sending("tags");
            tokio::time::advance(Duration::from_secs(40)).await;
            drop(abandoned);
        };
        let (by_endpoint, registry) = telemetry(true);
        send(&by_endpoint).await;
        let (alone, alone_registry) = telemetry(false);
        send(&alone).await;
        for (text, lines) in [
            (
                text(&registry),
                [
                    r#"desk_requests_total{code="503",endpoint="tags"} 1"#,
                    r#"desk_requests_total{code="error",endpoint="tags"} 1"#,
                    r#"desk_request_duration_seconds_bucket{endpoint="tags",le="2.5"} 1"#,
                    r#"desk_request_duration_seconds_count{endpoint="tags"} 2"#,
                ],
            ),
            (
                text(&alone_registry),
                [
                    r#"desk_requests_total{code="503"} 1"#,
                    r#"desk_requests_total{code="error"} 1"#,
                    r#"desk_request_duration_seconds_bucket{le="2.5"} 1"#,
                    "desk_request_duration_seconds_count 2",
                ],
            ),
        ] {
            for line in lines {
                assert!(text.lines().any(|given| given == line), "{line}\n{text}");
            }
        }
    }
}
