//! A segment in Help Scout's own terms.

use std::fmt::{Display, Write as _};

use jiff::{SignedDuration, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::wire::Entry;
use crate::{
    config::{Channel, Segment},
    domain::{Interval, stamp},
};

/// Commas and colons may stand for themselves in a query; a space is `%20`, never `+`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b',')
    .remove(b':');

/// What a segment filters by, looked up: ids for reports, names of tags for lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    segment: String,
    mailboxes: Vec<u64>,
    tags: Vec<Entry>,
    channels: Vec<Channel>,
}

impl Filter {
    pub(super) fn new(segment: &Segment, mailboxes: &[Entry], tags: Vec<Entry>) -> Self {
        Self {
            segment: segment.name.clone(),
            mailboxes: mailboxes.iter().map(|mailbox| mailbox.id).collect(),
            tags,
            channels: segment.channels.clone(),
        }
    }

    /// Tickets with one tag.
    pub(super) fn of_tag(tag: Entry) -> Self {
        Self {
            segment: Segment::ALL.to_owned(),
            mailboxes: Vec::new(),
            tags: vec![tag],
            channels: Vec::new(),
        }
    }

    /// Name of the segment.
    pub fn segment(&self) -> &str {
        &self.segment
    }

    /// Whether the list of conversations, and with it the search, can filter alike: it knows no
    /// channels, and separates the names of tags by commas.
    pub fn can_be_listed(&self) -> bool {
        self.channels.is_empty() && !self.tags.iter().any(|tag| tag.name.contains(','))
    }

    /// Parameters of a report over `interval`.
    pub(super) fn report(&self, interval: Interval) -> Query {
        let mut query = Query::default();
        query.push("start", stamp(interval.start));
        query.push("end", stamp(last_second(interval)));
        query.push_list("mailboxes", &self.mailboxes);
        query.push_list("tags", self.tags.iter().map(|tag| tag.id));
        query.push_list("types", self.channels.iter().map(|channel| channel.name()));
        query
    }

    /// Parameters of the list of conversations with `status`.
    pub(super) fn list(&self, status: &str) -> Query {
        let mut query = Query::default();
        query.push("status", status);
        query.push_list("mailbox", &self.mailboxes);
        query.push_list("tag", self.tags.iter().map(|tag| &tag.name));
        query
    }
}

/// Whether `end` is inside a range is not known, but nothing has parts of a second: a range that
/// ends a second early is the same either way, and never overlaps the next.
pub(super) fn last_second(interval: Interval) -> Timestamp {
    interval
        .end
        .checked_sub(SignedDuration::from_secs(1))
        .unwrap_or(interval.end)
}

/// Parameters of a call, percent-encoded.
#[derive(Debug, Default)]
pub(super) struct Query(String);

impl Query {
    pub(super) fn push(&mut self, name: &str, value: impl Display) {
        let separator = if self.0.is_empty() { "" } else { "&" };
        let value = value.to_string();
        let value = utf8_percent_encode(&value, ENCODED);
        // Writing to a string cannot fail.
        let _always_ok = write!(self.0, "{separator}{name}={value}");
    }

    /// Nothing at all for no values: that would be a filter nothing passes.
    pub(super) fn push_list(&mut self, name: &str, values: impl IntoIterator<Item = impl Display>) {
        let values: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
        if !values.is_empty() {
            self.push(name, values.join(","));
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(id: u64, name: &str) -> Entry {
        Entry {
            id,
            name: name.to_owned(),
        }
    }

    fn filter() -> Filter {
        let segment = Segment {
            name: "usagers".to_owned(),
            channels: vec![Channel::Email, Channel::Phone],
            ..Segment::all()
        };
        Filter::new(
            &segment,
            &[tag(101, "A"), tag(102, "B")],
            vec![tag(7001, "billing"), tag(7002, "Feature request & more")],
        )
    }

    fn interval() -> Interval {
        let end: Timestamp = "2026-01-08T12:34:00Z".parse().unwrap();
        Interval::ending_at(end, 7 * 24 * 60 * 60)
    }

    #[test]
    fn reports_take_ids_and_end_a_second_early() {
        assert_eq!(
            filter().report(interval()).as_str(),
            "start=2026-01-01T12:34:00Z&end=2026-01-08T12:33:59Z\
             &mailboxes=101,102&tags=7001,7002&types=email,phone"
        );
        let all = Filter::new(&Segment::all(), &[], Vec::new());
        assert_eq!(
            all.report(interval()).as_str(),
            "start=2026-01-01T12:34:00Z&end=2026-01-08T12:33:59Z"
        );
    }

    #[test]
    fn lists_take_names_of_tags() {
        assert_eq!(
            filter().list("active").as_str(),
            "status=active&mailbox=101,102&tag=billing,Feature%20request%20%26%20more"
        );
    }

    #[test]
    fn no_milliseconds_are_sent() {
        let instant: Timestamp = "2026-01-08T12:34:00.987654321Z".parse().unwrap();
        assert_eq!(stamp(instant), "2026-01-08T12:34:00Z");
    }

    #[test]
    fn channels_and_commas_cannot_be_listed() {
        let all = Segment::all();
        assert!(Filter::new(&all, &[tag(1, "a,b")], vec![tag(1, "a b")]).can_be_listed());
        assert!(!Filter::new(&all, &[], vec![tag(1, "a,b")]).can_be_listed());
        assert!(!filter().can_be_listed());
    }
}
