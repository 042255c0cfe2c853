//! What cannot be reported is said in words, with the exit code that scripts go by.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::desk::{DOSSIERS, Desk, NEW, PRODUCTIVITY, TOKEN, recorded};
use crate::common::upstream::{Reply, Upstream};

#[tokio::test]
async fn a_bad_wish_ends_with_2_and_asks_nothing() {
    let upstream = Upstream::start(recorded).await;
    let desk = Desk::recorded(upstream.url.as_str()).await;
    for (arguments, expected) in [
        (&["--segment=usager"][..], "did you mean `usagers`?"),
        (&["--segment=x"], "all, usagers, telephone"),
        (&["--population=dossier"], "did you mean `dossiers`?"),
        (&["--time-zone=Europe/Pari"], "did you mean `Europe/Paris`?"),
        (
            &["--from=2017-12", "--to=2017-11"],
            "--from=2017-12 is after --to=2017-11",
        ),
        (&["--from=2017-13"], "expected a month as 2025-01"),
        (&["--to=9998-01"], "9998-01 is in the future"),
        (&["--format=xml"], "table, csv, json, svg"),
        (&["--frm=2025-01"], "--from"),
        (&["--from=1970-01"], "more than 600 months"),
    ] {
        let text = desk.report(arguments).await.bad(2);
        assert!(text.contains(expected), "{arguments:?}: {text}");
    }
    fs::remove_file(desk.path("contact-rate.yml")).unwrap();
    let text = desk.report(&[]).await.bad(2);
    assert!(text.contains("contact-rate.yml"), "{text}");
    assert_eq!(upstream.asked().len(), 0);
}

#[tokio::test]
async fn a_source_that_fails_ends_with_1_and_names_month_and_source() {
    let months = ["--from=2017-11", "--to=2017-12", "--output=report.csv"];
    let upstream = Upstream::start(|asked| match asked.path.as_str() {
        PRODUCTIVITY if asked.query.contains("start=2017-12") => Reply::json(404, "{}"),
        _ => recorded(asked),
    })
    .await;
    let desk = Desk::recorded(upstream.url.as_str()).await;
    let text = desk.report(&months).await.bad(1);
    assert!(text.contains("tickets of 2017-12"), "{text}");
    assert!(text.contains("404"), "{text}");
    assert!(!desk.path("report.csv").exists());

    let upstream = Upstream::start(|asked| match asked.path.as_str() {
        TOKEN => Reply::json(400, r#"{"error":"invalid_client"}"#),
        _ => recorded(asked),
    })
    .await;
    let desk = Desk::recorded(upstream.url.as_str()).await;
    let text = desk.report(&months).await.bad(1);
    assert!(
        text.contains("2017-10") && text.contains("credentials"),
        "{text}"
    );

    let upstream = Upstream::start(recorded).await;
    let desk = Desk::new(upstream.url.as_str(), DOSSIERS, "").await;
    let text = desk.report(&months).await.bad(1);
    assert!(text.contains("population of 2017-10"), "{text}");
    assert!(text.contains("`dossiers`"), "{text}");
    let text = desk.report(&["--segment=usagers"]).await.bad(1);
    assert!(text.contains("segment `usagers`"), "{text}");
}

/// Daily counts only widen the band: without them the months are told, and what is missing.
#[tokio::test]
async fn daily_counts_that_cannot_be_understood_are_done_without() {
    let upstream = Upstream::start(|asked| match asked.path.as_str() {
        NEW => Reply::json(200, r#"{"current": "?"}"#),
        _ => recorded(asked),
    })
    .await;
    let desk = Desk::recorded(upstream.url.as_str()).await;
    let ran = desk
        .report(&["--from=2017-12", "--to=2017-12", "--format=csv"])
        .await;
    assert!(ran.stderr.contains("2017-12"), "{}", ran.stderr);
    assert!(ran.good().contains(",0.0525,"));
}

#[tokio::test]
async fn a_file_is_written_whole_and_standard_output_left_alone() {
    let upstream = Upstream::start(recorded).await;
    let desk = Desk::recorded(upstream.url.as_str()).await;
    let months = ["--from=2017-11", "--to=2017-12"];
    for format in ["table", "csv", "json", "svg"] {
        let format = format!("--format={format}");
        let printed = desk.report(&[months[0], months[1], &format]).await.good();
        let ran = desk
            .report(&[months[0], months[1], &format, "--output=report"])
            .await;
        assert_eq!(ran.good(), "");
        let path = desk.path("report");
        assert_eq!(fs::read_to_string(&path).unwrap(), printed);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_ne!(mode & 0o044, 0, "others may read what this umask lets them");
    }
    let mut names: Vec<_> = fs::read_dir(desk.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["app.sqlite", "contact-rate.yml", "report"]);
    let text = desk
        .report(&[months[0], months[1], "--output=no/report"])
        .await
        .bad(1);
    assert!(text.contains("no/report"), "{text}");
}
