//! What a query compares with its placeholders, and whether that is defined.
//!
//! SQLite orders every number before every text, and texts by their letters; MySQL takes the number
//! 1767225600 for a date that is none. Neither says a word, and the count is 0, or everything. So the
//! query is read as far as it takes to know what stands beside a placeholder, and the database is
//! asked for a sample of it: its types, and whether anything of it lies between two instants that are
//! far apart. What cannot be read, or sampled, is not judged.

mod judge;
mod named;
mod reading;

use jiff::{SignedDuration, Timestamp};

use super::Shape;
use crate::{
    config::{Bound, Form, Template},
    domain::Interval,
};

pub(super) use judge::judge;
pub(super) use reading::{of, read};

/// Rows of a sample.
const ROWS: usize = 100;

/// What a sample gives: the value, the placeholder's side at both ends of [`anywhere`], and whether
/// the value is not before the one, and before the other.
pub(super) const SAMPLE: Shape = Shape {
    columns: 5,
    rows: ROWS,
};

/// 1980-01-01 in seconds since 1970.
const EARLY: i64 = 315_532_800;
/// 2200-01-01 in seconds since 1970.
const LATE: i64 = 7_258_118_400;

/// Something that is compared with something that a placeholder is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Comparison {
    /// The column as the query writes it, or what stands for an expression.
    about: String,
    /// The placeholder, if it stands alone on its side.
    bare: Option<Form>,
    /// Nothing is compared: an instant is reckoned with as with a number.
    is_arithmetic: bool,
    /// Queries that give a sample, for one `FROM` after the other: in the first that the database
    /// understands it is at home. Each of a `FROM` gives other rows.
    samples: Vec<Vec<Template>>,
}

impl Comparison {
    pub(super) fn samples(&self) -> &[Vec<Template>] {
        &self.samples
    }
}

/// An interval that every time that an application writes lies in: `[1980, 2200)`.
pub(super) fn anywhere() -> Interval {
    let at = |seconds| Timestamp::from_second(seconds).unwrap_or_default();
    Interval::ending_at(at(LATE), SignedDuration::from_secs(LATE - EARLY).as_secs())
}

/// A name that no query has, in the place of a placeholder.
fn marker(bound: Bound) -> String {
    // None is the beginning of another.
    format!("{MARKER}{}_here", bound.name())
}

const MARKER: &str = "contact_rate_placeholder_";
