//! The command from outside: what it refuses, and what a failure leaves behind.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use hyper::StatusCode;
use jiff::{SignedDuration, Timestamp};

use super::world::{STORY, World, days};
use crate::common::exporter::{self, Ended};

/// Runs the command for the config `top` in the folder of `world`.
async fn run(world: &World, top: &str, flags: &[&str]) -> Ended {
    let text = world.config_text(top, "  happiness: false").await;
    run_with(world, &text, flags)
}

pub fn run_with(world: &World, config: &str, flags: &[&str]) -> Ended {
    let path = world.path("contact-rate.yml");
    fs::write(&path, config).unwrap();
    let config = format!("--config.file={}", path.display());
    let output = format!("--output={}", world.path("history.om").display());
    let mut arguments = vec!["backfill", &config, &output];
    arguments.extend(flags);
    exporter::run(&arguments, &[])
}

pub const WEEK: [&str; 2] = ["--from=2025-05-01", "--to=2025-05-07"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&WEEK[..], more].concat()
}

pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn impossible_instants_and_flags_are_refused() {
    let world = World::new().await;
    let recent = Timestamp::now() - SignedDuration::from_hours(2);
    let recent = format!("--to={}", recent.strftime("%Y-%m-%dT%H:%M:00Z"));
    for (flags, reason) in [
        (
            vec!["--from=2025-05-01", recent.as_str()],
            "the last 3 hours, which belong to the block",
        ),
        (vec!["--from=2025-05-02", "--to=2025-05-01"], "is after"),
        (
            vec!["--from=yesterday", "--to=2025-05-01"],
            "expected a date or an instant",
        ),
        (vec!["--from=2025-05-01"], "--to <TIME>"),
        (with(&["--step=90s"]), "whole minutes"),
        (with(&["--means=guess"]), "read, skip"),
        (
            with(&["--label=segment=x"]),
            "a label of the series themselves",
        ),
        (
            with(&["--label=source=x"]),
            "a label of the series themselves",
        ),
        (with(&["--label=__x=y"]), "the name must be"),
        (with(&["--label=job-x=y"]), "the name must be"),
        (
            with(&["--label=job=a", "--label=x=y", "--label=job=b"]),
            "--label=job=… is given twice",
        ),
    ] {
        let ended = run(&world, "", &flags).await;
        assert_eq!(ended.code, Some(2), "{flags:?}: {}", ended.output);
        assert!(
            one_line(&ended.output).contains(reason),
            "{flags:?}: {}",
            ended.output
        );
    }
    assert!(world.asked().is_empty());
    assert_eq!(names(world.folder.path()), ["contact-rate.yml"]);
}

pub fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// As a cache on a read-only file system: nobody can make a folder below a file, not even root.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cache_that_cannot_be_written_is_named_before_any_call() {
    let world = World::new().await;
    let file = world.path("file");
    fs::write(&file, "").unwrap();
    let cache = format!("--cache-dir={}", file.join("cache").display());
    let ended = run(&world, "windows: [1d]", &with(&[&cache])).await;
    assert_eq!(ended.code, Some(1), "{}", ended.output);
    let said = one_line(&ended.output);
    assert!(said.contains("for the cache"), "{said}");
    assert!(said.contains("file/cache"), "{said}");
    assert!(world.asked().is_empty());
    assert!(!world.path("history.om").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cache_of_something_else_is_refused() {
    let world = World::new().await;
    let first = run(&world, "windows: [1d]", &WEEK).await;
    assert_eq!(first.code, Some(0), "{}", first.output);
    let text = fs::read_to_string(world.path("history.om")).unwrap();
    for flags in [with(&[]), with(&["--dry-run"])] {
        let other = run(&world, "windows: [1d, 7d]", &flags).await;
        assert_eq!(other.code, Some(1), "{}", other.output);
        let said = one_line(&other.output);
        assert!(said.contains("was made under another definition"), "{said}");
        assert!(
            said.contains("history.om.cache") && said.contains("--cache-dir"),
            "{said}"
        );
    }
    assert_eq!(
        fs::read_to_string(world.path("history.om")).unwrap(),
        text,
        "left alone"
    );
    // Where and how often is not what is counted.
    let same = run(
        &world,
        "windows: [1d]\ninterval: 1m",
        &with(&["--label=job=contact-rate"]),
    )
    .await;
    assert_eq!(same.code, Some(0), "{}", same.output);
    let text = fs::read_to_string(world.path("history.om")).unwrap();
    let samples = || text.lines().filter(|line| !line.starts_with('#'));
    assert!(
        samples().all(|line| line.contains(r#"{job="contact-rate""#)),
        "{text}"
    );
    assert_eq!(
        names(world.folder.path()),
        ["contact-rate.yml", "history.om", "history.om.cache"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_call_is_named_and_everything_else_is_kept() {
    let broken = Arc::new(AtomicBool::new(true));
    let fault = {
        let broken = Arc::clone(&broken);
        move |request: &hyper::Request<hyper::body::Bytes>| {
            let query = request.uri().query().unwrap_or_default();
            let hit = query.contains("2025-05-04T00:00:00Z") && query.contains("types=phone");
            (hit && broken.load(Ordering::SeqCst)).then_some(StatusCode::BAD_REQUEST)
        }
    };
    let world = World::with(|_| {}, Arc::new(fault)).await;
    let first = run(&world, "windows: [1d]", &WEEK).await;
    assert_eq!(first.code, Some(1), "{}", first.output);
    let said = one_line(&first.output);
    assert!(
        said.contains("segment telephone: cannot read the productivity report over [2025-05-0"),
        "{said}"
    );
    assert!(
        said.contains("status 400") && said.contains("run it again to go on"),
        "{said}"
    );
    assert!(!world.path("history.om").exists());
    assert_eq!(
        names(world.folder.path()),
        ["contact-rate.yml", "history.om.cache"]
    );

    broken.store(false, Ordering::SeqCst);
    let before = world.asked().len();
    assert!(before > 4);
    let second = run(&world, "windows: [1d]", &WEEK).await;
    assert_eq!(second.code, Some(0), "{}", second.output);
    assert!(world.asked().len() > before);
    assert!(world.asked().values().all(|times| *times == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_population_is_named() {
    let world = World::new().await;
    let config = world
        .config_text("windows: [1d]", "  happiness: false")
        .await;
    let config = config.replace("FROM dossiers", "FROM nowhere");
    let ended = run_with(&world, &config, &WEEK);
    assert_eq!(ended.code, Some(1), "{}", ended.output);
    let said = one_line(&ended.output);
    assert!(
        said.contains("population `dossiers` could not be read from database `app`"),
        "{said}"
    );
    assert!(
        said.contains("[2025-04-30T00:00:00Z, 2025-05-01T00:00:00Z)"),
        "{said}"
    );
    assert!(!world.path("history.om").exists());
}

/// A source that keeps its past for some days only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_past_that_is_not_known_is_left_out_and_said() {
    let world = World::new().await;
    let config = world
        .config_text("windows: [1d]", "  happiness: false")
        .await;
    let (before, _) = config.split_once("  dossiers:").unwrap();
    let config = format!(
        "{before}  dossiers:\n    window: {{database: app, query: \"SELECT CASE WHEN :start >= '2025-05-03' AND :start < :end THEN 7 END\"}}\n"
    );
    let ended = run_with(&world, &config, &WEEK);
    assert_eq!(ended.code, Some(0), "{}", ended.output);
    let said = one_line(&ended.output);
    assert!(
        said.contains("left out: contact_dossiers and its contact rates over "),
        "{said}"
    );
    let text = fs::read_to_string(world.path("history.om")).unwrap();
    let seconds = |day: &str| {
        let instant: Timestamp = format!("{day}T00:00:00Z").parse().unwrap();
        instant.as_second().to_string()
    };
    for (day, known) in [
        ("2025-05-02", false),
        ("2025-05-03", false),
        ("2025-05-04", true),
    ] {
        let found = text.lines().any(|line| {
            line.starts_with("contact_dossiers{window=\"1d\"} 7 ") && line.ends_with(&seconds(day))
        });
        assert_eq!(found, known, "{day}");
    }
}

#[tokio::test]
async fn a_dry_run_tells_what_there_is_to_do() {
    let world = World::new().await;
    let text = world.config_text("windows: [1d, 7d]", "").await;
    let text = text.replace("requests_per_minute: 1000000", "requests_per_minute: 60");
    let ended = run_with(
        &world,
        &text,
        &["--from=2025-01-01", "--to=2026-01-01", "--dry-run"],
    );
    assert_eq!(ended.code, Some(0), "{}", ended.output);
    // Pairs of 365 + 14 days, of 365 + 7 days, and series of 60 days over 365 + 56, for four segments.
    let calls = 4 * (190 + 186 + 8);
    let expected = format!("{calls} Help Scout calls, 26 min at 60 a minute");
    assert!(ended.output.contains(&expected), "{}", ended.output);
    // A day each, the weeks, and the four weeks before them; a stock each, and those before.
    assert!(ended.output.contains("  users: 373\n"), "{}", ended.output);
    for line in [
        "366 steps from 2025-01-01T00:00:00Z to 2026-01-01T00:00:00Z; 4 segments; windows 1d, 7d",
        "left out: contact_open_tickets",
        "left out: contact_accounts and its contact rates",
        "left out: mean times over 7d",
    ] {
        assert!(ended.output.contains(line), "{line}:\n{}", ended.output);
    }
    assert!(world.asked().is_empty());
    assert_eq!(names(world.folder.path()), ["contact-rate.yml"]);
}

/// Of past windows too, by the same address, token and pace as tickets.
#[tokio::test(flavor = "multi_thread")]
async fn visitors_of_the_help_centre_have_a_past() {
    let world = World::new().await;
    let text = world
        .config_text("windows: [7d]", "  happiness: false\n  help_center: true")
        .await
        .replace(
            "\npopulations:\n",
            "\npopulations:\n  readers: {window: {helpscout: help_center_visitors}}\n",
        )
        .replace("window: 1d, tickets", "window: 7d, tickets");
    let ended = run_with(&world, &text, &WEEK);
    assert_eq!(ended.code, Some(0), "{}", ended.output);
    let history = fs::read_to_string(world.path("history.om")).unwrap();
    for day in 1..=7 {
        let end: Timestamp = format!("2025-05-0{day}T00:00:00Z").parse().unwrap();
        let visits = STORY.help_visits(&[], end - days(7), end);
        let sample = format!(
            "contact_readers{{window=\"7d\"}} {} {}",
            visits.visitors,
            end.as_second()
        );
        assert!(history.contains(&sample), "no {sample}");
    }
    let rate = "contact_rate_ratio{segment=\"all\",population=\"readers\"";
    assert!(history.contains(rate));
}
