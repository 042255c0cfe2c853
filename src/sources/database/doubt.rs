//! Comparisons that are not defined, in words.

/// Why a comparison with a placeholder is not defined.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// Numbers beside an instant or a text.
    #[error(
        "{0} holds numbers, and the query compares them with an instant, which is none: the count would rest on nothing; if they are seconds since 1970, write :start_unix and :end_unix"
    )]
    Numbers(String),
    /// Times or texts beside a number.
    #[error(
        "{0} holds no numbers, and the query compares it with one: the count would rest on nothing; write :start and :end, or :start_iso and :end_iso for texts such as 2026-01-31T12:00:00Z"
    )]
    NoNumbers(String),
    /// Numbers beside seconds, that are no seconds.
    #[error(
        "{0} holds numbers none of which is a time between 1980 and 2200 in the unit that the query compares them with: milliseconds perhaps, as in `created / 1000 >= :start_unix`"
    )]
    Unit(String),
    /// Texts beside a text that is written in another way.
    #[error(
        "{column} holds texts that are not written as what the query compares them with, and texts are compared letter by letter: {advice}"
    )]
    Writing {
        /// What holds them.
        column: String,
        /// What to write.
        advice: &'static str,
    },
    /// An instant in a sum, a difference, a product.
    #[error(
        "the query reckons with :start or :end as with a number, and an instant is none: write :start_unix and :end_unix, which are seconds since 1970"
    )]
    Arithmetic,
    /// MySQL and MariaDB warned that a value is none of the type that it was compared as.
    #[error(
        "the server warned that the query takes values for times or numbers that are none (SHOW WARNINGS, 1292): compare a text as text (:start_iso for 2026-01-31T12:00:00Z), or convert it, as in STR_TO_DATE(…)"
    )]
    Truncated,
}
