//! `check`, as a newcomer meets it.

use crate::common::{
    desk::{
        CONVERSATIONS, Folder, HAPPINESS, NEW, PRODUCTIVITY, TOKEN, all_but, good, populations,
    },
    exporter::{Ended, run},
    upstream::{Reply, Upstream},
};

async fn check(desk: &Upstream, more: &str) -> Ended {
    let folder = Folder::new(desk, more);
    let url = folder.database().await;
    let flag = folder.flag();
    folder.rewrite(desk, &more.replace("$POPULATIONS", &populations(&url)));
    // The program waits for the desk, which runs here.
    tokio::task::spawn_blocking(move || {
        let ended = run(&["check", &flag, "--log.level=error"], &[]);
        drop(folder);
        ended
    })
    .await
    .unwrap()
}

fn line<'a>(ended: &'a Ended, verdict: &str, about: &str) -> &'a str {
    ended
        .output
        .lines()
        .find(|line| line.starts_with(verdict) && line.split_whitespace().nth(1) == Some(about))
        .unwrap_or_else(|| panic!("no {verdict} for {about} in:\n{}", ended.output))
}

#[tokio::test(flavor = "multi_thread")]
async fn all_is_well() {
    let desk = Upstream::start(good).await;
    let ended = check(&desk, "windows: [1d, 7d]\n$POPULATIONS").await;
    assert_eq!(ended.code, Some(0), "{}", ended.output);
    for (about, said) in [
        (
            "config",
            "contact-rate.yml: windows 1d, 7d; segments all; 2 population(s); a refresh every 10 s",
        ),
        (
            "tickets",
            "1d: 2 created, 1 resolved, 1 closed, 3 replies; 7d: 14 created, 7 resolved, 7 closed, 21 replies",
        ),
        (
            "daily_tickets",
            "56 days, sums agree with the reports; dispersion 1.00",
        ),
        ("happiness", "3 great, 2 okay, 1 not good"),
        ("users", "3000"),
        ("dossiers", "1d: 300; 7d: 300"),
        (
            "calls",
            "7 Help Scout calls per refresh, 2520 per hour; at most 50000 a minute (the account is granted 100000)",
        ),
    ] {
        let line = line(&ended, "ok", about);
        assert!(line.contains(said), "{line}");
    }
    assert!(
        ended.output.ends_with("Everything works.\n"),
        "{}",
        ended.output
    );
    assert!(!ended.output.contains("note"), "{}", ended.output);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_failure_names_its_source_its_reason_and_what_to_do() {
    let status = |path, code| all_but(path, move || Reply::json(code, r#"{"message":"because"}"#));
    let cases = [
        (
            status(TOKEN, 401).await,
            "",
            "tickets",
            "auth: ",
            "check helpscout.app_id and the app secret",
        ),
        (
            status(HAPPINESS, 403).await,
            "",
            "happiness",
            "forbidden: ",
            "the plan may be without it",
        ),
        (
            status(NEW, 404).await,
            "",
            "daily_tickets",
            "status: ",
            "/v2/reports/conversations/new answered with status 404",
        ),
        (
            status(CONVERSATIONS, 400).await,
            "",
            "open_tickets",
            "status: ",
            "/v2/conversations answered with status 400",
        ),
        (
            all_but(PRODUCTIVITY, || Reply::json(200, "[]")).await,
            "",
            "tickets",
            "decode: ",
            "cannot be understood",
        ),
        (
            all_but(NEW, || Reply::json(200, r#"{"current":[]}"#)).await,
            "",
            "daily_tickets",
            "decode: ",
            "sum to 0, but the productivity report counts 2 created",
        ),
        (
            Upstream::start(good).await,
            "segments: [{name: lost, mailboxes: [Soporte]}]\n",
            "tickets",
            "query: ",
            "segment `lost` names mailbox `Soporte`",
        ),
        (
            Upstream::start(good).await,
            "databases: {app: {url: 'postgres://reader:secret@127.0.0.1:1/app'}}\npopulations: {users: {total: {database: app, query: SELECT 1}}}\n",
            "users",
            "connect: ",
            "127.0.0.1:1",
        ),
    ];
    let cases = cases.map(async |(desk, more, source, reason, said)| {
        let ended = check(&desk, more).await;
        assert_eq!(ended.code, Some(1), "{}", ended.output);
        let line = line(&ended, "FAIL", source);
        assert!(line.contains(reason) && line.contains(said), "{line}");
        assert!(
            ended.output.trim_end().ends_with("failed."),
            "{}",
            ended.output
        );
    });
    futures_util::future::join_all(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_tell_what_could_be_better() {
    let desk = Upstream::start(|asked| {
        if asked.path.starts_with("/v2/reports/") {
            Reply::json(403, "{}")
        } else {
            good(asked)
        }
    })
    .await;
    let ended = check(
        &desk,
        "segments: [{name: calls, channels: [phone]}, {name: empty}]\nwindows: [1d]\n",
    )
    .await;
    assert_eq!(ended.code, Some(0), "{}", ended.output);
    for (about, said) in [
        ("reports", "the Help Scout plan has no reports (403)"),
        ("populations", "none is configured"),
        (
            "segments",
            "calls: Help Scout's conversation list cannot filter by channel, so that tickets and open tickets are absent",
        ),
    ] {
        let line = line(&ended, "note", about);
        assert!(line.contains(said), "{line}");
    }
    assert!(
        ended.output.contains("empty: has no filter"),
        "{}",
        ended.output
    );
    assert!(
        !ended.output.contains("happiness") && !ended.output.contains("daily_tickets"),
        "{}",
        ended.output
    );

    let desk = Upstream::start(good).await;
    let folder = Folder::new(&desk, "");
    let url = folder.database().await;
    let more = format!(
        "databases: {{app: {{url: '{url}'}}}}\npopulations: {{users: {{total: {{database: app, query: SELECT count(*) FROM people}}}}}}\n"
    );
    let ended = check(&desk, &more).await;
    assert_eq!(ended.code, Some(0), "{}", ended.output);
    let note = line(&ended, "note", "users");
    assert!(
        note.contains(":end, as in `WHERE created_at < :end`"),
        "{note}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_calls_are_told_of() {
    let desk = Upstream::start(|asked| good(asked).with("x", 1)).await;
    let url = desk.url.as_str().trim_end_matches('/').to_owned();
    for (more, said) in [
        (
            "windows: [1d, 2d, 3d, 4d, 5d, 6d, 7d, 8d]",
            "one refresh needs 19 Help Scout calls, but a pace of 60 a minute allows 10 in an interval of 10 s",
        ),
        (
            "windows: [1d]\nreasons: {every: 20s}",
            "a refresh and the contact reasons need 11 Help Scout calls in an interval of 10 s, but a pace of 60 a minute allows 10",
        ),
    ] {
        let folder = Folder::new(&desk, "");
        folder.write(
            "contact-rate.yml",
            &format!("interval: 10s\n{more}\nhelpscout: {{app_id: x, app_secret: y, base_url: '{url}', requests_per_minute: 60}}\n"),
        );
        let flag = folder.flag();
        let ended = tokio::task::spawn_blocking(move || run(&["check", &flag], &[]))
            .await
            .unwrap();
        assert_eq!(ended.code, Some(0), "{}", ended.output);
        let note = line(&ended, "note", "calls");
        assert!(note.contains(said), "{note}");
    }
}

/// Standard output closed by whoever read it: no panic.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_needs_to_read_it() {
    use std::process::{Command, Stdio};
    let desk = Upstream::start(good).await;
    let folder = Folder::new(&desk, "");
    let flag = folder.flag();
    let ended = tokio::task::spawn_blocking(move || {
        let mut child = Command::new(env!("CARGO_BIN_EXE_contact-rate-exporter"))
            .args(["check", &flag])
            .env_clear()
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        child.wait_with_output().unwrap()
    })
    .await
    .unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(0), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_population_is_counted_in_is_told() {
    use sqlx::ConnectOptions as _;

    let desk = Upstream::start(|asked| {
        let is_ours = asked.path == "/hooks/planted-path/count"
            && asked.header("authorization") == "Bearer planted-bearer"
            && !asked.query.contains(':');
        if is_ours {
            return Reply::json(200, r#"{"n": 7}"#);
        }
        good(asked)
    })
    .await;
    let port = desk.url.port().unwrap();
    let folder = Folder::new(&desk, "");
    folder.database().await;
    let mut writer = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(folder.write("other.sqlite", ""))
        .connect()
        .await
        .unwrap();
    sqlx::raw_sql(
        "CREATE TABLE logins (at INTEGER); INSERT INTO logins VALUES (1767225600);
         CREATE VIEW recent AS SELECT * FROM logins WHERE at > 0",
    )
    .execute(&mut writer)
    .await
    .unwrap();
    // The files count from the folder of the config, wherever the program was started; the host is
    // this machine, by a name that does not say so.
    let more = format!(
        "windows: [7d]
databases:
  app: {{url: 'sqlite://app.sqlite'}}
  other: {{url: 'sqlite:other.sqlite?mode=ro'}}
populations:
  people:
    total: {{database: app, query: SELECT count(*) FROM people}}
  logins:
    total: {{database: other, query: 'WITH n AS (SELECT * FROM RECENT) SELECT count(*) FROM n WHERE at < :end_unix'}}
  doubtful:
    total: {{database: other, query: 'SELECT count(*) FROM logins WHERE at < :end'}}
  hooks:
    window:
      http:
        url: http://0.0.0.0:{port}/hooks/planted-path/count?from={{start_unix}}&to={{end_unix}}
        pointer: /n
        bearer_token: planted-bearer
        allow_plain_http: true
"
    );
    folder.rewrite(&desk, &more);
    let flag = folder.flag();
    let ended = tokio::task::spawn_blocking(move || {
        let ended = run(&["check", &flag, "--log.level=warn"], &[]);
        drop(folder);
        ended
    })
    .await
    .unwrap();
    assert_eq!(ended.code, Some(1), "{}", ended.output);
    assert!(line(&ended, "ok", "people").contains('3'));
    assert!(ended.output.contains("counted in people\n"));
    assert!(line(&ended, "ok", "logins").contains('1'));
    assert!(line(&ended, "note", "logins").contains("counted in recent (a view"));
    let doubt = line(&ended, "FAIL", "doubtful");
    assert!(
        doubt.contains("query:") && doubt.contains(":start_unix and :end_unix"),
        "{doubt}"
    );
    assert!(line(&ended, "ok", "hooks").contains("7d: 7"));
    assert!(
        ended.output.contains("travel unencrypted"),
        "{}",
        ended.output
    );
    assert!(!ended.output.contains("planted"), "{}", ended.output);
}
