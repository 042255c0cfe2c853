//! Contact rate for Prometheus: tickets handled by support ÷ users (or files submitted).

pub mod config;
pub mod demo;
pub mod domain;
pub mod snapshot;
