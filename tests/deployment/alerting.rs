//! The shipped dashboards and rules on real servers: the demo, a Prometheus that scrapes it, an
//! Alertmanager, and a webhook that it tells.

mod dashboards;
mod incident;
mod shipped;
mod silence;
mod stand;
mod webhook;
