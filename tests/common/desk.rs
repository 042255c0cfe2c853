//! A scripted Help Scout whose numbers agree with each other, and config files that name it.

use std::{fs, path::PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::upstream::{Asked, Reply, Upstream};

pub const TOKEN: &str = "/v2/oauth2/token";
pub const PRODUCTIVITY: &str = "/v2/reports/productivity";
pub const NEW: &str = "/v2/reports/conversations/new";
pub const HAPPINESS: &str = "/v2/reports/happiness";
pub const CONVERSATIONS: &str = "/v2/conversations";
pub const DOCS: &str = "/v2/reports/docs";

/// What the desk grants.
pub const ACCESS_TOKEN: &str = "planted-access-token";

fn fixture(name: &str) -> Vec<u8> {
    fs::read(format!("tests/fixtures/help-scout/{name}")).unwrap()
}

fn instant(asked: &Asked, name: &str) -> Timestamp {
    let mut pairs = asked
        .query
        .split('&')
        .filter_map(|pair| pair.split_once('='));
    pairs
        .find(|(key, _)| *key == name)
        .unwrap()
        .1
        .parse()
        .unwrap()
}

/// Two tickets created a day, half of them resolved.
fn counts(days: i64) -> Value {
    json!({
        "newConversations": 2 * days, "resolved": days, "resolvedOnFirstReply": days, "closed": days,
        "repliesSent": 3 * days, "messagesReceived": 2 * days, "firstResponseTime": 60, "responseTime": 60,
        "resolutionTime": 3600, "handleTime": 30,
    })
}

/// Answers as Help Scout does.
pub fn good(asked: &Asked) -> Reply {
    let days =
        || (instant(asked, "end").as_second() + 1 - instant(asked, "start").as_second()) / 86_400;
    match asked.path.as_str() {
        TOKEN => Reply::json(
            200,
            json!({"access_token": ACCESS_TOKEN, "token_type": "bearer", "expires_in": 172_800}).to_string(),
        ),
        PRODUCTIVITY => {
            Reply::json(200, json!({"current": counts(days()), "previous": counts(days())}).to_string())
        }
        NEW => {
            let start = instant(asked, "start");
            let bucket = |day| {
                json!({"start": (start + SignedDuration::from_hours(24 * day)).to_string(), "count": 2})
            };
            let buckets: Vec<Value> = (0..days()).map(bucket).collect();
            Reply::json(200, json!({"current": buckets}).to_string())
        }
        HAPPINESS => Reply::json(
            200,
            r#"{"current":{"greatCount":3,"okayCount":2,"notGoodCount":1,"ratingsCount":6}}"#,
        ),
        CONVERSATIONS => Reply::json(200, fixture("conversations-list.json")),
        "/v2/mailboxes" => Reply::json(200, fixture("mailboxes.json")),
        DOCS => Reply::json(200, fixture("docs.json")),
        "/v2/tags" => Reply::json(200, fixture("tags.json")),
        _ => Reply::json(404, fixture("error-404.json")),
    }
    .with("X-RateLimit-Limit-Minute", 100_000)
    .with("X-RateLimit-Remaining-Minute", 99_000)
}

/// A desk that answers all but one path well.
pub async fn all_but(
    path: &'static str,
    script: impl Fn() -> Reply + Send + Sync + 'static,
) -> Upstream {
    Upstream::start(move |asked| {
        if asked.path == path {
            script()
        } else {
            good(asked)
        }
    })
    .await
}

/// A folder with a config file.
pub struct Folder {
    folder: TempDir,
}

impl Folder {
    /// A config that reads `desk`, followed by `more`.
    pub fn new(desk: &Upstream, more: &str) -> Self {
        let folder = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        folder.rewrite(desk, more);
        folder
    }

    /// Replaces the config.
    pub fn rewrite(&self, desk: &Upstream, more: &str) {
        let url = desk.url.as_str().trim_end_matches('/');
        self.write(
            "contact-rate.yml",
            &format!(
                "interval: 10s\nhelpscout:\n  app_id: somebody\n  app_secret: planted-app-secret\n  base_url: {url}\n{more}"
            ),
        );
    }

    /// Writes a file and gives its path.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// The flag that names the config.
    pub fn flag(&self) -> String {
        format!(
            "--config.file={}",
            self.folder.path().join("contact-rate.yml").display()
        )
    }

    /// A database file in it, with a table of three people.
    pub async fn database(&self) -> String {
        use sqlx::ConnectOptions as _;
        let path = self.folder.path().join("app.sqlite");
        let mut connection = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .connect()
            .await
            .unwrap();
        sqlx::raw_sql(
            "CREATE TABLE people (name TEXT); INSERT INTO people VALUES ('a'), ('b'), ('c');",
        )
        .execute(&mut connection)
        .await
        .unwrap();
        sqlx::Connection::close(connection).await.unwrap();
        format!("sqlite://{}", path.display())
    }
}

/// Two populations of a database.
pub fn populations(url: &str) -> String {
    format!(
        "databases:
  app: {{url: '{url}'}}
populations:
  users:
    total: {{database: app, query: \"SELECT 1000 * count(*) FROM people WHERE :end > ''\"}}
  dossiers:
    window: {{database: app, query: \"SELECT 100 * count(*) FROM people WHERE :start < :end\"}}
"
    )
}
