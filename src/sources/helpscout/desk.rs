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
    looked_up::{Asking, created_none, never, no_ticket, none_open},
    past::Past,
    plan::{Finding, Plan, Reports, capabilities},
};
use crate::{
    chain::chain,
    config::{Config, CountsFrom, HelpScout as Account, Segment},
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
    pub fn new(config: &Config, account: &Account, telemetry: Telemetry) -> Result<Self, Error> {
        Ok(Self {
            client: Arc::new(HelpScout::new(config, account, telemetry)?),
            plan: Plan::new(account.counts_from),
            happiness: account.happiness,
            help_center: account.help_center.is_some(),
        })
    }

    /// For a long run of calls, as for past windows.
    pub fn for_history(
        config: &Config,
        account: &Account,
        telemetry: Telemetry,
    ) -> Result<Self, Error> {
        Ok(Self {
            client: Arc::new(HelpScout::for_history(config, account, telemetry)?),
            plan: Plan::new(account.counts_from),
            happiness: account.happiness,
            help_center: account.help_center.is_some(),
        })
    }

    /// For a new configuration: on the same account it goes on with pace, quota, waits and what is
    /// known of the plan.
    pub fn succeed(&self, config: &Config, account: &Account) -> Result<Self, Error> {
        let counts_from = account.counts_from;
        let client = self.client.succeed(config, account)?;
        let same = client.is_on_the_account_of(&self.client);
        Ok(Self {
            plan: if same {
                self.plan.succeed(counts_from)
            } else {
                Plan::new(counts_from)
            },
            client: Arc::new(client),
            happiness: account.happiness,
            help_center: account.help_center.is_some(),
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

    /// Asks for the past: nothing is sent, waited or retried past `deadline`.
    pub fn past(&self, deadline: Instant) -> Past<'_> {
        Past::new(
            &self.plan,
            self.client.until(deadline),
            self.happiness,
            deadline,
        )
    }

    /// Calls of one refresh of `config`, when everything is answered as recorded.
    ///
    /// `2·W·S + 3·S` with reports and ratings; without ratings `W·S` fewer. By search, six for every
    /// window and segment that the list call can filter (three statuses, current and previous), and
    /// two for its open tickets. For the help centre, one per interval that is asked for.
    pub fn calls_per_refresh(config: &Config, account: &Account, by_search: bool) -> usize {
        let by_search = by_search || account.counts_from == CountsFrom::Search;
        let visits = visits_per_refresh(config, !by_search);
        let windows = config.windows.len();
        let segments = config.segments.len();
        let all = config.segments.iter();
        let listable = all.filter(|one| one.channels.is_empty()).count();
        if by_search {
            return listable * (6 * windows + 2) + visits;
        }
        let happiness = usize::from(account.happiness);
        segments * windows * (1 + happiness) + segments + 2 * listable + visits
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

    /// Looks the segment's filter up and reads with it, all before the deadline. A zero is believed
    /// only of names looked up in this refresh.
    async fn within<'q, T: Send>(
        &'q self,
        segment: &'q Segment,
        is_zero: fn(&T) -> bool,
        read: impl Fn(Filter) -> BoxFuture<'q, Result<T, Error>> + Send + Sync,
    ) -> Result<T, SourceFailure> {
        let asking = Asking {
            reader: self.reader,
            segment,
            deadline: self.deadline,
            late: LATE,
        };
        asking.read(|| self.started, is_zero, read).await
    }
}
