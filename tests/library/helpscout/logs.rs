//! What the log says: enough for an operator, once, and nothing that is nobody's business.

use tracing::Level;

use super::*;
use crate::common::log::Log;

#[tokio::test]
async fn what_an_account_lacks_is_said_once() {
    let (log, _guard) = Log::start(Level::TRACE);
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
    let (log, _guard) = Log::start(Level::TRACE);
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
    let (log, _guard) = Log::start(Level::TRACE);
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
