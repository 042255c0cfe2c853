//! Counts by listing conversations: on every plan, one number per call, nobody's data read.

use futures_util::future::{join, join3};

use super::{
    Reader,
    endpoint::Endpoint,
    error::Error,
    filter::{Filter, last_second, stamp},
    wire::Total,
};
use crate::domain::{Interval, OpenCount, OpenTickets};

impl Reader<'_> {
    /// Tickets waiting now. Fails for a filter that [cannot be listed](Filter::can_be_listed).
    pub async fn open_tickets(&self, filter: &Filter) -> Result<OpenTickets, Error> {
        let (active, pending) = join(
            self.count(filter, "active", None),
            self.count(filter, "pending", None),
        )
        .await;
        let of = |status: &str, count| OpenCount {
            status: status.to_owned(),
            count,
            oldest: None,
        };
        Ok(vec![of("active", active?), of("pending", pending?)])
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
            self.count(filter, "active", Some(&created)),
            self.count(filter, "pending", Some(&created)),
            self.count(filter, "closed", Some(&created)),
        )
        .await;
        Ok(active?.saturating_add(pending?).saturating_add(closed?))
    }

    async fn count(
        &self,
        filter: &Filter,
        status: &str,
        search: Option<&str>,
    ) -> Result<u64, Error> {
        if !filter.can_be_listed() {
            return Err(Error::NotListable {
                segment: filter.segment().to_owned(),
            });
        }
        let mut query = filter.list(status);
        if let Some(search) = search {
            query.push("query", search);
        }
        let list: Total = self.get(Endpoint::Conversations, &query).await?;
        Ok(list.elements())
    }
}
