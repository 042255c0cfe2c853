//! What the log says: enough for an operator, once, and nothing that is nobody's business.

use std::io;

use tracing_subscriber::fmt::MakeWriter;

use super::*;

/// A log kept in memory, every level of every crate.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// How many lines of `level` hold `text`.
    fn count(&self, level: &str, text: &str) -> usize {
        let log = self.text();
        log.lines()
            .filter(|line| line.contains(level) && line.contains(text))
            .count()
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

fn logging() -> (Log, tracing::subscriber::DefaultGuard) {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    (log, tracing::subscriber::set_default(subscriber))
}

#[tokio::test]
async fn what_an_account_lacks_is_said_once() {
    let (log, _guard) = logging();
    let body = r#"{"current":{"resolved":4,"closed":5,"repliesSent":6}}"#;
    let desk = Desk::only(PRODUCTIVITY, move || Reply::json(200, body)).await;
    let all = desk.all().await;
    for _ in 0..3 {
        let reader = desk.reader();
        reader.contacts(&all, window(), previous()).await.unwrap();
    }
    for lacking in ["newConversations", "messagesReceived", "previous range"] {
        assert_eq!(log.count("INFO", lacking), 1, "{}", log.text());
    }
    assert_eq!(log.count("WARN", ""), 0, "{}", log.text());
}

#[tokio::test]
async fn limits_and_refusals_are_warned_of_once() {
    let (log, _guard) = logging();
    let desk = Desk::only(HAPPINESS, || {
        Reply::json(429, fixture("error-429.json"))
            .with("x-ratelimit-limit-minute", 400)
            .with("correlation-id", "abc#9")
    })
    .await;
    let all = desk.all().await;
    let reader = desk.within(Duration::from_secs(5));
    let calls = (0..5).map(|_| reader.happiness(&all, window()));
    let calls = futures_util::future::join_all(calls).await;
    assert!(calls.iter().all(Result::is_err));
    assert_eq!(log.count("WARN", "rate limit"), 1, "{}", log.text());
    assert_eq!(log.count("WARN", "abc#9"), 1);
    assert_eq!(log.count("INFO", "granted_per_minute=400"), 1);

    let refusing = Desk::only(TOKEN, || {
        Reply::json(401, fixture("error-400-invalid-client.json"))
    })
    .await;
    for _ in 0..3 {
        let reader = refusing.reader();
        reader.happiness(&all, window()).await.unwrap_err();
    }
    assert_eq!(log.count("WARN", "refused the credentials"), 1);
}

#[tokio::test]
async fn neither_secrets_nor_bodies_are_logged() {
    let (log, _guard) = logging();
    let tries = AtomicUsize::new(0);
    let desk = Desk::only(PRODUCTIVITY, move || {
        let body = r#"{"message":"Ada Lovelace"}"#;
        match tries.fetch_add(1, Ordering::SeqCst) {
            0 => Reply::json(401, body),
            1 => Reply::reset(),
            2 => Reply::json(503, "<p>Ada Lovelace</p>").with("correlation-id", "abc#3"),
            _ => Reply::json(200, r#"{"current":"Ada Lovelace"}"#),
        }
    })
    .await;
    assert_eq!(
        desk.productivity().await.unwrap_err().reason(),
        Reason::Decode
    );
    let all = desk.all().await;
    desk.reader().open_tickets(&all).await.unwrap();
    let text = log.text();
    for planted in [
        SECRET,
        "example-token",
        "Ada",
        "Subject 5001",
        "@example.com",
    ] {
        assert!(!text.contains(planted), "{planted}\n{text}");
    }
    assert!(log.count("DEBUG", "trying again") == 2, "{text}");
    assert!(log.count("DEBUG", "abc#3") > 0, "{text}");
}
