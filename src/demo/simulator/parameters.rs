//! Query parameters, read strictly.

use jiff::{SignedDuration, Timestamp};
use url::form_urlencoded;

use super::{
    super::story::{Channel, Filter, HELP_SITES, MAILBOXES, Status, TAGS},
    problem::{FieldProblem, Refusal},
};

/// A range of time as reports are asked for it: the last second belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) start: Timestamp,
    pub(super) last: Timestamp,
}

impl Range {
    /// The first instant after it that may be told of `now`: the future is not known.
    pub(super) fn end(self, now: Timestamp) -> Timestamp {
        next_second(self.last.min(now))
    }
}

/// The first instant after a second.
pub(super) fn next_second(instant: Timestamp) -> Timestamp {
    instant
        .checked_add(SignedDuration::from_secs(1))
        .unwrap_or(instant)
}

/// The parameters of one request. Each is asked for once; [`Parameters::finish`] then refuses the
/// request if any was wrong, or was not asked for.
pub(super) struct Parameters {
    pairs: Vec<(String, String)>,
    problems: Vec<FieldProblem>,
}

impl Parameters {
    pub(super) fn new(query: &str) -> Self {
        Self {
            pairs: form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
            problems: Vec::new(),
        }
    }

    /// Says that all parameters have been asked for.
    pub(super) fn finish(mut self) -> Result<(), Refusal> {
        let left = std::mem::take(&mut self.pairs);
        self.problems
            .extend(left.into_iter().map(|(path, rejected)| FieldProblem {
                path,
                message: "is not a parameter here, or is given twice",
                rejected,
            }));
        if self.problems.is_empty() {
            Ok(())
        } else {
            Err(Refusal::BadRequest(self.problems))
        }
    }

    /// Notes what is wrong with a parameter.
    pub(super) fn refuse(&mut self, path: &str, message: &'static str, rejected: &str) {
        self.problems.push(FieldProblem {
            path: path.to_owned(),
            message,
            rejected: rejected.to_owned(),
        });
    }

    /// A parameter's value.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let index = self.pairs.iter().position(|(key, _)| key == name)?;
        Some(self.pairs.remove(index).1)
    }

    /// The range of a report, and the one it is compared with.
    pub(super) fn ranges(&mut self) -> (Option<Range>, Option<Range>) {
        let current = self.range("start", "end", true);
        let previous = self.range("previousStart", "previousEnd", false);
        (current, previous)
    }

    /// `mailboxes`, `tags` and `types` of a report.
    pub(super) fn report_filter(&mut self) -> Filter {
        let channels = self.list("types", "must be email, chat or phone", |text| match text {
            "email" => Some(Channel::Email),
            "chat" => Some(Channel::Chat),
            "phone" => Some(Channel::Phone),
            _ => None,
        });
        Filter {
            mailboxes: self.ids("mailboxes", &MAILBOXES),
            tags: self.ids("tags", &TAGS),
            channels,
        }
    }

    /// `sites` of the report on the help centre, by index; none means all.
    pub(super) fn sites(&mut self) -> Vec<usize> {
        self.list("sites", "must be sites of this account", |text| {
            HELP_SITES.iter().position(|(id, _)| *id == text)
        })
    }

    /// `mailbox` and `tag` of the list of conversations, which takes tags by name.
    pub(super) fn list_filter(&mut self) -> Filter {
        Filter {
            mailboxes: self.ids("mailbox", &MAILBOXES),
            tags: self.list("tag", "no such tag", |text| {
                TAGS.iter()
                    .find(|(_, name)| *name == text)
                    .map(|(id, _)| *id)
            }),
            channels: Vec::new(),
        }
    }

    /// `status` of the list of conversations.
    pub(super) fn statuses(&mut self) -> &'static [Status] {
        let value = self.take("status");
        match value.as_deref() {
            None | Some("active") => &[Status::Active],
            Some("pending") => &[Status::Pending],
            Some("open") => &[Status::Active, Status::Pending],
            Some("closed") => &[Status::Closed],
            Some("spam") => &[Status::Spam],
            Some("all") => &[
                Status::Active,
                Status::Pending,
                Status::Closed,
                Status::Spam,
            ],
            Some(other) => {
                self.refuse("status", "value not supported", other);
                &[]
            }
        }
    }

    /// `query` of the list of conversations: `(createdAt:[A TO B])`, both ends included, either a
    /// date or `*`. Without it, all time.
    pub(super) fn created(&mut self) -> Range {
        let mut range = Range {
            start: Timestamp::MIN,
            last: Timestamp::MAX,
        };
        if let Some(query) = self.take("query") {
            let ends = query
                .strip_prefix("(createdAt:[")
                .and_then(|rest| rest.strip_suffix("])"))
                .and_then(|rest| rest.split_once(" TO "));
            let end = |text: &str, open| match text {
                "*" => Some(open),
                text => parse_date(text),
            };
            match ends.map(|(start, last)| (end(start, range.start), end(last, range.last))) {
                Some((Some(start), Some(last))) => range = Range { start, last },
                _ => self.refuse("query", "only (createdAt:[A TO B]) is simulated", &query),
            }
        }
        range
    }

    /// `sortField` and `sortOrder`: whether conversations come oldest first. By default the newest is
    /// first.
    pub(super) fn oldest_first(&mut self) -> bool {
        if let Some(field) = self.take("sortField")
            && field != "createdAt"
        {
            self.refuse(
                "sortField",
                "is not one that this simulator sorts by",
                &field,
            );
        }
        match self.take("sortOrder").as_deref() {
            None | Some("desc") => false,
            Some("asc") => true,
            Some(other) => {
                self.refuse("sortOrder", "must be asc or desc", other);
                false
            }
        }
    }

    /// `page`, from 1.
    pub(super) fn page(&mut self) -> usize {
        let Some(value) = self.take("page") else {
            return 1;
        };
        match value.parse() {
            Ok(page) if (1..=1_000_000).contains(&page) => page,
            _ => {
                self.refuse("page", "must be a number from 1", &value);
                1
            }
        }
    }

    fn range(&mut self, start_name: &str, end_name: &str, required: bool) -> Option<Range> {
        match (self.take(start_name), self.take(end_name)) {
            (None, None) if !required => None,
            (start, end) => {
                let start = self.date(start_name, start);
                let last = self.date(end_name, end);
                let range = Range {
                    start: start?,
                    last: last?,
                };
                if range.last < range.start {
                    let end = date(range.last);
                    self.refuse(end_name, "must not be before the start", &end);
                    return None;
                }
                Some(range)
            }
        }
    }

    fn date(&mut self, name: &str, value: Option<String>) -> Option<Timestamp> {
        let Some(value) = value else {
            self.refuse(name, "may not be empty", "");
            return None;
        };
        let date = parse_date(&value);
        if date.is_none() {
            self.refuse(name, "must be a valid ISO 8601 date", &value);
        }
        date
    }

    fn ids(&mut self, name: &str, known: &[(u64, &str)]) -> Vec<u64> {
        self.list(name, "must be identifiers of this account", |text| {
            text.parse()
                .ok()
                .filter(|id| known.iter().any(|(known, _)| known == id))
        })
    }

    fn list<T>(
        &mut self,
        name: &str,
        message: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        let Some(value) = self.take(name) else {
            return Vec::new();
        };
        let parsed: Option<Vec<T>> = value.split(',').map(parse).collect();
        parsed.unwrap_or_else(|| {
            self.refuse(name, message, &value);
            Vec::new()
        })
    }
}

/// An instant as the API writes it: `yyyy-MM-ddTHH:mm:ssZ`.
pub(super) fn date(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `yyyy-MM-ddTHH:mm:ssZ` and nothing else.
fn parse_date(text: &str) -> Option<Timestamp> {
    let shape = text.bytes().map(|byte| match byte {
        b'0'..=b'9' => b'0',
        other => other,
    });
    shape
        .eq(*b"0000-00-00T00:00:00Z")
        .then(|| text.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_one_form() {
        assert!(parse_date("2026-01-31T23:59:59Z").is_some());
        for text in [
            "",
            "2026-01-31",
            "2026-01-31T23:59:59",
            "2026-01-31T23:59:59.000Z",
            "2026-01-31T23:59:59+00:00",
            "2026-02-31T23:59:59Z",
            "2026-01-31t23:59:59Z",
        ] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    #[test]
    fn every_mistake_is_named() {
        let mut parameters = Parameters::new(
            "start=yesterday&previousEnd=2026-01-01T00:00:00Z&mailboxes=1&types=email,fax&color=red",
        );
        parameters.ranges();
        parameters.report_filter();
        let Err(Refusal::BadRequest(problems)) = parameters.finish() else {
            panic!("accepted");
        };
        let paths: Vec<&str> = problems
            .iter()
            .map(|problem| problem.path.as_str())
            .collect();
        assert_eq!(
            paths,
            [
                "start",
                "end",
                "previousStart",
                "types",
                "mailboxes",
                "color"
            ]
        );
    }

    #[test]
    fn both_ends_of_a_search_are_in_it() {
        let mut parameters =
            Parameters::new("query=(createdAt%3A[2026-01-01T00:00:00Z+TO+2026-01-31T23:59:59Z])");
        let range = parameters.created();
        assert!(parameters.finish().is_ok());
        assert_eq!(
            range.end(Timestamp::MAX).to_string(),
            "2026-02-01T00:00:00Z"
        );
        assert_eq!(range.end(range.start).to_string(), "2026-01-01T00:00:01Z");
    }
}
