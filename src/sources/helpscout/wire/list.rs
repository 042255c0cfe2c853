//! Answers that list things, page by page.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use super::lenient::{Count, Instant, List, object};

/// `/v2/conversations`, of which nothing but the total is read.
#[derive(Debug, Deserialize)]
#[serde(expecting = "a page")]
pub(in crate::sources::helpscout) struct Total {
    page: TotalPage,
}

/// `/v2/conversations`, the oldest first, of which the total and one instant are read.
#[derive(Debug, Deserialize)]
#[serde(expecting = "a page")]
pub(in crate::sources::helpscout) struct Oldest {
    page: TotalPage,
    #[serde(rename = "_embedded", default, deserialize_with = "object")]
    embedded: Option<Conversations>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "lists")]
struct Conversations {
    #[serde(default)]
    conversations: List<Conversation>,
}

/// Nothing of a conversation but when it was created: the rest is somebody's.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "a conversation")]
struct Conversation {
    created_at: Option<Instant>,
}

impl Oldest {
    pub(in crate::sources::helpscout) const fn elements(&self) -> u64 {
        self.page.total_elements.0
    }

    /// When the first of them was created.
    pub(in crate::sources::helpscout) fn created_at(&self) -> Option<Timestamp> {
        let first = self.embedded.as_ref()?.conversations.0.first()?;
        first.created_at.map(|Instant(at)| at)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "page numbers")]
struct TotalPage {
    total_elements: Count,
}

impl Total {
    pub(in crate::sources::helpscout) const fn elements(&self) -> u64 {
        self.page.total_elements.0
    }
}

/// A page of mailboxes or of tags.
#[derive(Debug, Deserialize)]
#[serde(expecting = "a page", bound = "T: Deserialize<'de>")]
pub(in crate::sources::helpscout) struct Named<T = Entry> {
    #[serde(rename = "_embedded", default, deserialize_with = "object")]
    embedded: Option<NamedLists<T>>,
    #[serde(rename = "_links", default, deserialize_with = "object")]
    links: Option<Links>,
    #[serde(default, deserialize_with = "object")]
    page: Option<PageNumbers>,
}

/// An answer holds one of them; an empty one neither.
#[derive(Debug, Deserialize)]
#[serde(expecting = "lists", bound = "T: Deserialize<'de>")]
struct NamedLists<T> {
    #[serde(default)]
    mailboxes: List<T>,
    #[serde(default)]
    tags: List<T>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "links")]
struct Links {
    next: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "page numbers")]
struct PageNumbers {
    number: Option<Count>,
    total_pages: Option<Count>,
}

/// A mailbox or tag.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(expecting = "a mailbox or tag")]
pub(in crate::sources::helpscout) struct Entry {
    pub(in crate::sources::helpscout) id: u64,
    #[serde(deserialize_with = "unescaped")]
    pub(in crate::sources::helpscout) name: String,
}

/// A tag, and how many tickets have it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "a tag")]
pub(in crate::sources::helpscout) struct CountedTag {
    id: u64,
    #[serde(deserialize_with = "unescaped")]
    name: String,
    #[serde(default)]
    ticket_count: Option<Count>,
}

impl CountedTag {
    /// The tag.
    pub(in crate::sources::helpscout) fn entry(&self) -> Entry {
        Entry {
            id: self.id,
            name: self.name.clone(),
        }
    }

    /// How many tickets have it, of all time.
    pub(in crate::sources::helpscout) fn tickets(&self) -> Option<u64> {
        self.ticket_count.map(|Count(count)| count)
    }
}

impl<T> Named<T> {
    /// Whether a page comes after this one, which was asked for as number `asked`. Links are not
    /// followed, since they hold unencoded characters; that there is one is all that is used.
    pub(in crate::sources::helpscout) fn has_next(&self, asked: u64) -> Result<bool, String> {
        let number = self.page.as_ref().and_then(|page| page.number);
        let total = self.page.as_ref().and_then(|page| page.total_pages);
        let linked = self
            .links
            .as_ref()
            .is_some_and(|links| links.next.is_some());
        match (number, total) {
            (Some(Count(0)), _) => Ok(false),
            (Some(Count(number)), _) if number != asked => {
                Err(format!("page {number} came for page {asked}"))
            }
            (_, Some(Count(total))) => Ok(linked && asked < total),
            (_, None) => Ok(linked),
        }
    }

    /// What is on the page.
    pub(in crate::sources::helpscout) fn into_elements(self) -> impl Iterator<Item = T> {
        let lists = self.embedded.map(|lists| [lists.mailboxes.0, lists.tags.0]);
        lists.into_iter().flatten().flatten()
    }
}

/// A name, which comes with HTML entities in it.
fn unescaped<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    Ok(html_escape::decode_html_entities(&name).into_owned())
}
