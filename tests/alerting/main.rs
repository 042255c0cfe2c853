//! The shipped dashboards and rules on real servers: the demo, a Prometheus that scrapes it, an
//! Alertmanager, and a webhook that it tells.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../common/alertmanager.rs"]
mod alertmanager;
#[path = "../common/exporter.rs"]
mod exporter;
#[path = "../common/prometheus.rs"]
mod prometheus;
#[path = "../common/server.rs"]
mod server;

mod dashboards;
mod incident;
mod shipped;
mod silence;
mod stand;
mod webhook;
