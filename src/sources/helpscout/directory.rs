//! Mailboxes and tags by id and name, listed once and kept for hours.

use std::{collections::BTreeSet, future::Future, time::Duration};

use serde::de::DeserializeOwned;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::{
    call::Caller,
    endpoint::Endpoint,
    error::{Detail, Error},
    exchange::Exchange,
    renewable::Renewable,
    wire::{Entry, Named},
};
use crate::config::{Reference, Segment};

/// How long a list is taken to be right: names and ids seldom change.
const LIFE: Duration = Duration::from_hours(6);

/// A list that lacks a name, or could not be renewed, is asked for again after this time.
const AGAIN_AT_MOST_EVERY: Duration = Duration::from_mins(10);

/// Most pages of one list: at 50 a page, ten thousand entries.
const PAGES: u64 = 200;

/// All mailboxes, or all tags.
#[derive(Debug)]
pub(super) struct Directory {
    endpoint: Endpoint,
    /// What an entry is called in errors.
    kind: &'static str,
    known: Renewable<Option<Known>>,
}

#[derive(Debug)]
struct Known {
    entries: Vec<Entry>,
    /// When the list was read.
    read_at: Instant,
    /// When it was last asked for, with or without success.
    asked_at: Instant,
}

impl Directory {
    pub(super) fn mailboxes() -> Self {
        Self::new(Endpoint::Mailboxes, "mailbox")
    }

    pub(super) fn tags() -> Self {
        Self::new(Endpoint::Tags, "tag")
    }

    fn new(endpoint: Endpoint, kind: &'static str) -> Self {
        Self {
            endpoint,
            kind,
            known: Renewable::new(endpoint, None),
        }
    }

    /// Finds what `segment` names. Ids are looked up as well: a report filtered by an id that does
    /// not exist would count 0, which is not true of anything. Asks nothing for no references.
    ///
    /// A list read before `since` is read again, and what was found in it fails with that.
    pub(super) async fn find<E: Exchange>(
        &self,
        caller: &Caller<E>,
        segment: &Segment,
        references: &[Reference],
        since: Option<Instant>,
        deadline: Instant,
    ) -> Result<Vec<Entry>, Error> {
        self.find_with(segment, references, since, deadline, || {
            pages(caller, self.endpoint, deadline)
        })
        .await
    }

    async fn find_with<F>(
        &self,
        segment: &Segment,
        references: &[Reference],
        since: Option<Instant>,
        deadline: Instant,
        list: impl Fn() -> F,
    ) -> Result<Vec<Entry>, Error>
    where
        F: Future<Output = Result<Vec<Entry>, Error>>,
    {
        if references.is_empty() {
            return Ok(Vec::new());
        }
        let place = format!("segment `{}`", segment.name);
        let mut known = self.known.enter(deadline).await?;
        let now = Instant::now();
        let found = known
            .as_ref()
            .map(|known| resolve(self.kind, &place, references, &known.entries));
        let renew = match (known.as_ref(), &found) {
            (Some(known), Some(found)) => {
                let old = now.duration_since(known.read_at) >= LIFE;
                let waited = now.duration_since(known.asked_at) >= AGAIN_AT_MOST_EVERY;
                let too_old = since.is_some_and(|since| known.read_at < since);
                (waited && (old || found.is_err())) || too_old
            }
            _ => true,
        };
        if let Some(found) = found
            && !renew
        {
            return found;
        }
        if let Some(error) = known.shared_failure() {
            return Err(error);
        }
        match list().await {
            Ok(entries) => {
                debug!(endpoint = %self.endpoint, entries = entries.len(), "list read");
                let now = Instant::now();
                let found = resolve(self.kind, &place, references, &entries);
                *known = Some(Known {
                    entries,
                    read_at: now,
                    asked_at: now,
                });
                found
            }
            Err(error) => {
                if let Some(known) = known.as_mut() {
                    known.asked_at = Instant::now();
                    let found = resolve(self.kind, &place, references, &known.entries);
                    if found.is_ok() && since.is_none() {
                        warn!(endpoint = %self.endpoint, %error, "list not renewed, using the old one");
                        return found;
                    }
                }
                known.fail(&error);
                Err(error)
            }
        }
    }
}

/// Reads all pages of a list.
pub(super) async fn pages<E: Exchange, T: DeserializeOwned>(
    caller: &Caller<E>,
    endpoint: Endpoint,
    deadline: Instant,
) -> Result<Vec<T>, Error> {
    let not_understood = |what: String| Error::NotUnderstood {
        endpoint,
        detail: Detail {
            message: Some(what),
            correlation_id: None,
        },
    };
    let mut elements = Vec::new();
    for page in 1..=PAGES {
        let answer: Named<T> = caller
            .get(endpoint, &format!("page={page}"), deadline)
            .await?;
        let has_next = answer.has_next(page).map_err(not_understood)?;
        elements.extend(answer.into_elements());
        if !has_next {
            return Ok(elements);
        }
    }
    Err(not_understood(format!("more than {PAGES} pages")))
}

/// Finds every one of `references`, which stand at `place` of the configuration.
pub(super) fn resolve(
    kind: &'static str,
    place: &str,
    references: &[Reference],
    entries: &[Entry],
) -> Result<Vec<Entry>, Error> {
    let unknown = |wanted: String, near: Option<String>| Error::Unknown {
        place: place.to_owned(),
        kind,
        wanted,
        near,
    };
    let mut found: Vec<Entry> = Vec::new();
    for reference in references {
        let entry = match reference {
            Reference::Id(id) => entries
                .iter()
                .find(|entry| entry.id == *id)
                .ok_or_else(|| unknown(id.to_string(), None))?,
            Reference::Name(name) => {
                let mut named = entries.iter().filter(|entry| entry.name == **name);
                let first = named
                    .next()
                    .ok_or_else(|| unknown(name.to_string(), near(name, entries)))?;
                // One entry listed on two pages, because the list moved meanwhile, is one entry.
                let others: BTreeSet<u64> = named
                    .map(|entry| entry.id)
                    .filter(|id| *id != first.id)
                    .collect();
                if !others.is_empty() {
                    let ids: Vec<String> = std::iter::once(first.id)
                        .chain(others)
                        .map(|id| id.to_string())
                        .collect();
                    return Err(Error::Ambiguous {
                        place: place.to_owned(),
                        kind,
                        name: name.to_string(),
                        ids: ids.join(", "),
                    });
                }
                first
            }
        };
        // The same one by id and by name.
        if !found.iter().any(|known| known.id == entry.id) {
            found.push(entry.clone());
        }
    }
    Ok(found)
}

/// The name most like `wanted`, if one is much like it.
fn near(wanted: &str, entries: &[Entry]) -> Option<String> {
    const ALIKE: f64 = 0.8;
    let wanted = wanted.to_lowercase();
    entries
        .iter()
        .map(|entry| {
            let likeness = strsim::jaro_winkler(&wanted, &entry.name.to_lowercase());
            (likeness, &entry.name)
        })
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name.clone())
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use tokio::time::advance;

    use super::*;

    fn entry(id: u64, name: &str) -> Entry {
        Entry {
            id,
            name: name.to_owned(),
        }
    }

    fn name(name: &str) -> Reference {
        Reference::Name(name.into())
    }

    fn later() -> Instant {
        Instant::now() + Duration::from_mins(5)
    }

    fn segment() -> Segment {
        Segment {
            name: "usagers".to_owned(),
            ..Segment::all()
        }
    }

    /// A list that can change and fail, counting how often it is read.
    struct Shelf {
        directory: Directory,
        entries: RefCell<Vec<Entry>>,
        failing: Cell<bool>,
        reads: Cell<u32>,
    }

    impl Shelf {
        fn new(entries: Vec<Entry>) -> Self {
            Self {
                directory: Directory::tags(),
                entries: RefCell::new(entries),
                failing: Cell::new(false),
                reads: Cell::new(0),
            }
        }

        async fn find(&self, references: &[Reference]) -> Result<Vec<Entry>, Error> {
            let list = async || {
                tokio::time::sleep(Duration::from_millis(1)).await;
                self.reads.set(self.reads.get() + 1);
                if self.failing.get() {
                    return Err(Error::OutOfTime {
                        endpoint: Endpoint::Tags,
                    });
                }
                Ok(self.entries.borrow().clone())
            };
            self.directory
                .find_with(&segment(), references, None, later(), list)
                .await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_list_serves_everyone_for_hours() {
        let shelf = Shelf::new(vec![entry(1, "billing"), entry(2, "bug")]);
        let billing = [name("billing")];
        let calls = (0..10).map(|_| shelf.find(&billing));
        for found in futures_util::future::join_all(calls).await {
            assert_eq!(found.unwrap(), [entry(1, "billing")]);
        }
        assert_eq!(shelf.reads.get(), 1);
        advance(LIFE.saturating_sub(Duration::from_secs(1))).await;
        shelf.find(&[Reference::Id(2)]).await.unwrap();
        assert_eq!(shelf.reads.get(), 1);
        advance(Duration::from_secs(1)).await;
        shelf.find(&[Reference::Id(2)]).await.unwrap();
        assert_eq!(shelf.reads.get(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_named_nothing_asked() {
        let shelf = Shelf::new(Vec::new());
        assert_eq!(shelf.find(&[]).await.unwrap(), []);
        assert_eq!(shelf.reads.get(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_miss_asks_again_every_ten_minutes_at_most() {
        let shelf = Shelf::new(vec![entry(1, "billing")]);
        for _ in 0..3 {
            let error = shelf.find(&[name("biling")]).await.unwrap_err();
            assert_eq!(
                error.to_string(),
                "segment `usagers` names tag `biling`, which Help Scout does not list for the \
                 app's owner: did you mean `billing`?"
            );
        }
        assert_eq!(shelf.reads.get(), 1);
        shelf.entries.borrow_mut().push(entry(2, "biling"));
        shelf.find(&[name("billing")]).await.unwrap();
        advance(AGAIN_AT_MOST_EVERY).await;
        assert_eq!(
            shelf.find(&[name("biling")]).await.unwrap(),
            [entry(2, "biling")]
        );
        assert_eq!(shelf.reads.get(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_list_is_better_than_none() {
        let shelf = Shelf::new(vec![entry(1, "billing")]);
        shelf.find(&[name("billing")]).await.unwrap();
        shelf.failing.set(true);
        advance(LIFE).await;
        for _ in 0..3 {
            shelf.find(&[name("billing")]).await.unwrap();
        }
        assert_eq!(shelf.reads.get(), 2, "not tried again at once");
    }

    #[tokio::test(start_paused = true)]
    async fn a_first_list_that_fails_fails_all_who_wait_and_is_tried_again() {
        let shelf = Shelf::new(vec![entry(1, "billing")]);
        shelf.failing.set(true);
        let billing = [name("billing")];
        let calls = (0..10).map(|_| shelf.find(&billing));
        let all = futures_util::future::join_all(calls).await;
        assert!(all.iter().all(Result::is_err));
        assert_eq!(shelf.reads.get(), 1);
        shelf.failing.set(false);
        shelf.find(&billing).await.unwrap();
    }

    #[test]
    fn names_must_be_clear_and_ids_must_exist() {
        let entries = [entry(1, "a"), entry(2, "b"), entry(3, "a")];
        let resolve = |references: &[Reference]| {
            resolve("mailbox", "segment `usagers`", references, &entries)
                .map_err(|error| error.to_string())
        };
        assert_eq!(
            resolve(&[name("a")]).unwrap_err(),
            "segment `usagers` names mailbox `a`, a name that several have: use the id (1, 3)"
        );
        assert_eq!(
            resolve(&[Reference::Id(4)]).unwrap_err(),
            "segment `usagers` names mailbox 4, which Help Scout does not list for the app's owner"
        );
        assert_eq!(
            resolve(&[Reference::Id(3), name("b"), Reference::Id(2)]).unwrap(),
            [entry(3, "a"), entry(2, "b")]
        );
    }
}
