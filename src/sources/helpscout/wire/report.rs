//! Answers that count over a whole range.

use serde::Deserialize;

use super::lenient::{Count, Seconds, object};
use crate::domain::{ContactCounts, Ratings};

/// `/v2/reports/productivity`. Not decoded: `totalConversations`, which is no count of contacts,
/// and `percentResolvedOnFirstReply`, whose unit differs between recordings and documents.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "a report")]
pub struct Productivity {
    current: Totals,
    #[serde(default, deserialize_with = "object")]
    previous: Option<Totals>,
    #[serde(default, deserialize_with = "object")]
    response_time: Option<Distribution>,
    #[serde(default, deserialize_with = "object")]
    first_response_time: Option<Distribution>,
    #[serde(default, deserialize_with = "object")]
    resolution_time: Option<Distribution>,
    #[serde(default, deserialize_with = "object")]
    handle_time: Option<Distribution>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "the totals of a report")]
struct Totals {
    new_conversations: Option<Count>,
    resolved: Option<Count>,
    resolved_on_first_reply: Option<Count>,
    closed: Option<Count>,
    replies_sent: Option<Count>,
    messages_received: Option<Count>,
    first_response_time: Option<Seconds>,
    response_time: Option<Seconds>,
    resolution_time: Option<Seconds>,
    handle_time: Option<Seconds>,
}

/// How many cases a mean is made of.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "a distribution")]
struct Distribution {
    count: Option<Count>,
    previous_count: Option<Count>,
}

impl Productivity {
    /// Of the range asked for.
    pub fn current(&self) -> ContactCounts {
        self.counts(&self.current, |distribution| distribution.count)
    }

    /// Of the previous range; `None` when the answer has none.
    pub fn previous(&self) -> Option<ContactCounts> {
        let previous = self.previous.as_ref()?;
        Some(self.counts(previous, |distribution| distribution.previous_count))
    }

    fn counts(
        &self,
        totals: &Totals,
        cases: impl Fn(&Distribution) -> Option<Count>,
    ) -> ContactCounts {
        let count = |count: Option<Count>| count.map(|Count(count)| count);
        // A time of 0 with nothing counted means "no data", not "instant".
        let mean = |mean: Option<Seconds>, distribution: &Option<Distribution>| {
            let Seconds(mean) = mean?;
            let something = match distribution.as_ref().and_then(&cases) {
                Some(Count(cases)) => cases > 0,
                None => mean > 0.0,
            };
            something.then_some(mean)
        };
        ContactCounts {
            created: count(totals.new_conversations),
            resolved: count(totals.resolved),
            closed: count(totals.closed),
            replies: count(totals.replies_sent),
            received_messages: count(totals.messages_received),
            resolved_on_first_reply: count(totals.resolved_on_first_reply),
            first_response_mean_seconds: mean(
                totals.first_response_time,
                &self.first_response_time,
            ),
            response_mean_seconds: mean(totals.response_time, &self.response_time),
            resolution_mean_seconds: mean(totals.resolution_time, &self.resolution_time),
            handle_mean_seconds: mean(totals.handle_time, &self.handle_time),
        }
        .completed()
    }
}

/// `/v2/reports/happiness`; only counts, percentages are of no use where nothing was rated.
#[derive(Debug, Deserialize)]
#[serde(expecting = "a report")]
pub(in crate::sources::helpscout) struct Happiness {
    current: RatingCounts,
    #[serde(default, deserialize_with = "object")]
    previous: Option<RatingCounts>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "counts of ratings")]
struct RatingCounts {
    #[serde(rename = "greatCount")]
    great: Option<Count>,
    #[serde(rename = "okayCount")]
    okay: Option<Count>,
    #[serde(rename = "notGoodCount")]
    not_good: Option<Count>,
    #[serde(rename = "ratingsCount")]
    all: Option<Count>,
}

impl Happiness {
    /// The ratings. A count left out is 0 only where there were no ratings at all.
    pub(in crate::sources::helpscout) fn ratings(&self) -> Result<Ratings, String> {
        self.current
            .ratings()
            .ok_or_else(|| "a count of ratings is missing".to_owned())
    }

    /// The ratings of the previous range; `None` when the answer lacks it or one of its counts.
    pub(in crate::sources::helpscout) fn previous_ratings(&self) -> Option<Ratings> {
        self.previous.as_ref()?.ratings()
    }
}

impl RatingCounts {
    fn ratings(&self) -> Option<Ratings> {
        let none = self.all == Some(Count(0));
        let count = |count: Option<Count>| match count {
            Some(Count(count)) => Some(count),
            None => none.then_some(0),
        };
        Some(Ratings {
            great: count(self.great)?,
            okay: count(self.okay)?,
            not_good: count(self.not_good)?,
        })
    }
}
