//! Faults that come many at a time, or at any moment.

use std::{
    fmt::Write as _,
    fs::{self, File},
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::net::{TcpSocket, TcpStream};

use crate::common::{
    desk::{Folder, HAPPINESS, NEW, PRODUCTIVITY, TOKEN, all_but, good},
    exporter::{Exporter, value},
    upstream::{Reply, Upstream},
};

const SUCCESSFUL: &str = "contact_exporter_config_last_reload_successful";
const SEGMENT: &str =
    "windows: [7d]\nsegments: [{name: usagers, mailboxes: [Inbox A], tags: [billing]}]\n";

/// The samples of tickets, which a storm must not touch.
fn tickets(page: &str) -> Vec<&str> {
    page.lines()
        .filter(|line| line.starts_with("contact_created_tickets{"))
        .collect()
}

fn remove(path: &Path) {
    fs::remove_file(path)
        .or_else(|_| fs::remove_dir(path))
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_config_that_became_something_else_is_refused_and_the_old_one_stays() {
    let desk = Upstream::start(good).await;
    let folder = Folder::new(&desk, "");
    let path = folder.write("unused", "");
    let path = path.with_file_name("contact-rate.yml");
    let exporter = Exporter::start(&[&folder.flag(), "--web.enable-lifecycle"], &[]);
    let before = exporter.ready().await;
    let kinds: [(&str, &dyn Fn()); 4] = [
        ("it is a folder", &|| fs::create_dir(&path).unwrap()),
        ("it is a pipe", &|| {
            let made = Command::new("mkfifo").arg(&path).status().unwrap();
            assert!(made.success());
        }),
        ("larger than 1048576 bytes", &|| {
            // A gigabyte that takes no room on the disk.
            File::create(&path).unwrap().set_len(1 << 30).unwrap();
        }),
        ("contact-rate.yml", &|| {
            std::os::unix::fs::symlink("nowhere", &path).unwrap();
        }),
    ];
    for (said, make) in kinds {
        remove(&path);
        make();
        let (status, text) = exporter.post("/-/reload").await;
        assert_eq!(status, 500, "{said}: {text}");
        assert!(text.contains(said), "{said}: {text}");
        let page = exporter
            .metrics_when(said, |page| value(page, SUCCESSFUL) == Some(0.0))
            .await;
        assert_eq!(tickets(&page), tickets(&before), "{said}");
        // So that the next one is another failure.
        remove(&path);
        folder.rewrite(&desk, "");
        assert_eq!(exporter.post("/-/reload").await.0, 200);
        exporter
            .metrics_when(said, |page| value(page, SUCCESSFUL) == Some(1.0))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_reloads_during_a_refresh_ends_with_the_last_config() {
    // The first report hangs, so that the first refresh runs all the time.
    let held = Arc::new(AtomicBool::new(true));
    let still = Arc::clone(&held);
    let desk = all_but(HAPPINESS, move || {
        if still.load(Ordering::Relaxed) {
            Reply::silence()
        } else {
            Reply::json(
                200,
                r#"{"current":{"greatCount":3,"okayCount":2,"notGoodCount":1,"ratingsCount":6}}"#,
            )
        }
    })
    .await;
    let folder = Folder::new(&desk, "windows: [7d]\n");
    let mut exporter = Exporter::start(&[&folder.flag(), "--web.enable-lifecycle"], &[]);
    exporter
        .metrics_when("tickets", |page| !tickets(page).is_empty())
        .await;
    for round in 0..40 {
        let window = if round % 2 == 0 { "2d" } else { "3d" };
        let broken = if round % 5 == 0 { "unknown: key\n" } else { "" };
        folder.rewrite(&desk, &format!("windows: [{window}]\n{broken}"));
        exporter.signal("HUP");
        if round % 4 == 0 {
            let (status, text) = exporter.post("/-/reload").await;
            assert_eq!(status, if broken.is_empty() { 200 } else { 500 }, "{text}");
        }
        assert_eq!(exporter.get("/metrics").await.0, 200);
    }
    held.store(false, Ordering::Relaxed);
    folder.rewrite(&desk, "windows: [5d]\n");
    exporter.signal("HUP");
    let page = exporter
        .metrics_when("window 5d alone", |page| {
            let tickets = tickets(page);
            !tickets.is_empty() && tickets.iter().all(|line| line.contains("\"5d\""))
        })
        .await;
    assert_eq!(value(&page, SUCCESSFUL), Some(1.0));
    exporter.wait_for_output("config");
    exporter.signal("TERM");
    let ended = exporter.ended();
    assert_eq!(ended.code, Some(0), "{}", ended.output);
    assert!(!ended.output.contains("panic"), "{}", ended.output);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_scrapes_during_a_refresh_are_answered_and_change_nothing() {
    let desk = all_but(HAPPINESS, Reply::silence).await;
    let folder = Folder::new(&desk, "timeout: 10s\n");
    let exporter = Exporter::start(&[&folder.flag()], &[]);
    let before = exporter
        .metrics_when("tickets", |page| !tickets(page).is_empty())
        .await;
    let asked = desk.asked().len();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let scrapes = (0..20).map(|_| {
        let (client, url, before) = (client.clone(), exporter.url("/metrics"), before.clone());
        tokio::spawn(async move {
            for _ in 0..100 {
                let answer = client.get(&url).send().await.unwrap();
                assert_eq!(answer.status(), 200);
                let page = answer.text().await.unwrap();
                assert_eq!(tickets(&page), tickets(&before));
            }
        })
    });
    for scrape in futures_util::future::join_all(scrapes).await {
        scrape.unwrap();
    }
    // No scrape asks Help Scout anything; the refresh may have gone on or begun anew by itself.
    assert!(desk.asked().len() < asked + 100, "{}", desk.asked().len());
}

/// Whether the kernel has been told that the process handles SIGHUP and SIGTERM.
fn hears_signals(process: u32) -> bool {
    let Ok(status) = fs::read_to_string(format!("/proc/{process}/status")) else {
        return false;
    };
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.map(|mask| u64::from_str_radix(mask.trim(), 16).unwrap());
    // SIGHUP is 1, SIGTERM 15.
    caught.is_some_and(|mask| mask & 1 != 0 && mask & (1 << 14) != 0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sigterm_at_any_moment_ends_it_in_good_order() {
    let desk = Upstream::start(good).await;
    let folder = Folder::new(&desk, SEGMENT);
    // From the first instructions, over the reading of files and the first refresh, to the wait.
    for moment in [2_u64, 5, 10, 20, 35, 50, 80, 120, 200, 400, 800] {
        let exporter =
            Exporter::start_unheard(&[&folder.flag(), "--web.listen-address=127.0.0.1:0"]);
        tokio::time::sleep(Duration::from_millis(moment)).await;
        let hears = hears_signals(exporter.id());
        if moment % 4 == 0 {
            // While it reads its config anew.
            exporter.signal("HUP");
        }
        exporter.signal("TERM");
        let ended = exporter.ended();
        // Before the program's first instructions nobody can hear a signal: that alone may end it.
        let unheard = ended.code.is_none() && ended.output.is_empty() && !hears;
        assert!(
            ended.code == Some(0) || unheard,
            "after {moment} ms: {:?} {}",
            ended.code,
            ended.output
        );
        assert!(!ended.output.contains("panic"), "{}", ended.output);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_revoked_at_any_point_costs_no_number() {
    for path in [
        PRODUCTIVITY,
        NEW,
        HAPPINESS,
        "/v2/conversations",
        "/v2/mailboxes",
        "/v2/tags",
    ] {
        // Whatever the first token is used for at this path, it is refused; a new one is good.
        let refusals = AtomicUsize::new(0);
        let desk = Upstream::start(move |asked| {
            if asked.path == path && refusals.fetch_add(1, Ordering::Relaxed) == 0 {
                Reply::json(401, r#"{"error":"invalid_token"}"#)
            } else {
                good(asked)
            }
        })
        .await;
        let folder = Folder::new(&desk, SEGMENT);
        let exporter = Exporter::start(&[&folder.flag()], &[]);
        let page = exporter.ready().await;
        let down: Vec<&str> = page
            .lines()
            .filter(|line| line.starts_with("contact_source_up{") && line.ends_with(" 0"))
            .collect();
        assert_eq!(down, [""; 0], "{path}: {}", exporter.output());
        let tokens = desk.asked().iter().filter(|one| one.path == TOKEN).count();
        assert_eq!(tokens, 2, "{path}");
    }
}

/// A port whose queue of connections is full, so that a further one waits for ever, as behind a
/// firewall that drops.
async fn black_hole() -> (String, Vec<TcpStream>, tokio::net::TcpListener) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut fillers = Vec::new();
    while let Ok(connected) =
        tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await
    {
        fillers.push(connected.unwrap());
        assert!(fillers.len() < 100, "the queue has no end");
    }
    (address.to_string(), fillers, listener)
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_do_not_resolve_black_holes_and_broken_tls_fail_alone() {
    let desk = Upstream::start(good).await;
    let plain = desk.url.as_str().trim_end_matches('/').to_owned();
    let (hole, _fillers, _listener) = black_hole().await;
    // A label of more than 63 letters is no name for any resolver, and needs no network to be none.
    let cases = [
        ("connect", format!("http://{}.invalid", "x".repeat(70))),
        ("timeout", format!("http://{hole}")),
        ("connect", plain.replace("http://", "https://")),
        ("connect", "http://127.0.0.1:1".to_owned()),
    ];
    let mut more = String::from("timeout: 1s\npopulations:\n");
    for (index, (_, url)) in cases.iter().enumerate() {
        writeln!(
            more,
            "  p{index}: {{total: {{http: {{url: '{url}/count?at={{end}}', pointer: /count}}}}}}"
        )
        .unwrap();
    }
    let folder = Folder::new(&desk, &more);
    let start = Instant::now();
    let exporter = Exporter::start(&[&folder.flag()], &[]);
    let page = exporter.ready().await;
    // Three tries of a second each and the waits in between, all at the same time.
    assert!(start.elapsed() < Duration::from_secs(30));
    for (index, (reason, url)) in cases.iter().enumerate() {
        let up = format!("contact_source_up{{source=\"p{index}\"}}");
        assert_eq!(value(&page, &up), Some(0.0), "{url}");
        let failures =
            format!("contact_source_failures_total{{reason=\"{reason}\",source=\"p{index}\"}}");
        assert!(
            value(&page, &failures) > Some(0.0),
            "{url}: no {failures}\n{}",
            exporter.output()
        );
        assert!(!page.contains(&format!("contact_p{index}")), "{url}");
    }
    assert!(!tickets(&page).is_empty(), "{page}");
}
