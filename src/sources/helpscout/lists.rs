//! Counts by listing conversations: on every plan, one number per call, nobody's data read.

use futures_util::future::{join, join3};

use super::{
    Reader,
    endpoint::Endpoint,
    error::Error,
    filter::{Filter, Query, last_second},
    wire::{Oldest, Total},
};
use crate::domain::{Interval, OpenCount, OpenTickets, stamp};

impl Reader<'_> {
    /// Tickets waiting now, and the oldest of each status. Fails for a filter that
    /// [cannot be listed](Filter::can_be_listed).
    pub async fn open_tickets(&self, filter: &Filter) -> Result<OpenTickets, Error> {
        let (active, pending) =
            join(self.open(filter, "active"), self.open(filter, "pending")).await;
        Ok(vec![active?, pending?])
    }

    async fn open(&self, filter: &Filter, status: &str) -> Result<OpenCount, Error> {
        let mut query = listed(filter, status)?;
        query.push("sortField", "createdAt");
        query.push("sortOrder", "asc");
        let list: Oldest = self.get(Endpoint::Conversations, &query).await?;
        Ok(OpenCount {
            status: status.to_owned(),
            count: list.elements(),
            oldest: list.created_at().filter(|_| list.elements() > 0),
        })
    }

    /// Tickets created in `interval` that are active, pending or closed now, for accounts without
    /// reports. Spam is left out. Summed by status, since it is in doubt whether a search by all
    /// of them works. Fails for a filter that [cannot be listed](Filter::can_be_listed).
    pub async fn created_by_search(
        &self,
        filter: &Filter,
        interval: Interval,
    ) -> Result<u64, Error> {
        let created = format!(
            "(createdAt:[{} TO {}])",
            stamp(interval.start),
            stamp(last_second(interval))
        );
        let (active, pending, closed) = join3(
            self.count(filter, "active", &created),
            self.count(filter, "pending", &created),
            self.count(filter, "closed", &created),
        )
        .await;
        Ok(active?.saturating_add(pending?).saturating_add(closed?))
    }

    async fn count(&self, filter: &Filter, status: &str, search: &str) -> Result<u64, Error> {
        let mut query = listed(filter, status)?;
        query.push("query", search);
        let list: Total = self.get(Endpoint::Conversations, &query).await?;
        Ok(list.elements())
    }
}

fn listed(filter: &Filter, status: &str) -> Result<Query, Error> {
    if filter.can_be_listed() {
        return Ok(filter.list(status));
    }
    Err(Error::NotListable {
        segment: filter.segment().to_owned(),
    })
}
