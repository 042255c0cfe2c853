//! The config file from outside: what is accepted, and what an operator reads when it is not.

mod planted;

use std::{fs, path::Path, time::Duration};

use contact_rate_exporter::{
    config::{self, Config, PopulationKind, ReasonChoice, Reference},
    domain::Window,
};

fn environment(name: &str) -> Option<String> {
    match name {
        "APP_ID" => Some("the-app".to_owned()),
        "PASSWORD" => Some("hunter2".to_owned()),
        _ => None,
    }
}

fn read(path: &Path) -> Result<Config, config::Error> {
    let text = fs::read_to_string(path).unwrap();
    config::parse(&text, path, &environment)
}

/// Each `bad/x.yml` has its whole error text in `bad/x.txt`. `UPDATE_GOLDEN=1` rewrites them.
#[test]
fn every_bad_config_is_refused_with_its_message() {
    let folder = Path::new("tests/config/bad");
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yml") {
            continue;
        }
        seen += 1;
        let message = match read(&path) {
            Ok(_) => panic!("{} was accepted", path.display()),
            Err(error) => format!("{error}\n"),
        };
        assert!(!message.contains("hunter2"), "a secret is shown: {message}");
        let golden = path.with_extension("txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&golden, &message).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(message, expected, "{}", path.display());
    }
    assert!(seen >= 25, "only {seen} bad configs found");
}

#[test]
fn a_forecast_of_nothing_said_is_of_everything_with_a_past() {
    let populations = "databases: {d: {url: 'sqlite:///x'}}
populations:
  users: {total: {database: d, query: SELECT count(*) FROM users}}
  members: {total: {database: d, query: SELECT count(*) FROM members WHERE at < :end}}
";
    let read = |section: &str| {
        let text = format!("helpscout: {{app_id: a, app_secret: b}}\n{populations}{section}\n");
        config::parse(&text, Path::new("x.yml"), &environment).unwrap()
    };
    let config = read("forecast: {}");
    let forecast = config.forecast.unwrap();
    assert_eq!(forecast, config::Forecast::of_all(&config.populations));
    assert_eq!((forecast.weeks, &forecast.segments[..]), (104, &[0][..]));
    assert_eq!(forecast.populations, [1]);
    // As every key without a value, it counts as absent.
    assert_eq!(read("forecast:").forecast, None);
}

#[test]
fn a_full_config_means_what_it_says() {
    let config = read(Path::new("tests/config/good/full.yml")).unwrap();
    assert_eq!(config.interval, Duration::from_mins(2));
    assert_eq!(config.timeout, Duration::from_secs(20));
    assert_eq!(config.max_age, Duration::from_mins(10));
    assert_eq!(config.windows[2].name(), "4w");
    assert_eq!(config.helpscout().unwrap().app_id, "the-app");
    assert_eq!(config.helpscout().unwrap().app_secret.expose(), "hunter2");
    assert!(!config.helpscout().unwrap().happiness);
    assert_eq!(config.segments.len(), 2);
    assert_eq!(
        config.segments[1].mailboxes,
        [
            Reference::Id(125_926),
            Reference::Name("Support usagers".into()),
            Reference::Name("42".into()),
        ]
    );
    let pasts: Vec<bool> = config
        .populations
        .iter()
        .map(config::Population::has_past)
        .collect();
    assert_eq!(pasts, [true, false, true, true, true]);
    assert_eq!(config.populations[2].kind, PopulationKind::Window);
    // 28d and 4w are one window.
    assert_eq!(config.targets[0].window, 2);
    let forecast = config.forecast.as_ref().unwrap();
    assert_eq!((forecast.weeks, &forecast.segments[..]), (52, &[0, 1][..]));
    let dossiers = config
        .populations
        .iter()
        .position(|of| of.name == "dossiers");
    assert_eq!(forecast.populations, [dossiers.unwrap()]);
    assert_eq!(forecast.capacity_of(0), Some(350.5));
    assert_eq!(forecast.capacity_of(1), None);
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn defaults_are_those_of_the_documentation() {
    let config = read(Path::new("tests/config/good/minimal.yml")).unwrap();
    assert_eq!(config.interval, Duration::from_mins(5));
    assert_eq!(config.timeout, Duration::from_secs(30));
    assert_eq!(config.max_age, Duration::from_mins(15));
    assert_eq!(config.time_zone.iana_name(), Some("UTC"));
    let windows: Vec<&str> = config.windows.iter().map(Window::name).collect();
    assert_eq!(windows, ["1d", "7d", "28d"]);
    assert_eq!(
        config.helpscout().unwrap().base_url.as_str(),
        "https://api.helpscout.net/"
    );
    assert_eq!(config.helpscout().unwrap().requests_per_minute, None);
    assert!(config.helpscout().unwrap().happiness);
    assert_eq!(config.segments.len(), 1);
}

#[test]
fn reasons_and_the_help_centre_mean_what_they_say() {
    let path = Path::new("tests/config/good/reasons.yml");
    let config = read(path).unwrap();
    let sites = ["5244c0000000000000000001", "524400000000000000000001"].map(str::to_owned);
    assert_eq!(config.help_center().unwrap().sites, sites);
    let reasons = config.reasons.unwrap();
    assert_eq!(config.windows[reasons.window].name(), "7d");
    assert_eq!(reasons.every, Duration::from_mins(2));
    assert_eq!(reasons.max_age(), Duration::from_mins(6));
    let tags = vec![
        Reference::Name("bug".into()),
        Reference::Id(7001),
        Reference::Name("7001".into()),
    ];
    assert_eq!(reasons.choice, ReasonChoice::Tags(tags));
    assert_eq!(config.populations[0].kind, PopulationKind::Window);
    assert!(config.populations[0].has_past());

    let text = fs::read_to_string(path).unwrap();
    let of = |text: &str| config::parse(text, path, &environment).unwrap();
    let (rest, _) = text.split_once("  window: 7d").unwrap();
    let config = of(&format!("{rest}  top: 50\n"));
    let reasons = config.reasons.as_ref().unwrap();
    assert_eq!(config.windows[reasons.window].name(), "4w");
    assert_eq!(reasons.every, Duration::from_hours(1));
    assert_eq!(reasons.choice, ReasonChoice::Top(50));
    let config = of(&format!(
        "{}reasons: {{}}\n",
        rest.replace("reasons:", "").replace("2m", "2h")
    ));
    let reasons = config.reasons.unwrap();
    assert_eq!(
        reasons.every,
        Duration::from_hours(2),
        "never more often than a refresh"
    );
    assert_eq!(reasons.choice, ReasonChoice::Top(10));
    let all = of("helpscout: {app_id: a, app_secret: b, help_center: true}");
    assert_eq!(all.help_center().unwrap().sites, [""; 0]);
    assert_eq!(all.reasons, None);

    // What is counted moves the hash, how often does not.
    let hash = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        of(&text.replace(from, to)).definition_hash()
    };
    let original = of(&text).definition_hash();
    assert_eq!(hash("every: 2m", "every: 3m"), original);
    for (from, to) in [
        ("window: 7d", "window: 90d"),
        ("[bug, 7001,", "[bugs, 7001,"),
        (
            "{sites: [5244c0000000000000000001, 524400000000000000000001]}",
            "true",
        ),
    ] {
        assert_ne!(hash(from, to), original, "{from}");
    }
}

#[test]
fn fifty_segments_are_accepted_and_one_more_is_not() {
    let with = |count: usize| {
        let names: Vec<String> = (0..count)
            .map(|n| format!("{{name: s{n}, tags: [{n}]}}"))
            .collect();
        let text = format!(
            "helpscout: {{app_id: a, app_secret: b}}\nsegments: [{}]\n",
            names.join(", ")
        );
        config::parse(&text, Path::new("x.yml"), &environment)
    };
    assert_eq!(with(50).unwrap().segments.len(), 51);
    assert!(
        with(51)
            .unwrap_err()
            .to_string()
            .contains("at most 50 segments")
    );
}

#[test]
fn the_definition_hash_moves_with_what_is_counted_only() {
    let text = fs::read_to_string("tests/config/good/full.yml").unwrap();
    let hash = |text: &str, environment: &dyn Fn(&str) -> Option<String>| {
        config::parse(text, Path::new("tests/config/good/full.yml"), environment)
            .unwrap()
            .definition_hash()
    };
    let original = hash(&text, &environment);
    let same = [
        text.replace("interval: 2m", "interval: 3m"),
        text.replace("http://127.0.0.1:8080", "https://elsewhere.example"),
        text.replace("stats.example.org", "other.example.org"),
        text.replace("http://prometheus:9090", "http://thanos:9090"),
        text.replace("requests_per_minute: 100", "requests_per_minute: 50"),
    ];
    for text in same {
        assert_eq!(hash(&text, &environment), original);
    }
    let other_secret = |name: &str| Some(format!("other-{name}"));
    assert_eq!(hash(&text, &other_secret), original);
    let different = [
        text.replace("windows: [1d, 7d, 4w]", "windows: [1d, 4w]"),
        text.replace("interval: 2m", "interval: 2m\ntime_zone: Europe/Paris"),
        text.replace("tags: [bug]", "tags: [bugs]"),
        text.replace("depose_at <", "created_at <"),
        text.replace("counts_from: reports", "counts_from: auto"),
        text.replace("/data/count", "/data/total"),
        text.replace("from={start}", "since={start}"),
        text.replace("sum(app_members)", "max(app_members)"),
    ];
    for text in different {
        assert_ne!(hash(&text, &environment), original, "{text}");
    }
}

#[test]
fn a_file_that_cannot_be_read_says_which() {
    let error = config::load(Path::new("tests/config/no-such-file.yml")).unwrap_err();
    assert!(error.to_string().contains("no-such-file.yml"));
    assert!(std::error::Error::source(&error).is_some());
}
