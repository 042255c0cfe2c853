//! The web server: paths, limits, passwords, TLS, and what a supervisor is told.

mod config;
mod limits;
mod paths;
mod policy;
mod systemd;
mod tls;
