//! What cannot be reported is said in words, with the exit code that scripts go by.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::desk::{DOSSIERS, Desk, NEW, PRODUCTIVITY, TOKEN, recorded};
use crate::common::upstream::{Asked, Reply, Upstream};

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
    assert!(desk.path("report.csv").exists(), "the other month is told");

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
    assert!(
        !desk.path("report.csv").exists(),
        "there is nothing to tell"
    );

    let upstream = Upstream::start(recorded).await;
    let desk = Desk::new(upstream.url.as_str(), DOSSIERS, "").await;
    let text = desk.report(&months).await.bad(1);
    assert!(text.contains("population of 2017-10"), "{text}");
    assert!(text.contains("`dossiers`"), "{text}");
    let text = desk.report(&["--segment=usagers"]).await.bad(1);
    assert!(text.contains("segment `usagers`"), "{text}");
}

/// What cannot be read of one month leaves its cells empty; the reason stands below.
#[tokio::test]
async fn one_month_that_fails_leaves_the_others() {
    let upstream = Upstream::start(|asked| match asked.path.as_str() {
        PRODUCTIVITY if asked.query.contains("start=2017-11") => Reply::json(404, "{}"),
        _ => recorded(asked),
    })
    .await;
    let desk = Desk::recorded(upstream.url.as_str()).await;
    let months = ["--from=2017-11", "--to=2017-12"];
    let report = async |format: &str| {
        let format = format!("--format={format}");
        let ran = desk.report(&[months[0], months[1], &format]).await;
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        let reason = "the tickets of 2017-11 could not be read: ";
        assert!(ran.stderr.contains(reason), "{}", ran.stderr);
        ran.stdout
    };
    let csv = report("csv").await;
    let rows: Vec<&str> = csv.lines().skip(1).collect();
    assert_eq!(
        rows[0],
        "2017-11,2017-11-01T00:00:00Z,2017-12-01T00:00:00Z,2000,,,,,,,,,,,,,"
    );
    assert!(rows[1].contains(",2400,126,87,122,156,0.0525,"), "{csv}");
    assert!(
        rows[1].ends_with(",,,"),
        "no change from what is unknown: {csv}"
    );
    let json: serde_json::Value = serde_json::from_str(&report("json").await).unwrap();
    assert!(json[0]["created"].is_null() && json[0]["rate_created"].is_null());
    assert_eq!(json[1]["created"], 126);
    let table = report("table").await;
    let row = table
        .lines()
        .find(|line| line.starts_with("2017-11"))
        .unwrap();
    assert!(row.contains('–') && !row.contains('%'), "{table}");
    assert!(
        table.contains("– the tickets of 2017-11 could not be read: "),
        "{table}"
    );
    assert!(report("svg").await.starts_with("<svg"));
}

#[tokio::test]
async fn one_population_that_fails_leaves_the_tickets() {
    let upstream = Upstream::start(recorded).await;
    let populations = "\
populations:
  dossiers:
    window:
      database: app
      query: SELECT CASE WHEN :start = '2017-11-01 00:00:00' THEN NULL ELSE 2400 END WHERE :end > ''
";
    let desk = Desk::new(upstream.url.as_str(), populations, "").await;
    let months = ["--from=2017-11", "--to=2017-12", "--format=csv"];
    let ran = desk.report(&months).await;
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let reason = "the population of 2017-11 could not be read: population `dossiers`";
    assert!(ran.stderr.contains(reason), "{}", ran.stderr);
    let rows: Vec<&str> = ran.stdout.lines().skip(1).collect();
    assert_eq!(
        rows[0],
        "2017-11,2017-11-01T00:00:00Z,2017-12-01T00:00:00Z,,178,96,181,187,,,,,,,178,,"
    );
    assert!(
        rows[1].contains(",2400,126,87,122,156,0.0525,"),
        "{}",
        ran.stdout
    );
}

/// Reports that lack created tickets, and a series of them: empty, with days left out, or of days
/// that hold nothing.
#[tokio::test]
async fn no_series_makes_a_zero() {
    let lacking = |asked: &Asked| {
        if asked.path != PRODUCTIVITY || !asked.query.contains("start=2017-12-01") {
            return recorded(asked);
        }
        let file = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/fixtures/help-scout/productivity-2017-12.json"
        );
        let text = fs::read_to_string(file).unwrap();
        let mut report: serde_json::Value = serde_json::from_str(&text).unwrap();
        let current = report["current"].as_object_mut().unwrap();
        assert!(current.remove("newConversations").is_some());
        Reply::json(200, report.to_string())
    };
    let zero = r#"{"current":[{"start":"2017-12-01T00:00:00Z","count":0}]}"#;
    for series in [r#"{"current":[]}"#, zero] {
        let upstream = Upstream::start(move |asked| match asked.path.as_str() {
            NEW if series.contains("count") && !asked.query.contains("start=2017-12-01") => {
                Reply::json(200, r#"{"current":[]}"#)
            }
            NEW => Reply::json(200, series),
            _ => lacking(asked),
        })
        .await;
        let desk = Desk::recorded(upstream.url.as_str()).await;
        let ran = desk
            .report(&["--from=2017-12", "--to=2017-12", "--format=csv"])
            .await;
        assert!(
            ran.stderr.contains("tickets created are not known"),
            "{}",
            ran.stderr
        );
        let csv = ran.good();
        assert!(csv.contains(",2400,,87,122,156,,,,0.03625,"), "{csv}");
    }
    let upstream = Upstream::start(move |asked| match asked.path.as_str() {
        NEW if asked.query.contains("start=2017-12-01") => Reply::json(
            200,
            r#"{"current":[{"start":"2017-12-04T00:00:00Z","count":100},{"start":"2017-12-31T00:00:00Z","count":26}]}"#,
        ),
        _ => lacking(asked),
    })
    .await;
    let desk = Desk::recorded(upstream.url.as_str()).await;
    let ran = desk
        .report(&["--from=2017-12", "--to=2017-12", "--format=csv"])
        .await;
    assert!(ran.good().contains(",2400,126,87,122,156,0.0525,"));
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
