//! What the exporter knows about contact rates: pure code, no clock, no network.
//!
//! The words and formulas are those of `docs/metrics.md`. Every function takes
//! the instant it works at as an argument.

pub mod count;
pub mod duration;
pub mod rate;
pub mod source;
pub mod window;

pub use count::{ContactCounts, DAYS, DailyCounts, OpenTickets, Ratings, Tickets};
pub use duration::parse_duration;
pub use rate::{Bounds, Change};
pub use source::{Reason, Source};
pub use window::{Baseline, Interval, Window, cut_to_minute};
