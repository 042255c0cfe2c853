//! Mailboxes and tags by name and id.

use super::*;

#[tokio::test]
async fn lists_are_read_page_by_page_once() {
    let desk = Desk::new(|asked| match (asked.path.as_str(), asked.query.as_str()) {
        (MAILBOXES, "page=1") => recorded("mailboxes-page1of2.json"),
        (MAILBOXES, "page=2") => recorded("mailboxes-page2of2.json"),
        (TAGS, _) => Reply::json(
            200,
            r#"{"_embedded":{"tags":[{"id":9,"name":"Q&amp;A caf&eacute;"},{"id":8,"name":"a,b"}]}}"#,
        ),
        _ => good(asked),
    })
    .await;
    let segment = Segment {
        mailboxes: vec![Reference::Name("Inbox B".into())],
        tags: vec![Reference::Name("Q&A café".into())],
        ..usagers()
    };
    let reader = desk.reader();
    for _ in 0..3 {
        let filters = futures_util::future::join_all((0..3).map(|_| reader.filter(&segment))).await;
        assert!(filters.iter().all(Result::is_ok), "{filters:?}");
    }
    let mut targets = desk.targets();
    targets.sort();
    assert_eq!(
        targets,
        [
            format!("{MAILBOXES}?page=1"),
            format!("{MAILBOXES}?page=2"),
            format!("{TAGS}?page=1")
        ]
    );
    let filter = reader.filter(&segment).await.unwrap();
    reader.open_tickets(&filter).await.unwrap();
    assert!(desk.targets().contains(&format!(
        "{CONVERSATIONS}?status=active&mailbox=102&tag=Q%26A%20caf%C3%A9&sortField=createdAt&sortOrder=asc"
    )));
    let comma = Segment {
        tags: vec![Reference::Id(8)],
        ..segment
    };
    assert!(!reader.filter(&comma).await.unwrap().can_be_listed());
}

#[tokio::test]
async fn a_list_without_end_is_given_up() {
    let desk = Desk::new(|asked| {
        if asked.path != TAGS {
            return good(asked);
        }
        let page = asked.query.trim_start_matches("page=");
        Reply::json(
            200,
            format!(r#"{{"_embedded":{{"tags":[]}},"_links":{{"next":{{}}}},"page":{{"number":{page},"totalPages":100000}}}}"#),
        )
        .with("x-ratelimit-limit-minute", 100_000)
    })
    .await;
    let error = desk.reader().filter(&usagers()).await.unwrap_err();
    assert_eq!(error.reason(), Reason::Decode);
    assert!(error.to_string().contains("more than 200 pages"), "{error}");
    assert_eq!(desk.count(TAGS), 200);
}

#[tokio::test]
async fn a_name_that_does_not_exist_fails_its_segment_alone() {
    let desk = Desk::new(good).await;
    let reader = desk.reader();
    for (mailbox, expected) in [
        (
            Reference::Name("Inbox AA".into()),
            "segment `usagers` names mailbox `Inbox AA`, which Help Scout does not list for the \
             app's owner: did you mean `Inbox A`?",
        ),
        (
            Reference::Name("Complaints".into()),
            "segment `usagers` names mailbox `Complaints`, which Help Scout does not list for the \
             app's owner",
        ),
        (
            Reference::Id(103),
            "segment `usagers` names mailbox 103, which Help Scout does not list for the app's \
             owner",
        ),
    ] {
        let segment = Segment {
            mailboxes: vec![mailbox],
            ..usagers()
        };
        let error = reader.filter(&segment).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.reason(), Reason::Query);
    }
    assert!(reader.filter(&usagers()).await.is_ok());
    assert_eq!((desk.count(MAILBOXES), desk.count(TAGS)), (1, 1));
}

#[tokio::test]
async fn two_mailboxes_of_one_name_want_an_id() {
    let desk = Desk::only(MAILBOXES, || {
        Reply::json(
            200,
            r#"{"_embedded":{"mailboxes":[{"id":5,"name":"Support"},{"id":6,"name":"Support"}]}}"#,
        )
    })
    .await;
    let by = |reference| Segment {
        mailboxes: vec![reference],
        tags: Vec::new(),
        ..usagers()
    };
    let error = desk
        .reader()
        .filter(&by(Reference::Name("Support".into())))
        .await
        .unwrap_err();
    assert!(error.to_string().ends_with("use the id (5, 6)"), "{error}");
    desk.reader().filter(&by(Reference::Id(6))).await.unwrap();
}
