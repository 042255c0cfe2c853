//! Contact reasons: a reason is a tag. The list of tags is read each time, so that it is known by now
//! which there are, what they are called and which have most tickets.

use std::cmp::Reverse;

use tokio::time::Instant;

use super::{
    Desk, Filter, Reader,
    directory::{pages, resolve},
    endpoint::Endpoint,
    error::{Detail, Error},
    wire::{CountedTag, Entry},
};
use crate::{
    chain::chain,
    config::{ReasonChoice, Reasons},
    domain::{
        ContactReason, ContactReasons, Interval, MOST_REASONS, Reason, ReasonCounts, SourceFailure,
    },
};

impl Desk {
    /// The `wanted` reasons that there are now, none of them counted; beside them why some are unknown.
    /// Nothing is sent or waited for past `deadline`.
    pub async fn reasons(
        &self,
        wanted: &Reasons,
        deadline: Instant,
    ) -> Result<ContactReasons, SourceFailure> {
        let reader = self.client().until(deadline);
        let tags = reader.tags().await.map_err(|error| failure(&error))?;
        let (tags, unknown) = choose(&wanted.choice, &tags).map_err(|error| failure(&error))?;
        let reasons = tags.into_iter().map(|tag| ContactReason {
            key: tag.id.to_string(),
            name: tag.name,
            counts: None,
        });
        Ok(ContactReasons {
            reasons: reasons.collect(),
            failures: unknown.iter().map(failure).collect(),
        })
    }

    /// Tickets created with a reason, as [`Desk::reasons`] gave it, in a window and in the equal one
    /// before it: one call, or six by search. Nothing is sent or waited for past `deadline`.
    pub async fn reason(
        &self,
        reason: &ContactReason,
        current: Interval,
        previous: Interval,
        deadline: Instant,
    ) -> Result<ReasonCounts, SourceFailure> {
        let Ok(id) = reason.key.parse() else {
            return Err(SourceFailure {
                reason: Reason::Query,
                segments: Vec::new(),
                text: format!("`{}` is the id of no tag", reason.key),
            });
        };
        let name = reason.name.clone();
        let tag = Entry { id, name };
        let reader = self.client().until(deadline);
        let by_search = self.without_reports();
        let counts = reader.reason(tag, current, previous, by_search).await;
        counts.map_err(|error| {
            let mut failure = failure(&error);
            failure.text = format!("contact reason `{}`: {}", reason.name, failure.text);
            failure
        })
    }

    /// Most calls of one reading of the contact reasons, when everything is answered as recorded: a
    /// page of tags, and one per tag, or six by search.
    pub fn calls_for_reasons(&self, wanted: &Reasons) -> usize {
        let calls_per_tag = if self.without_reports() { 6 } else { 1 };
        1 + wanted.most() * calls_per_tag
    }
}

impl Reader<'_> {
    /// All tags with their tickets of all time.
    pub(super) async fn tags(&self) -> Result<Vec<CountedTag>, Error> {
        pages(&self.help_scout.caller, Endpoint::Tags, self.deadline).await
    }

    async fn reason(
        &self,
        tag: Entry,
        current: Interval,
        previous: Interval,
        by_search: bool,
    ) -> Result<ReasonCounts, Error> {
        let filter = Filter::of_tag(tag);
        if by_search {
            return Ok(ReasonCounts {
                current: self.created_by_search(&filter, current).await?,
                previous: Some(self.created_by_search(&filter, previous).await?),
            });
        }
        let counts = self.counts_of_two(&filter, current, previous).await?;
        let created = match counts.current.created {
            Some(created) => Some(created),
            None => self.created(&filter, current).await?,
        };
        let before = match counts.previous.created {
            Some(before) => Some(before),
            None => self.created(&filter, previous).await?,
        };
        Ok(ReasonCounts {
            current: created.ok_or_else(|| Error::NotUnderstood {
                endpoint: Endpoint::ConversationsNew,
                detail: Detail {
                    message: Some("it does not say how many tickets were created".to_owned()),
                    correlation_id: None,
                },
            })?,
            previous: before,
        })
    }
}

/// The tags to count, each once, and why some that were named are not among them.
fn choose(choice: &ReasonChoice, tags: &[CountedTag]) -> Result<(Vec<Entry>, Vec<Error>), Error> {
    match choice {
        ReasonChoice::Top(top) => {
            // One tag on two pages, because the list moved meanwhile, is one tag.
            let mut ranked: Vec<(Reverse<Option<u64>>, Entry)> = Vec::new();
            for tag in tags {
                let entry = tag.entry();
                if !ranked.iter().any(|(_, known)| known.id == entry.id) {
                    ranked.push((Reverse(tag.tickets()), entry));
                }
            }
            if !ranked.is_empty() && ranked.iter().all(|(Reverse(tickets), _)| tickets.is_none()) {
                return Err(Error::NotUnderstood {
                    endpoint: Endpoint::Tags,
                    detail: Detail {
                        message: Some(
                            "no tag has a ticketCount to rank it by; name the tags in reasons.tags"
                                .to_owned(),
                        ),
                        correlation_id: None,
                    },
                });
            }
            ranked.sort_by_key(|(tickets, entry)| (*tickets, entry.id));
            ranked.truncate((*top).min(MOST_REASONS));
            let entries = ranked.into_iter().map(|(_, entry)| entry);
            Ok((entries.collect(), Vec::new()))
        }
        ReasonChoice::Tags(references) => {
            let entries: Vec<Entry> = tags.iter().map(CountedTag::entry).collect();
            let mut chosen: Vec<Entry> = Vec::new();
            let mut unknown = Vec::new();
            for reference in references {
                let one = std::slice::from_ref(reference);
                match resolve("tag", "`reasons.tags`", one, &entries) {
                    Ok(found) => {
                        for entry in found {
                            // The same one by id and by name.
                            if !chosen.iter().any(|known| known.id == entry.id) {
                                chosen.push(entry);
                            }
                        }
                    }
                    Err(error) => unknown.push(error),
                }
            }
            Ok((chosen, unknown))
        }
    }
}

fn failure(error: &Error) -> SourceFailure {
    SourceFailure {
        reason: error.reason(),
        segments: Vec::new(),
        text: chain(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Reference;

    fn tags(text: &str) -> Vec<CountedTag> {
        super::super::decode(text.as_bytes()).unwrap()
    }

    fn ids(choice: &ReasonChoice, listed: &str) -> Vec<u64> {
        let (entries, _) = choose(choice, &tags(listed)).unwrap();
        entries.iter().map(|entry| entry.id).collect()
    }

    #[test]
    fn the_top_are_those_with_most_tickets() {
        let listed = r#"[{"id":1,"name":"a","ticketCount":5},{"id":2,"name":"b","ticketCount":9},
            {"id":3,"name":"c"},{"id":4,"name":"d","ticketCount":5},{"id":2,"name":"b","ticketCount":9}]"#;
        assert_eq!(ids(&ReasonChoice::Top(2), listed), [2, 1]);
        assert_eq!(ids(&ReasonChoice::Top(10), listed), [2, 1, 4, 3]);
        assert_eq!(ids(&ReasonChoice::Top(3), "[]"), [0; 0]);
        let unranked = tags(r#"[{"id":1,"name":"a"},{"id":2,"name":"b","ticketCount":null}]"#);
        let error = choose(&ReasonChoice::Top(2), &unranked).unwrap_err();
        assert!(error.to_string().contains("no tag has a ticketCount"));
    }

    #[test]
    fn named_tags_are_each_found_or_not() {
        let choice = ReasonChoice::Tags(vec![
            Reference::Id(2),
            Reference::Name("bgu".into()),
            Reference::Name("&amp; login".into()),
            Reference::Name("& login".into()),
            Reference::Id(1),
        ]);
        let listed = r#"[{"id":1,"name":"bug"},{"id":2,"name":"&amp; login"}]"#;
        let (found, unknown) = choose(&choice, &tags(listed)).unwrap();
        let found: Vec<u64> = found.iter().map(|entry| entry.id).collect();
        assert_eq!(found, [2, 1], "each once");
        let told: Vec<String> = unknown.iter().map(ToString::to_string).collect();
        assert_eq!(
            told[0],
            "`reasons.tags` names tag `bgu`, which Help Scout does not list for the app's owner"
        );
        assert_eq!(told.len(), 2);
    }
}
