//! The exporter's metrics about itself that no snapshot holds.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use prometheus::{
    GaugeVec, IntCounterVec, IntGaugeVec, Opts, Registry, process_collector::ProcessCollector,
};

use super::{
    catalogue::{self, Family},
    series::unix_seconds,
};
use crate::{
    domain::{Reason, Source},
    snapshot::SourceState,
};

/// The version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The git revision it was built from, or `unknown`.
pub const REVISION: &str = env!("BUILD_REVISION");
/// The version of the compiler that built it, or `unknown`.
pub const RUSTC: &str = env!("BUILD_RUSTC");

/// Counters and gauges about the exporter. Clones share them.
///
/// What is about the configuration is absent until [`SelfMetrics::config_loaded`] or
/// [`SelfMetrics::config_refused`] is first called.
#[derive(Clone, Debug)]
pub struct SelfMetrics {
    source_failures: IntCounterVec,
    /// The sources whose failures are shown.
    shown: Arc<Mutex<BTreeSet<Source>>>,
    config_hash: IntGaugeVec,
    reload_successful: IntGaugeVec,
    reload_success_timestamp: GaugeVec,
    web_config_successful: IntGaugeVec,
}

impl SelfMetrics {
    /// Registers them, the build information and the process collector.
    ///
    /// Fails when `registry` holds one of these families already.
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let int_gauge = |family: &Family| IntGaugeVec::new(options(family), family.labels);
        let build_info = int_gauge(&catalogue::EXPORTER_BUILD_INFO)?;
        build_info
            .with_label_values(&[VERSION, REVISION, RUSTC])
            .set(1);
        let failures = &catalogue::SOURCE_FAILURES_TOTAL;
        let timestamp = &catalogue::EXPORTER_CONFIG_LAST_RELOAD_SUCCESS_TIMESTAMP_SECONDS;
        let metrics = Self {
            source_failures: IntCounterVec::new(options(failures), failures.labels)?,
            shown: Arc::default(),
            config_hash: int_gauge(&catalogue::EXPORTER_CONFIG_HASH)?,
            reload_successful: int_gauge(&catalogue::EXPORTER_CONFIG_LAST_RELOAD_SUCCESSFUL)?,
            reload_success_timestamp: GaugeVec::new(options(timestamp), timestamp.labels)?,
            web_config_successful: int_gauge(
                &catalogue::EXPORTER_WEB_CONFIG_LAST_RELOAD_SUCCESSFUL,
            )?,
        };
        registry.register(Box::new(build_info))?;
        registry.register(Box::new(metrics.source_failures.clone()))?;
        registry.register(Box::new(metrics.config_hash.clone()))?;
        registry.register(Box::new(metrics.reload_successful.clone()))?;
        registry.register(Box::new(metrics.reload_success_timestamp.clone()))?;
        registry.register(Box::new(metrics.web_config_successful.clone()))?;
        registry.register(Box::new(ProcessCollector::for_self()))?;
        Ok(metrics)
    }

    /// Shows the failures of the sources that exist now, 0 for each reason that has not occurred, and
    /// forgets all others.
    pub fn show(&self, sources: &[SourceState]) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let now: BTreeSet<Source> = sources.iter().map(|state| state.source.clone()).collect();
        for gone in shown.difference(&now) {
            for reason in Reason::ALL {
                // An error says that there was none.
                let _ = self
                    .source_failures
                    .remove_label_values(&[gone.name(), reason.name()]);
            }
        }
        for state in sources {
            for (reason, total) in state.failures.iter() {
                let counter = self
                    .source_failures
                    .with_label_values(&[state.source.name(), reason.name()]);
                if counter.get() > total {
                    counter.reset();
                }
                counter.inc_by(total - counter.get());
            }
        }
        *shown = now;
    }

    /// Notes that the configuration with this hash came into force at `now`. Of the hash, the lower
    /// 48 bits are shown: a Prometheus number holds no more than 53.
    pub fn config_loaded(&self, hash: u64, now: Timestamp) {
        let none: [&str; 0] = [];
        let shown = i64::try_from(hash & 0xffff_ffff_ffff).unwrap_or_default();
        self.config_hash.with_label_values(&none).set(shown);
        self.reload_successful.with_label_values(&none).set(1);
        self.reload_success_timestamp
            .with_label_values(&none)
            .set(unix_seconds(now));
    }

    /// Notes whether the web config could be used when it was last read.
    pub fn web_config_loaded(&self, successful: bool) {
        let none: [&str; 0] = [];
        self.web_config_successful
            .with_label_values(&none)
            .set(i64::from(successful));
    }

    /// Notes that a configuration was refused, and the one before stays in force.
    pub fn config_refused(&self) {
        let none: [&str; 0] = [];
        self.reload_successful.with_label_values(&none).set(0);
    }
}

fn options(family: &Family) -> Opts {
    Opts::new(family.name.to_string(), family.help.to_string())
}

#[cfg(test)]
mod tests {
    use prometheus::proto::MetricFamily;

    use super::*;

    fn families(registry: &Registry) -> Vec<MetricFamily> {
        registry.gather()
    }

    fn failures(registry: &Registry) -> Vec<(String, f64)> {
        families(registry)
            .iter()
            .filter(|family| family.name() == "contact_source_failures_total")
            .flat_map(MetricFamily::get_metric)
            .map(|metric| {
                let labels: Vec<&str> = metric
                    .get_label()
                    .iter()
                    .map(prometheus::proto::LabelPair::value)
                    .collect();
                (labels.join(" "), metric.get_counter().get_value())
            })
            .collect()
    }

    #[test]
    fn every_reason_is_there_from_the_start() {
        let registry = Registry::new();
        let metrics = SelfMetrics::register(&registry).unwrap();
        assert!(failures(&registry).is_empty());
        let mut state = SourceState::unread(Source::Population("users".to_owned()));
        metrics.show(&[state.clone()]);
        assert_eq!(failures(&registry).len(), Reason::ALL.len());
        assert!(failures(&registry).iter().all(|(_, count)| *count == 0.0));
        let counted = |count| ("query users".to_owned(), count);
        for count in [1.0, 2.0] {
            state.failures.add(Reason::Query);
            metrics.clone().show(&[state.clone()]);
            metrics.show(&[state.clone()]);
            assert!(failures(&registry).contains(&counted(count)));
        }
        // A source of that name that is another one.
        metrics.show(&[SourceState::unread(state.source.clone())]);
        assert!(failures(&registry).contains(&counted(0.0)));
        metrics.show(&[]);
        assert!(failures(&registry).is_empty());
    }

    #[test]
    fn the_configuration_is_unknown_until_it_is_told() {
        let registry = Registry::new();
        let metrics = SelfMetrics::register(&registry).unwrap();
        let gauge = |name: &str| {
            families(&registry)
                .iter()
                .find(|family| family.name() == name)
                .map(|family| family.get_metric()[0].get_gauge().get_value())
        };
        let successful = "contact_exporter_config_last_reload_successful";
        let instant = "contact_exporter_config_last_reload_success_timestamp_seconds";
        assert_eq!((gauge(successful), gauge(instant)), (None, None));
        metrics.config_loaded(u64::MAX, Timestamp::from_second(90).unwrap());
        assert_eq!((gauge(successful), gauge(instant)), (Some(1.0), Some(90.0)));
        let largest = 281_474_976_710_655.0;
        assert_eq!(gauge("contact_exporter_config_hash"), Some(largest));
        metrics.config_refused();
        assert_eq!((gauge(successful), gauge(instant)), (Some(0.0), Some(90.0)));
    }

    #[test]
    fn a_registry_takes_them_once() {
        let registry = Registry::new();
        SelfMetrics::register(&registry).unwrap();
        assert!(SelfMetrics::register(&registry).is_err());
    }

    #[test]
    fn the_build_is_known() {
        assert!(VERSION.starts_with(|c: char| c.is_ascii_digit()));
        assert!(RUSTC.starts_with(|c: char| c.is_ascii_digit()));
        assert!(REVISION == "unknown" || REVISION.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
}
