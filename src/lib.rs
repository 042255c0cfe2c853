//! Contact rate for Prometheus: tickets handled by support ÷ users (or files submitted).

pub mod config;
pub mod domain;
pub mod helpscout;
pub mod snapshot;
pub mod transport;
