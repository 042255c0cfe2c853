//! Counts of a window, as far as they were answered.

use crate::domain::{Contacts, Figure, SourceFailure};

/// Counts of a window and of the one before it, as far as they were answered.
#[derive(Debug)]
pub struct Counted {
    /// What was answered; `None` where nothing was.
    pub contacts: Option<Contacts>,
    /// What failed of the window by itself, so that it may be known from before.
    pub failed: Vec<Figure>,
    /// Why.
    pub failures: Vec<SourceFailure>,
}

impl From<Result<Contacts, SourceFailure>> for Counted {
    /// Counts that come in one answer, or not at all.
    fn from(answer: Result<Contacts, SourceFailure>) -> Self {
        match answer {
            Ok(contacts) => Self {
                contacts: Some(contacts),
                failed: Vec::new(),
                failures: Vec::new(),
            },
            Err(failure) => Self {
                contacts: None,
                failed: Vec::new(),
                failures: vec![failure],
            },
        }
    }
}
