//! A new configuration while a refresh runs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use contact_rate_exporter::{
    config::{Config, Secret},
    refresh::{Refresher, Reload},
    snapshot::PopulationValues,
};
use tokio::sync::{Notify, mpsc};

use super::desk::{
    Desk, Fate, POPULATIONS, Published, pass, refresher, reload, source, sources, status,
};

const PRODUCTIVITY: &str = "/v2/reports/productivity";
const LIST: &str = "/v2/conversations";

/// Lets a refresher run, until something is done beside it.
async fn beside<T>(
    mut refresher: Refresher,
    ended: Arc<AtomicUsize>,
    act: impl AsyncFnOnce(mpsc::Sender<Reload>) -> T,
) -> T {
    let (reloads, news) = mpsc::channel(1);
    tokio::select! {
        () = refresher.run(news, || { ended.fetch_add(1, Ordering::SeqCst); }) => panic!("it ended"),
        result = act(reloads) => result,
    }
}

/// A source that has just recovered is never up beside no value, and the first refresh ends though
/// reloads come faster than it.
#[tokio::test]
async fn reloads_that_count_the_same_let_the_running_refresh_end() {
    let desk = Desk::start(|_| {}).await;
    desk.only(PRODUCTIVITY, || Fate::Silence);
    let mut config = desk.config(&format!("windows: [7d]\n{POPULATIONS}")).await;
    config.timeout = Duration::from_secs(3);
    let (refresher, published) = refresher(&config);
    let first = Arc::clone(refresher.sources());
    let ended = Arc::new(AtomicUsize::new(0));
    beside(refresher, Arc::clone(&ended), async |reloads| {
        for _ in 0..4 {
            reloads.send(reload(&config, &first)).await.unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        desk.script(|_, _| Fate::Good);
        let snapshot = published
            .when(|snapshot| snapshot.window_end.is_some())
            .await;
        for name in ["open_tickets", "users", "tickets"] {
            assert!(
                source(&snapshot, name).unwrap().up,
                "{:?}",
                sources(&snapshot)
            );
        }
        assert!(snapshot.segments[0].open.is_some());
        assert!(matches!(
            snapshot.populations[0],
            PopulationValues::Total(Some(_))
        ));
        assert!(!snapshot.rates.is_empty());
    })
    .await;
    assert!(ended.load(Ordering::SeqCst) >= 1);
}

fn moved(config: &Config, to: &std::path::Path) -> Config {
    let mut config = config.clone();
    let url = format!("sqlite://{}", to.display());
    config.databases[0].url = Secret::new(url);
    config
}

async fn another_database() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.sqlite");
    std::fs::copy(super::desk::story_database().await, &path).unwrap();
    folder
}

#[tokio::test]
async fn what_was_read_at_another_address_is_dropped_at_once() {
    let folder = another_database().await;
    let desk = Desk::start(|_| {}).await;
    let config = desk.config(POPULATIONS).await;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    assert!(!published.latest().rates.is_empty());
    let config = moved(&config, &folder.path().join("other.sqlite"));
    assert!(
        refresher.adopt(reload(&config, refresher.sources())),
        "it counts the same"
    );
    let page = published.latest();
    assert_eq!(page.rates, []);
    assert_eq!(page.populations[0], PopulationValues::Total(None));
    assert_eq!(page.populations[1], PopulationValues::Window(vec![None; 3]));
    let users = source(&page, "users").unwrap();
    assert_eq!((users.up, users.last_success), (false, None));
    assert!(source(&page, "tickets").unwrap().up);
    assert!(page.segments[0].counts.iter().all(Option::is_some));
}

/// Nor does the running refresh bring back what it read there.
#[tokio::test]
async fn a_running_refresh_drops_what_it_read_at_the_old_address() {
    let folder = another_database().await;
    let desk = Desk::start(|_| {}).await;
    let answered = Arc::new(Notify::new());
    let waits = Arc::clone(&answered);
    desk.only(LIST, move || {
        waits.notify_one();
        Fate::Good
    });
    let config = desk.config(POPULATIONS).await;
    let config = moved(&config, &folder.path().join("other.sqlite"));
    let (refresher, published) = refresher(&config);
    let first = Arc::clone(refresher.sources());
    // The new one is broken: nothing new can come of it.
    let mut broken = moved(&config, &folder.path().join("nowhere.sqlite"));
    broken.helpscout_mut().unwrap().happiness = false;
    beside(refresher, Arc::default(), async |reloads| {
        answered.notified().await;
        reloads.send(reload(&broken, &first)).await.unwrap();
        let snapshot = published
            .when(|snapshot| snapshot.segments[0].counts.iter().all(Option::is_some))
            .await;
        assert_eq!(snapshot.populations[0], PopulationValues::Total(None));
        assert_eq!(snapshot.rates, []);
        assert!(!source(&snapshot, "users").unwrap().up);
        assert!(source(&snapshot, "happiness").is_none());
        assert_eq!(snapshot.segments[0].ratings, [None, None, None]);
    })
    .await;
}

/// The counters of what goes on go on, whatever else is counted now.
#[tokio::test]
async fn failures_are_counted_on() {
    let desk = Desk::start(|_| {}).await;
    desk.only("/v2/reports/happiness", || status(404));
    let config = desk.config(POPULATIONS).await;
    let (mut refresher, published) = refresher(&config);
    refresher.refresh().await;
    assert_eq!(published.failures(), ["happiness status"; 3]);
    let config = desk.config(&format!("windows: [2d]\n{POPULATIONS}")).await;
    assert!(!refresher.adopt(reload(&config, refresher.sources())));
    refresher.refresh().await;
    assert_eq!(published.failures(), ["happiness status"; 1]);
}

/// A database that is not there yet at start need not wait for a whole interval.
#[tokio::test]
async fn a_refresh_that_failed_at_start_is_tried_again_sooner() {
    let desk = Desk::start(|_| {}).await;
    desk.only(LIST, || status(503));
    let mut config = desk.config("windows: [7d]\n").await;
    config.interval = Duration::from_mins(5);
    config.timeout = Duration::from_secs(2);
    let (refresher, published): (_, Published) = refresher(&config);
    beside(refresher, Arc::default(), async |_reloads| {
        published
            .within(Duration::from_mins(4), |snapshot| {
                snapshot.window_end.is_some()
            })
            .await;
        assert!(!source(&published.latest(), "open_tickets").unwrap().up);
        desk.script(|_, _| Fate::Good);
        // A first pause of 5 to 10 s goes by at once.
        let until = tokio::time::Instant::now() + Duration::from_mins(2);
        while !source(&published.latest(), "open_tickets").unwrap().up {
            assert!(tokio::time::Instant::now() < until, "a whole interval");
            pass(Duration::from_secs(1)).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}
