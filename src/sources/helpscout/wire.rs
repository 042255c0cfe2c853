//! What Help Scout writes, and only the part of it that is counted: no name, address, subject or
//! comment of a person is ever decoded.

mod docs;
mod lenient;
mod list;
mod problem;
mod report;
mod series;
mod token;

use serde::de::DeserializeOwned;

use crate::sources::json_error::without_text;

pub use self::report::Productivity;
pub(super) use self::{
    docs::Docs,
    list::{CountedTag, Entry, Named, Oldest, Total},
    problem::problem,
    report::Happiness,
    series::Series,
    token::{granted, oauth_error},
};

/// Decodes an answer. The error says what is wrong and where, without any of the answer's text.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| without_text(&error))
}

/// Reads a body as every kind of answer. Whatever it is, nothing panics and no error repeats it.
///
/// # Panics
///
/// Where one of the properties does not hold.
#[cfg(any(test, fuzzing))]
pub fn survive(body: &[u8]) {
    fn quiet<T>(outcome: Result<T, String>) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(told) => {
                assert!(!told.contains("planted"), "{told}");
                None
            }
        }
    }
    let start = jiff::Timestamp::UNIX_EPOCH;
    if let Some(report) = quiet(decode::<Productivity>(body)) {
        let _ = (report.current(), report.previous());
    }
    if let Some(series) = quiet(decode::<Series>(body)) {
        let _ = series.by_day(start, 56);
    }
    if let Some(page) = quiet(decode::<Named>(body)) {
        let _ = page.has_next(1);
    }
    let _ = quiet(decode::<Happiness>(body));
    let _ = quiet(decode::<Named<CountedTag>>(body));
    if let Some(report) = quiet(decode::<Docs>(body)) {
        let _ = quiet(report.visits());
    }
    let _ = quiet(decode::<Total>(body));
    let _ = quiet(granted(body));
    let _ = (problem(body), oauth_error(body));
}

#[cfg(test)]
mod tests;
