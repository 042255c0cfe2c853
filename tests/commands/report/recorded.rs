//! The two months that were recorded from a real account.

use serde_json::{Value, json};

use super::{
    desk::{Desk, NEW, PRODUCTIVITY, recorded},
    hold,
};
use crate::common::upstream::{Asked, Upstream};

const MONTHS: [&str; 2] = ["--from=2017-11", "--to=2017-12"];

#[tokio::test]
async fn every_format_whole() {
    let upstream = Upstream::start(recorded).await;
    let desk = Desk::recorded(upstream.url.as_str()).await;
    for (format, golden) in [
        ("table", "tests/golden/report.txt"),
        ("csv", "tests/golden/report.csv"),
        ("json", "tests/golden/report.json"),
        ("svg", "tests/golden/report.svg"),
    ] {
        let format = format!("--format={format}");
        let ran = desk.report(&[MONTHS[0], MONTHS[1], &format]).await;
        hold(golden, &ran.good());
    }
}

/// The golden files can be rewritten; these numbers cannot.
#[tokio::test]
async fn the_numbers_are_those_recorded() {
    let upstream = Upstream::start(recorded).await;
    let desk = Desk::recorded(upstream.url.as_str()).await;
    let text = desk
        .report(&[MONTHS[0], MONTHS[1], "--format=json"])
        .await
        .good();
    let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
    let expected = [
        ("2017-11", 2000, 178, 96, 181, 187),
        ("2017-12", 2400, 126, 87, 122, 156),
    ];
    assert_eq!(rows.len(), expected.len());
    for (row, (month, population, created, resolved, closed, replies)) in rows.iter().zip(expected)
    {
        assert_eq!(row["month"], month);
        assert_eq!(row["population"], population);
        for (key, count) in [
            ("created", created),
            ("resolved", resolved),
            ("closed", closed),
            ("replies", replies),
        ] {
            assert_eq!(row[key], count, "{month} {key}");
            let rate = row[format!("rate_{key}")].as_f64().unwrap();
            let ratio = f64::from(count) / f64::from(population);
            assert!((rate - ratio).abs() < 1e-15, "{month} {key}");
        }
    }
    assert_eq!(rows[0]["rate_created"], json!(0.089));
    assert_eq!(rows[1]["rate_created"], json!(0.0525));
    assert_eq!(rows[1]["change_created"], -52);
    let effect = |key: &str| rows[1][key].as_f64().unwrap();
    assert!((effect("change_population_effect") - 28.3).abs() < 1e-9);
    assert!((effect("change_rate_effect") + 80.3).abs() < 1e-9);
    // Poisson tables: 126 has the limits 104.96 and 150.02.
    assert!((effect("rate_created_lower") * 2400.0 - 104.96).abs() < 0.01);
    assert!((effect("rate_created_upper") * 2400.0 - 150.02).abs() < 0.01);

    let table = desk.report(&MONTHS).await.good();
    for percent in [
        "8.9 %", "4.8 %", "9.1 %", "9.4 %", "5.3 %", "3.6 %", "5.1 %", "6.5 %",
    ] {
        let percent = percent.replace(' ', "\u{202f}");
        assert!(table.contains(&percent), "{percent} in\n{table}");
    }
}

/// Clocks change in March and October: such months are an hour shorter or longer, and Help Scout
/// and the database are asked for the same instants.
#[tokio::test]
async fn months_follow_the_time_zone() {
    let upstream = Upstream::start(recorded).await;
    let populations = "\
populations:
  length:
    window:
      database: app
      query: SELECT unixepoch(:end) - unixepoch(:start)
  starts:
    window:
      database: app
      query: SELECT CASE WHEN :start < :end THEN unixepoch(:start) END
  ends:
    total:
      database: app
      query: SELECT unixepoch(:end)
";
    let desk = Desk::new(upstream.url.as_str(), populations, "").await;
    let paris = "--time-zone=Europe/Paris";
    let months = ["--from=2025-03", "--to=2025-10", paris, "--format=csv"];
    let column = async |population: &str, column: usize| -> Vec<String> {
        let population = format!("--population={population}");
        let mut arguments = months.to_vec();
        arguments.push(&population);
        let csv = desk.report(&arguments).await.good();
        let mut rows = csv.lines();
        assert_eq!(rows.next().unwrap().split(',').nth(3), Some("population"));
        let cells = rows.map(|row| row.split(',').nth(column).unwrap().to_owned());
        cells.collect()
    };
    let hours = [743, 720, 744, 720, 744, 744, 720, 745];
    let seconds: Vec<String> = hours.map(|hours: u32| (hours * 3600).to_string()).to_vec();
    assert_eq!(column("length", 3).await, seconds);
    let starts = column("length", 1).await;
    assert_eq!(starts[0], "2025-02-28T23:00:00Z");
    assert_eq!(starts[1], "2025-03-31T22:00:00Z");
    assert_eq!(starts[7], "2025-09-30T22:00:00Z");
    let ends = column("length", 2).await;
    assert_eq!(ends[7], "2025-10-31T23:00:00Z");
    let unix = |stamps: &[String]| -> Vec<String> {
        let seconds = stamps
            .iter()
            .map(|stamp| super::desk::at(stamp).as_second().to_string());
        seconds.collect()
    };
    assert_eq!(column("starts", 3).await, unix(&starts));
    assert_eq!(column("ends", 3).await, unix(&ends));

    let asked = upstream.asked();
    let ranges: Vec<&str> = asked
        .iter()
        .filter(|asked| asked.path == PRODUCTIVITY)
        .map(|asked| asked.query.as_str())
        .collect();
    for range in [
        "start=2025-01-31T23:00:00Z&end=2025-02-28T22:59:59Z",
        "start=2025-02-28T23:00:00Z&end=2025-03-31T21:59:59Z",
        "start=2025-09-30T22:00:00Z&end=2025-10-31T22:59:59Z",
    ] {
        assert!(ranges.contains(&range), "{range} in {ranges:?}");
    }
    // The 56 days that end with March begin before clocks change.
    let daily = "start=2025-02-03T22:00:00Z&end=2025-03-31T21:59:59Z&viewBy=day";
    assert!(
        asked
            .iter()
            .any(|asked| asked.path == NEW && asked.query == daily),
        "{asked:?}"
    );
}

/// One productivity report per month, and the daily counts of the reported ones.
#[tokio::test]
async fn nothing_is_asked_twice() {
    let upstream = Upstream::start(recorded).await;
    let desk = Desk::recorded(upstream.url.as_str()).await;
    desk.report(&MONTHS).await.good();
    let mut targets: Vec<String> = upstream.asked().iter().map(Asked::target).collect();
    targets.sort();
    let daily = |range| format!("{NEW}?{range}&viewBy=day");
    let report = |range| format!("{PRODUCTIVITY}?{range}");
    assert_eq!(
        targets,
        [
            "/v2/oauth2/token".to_owned(),
            daily("start=2017-10-06T00:00:00Z&end=2017-11-30T23:59:59Z"),
            daily("start=2017-11-06T00:00:00Z&end=2017-12-31T23:59:59Z"),
            report("start=2017-10-01T00:00:00Z&end=2017-10-31T23:59:59Z"),
            report("start=2017-11-01T00:00:00Z&end=2017-11-30T23:59:59Z"),
            report("start=2017-12-01T00:00:00Z&end=2017-12-31T23:59:59Z"),
        ]
    );
}

/// A total without `:end` has no past, and so no rate: the tickets are told all the same.
#[tokio::test]
async fn a_total_without_a_past_is_unknown() {
    let upstream = Upstream::start(recorded).await;
    let populations = "\
populations:
  users:
    total:
      database: app
      query: SELECT 5
";
    let desk = Desk::new(upstream.url.as_str(), populations, "").await;
    let ran = desk.report(&[MONTHS[0], MONTHS[1], "--format=csv"]).await;
    assert!(ran.stderr.contains("must use :end"), "{}", ran.stderr);
    let csv = ran.good();
    let row = csv.lines().nth(2).unwrap();
    assert_eq!(
        row,
        "2017-12,2017-12-01T00:00:00Z,2018-01-01T00:00:00Z,,126,87,122,156,,,,,,,-52,,"
    );
    // Without any population alike.
    let desk = Desk::new(upstream.url.as_str(), "", "").await;
    let csv = desk
        .report(&[MONTHS[0], MONTHS[1], "--format=csv"])
        .await
        .good();
    assert_eq!(csv.lines().nth(2).unwrap(), row);
    for format in ["table", "svg"] {
        let format = format!("--format={format}");
        let text = desk.report(&[MONTHS[0], MONTHS[1], &format]).await.good();
        let says = ["there is no rate", "No rate is known."];
        assert!(says.iter().any(|says| text.contains(says)), "{text}");
    }
}
