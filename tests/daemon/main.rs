//! The program itself, seen from outside: its pages, its log, its exit codes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../common/mod.rs"]
mod common;

mod counting;
mod databases;
mod files;
mod helpdesks;
mod output;
mod packaging;
mod reasons;
mod reload;
mod secrets;
mod self_service;
mod start;
mod stop;
mod storms;
mod upstream_tls;
mod web;
