//! Contact rate for Prometheus: tickets handled by support ÷ users (or files submitted).

pub mod config;
pub mod demo;
pub mod domain;
pub mod exposition;
pub mod helpscout;
pub mod population;
pub mod snapshot;
pub mod transport;
pub mod web;
