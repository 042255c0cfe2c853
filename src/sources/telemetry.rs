//! The metrics of the clients that make calls, of which one is in use at a time.

use prometheus::Registry;

use super::{calls, helpscout, http_desk};

/// The metrics of every client that makes calls. Clones share their values.
#[derive(Clone, Debug)]
pub struct Telemetry {
    /// Of Help Scout's.
    pub helpscout: helpscout::Telemetry,
    /// Of an endpoint that counts.
    pub http: calls::telemetry::Telemetry,
}

impl Telemetry {
    /// New families, not registered yet.
    pub fn new() -> Result<Self, prometheus::Error> {
        Ok(Self {
            helpscout: helpscout::Telemetry::new()?,
            http: calls::telemetry::Telemetry::new(&http_desk::FAMILIES)?,
        })
    }

    /// Adds the families to `registry`.
    pub fn register(&self, registry: &Registry) -> Result<(), prometheus::Error> {
        self.helpscout.register(registry)?;
        self.http.register(registry)
    }

    /// Takes all series away: another kind of desk is asked from now on.
    pub fn reset(&self) {
        self.helpscout.reset();
        self.http.reset();
    }
}
