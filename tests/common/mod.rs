//! What several test programs use: real servers, scripted ones, the program itself, readers of its
//! pages.

#![allow(dead_code, reason = "each test program uses a part of it")]

pub mod alertmanager;
pub mod certificates;
pub mod desk;
pub mod example_snapshot;
pub mod exporter;
pub mod http;
pub mod itself;
pub mod log;
pub mod mariadb;
pub mod populations;
pub mod postgres;
pub mod prometheus;
pub mod server;
pub mod site;
pub mod story;
pub mod text_parser;
pub mod upstream;
pub mod web_certificates;
