//! The story's tickets as tables of a help desk, for `demo --helpdesk=sql`.

use jiff::Timestamp;
use serde_json::{Value, json};
use sqlx::SqliteConnection;

use super::story::{Channel, Rating, Story};

/// Tickets sent to SQLite at once.
const BATCH_TICKETS: usize = 5_000;

const TABLES: &str = "\
    CREATE TABLE tickets (id INTEGER PRIMARY KEY, mailbox_id INTEGER NOT NULL, channel TEXT NOT NULL, spam INTEGER NOT NULL,
      created_at TEXT NOT NULL, closed_at TEXT NOT NULL, first_response_seconds INTEGER);
    CREATE TABLE messages (ticket_id INTEGER NOT NULL, sent_at TEXT NOT NULL, by_agent INTEGER NOT NULL, awaited INTEGER NOT NULL);
    CREATE TABLE ticket_tags (ticket_id INTEGER NOT NULL, tag_id INTEGER NOT NULL);
    CREATE TABLE ratings (ticket_id INTEGER NOT NULL, rating TEXT NOT NULL, received_at TEXT NOT NULL);";

const INDEXES: &str = "\
    CREATE INDEX tickets_created_at ON tickets (created_at);
    CREATE INDEX tickets_closed_at ON tickets (closed_at);
    CREATE INDEX messages_sent_at ON messages (sent_at);
    CREATE INDEX messages_ticket_id ON messages (ticket_id, sent_at);
    CREATE INDEX ticket_tags_ticket_id ON ticket_tags (ticket_id, tag_id);
    CREATE INDEX ratings_received_at ON ratings (received_at);";

const INSERTS: [&str; 4] = [
    "INSERT INTO tickets SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6 FROM json_each(?)",
    "INSERT INTO messages SELECT value->>0, value->>1, value->>2, value->>3 FROM json_each(?)",
    "INSERT INTO ticket_tags SELECT value->>0, value->>1 FROM json_each(?)",
    "INSERT INTO ratings SELECT value->>0, value->>1, value->>2 FROM json_each(?)",
];

/// Writes the tables, instants as `YYYY-MM-DD HH:MM:SS` in UTC, indexed.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    story: &Story,
) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(TABLES).execute(&mut *connection).await?;
    let mut rows: [Vec<Value>; 4] = Default::default();
    let mut waiting = 0;
    for ticket in story.told() {
        let id = ticket.number;
        let [tickets, messages, tags, ratings] = &mut rows;
        tickets.push(json!([
            id,
            ticket.mailbox,
            word(ticket.channel),
            u8::from(ticket.spam),
            text(ticket.created),
            text(ticket.closed),
            ticket.first_response_seconds,
        ]));
        for message in ticket.messages {
            let by_agent = u8::from(message.by_agent);
            let awaited = u8::from(message.is_awaited);
            messages.push(json!([id, text(message.at), by_agent, awaited]));
        }
        tags.extend(ticket.tags.into_iter().map(|tag| json!([id, tag])));
        ratings.extend(ticket.rating.map(|(at, rating)| {
            let rating = match rating {
                Rating::Great => "great",
                Rating::Okay => "okay",
                Rating::NotGood => "not_good",
            };
            json!([id, rating, text(at)])
        }));
        waiting += 1;
        if waiting == BATCH_TICKETS {
            insert(connection, &mut rows).await?;
            waiting = 0;
        }
    }
    insert(connection, &mut rows).await?;
    sqlx::raw_sql(INDEXES).execute(connection).await?;
    Ok(())
}

async fn insert(
    connection: &mut SqliteConnection,
    rows: &mut [Vec<Value>; 4],
) -> Result<(), sqlx::Error> {
    for (statement, rows) in INSERTS.into_iter().zip(rows) {
        sqlx::query(statement)
            .bind(Value::Array(std::mem::take(rows)).to_string())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

fn text(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

const fn word(channel: Channel) -> &'static str {
    match channel {
        Channel::Email => "email",
        Channel::Chat => "chat",
        Channel::Phone => "phone",
    }
}
