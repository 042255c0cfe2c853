//! Contact rate for Prometheus: tickets handled by support ÷ users, or ÷ files submitted.
//!
//! Data flow one way:
//!
//! ```text
//! helpscout ─┐
//!            ├─▶ refresh ─▶ snapshot ─▶ exposition ─▶ web
//! population ┘      ▲
//!                domain (windows, rates, bounds, p-values)
//! ```
//!
//! On an interval [`refresh`] asks [`helpscout`] and every [`population`] for one and the same
//! `end`, assesses the rates with the formulas of [`domain`], and publishes one immutable
//! [`snapshot`]. [`exposition`] draws `/metrics` and the landing page from it, and [`web`] serves
//! them. A scrape never makes an upstream call.
//!
//! | module | holds |
//! | --- | --- |
//! | [`app`] | the composition root: build, run, reload, stop |
//! | [`backfill`] | past windows as a file for Prometheus |
//! | [`chain`] | an error and its causes on one line |
//! | [`check`] | the command that reads every source once |
//! | [`cli`] | the command line and its help |
//! | [`config`] | the validated configuration |
//! | [`demo`] | a simulated Help Scout and database |
//! | [`domain`] | what is known about contact rates; pure |
//! | [`exposition`] | names, types and texts of the metrics, rendered pages |
//! | [`helpscout`] | the Help Scout client: token, pace, retries, semantics |
//! | [`log`] | log output |
//! | [`population`] | SQL, HTTP and Prometheus populations |
//! | [`refresh`] | the loop, and what happens when a source fails |
//! | [`report`] | the command that tells the contact rate by calendar month |
//! | [`signals`] | SIGTERM, SIGINT, SIGHUP |
//! | [`snapshot`] | the result of a refresh |
//! | [`transport`] | HTTP clients with bounds |
//! | [`web`] | the HTTP server |
//!
//! `tests/layering.rs` holds which module may name which.

pub mod app;
pub mod backfill;
pub mod chain;
pub mod check;
pub mod cli;
pub mod config;
pub mod demo;
pub mod domain;
pub mod exposition;
pub mod helpscout;
pub mod log;
pub mod population;
pub mod refresh;
pub mod report;
pub mod signals;
pub mod snapshot;
pub mod transport;
pub mod web;
