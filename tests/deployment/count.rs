//! One number from a real server.

#![allow(
    clippy::float_cmp,
    clippy::too_many_lines,
    reason = "counts are exact, and a table of cases is long"
)]

mod mariadb;
mod postgres;
mod postgres_faults;
mod postgres_tls;
mod prometheus;
