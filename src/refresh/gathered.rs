//! What one refresh has read so far, all for one `end`.

use std::collections::HashMap;

use jiff::Timestamp;
use tokio::time::Instant;

use super::intervals::Uses;
use crate::{
    config::Config,
    domain::{
        Conclusions, Contacts, DailyCounts, Figure, HelpCenter, Interval, OpenTickets, Question,
        Ratings, SegmentReading, conclude,
    },
};

/// Segment and window.
pub type Pair = (usize, usize);

/// What one refresh has read so far, as the sources have it. What may be concluded from it, the
/// domain says.
pub struct Gathered {
    /// `end`.
    pub end: Timestamp,
    /// When the refresh started: the age of everything it read counts from here.
    pub started: Instant,
    /// Tickets by segment and window.
    pub contacts: HashMap<Pair, Contacts>,
    /// Which counts of a segment and window failed, while others were read.
    pub failed: HashMap<Pair, Vec<Figure>>,
    /// Ratings by segment and window.
    pub ratings: HashMap<Pair, Ratings>,
    /// Daily counts by segment.
    pub daily: HashMap<usize, DailyCounts>,
    /// Open tickets by segment; `None` where they cannot be known.
    pub open: HashMap<usize, Option<OpenTickets>>,
    /// Visits of the help centre by window.
    pub help_center: HashMap<usize, HelpCenter>,
    /// Populations by index and interval.
    pub populations: HashMap<usize, HashMap<Interval, f64>>,
    /// What the windows need of the populations.
    pub uses: Uses,
    /// What is asked of each window.
    questions: Vec<Question>,
    tells_resolved: bool,
}

impl Gathered {
    /// Nothing yet.
    pub fn new(config: &Config, end: Timestamp, started: Instant) -> Self {
        let windows = config.windows.iter();
        Self {
            end,
            started,
            contacts: HashMap::new(),
            failed: HashMap::new(),
            ratings: HashMap::new(),
            daily: HashMap::new(),
            open: HashMap::new(),
            help_center: HashMap::new(),
            populations: HashMap::new(),
            uses: Uses::new(config, end),
            questions: windows.map(|window| Question::of(window, end)).collect(),
            tells_resolved: config.tells_resolved(),
        }
    }

    /// What is asked of the window at `index`.
    pub fn question(&self, window: usize) -> Option<&Question> {
        self.questions.get(window)
    }

    /// The index of the window whose running interval is `interval`.
    pub fn window_of(&self, interval: Interval) -> Option<usize> {
        let mut questions = self.questions.iter();
        questions.position(|question| question.current == interval)
    }

    /// Takes a value of a population in.
    pub fn take_population(&mut self, population: usize, interval: Interval, value: f64) {
        let values = self.populations.entry(population).or_default();
        values.insert(interval, value);
    }

    /// What may be concluded of a segment by now.
    pub fn conclude(&self, segment: usize) -> Conclusions {
        let windows = self.questions.iter().enumerate();
        let mut conclusions = conclude(&SegmentReading {
            windows: windows
                .map(|(window, question)| (question.clone(), self.contacts.get(&(segment, window))))
                .collect(),
            days: self.daily.get(&segment),
        });
        if !self.tells_resolved {
            for window in conclusions.windows.iter_mut().flatten() {
                window.current.resolved = None;
                window.previous.resolved = None;
            }
        }
        conclusions
    }
}
