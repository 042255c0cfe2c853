//! Reading with names and ids that are looked up: which zeros are believed.

use futures_util::future::BoxFuture;
use tokio::time::{Instant, timeout_at};

use super::{Error, Filter, Reader};
use crate::{
    chain::chain,
    config::Segment,
    domain::{Contacts, DailyCounts, OpenTickets, Reason, SourceFailure},
};

/// Asks about a segment.
pub(super) struct Asking<'q> {
    /// The client.
    pub(super) reader: Reader<'q>,
    /// What is asked about.
    pub(super) segment: &'q Segment,
    /// Nothing is waited for past it,
    pub(super) deadline: Instant,
    /// and what is said then.
    pub(super) late: &'static str,
}

impl<'q> Asking<'q> {
    /// Looks the segment's filter up and reads with it, all before the deadline.
    ///
    /// A zero that rests on a name or id looked up before `since` is believed only when the lists,
    /// read again, still have it: lists filter by the names of tags, and a name that nothing has any
    /// more counts 0.
    pub(super) async fn read<T: Send>(
        &self,
        since: impl Fn() -> Instant + Send + Sync,
        is_zero: fn(&T) -> bool,
        read: impl Fn(Filter) -> BoxFuture<'q, Result<T, Error>> + Send + Sync,
    ) -> Result<T, SourceFailure> {
        let Self {
            reader, segment, ..
        } = self;
        let reading = async {
            let filter = reader.filter(segment).await?;
            let value = read(filter.clone()).await?;
            if !is_zero(&value) {
                return Ok(value);
            }
            let now = reader.filter_since(segment, since()).await?;
            if now == filter {
                return Ok(value);
            }
            read(now).await
        };
        let failed = |reason, text| SourceFailure {
            reason,
            segments: vec![segment.name.clone()],
            text,
        };
        match timeout_at(self.deadline, reading).await {
            Ok(result) => result.map_err(|error: Error| failed(error.reason(), chain(&error))),
            Err(_) => Err(failed(Reason::Timeout, self.late.to_owned())),
        }
    }
}

pub(super) fn created_none(contacts: &Contacts) -> bool {
    contacts.current.created == Some(0) || contacts.previous.created == Some(0)
}

#[expect(clippy::ref_option, reason = "it is told what a question gives")]
pub(super) fn none_open(open: &Option<OpenTickets>) -> bool {
    let counts = open.iter().flatten().map(|status| status.count);
    open.is_some() && counts.fold(0_u64, u64::saturating_add) == 0
}

pub(super) fn no_ticket(days: &DailyCounts) -> bool {
    days.iter().all(|(_, count)| count.unwrap_or(0) == 0)
}

pub(super) const fn never<T>(_: &T) -> bool {
    false
}
