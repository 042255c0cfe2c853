//! The reports, in the shapes that were recorded.

mod series;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    super::story::{Activity, Filter, Ratings, Story, TAGS},
    Answer, Shape,
    parameters::{Parameters, Range, date},
    problem::Refusal,
};

pub(super) use series::{new_tickets, received_messages};

/// From which value on an entry belongs to the next id, the first id being 1.
type Steps = &'static [i64];

const RESPONSE_STEPS: Steps = &[
    900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800,
];
const HANDLE_STEPS: Steps = &[60, 120, 300, 600];
/// Ids 1 to 5 were recorded, their limits are written nowhere: these are ours.
const RESOLUTION_STEPS: Steps = &[86_400, 172_800, 259_200, 432_000];
const REPLIES_STEPS: Steps = &[2, 3, 4, 5];

/// What every report is asked.
struct Question {
    current: Range,
    previous: Option<Range>,
    filter: Filter,
}

impl Question {
    fn new(mut parameters: Parameters) -> Result<Self, Refusal> {
        let (current, previous) = parameters.ranges();
        let filter = parameters.report_filter();
        parameters.finish()?;
        Ok(Self {
            // Without a range there is no way past `finish`.
            current: current.ok_or_else(|| Refusal::BadRequest(Vec::new()))?,
            previous,
            filter,
        })
    }
}

/// `/v2/reports/productivity`.
pub(super) fn productivity(
    story: &Story,
    shape: Shape,
    query: &str,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    let question = Question::new(Parameters::new(query))?;
    let activity = |range: Range| {
        Productivity::of(story.activity(&question.filter, range.start, range.end(now)))
    };
    let current = activity(question.current);
    let previous = question.previous.map(|range| (range, activity(range)));

    let mut body = Map::new();
    body.insert("filterTags".to_owned(), filter_tags());
    let current_fields = current.fields(question.current, shape.created_in_current);
    if let Some((range, previous)) = &previous {
        let previous_fields = previous.fields(*range, shape.created_in_previous);
        body.insert(
            "deltas".to_owned(),
            deltas(&current_fields, &previous_fields),
        );
        body.insert("previous".to_owned(), Value::Object(previous_fields));
    }
    body.insert("current".to_owned(), Value::Object(current_fields));
    let previous = previous.as_ref().map(|(_, previous)| previous);
    for (name, steps, values) in Productivity::DISTRIBUTIONS {
        let block = distribution(steps, values(&current), previous.map(values));
        body.insert(name.to_owned(), block);
    }
    body.insert(
        "repliesToResolve".to_owned(),
        with_resolution_times(
            distribution(
                REPLIES_STEPS,
                &current.replies_to_resolve,
                previous.map(|previous| previous.replies_to_resolve.as_slice()),
            ),
            &current,
        ),
    );
    Ok(Answer::Report(Value::Object(body)))
}

/// What happened, in columns of which means and distributions are made.
struct Productivity {
    counts: Activity,
    resolution_seconds: Vec<i64>,
    handle_seconds: Vec<i64>,
    replies_to_resolve: Vec<i64>,
}

/// A distribution's key, limits and entries.
type Distribution = (&'static str, Steps, fn(&Productivity) -> &[i64]);

impl Productivity {
    const DISTRIBUTIONS: [Distribution; 4] = [
        ("responseTime", RESPONSE_STEPS, |all| {
            &all.counts.response_seconds
        }),
        ("firstResponseTime", RESPONSE_STEPS, |all| {
            &all.counts.first_response_seconds
        }),
        ("handleTime", HANDLE_STEPS, |all| &all.handle_seconds),
        ("resolutionTime", RESOLUTION_STEPS, |all| {
            &all.resolution_seconds
        }),
    ];

    fn of(counts: Activity) -> Self {
        let resolved = &counts.resolved;
        Self {
            resolution_seconds: resolved
                .iter()
                .map(|ticket| ticket.resolution_seconds)
                .collect(),
            handle_seconds: resolved
                .iter()
                .map(|ticket| ticket.handle_seconds.into())
                .collect(),
            replies_to_resolve: resolved
                .iter()
                .map(|ticket| ticket.replies.into())
                .collect(),
            counts,
        }
    }

    /// The keys of `current` and `previous`.
    fn fields(&self, range: Range, with_created: bool) -> Map<String, Value> {
        let counts = &self.counts;
        let resolved = counts.resolved.len();
        let on_first_reply = counts
            .resolved
            .iter()
            .filter(|ticket| ticket.replies == 1)
            .count();
        // A range without any work has null for what rests on resolved tickets.
        let nothing = counts.closed == 0 && counts.replies == 0;
        let or_null = |value: Value| if nothing { Value::Null } else { value };
        let mut fields = Map::new();
        for (key, value) in [
            ("startDate", json!(date(range.start))),
            ("endDate", json!(date(range.last))),
            ("totalConversations", or_null(json!(resolved))),
            ("resolutionTime", or_null(mean(&self.resolution_seconds))),
            ("repliesToResolve", or_null(mean(&self.replies_to_resolve))),
            ("responseTime", mean(&counts.response_seconds)),
            ("firstResponseTime", mean(&counts.first_response_seconds)),
            ("resolved", or_null(json!(resolved))),
            ("resolvedOnFirstReply", or_null(json!(on_first_reply))),
            ("closed", json!(counts.closed)),
            ("repliesSent", json!(counts.replies)),
            ("handleTime", mean(&self.handle_seconds)),
            (
                "percentResolvedOnFirstReply",
                or_null(json!(percent(on_first_reply, resolved))),
            ),
            ("ratings", json!([])),
        ] {
            fields.insert(key.to_owned(), value);
        }
        if with_created {
            fields.insert("newConversations".to_owned(), json!(counts.created));
            fields.insert("messagesReceived".to_owned(), json!(counts.messages));
            fields.insert("createdInHS".to_owned(), json!(counts.created_by_agents));
        }
        fields
    }
}

/// `/v2/reports/happiness`.
pub(super) fn happiness(story: &Story, query: &str, now: Timestamp) -> Result<Answer, Refusal> {
    let question = Question::new(Parameters::new(query))?;
    let fields = |range: Range| {
        happiness_fields(story.ratings(&question.filter, range.start, range.end(now)))
    };
    let current = fields(question.current);
    let mut body = Map::new();
    body.insert("filterTags".to_owned(), filter_tags());
    if let Some(previous) = question.previous.map(fields) {
        body.insert("deltas".to_owned(), deltas(&current, &previous));
        body.insert("previous".to_owned(), Value::Object(previous));
    }
    body.insert("current".to_owned(), Value::Object(current));
    Ok(Answer::Report(Value::Object(body)))
}

fn happiness_fields(ratings: Ratings) -> Map<String, Value> {
    let Ratings {
        great,
        okay,
        not_good,
        customers,
    } = ratings;
    let all = great + okay + not_good;
    let share = |part: u64, whole: u64| {
        if whole == 0 {
            0.0
        } else {
            100.0 * part as f64 / whole as f64
        }
    };
    let fields = [
        ("ratingsPercent", json!(share(all, customers))),
        ("great", json!(share(great, all))),
        ("okay", json!(share(okay, all))),
        ("notGood", json!(share(not_good, all))),
        (
            "happinessScore",
            json!(share(great, all) - share(not_good, all)),
        ),
        ("greatCount", json!(great)),
        ("okayCount", json!(okay)),
        ("notGoodCount", json!(not_good)),
        ("ratingsCount", json!(all)),
        ("totalCustomers", json!(customers)),
        ("totalCustomersWithRatings", json!(all)),
    ];
    fields
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

fn filter_tags() -> Value {
    TAGS.iter()
        .map(|(id, name)| json!({"name": name, "id": id}))
        .collect()
}

/// Changes in percent; for values that are percentages, plain differences.
pub(super) fn deltas(current: &Map<String, Value>, previous: &Map<String, Value>) -> Value {
    const PERCENTAGES: [&str; 11] = [
        "percentResolvedOnFirstReply",
        "ratingsPercent",
        "great",
        "okay",
        "notGood",
        "happinessScore",
        "browseAction",
        "searchAction",
        "foundAnAnswerResult",
        "failedResult",
        "sentAnEmailResult",
    ];
    let deltas: Map<String, Value> = current
        .iter()
        .filter_map(|(key, now)| {
            let (now, before) = (now.as_f64()?, previous.get(key)?.as_f64()?);
            let delta = if PERCENTAGES.contains(&key.as_str()) {
                now - before
            } else if before == 0.0 {
                return None;
            } else {
                100.0 * (now - before) / before
            };
            Some((key.clone(), json!(delta)))
        })
        .collect();
    Value::Object(deltas)
}

/// `count`, `previousCount` and `ranges`, the fullest range first, empty ones left out.
fn distribution(steps: Steps, current: &[i64], previous: Option<&[i64]>) -> Value {
    let of = |values: &[i64], id: usize| {
        values
            .iter()
            .filter(|value| range_id(steps, **value) == id)
            .count()
    };
    let mut ranges: Vec<(usize, usize, usize)> = (1..=steps.len() + 1)
        .map(|id| {
            (
                id,
                of(current, id),
                previous.map_or(0, |values| of(values, id)),
            )
        })
        .filter(|(_, now, before)| now + before > 0)
        .collect();
    ranges.sort_by_key(|(_, now, _)| std::cmp::Reverse(*now));
    let ranges: Vec<Value> = ranges
        .into_iter()
        .map(|(id, now, before)| {
            let share = percent(now, current.len());
            previous.map_or_else(
                || json!({"id": id, "count": now, "percent": share}),
                |previous| {
                    json!({
                        "id": id, "count": now, "percent": share,
                        "previousCount": before, "previousPercent": percent(before, previous.len()),
                    })
                },
            )
        })
        .collect();
    json!({
        "count": current.len(),
        "previousCount": previous.map_or(0, <[i64]>::len),
        "ranges": ranges,
    })
}

/// Adds to each range of replies how long its tickets took.
fn with_resolution_times(mut block: Value, all: &Productivity) -> Value {
    let ranges = block.get_mut("ranges").and_then(Value::as_array_mut);
    for range in ranges.into_iter().flatten() {
        let id = range.get("id").and_then(Value::as_u64).unwrap_or_default();
        let seconds: Vec<i64> = all
            .replies_to_resolve
            .iter()
            .zip(&all.resolution_seconds)
            .filter(|(replies, _)| range_id(REPLIES_STEPS, **replies) as u64 == id)
            .map(|(_, seconds)| *seconds)
            .collect();
        if let Some(range) = range.as_object_mut() {
            range.insert("resolutionTime".to_owned(), mean(&seconds));
        }
    }
    block
}

fn range_id(steps: Steps, value: i64) -> usize {
    1 + steps.partition_point(|step| *step <= value)
}

/// A mean as the API writes it: whole where it is whole, 0 where there is nothing.
fn mean(values: &[i64]) -> Value {
    let sum: i64 = values.iter().sum();
    let count = i64::try_from(values.len()).unwrap_or(i64::MAX);
    match (sum.checked_div(count), sum.checked_rem(count)) {
        (Some(whole), Some(0)) => json!(whole),
        (Some(_), _) => json!(sum as f64 / count as f64),
        (None, _) => json!(0),
    }
}

fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        100.0 * part as f64 / whole as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distributions_sum_to_their_count_and_leave_empty_ranges_out() {
        let block = distribution(HANDLE_STEPS, &[59, 60, 61, 600, 5_000, 100], None);
        assert_eq!(
            block,
            json!({"count": 6, "previousCount": 0, "ranges": [
                {"id": 2, "count": 3, "percent": 50.0},
                {"id": 5, "count": 2, "percent": 100.0 / 3.0},
                {"id": 1, "count": 1, "percent": 100.0 / 6.0},
            ]})
        );
        let block = distribution(REPLIES_STEPS, &[1, 1], Some(&[7]));
        assert_eq!(
            block,
            json!({"count": 2, "previousCount": 1, "ranges": [
                {"id": 1, "count": 2, "percent": 100.0, "previousCount": 0, "previousPercent": 0.0},
                {"id": 5, "count": 0, "percent": 0.0, "previousCount": 1, "previousPercent": 100.0},
            ]})
        );
    }

    #[test]
    fn means_are_whole_where_they_can_be() {
        assert_eq!(mean(&[]).to_string(), "0");
        assert_eq!(mean(&[2, 4]).to_string(), "3");
        assert_eq!(mean(&[2, 3]).to_string(), "2.5");
    }

    #[test]
    fn deltas_are_percent_and_differences() {
        let fields = |value: Value| value.as_object().unwrap().clone();
        let deltas = deltas(
            &fields(json!({"greatCount": 7, "great": 70.0, "okayCount": 2, "startDate": "x"})),
            &fields(json!({"greatCount": 1, "great": 20.0, "okayCount": 0, "startDate": "y"})),
        );
        assert_eq!(deltas, json!({"greatCount": 600.0, "great": 50.0}));
    }
}
