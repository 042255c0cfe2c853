//! Contact rate for Prometheus: tickets handled by support ÷ users, or ÷ files submitted.
//!
//! Data flows one way:
//!
//! ```text
//! sources ─▶ refresh ─▶ snapshot ─▶ exposition ─▶ web
//!               ▲
//!            domain (windows, counts, rates, bounds, p-values)
//! ```
//!
//! On an interval [`refresh`] asks every one of [`sources`] for one and the same `end`, assesses
//! the rates with the formulas of [`domain`], and publishes one immutable [`snapshot`].
//! [`exposition`] draws `/metrics` and the landing page from it, and [`web`] serves them. A scrape
//! never makes an upstream call.
//!
//! | module | holds |
//! | --- | --- |
//! | [`app`] | the composition root: build, run, reload, stop |
//! | [`chain`] | an error and its causes on one line |
//! | [`cli`] | the command line and its help |
//! | [`commands`] | what runs once and tells: check, report, backfill, healthy, generate |
//! | [`config`] | the validated configuration |
//! | [`demo`] | a simulated Help Scout and database |
//! | [`domain`] | what is known about contact rates; pure |
//! | [`exposition`] | names, types and texts of the metrics, rendered pages |
//! | [`log`] | log output |
//! | [`refresh`] | the loop, and what happens when a source fails |
//! | [`signals`] | SIGTERM, SIGINT, SIGHUP |
//! | [`snapshot`] | the result of a refresh |
//! | [`sources`] | where numbers come from: help desks, databases, endpoints |
//! | [`web`] | the HTTP server |
//!
//! `tests/library/layering.rs` holds which module may name which.

pub mod app;
pub mod chain;
pub mod cli;
pub mod commands;
pub mod config;
pub mod demo;
pub mod domain;
pub mod exposition;
pub mod log;
pub mod refresh;
pub mod signals;
pub mod snapshot;
pub mod sources;
pub mod web;
