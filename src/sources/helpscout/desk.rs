//! Help Scout as a ticket source: what a refresh asks, from reports where the plan has them, else by
//! search.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use super::{
    Error, Filter, HelpScout, Reader, Telemetry,
    help_center::visits_per_refresh,
    plan::{Finding, Plan, Reports},
};
use crate::{
    chain::chain,
    config::{Config, CountsFrom, Segment},
    domain::{
        ContactCounts, Contacts, DailyCounts, HelpCenter, Interval, OpenTickets, Ratings, Reason,
        SourceFailure,
    },
    sources::capabilities::Capabilities,
};

const LATE: &str = "not read before the next refresh was due";

/// A Help Scout account as a ticket source.
#[derive(Debug)]
pub struct Desk {
    client: Arc<HelpScout>,
    plan: Plan,
    happiness: bool,
    /// Whether visits of the help centre are counted.
    help_center: bool,
}

impl Desk {
    /// As `config` says. Connects to nothing.
    pub fn new(config: &Config, telemetry: Telemetry) -> Result<Self, Error> {
        Ok(Self {
            client: Arc::new(HelpScout::new(config, telemetry)?),
            plan: Plan::new(config.helpscout.counts_from),
            happiness: config.helpscout.happiness,
            help_center: config.help_center().is_some(),
        })
    }

    /// For a new configuration: on the same account it goes on with pace, quota, waits and what is
    /// known of the plan.
    pub fn succeed(&self, config: &Config) -> Result<Self, Error> {
        let counts_from = config.helpscout.counts_from;
        let client = self.client.succeed(config)?;
        let same = client.is_on_the_account_of(&self.client);
        Ok(Self {
            plan: if same {
                self.plan.succeed(counts_from)
            } else {
                Plan::new(counts_from)
            },
            client: Arc::new(client),
            happiness: config.helpscout.happiness,
            help_center: config.help_center().is_some(),
        })
    }

    /// The client, to ask about pace and quota.
    pub const fn client(&self) -> &Arc<HelpScout> {
        &self.client
    }

    /// Whether tickets are counted by search, as far as is known by now.
    pub fn counts_by_search(&self) -> bool {
        self.plan.counts_by_search()
    }

    /// Whether reports are not to be had, as far as is known by now.
    pub(super) fn without_reports(&self) -> bool {
        !self.plan.has_reports()
    }

    /// What it can tell, as far as is known by now.
    pub fn capabilities(&self) -> Capabilities {
        capabilities(self.plan.has_reports(), self.happiness)
    }

    /// Asks for one refresh: nothing is sent, waited or retried past `deadline`; until `patience`
    /// calls wait for the first report to tell of the plan.
    pub fn until(&self, deadline: Instant, patience: Instant) -> Questions<'_> {
        Questions {
            desk: self,
            reader: self.client.until(deadline),
            started: Instant::now(),
            deadline,
            finding: self.plan.begin(patience),
            refused: AtomicBool::new(false),
            probing: AtomicBool::new(false),
        }
    }

    /// Calls of one refresh of `config`, when everything is answered as recorded.
    ///
    /// `2·W·S + 3·S` with reports and ratings; without ratings `W·S` fewer. By search, six for every
    /// window and segment that the list call can filter (three statuses, current and previous), and
    /// two for its open tickets. For the help centre, one per interval that is asked for.
    pub fn calls_per_refresh(config: &Config, by_search: bool) -> usize {
        let by_search = by_search || config.helpscout.counts_from == CountsFrom::Search;
        let visits = visits_per_refresh(config, !by_search);
        let windows = config.windows.len();
        let segments = config.segments.len();
        let all = config.segments.iter();
        let listable = all.filter(|one| one.channels.is_empty()).count();
        if by_search {
            return listable * (6 * windows + 2) + visits;
        }
        let happiness = usize::from(config.helpscout.happiness);
        segments * windows * (1 + happiness) + segments + 2 * listable + visits
    }
}

const fn capabilities(reports: bool, happiness: bool) -> Capabilities {
    Capabilities {
        all_counts: reports,
        days: reports,
        ratings: reports && happiness,
    }
}

/// The questions of one refresh.
#[derive(Debug)]
pub struct Questions<'a> {
    desk: &'a Desk,
    reader: Reader<'a>,
    started: Instant,
    deadline: Instant,
    finding: Finding<'a>,
    /// Whether a report on tickets was forbidden where there were reports before.
    refused: AtomicBool,
    /// Whether one question is finding out about the plan.
    probing: AtomicBool,
}

/// Decides about the plan as before, unless something else was decided: a first report that never
/// got to ask must not leave the others waiting.
struct Presume<'a>(&'a Finding<'a>);

impl Drop for Presume<'_> {
    fn drop(&mut self) {
        self.0.presume();
    }
}

impl Questions<'_> {
    /// What can be told, as far as this refresh knows by now.
    pub fn capabilities(&self) -> Capabilities {
        capabilities(!self.finding.is_without_reports(), self.desk.happiness)
    }

    /// Counts of a segment in two equal adjacent intervals.
    pub async fn contacts(
        &self,
        segment: &Segment,
        current: Interval,
        previous: Interval,
    ) -> Result<Contacts, SourceFailure> {
        // `all` looks nothing up, so that what it is told is told of the plan.
        let probes = segment.name == Segment::ALL
            && self.finding.is_open()
            && !self.probing.swap(true, Ordering::Relaxed);
        let presume = probes.then(|| Presume(&self.finding));
        let by_report = probes || self.finding.reports().await;
        let contacts = self.within(segment, created_none, |filter| {
            Box::pin(self.count(filter, current, previous, probes, by_report))
        });
        let contacts = contacts.await;
        drop(presume);
        contacts
    }

    async fn count(
        &self,
        filter: Filter,
        current: Interval,
        previous: Interval,
        probes: bool,
        by_report: bool,
    ) -> Result<Contacts, Error> {
        if !by_report {
            return self.search(&filter, current, previous).await;
        }
        let answer = self.reader.contacts(&filter, current, previous).await;
        let forbidden = answer.as_ref().is_err_and(Error::is_forbidden);
        if probes {
            match &answer {
                Ok(_) => self.finding.tell(Reports::Available),
                Err(_) if forbidden => self.finding.tell(Reports::Unavailable),
                Err(_) => self.finding.presume(),
            }
            // What was decided without this answer, because it was late, holds for all.
            if self.finding.is_without_reports() && answer.is_err() {
                return self.search(&filter, current, previous).await;
            }
        }
        if forbidden {
            self.refused.store(true, Ordering::Relaxed);
        }
        answer
    }

    /// Created tickets only: the rest is known to reports alone. The list call cannot filter by
    /// channel, so that for such a segment nothing is known.
    async fn search(
        &self,
        filter: &Filter,
        current: Interval,
        previous: Interval,
    ) -> Result<Contacts, Error> {
        if !filter.can_be_listed() {
            return Ok(Contacts::default());
        }
        let created = |created| ContactCounts {
            created: Some(created),
            ..ContactCounts::default()
        };
        Ok(Contacts {
            current: created(self.reader.created_by_search(filter, current).await?),
            previous: created(self.reader.created_by_search(filter, previous).await?),
        })
    }

    /// Tickets of a segment created on each of the 56 days that end at `end`; `None` on a plan
    /// without reports.
    pub async fn daily_created(
        &self,
        segment: &Segment,
        end: Timestamp,
    ) -> Option<Result<DailyCounts, SourceFailure>> {
        if !self.finding.reports().await {
            return None;
        }
        let days = self.within(segment, no_ticket, |filter| {
            Box::pin(async move { self.reader.daily_created(&filter, end).await })
        });
        Some(days.await)
    }

    /// Ratings of a segment received in `interval`; `None` where there are none to be had.
    pub async fn ratings(
        &self,
        segment: &Segment,
        interval: Interval,
    ) -> Option<Result<Ratings, SourceFailure>> {
        if !self.desk.happiness || !self.finding.reports().await {
            return None;
        }
        let ratings = self.within(segment, never, |filter| {
            Box::pin(async move { self.reader.happiness(&filter, interval).await })
        });
        Some(ratings.await)
    }

    /// Tickets of a segment that wait now; `None` when the list call cannot filter by it.
    pub async fn open_tickets(
        &self,
        segment: &Segment,
    ) -> Result<Option<OpenTickets>, SourceFailure> {
        self.within(segment, none_open, |filter| {
            Box::pin(async move {
                if !filter.can_be_listed() {
                    return Ok(None);
                }
                self.reader.open_tickets(&filter).await.map(Some)
            })
        })
        .await
    }

    /// Visits of the help centre in `interval`; `None` where none is configured. Of a plan without
    /// reports it is refused, which is a failure: whoever asks for it wants to know.
    pub async fn help_center(
        &self,
        interval: Interval,
    ) -> Option<Result<HelpCenter, SourceFailure>> {
        if !self.desk.help_center {
            return None;
        }
        let reading = timeout_at(self.deadline, self.reader.help_center(interval));
        let failed = |reason, text| SourceFailure {
            reason,
            segments: Vec::new(),
            text,
        };
        Some(match reading.await {
            Ok(result) => result.map_err(|error| failed(error.reason(), chain(&error))),
            Err(_) => Err(failed(Reason::Timeout, LATE.to_owned())),
        })
    }

    /// Remembers what was learnt about the plan. To be called when the refresh ends.
    pub fn end(&self) {
        self.finding.end(self.refused.load(Ordering::Relaxed));
    }

    /// Looks the segment's filter up and reads with it, all before the deadline.
    ///
    /// A zero that rests on a name or id looked up in an earlier refresh is believed only when the
    /// lists, read again, still have it: lists filter by the names of tags, and a name that nothing
    /// has any more counts 0.
    async fn within<'q, T: Send>(
        &'q self,
        segment: &'q Segment,
        is_zero: fn(&T) -> bool,
        read: impl Fn(Filter) -> BoxFuture<'q, Result<T, Error>> + Send + Sync,
    ) -> Result<T, SourceFailure> {
        let reading = async {
            let filter = self.reader.filter(segment).await?;
            let value = read(filter.clone()).await?;
            if !is_zero(&value) {
                return Ok(value);
            }
            let now = self.reader.filter_since(segment, self.started).await?;
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
            Err(_) => Err(failed(Reason::Timeout, LATE.to_owned())),
        }
    }
}

fn created_none(contacts: &Contacts) -> bool {
    contacts.current.created == Some(0) || contacts.previous.created == Some(0)
}

#[expect(clippy::ref_option, reason = "it is told what a question gives")]
fn none_open(open: &Option<OpenTickets>) -> bool {
    let counts = open.iter().flatten().map(|status| status.count);
    open.is_some() && counts.fold(0_u64, u64::saturating_add) == 0
}

fn no_ticket(days: &DailyCounts) -> bool {
    days.iter().all(|(_, count)| count.unwrap_or(0) == 0)
}

fn never(_: &Ratings) -> bool {
    false
}
