//! What the rows of an answer say. What is not understood is an error, never 0.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use crate::{
    domain::{OpenCount, OpenTickets, Ratings},
    sources::database::{Cell, Row, Value},
};

/// Longest status that is a label value, in characters.
const LONGEST_STATUS: usize = 64;

/// Why the rows are no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// Not exactly one row.
    #[error("the query gave {0} rows, and one number is needed: use count(*), without GROUP BY")]
    Rows(usize),
    /// Not a whole number from 0.
    #[error("the query gave {0}, and a whole number from 0 is needed")]
    NoCount(String),
    /// Not a number from 0.
    #[error(
        "the query gave {0}, and a number of seconds from 0 is needed, or NULL where nothing was answered"
    )]
    NoSeconds(String),
    /// A day outside of the interval, or twice.
    #[error(
        "the query gave a day that is none: the first column is a whole number of days since :start, each once, 0 for the first of {0}"
    )]
    NoDay(usize),
    /// A status that is no word.
    #[error("the query gave {0} as a status: the first column is a text of 1 to 64 characters")]
    NoStatus(String),
    /// Another rating.
    #[error(
        "the query gave a rating that is none of great, okay and not_good: the first column is one of these"
    )]
    NoRating,
    /// Not an instant.
    #[error(
        "the query gave {0} as the second column, and an instant is needed, such as min(created_at)"
    )]
    NoInstant(String),
}

/// The cell for an error: what kind of value it is, never the value.
fn told(cell: &Cell) -> String {
    match &cell.value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(_) | Value::Decimal(_) | Value::Float(_) => {
            format!("a number that is negative or no whole one ({})", cell.kind)
        }
        _ => format!("a value of the type {}", cell.kind),
    }
}

fn count_of(cell: &Cell) -> Result<u64, RowError> {
    let count = match &cell.value {
        Value::Integer(value) => u64::try_from(*value).ok(),
        // Sums are decimals in some databases.
        Value::Decimal(value) if value.is_integer() => {
            rust_decimal::prelude::ToPrimitive::to_u64(value)
        }
        _ => None,
    };
    count.ok_or_else(|| RowError::NoCount(told(cell)))
}

fn one(rows: &[Row]) -> Result<&Cell, RowError> {
    match rows {
        [row] => row.first().ok_or(RowError::Rows(0)),
        rows => Err(RowError::Rows(rows.len())),
    }
}

fn pairs(rows: &[Row]) -> impl Iterator<Item = (&Cell, &Cell)> {
    rows.iter().filter_map(|row| match row.as_slice() {
        [first, second] => Some((first, second)),
        // The shape of the answer was asked for.
        _ => None,
    })
}

/// One count.
pub fn count(rows: &[Row]) -> Result<u64, RowError> {
    count_of(one(rows)?)
}

/// A mean; `None` where it is NULL.
pub fn seconds(rows: &[Row]) -> Result<Option<f64>, RowError> {
    let cell = one(rows)?;
    if cell.value == Value::Null {
        return Ok(None);
    }
    let number = cell
        .number()
        .filter(|number| number.is_finite() && *number >= 0.0);
    number
        .map(Some)
        .ok_or_else(|| RowError::NoSeconds(told(cell)))
}

/// Counts by day. The query succeeded, so that a day without a row had no ticket.
pub fn days(rows: &[Row], days: usize) -> Result<Vec<Option<u64>>, RowError> {
    let mut counts = vec![None; days];
    for (day, count) in pairs(rows) {
        let place = count_of(day)
            .ok()
            .and_then(|day| counts.get_mut(usize::try_from(day).ok()?))
            .filter(|place| place.is_none())
            .ok_or(RowError::NoDay(days))?;
        *place = Some(count_of(count)?);
    }
    Ok(counts
        .into_iter()
        .map(|count| Some(count.unwrap_or(0)))
        .collect())
}

/// A status as a label value: the desk's own word, lower case, blanks as `_`.
fn status_of(cell: &Cell) -> Result<String, RowError> {
    let word = match &cell.value {
        Value::Text(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        _ => return Err(RowError::NoStatus(told(cell))),
    };
    let word = word
        .split_whitespace()
        .collect::<Vec<_>>()
        .join("_")
        .to_lowercase();
    let is_good =
        (1..=LONGEST_STATUS).contains(&word.chars().count()) && !word.chars().any(char::is_control);
    is_good
        .then_some(word)
        .ok_or_else(|| RowError::NoStatus("an empty or long text".to_owned()))
}

/// Open tickets by status. Words that are one label value are counted together.
pub fn open(rows: &[Row]) -> Result<BTreeMap<String, u64>, RowError> {
    let mut open = BTreeMap::new();
    for (status, count) in pairs(rows) {
        let sum: &mut u64 = open.entry(status_of(status)?).or_default();
        *sum = sum.saturating_add(count_of(count)?);
    }
    Ok(open)
}

/// When the oldest of each status was created; one without an instant is left out.
pub fn oldest(rows: &[Row]) -> Result<BTreeMap<String, Timestamp>, RowError> {
    let mut oldest = BTreeMap::new();
    for (status, instant) in pairs(rows) {
        if instant.value == Value::Null {
            continue;
        }
        let at = instant_of(instant).ok_or_else(|| RowError::NoInstant(told(instant)))?;
        oldest
            .entry(status_of(status)?)
            .and_modify(|known: &mut Timestamp| *known = at.min(*known))
            .or_insert(at);
    }
    Ok(oldest)
}

/// SQLite has no type for instants: a text in UTC is one.
fn instant_of(cell: &Cell) -> Option<Timestamp> {
    match &cell.value {
        Value::Instant(at) => Some(*at),
        Value::Text(text) => text.parse().ok().or_else(|| {
            let local: DateTime = text.parse().ok()?;
            Some(local.to_zoned(TimeZone::UTC).ok()?.timestamp())
        }),
        _ => None,
    }
}

/// Both together. A status that has no row among the oldest has no known instant.
pub fn open_tickets(
    open: BTreeMap<String, u64>,
    oldest: &BTreeMap<String, Timestamp>,
) -> OpenTickets {
    open.into_iter()
        .map(|(status, count)| OpenCount {
            // Between two queries the last one may have been closed.
            oldest: oldest.get(&status).copied().filter(|_| count > 0),
            status,
            count,
        })
        .collect()
}

/// Ratings; one without a row was not given.
pub fn ratings(rows: &[Row]) -> Result<Ratings, RowError> {
    let mut ratings = Ratings {
        great: 0,
        okay: 0,
        not_good: 0,
    };
    for (rating, count) in pairs(rows) {
        let place = match rating.text() {
            Some("great") => &mut ratings.great,
            Some("okay") => &mut ratings.okay,
            Some("not_good") => &mut ratings.not_good,
            _ => return Err(RowError::NoRating),
        };
        *place = place.saturating_add(count_of(count)?);
    }
    Ok(ratings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(value: Value) -> Cell {
        Cell {
            value,
            kind: "KIND".to_owned(),
        }
    }

    fn row(first: Value, second: Value) -> Row {
        vec![cell(first), cell(second)]
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn a_count_is_one_whole_number_from_0() {
        let answer = |value| count(&[vec![cell(value)]]);
        assert_eq!(answer(Value::Integer(0)), Ok(0));
        assert_eq!(answer(Value::Decimal(7.into())), Ok(7));
        for value in [
            Value::Null,
            Value::Integer(-1),
            Value::Float(1.0),
            text("1"),
        ] {
            assert!(matches!(answer(value), Err(RowError::NoCount(_))));
        }
        assert_eq!(count(&[]), Err(RowError::Rows(0)));
    }

    #[test]
    fn a_mean_of_nothing_is_unknown() {
        let answer = |value| seconds(&[vec![cell(value)]]);
        assert_eq!(answer(Value::Null), Ok(None));
        assert_eq!(answer(Value::Float(1.5)), Ok(Some(1.5)));
        assert!(answer(Value::Float(-1.0)).is_err());
        assert!(answer(Value::Float(f64::NAN)).is_err());
    }

    #[test]
    fn a_day_without_a_row_had_no_ticket_and_a_strange_day_is_refused() {
        let of = |rows: &[(i128, i128)]| {
            let rows: Vec<Row> = rows
                .iter()
                .map(|(day, count)| row(Value::Integer(*day), Value::Integer(*count)))
                .collect();
            days(&rows, 3)
        };
        assert_eq!(of(&[(0, 4), (2, 1)]), Ok(vec![Some(4), Some(0), Some(1)]));
        assert_eq!(of(&[]), Ok(vec![Some(0); 3]));
        for wrong in [&[(3, 1)][..], &[(-1, 1)], &[(1, 1), (1, 2)]] {
            assert_eq!(of(wrong), Err(RowError::NoDay(3)));
        }
    }

    #[test]
    fn a_status_is_the_desks_own_word_in_lower_case() {
        let rows = [
            row(text("Pending  Reminder"), Value::Integer(2)),
            row(text("pending reminder"), Value::Integer(1)),
            row(Value::Integer(3), Value::Integer(5)),
        ];
        let open = open(&rows).unwrap();
        assert_eq!(open.get("pending_reminder"), Some(&3));
        assert_eq!(open.get("3"), Some(&5));
        assert!(super::open(&[row(Value::Null, Value::Integer(1))]).is_err());
        assert!(super::open(&[row(text(" "), Value::Integer(1))]).is_err());
    }

    #[test]
    fn the_oldest_is_an_instant_of_the_database_or_a_text_in_utc() {
        let rows = [
            row(text("new"), text("2026-01-05 10:00:00")),
            row(text("open"), text("2026-01-05T11:00:00Z")),
            row(text("pending"), Value::Null),
        ];
        let found = oldest(&rows).unwrap();
        assert_eq!(found["new"].to_string(), "2026-01-05T10:00:00Z");
        assert_eq!(found["open"].to_string(), "2026-01-05T11:00:00Z");
        assert_eq!(found.len(), 2);
        assert!(oldest(&[row(text("new"), text("yesterday"))]).is_err());
    }

    #[test]
    fn a_rating_without_a_row_is_0_and_an_unknown_one_is_refused() {
        let great = [row(text("great"), Value::Integer(2))];
        let found = ratings(&great).unwrap();
        assert_eq!((found.great, found.okay, found.not_good), (2, 0, 0));
        assert_eq!(
            ratings(&[row(text("good"), Value::Integer(2))]),
            Err(RowError::NoRating)
        );
    }
}
