//! The seam for the past: what `backfill`, `report` and the history ask.

use jiff::{civil::Date, tz::TimeZone};

use crate::{
    config::Segment,
    domain::{ContactCounts, Contacts, DailyCounts, Interval, Ratings, SourceFailure},
    sources::{capabilities::Capabilities, helpscout, sql_desk},
};

/// Questions about the past. They may be asked all at once: calls take turns.
///
/// What a source can tell may show with its first answer. Who knows nothing yet asks one question
/// before the others, and looks at [`capabilities`](Self::capabilities) then.
#[derive(Clone, Copy, Debug)]
pub enum PastReader<'a> {
    /// Of a Help Scout account.
    HelpScout(helpscout::Past<'a>),
    /// Of a SQL database.
    Sql(sql_desk::Past<'a>),
}

impl<'a> PastReader<'a> {
    /// What can be told, as far as is known by now.
    pub fn capabilities(&self) -> Capabilities {
        match self {
            Self::HelpScout(past) => past.capabilities(),
            Self::Sql(past) => past.capabilities(),
        }
    }

    /// Takes what an earlier run found out of [`Capabilities::all_counts`], if nothing is known yet.
    pub fn recall(&self, all_counts: bool) {
        match self {
            Self::HelpScout(past) => past.recall(all_counts),
            Self::Sql(_) => {}
        }
    }

    /// Looks up what a segment names, so that a wrong name is told before anything is counted.
    pub async fn look_up(&self, segment: &'a Segment) -> Result<(), SourceFailure> {
        match self {
            Self::HelpScout(past) => past.look_up(segment).await,
            Self::Sql(_) => Ok(()),
        }
    }

    /// Counts of a segment in an interval, in whichever way the source has. What it cannot tell is
    /// unknown.
    pub async fn counts(
        &self,
        segment: &'a Segment,
        interval: Interval,
    ) -> Result<ContactCounts, SourceFailure> {
        match self {
            Self::HelpScout(past) => past.counts(segment, interval).await,
            Self::Sql(past) => past.counts(segment, interval).await,
        }
    }

    /// Counts of a segment in an interval, and in the equal one just before it where that is asked
    /// for (else nothing is known of it), as a source with
    /// [all counts](Capabilities::all_counts) has them. Others fail.
    pub async fn all_counts(
        &self,
        segment: &'a Segment,
        later: Interval,
        earlier: Option<Interval>,
    ) -> Result<Contacts, SourceFailure> {
        match self {
            Self::HelpScout(past) => past.reported(segment, later, earlier).await,
            Self::Sql(past) => past.both(segment, later, earlier).await,
        }
    }

    /// Tickets of a segment created in an interval, as a source without all counts has them; `None`
    /// where it cannot filter by the segment.
    pub async fn created(
        &self,
        segment: &'a Segment,
        interval: Interval,
    ) -> Result<Option<u64>, SourceFailure> {
        match self {
            Self::HelpScout(past) => past.created(segment, interval).await,
            Self::Sql(past) => Ok(past.counts(segment, interval).await?.created),
        }
    }

    /// Tickets of a segment created on each day of 24 hours of an interval of at most
    /// [`MOST_DAYS`](crate::sources::capabilities::MOST_DAYS), the last of which may be cut short,
    /// as a source with [days](Capabilities::days) has them: nothing may be concluded from them
    /// before they are [confirmed](crate::domain::confirm).
    pub async fn created_by_day(
        &self,
        segment: &'a Segment,
        interval: Interval,
    ) -> Result<DailyCounts, SourceFailure> {
        match self {
            Self::HelpScout(past) => past.created_by_day(segment, interval).await,
            Self::Sql(past) => past.created_by_day(segment, interval).await,
        }
    }

    /// Messages received on each day of 24 hours of an interval of at most
    /// [`MOST_DAYS`](crate::sources::capabilities::MOST_DAYS), where all counts leave them out: a
    /// day that the answer leaves out is `None`, and so is all where the source has none.
    pub async fn messages_by_day(
        &self,
        segment: &'a Segment,
        interval: Interval,
    ) -> Result<Option<Vec<Option<u64>>>, SourceFailure> {
        match self {
            Self::HelpScout(past) => past.messages_by_day(segment, interval).await,
            Self::Sql(_) => Ok(None),
        }
    }

    /// Messages received in an interval, where all counts leave them out; `None` where they cannot
    /// be known.
    pub async fn messages(
        &self,
        segment: &'a Segment,
        interval: Interval,
    ) -> Result<Option<u64>, SourceFailure> {
        match self {
            Self::HelpScout(past) => past.messages(segment, interval).await,
            Self::Sql(_) => Ok(None),
        }
    }

    /// Ratings received in an interval, and in the equal one just before it where that is asked for,
    /// from a source that has [ratings](Capabilities::ratings).
    pub async fn ratings(
        &self,
        segment: &'a Segment,
        later: Interval,
        earlier: Option<Interval>,
    ) -> Result<(Ratings, Option<Ratings>), SourceFailure> {
        match self {
            Self::HelpScout(past) => past.ratings(segment, later, earlier).await,
            Self::Sql(past) => past.ratings(segment, later, earlier).await,
        }
    }

    /// Tickets of a segment created on each of `days` consecutive days of a calendar, from `first`
    /// on: whole days that have ended. `None` is unknown.
    ///
    /// Days are held against another count before anything is made of them, and a day without a
    /// ticket is 0 only where that count says so. Days before the first ticket are 0 too: what had
    /// not begun by then is for the caller to see.
    pub async fn created_on_days(
        &self,
        segment: &'a Segment,
        first: Date,
        days: usize,
        zone: &TimeZone,
    ) -> Result<Vec<Option<u64>>, SourceFailure> {
        match self {
            Self::HelpScout(past) => past.created_on_days(segment, first, days, zone).await,
            Self::Sql(past) => past.created_on_days(segment, first, days, zone).await,
        }
    }
}
