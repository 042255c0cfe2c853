//! Series over time. Buckets begin at the start that was asked for, not at midnight.

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde_json::{Map, Value, json};

use super::{
    super::{
        super::story::{DAY, Filter, Story},
        Answer, Shape,
        parameters::{Parameters, Range, date, next_second},
        problem::Refusal,
    },
    Question,
};

/// More than the months of 20 years.
const BUCKETS: i64 = 256;

/// Length of a bucket.
#[derive(Clone, Copy)]
enum View {
    Day,
    Week,
    Month,
}

/// `/v2/reports/conversations/new`.
pub(in super::super) fn new_tickets(
    story: &Story,
    shape: Shape,
    query: &str,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    series(
        shape,
        query,
        now,
        ("start", "count"),
        |filter, start, end| story.created(filter, start, end),
    )
}

/// `/v2/reports/conversations/received-messages`.
pub(in super::super) fn received_messages(
    story: &Story,
    shape: Shape,
    query: &str,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    series(
        shape,
        query,
        now,
        ("date", "messages"),
        |filter, start, end| story.activity(filter, start, end).messages,
    )
}

fn series(
    shape: Shape,
    query: &str,
    now: Timestamp,
    (start_key, value_key): (&str, &str),
    count: impl Fn(&Filter, Timestamp, Timestamp) -> u64,
) -> Result<Answer, Refusal> {
    let mut parameters = Parameters::new(query);
    let view = view(&mut parameters);
    let question = Question::new(parameters)?;
    let points = |range: Range| -> Result<Value, Refusal> {
        check_length(view, range)?;
        let end = range.end(now);
        let points = buckets(view, range)
            .into_iter()
            .map(|(start, next)| (start, count(&question.filter, start, next.min(end))))
            .filter(|(_, value)| shape.empty_buckets || *value > 0)
            .map(|(start, value)| json!({start_key: date(start), value_key: value}))
            .collect();
        Ok(Value::Array(points))
    };
    let mut body = Map::new();
    body.insert("current".to_owned(), points(question.current)?);
    if let Some(previous) = question.previous {
        body.insert("previous".to_owned(), points(previous)?);
    }
    Ok(Answer::Report(Value::Object(body)))
}

fn view(parameters: &mut Parameters) -> View {
    match parameters.take("viewBy").as_deref() {
        Some("day") => View::Day,
        // What is not said is a week, as samples show.
        None | Some("week") => View::Week,
        Some("month") => View::Month,
        Some(other) => {
            parameters.refuse("viewBy", "must be day, week or month", other);
            View::Week
        }
    }
}

/// Days for up to 60 days, weeks for up to a year, months from 61 days on. Ranges of more than 20
/// years are refused too, which keeps answers small.
fn check_length(view: View, range: Range) -> Result<(), Refusal> {
    let seconds = next_second(range.last).as_second() - range.start.as_second();
    let (name, is_fit) = match view {
        View::Day => ("day", seconds <= 60 * DAY),
        View::Week => ("week", seconds <= 366 * DAY),
        View::Month => ("month", (61 * DAY..=20 * 366 * DAY).contains(&seconds)),
    };
    if is_fit {
        return Ok(());
    }
    let mut parameters = Parameters::new("");
    parameters.refuse("viewBy", "value not supported for this range", name);
    parameters.finish()
}

/// Start of each bucket, and of the next one.
fn buckets(view: View, range: Range) -> Vec<(Timestamp, Timestamp)> {
    let first = range.start.to_zoned(TimeZone::UTC);
    let start = |index: i64| {
        let span = match view {
            View::Day => index.days(),
            View::Week => index.weeks(),
            View::Month => index.months(),
        };
        first
            .checked_add(span)
            .map_or(Timestamp::MAX, |start| start.timestamp())
    };
    (0..BUCKETS)
        .map(|index| (start(index), start(index + 1)))
        .take_while(|(start, _)| *start <= range.last)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: &str, last: &str) -> Range {
        Range {
            start: start.parse().unwrap(),
            last: last.parse().unwrap(),
        }
    }

    #[test]
    fn buckets_begin_at_the_start() {
        let range = range("2026-01-31T13:30:00Z", "2026-04-10T13:29:59Z");
        let starts = |view| -> Vec<String> {
            buckets(view, range)
                .iter()
                .map(|(start, _)| start.to_string())
                .collect()
        };
        assert_eq!(
            starts(View::Month),
            [
                "2026-01-31T13:30:00Z",
                "2026-02-28T13:30:00Z",
                "2026-03-31T13:30:00Z"
            ]
        );
        assert_eq!(starts(View::Week)[1], "2026-02-07T13:30:00Z");
        assert_eq!(starts(View::Day).len(), 69);
    }

    #[test]
    fn a_view_must_fit_the_range() {
        let day = "2026-01-01T00:00:00Z";
        for (view, last, is_fit) in [
            (View::Day, "2026-03-01T23:59:59Z", true),
            (View::Day, "2026-03-02T00:00:00Z", false),
            (View::Month, "2026-03-01T00:00:00Z", false),
            (View::Month, "2036-01-01T00:00:00Z", true),
            (View::Week, "2026-12-31T23:59:59Z", true),
            (View::Week, "2027-02-01T00:00:00Z", false),
        ] {
            assert_eq!(
                check_length(view, range(day, last)).is_ok(),
                is_fit,
                "{last}"
            );
        }
    }
}
