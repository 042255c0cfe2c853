//! What Help Scout writes, and only the part of it that is counted: no name, address, subject or
//! comment of a person is ever decoded.

mod lenient;

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};
use reqwest::header::HeaderValue;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::error::Category;

use self::lenient::{Count, Instant, List, Seconds, object};
use super::auth::Granted;
use crate::domain::{ContactCounts, Ratings};

/// How an `Authorization` value with a token begins.
pub(super) const BEARER: &str = "Bearer ";

/// Life of a token whose answer does not tell it; a 401 ends it earlier.
const UNTOLD_LIFE: Duration = Duration::from_secs(60 * 60);

const DAY: i64 = 24 * 60 * 60;

/// Decodes an answer. The error says what is wrong and where, without any of the answer's text.
pub(super) fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| without_text(&error))
}

fn without_text(error: &serde_json::Error) -> String {
    if error.classify() != Category::Data {
        return format!("no JSON at line {}", error.line());
    }
    let text = error.to_string();
    // serde quotes what it found, then says what it expected: only the latter is our own text.
    match text.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None if text.starts_with("missing field `") => text,
        None => format!(
            "unexpected value at line {} column {}",
            error.line(),
            error.column()
        ),
    }
}

// --- token ---

#[derive(Deserialize)]
#[serde(expecting = "a token")]
struct TokenAnswer {
    access_token: String,
    expires_in: Option<Count>,
}

/// A token answer.
pub(super) fn granted(body: &[u8]) -> Result<Granted, String> {
    let answer: TokenAnswer = decode(body)?;
    if answer.access_token.is_empty() {
        return Err("the token is empty".to_owned());
    }
    let mut authorization = HeaderValue::from_str(&format!("{BEARER}{}", answer.access_token))
        .map_err(|_| "the token does not fit in a header".to_owned())?;
    // Keeps it out of `Debug`.
    authorization.set_sensitive(true);
    Ok(Granted {
        authorization,
        life: answer
            .expires_in
            .map_or(UNTOLD_LIFE, |Count(seconds)| Duration::from_secs(seconds)),
    })
}

/// The standard's code in a refusal of the token endpoint (RFC 6749, 5.2), and nothing else of it.
pub(super) fn oauth_error(body: &[u8]) -> Option<&'static str> {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    const CODES: [&str; 6] = [
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    ];
    let refusal: Refusal = serde_json::from_slice(body).ok()?;
    CODES.into_iter().find(|code| *code == refusal.error)
}

// --- failures ---

/// The message of a failure and the parameters it complains of, bounded and on one line; never the
/// value that was rejected. Takes the shapes of vnd.error and of the gateway.
pub(super) fn problem(body: &[u8]) -> Option<String> {
    const LONGEST: usize = 300;
    const PARAMETERS: usize = 5;
    let problem: serde_json::Value = serde_json::from_slice(body).ok()?;
    let text = |value: &serde_json::Value, key: &str| {
        value.get(key)?.as_str().map(|text| text.trim().to_owned())
    };
    let mut parts: Vec<String> = ["message", "error_description", "error"]
        .into_iter()
        .find_map(|key| text(&problem, key))
        .into_iter()
        .collect();
    let parameters = problem
        .pointer("/_embedded/errors")
        .and_then(serde_json::Value::as_array);
    for parameter in parameters.into_iter().flatten().take(PARAMETERS) {
        let words = [text(parameter, "path"), text(parameter, "message")];
        parts.push(words.into_iter().flatten().collect::<Vec<_>>().join(" "));
    }
    parts.retain(|part| !part.is_empty());
    let line: String = parts
        .join("; ")
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(LONGEST)
        .collect();
    (!line.is_empty()).then_some(line)
}

// --- productivity ---

/// `/v2/reports/productivity`. Not decoded: `totalConversations`, which is no count of contacts,
/// and `percentResolvedOnFirstReply`, whose unit differs between recordings and documents.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "a report")]
pub(super) struct Productivity {
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
    pub(super) fn current(&self) -> ContactCounts {
        self.counts(&self.current, |distribution| distribution.count)
    }

    /// Of the previous range; `None` when the answer has none.
    pub(super) fn previous(&self) -> Option<ContactCounts> {
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
        let closed = count(totals.closed);
        ContactCounts {
            created: count(totals.new_conversations),
            // Resolved tickets are closed ones: none closed, none resolved.
            resolved: count(totals.resolved).or(closed.filter(|closed| *closed == 0)),
            closed,
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
    }
}

// --- series ---

/// A time series. The key of an element's start and value differs between endpoints and eras.
#[derive(Debug, Deserialize)]
#[serde(expecting = "a series")]
pub(super) struct Series {
    current: List<Bucket>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "a bucket")]
struct Bucket {
    start: Option<Instant>,
    date: Option<Instant>,
    count: Option<Count>,
    messages: Option<Count>,
}

impl Series {
    /// All buckets together.
    pub(super) fn sum(&self) -> Result<u64, String> {
        let mut sum: u64 = 0;
        for bucket in &self.current.0 {
            let Some(Count(count)) = bucket.messages.or(bucket.count) else {
                return Err("a bucket without a count".to_owned());
            };
            sum = sum
                .checked_add(count)
                .ok_or_else(|| "counts beyond any number".to_owned())?;
        }
        Ok(sum)
    }

    /// One count per day for the `days` that begin at `start`. A bucket is placed by its own
    /// start, which must be that of one of the days; a day without a bucket counts 0, so the
    /// caller must hold the sum against a count it trusts.
    pub(super) fn by_day(&self, start: Timestamp, days: usize) -> Result<Vec<u64>, String> {
        let mut placed = BTreeMap::new();
        for bucket in &self.current.0 {
            let Some(Instant(at)) = bucket.start.or(bucket.date) else {
                return Err("a bucket without a start".to_owned());
            };
            let Some(Count(count)) = bucket.count else {
                return Err("a bucket without a count".to_owned());
            };
            let offset = at.duration_since(start);
            let day = usize::try_from(offset.as_secs() / DAY)
                .ok()
                .filter(|day| {
                    *day < days && offset == SignedDuration::from_hours(24) * to_i32(*day)
                })
                .ok_or_else(|| {
                    format!("a bucket starts at {at}, not a whole number of days after {start}")
                })?;
            if placed.insert(day, count).is_some() {
                return Err(format!("two buckets start at {at}"));
            }
        }
        Ok((0..days)
            .map(|day| placed.get(&day).copied().unwrap_or(0))
            .collect())
    }
}

fn to_i32(day: usize) -> i32 {
    i32::try_from(day).unwrap_or(i32::MAX)
}

// --- happiness ---

/// `/v2/reports/happiness`; only counts, percentages are of no use where nothing was rated.
#[derive(Debug, Deserialize)]
#[serde(expecting = "a report")]
pub(super) struct Happiness {
    current: RatingCounts,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "counts of ratings")]
struct RatingCounts {
    great_count: Option<Count>,
    okay_count: Option<Count>,
    not_good_count: Option<Count>,
    ratings_count: Option<Count>,
}

impl Happiness {
    /// The ratings. A count left out is 0 only where there were no ratings at all.
    pub(super) fn ratings(&self) -> Result<Ratings, String> {
        let none = self.current.ratings_count == Some(Count(0));
        let count = |count: Option<Count>| match count {
            Some(Count(count)) => Ok(count),
            None if none => Ok(0),
            None => Err("a count of ratings is missing".to_owned()),
        };
        Ok(Ratings {
            great: count(self.current.great_count)?,
            okay: count(self.current.okay_count)?,
            not_good: count(self.current.not_good_count)?,
        })
    }
}

// --- lists ---

/// `/v2/conversations`, of which nothing but the total is read.
#[derive(Debug, Deserialize)]
#[serde(expecting = "a page")]
pub(super) struct Total {
    page: TotalPage,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "page numbers")]
struct TotalPage {
    total_elements: Count,
}

impl Total {
    pub(super) const fn elements(&self) -> u64 {
        self.page.total_elements.0
    }
}

/// A page of mailboxes or of tags.
#[derive(Debug, Deserialize)]
#[serde(expecting = "a page")]
pub(super) struct Named {
    #[serde(rename = "_embedded", default, deserialize_with = "object")]
    embedded: Option<NamedLists>,
    #[serde(rename = "_links", default, deserialize_with = "object")]
    links: Option<Links>,
    #[serde(default, deserialize_with = "object")]
    page: Option<PageNumbers>,
}

/// An answer holds one of them; an empty one neither.
#[derive(Debug, Deserialize)]
#[serde(expecting = "lists")]
struct NamedLists {
    #[serde(default)]
    mailboxes: List<Entry>,
    #[serde(default)]
    tags: List<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "links")]
struct Links {
    next: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "page numbers")]
struct PageNumbers {
    number: Option<Count>,
    total_pages: Option<Count>,
}

/// A mailbox or tag.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(expecting = "a mailbox or tag")]
pub(super) struct Entry {
    pub(super) id: u64,
    pub(super) name: String,
}

impl Named {
    /// Whether a page comes after this one, which was asked for as number `asked`. Links are not
    /// followed, since they hold unencoded characters; that there is one is all that is used.
    pub(super) fn has_next(&self, asked: u64) -> Result<bool, String> {
        let number = self.page.as_ref().and_then(|page| page.number);
        let total = self.page.as_ref().and_then(|page| page.total_pages);
        let linked = self
            .links
            .as_ref()
            .is_some_and(|links| links.next.is_some());
        match (number, total) {
            (Some(Count(0)), _) => Ok(false),
            (Some(Count(number)), _) if number != asked => {
                Err(format!("page {number} came for page {asked}"))
            }
            (_, Some(Count(total))) => Ok(linked && asked < total),
            (_, None) => Ok(linked),
        }
    }

    /// The entries, names unescaped.
    pub(super) fn into_entries(self) -> impl Iterator<Item = Entry> {
        let lists = self.embedded.map(|lists| [lists.mailboxes.0, lists.tags.0]);
        lists.into_iter().flatten().flatten().map(|entry| Entry {
            id: entry.id,
            name: html_escape::decode_html_entities(&entry.name).into_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
