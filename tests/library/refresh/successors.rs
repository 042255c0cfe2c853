//! What a reload between two refreshes keeps.

use std::{sync::Arc, time::Duration};

use contact_rate_exporter::{
    config::Config,
    refresh::Refresher,
    snapshot::{PopulationValues, Snapshot},
};

use super::desk::{Desk, Fate, POPULATIONS, Published, pass, refresher, reload, source, sources};

/// What is published at once for a new configuration, before anything is read.
fn first_page(
    published: &Published,
    refresher: &mut Refresher,
    config: &Config,
) -> Option<Arc<Snapshot>> {
    let before = published.latest();
    refresher.adopt(reload(config, refresher.sources()));
    let after = published.latest();
    (!Arc::ptr_eq(&before, &after)).then_some(after)
}

#[tokio::test]
async fn what_counts_the_same_goes_on_with_its_values() {
    let desk = Desk::start(|_| {}).await;
    let config = desk.config(POPULATIONS).await;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    let whole = published.latest();

    let targets =
        "targets: [{population: dossiers, window: 28d, tickets: created, at_most: 0.05}]\n";
    let mut config = desk.config(&format!("{POPULATIONS}{targets}")).await;
    config.helpscout_mut().unwrap().happiness = false;
    let page = first_page(&published, &mut refresher, &config).expect("a page at once");
    assert_eq!(page.rates, whole.rates);
    assert_eq!(page.populations, whole.populations);
    assert_eq!(page.window_end, whole.window_end);
    assert_eq!(page.frame.targets.len(), 1, "the new frame");
    // Not read any more: neither a source nor a value.
    assert!(source(&page, "happiness").is_none());
    assert_eq!(page.segments[0].ratings, [None, None, None]);
    assert_eq!(source(&page, "tickets"), source(&whole, "tickets"));
}

#[tokio::test]
async fn what_was_carried_over_is_no_younger_for_it() {
    let desk = Desk::start(|_| {}).await;
    let config = desk.config(POPULATIONS).await;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    pass(config.max_age).await;
    let page = first_page(&published, &mut refresher, &config).expect("a page at once");
    assert_eq!(page.rates, []);
    assert_eq!(page.populations[0], PopulationValues::Total(None));
}

#[tokio::test]
async fn what_counts_otherwise_leaves_the_old_page_until_it_has_one() {
    let desk = Desk::start(|_| {}).await;
    let config = desk.config(POPULATIONS).await;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;

    let config = desk.config(&format!("windows: [2d]\n{POPULATIONS}")).await;
    let page = first_page(&published, &mut refresher, &config);
    assert!(page.is_none(), "nothing to show yet");
    refresher.refresh().await;
    let page = published.latest();
    assert_eq!(page.frame.windows[0].name(), "2d");
    assert_eq!(page.segments[0].counts.len(), 1);
    assert_eq!(page.rates.len(), 2 * 4);
}

#[tokio::test]
async fn after_a_reload_a_source_that_hangs_delays_no_other_either() {
    let desk = Desk::start(|_| {}).await;
    let config = desk.config(POPULATIONS).await;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    desk.only("/v2/reports/happiness", || Fate::Silence);
    let mut config = desk.config(&format!("windows: [2d]\n{POPULATIONS}")).await;
    config.timeout = Duration::from_secs(2);
    first_page(&published, &mut refresher, &config);
    tokio::select! {
        () = refresher.refresh() => panic!("the refresh ended first"),
        page = published.when(|page| page.frame.windows.len() == 1 && !page.rates.is_empty()) => {
            assert_eq!(page.window_end, None);
            assert!(sources(&page).contains(&"happiness unread".to_owned()));
        }
    }
}
