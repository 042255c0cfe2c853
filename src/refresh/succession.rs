//! Going on with another configuration, and following what the help desk turns out to tell.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::{Refresher, background, frame, progress::Progress, reading::Sources, states};
use crate::config::Config;

/// A new configuration, and what reads its sources.
pub struct Reload {
    /// What is counted from now on.
    pub config: Arc<Config>,
    /// Where.
    pub sources: Arc<Sources>,
    /// Told when it has come into force.
    pub adopted: oneshot::Sender<()>,
}

impl Refresher {
    /// Follows what the help desk turned out to tell: sources come and go with it.
    pub(super) fn follow(&mut self, sources: &Arc<Sources>) {
        // What a predecessor learns is known to its successor only by asking.
        if !Arc::ptr_eq(sources, &self.sources) {
            return;
        }
        let capabilities = sources.tickets.capabilities();
        if self.states.follow(&self.config, capabilities) {
            if !capabilities.days {
                self.store.forget_days();
            }
            if !capabilities.ratings {
                self.store.forget_ratings();
            }
        }
    }

    /// Goes on with another configuration, and says whether it counts the same. If so, what was read
    /// stays, but for what was read at an address that has changed.
    pub fn adopt(&mut self, reload: Reload) -> bool {
        self.take_over(reload, None)
    }

    pub(super) fn take_over(&mut self, reload: Reload, running: Option<&mut Progress>) -> bool {
        let Reload {
            config,
            sources,
            adopted,
        } = reload;
        let same = config.definition_hash() == self.config.definition_hash();
        let capabilities = sources.tickets.capabilities();
        let gone = self.background.adopt(background::tasks(&config));
        let beside = self.background.sources();
        if same {
            let goes_on = states::sources(&config, capabilities);
            let mut running = running;
            for source in self.states.names() {
                if beside.contains(&source) {
                    continue;
                }
                let moved = config.address_hash(&source) != self.config.address_hash(&source);
                if !moved && goes_on.contains(&source) {
                    continue;
                }
                self.store.forget(&self.config, &source);
                self.states.forget(&source);
                if let Some(progress) = running.as_deref_mut() {
                    progress.drop_moved(&self.config, &source);
                }
            }
        } else {
            self.store.forget_all_but_found();
            self.states.forget_all_but(&beside);
            self.window_end = None;
            self.next_expiry = None;
        }
        for source in gone {
            self.store.forget(&self.config, &source);
            self.states.forget(&source);
        }
        self.frame = Arc::new(frame(&config));
        self.config = config;
        let old = std::mem::replace(&mut self.sources, sources);
        self.retired.push(old);
        let current = Arc::clone(&self.sources);
        self.follow(&current);
        // Who has nothing yet publishes nothing: until then the old page stays.
        if same && self.window_end.is_some() {
            self.publish();
        }
        // Whoever asked may be gone.
        let _ = adopted.send(());
        same
    }

    /// Says good-bye to the databases of those that nothing reads from any more.
    pub(super) async fn close_retired(&mut self) {
        for sources in std::mem::take(&mut self.retired) {
            if Arc::strong_count(&sources) > 1 {
                self.retired.push(sources);
            } else {
                sources.tickets.close().await;
                sources.populations.close().await;
            }
        }
    }
}
