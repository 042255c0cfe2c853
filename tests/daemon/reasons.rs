//! Every reason that a reading can fail for, provoked and counted.

use crate::common::{
    desk::{Folder, HAPPINESS, all_but},
    exporter::{Exporter, value},
    upstream::{Reply, Upstream},
};

struct Case {
    source: &'static str,
    reason: &'static str,
    desk: Upstream,
    more: &'static str,
}

async fn happiness(reason: &'static str, script: fn() -> Reply) -> Case {
    Case {
        source: "happiness",
        reason,
        desk: all_but(HAPPINESS, script).await,
        more: "timeout: 1s\n",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_reason_can_be_provoked() {
    let cases = [
        happiness("auth", || Reply::json(401, r#"{"error":"invalid_token"}"#)).await,
        happiness("forbidden", || Reply::json(403, "{}")).await,
        happiness("rate_limited", || {
            Reply::json(429, "{}").with("Retry-After", 3_600)
        })
        .await,
        happiness("timeout", Reply::silence).await,
        happiness("connect", Reply::reset).await,
        happiness("status", || Reply::json(404, "{}")).await,
        happiness("decode", || {
            Reply::json(200, r#"{"current":{"greatCount":"many"}}"#)
        })
        .await,
        happiness("too_large", Reply::endless).await,
        Case {
            source: "tickets",
            reason: "query",
            more: "segments: [{name: lost, tags: [nowhere]}]\n",
            ..happiness("", || Reply::json(404, "{}")).await
        },
    ];
    let running: Vec<(Case, Folder, Exporter)> = cases
        .into_iter()
        .map(|case| {
            let folder = Folder::new(&case.desk, case.more);
            let exporter = Exporter::start(&[&folder.flag()], &[]);
            (case, folder, exporter)
        })
        .collect();
    for (Case { source, reason, .. }, _folder, exporter) in &running {
        let counter =
            format!("contact_source_failures_total{{reason=\"{reason}\",source=\"{source}\"}}");
        let page = exporter
            .metrics_when(&counter, |page| {
                value(page, &counter) > Some(0.0)
                    && value(page, "contact_window_end_timestamp_seconds").is_some()
            })
            .await;
        let up = format!("contact_source_up{{source=\"{source}\"}}");
        assert_eq!(value(&page, &up), Some(0.0), "{reason}");
        // Nothing else was wrong, but where the account's whole quota is used up.
        let others: Vec<&str> = page
            .lines()
            .filter(|line| line.starts_with("contact_source_failures_total"))
            .filter(|line| !line.ends_with(" 0") && !line.contains(&format!("reason=\"{reason}\"")))
            .filter(|line| *reason != "query" || !line.contains("happiness"))
            .collect();
        assert_eq!(others, [""; 0], "{reason}");
        let landing = exporter.get("/").await.1;
        assert!(landing.contains(reason), "{reason}: {landing}");
    }
}
