//! Contact reasons and the help centre, through the program itself, on recorded and documented answers.

use crate::common::{
    desk::{DOCS, Folder, all_but, good, populations},
    exporter::{Exporter, run, value},
    upstream::{Reply, Upstream},
};

/// Keys of `helpscout` go on, then other sections follow.
const MORE: &str = "  help_center: {sites: [5244c0000000000000000001]}
windows: [1d, 7d]
reasons: {window: 7d, every: 10s, tags: [Feature request, 7001]}
";

const REASON: &str = "contact_reason_tickets{reason=\"billing\",window=\"7d\"}";

#[tokio::test(flavor = "multi_thread")]
async fn reasons_and_visits_are_on_the_page_and_search_words_nowhere() {
    let desk = Upstream::start(good).await;
    let folder = Folder::new(&desk, MORE);
    let url = folder.database().await;
    let visitors = "  readers:\n    window: {helpscout: help_center_visitors}\n";
    folder.rewrite(&desk, &format!("{MORE}{}{visitors}", populations(&url)));
    let exporter = Exporter::start(&[&folder.flag(), "--log.level=debug"], &[]);
    let page = exporter
        .metrics_when(REASON, |page| {
            value(page, REASON).is_some()
                && value(page, "contact_help_center_visitors{window=\"7d\"}").is_some()
        })
        .await;
    for (series, expected) in [
        (REASON, 14.0),
        (
            "contact_reason_tickets{reason=\"Feature request\",window=\"7d\"}",
            14.0,
        ),
        (
            "contact_reason_previous_tickets{reason=\"billing\",window=\"7d\"}",
            14.0,
        ),
        (
            "contact_reason_rate_ratio{reason=\"billing\",population=\"dossiers\",window=\"7d\"}",
            14.0 / 300.0,
        ),
        (
            "contact_reason_rate_ratio{reason=\"billing\",population=\"readers\",window=\"7d\"}",
            14.0 / 4210.0,
        ),
        ("contact_help_center_visitors{window=\"1d\"}", 4210.0),
        (
            "contact_help_center_action_ratio{window=\"1d\",action=\"search\"}",
            0.1875,
        ),
        (
            "contact_help_center_result_ratio{window=\"7d\",result=\"found\"}",
            0.705,
        ),
        (
            "contact_help_center_articles_per_visit{window=\"7d\"}",
            1.4375,
        ),
        ("contact_readers{window=\"7d\"}", 4210.0),
        ("contact_source_up{source=\"reasons\"}", 1.0),
        ("contact_source_up{source=\"help_center\"}", 1.0),
        ("contact_source_up{source=\"readers\"}", 1.0),
    ] {
        let found = value(&page, series).unwrap_or_else(|| panic!("no {series} in:\n{page}"));
        assert!((found - expected).abs() < 1e-12, "{series} {found}");
    }
    let rate = "contact_rate_ratio{segment=\"all\",population=\"readers\",window=\"7d\",tickets=\"created\"}";
    assert!(value(&page, rate).is_some(), "{page}");
    let asked = desk.asked();
    let docs = asked.iter().filter(|asked| asked.path == DOCS);
    assert!(docs.clone().count() >= 2);
    assert!(
        docs.clone()
            .all(|asked| asked.query.ends_with("&sites=5244c0000000000000000001"))
    );
    let landing = exporter.get("/").await.1;
    for text in [page, landing, exporter.output()] {
        assert!(
            !text.contains("jane.doe") && !text.contains("Example article"),
            "{text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fails_by_itself_and_says_why() {
    let desk = all_but(DOCS, || Reply::json(403, "{}")).await;
    let more = MORE.replace("[Feature request,", "[Feature reqest,");
    let folder = Folder::new(&desk, &more);
    let exporter = Exporter::start(&[&folder.flag()], &[]);
    let page = exporter
        .metrics_when(REASON, |page| value(page, REASON).is_some())
        .await;
    for (series, expected) in [
        ("contact_source_up{source=\"reasons\"}", 0.0),
        ("contact_source_up{source=\"help_center\"}", 0.0),
        ("contact_source_up{source=\"tickets\"}", 1.0),
    ] {
        assert_eq!(value(&page, series), Some(expected), "{series}");
    }
    let failures = |source: &str, reason: &str| {
        let series =
            format!("contact_source_failures_total{{reason=\"{reason}\",source=\"{source}\"}}");
        value(&page, &series).unwrap()
    };
    assert!(failures("reasons", "query") >= 1.0);
    assert!(failures("help_center", "forbidden") >= 1.0);
    assert!(!page.contains("contact_help_center_visitors{"), "{page}");
    let landing = exporter.get("/").await.1;
    assert!(
        landing.contains("did you mean `Feature request`?"),
        "{landing}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn check_tells_what_each_brings_and_costs() {
    let desk = Upstream::start(good).await;
    let folder = Folder::new(&desk, MORE);
    let flag = folder.flag();
    let ended =
        tokio::task::spawn_blocking(move || run(&["check", &flag, "--log.level=error"], &[]))
            .await
            .unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.output);
    for said in [
        "1d: 4210 visitors, 70 % found, 27 % failed, 2 % contacted; 7d: 4210 visitors",
        "7d: Feature request 14 (before: 14), billing 14 (before: 14)",
        "9 Help Scout calls per refresh",
        "at most 3 more for the contact reasons every 10 s, 1080 per hour; one after the other",
    ] {
        assert!(
            ended.output.contains(said),
            "no {said} in:\n{}",
            ended.output
        );
    }
    drop(folder);
}
