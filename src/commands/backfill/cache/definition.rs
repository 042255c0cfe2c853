//! Of what a cache is: answers to other questions, or from other places, must not be taken for
//! answers to these.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use url::Url;

use crate::{
    config::{
        Channel, Config, ConfigText, CountsFrom, Database, Desk, PopulationKind, PopulationSource,
        Reference, Segment, address,
    },
    domain::Window,
    sources::transport::origin,
};

/// One thing that answers depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is, in words.
    pub name: String,
    /// As much of it as people may see; nothing where texts are long or may be secret.
    pub shown: String,
    /// A digest of all of it, passwords left out.
    pub digest: String,
}

/// All that the answers to `config` depend on: what is counted, and where.
pub fn definition(config: &Config) -> Vec<Entry> {
    let windows: Vec<&str> = config.windows.iter().map(Window::name).collect();
    let seconds: Vec<i64> = config.windows.iter().map(Window::seconds).collect();
    let mut entries = vec![entry(
        "windows",
        windows.join(", "),
        &format!("{seconds:?}"),
    )];
    if let Some(help_scout) = config.helpscout() {
        let counts_from = match help_scout.counts_from {
            CountsFrom::Auto => "auto",
            CountsFrom::Reports => "reports",
            CountsFrom::Search => "search",
        };
        entries.extend([
            entry("counts_from", counts_from, counts_from),
            entry("the Help Scout app", "", &help_scout.app_id),
            entry(
                "the address of Help Scout",
                origin(&help_scout.base_url),
                &without_login(&help_scout.base_url),
            ),
        ]);
    }
    if let Desk::Sql(desk) = &config.desk {
        let (shown, whole) = config.databases.get(desk.database).map_or_else(
            || (String::new(), String::new()),
            |database| (origin_of(database), place(database)),
        );
        entries.push(entry(
            "the address of the help desk's database",
            shown,
            &whole,
        ));
        entries.extend(desk.queries().map(|(question, query)| {
            entry(format!("the query tickets.{}", question.name()), "", query)
        }));
    }
    if let Desk::Http(desk) = &config.desk {
        let address = desk.address().raw();
        let shown = Url::parse(&address).map_or_else(|_| String::new(), |url| origin(&url));
        entries.push(entry(
            "the address of the endpoint that counts",
            shown,
            &format!("{address} {:?}", desk.user()),
        ));
        entries.push(entry("its pointer", "", desk.pointer.as_str()));
        entries.extend(
            desk.texts()
                .map(|(key, text)| entry(format!("the text tickets.{key}"), "", &text)),
        );
    }
    for segment in &config.segments {
        let name = format!("segment `{}`", segment.name);
        entries.push(entry(name, "", &filter(segment)));
    }
    for population in &config.populations {
        let kind = match population.kind {
            PopulationKind::Total => "total",
            PopulationKind::Window => "window",
        };
        let (question, (shown, whole)) = match &population.source {
            PopulationSource::Sql { database, query } => (
                query.written(|bound| format!("{{{}}}", bound.name())),
                config.databases.get(*database).map_or_else(
                    || (String::new(), String::new()),
                    |database| (origin_of(database), place(database)),
                ),
            ),
            PopulationSource::Http { url, pointer, .. } => {
                let text = url.written(|bound| format!("{{{}}}", bound.name()));
                let address = match Url::parse(&text) {
                    Ok(url) => (origin(&url), without_login(&url)),
                    Err(_) => (String::new(), text),
                };
                (pointer.as_str().to_owned(), address)
            }
            PopulationSource::Prometheus { url, query, .. } => {
                (query.clone(), (origin(url), without_login(url)))
            }
            PopulationSource::HelpCenterVisitors => {
                let sites = config.help_center().map(|all| &all.sites);
                let address = config.helpscout().map(|account| &account.base_url);
                (
                    format!(
                        "help_center_visitors {:?}",
                        sites.into_iter().flatten().collect::<Vec<_>>()
                    ),
                    address.map_or_else(
                        || (String::new(), String::new()),
                        |address| (origin(address), without_login(address)),
                    ),
                )
            }
        };
        let name = format!("population `{}`", population.name);
        entries.push(entry(format!("the address of {name}"), shown, &whole));
        entries.push(entry(name, "", &format!("{kind} {question}")));
    }
    entries
}

/// In words, by what `wanted` differs from what was `found`; `None` when it does not.
pub fn difference(found: &[Entry], wanted: &[Entry]) -> Option<String> {
    let of = |entries: &[Entry], name: &str| entries.iter().find(|one| one.name == name).cloned();
    let mut differences = Vec::new();
    for now in wanted {
        let name = &now.name;
        match of(found, name) {
            None => differences.push(format!("{name} is new")),
            Some(then) if then.digest == now.digest => {}
            Some(then) if then.shown != now.shown => {
                differences.push(format!("{name} was {} and is {}", then.shown, now.shown));
            }
            Some(_) if now.shown.is_empty() => differences.push(format!("{name} is another")),
            Some(_) => differences.push(format!(
                "{name}, {}, is another in what is not shown of it",
                now.shown
            )),
        }
    }
    for then in found {
        if of(wanted, &then.name).is_none() {
            differences.push(format!("{} is gone", then.name));
        }
    }
    (!differences.is_empty()).then(|| differences.join("; "))
}

fn entry(name: impl Into<String>, shown: impl Into<String>, whole: &str) -> Entry {
    let digest = Sha256::digest(whole.as_bytes());
    let mut text = String::new();
    for byte in digest.iter().take(16) {
        let _ = write!(text, "{byte:02x}");
    }
    Entry {
        name: name.into(),
        shown: shown.into(),
        digest: text,
    }
}

fn filter(segment: &Segment) -> String {
    let references = |references: &[Reference]| -> Vec<String> {
        let written = references.iter().map(|reference| match reference {
            Reference::Id(id) => format!("id {id}"),
            Reference::Name(name) => format!("name {}", name.as_str()),
        });
        written.collect()
    };
    let channels: Vec<&str> = segment
        .channels
        .iter()
        .map(|one| Channel::name(*one))
        .collect();
    let condition = segment.condition.as_ref().map(ConfigText::as_str);
    format!(
        "{:?} {:?} {channels:?}{}",
        references(&segment.mailboxes),
        references(&segment.tags),
        condition.map_or_else(String::new, |condition| format!(" {condition:?}"))
    )
}

fn origin_of(database: &Database) -> String {
    match Url::parse(database.url.expose()) {
        Ok(url) => origin(&url),
        Err(_) => String::new(),
    }
}

/// What leads to a database, whoever asks: users and passwords change, and so do certificates.
fn place(database: &Database) -> String {
    let address = address::resolved(database.url.expose(), &database.folder);
    if let Some(rest) = address.strip_prefix("sqlite:") {
        let path = rest.strip_prefix("//").unwrap_or(rest);
        let path = path.split('?').next().unwrap_or_default();
        // By whatever links it is reached.
        return std::fs::canonicalize(path)
            .map_or_else(|_| path.to_owned(), |path| path.display().to_string());
    }
    let Ok(mut url) = Url::parse(&address) else {
        return String::new();
    };
    let leads = |name: &str| {
        !name.starts_with("ssl") && !matches!(name, "user" | "password" | "application_name")
    };
    let pairs: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| leads(name))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    url.set_query(None);
    if !pairs.is_empty() {
        url.query_pairs_mut().extend_pairs(pairs);
    }
    without_login(&url)
}

fn without_login(url: &Url) -> String {
    let mut url = url.clone();
    // Fails only where there can be none.
    let _ = url.set_password(None);
    let _ = url.set_username("");
    url.into()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn config(windows: &str, help_scout: &str, database: &str, tags: &str, query: &str) -> Config {
        let text = format!(
            "windows: [{windows}]
helpscout: {{app_secret: s, {help_scout}}}
segments: [{{name: bug, tags: [{tags}]}}]
databases: {{app: {{url: '{database}'}}}}
populations:
  users:
    total: {{database: app, query: 'SELECT {query} FROM users WHERE at < :end'}}
  sessions:
    window: {{http: {{url: 'https://stats.example.org/a?from={{start}}&to={{end}}', pointer: /n}}}}
"
        );
        crate::config::parse(&text, Path::new("test.yml"), &|_| None).unwrap()
    }

    const APP: &str = "app_id: a";
    const STAGING: &str = "postgres://rate:hunter2@staging:5432/app";

    fn differs(database: &str) -> Option<String> {
        let config = |database| config("1d", APP, database, "bug", "count(*)");
        difference(
            &definition(&config(STAGING)),
            &definition(&config(database)),
        )
    }

    #[test]
    fn whoever_asks_and_with_which_password_does_not_matter() {
        for same in [
            STAGING,
            "postgres://rate:other@staging:5432/app",
            "postgres://somebody@staging:5432/app?sslmode=require&application_name=x",
        ] {
            assert_eq!(differs(same), None, "{same}");
        }
    }

    #[test]
    fn another_place_is_named() {
        let address = "the address of population `users`";
        for (other, words) in [
            (
                "postgres://rate:hunter2@production:5432/app",
                format!("{address} was postgres://staging:5432 and is postgres://production:5432"),
            ),
            (
                "postgres://rate:hunter2@staging:5432/other",
                format!(
                    "{address}, postgres://staging:5432, is another in what is not shown of it"
                ),
            ),
            (
                "postgres://rate:hunter2@staging:5432/app?options=-csearch_path%3Dother",
                format!(
                    "{address}, postgres://staging:5432, is another in what is not shown of it"
                ),
            ),
        ] {
            assert_eq!(differs(other), Some(words));
        }
        let sqlite = differs("sqlite:///srv/app.db").unwrap();
        assert!(
            sqlite.contains("was postgres://staging:5432 and is sqlite:"),
            "{sqlite}"
        );
    }

    #[test]
    fn another_question_is_named() {
        let found = config("1d", APP, STAGING, "bug", "count(*)");
        let cases = [
            (
                config("1d, 7d", APP, STAGING, "bug", "count(*)"),
                "windows was 1d and is 1d, 7d",
            ),
            (
                config("1d", "app_id: b", STAGING, "bug", "count(*)"),
                "the Help Scout app is another",
            ),
            (
                config(
                    "1d",
                    "app_id: a, counts_from: search",
                    STAGING,
                    "bug",
                    "count(*)",
                ),
                "counts_from was auto and is search",
            ),
            (
                config(
                    "1d",
                    "app_id: a, base_url: 'https://desk.example.org'",
                    STAGING,
                    "bug",
                    "count(*)",
                ),
                "the address of Help Scout was https://api.helpscout.net and is https://desk.example.org",
            ),
            (
                config("1d", APP, STAGING, "'1', bug", "count(*)"),
                "segment `bug` is another",
            ),
            (
                config("1d", APP, STAGING, "bug", "count(id)"),
                "population `users` is another",
            ),
        ];
        for (wanted, words) in cases {
            assert_eq!(
                difference(&definition(&found), &definition(&wanted)).as_deref(),
                Some(words)
            );
        }
        let mut fewer = found.clone();
        fewer.segments.pop();
        let [found, fewer] = [definition(&found), definition(&fewer)];
        assert_eq!(
            difference(&found, &fewer).as_deref(),
            Some("segment `bug` is gone")
        );
        assert_eq!(
            difference(&fewer, &found).as_deref(),
            Some("segment `bug` is new")
        );
    }

    #[test]
    fn nothing_secret_is_in_it() {
        let definition = definition(&config("1d", APP, STAGING, "bug", "count(*)"));
        let text = format!("{definition:?}");
        for secret in ["hunter2", "rate:", "/app"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}
