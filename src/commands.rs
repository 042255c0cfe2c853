//! The commands beside the daemon: each reads the sources of a configuration and tells.
//!
//! | module | holds |
//! | --- | --- |
//! | [`backfill`] | past windows as a file for Prometheus |
//! | [`check`] | every source read once |
//! | [`forecast`] | the weeks to come |
//! | [`report`] | the contact rate by calendar month |
//! | `output` | where results go: a file, whole or not at all, or standard output |
//! | `progress` | what people see of how far a command is |

pub mod backfill;
pub mod check;
pub mod forecast;
pub mod report;

mod output;
mod progress;
