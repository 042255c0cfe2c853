//! The library, driven through its public items.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../common/mod.rs"]
mod common;

mod any_input;
mod config;
mod count;
mod docs;
mod exposition;
mod helpdesks;
mod helpscout;
mod layering;
mod refresh;
mod simulator;
mod web;
