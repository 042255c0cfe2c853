//! Contact reasons: what tickets are about, in the operator's own words.

use std::collections::BTreeSet;

use super::SourceFailure;

/// Most reasons that are counted.
pub const MOST_REASONS: usize = 50;

/// Longest name of a reason, in characters: what goes beyond is cut off.
pub const MOST_REASON_CHARACTERS: usize = 64;

/// A contact reason and the tickets created with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactReason {
    /// What it is known by, which stays when its name changes.
    pub key: String,
    /// Its present name, as the help desk has it; [`reason_names`] makes it fit for a label.
    pub name: String,
    /// `None`: it is not counted yet.
    pub counts: Option<ReasonCounts>,
}

/// Tickets created with one reason. A ticket can have several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReasonCounts {
    /// In the window.
    pub current: u64,
    /// In the window before; `None` where it is not known.
    pub previous: Option<u64>,
}

/// The contact reasons that there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContactReasons {
    /// Every reason that there is now, in order: one that is missing here is gone.
    pub reasons: Vec<ContactReason>,
    /// Why some that were asked for are not among them.
    pub failures: Vec<SourceFailure>,
}

/// Names fit for a label, for reasons given by key and name: none too long or empty, no two alike.
/// Where cutting or the desk itself made two alike, the later one has its key added.
pub fn reason_names<'a>(reasons: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<String> {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let mut names = Vec::new();
    for (key, name) in reasons {
        let mut fit = cut(name.trim(), MOST_REASON_CHARACTERS);
        let mut number = 1_usize;
        while fit.is_empty() || taken.contains(&fit) {
            let key = cut(key, MOST_REASON_CHARACTERS / 2);
            let more = match number {
                1 => format!("({key})"),
                _ => format!("({key}, {number})"),
            };
            let room = MOST_REASON_CHARACTERS.saturating_sub(more.chars().count() + 1);
            let short = cut(name.trim(), room);
            let space = if short.is_empty() { "" } else { " " };
            fit = format!("{short}{space}{more}");
            number += 1;
        }
        taken.insert(fit.clone());
        names.push(fit);
    }
    names
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_cut_filled_and_told_apart() {
        let long = "x".repeat(70);
        let names = reason_names([
            ("1", "bug"),
            ("2", " bug "),
            ("3", ""),
            ("4", &long),
            ("5", &long),
            ("6", "délais"),
        ]);
        assert_eq!(names[..3], ["bug", "bug (2)", "(3)"]);
        assert_eq!(names[3], format!("{}…", "x".repeat(63)));
        assert_eq!(names[4], format!("{}… (5)", "x".repeat(59)));
        assert_eq!(names[5], "délais");
    }

    proptest! {
        #[test]
        fn names_are_bounded_and_as_many_as_reasons(names in prop::collection::vec(".{0,80}", 0..12)) {
            let keyed: Vec<(String, String)> = names
                .into_iter()
                .enumerate()
                .map(|(key, name)| (key.to_string(), name))
                .collect();
            let fit = reason_names(keyed.iter().map(|(key, name)| (key.as_str(), name.as_str())));
            prop_assert_eq!(fit.len(), keyed.len());
            for name in &fit {
                prop_assert!(!name.is_empty());
                prop_assert!(name.chars().count() <= MOST_REASON_CHARACTERS);
            }
        }

        /// Names from a small stock, so that many are alike.
        #[test]
        fn no_two_are_alike(names in prop::collection::vec("[ab]{0,2}|a \\([0-9]\\)", 0..12)) {
            let keyed: Vec<(String, String)> = names
                .into_iter()
                .enumerate()
                .map(|(key, name)| (key.to_string(), name))
                .collect();
            let fit = reason_names(keyed.iter().map(|(key, name)| (key.as_str(), name.as_str())));
            let different: BTreeSet<&String> = fit.iter().collect();
            prop_assert_eq!(different.len(), fit.len());
        }
    }
}
