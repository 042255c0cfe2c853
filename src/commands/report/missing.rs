//! What could not be read, in words.

use super::months::Month;

/// Months that are listed one by one.
const LISTED: usize = 3;

/// What could not be read of a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Missing {
    pub(super) month: Month,
    /// What, as `the tickets`.
    pub(super) what: &'static str,
    /// Why, as a chain of causes.
    pub(super) reason: String,
}

/// A sentence for each thing and reason, with all its months.
pub(super) fn sentences(missing: &[Missing]) -> Vec<String> {
    let mut groups: Vec<(&str, &str, Vec<Month>)> = Vec::new();
    for one in missing {
        let same = |(what, reason, _): &&mut (&str, &str, Vec<Month>)| {
            (*what, *reason) == (one.what, one.reason.as_str())
        };
        match groups.iter_mut().find(same) {
            Some((_, _, months)) => months.push(one.month),
            None => groups.push((one.what, &one.reason, vec![one.month])),
        }
    }
    let sentences = groups.into_iter().map(|(what, reason, months)| {
        format!("{what} of {} could not be read: {reason}", list(&months))
    });
    sentences.collect()
}

fn list(months: &[Month]) -> String {
    match months {
        [first, .., last] if months.len() > LISTED => {
            format!("{first} to {last} ({} months)", months.len())
        }
        months => {
            let names: Vec<String> = months.iter().map(Month::to_string).collect();
            names.join(", ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_reason_is_told_once() {
        let missing = |month: &str, what, reason: &str| Missing {
            month: month.parse().unwrap(),
            what,
            reason: reason.to_owned(),
        };
        let all = [
            missing("2025-01", "the tickets", "status 500"),
            missing("2025-01", "the population", "no such table"),
            missing("2025-02", "the population", "no such table"),
            missing("2025-03", "the population", "no such table"),
            missing("2025-05", "the population", "no such table"),
            missing("2025-04", "the tickets", "status 404"),
            missing("2025-06", "the tickets", "status 404"),
        ];
        assert_eq!(
            sentences(&all),
            [
                "the tickets of 2025-01 could not be read: status 500",
                "the population of 2025-01 to 2025-05 (4 months) could not be read: no such table",
                "the tickets of 2025-04, 2025-06 could not be read: status 404",
            ]
        );
        assert_eq!(sentences(&[]), [""; 0]);
    }
}
