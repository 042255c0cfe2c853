//! What counts as an answer: exactly one number that a population can be.

use super::Failure;
use crate::{
    config::Dialect,
    sources::database::{Row, SqlError, Value},
};

/// Why an answer is not one non-negative number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// Nothing came.
    #[error(
        "the query gave no row, and one row with one number is needed: count(*) gives one even when it counts nothing"
    )]
    NoRow,
    /// More came than one row; the rest was not read.
    #[error(
        "the query gave more than one row, and one row with one number is needed: is there a GROUP BY too many?"
    )]
    SeveralRows,
    /// More or less came than one column.
    #[error("the query gave {0} columns, and one row with one number is needed")]
    Columns(usize),
    /// Nothing is known.
    #[error(
        "the query gave NULL, which is not a number: sum() gives NULL when it adds nothing, count(*) does not"
    )]
    Null,
    /// A text, a date, a truth value.
    #[error("the query gave a value of type {kind}, which is not a number: write {cast}")]
    Type {
        /// The type, as the database calls it.
        kind: String,
        /// How to make a number of it.
        cast: &'static str,
    },
    /// A number type whose value cannot be held, as a NUMERIC of more than 28 digits.
    #[error(
        "the query gave a number that is too large or too precise to be read, or not a number (NaN)"
    )]
    Unreadable,
    /// Less than nothing.
    #[error("a negative number came, and a population cannot be negative")]
    Negative,
    /// NaN or an infinity.
    #[error("NaN or an infinity came, and a population is a finite number")]
    NotFinite,
}

/// The number in the only cell of an answer, if it is one.
pub(super) fn number(rows: &[Row], dialect: Dialect) -> Result<f64, AnswerError> {
    let row = rows.first().ok_or(AnswerError::NoRow)?;
    let cell = row.first().ok_or(AnswerError::Columns(0))?;
    match &cell.value {
        Value::Null => Err(AnswerError::Null),
        Value::Unreadable => Err(AnswerError::Unreadable),
        Value::Text(_) | Value::Instant(_) | Value::Other => Err(AnswerError::Type {
            kind: cell.kind.clone(),
            cast: match dialect {
                Dialect::Postgres => "count(…), or ::bigint behind it",
                Dialect::Mysql => "count(…), or CAST(… AS SIGNED)",
                Dialect::Sqlite => "count(…), or CAST(… AS INTEGER)",
            },
        }),
        Value::Integer(_) | Value::Decimal(_) | Value::Float(_) => {
            cell.number().ok_or(AnswerError::Unreadable)
        }
    }
}

/// What went wrong, said of one number.
pub(super) fn failure(error: SqlError) -> Failure {
    match error {
        SqlError::TooManyRows(_) => AnswerError::SeveralRows.into(),
        SqlError::Columns { found, .. } => AnswerError::Columns(found).into(),
        error => error.into(),
    }
}

/// `value`, if a population can be so many.
pub(super) fn checked(value: f64) -> Result<f64, AnswerError> {
    if !value.is_finite() {
        Err(AnswerError::NotFinite)
    } else if value < 0.0 {
        Err(AnswerError::Negative)
    } else {
        // A negative zero is a zero.
        Ok(value.abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_population_is_finite_and_not_negative() {
        assert_eq!(checked(0.0), Ok(0.0));
        assert!(checked(-0.0).unwrap().is_sign_positive());
        assert_eq!(checked(12.5), Ok(12.5));
        assert_eq!(checked(-1.0), Err(AnswerError::Negative));
        assert_eq!(checked(f64::NAN), Err(AnswerError::NotFinite));
        assert_eq!(checked(f64::INFINITY), Err(AnswerError::NotFinite));
    }
}
