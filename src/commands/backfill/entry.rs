//! One answer, in memory and as a line of the cache.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{ContactCounts, Interval, Ratings};

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// What was counted.
    pub kind: Kind,
    /// Index of the segment or population.
    pub subject: usize,
    /// Over which interval.
    pub interval: Interval,
}

/// What was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// All that a productivity report counts.
    Counts,
    /// Ratings.
    Ratings,
    /// Tickets created, from a series by day.
    Created,
    /// Messages received, from their own series.
    Messages,
    /// Tickets created, by search.
    Searched,
    /// A population.
    Population,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of [`Kind::Counts`].
    Counts(ContactCounts),
    /// Of [`Kind::Ratings`].
    Ratings(Ratings),
    /// Of [`Kind::Created`], [`Kind::Messages`] and [`Kind::Searched`].
    Count(u64),
    /// Asked for, and left out of the answer.
    Untold,
    /// Of [`Kind::Population`].
    Population(f64),
}

/// A line of the cache. Segments and populations go by their names.
#[derive(Debug, Serialize, Deserialize)]
pub struct Line<'a> {
    /// What was counted.
    pub kind: Kind,
    /// Name of the segment or population.
    #[serde(borrow)]
    pub of: std::borrow::Cow<'a, str>,
    #[serde(with = "instant")]
    start: Timestamp,
    #[serde(with = "instant")]
    end: Timestamp,
    value: Written,
}

/// Instants as RFC 3339 writes them.
mod instant {
    use jiff::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub fn serialize<S: Serializer>(instant: &Timestamp, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(instant)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(text: D) -> Result<Timestamp, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(text)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Number(serde_json::Number),
    Nothing(()),
    Ratings(WrittenRatings),
    Counts(Box<WrittenCounts>),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRatings {
    great: u64,
    okay: u64,
    not_good: u64,
}

/// A count that is unknown is left out.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCounts {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resolved: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    closed: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replies: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    received_messages: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resolved_on_first_reply: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_response_mean_seconds: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    response_mean_seconds: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resolution_mean_seconds: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    handle_mean_seconds: Option<f64>,
}

impl<'a> Line<'a> {
    /// The line of an answer; `None` for a number that JSON cannot write, which no source gives.
    pub fn new(key: Key, of: &'a str, value: &Value) -> Option<Self> {
        let value = match value {
            Value::Counts(counts) => Written::Counts(Box::new(WrittenCounts {
                created: counts.created,
                resolved: counts.resolved,
                closed: counts.closed,
                replies: counts.replies,
                received_messages: counts.received_messages,
                resolved_on_first_reply: counts.resolved_on_first_reply,
                first_response_mean_seconds: counts.first_response_mean_seconds,
                response_mean_seconds: counts.response_mean_seconds,
                resolution_mean_seconds: counts.resolution_mean_seconds,
                handle_mean_seconds: counts.handle_mean_seconds,
            })),
            Value::Ratings(ratings) => Written::Ratings(WrittenRatings {
                great: ratings.great,
                okay: ratings.okay,
                not_good: ratings.not_good,
            }),
            Value::Count(count) => Written::Number((*count).into()),
            Value::Untold => Written::Nothing(()),
            Value::Population(value) => Written::Number(serde_json::Number::from_f64(*value)?),
        };
        Some(Self {
            kind: key.kind,
            of: of.into(),
            start: key.interval.start,
            end: key.interval.end,
            value,
        })
    }

    /// Over which interval.
    pub const fn interval(&self) -> Interval {
        Interval {
            start: self.start,
            end: self.end,
        }
    }

    /// What was answered; `None` when kind and value do not go together.
    pub fn value(&self) -> Option<Value> {
        Some(match (self.kind, &self.value) {
            (Kind::Counts, Written::Counts(counts)) => Value::Counts(ContactCounts {
                created: counts.created,
                resolved: counts.resolved,
                closed: counts.closed,
                replies: counts.replies,
                received_messages: counts.received_messages,
                resolved_on_first_reply: counts.resolved_on_first_reply,
                first_response_mean_seconds: counts.first_response_mean_seconds,
                response_mean_seconds: counts.response_mean_seconds,
                resolution_mean_seconds: counts.resolution_mean_seconds,
                handle_mean_seconds: counts.handle_mean_seconds,
            }),
            (Kind::Ratings, Written::Ratings(ratings)) => Value::Ratings(Ratings {
                great: ratings.great,
                okay: ratings.okay,
                not_good: ratings.not_good,
            }),
            (Kind::Created | Kind::Messages | Kind::Searched, Written::Number(number)) => {
                Value::Count(number.as_u64()?)
            }
            (Kind::Messages, Written::Nothing(())) => Value::Untold,
            (Kind::Population, Written::Number(number)) => Value::Population(number.as_f64()?),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: Kind) -> Key {
        Key {
            kind,
            subject: 0,
            interval: Interval::ending_at("2025-01-02T00:00:00Z".parse().unwrap(), 86_400),
        }
    }

    #[test]
    fn every_answer_reads_back_as_it_was() {
        let counts = ContactCounts {
            created: Some(12),
            closed: Some(0),
            response_mean_seconds: Some(1.0 / 3.0),
            ..ContactCounts::default()
        };
        let ratings = Ratings {
            great: 3,
            okay: 0,
            not_good: u64::MAX,
        };
        for (kind, value) in [
            (Kind::Counts, Value::Counts(counts)),
            (Kind::Counts, Value::Counts(ContactCounts::default())),
            (Kind::Ratings, Value::Ratings(ratings)),
            (Kind::Created, Value::Count(7)),
            (Kind::Messages, Value::Count(0)),
            (Kind::Searched, Value::Count(1 << 53)),
            (Kind::Population, Value::Population(0.1 + 0.2)),
            (Kind::Population, Value::Population(12_345.0)),
        ] {
            let key = key(kind);
            let line = Line::new(key, "a \"b\"\n", &value).unwrap();
            let text = serde_json::to_string(&line).unwrap();
            assert!(!text.contains('\n'));
            let read: Line = serde_json::from_str(&text).unwrap();
            assert_eq!((read.kind, &*read.of), (kind, "a \"b\"\n"));
            assert_eq!(read.interval(), key.interval);
            assert_eq!(read.value(), Some(value), "{text}");
        }
        assert!(Line::new(key(Kind::Population), "a", &Value::Population(f64::NAN)).is_none());
    }

    #[test]
    fn what_does_not_go_together_is_no_answer() {
        let text = |kind: &str, value: &str| {
            format!(
                r#"{{"kind":"{kind}","of":"all","start":"2025-01-01T00:00:00Z","end":"2025-01-02T00:00:00Z","value":{value}}}"#
            )
        };
        for (kind, value) in [
            ("counts", "1"),
            ("created", "1.5"),
            ("created", "-1"),
            ("ratings", "{}"),
        ] {
            let line = text(kind, value);
            let read: Option<Line> = serde_json::from_str(&line).ok();
            assert_eq!(read.and_then(|read| read.value()), None, "{line}");
        }
        assert!(serde_json::from_str::<Line>(&text("counts", r#"{"created":1,"x":2}"#)).is_err());
    }
}
