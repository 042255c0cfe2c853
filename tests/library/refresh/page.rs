//! The page of one refresh, whole, against a golden file. `UPDATE_GOLDEN=1` rewrites it.

use std::fs;

use contact_rate_exporter::exposition::{Encoding, Exposition, Format};
use prometheus::Registry;

use super::desk::{Desk, POPULATIONS, refresher};

const GOLDEN: &str = "tests/golden/daemon.txt";

const MORE: &str = "
segments: [{name: bug, tags: [bug]}, {name: telephone, channels: [phone]}]
targets: [{population: dossiers, window: 28d, tickets: created, at_most: 0.06}]
";

/// Ten digits of a value are enough: the last ones may differ between machines. How long a reading
/// took differs with every run.
fn settled(line: &str) -> String {
    let Some((series, value)) = line.rsplit_once(' ').filter(|_| !line.starts_with('#')) else {
        return line.to_owned();
    };
    if series.starts_with("contact_source_refresh_duration_seconds") {
        assert!(value.parse::<f64>().unwrap() > 0.0, "{line}");
        return format!("{series} …");
    }
    let value: f64 = value.parse().unwrap();
    let value: f64 = format!("{value:.9e}").parse().unwrap();
    format!("{series} {value}")
}

#[tokio::test]
async fn the_whole_page_of_a_refresh() {
    let desk = Desk::start(|_| {}).await;
    let config = desk.config(&format!("{POPULATIONS}{MORE}")).await;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    let exposition = Exposition::new(Registry::new(), published.latest());
    let page = exposition.page(Format::Text, Encoding::Identity);
    let text = String::from_utf8(page.parts.concat()).unwrap();
    let page: String = text.lines().map(|line| settled(line) + "\n").collect();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(GOLDEN, &page).unwrap();
    }
    let golden = fs::read_to_string(GOLDEN).unwrap_or_default();
    assert!(
        page == golden,
        "{GOLDEN} is out of date: UPDATE_GOLDEN=1 cargo test --test library page, then read the difference"
    );
}
