//! The running month, as seen at a known instant: by the library, since the program goes by the clock.

use contact_rate_exporter::{
    commands::report::{self, Format, Options, time_zone},
    config,
};
use serde_json::Value;

use super::desk::{Desk, NEW, PRODUCTIVITY, at, recorded};
use crate::common::upstream::{Asked, Upstream};

fn options(include_current: bool) -> Options {
    Options {
        from: Some("2017-11".parse().unwrap()),
        to: None,
        segment: "all".to_owned(),
        population: None,
        zone: time_zone("Europe/Paris").unwrap(),
        include_current,
    }
}

/// Answers the recorded months at midnights of Paris too.
async fn paris() -> Upstream {
    Upstream::start(|asked| {
        let mut asked = asked.clone();
        for (paris, utc) in [
            ("2017-10-31T23", "2017-11-01T00"),
            ("2017-11-30T23", "2017-12-01T00"),
        ] {
            asked.query = asked
                .query
                .replace(&format!("start={paris}"), &format!("start={utc}"));
        }
        recorded(&asked)
    })
    .await
}

#[tokio::test]
async fn the_running_month_goes_up_to_the_minute_and_is_marked() {
    let upstream = paris().await;
    let desk = Desk::recorded(upstream.url.as_str()).await;
    let config = config::load(&desk.path("contact-rate.yml")).unwrap();
    let now = at("2017-12-20T08:15:42.5Z");
    let read = std::cell::RefCell::new(Vec::new());
    let progress = |done, all| read.borrow_mut().push((done, all));
    let report = report::read(&config, &options(true), now, progress)
        .await
        .unwrap();
    assert_eq!(read.into_inner(), [(1, 3), (2, 3), (3, 3)]);

    let text = report.render(Format::Json, false).unwrap();
    let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
    let running = &rows[1];
    assert_eq!(running["month"], "2017-12");
    assert_eq!(running["start"], "2017-11-30T23:00:00Z");
    assert_eq!(running["end"], "2017-12-20T08:15:00Z");
    assert_eq!(running["created"], 126);
    // One every 1000 s from the first midnight of UTC on, the first one at once.
    let seconds: u64 = 19 * 86_400 + 8 * 3600 + 15 * 60;
    assert_eq!(running["population"], seconds.div_ceil(1000));
    assert!(running["rate_created"].as_f64().unwrap() > 0.0);
    for key in [
        "change_created",
        "change_population_effect",
        "change_rate_effect",
    ] {
        assert!(running[key].is_null(), "{running}");
    }
    assert!(!rows[0]["change_created"].is_null());

    let targets: Vec<String> = upstream.asked().iter().map(Asked::target).collect();
    for (path, query) in [
        (
            PRODUCTIVITY,
            "start=2017-11-30T23:00:00Z&end=2017-12-20T08:14:59Z",
        ),
        (
            NEW,
            "start=2017-10-25T08:15:00Z&end=2017-12-20T08:14:59Z&viewBy=day",
        ),
    ] {
        assert!(targets.contains(&format!("{path}?{query}")), "{targets:?}");
    }

    let table = report.render(Format::Table, false).unwrap();
    assert_eq!(table.matches("2017-12*").count(), 2, "{table}");
    assert!(
        table.contains("* has not ended: up to 2017-12-20 09:15 CET"),
        "{table}"
    );
    assert!(!table.contains('\x1b'));
    let chart = report.render(Format::Svg, false).unwrap();
    assert!(
        chart.contains("Dec*") && chart.contains("* has not ended"),
        "{chart}"
    );
    // Only the table has colours, and only on request.
    assert!(report.render(Format::Table, true).unwrap().contains('\x1b'));

    let whole = report::read(&config, &options(false), now, |_, _| {})
        .await
        .unwrap();
    let text = whole.render(Format::Csv, true).unwrap();
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(!text.contains('\x1b'));
}
