//! Lists: HAL with pages. Names, addresses and subjects in them are invented; they are there so
//! that a client can be seen not to read them.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    super::story::{Channel, Filter, Listed, MAILBOXES, Status, Story, TAGS},
    Answer,
    parameters::{Parameters, date},
    problem::Refusal,
};

const BASE: &str = "https://api.helpscout.net/v2";
const CONVERSATIONS_PER_PAGE: usize = 25;
const CREATED: &str = "2023-01-09T09:00:00Z";

/// `/v2/conversations`.
pub(super) fn conversations(story: &Story, query: &str, now: Timestamp) -> Result<Answer, Refusal> {
    let mut parameters = Parameters::new(query);
    let filter = parameters.list_filter();
    let statuses = parameters.statuses();
    let created = parameters.created();
    let oldest_first = parameters.oldest_first();
    let page = parameters.page();
    parameters.finish()?;
    let mut listed: Vec<Listed> = story
        .list(&filter, statuses, created.start, created.end(now), now)
        .collect();
    if oldest_first {
        listed.reverse();
    }
    let page = Page {
        path: "conversations",
        name: "conversations",
        size: CONVERSATIONS_PER_PAGE,
        number: page,
    };
    Ok(page.answer(query, &listed, |ticket| conversation(ticket, now)))
}

/// `/v2/mailboxes`.
pub(super) fn mailboxes(story: &Story, size: usize, query: &str) -> Result<Answer, Refusal> {
    let page = page_of(query, "mailboxes", size)?;
    let updated = date(story.launch());
    Ok(page.answer(query, &MAILBOXES, |(id, name)| {
        let own = format!("{BASE}/mailboxes/{id}");
        json!({
            "id": id,
            "name": name,
            "slug": format!("{id:016x}"),
            "email": format!("inbox{id}@example.com"),
            "createdAt": CREATED,
            "updatedAt": updated,
            "_links": {
                "self": {"href": own},
                "folders": {"href": format!("{own}/folders")},
                "fields": {"href": format!("{own}/fields")},
            },
        })
    }))
}

/// `/v2/tags`.
pub(super) fn tags(
    story: &Story,
    size: usize,
    query: &str,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    let page = page_of(query, "tags", size)?;
    Ok(page.answer(query, &TAGS, |(id, name)| {
        let filter = Filter {
            tags: vec![*id],
            ..Filter::default()
        };
        json!({
            "id": id,
            "slug": name.replace(' ', "-"),
            "name": name,
            "color": "green",
            "createdAt": CREATED,
            "ticketCount": story.created(&filter, Timestamp::MIN, now),
        })
    }))
}

fn page_of(query: &str, path: &'static str, size: usize) -> Result<Page, Refusal> {
    let mut parameters = Parameters::new(query);
    let number = parameters.page();
    parameters.finish()?;
    Ok(Page {
        path,
        name: path,
        size: size.max(1),
        number,
    })
}

/// Which page of which list is asked for.
struct Page {
    path: &'static str,
    name: &'static str,
    size: usize,
    number: usize,
}

impl Page {
    fn answer<T>(&self, query: &str, all: &[T], element: impl Fn(&T) -> Value) -> Answer {
        let elements: Vec<Value> = all
            .iter()
            .skip((self.number - 1).saturating_mul(self.size))
            .take(self.size)
            .map(element)
            .collect();
        let pages = all.len().div_ceil(self.size);
        let mut body = Map::new();
        // An empty page has no `_embedded` at all.
        if !elements.is_empty() {
            let mut embedded = Map::new();
            embedded.insert(self.name.to_owned(), Value::Array(elements));
            body.insert("_embedded".to_owned(), Value::Object(embedded));
        }
        body.insert("_links".to_owned(), self.links(query, pages));
        body.insert(
            "page".to_owned(),
            json!({
                "size": self.size,
                "totalElements": all.len(),
                "totalPages": pages,
                "number": self.number,
            }),
        );
        Answer::List(Value::Object(body))
    }

    /// Links with the query as raw as the real ones have it: not to be followed.
    fn links(&self, query: &str, pages: usize) -> Value {
        let rest: Vec<String> = url::form_urlencoded::parse(query.as_bytes())
            .filter(|(key, _)| key != "page")
            .map(|(key, value)| format!("{key}={value}&"))
            .collect();
        let rest = rest.concat();
        let to = |page: usize| json!({"href": format!("{BASE}/{}?{rest}page={page}", self.path)});
        let mut links = Map::new();
        links.insert("self".to_owned(), to(self.number));
        links.insert("first".to_owned(), to(1));
        links.insert("last".to_owned(), to(pages.max(1)));
        if self.number < pages {
            links.insert("next".to_owned(), to(self.number + 1));
        }
        links.insert(
            "page".to_owned(),
            json!({"href": format!("{BASE}/{}{{?page}}", self.path), "templated": true}),
        );
        Value::Object(links)
    }
}

fn conversation(ticket: &Listed, now: Timestamp) -> Value {
    let id = 2_000_000 + ticket.number;
    let customer_id = 9_000_000 + ticket.number;
    let customer = json!({
        "id": customer_id,
        "type": "customer",
        "first": "Customer",
        "last": ticket.number.to_string(),
        "photoUrl": "https://example.com/avatar.png",
        "email": format!("customer{}@example.com", ticket.number),
    });
    let tags: Vec<Value> = ticket
        .tags()
        .map(|(id, name)| json!({"id": id, "color": "#929499", "tag": name}))
        .collect();
    let (status, channel) = (status_name(ticket.status), channel_name(ticket.channel));
    let days = now.duration_since(ticket.created).as_hours() / 24;
    let mut body = json!({
        "id": id,
        "number": ticket.number,
        "threads": ticket.messages,
        "type": channel,
        "folderId": 1001,
        "status": status,
        "state": "published",
        "subject": format!("Subject {}", ticket.number),
        "preview": "",
        "mailboxId": ticket.mailbox,
        "createdBy": customer,
        "createdAt": date(ticket.created),
        "userUpdatedAt": date(ticket.closed.unwrap_or(ticket.created)),
        "customerWaitingSince": {"time": date(ticket.created), "friendly": format!("{days} days ago")},
        "source": {"type": channel, "via": "customer"},
        "tags": tags,
        "cc": [],
        "bcc": [],
        "primaryCustomer": customer,
        "customFields": [],
        "_embedded": {"threads": []},
        "_links": {
            "self": {"href": format!("{BASE}/conversations/{id}")},
            "mailbox": {"href": format!("{BASE}/mailboxes/{}", ticket.mailbox)},
            "primaryCustomer": {"href": format!("{BASE}/customers/{customer_id}")},
            "threads": {"href": format!("{BASE}/conversations/{id}/threads")},
        },
    });
    if let (Some(body), Some(closed)) = (body.as_object_mut(), ticket.closed) {
        body.insert("closedAt".to_owned(), json!(date(closed)));
        body.insert("closedBy".to_owned(), json!(1));
    }
    body
}

const fn status_name(status: Status) -> &'static str {
    match status {
        Status::Active => "active",
        Status::Pending => "pending",
        Status::Closed => "closed",
        Status::Spam => "spam",
    }
}

const fn channel_name(channel: Channel) -> &'static str {
    match channel {
        Channel::Email => "email",
        Channel::Chat => "chat",
        Channel::Phone => "phone",
    }
}
