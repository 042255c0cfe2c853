//! Whatever came from the environment or from a file is shown nowhere: not in an error, not in what
//! a debugger prints.

use std::{error::Error, fmt::Write as _, path::Path};

use contact_rate_exporter::{
    app,
    config::{self, Config},
    sources::telemetry::Telemetry,
};
use proptest::prelude::*;

/// What must not be shown. Some of the texts around it make an address or a path that is broken.
const SECRET: &str = "Hunter2Tail";

/// Every key whose value is a text, with a value that is right. The texts of labels are refused from
/// the environment, and so not valid.
const KEYS: [(&str, &str); 35] = [
    ("interval", "5m"),
    ("timeout", "30s"),
    ("max_age", "20m"),
    ("time_zone", "Europe/Paris"),
    ("window", "28d"),
    ("app_id", "some-app"),
    ("app_secret", "some-text"),
    ("base_url", "https://api.helpscout.net"),
    ("counts_from", "auto"),
    ("requests_per_minute", "100"),
    ("happiness", "true"),
    ("site", "5244c0000000000000000001"),
    ("visitors", "help_center_visitors"),
    ("reasons_window", "28d"),
    ("every", "1h"),
    ("reason", "bug"),
    ("segment", "bugs"),
    ("mailbox", "Support"),
    ("tag", "bug"),
    ("channel", "email"),
    ("url", "postgres://reader@localhost/app"),
    ("url_file", "secret"),
    ("database", "app"),
    ("query", "SELECT count(*) FROM users WHERE at < :end"),
    (
        "http_url",
        "https://stats.example/hooks?from={start}&to={end}",
    ),
    ("pointer", "/count"),
    ("bearer", "some-token"),
    ("header", "some-value"),
    ("prometheus_url", "https://prometheus.example:9090"),
    ("promql", "sum(members)"),
    ("at_most", "0.05"),
    ("history", "104w"),
    ("forecast_segment", "all"),
    ("forecast_population", "users"),
    ("capacity", "350"),
];

/// A whole config file with these values.
fn document(value: impl Fn(&str) -> String) -> String {
    let quoted = |name: &str| format!("'{}'", value(name).replace('\'', "''"));
    format!(
        "interval: {interval}
timeout: {timeout}
max_age: {max_age}
time_zone: {time_zone}
windows: [{window}]
helpscout:
  app_id: {app_id}
  app_secret: {app_secret}
  base_url: {base_url}
  counts_from: {counts_from}
  requests_per_minute: {requests_per_minute}
  happiness: {happiness}
  help_center: {{sites: [{site}]}}
segments:
  - {{name: {segment}, mailboxes: [{mailbox}], tags: [{tag}], channels: [{channel}]}}
databases:
  app: {{url: {url}}}
  other: {{url_file: {url_file}}}
populations:
  users:
    total: {{database: {database}, query: {query}}}
  sessions:
    window:
      http: {{url: {http_url}, pointer: {pointer}, bearer_token: {bearer}, headers: {{X-Key: {header}}}}}
  members:
    total:
      prometheus: {{url: {prometheus_url}, query: {promql}}}
  readers:
    window: {{helpscout: {visitors}}}
reasons: {{window: {reasons_window}, every: {every}, tags: [{reason}]}}
targets:
  - {{population: users, window: 28d, tickets: created, at_most: {at_most}}}
forecast: {{history: {history}, segments: [{forecast_segment}], populations: [{forecast_population}]}}
capacity: {{all: {capacity}}}
",
        interval = quoted("interval"),
        timeout = quoted("timeout"),
        max_age = quoted("max_age"),
        time_zone = quoted("time_zone"),
        window = quoted("window"),
        app_id = quoted("app_id"),
        app_secret = quoted("app_secret"),
        base_url = quoted("base_url"),
        counts_from = quoted("counts_from"),
        requests_per_minute = quoted("requests_per_minute"),
        happiness = quoted("happiness"),
        site = quoted("site"),
        visitors = quoted("visitors"),
        reasons_window = quoted("reasons_window"),
        every = quoted("every"),
        reason = quoted("reason"),
        segment = quoted("segment"),
        mailbox = quoted("mailbox"),
        tag = quoted("tag"),
        channel = quoted("channel"),
        url = quoted("url"),
        url_file = quoted("url_file"),
        database = quoted("database"),
        query = quoted("query"),
        http_url = quoted("http_url"),
        pointer = quoted("pointer"),
        bearer = quoted("bearer"),
        header = quoted("header"),
        prometheus_url = quoted("prometheus_url"),
        promql = quoted("promql"),
        at_most = quoted("at_most"),
        history = quoted("history"),
        forecast_segment = quoted("forecast_segment"),
        forecast_population = quoted("forecast_population"),
        capacity = quoted("capacity"),
    )
}

/// Everything that could be shown of a config, or of why there is none.
fn shown(text: &str, variable: &str) -> (String, Option<Config>) {
    let environment = |name: &str| (name == "PLANTED").then(|| variable.to_owned());
    let path = Path::new("tests/config/good/planted.yml");
    match config::parse(text, path, &environment) {
        Ok(config) => {
            let telemetry = Telemetry::new().unwrap();
            let mut shown = format!("{config:?}");
            if let Err(error) = app::sources(&config, &telemetry, None) {
                let mut cause: Option<&dyn Error> = Some(&error);
                while let Some(error) = cause {
                    write!(shown, "{error} {error:?}").unwrap();
                    cause = error.source();
                }
            }
            (shown, Some(config))
        }
        Err(error) => (format!("{error} {error:?}"), None),
    }
}

fn hidden(text: &str) -> bool {
    let text = text.to_lowercase();
    !text.contains("hunter2") && !text.contains("2tail")
}

#[test]
fn the_document_itself_is_right() {
    std::fs::write(
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("secret"),
        "sqlite:///nowhere",
    )
    .unwrap();
    let right = document(
        |wanted| match KEYS.iter().find(|(name, _)| *name == wanted) {
            Some(("url_file", _)) => format!("{}/secret", env!("CARGO_TARGET_TMPDIR")),
            Some((_, value)) => (*value).to_owned(),
            None => panic!("{wanted}"),
        },
    );
    let (shown, config) = shown(&right, "");
    assert!(config.is_some(), "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// One key or several hold the secret: alone, or somewhere in what would be right, in which it
    /// takes the place of any piece.
    #[test]
    fn a_secret_from_the_environment_is_never_shown(
        planted in proptest::collection::vec((0..KEYS.len(), any::<proptest::sample::Index>(), any::<proptest::sample::Index>()), 1..4),
        before in prop::sample::select(vec!["", "postgres://reader:/", "mysql://", "https://user:", "sqlite://", "http://127.0.0.1/", "/", "${", "%"]),
        after in prop::sample::select(vec!["", "@localhost:5432/app", "/x@localhost/app", ":5432", "?x={start}{end}", "#", "\u{0}", "\n"]),
    ) {
        let variable = format!("{before}{SECRET}{after}");
        let text = document(|wanted| {
            let (index, (_, right)) = KEYS
                .iter()
                .enumerate()
                .find(|(_, (name, _))| *name == wanted)
                .unwrap();
            match planted.iter().find(|(planted, ..)| *planted == index) {
                None => (*right).to_owned(),
                Some((_, from, to)) => {
                    let (from, to) = (from.index(right.len() + 1), to.index(right.len() + 1));
                    let (from, to) = (from.min(to), from.max(to));
                    format!("{}${{PLANTED}}{}", &right[..from], &right[to..])
                }
            }
        });
        let (shown, _) = shown(&text, &variable);
        prop_assert!(hidden(&shown), "{shown}\n{text}");
    }

    /// Broken addresses with a password in the file itself.
    #[test]
    fn a_password_in_a_broken_address_is_never_shown(
        scheme in prop::sample::select(vec!["postgres", "postgresql", "mysql", "mariadb", "sqlite", "http", "https", "htp"]),
        odd in "[/?#@:%&=\\\\ ,\\[\\]]{0,3}",
        more in "[/?#@:%&=\\\\ ,\\[\\]]{0,2}",
        slashes in prop::sample::select(vec!["://", ":/", ":", "//"]),
        key in prop::sample::select(vec!["url", "http_url", "prometheus_url", "base_url", "url_file"]),
    ) {
        let address = format!("{scheme}{slashes}reader:{odd}{SECRET}{more}@127.0.0.1:5432/app?x={{start}}{{end}}");
        let text = document(|wanted| {
            let right = KEYS.iter().find(|(name, _)| *name == wanted).unwrap().1;
            if wanted == key { address.clone() } else { right.to_owned() }
        });
        let (shown, _) = shown(&text, "");
        prop_assert!(hidden(&shown), "{shown}\n{address}");
    }
}
