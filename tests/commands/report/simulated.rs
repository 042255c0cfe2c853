//! The simulator's story, which knows every ticket and dossier: reports must say the same. The
//! example of the documentation is made of it.

use std::{
    fs,
    sync::{Arc, LazyLock},
};

use contact_rate_exporter::demo::{
    database,
    simulator::{Options, Shape, Simulator, bind},
    story::{DEFAULT_SEED, Filter, MAILBOXES, Scenario, Story},
};
use jiff::Timestamp;
use serde_json::Value;
use tokio::{sync::OnceCell, task::AbortHandle};

use super::{
    desk::{DOSSIERS, Desk, at},
    hold,
};

/// The release after which people contact support less often is three weeks before: at new year.
static STORY: LazyLock<Arc<Story>> = LazyLock::new(|| {
    let told = at("2025-01-22T00:00:00Z");
    Arc::new(Story::new(Scenario::Improvement, DEFAULT_SEED, told))
});

/// A year and a month, around two changes of clocks.
const YEAR: [&str; 3] = ["--from=2024-01", "--to=2025-01", "--time-zone=Europe/Paris"];

/// The help desk of the story, and its database.
struct Service {
    desk: Desk,
    answering: AbortHandle,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.answering.abort();
    }
}

impl Service {
    async fn start(change: impl FnOnce(&mut Options)) -> Self {
        let mut options = Options {
            requests_per_minute: 10_000,
            clock: Arc::new(|| at("2025-02-10T09:00:00Z")),
            ..Options::default()
        };
        change(&mut options);
        let listener = bind().await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let simulator = Arc::new(Simulator::new(Arc::clone(&STORY), options));
        let answering =
            tokio::spawn(simulator.run(listener, std::future::pending())).abort_handle();
        let desk = Desk::new(&url, DOSSIERS, "").await;
        fs::write(desk.database(), database_bytes().await).unwrap();
        Self { desk, answering }
    }

    async fn rows(&self, arguments: &[&str]) -> Vec<Value> {
        let mut all = YEAR.to_vec();
        all.push("--format=json");
        all.extend(arguments);
        let ran = self.desk.report(&all).await;
        serde_json::from_str(&ran.good()).unwrap()
    }
}

/// The story as SQL, written once.
async fn database_bytes() -> &'static [u8] {
    static BYTES: OnceCell<Vec<u8>> = OnceCell::const_new();
    let bytes = BYTES.get_or_init(async || {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("story.sqlite");
        database::create(&path, &STORY).await.unwrap();
        fs::read(path).unwrap()
    });
    bytes.await
}

fn bounds(row: &Value) -> (Timestamp, Timestamp) {
    (
        at(row["start"].as_str().unwrap()),
        at(row["end"].as_str().unwrap()),
    )
}

/// Also what `docs/report.md` shows.
#[tokio::test]
async fn a_year_is_the_storys_own() {
    let service = Service::start(|_| {}).await;
    let rows = service.rows(&[]).await;
    assert_eq!(rows.len(), 13);
    assert_eq!(rows[0]["start"], "2023-12-31T23:00:00Z");
    let before = at("2023-11-30T23:00:00Z");
    let mut previous = STORY.created(&Filter::default(), before, bounds(&rows[0]).0);
    for row in &rows {
        let (start, end) = bounds(row);
        let activity = STORY.activity(&Filter::default(), start, end);
        assert_eq!(row["population"], STORY.dossiers(start, end), "{row}");
        assert_eq!(row["created"], activity.created, "{row}");
        assert_eq!(row["resolved"], activity.resolved.len(), "{row}");
        assert_eq!(row["closed"], activity.closed, "{row}");
        assert_eq!(row["replies"], activity.replies, "{row}");
        let change = activity.created.cast_signed() - previous.cast_signed();
        assert_eq!(row["change_created"], change, "{row}");
        let number = |key: &str| row[key].as_f64().unwrap();
        let effects = number("change_population_effect") + number("change_rate_effect");
        assert!((effects - number("change_created")).abs() < 1e-9, "{row}");
        // Days vary by more than chance, so that the band is wider than Poisson's.
        let half = (number("rate_created_upper") - number("rate_created_lower")) / 2.0;
        let poisson = 1.96 * number("created").sqrt() / number("population");
        assert!((1.0..2.0).contains(&(half / poisson)), "{row}");
        previous = activity.created;
    }

    let mut text = String::from("```\n$ contact-rate-exporter report ");
    text.push_str(&YEAR.join(" "));
    text.push('\n');
    text.push_str(&service.desk.report(&YEAR).await.good());
    text.push_str("```\n");
    let path = "docs/report.md";
    let page = fs::read_to_string(path).unwrap();
    let begin = "<!-- example: written by tests/commands/report -->\n";
    let (head, rest) = page.split_once(begin).unwrap();
    let (_, tail) = rest.split_once("<!-- end of example -->").unwrap();
    hold(
        path,
        &format!("{head}{begin}{text}<!-- end of example -->{tail}"),
    );

    let mut arguments = YEAR.to_vec();
    arguments.push("--format=svg");
    hold(
        "docs/report.svg",
        &service.desk.report(&arguments).await.good(),
    );
}

#[tokio::test]
async fn segments_and_totals_are_the_storys_own() {
    let service = Service::start(|_| {}).await;
    let filter = Filter {
        mailboxes: vec![MAILBOXES[0].0],
        ..Filter::default()
    };
    for row in service
        .rows(&["--segment=usagers", "--population=users"])
        .await
    {
        let (start, end) = bounds(&row);
        assert_eq!(row["created"], STORY.created(&filter, start, end), "{row}");
        assert_eq!(row["population"], STORY.users(end), "{row}");
    }
}

/// The same address, token and pace as for tickets.
#[tokio::test]
async fn visitors_of_the_help_centre_are_a_population() {
    let service = Service::start(|_| {}).await;
    let path = service.desk.path("contact-rate.yml");
    let config = fs::read_to_string(&path)
        .unwrap()
        .replace("  app_id: demo\n", "  app_id: demo\n  help_center: true\n");
    let readers = "  readers:\n    window: {helpscout: help_center_visitors}\n";
    fs::write(&path, config + readers).unwrap();
    for row in service.rows(&["--population=readers"]).await {
        let (start, end) = bounds(&row);
        let visitors = STORY.help_visits(&[], start, end).visitors;
        assert_eq!(row["population"], visitors, "{row}");
    }
}

/// Then days are summed, in months an hour shorter or longer too.
#[tokio::test]
async fn created_tickets_are_found_where_the_report_lacks_them() {
    let service = Service::start(|options| {
        options.shape = Shape {
            created_in_current: false,
            created_in_previous: false,
            empty_buckets: false,
        };
    })
    .await;
    for row in service.rows(&[]).await {
        let (start, end) = bounds(&row);
        let activity = STORY.activity(&Filter::default(), start, end);
        assert_eq!(row["created"], activity.created, "{row}");
        assert_eq!(row["replies"], activity.replies, "{row}");
    }
}

#[tokio::test]
async fn a_plan_without_reports_has_created_tickets_only() {
    let service = Service::start(|options| options.reports = false).await;
    let mut arguments = YEAR.to_vec();
    arguments.push("--format=json");
    let ran = service.desk.report(&arguments).await;
    assert!(ran.stderr.contains("no reports (403)"), "{}", ran.stderr);
    let rows: Vec<Value> = serde_json::from_str(&ran.good()).unwrap();
    for row in rows {
        let (start, end) = bounds(&row);
        let created = STORY.created(&Filter::default(), start, end);
        assert_eq!(row["created"], created, "{row}");
        let exact = row["rate_created"].as_f64().unwrap();
        assert!(exact > 0.0);
        for key in ["resolved", "closed", "replies", "rate_replies"] {
            assert!(row[key].is_null(), "{row}");
        }
    }
    // A search cannot filter by channel, and says so.
    arguments.push("--segment=telephone");
    let text = service.desk.report(&arguments).await.bad(1);
    assert!(
        text.contains("telephone") && text.contains("2023-12"),
        "{text}"
    );
}
