//! What the help desk counts. `None` always means unknown, never zero.

use std::fmt;

use jiff::Timestamp;

use super::duration::DAY;
use super::window::Interval;

/// The four ways to count contacts in a window: the label `tickets`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tickets {
    /// Tickets created (`newConversations`).
    Created,
    /// Tickets closed with at least one reply, each once (`resolved`).
    Resolved,
    /// Tickets closed, with or without reply (`closed`).
    Closed,
    /// Replies sent by the team (`repliesSent`).
    Replies,
}

impl Tickets {
    /// All four, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Created, Self::Resolved, Self::Closed, Self::Replies];

    /// The label value.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Resolved => "resolved",
            Self::Closed => "closed",
            Self::Replies => "replies",
        }
    }

    /// Whether single contacts are counted, so that Poisson bounds hold.
    /// Replies come in runs within one ticket.
    pub const fn has_bounds(self) -> bool {
        !matches!(self, Self::Replies)
    }
}

impl fmt::Display for Tickets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What the help desk counted for one segment over one interval.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContactCounts {
    /// Tickets created.
    pub created: Option<u64>,
    /// Tickets closed with at least one reply, each once.
    pub resolved: Option<u64>,
    /// Tickets closed, with or without reply.
    pub closed: Option<u64>,
    /// Replies sent by the team, first messages of new tickets included.
    pub replies: Option<u64>,
    /// Messages received from customers.
    pub received_messages: Option<u64>,
    /// Tickets resolved with exactly one reply.
    pub resolved_on_first_reply: Option<u64>,
    /// Mean wait for the first reply, in seconds.
    pub first_response_mean_seconds: Option<f64>,
    /// Mean wait for any reply, in seconds.
    pub response_mean_seconds: Option<f64>,
    /// Mean time from creation to resolution, in seconds.
    pub resolution_mean_seconds: Option<f64>,
    /// Mean time an agent spent on a reply, in seconds.
    pub handle_mean_seconds: Option<f64>,
}

impl ContactCounts {
    /// The count that `tickets` chooses.
    pub const fn tickets(&self, tickets: Tickets) -> Option<u64> {
        match tickets {
            Tickets::Created => self.created,
            Tickets::Resolved => self.resolved,
            Tickets::Closed => self.closed,
            Tickets::Replies => self.replies,
        }
    }

    /// Share of the resolved tickets that one reply resolved, from 0 to 1.
    /// `None` when nothing was resolved.
    pub fn resolved_on_first_reply_ratio(&self) -> Option<f64> {
        match (self.resolved_on_first_reply, self.resolved) {
            (Some(first), Some(resolved)) if resolved > 0 && first <= resolved => {
                Some(first as f64 / resolved as f64)
            }
            _ => None,
        }
    }
}

/// Ratings received in one interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratings {
    /// "Great".
    pub great: u64,
    /// "Okay".
    pub okay: u64,
    /// "Not good".
    pub not_good: u64,
}

/// Tickets waiting now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenTickets {
    /// Waiting for the team.
    pub active: u64,
    /// Waiting for the customer.
    pub pending: u64,
}

/// How many days of created tickets are kept to judge a rise: eight weeks.
pub const DAYS: usize = 56;

/// Tickets created on each of the [`DAYS`] days that end at the refresh's `end`, oldest first.
/// Day `i` is `[end − (56 − i) days, end − (55 − i) days)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DailyCounts(pub [u64; DAYS]);

impl DailyCounts {
    /// Tickets created in `interval`, for counts whose last day ends at `end`.
    /// `None` when the interval is not made of whole days among them, or when the sum is too
    /// large to count.
    pub fn created_in(&self, end: Timestamp, interval: Interval) -> Option<u64> {
        let index = |instant: Timestamp| {
            let before_end = end.duration_since(instant);
            let whole_days = before_end.as_secs() % DAY == 0 && before_end.subsec_nanos() == 0;
            let days = usize::try_from(before_end.as_secs() / DAY).ok()?;
            whole_days.then(|| DAYS.checked_sub(days)).flatten()
        };
        let days = self.0.get(index(interval.start)?..index(interval.end)?)?;
        days.iter()
            .try_fold(0_u64, |sum, &day| sum.checked_add(day))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::window::Window;
    use super::*;

    fn end() -> Timestamp {
        "2017-12-15T10:30:00Z".parse().unwrap()
    }

    fn days_before_end(days: i64) -> Timestamp {
        Timestamp::from_second(end().as_second() - days * DAY).unwrap()
    }

    /// `first` and `last` in days before `end`.
    fn interval(first: i64, last: i64) -> Interval {
        Interval {
            start: days_before_end(first),
            end: days_before_end(last),
        }
    }

    /// 1 ticket on the oldest day, 56 on the newest.
    fn daily() -> DailyCounts {
        DailyCounts(std::array::from_fn(|day| day as u64 + 1))
    }

    fn counts() -> ContactCounts {
        ContactCounts {
            created: Some(126),
            resolved: Some(87),
            closed: Some(122),
            replies: None,
            resolved_on_first_reply: Some(29),
            ..ContactCounts::default()
        }
    }

    #[test]
    fn names_are_the_label_values() {
        let names = Tickets::ALL.map(|tickets| tickets.to_string());
        assert_eq!(names, ["created", "resolved", "closed", "replies"]);
    }

    #[test]
    fn every_choice_reads_its_own_count() {
        let chosen = Tickets::ALL.map(|tickets| counts().tickets(tickets));
        assert_eq!(chosen, [Some(126), Some(87), Some(122), None]);
        let unknown = Tickets::ALL.map(|tickets| ContactCounts::default().tickets(tickets));
        assert_eq!(unknown, [None; 4]);
    }

    #[test]
    fn replies_have_no_bounds() {
        let with_bounds = Tickets::ALL.map(Tickets::has_bounds);
        assert_eq!(with_bounds, [true, true, true, false]);
    }

    #[test]
    fn share_resolved_on_first_reply() {
        let ratio = |first, resolved| {
            ContactCounts {
                resolved,
                resolved_on_first_reply: first,
                ..counts()
            }
            .resolved_on_first_reply_ratio()
        };
        assert_eq!(ratio(Some(29), Some(87)), Some(1.0 / 3.0));
        assert_eq!(ratio(Some(0), Some(87)), Some(0.0));
        assert_eq!(ratio(Some(87), Some(87)), Some(1.0));
        // Nothing resolved, a contradiction, unknown.
        assert_eq!(ratio(Some(0), Some(0)), None);
        assert_eq!(ratio(Some(88), Some(87)), None);
        assert_eq!(ratio(None, Some(87)), None);
        assert_eq!(ratio(Some(29), None), None);
    }

    #[test]
    fn sums_whole_days() {
        let created = |first, last| daily().created_in(end(), interval(first, last));
        assert_eq!(created(1, 0), Some(56));
        assert_eq!(created(7, 0), Some(50 + 51 + 52 + 53 + 54 + 55 + 56));
        assert_eq!(created(14, 7), Some(43 + 44 + 45 + 46 + 47 + 48 + 49));
        assert_eq!(created(56, 55), Some(1));
        assert_eq!(created(56, 0), Some(56 * 57 / 2));
    }

    #[test]
    fn does_not_know_what_it_does_not_cover() {
        let created = |start, end_of_interval| {
            let interval = Interval {
                start,
                end: end_of_interval,
            };
            daily().created_in(end(), interval)
        };
        assert_eq!(created(days_before_end(57), end()), None);
        assert_eq!(created(days_before_end(57), days_before_end(56)), None);
        assert_eq!(created(days_before_end(1), days_before_end(-1)), None);
        assert_eq!(created(end(), days_before_end(1)), None);
        assert_eq!(created(Timestamp::MIN, end()), None);
        assert_eq!(created(end(), Timestamp::MAX), None);
        let second = jiff::SignedDuration::from_secs(1);
        assert_eq!(created(days_before_end(1) + second, end()), None);
        assert_eq!(created(days_before_end(1), end() - second), None);
        let hour = Window::parse("1h").unwrap();
        assert_eq!(daily().created_in(end(), hour.current(end())), None);
        // A part of a second is no whole day either.
        let part = jiff::SignedDuration::from_millis(500);
        assert_eq!(created(days_before_end(1) + part, end()), None);
    }

    #[test]
    fn a_sum_too_large_to_count_is_unknown() {
        let mut counts = [0; DAYS];
        counts[54] = u64::MAX;
        counts[55] = 1;
        let daily = DailyCounts(counts);
        assert_eq!(daily.created_in(end(), interval(1, 0)), Some(1));
        assert_eq!(daily.created_in(end(), interval(2, 1)), Some(u64::MAX));
        assert_eq!(daily.created_in(end(), interval(2, 0)), None);
    }

    proptest! {
        /// Counts of disjoint intervals add up.
        #[test]
        fn adjacent_intervals_add_up(
            counts in proptest::collection::vec(0_u64..1_000_000, DAYS),
            mut days in proptest::array::uniform3(0_i64..=56),
        ) {
            days.sort_unstable();
            let [last, middle, first] = days;
            let daily = DailyCounts(counts.try_into().unwrap());
            let created = |first, last| daily.created_in(end(), interval(first, last)).unwrap();
            prop_assert_eq!(
                created(first, middle) + created(middle, last),
                created(first, last)
            );
        }

        #[test]
        fn never_panics(start in -400_000_000_000_i64..300_000_000_000, seconds in 0_i64..10_000_000) {
            let start = Timestamp::from_second(start).unwrap_or(Timestamp::MIN);
            let interval = Interval { start, end: start + jiff::SignedDuration::from_secs(seconds) };
            let _ = daily().created_in(end(), interval);
            let _ = daily().created_in(start, interval);
        }
    }
}
