//! What an operator deploys around the exporter, on real servers: databases, Prometheus, Alertmanager,
//! the shipped dashboards and rules.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../common/mod.rs"]
mod common;

mod alerting;
mod count;
mod demarches_simplifiees;
mod prometheus;
