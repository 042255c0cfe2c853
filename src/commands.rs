//! The commands beside the daemon: each reads the sources of a configuration and tells.
//!
//! | module | holds |
//! | --- | --- |
//! | [`backfill`] | past windows as a file for Prometheus |
//! | [`check`] | every source read once |
//! | [`report`] | the contact rate by calendar month |

pub mod backfill;
pub mod check;
pub mod report;
