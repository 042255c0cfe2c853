//! The program itself, seen from outside: its pages, its log, its exit codes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "common/exporter.rs"]
mod exporter;
#[path = "common/mariadb.rs"]
mod mariadb;
#[path = "common/postgres.rs"]
mod postgres;
#[path = "common/server.rs"]
mod server;
#[path = "common/upstream.rs"]
mod upstream;

#[path = "daemon/check.rs"]
mod check;
#[path = "daemon/databases.rs"]
mod databases;
#[path = "daemon/demo.rs"]
mod demo;
#[path = "daemon/desk.rs"]
mod desk;
#[path = "daemon/files.rs"]
mod files;
#[path = "daemon/output.rs"]
mod output;
#[path = "daemon/reasons.rs"]
mod reasons;
#[path = "daemon/reload.rs"]
mod reload;
#[path = "daemon/secrets.rs"]
mod secrets;
#[path = "daemon/start.rs"]
mod start;
#[path = "daemon/stop.rs"]
mod stop;
