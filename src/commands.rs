//! The commands beside the daemon: each does one thing, tells, and ends.
//!
//! | module | holds |
//! | --- | --- |
//! | [`backfill`] | past windows as a file for Prometheus |
//! | [`check`] | every source read once |
//! | [`generate`] | shell completions and man pages |
//! | [`healthy`] | a running exporter asked whether it serves |
//! | [`report`] | the contact rate by calendar month |
//! | `output` | where results go: a file, whole or not at all, or standard output |
//! | `progress` | what people see of how far a command is |

pub mod backfill;
pub mod check;
pub mod generate;
pub mod healthy;
pub mod report;

mod output;
mod progress;
