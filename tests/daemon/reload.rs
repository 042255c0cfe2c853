//! Reloading, by signal and over HTTP.

use crate::common::{
    desk::{Folder, good, populations},
    exporter::{Exporter, value},
    upstream::Upstream,
};

const SUCCESSFUL: &str = "contact_exporter_config_last_reload_successful";
const SINCE: &str = "contact_exporter_config_last_reload_success_timestamp_seconds";
const HASH: &str = "contact_exporter_config_hash";

#[tokio::test(flavor = "multi_thread")]
async fn a_new_config_comes_into_force_and_a_bad_one_does_not() {
    let desk = Upstream::start(good).await;
    let folder = Folder::new(&desk, "windows: [7d]\n");
    let url = folder.database().await;
    let mut exporter = Exporter::start(&[&folder.flag(), "--web.enable-lifecycle"], &[]);
    let first = exporter.ready().await;
    assert_eq!(value(&first, SUCCESSFUL), Some(1.0));
    assert!(
        first.contains("contact_created_tickets{segment=\"all\",window=\"7d\"} 14"),
        "{first}"
    );

    // The wrong method.
    let (status, _) = exporter.get("/-/reload").await;
    assert_eq!(status, 405);

    // Another window and a population, over HTTP.
    folder.rewrite(&desk, &format!("windows: [2d]\n{}", populations(&url)));
    let (status, text) = exporter.post("/-/reload").await;
    assert_eq!(status, 200, "{text}");
    let second = exporter
        .metrics_when("rate over 2d", |page| {
            page.contains("contact_rate_ratio{segment=\"all\",population=\"users\",window=\"2d\"")
        })
        .await;
    assert!(!second.contains("window=\"7d\""), "{second}");
    assert_ne!(value(&second, HASH), value(&first, HASH));
    assert!(value(&second, SINCE) > value(&first, SINCE));
    assert_eq!(
        value(
            &second,
            "contact_source_failures_total{reason=\"auth\",source=\"users\"}"
        ),
        Some(0.0)
    );

    // A bad one, over HTTP and by signal.
    folder.rewrite(&desk, "windws: [1d]\n");
    let (status, text) = exporter.post("/-/reload").await;
    assert_eq!(status, 500);
    for part in [
        "did you mean `windows`?",
        "contact-rate.yml:6:1",
        "old configuration stays in force",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert!(!text.contains("planted"), "{text}");
    let third = exporter
        .metrics_when("failed reload", |page| value(page, SUCCESSFUL) == Some(0.0))
        .await;
    assert_eq!(value(&third, SINCE), value(&second, SINCE));
    assert_eq!(value(&third, HASH), value(&second, HASH));
    assert!(third.contains("window=\"2d\""), "{third}");

    // By signal, with nothing counted otherwise: no value is missing at any time.
    folder.rewrite(
        &desk,
        &format!("max_age: 1h\nwindows: [2d]\n{}", populations(&url)),
    );
    exporter.signal("HUP");
    let fourth = exporter
        .metrics_when("successful reload", |page| {
            value(page, SUCCESSFUL) == Some(1.0)
        })
        .await;
    assert!(
        fourth.contains("contact_rate_ratio{segment=\"all\",population=\"users\",window=\"2d\""),
        "{fourth}"
    );
    assert_eq!(value(&fourth, HASH), value(&second, HASH));
    exporter.wait_for_output("counts_the_same=true");

    // Without the populations: their sources and series go.
    folder.rewrite(&desk, "windows: [2d]\n");
    exporter.signal("HUP");
    let fifth = exporter
        .metrics_when("no users", |page| !page.contains("users"))
        .await;
    assert!(!fifth.contains("dossiers"), "{fifth}");
    assert_eq!(exporter.get("/-/ready").await.0, 200, "for good");
}

#[tokio::test(flavor = "multi_thread")]
async fn reloading_over_http_must_be_allowed() {
    let desk = Upstream::start(good).await;
    let folder = Folder::new(&desk, "");
    let exporter = Exporter::start(&[&folder.flag()], &[]);
    let (status, text) = exporter.post("/-/reload").await;
    assert_eq!(status, 403);
    assert!(text.contains("--web.enable-lifecycle"), "{text}");
}
