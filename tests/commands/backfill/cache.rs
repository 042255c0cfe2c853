//! What is kept: by one run at a time, through kills at any moment and full disks, for one
//! definition and one set of addresses.

use std::{
    fs,
    io::pipe,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use sqlx::{ConnectOptions as _, Connection as _, Row as _, sqlite::SqliteConnectOptions};

use super::{
    command::{WEEK, names, one_line, run_with},
    world::{World, database},
};
use crate::common::server;

/// Answers in a cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    pub of_tickets: usize,
    pub of_populations: usize,
}

/// What the cache of `output` holds, seen in a copy, since a run does not share it. Nothing while
/// there is none, or in the middle of a change.
pub async fn kept(output: &Path) -> Kept {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    for suffix in ["-wal", ""] {
        let from = format!("{}.cache{suffix}", output.display());
        let to = format!("{}{suffix}", copy.display());
        if fs::copy(from, to).is_err() && suffix.is_empty() {
            return Kept::default();
        }
    }
    let count = async || {
        let mut copy = SqliteConnectOptions::new()
            .filename(&copy)
            .connect()
            .await?;
        let rows = sqlx::query("SELECT kind, count(*) FROM answer GROUP BY kind")
            .fetch_all(&mut copy)
            .await?;
        let mut kept = Kept::default();
        for row in rows {
            let count: i64 = row.try_get(1)?;
            let of_kind = match row.try_get(0)? {
                "population" => &mut kept.of_populations,
                _ => &mut kept.of_tickets,
            };
            *of_kind += usize::try_from(count).unwrap();
        }
        copy.close().await?;
        Ok::<_, sqlx::Error>(kept)
    };
    count().await.unwrap_or_default()
}

/// A run that nobody waits for.
fn start(world: &World, config: &str) -> Child {
    let path = world.path("contact-rate.yml");
    fs::write(&path, config).unwrap();
    Command::new(env!("CARGO_BIN_EXE_contact-rate-exporter"))
        .arg("backfill")
        .arg(format!("--config.file={}", path.display()))
        .arg(format!("--output={}", world.path("history.om").display()))
        .args(WEEK)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

async fn until_asked(world: &World, run: &mut Child, times: usize) {
    while world.times_asked() < times {
        assert!(run.try_wait().unwrap().is_none(), "it ended by itself");
        tokio::time::sleep(server::PAUSE).await;
    }
}

const WINDOWS: &str = "windows: [1d, 7d]";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_run_is_refused_and_the_first_goes_on() {
    let world = World::new().await;
    let config = world.config_text(WINDOWS, "").await;
    world.answer_only(10);
    let mut first = start(&world, &config);
    until_asked(&world, &mut first, 10).await;
    for flags in [&WEEK[..], &[WEEK[0], WEEK[1], "--dry-run"]] {
        let second = run_with(&world, &config, flags);
        assert_eq!(second.code, Some(1), "{}", second.output);
        let said = one_line(&second.output);
        assert!(
            said.contains("history.om.cache is in use by another run"),
            "{said}"
        );
    }
    world.kill(&mut first);
    world.answer_only(usize::MAX);
    let third = run_with(&world, &config, &WEEK);
    assert_eq!(third.code, Some(0), "{}", third.output);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_any_moment_loses_only_what_was_under_way() {
    let world = World::new().await;
    let config = world.config_text(WINDOWS, "").await;
    let mut asked_in_vain = 0;
    for more in [1, 2, 7, 13, 20] {
        // Killed as soon as the last one is answered: before, while or after it is kept.
        let answered = world.times_asked() + more;
        world.answer_only(answered);
        let mut run = start(&world, &config);
        until_asked(&world, &mut run, answered).await;
        world.kill(&mut run);
        assert!(!world.path("history.om").exists(), "whole or not at all");
        asked_in_vain += more;
    }
    world.answer_only(usize::MAX);
    let last = run_with(&world, &config, &WEEK);
    assert_eq!(last.code, Some(0), "{}", last.output);
    assert_eq!(
        names(world.folder.path()),
        ["contact-rate.yml", "history.om", "history.om.cache"]
    );
    let asked = world.asked();
    assert!(
        world.times_asked() <= asked.len() + asked_in_vain,
        "{asked:#?}"
    );
    // The same as in one go.
    let whole = fs::read_to_string(world.path("history.om")).unwrap();
    fs::remove_file(world.path("history.om")).unwrap();
    fs::remove_file(world.path("history.om.cache")).unwrap();
    let once = run_with(&world, &config, &WEEK);
    assert_eq!(once.code, Some(0), "{}", once.output);
    assert!(fs::read_to_string(world.path("history.om")).unwrap() == whole);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rehearsal_does_not_serve_its_numbers_to_production() {
    let world = World::new().await;
    let staging = world.config_text(WINDOWS, "  happiness: false").await;
    let first = run_with(&world, &staging, &WEEK);
    assert_eq!(first.code, Some(0), "{}", first.output);
    let text = fs::read_to_string(world.path("history.om")).unwrap();

    let story = database().await.display().to_string();
    let other = world.path("production.sqlite");
    fs::copy(database().await, &other).unwrap();
    let production = staging.replace(&story, &other.display().to_string());
    for flags in [&WEEK[..], &[WEEK[0], WEEK[1], "--dry-run"]] {
        let second = run_with(&world, &production, flags);
        assert_eq!(second.code, Some(1), "{}", second.output);
        let said = one_line(&second.output);
        assert!(said.contains("the address of population `users`"), "{said}");
        assert!(
            said.contains("the address of population `dossiers`"),
            "{said}"
        );
        assert!(said.contains("--cache-dir"), "{said}");
        assert!(!said.contains(&story), "{said}");
    }
    assert_eq!(fs::read_to_string(world.path("history.om")).unwrap(), text);
    // Another cache for it is made in the folder that is given.
    let folder = world.path("production");
    let given = format!("--cache-dir={}", folder.display());
    let third = run_with(&world, &production, &[WEEK[0], WEEK[1], &given]);
    assert_eq!(third.code, Some(0), "{}", third.output);
    assert_eq!(names(&folder), ["backfill.cache"]);
    // Another address of Help Scout is another help desk.
    let elsewhere = World::with(|_| {}, Arc::new(|_| None)).await;
    let other = elsewhere.config_text(WINDOWS, "  happiness: false").await;
    let fourth = run_with(&world, &other, &WEEK);
    let said = one_line(&fourth.output);
    assert_eq!(fourth.code, Some(1), "{said}");
    assert!(
        said.contains("the address of Help Scout was http://127.0.0.1:"),
        "{said}"
    );
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_room_on_the_disk_is_told_and_loses_nothing() {
    let world = World::new().await;
    let config = world.config_text(WINDOWS, "").await;
    let path = world.path("contact-rate.yml");
    fs::write(&path, &config).unwrap();
    // Files may not grow beyond 64 KiB: a write fails as on a full disk.
    let limited = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 128; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_contact-rate-exporter"))
        .arg("backfill")
        .arg(format!("--config.file={}", path.display()))
        .arg(format!("--output={}", world.path("history.om").display()))
        .args(WEEK)
        .output()
        .unwrap();
    let said = one_line(&String::from_utf8(limited.stderr).unwrap());
    assert_eq!(limited.status.code(), Some(1), "{said}");
    assert!(
        said.contains("history.om.cache") && said.contains("are kept"),
        "{said}"
    );
    assert!(!world.path("history.om").exists());
    let so_far = world.times_asked();
    let kept = kept(&world.path("history.om")).await;
    assert!(kept.of_tickets > 0, "{kept:?}");

    let second = run_with(&world, &config, &WEEK);
    assert_eq!(second.code, Some(0), "{}", second.output);
    assert!(
        world.times_asked() - so_far < world.asked().len(),
        "it went on"
    );

    // An output without room is told too, and read again from what is kept.
    let before = world.times_asked();
    let config = format!("--config.file={}", path.display());
    let folder = format!("--cache-dir={}", world.path("kept").display());
    let backfill = |output: &str| {
        let output = format!("--output={output}");
        let arguments = ["backfill", &config, &output, &folder, WEEK[0], WEEK[1]];
        crate::common::exporter::run(&arguments, &[])
    };
    let full = backfill("/dev/full");
    assert_eq!(full.code, Some(1), "{}", full.output);
    let said = one_line(&full.output);
    assert!(
        said.contains("cannot write /dev/full") && said.contains("No space left"),
        "{said}"
    );
    let asked = world.times_asked();
    assert!(asked > before);
    let output = world.path("history.om").display().to_string();
    let again = backfill(&output);
    assert_eq!(again.code, Some(0), "{}", again.output);
    assert_eq!(world.times_asked(), asked, "all was kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_needs_to_read_how_far_it_is() {
    let world = World::new().await;
    let config = world.config_text(WINDOWS, "  happiness: false").await;
    let path = world.path("contact-rate.yml");
    fs::write(&path, &config).unwrap();
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let mut run = Command::new(env!("CARGO_BIN_EXE_contact-rate-exporter"));
    run.arg("backfill")
        .arg(format!("--config.file={}", path.display()))
        .arg(format!("--output={}", world.path("history.om").display()))
        .args(WEEK)
        .stdout(writer.try_clone().unwrap())
        .stderr(writer);
    let ended = run.status().unwrap();
    assert_eq!(ended.code(), Some(0));
    assert!(world.path("history.om").exists());
}
