//! Visits of the help centre: one call per interval, whoever asks for it in a refresh.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use tokio::{sync::OnceCell, time::Instant};

use super::{
    Reader,
    endpoint::Endpoint,
    error::{Detail, Error},
    filter::{Query, last_second},
    wire::Docs,
};
use crate::{
    config::{Config, PopulationSource},
    domain::{BaselineFrom, HelpCenter, Interval, Question, stamp},
};

/// Most answers that are kept: all intervals of all windows of a refresh, and more.
const MOST_KEPT: usize = 128;

/// The answers of a refresh by interval. All its readings have one deadline, by which they are told
/// from those of the next: nothing is answered from memory twice.
#[derive(Debug, Default)]
pub(super) struct Visits(Mutex<Vec<Asked>>);

#[derive(Debug)]
struct Asked {
    interval: Interval,
    deadline: Instant,
    answer: Answer,
}

type Answer = Arc<OnceCell<Result<HelpCenter, Error>>>;

impl Visits {
    fn of(&self, interval: Interval, deadline: Instant) -> Answer {
        // There is nothing that a panic could leave half done.
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |one: &&Asked| (one.interval, one.deadline) == (interval, deadline);
        if let Some(known) = asked.iter().find(same) {
            return Arc::clone(&known.answer);
        }
        asked.retain(|one| one.deadline == deadline);
        asked.truncate(MOST_KEPT - 1);
        let answer = Answer::default();
        asked.push(Asked {
            interval,
            deadline,
            answer: Arc::clone(&answer),
        });
        answer
    }
}

impl Reader<'_> {
    /// Visits of the help centre in `interval`, of the configured sites.
    pub async fn help_center(&self, interval: Interval) -> Result<HelpCenter, Error> {
        let answer = self.help_scout.visits.of(interval, self.deadline);
        let read = answer.get_or_init(|| self.read_help_center(interval));
        read.await.clone()
    }

    async fn read_help_center(&self, interval: Interval) -> Result<HelpCenter, Error> {
        let endpoint = Endpoint::Docs;
        let mut query = Query::default();
        query.push("start", stamp(interval.start));
        query.push("end", stamp(last_second(interval)));
        query.push_list("sites", &self.help_scout.sites);
        let report: Docs = self.get(endpoint, &query).await?;
        report.visits().map_err(|what| Error::NotUnderstood {
            endpoint,
            detail: Detail {
                message: Some(what),
                correlation_id: None,
            },
        })
    }
}

/// Calls of one refresh: one per window and, where visitors are a population, one per interval that
/// a window is compared with.
pub(super) fn visits_per_refresh(config: &Config, with_baselines: bool) -> usize {
    if config.help_center().is_none() {
        return 0;
    }
    let mut populations = config.populations.iter();
    let as_population =
        populations.any(|one| matches!(one.source, PopulationSource::HelpCenterVisitors));
    let end = Timestamp::UNIX_EPOCH;
    let mut intervals = BTreeSet::new();
    for window in &config.windows {
        let question = Question::of(window, end);
        intervals.insert(question.current);
        if !as_population {
            continue;
        }
        intervals.extend(question.previous);
        if with_baselines && question.baseline != BaselineFrom::Nothing {
            intervals.extend(window.baseline(end).intervals);
        }
    }
    intervals.len()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_answer_serves_its_own_refresh_only() {
        let visits = Visits::default();
        let end = "2026-01-08T12:34:00Z".parse().unwrap();
        let [day, week] = [1, 7].map(|days| Interval::ending_at(end, days * 86_400));
        let deadline = Instant::now() + Duration::from_mins(5);
        let first = visits.of(day, deadline);
        assert!(Arc::ptr_eq(&first, &visits.of(day, deadline)));
        assert!(!Arc::ptr_eq(&first, &visits.of(week, deadline)));
        assert!(Arc::ptr_eq(&first, &visits.of(day, deadline)));
        let later = deadline + Duration::from_secs(10);
        assert!(!Arc::ptr_eq(&first, &visits.of(day, later)));
        assert_eq!(visits.0.lock().unwrap().len(), 1);
        for minutes in 0..1000 {
            visits.of(Interval::ending_at(end, minutes * 60), later);
        }
        assert_eq!(visits.0.lock().unwrap().len(), MOST_KEPT);
    }
}
