//! An error and its causes as one line for people.

use std::error::Error;

/// The error's text and that of every cause, joined by colons. A cause whose text its effect
/// already ends with is not said twice.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let line = error.to_string();
        if !text.ends_with(&line) {
            text.push_str(": ");
            text.push_str(&line);
        }
        cause = error.source();
    }
    text
}
