//! The client's own metrics.

use prometheus::Registry;

use crate::sources::calls::telemetry::{self, Families};

const FAMILIES: Families = Families {
    requests: (
        "contact_helpscout_requests_total",
        "Requests sent to Help Scout in the background, retries included, by endpoint and HTTP \
         status; code \"error\" where no answer came.",
    ),
    duration: (
        "contact_helpscout_request_duration_seconds",
        "Time from sending a request to Help Scout to the end of its answer, each try by itself, \
         waits for the rate limit left out.",
    ),
    limit: (
        "contact_helpscout_rate_limit_requests",
        "Requests a minute that Help Scout grants the whole account. From the \
         X-RateLimit-Limit-Minute header of the last answer; read in the background.",
    ),
    remaining: (
        "contact_helpscout_rate_limit_remaining_requests",
        "Requests left to the whole Help Scout account in its current minute. From the \
         X-RateLimit-Remaining-Minute header of the last answer; read in the background.",
    ),
    by_endpoint: true,
};

/// Counters and gauges of the client. Clones share their values, so that they survive a reload:
/// hand a clone to each new client.
#[derive(Clone, Debug)]
pub struct Telemetry(pub(super) telemetry::Telemetry);

impl Telemetry {
    /// New families, not registered yet.
    pub fn new() -> Result<Self, prometheus::Error> {
        telemetry::Telemetry::new(&FAMILIES).map(Self)
    }

    /// Adds the families to `registry`.
    pub fn register(&self, registry: &Registry) -> Result<(), prometheus::Error> {
        self.0.register(registry)
    }

    /// Takes all series away: no Help Scout is asked any more.
    pub fn reset(&self) {
        self.0.reset();
    }
}
