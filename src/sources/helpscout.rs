//! The help desk: a client of the Help Scout Inbox (Mailbox) API 2.0 that only reads counts.
//!
//! A [`HelpScout`] lives as long as its configuration and holds what all its calls share: token,
//! pace, quota, known mailboxes and tags. A [`Reader`] is the client with a deadline: it makes the
//! calls of one refresh. Every call waits for its turn and is tried again where time may heal
//! ([`calls`](super::calls)), carries the one token (`auth`), and decodes only what is counted (`wire`).

mod auth;
mod call;
mod desk;
mod directory;
mod endpoint;
mod error;
mod exchange;
mod filter;
mod help_center;
mod lists;
mod looked_up;
mod past;
mod plan;
mod reasons;
mod renewable;
mod reports;
mod telemetry;
mod wire;

use std::{fmt, sync::Arc};

use futures_util::future::join;
use tokio::time::Instant;
use url::Url;

use self::{
    call::Caller, directory::Directory, exchange::Network, help_center::Visits, reports::Seen,
};
use crate::config::{Config, HelpScout as Account, Segment};

#[cfg(fuzzing)]
pub use self::wire::survive;
pub use self::{
    desk::{Desk, Questions},
    endpoint::Endpoint,
    error::{Detail, Error},
    filter::Filter,
    past::Past,
    telemetry::Telemetry,
    wire::{Productivity, decode},
};

/// The client of one account.
pub struct HelpScout {
    caller: Caller<Network>,
    base_url: Url,
    app_id: String,
    mailboxes: Directory,
    tags: Directory,
    seen: Seen,
    /// Sites of the help centre; none: all of them.
    sites: Vec<String>,
    visits: Visits,
}

impl HelpScout {
    /// A client for `account`, as `config` says: `timeout` as the bound of one try, `interval` as
    /// the longest back-off after refused credentials. Connects to nothing and spawns nothing; for
    /// an `https` address it reads the system's root certificates.
    pub fn new(config: &Config, account: &Account, telemetry: Telemetry) -> Result<Self, Error> {
        let caller = Caller::new(network(config, account)?, config, account, telemetry);
        Ok(Self::with(caller, account))
    }

    /// A client for a long run of calls, as for past windows: it has as many requests under way at
    /// once as the pace needs, so that on any upstream the pace is the only limit, and no more.
    pub fn for_history(
        config: &Config,
        account: &Account,
        telemetry: Telemetry,
    ) -> Result<Self, Error> {
        let caller = Caller::new(network(config, account)?, config, account, telemetry);
        Ok(Self::with(caller.growing(account), account))
    }

    /// A client for a new configuration, with this one's metrics. For the same address it goes on
    /// with the same pace and quota, and keeps a 429's wait: reloading must not send sooner. Token,
    /// mailboxes and tags are read anew.
    pub fn succeed(&self, config: &Config, account: &Account) -> Result<Self, Error> {
        let network = network(config, account)?;
        let caller = if self.base_url == account.base_url {
            self.caller.succeed(network, config, account)
        } else {
            Caller::new(network, config, account, self.caller.telemetry().clone())
        };
        Ok(Self::with(caller, account))
    }

    /// Whether both are of the same account, so that what is known of one holds for the other.
    pub(super) fn is_on_the_account_of(&self, other: &Self) -> bool {
        (&self.base_url, &self.app_id) == (&other.base_url, &other.app_id)
    }

    fn with(caller: Caller<Network>, account: &Account) -> Self {
        Self {
            caller,
            base_url: account.base_url.clone(),
            app_id: account.app_id.clone(),
            mailboxes: Directory::mailboxes(),
            tags: Directory::tags(),
            seen: Seen::default(),
            sites: account
                .help_center
                .as_ref()
                .map_or_else(Vec::new, |help_center| help_center.sites.clone()),
            visits: Visits::default(),
        }
    }

    /// The client for one refresh: nothing is sent, waited or retried past `deadline`.
    pub const fn until(&self, deadline: Instant) -> Reader<'_> {
        Reader {
            help_scout: self,
            deadline,
        }
    }

    /// Requests a minute that the account is granted, once an answer has told.
    pub fn granted_per_minute(&self) -> Option<u32> {
        self.caller.pace().granted()
    }

    /// Requests a minute that this client keeps to: as configured, else half of what the account
    /// is granted, since the team's own tools share the quota.
    pub fn pace_per_minute(&self) -> u32 {
        self.caller.pace().per_minute()
    }
}

impl fmt::Debug for HelpScout {
    /// The app's id and the address may come from the environment, and are left out.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("HelpScout").finish_non_exhaustive()
    }
}

fn network(config: &Config, account: &Account) -> Result<Network, Error> {
    Network::new(&account.base_url, config.timeout).map_err(|error| Error::Client(Arc::new(error)))
}

/// Makes the calls of one refresh. Its methods may run at the same time: requests take turns.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    help_scout: &'a HelpScout,
    deadline: Instant,
}

impl Reader<'_> {
    /// Looks up the mailboxes and tags that `segment` names. Asks nothing for a segment that names
    /// none, nor while a list read in the last hours has them.
    pub async fn filter(&self, segment: &Segment) -> Result<Filter, Error> {
        self.look_up(segment, None).await
    }

    /// The same from lists that were read at `instant` or later.
    pub async fn filter_since(&self, segment: &Segment, instant: Instant) -> Result<Filter, Error> {
        self.look_up(segment, Some(instant)).await
    }

    async fn look_up(&self, segment: &Segment, since: Option<Instant>) -> Result<Filter, Error> {
        let HelpScout {
            caller,
            mailboxes,
            tags,
            ..
        } = self.help_scout;
        // Both to the end, even if one fails: a list once asked for is of use to other segments.
        let (mailboxes, tags) = join(
            mailboxes.find(caller, segment, &segment.mailboxes, since, self.deadline),
            tags.find(caller, segment, &segment.tags, since, self.deadline),
        )
        .await;
        Ok(Filter::new(segment, &mailboxes?, tags?))
    }
}
