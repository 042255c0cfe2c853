//! The commands that end by themselves, and the demo, run as an operator would.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../common/mod.rs"]
mod common;

mod backfill;
mod check;
mod demo;
mod generate;
mod healthy;
mod report;
mod sql_desk;
