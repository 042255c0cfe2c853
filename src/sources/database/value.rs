//! What a row is made of, whichever database gave it.

use std::pin::pin;

use futures_util::{Stream, TryStreamExt};
use jiff::Timestamp;
use rust_decimal::{Decimal, prelude::ToPrimitive};

use super::SqlError;

/// Longest text of a cell, in bytes: what is counted by is a word.
const LONGEST_TEXT: usize = 4096;

/// One row.
pub type Row = Vec<Cell>;

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// The value.
    pub value: Value,
    /// Its type as the database calls it, for errors.
    pub kind: String,
}

/// A value, as simple as it can be.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// NULL.
    Null,
    /// A whole number, signed or not.
    Integer(i128),
    /// A number with a fixed number of decimal places.
    Decimal(Decimal),
    /// A floating-point number, NaN and infinities included.
    Float(f64),
    /// A text of at most 4 KiB; of PostgreSQL's types the enums too.
    Text(String),
    /// An instant, or the midnight that begins a date, in UTC.
    Instant(Timestamp),
    /// A value that its type knows and we cannot hold: a NUMERIC of more than 28 digits, a date
    /// that is none.
    Unreadable,
    /// A value of a type that is not read.
    Other,
}

impl Cell {
    pub(super) fn new(kind: &str, value: Option<Value>) -> Self {
        Self {
            value: value.unwrap_or(Value::Unreadable),
            kind: kind.to_owned(),
        }
    }

    /// The value as a number, if it is one.
    pub fn number(&self) -> Option<f64> {
        match &self.value {
            Value::Integer(value) => Some(*value as f64),
            Value::Decimal(value) => value.to_f64(),
            Value::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// The value as a text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl Value {
    /// A text, if it is not too long.
    pub(super) fn text(text: String) -> Option<Self> {
        (text.len() <= LONGEST_TEXT).then_some(Self::Text(text))
    }

    /// An instant in whole microseconds since 1970.
    pub(super) fn instant(microseconds: i64) -> Option<Self> {
        Timestamp::from_microsecond(microseconds)
            .ok()
            .map(Self::Instant)
    }
}

/// What an answer must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Columns of each row.
    pub columns: usize,
    /// Most rows.
    pub rows: usize,
}

impl Shape {
    /// One row with one value.
    pub const NUMBER: Self = Self {
        columns: 1,
        rows: 1,
    };
}

/// Reads an answer of the shape. A row too many is not read, nor what follows it.
pub(super) async fn collect<R: sqlx::Row>(
    rows: impl Stream<Item = Result<R, sqlx::Error>>,
    shape: Shape,
    told: impl Fn(sqlx::Error) -> SqlError,
    cell: impl Fn(&R, usize) -> Cell,
) -> Result<Vec<Row>, SqlError> {
    let mut rows = pin!(rows);
    let mut collected = Vec::new();
    while let Some(row) = rows.try_next().await.map_err(&told)? {
        if row.len() != shape.columns {
            return Err(SqlError::Columns {
                found: row.len(),
                expected: shape.columns,
            });
        }
        if collected.len() == shape.rows {
            return Err(SqlError::TooManyRows(shape.rows));
        }
        collected.push((0..shape.columns).map(|index| cell(&row, index)).collect());
    }
    Ok(collected)
}
