//! Past windows: what the file holds, what it costs, and what happens when something goes wrong.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../common/exporter.rs"]
mod exporter;
#[path = "../common/server.rs"]
mod server;
#[path = "../text_parser/mod.rs"]
mod text_parser;

mod agreement;
mod command;
mod history;
mod truth;
mod world;
