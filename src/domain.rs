//! What the exporter knows about contact rates: pure code, no clock, no network.
//!
//! The words and formulas are those of `docs/metrics.md`. Every function takes
//! the instant it works at as an argument.

pub mod assessment;
pub mod bounds;
pub mod calendar;
pub mod change;
mod chi_squared;
pub mod comparison;
pub mod conclusions;
pub mod count;
pub mod days;
pub mod dispersion;
pub mod duration;
pub mod figure;
pub mod forecast;
pub mod help_center;
pub mod rate;
pub mod reasons;
pub mod rise;
pub mod source;
pub mod window;

pub use assessment::{Assessment, Evidence, assess};
pub use bounds::{Bounds, bounds};
pub use calendar::day_bounds;
pub use change::{Change, change};
pub use conclusions::{
    BaselineFrom, Conclusions, Exposed, NoCreated, Question, SegmentReading, WindowConclusions,
    conclude,
};
pub use count::{ContactCounts, Contacts, OpenCount, OpenTickets, Ratings, Tickets};
pub use days::{
    ConfirmedDays, DAYS, DailyCounts, Doubt, confirm, days_before, unchecked_dispersion,
};
pub use dispersion::dispersion;
pub use duration::{DAY_SECONDS, parse_duration};
pub use figure::Figure;
pub use help_center::HelpCenter;
pub use rate::rate;
pub use reasons::{
    ContactReason, ContactReasons, MOST_REASON_CHARACTERS, MOST_REASONS, ReasonCounts, reason_names,
};
pub use rise::{Exposure, rise_p_value};
pub use source::{Reason, Source, SourceFailure};
pub use window::{Baseline, Interval, Window, cut_to_minute, stamp};
