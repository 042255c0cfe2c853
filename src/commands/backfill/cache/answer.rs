//! One answer, in memory and as it is kept.

use serde_json::{Map, Number, Value as Json, json};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

impl Kind {
    const ALL: [Self; 6] = [
        Self::Counts,
        Self::Ratings,
        Self::Created,
        Self::Messages,
        Self::Searched,
        Self::Population,
    ];

    /// Its name in the cache.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counts => "counts",
            Self::Ratings => "ratings",
            Self::Created => "created",
            Self::Messages => "messages",
            Self::Searched => "searched",
            Self::Population => "population",
        }
    }

    /// The kind of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What was answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of [`Kind::Counts`].
    Counts(ContactCounts),
    /// Of [`Kind::Ratings`].
    Ratings(Ratings),
    /// Of [`Kind::Created`], [`Kind::Messages`] and [`Kind::Searched`]. `None` is what the answer does
    /// not say: that is an answer too, and need not be asked again.
    Count(Option<u64>),
    /// Of [`Kind::Population`].
    Population(f64),
}

impl Value {
    /// The value as JSON text, in which a count that is unknown is left out, or null where there is
    /// but one; `None` for a number that JSON cannot write, which no source gives.
    pub fn to_json(&self) -> Option<String> {
        let json = match self {
            Self::Counts(counts) => {
                let mut counts = counts.clone();
                let (counts, means) = numbers(&mut counts);
                let counts = counts.into_iter().filter_map(|(name, count)| {
                    Some((name, Number::from(count.as_ref().copied()?)))
                });
                let means = means
                    .into_iter()
                    .filter_map(|(name, mean)| Some((name, Number::from_f64((*mean)?)?)));
                let pairs = counts.chain(means);
                Json::Object(
                    pairs
                        .map(|(name, number)| (name.to_owned(), Json::Number(number)))
                        .collect(),
                )
            }
            Self::Ratings(ratings) => json!({
                "great": ratings.great,
                "okay": ratings.okay,
                "not_good": ratings.not_good,
            }),
            Self::Count(count) => json!(count),
            Self::Population(value) => Json::Number(Number::from_f64(*value)?),
        };
        Some(json.to_string())
    }

    /// What was kept as an answer of `kind`; `None` when the text is no such answer.
    pub fn from_json(kind: Kind, text: &str) -> Option<Self> {
        let json: Json = serde_json::from_str(text).ok()?;
        Some(match kind {
            Kind::Counts => Self::Counts(counts_of(json.as_object()?)?),
            Kind::Ratings => {
                let count = |name: &str| json.get(name)?.as_u64();
                Self::Ratings(Ratings {
                    great: count("great")?,
                    okay: count("okay")?,
                    not_good: count("not_good")?,
                })
            }
            Kind::Created | Kind::Messages | Kind::Searched => Self::Count(match json {
                Json::Null => None,
                count => Some(count.as_u64()?),
            }),
            Kind::Population => Self::Population(json.as_f64()?),
        })
    }
}

fn counts_of(object: &Map<String, Json>) -> Option<ContactCounts> {
    let mut read = ContactCounts::default();
    let (mut counts, mut means) = numbers(&mut read);
    for (name, number) in object {
        if let Some((_, count)) = counts.iter_mut().find(|(own, _)| own == name) {
            **count = Some(number.as_u64()?);
        } else {
            let (_, mean) = means.iter_mut().find(|(own, _)| own == name)?;
            **mean = Some(number.as_f64()?);
        }
    }
    Some(read)
}

type Named<'a, T, const COUNT: usize> = [(&'static str, &'a mut Option<T>); COUNT];

/// Every number of a report by its name in the cache: counts, then means.
fn numbers(of: &mut ContactCounts) -> (Named<'_, u64, 6>, Named<'_, f64, 4>) {
    // By name, so that a new one is not forgotten here.
    let ContactCounts {
        created,
        resolved,
        closed,
        replies,
        received_messages,
        resolved_on_first_reply,
        first_response_mean_seconds,
        response_mean_seconds,
        resolution_mean_seconds,
        handle_mean_seconds,
    } = of;
    (
        [
            ("created", created),
            ("resolved", resolved),
            ("closed", closed),
            ("replies", replies),
            ("received_messages", received_messages),
            ("resolved_on_first_reply", resolved_on_first_reply),
        ],
        [
            ("first_response_mean_seconds", first_response_mean_seconds),
            ("response_mean_seconds", response_mean_seconds),
            ("resolution_mean_seconds", resolution_mean_seconds),
            ("handle_mean_seconds", handle_mean_seconds),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

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
            (Kind::Created, Value::Count(Some(7))),
            (Kind::Created, Value::Count(None)),
            (Kind::Messages, Value::Count(Some(0))),
            (Kind::Searched, Value::Count(Some(u64::MAX))),
            (Kind::Population, Value::Population(0.1 + 0.2)),
            (Kind::Population, Value::Population(12_345.0)),
        ] {
            let text = value.to_json().unwrap();
            assert_eq!(Value::from_json(kind, &text), Some(value), "{text}");
            assert_eq!(Kind::of(kind.name()), Some(kind));
        }
        assert_eq!(Value::Population(f64::NAN).to_json(), None);
    }

    #[test]
    fn every_number_has_its_own_place() {
        let mut counts = ContactCounts::default();
        let (named, means) = numbers(&mut counts);
        for (number, (_, count)) in (1..).zip(named) {
            *count = Some(number);
        }
        for (number, (_, mean)) in (1..).zip(means) {
            *mean = Some(f64::from(number) / 8.0);
        }
        let text = Value::Counts(counts.clone()).to_json().unwrap();
        assert_eq!(
            Value::from_json(Kind::Counts, &text),
            Some(Value::Counts(counts))
        );
        assert_eq!(text.matches(':').count(), 10, "{text}");
    }

    #[test]
    fn what_does_not_go_together_is_no_answer() {
        for (kind, text) in [
            (Kind::Counts, "1"),
            (Kind::Counts, r#"{"created":1,"x":2}"#),
            (Kind::Counts, r#"{"created":null}"#),
            (Kind::Created, "1.5"),
            (Kind::Created, "-1"),
            (Kind::Created, ""),
            (Kind::Ratings, "{}"),
            (Kind::Population, "null"),
        ] {
            assert_eq!(Value::from_json(kind, text), None, "{kind:?} {text}");
        }
        assert_eq!(Kind::of("nothing"), None);
    }
}
