//! The command `forecast`, run as an operator would, against the simulator. It forecasts from now on,
//! so that the story is told now.

use std::sync::{Arc, LazyLock};

use contact_rate_exporter::{
    commands::forecast::KEYS,
    demo::{
        database,
        simulator::{Options, Simulator, bind},
        story::{DEFAULT_SEED, Scenario, Story},
    },
};
use jiff::Timestamp;
use serde_json::Value;
use tokio::task::AbortHandle;

use crate::report::desk::{Desk, Ran};

static STORY: LazyLock<Arc<Story>> = LazyLock::new(|| {
    let now = Timestamp::now();
    Arc::new(Story::new(Scenario::Steady, DEFAULT_SEED, now))
});

const SECTIONS: &str = "populations:
  members:
    total: {database: app, query: SELECT count(*) FROM users}
  dossiers:
    window: {database: app, query: SELECT count(*) FROM dossiers WHERE depose_at >= :start AND depose_at < :end}
";

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
    async fn start(more: &str) -> Self {
        let options = Options {
            requests_per_minute: 10_000,
            ..Options::default()
        };
        let listener = bind().await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let simulator = Arc::new(Simulator::new(Arc::clone(&STORY), options));
        let answering =
            tokio::spawn(simulator.run(listener, std::future::pending())).abort_handle();
        let desk = Desk::new(&url, &format!("{SECTIONS}{more}"), "").await;
        database::create(&desk.database(), &STORY).await.unwrap();
        Self { desk, answering }
    }

    async fn run(&self, arguments: &[&str]) -> Ran {
        self.desk.run("forecast", arguments).await
    }

    async fn json(&self, arguments: &[&str]) -> Value {
        let mut all = vec!["--format=json"];
        all.extend(arguments);
        serde_json::from_str(&self.run(&all).await.good()).unwrap()
    }
}

#[tokio::test]
async fn weeks_to_come_are_told_in_four_formats() {
    let more = "forecast: {history: 60w, populations: [dossiers]}\ncapacity: {all: 200}\n";
    let service = Service::start(more).await;
    let told = service
        .json(&["--rate=-10%", "--population-growth=+50%"])
        .await;
    assert_eq!(told["known_weeks"], 60);
    assert_eq!(told["capacity"], 200.0);
    let weeks = told["weeks"].as_array().unwrap();
    assert_eq!(weeks.len(), 13);
    let keys: Vec<&str> = weeks[0]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let mut expected: Vec<&str> = KEYS.iter().map(|(key, _)| *key).collect();
    let mut sorted = keys;
    sorted.sort_unstable();
    expected.sort_unstable();
    assert_eq!(sorted, expected);
    for week in weeks {
        let number = |key: &str| week[key].as_f64().unwrap();
        assert!((250.0..450.0).contains(&number("tickets")), "{week}");
        assert!(number("lower") <= number("tickets") && number("tickets") <= number("upper"));
        assert!((number("what_if_tickets") - 1.35 * number("tickets")).abs() < 1e-6);
    }
    // More than 200 come in the first week.
    assert_eq!(told["capacity_reached"], weeks[0]["week"]);

    let table = service.run(&["--weeks=2"]).await.good();
    assert_eq!(
        table.lines().filter(|line| line.starts_with("20")).count(),
        2,
        "{table}"
    );
    assert!(
        table.contains("Capacity is exceeded in the week of "),
        "{table}"
    );
    assert!(table.contains("Over four weeks it has been "), "{table}");

    let file = service.desk.path("forecast.csv");
    let flag = format!("--output={}", file.display());
    assert_eq!(
        service
            .run(&["--format=csv", "--weeks=3", &flag])
            .await
            .good(),
        ""
    );
    let csv = std::fs::read_to_string(file).unwrap();
    let header = KEYS.map(|(key, _)| key).join(",");
    assert_eq!(csv.lines().next(), Some(header.as_str()));
    assert_eq!(csv.lines().count(), 4);

    let chart = service.run(&["--format=svg", "--rate=-10%"]).await.good();
    for part in ["<svg role=\"img\"", "capacity", "Green: contact rate"] {
        assert!(chart.contains(part), "{part}");
    }
    assert!(!chart.contains("NaN"));
}

#[tokio::test]
async fn what_cannot_be_forecast_is_refused() {
    let service = Service::start("").await;
    for (arguments, message) in [
        (["--segment=usager"], "did you mean `usagers`?"),
        (["--population=dossier"], "did you mean `dossiers`?"),
        (["--population=members"], "it has no past to forecast from"),
        (["--weeks=14"], "14 is not in 1..=13"),
        (["--rate=-100%"], "above -100%"),
        (["--population-growth=10"], "in percent such as"),
    ] {
        let complaint = service.run(&arguments).await.bad(2);
        assert!(complaint.contains(message), "{complaint}");
    }
}
