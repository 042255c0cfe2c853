//! What the log says of sources: each change once.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

use super::desk::{Desk, Fate, POPULATIONS, pass, refresher, reload, status};

/// A log kept in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn start() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::INFO)
            .with_ansi(false)
            .with_writer(log.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    /// The lines since the last time that are of a source or of the plan, without their instants.
    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap();
        let about = |line: &&str| line.contains("source=") || line.contains("reports");
        text.lines().filter(about).map(str::to_owned).collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

fn one_more(mut body: Value) -> Value {
    body["current"][55]["count"] = json!(1_000_000);
    body
}

#[tokio::test]
async fn a_source_that_fails_and_recovers_is_told_of_once_each() {
    let (log, _guard) = Log::start();
    let desk = Desk::start(|_| {}).await;
    desk.only("/v2/reports/conversations/new", || Fate::Edited(one_more));
    let config = desk.config(POPULATIONS).await;
    let (mut refresher, _published) = refresher(&config);
    for _ in 0..3 {
        refresher.refresh().await;
    }
    let lines = log.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    for part in [
        "WARN",
        "source failed",
        "source=daily_tickets",
        "reason=decode",
        "segment all: the daily counts of the last 1d sum to 1000000",
    ] {
        assert!(lines[0].contains(part), "{lines:?}");
    }
    desk.script(|_, _| Fate::Good);
    for _ in 0..2 {
        refresher.refresh().await;
    }
    let lines = log.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("source works again") && lines[0].contains("source=daily_tickets"));
}

#[tokio::test]
async fn a_plan_without_reports_is_told_of_until_it_changes() {
    let (log, _guard) = Log::start();
    let desk = Desk::start(|_| {}).await;
    desk.script(|path, _| {
        if path.starts_with("/v2/reports/") {
            status(403)
        } else {
            Fate::Good
        }
    });
    let config = desk.config(POPULATIONS).await;
    let (mut first, _published) = refresher(&config);
    first.refresh().await;
    let lines = log.lines();
    assert!(
        lines.len() == 1 && lines[0].contains("the plan has none"),
        "{lines:?}"
    );
    first.refresh().await;
    first.adopt(reload(&config, first.sources()));
    first.refresh().await;
    pass(Duration::from_hours(1)).await;
    first.refresh().await;
    assert_eq!(log.lines(), [""; 0], "nothing new");
    desk.script(|_, _| Fate::Good);
    pass(Duration::from_hours(1)).await;
    first.refresh().await;
    let lines = log.lines();
    assert!(
        lines.len() == 1 && lines[0].contains("answers reports"),
        "{lines:?}"
    );
}
