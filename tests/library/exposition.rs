//! The whole of `/metrics`: both formats against golden files, each other, and promtool.

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    process::{Command, Stdio},
    sync::Arc,
};

use contact_rate_exporter::{
    domain::Reason,
    exposition::{
        Encoding, Exposition, Format, Rendered, SelfMetrics,
        catalogue::{self, Family, Kind},
        series::{self, Sink},
        text::{Header, Line, Writer},
    },
    snapshot::Snapshot,
};
use flate2::read::GzDecoder;
use jiff::Timestamp;
use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry};
use proptest::prelude::*;

use crate::common::{
    example_snapshot,
    text_parser::{Sample, parse},
};

/// A registry as the running exporter has it, with the telemetry of the Help Scout client.
fn registry() -> Registry {
    let registry = Registry::new();
    let self_metrics = SelfMetrics::register(&registry).unwrap();
    self_metrics.show(&example_snapshot::full().sources);
    self_metrics.config_loaded(
        0xdead_0123_4567_89ab,
        "2017-12-31T23:00:00.25Z".parse().unwrap(),
    );
    self_metrics.web_config_loaded(true);
    let options = |family: &Family| Opts::new(family.name.to_string(), family.help.to_string());
    let requests = &catalogue::HELPSCOUT_REQUESTS_TOTAL;
    let counter = IntCounterVec::new(options(requests), requests.labels).unwrap();
    counter
        .with_label_values(&["productivity", "200"])
        .inc_by(4);
    registry.register(Box::new(counter)).unwrap();
    let durations = &catalogue::HELPSCOUT_REQUEST_DURATION_SECONDS;
    let histogram = HistogramVec::new(
        HistogramOpts::from(options(durations)).buckets(vec![0.1, 1.0, 10.0]),
        durations.labels,
    )
    .unwrap();
    for seconds in [0.0625, 0.5, 0.5, 30.0] {
        histogram
            .with_label_values(&["productivity"])
            .observe(seconds);
    }
    registry.register(Box::new(histogram)).unwrap();
    for (family, value) in [
        (&catalogue::HELPSCOUT_RATE_LIMIT_REQUESTS, 200),
        (&catalogue::HELPSCOUT_RATE_LIMIT_REMAINING_REQUESTS, 196),
    ] {
        let gauge = IntGauge::with_opts(options(family)).unwrap();
        gauge.set(value);
        registry.register(Box::new(gauge)).unwrap();
    }
    registry
}

fn exposition(snapshot: Snapshot) -> Exposition {
    Exposition::new(registry(), Arc::new(snapshot))
}

fn body(page: &Rendered) -> String {
    let bytes = page.parts.concat();
    match page.encoding {
        Encoding::Identity => String::from_utf8(bytes).unwrap(),
        Encoding::Gzip => std::io::read_to_string(GzDecoder::new(&*bytes)).unwrap(),
    }
}

/// A page with what differs between builds and runs replaced.
fn steady(page: &str) -> String {
    let mut steady = String::new();
    for line in page.lines() {
        match line.split_once([' ', '{']).map_or("", |(name, _)| name) {
            "contact_exporter_build_info" => steady.push_str(
                "contact_exporter_build_info{revision=\"unknown\",rustc=\"unknown\",version=\"0.0.0\"} 1",
            ),
            name if name.starts_with("process_") => {
                steady.push_str(name);
                steady.push_str(" 1");
            }
            _ => steady.push_str(line),
        }
        steady.push('\n');
    }
    steady
}

#[test]
fn the_page_is_the_golden_one() {
    let exposition = exposition(example_snapshot::full());
    for (format, path) in [
        (Format::Text, "tests/golden/metrics.txt"),
        (Format::OpenMetrics, "tests/golden/metrics.om"),
    ] {
        let page = steady(&body(&exposition.page(format, Encoding::Identity)));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(path, &page).unwrap();
        }
        let golden = fs::read_to_string(path).unwrap();
        let lines = page.lines().map(Some).chain([None]);
        let golden_lines = golden.lines().map(Some).chain([None]);
        if let Some((printed, golden)) = lines.zip(golden_lines).find(|(left, right)| left != right)
        {
            panic!(
                "{path} differs, first here:\n  printed: {printed:?}\n  golden:  {golden:?}\n\
                 If the change is meant: UPDATE_GOLDEN=1 cargo test --test library exposition"
            );
        }
        assert!(page == golden, "{path} differs in its line ends");
    }
}

#[test]
fn every_family_is_on_the_golden_page_with_its_type_and_labels() {
    let page = body(&exposition(example_snapshot::full()).page(Format::Text, Encoding::Identity));
    let samples = parse(Format::Text, &page).unwrap();
    let frame = example_snapshot::frame();
    let populations: Vec<Family> = frame
        .populations
        .iter()
        .map(catalogue::population)
        .collect();
    let mut families: BTreeSet<&str> = samples.iter().map(|sample| &*sample.family).collect();
    for family in catalogue::FAMILIES.iter().copied().chain(&populations) {
        // The client of an endpoint that counts: `tests/daemon/counting.rs` sees it.
        if family.name.starts_with("contact_tickets_request")
            || family.name.starts_with("contact_tickets_rate_limit")
        {
            continue;
        }
        assert!(families.remove(&*family.name), "{} is missing", family.name);
        let kind = match family.kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Histogram => "histogram",
            Kind::Summary => "summary",
        };
        for sample in samples.iter().filter(|sample| sample.family == family.name) {
            assert_eq!(sample.kind, kind, "{}", family.name);
            let labels: BTreeSet<&str> = sample
                .labels
                .iter()
                .map(|(name, _)| &**name)
                .filter(|name| *name != "le")
                .collect();
            assert_eq!(labels, family.labels.iter().copied().collect());
        }
    }
    assert!(families.is_empty(), "not in the catalogue: {families:?}");
}

#[test]
fn both_formats_and_encodings_hold_the_same_samples() {
    for snapshot in [example_snapshot::empty(), example_snapshot::full()] {
        let exposition = exposition(snapshot);
        let read = |format, encoding| {
            let page = body(&exposition.page(format, encoding));
            parse(format, &page).unwrap_or_else(|error| panic!("{error}\n{page}"))
        };
        let text = read(Format::Text, Encoding::Identity);
        assert_eq!(text, read(Format::Text, Encoding::Gzip));
        let open_metrics = read(Format::OpenMetrics, Encoding::Identity);
        assert_eq!(open_metrics, read(Format::OpenMetrics, Encoding::Gzip));
        assert_eq!(text.len(), open_metrics.len());
        for (left, mut right) in text.into_iter().zip(open_metrics) {
            if left.kind == "counter" {
                right.family.push_str("_total");
            }
            for (name, value) in &mut right.labels {
                if name == "le" {
                    *value = value.strip_suffix(".0").unwrap_or(value).to_owned();
                }
            }
            assert_eq!(left, right);
        }
    }
}

#[test]
fn before_the_first_refresh_sources_are_down_and_nothing_is_invented() {
    let page = body(&exposition(example_snapshot::empty()).page(Format::Text, Encoding::Identity));
    let samples = parse(Format::Text, &page).unwrap();
    let of_sources: Vec<&Sample> = samples
        .iter()
        .filter(|sample| sample.family == "contact_source_up")
        .collect();
    assert_eq!(of_sources.len(), example_snapshot::sources().len());
    assert!(of_sources.iter().all(|sample| sample.value == 0.0));
    let failures = samples
        .iter()
        .filter(|sample| sample.family == "contact_source_failures_total");
    let sources = example_snapshot::sources().len();
    assert_eq!(failures.count(), sources * Reason::ALL.len());
    for absent in [
        "contact_created_tickets",
        "contact_users",
        "contact_rate_ratio",
        "contact_source_last_success_timestamp_seconds",
        "contact_source_refresh_duration_seconds",
        "contact_window_end_timestamp_seconds",
    ] {
        assert!(
            samples.iter().all(|sample| sample.family != absent),
            "{absent}"
        );
    }
}

#[test]
fn promtool_has_nothing_to_say() {
    let page = body(&exposition(example_snapshot::full()).page(Format::Text, Encoding::Identity));
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool must be installed: apt-get install prometheus");
    let mut input = promtool.stdin.take().unwrap();
    input.write_all(page.as_bytes()).unwrap();
    drop(input);
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert_eq!(said, "");
    assert!(output.status.success());
}

#[test]
fn numbers_read_as_people_write_them() {
    for (value, text) in [
        (0.0, "0"),
        (-0.0, "0"),
        (42.0, "42"),
        (-7.0, "-7"),
        (0.1, "0.1"),
        (0.0525, "0.0525"),
        (1e-4, "0.0001"),
        (1.5e-5, "1.5e-05"),
        (5e-324, "5e-324"),
        (1_514_764_800.25, "1514764800.25"),
        (9_007_199_254_740_991.0, "9007199254740991"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (f64::MAX, "1.7976931348623157e+308"),
        (f64::NAN, "NaN"),
        (f64::INFINITY, "+Inf"),
        (f64::NEG_INFINITY, "-Inf"),
    ] {
        let mut writer = Writer::new(Format::Text);
        writer.family(&Header::from(&catalogue::RATE_RISE_P_VALUE));
        writer.clear();
        writer.sample(Line::Value, [], value, None);
        assert_eq!(
            writer.as_str(),
            format!("contact_rate_rise_p_value {text}\n")
        );
    }
}

#[test]
fn timestamps_are_milliseconds_or_seconds() {
    for (instant, text, open_metrics) in [
        ("2018-01-01T00:00:00Z", "1514764800000", "1514764800"),
        (
            "2018-01-01T00:00:00.0625Z",
            "1514764800062",
            "1514764800.062",
        ),
        ("1969-12-31T23:59:59.5Z", "-500", "-0.500"),
    ] {
        let instant: Timestamp = instant.parse().unwrap();
        for (format, expected) in [(Format::Text, text), (Format::OpenMetrics, open_metrics)] {
            let mut writer = Writer::new(format);
            writer.family(&Header::from(&catalogue::CREATED_TICKETS));
            writer.clear();
            writer.sample(Line::Value, [("window", "1d")], 3.0, Some(instant));
            assert_eq!(
                writer.into_string(),
                format!("contact_created_tickets{{window=\"1d\"}} 3 {expected}\n")
            );
        }
    }
}

/// Text that is most likely to be escaped wrongly.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![".{0,12}", "[\\\\\"n\n{},= #é𝄞]{0,12}"]
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(
        help in hostile(),
        rows in prop::collection::vec((hostile(), hostile(), any::<f64>(), prop::option::of(-9_999_999_999_i64..9_999_999_999)), 1..8),
        counter in any::<bool>(),
    ) {
        for format in Format::ALL {
            let mut writer = Writer::new(format);
            let header = Header {
                name: if counter { "contact_x_total" } else { "contact_x" },
                kind: if counter { Kind::Counter } else { Kind::Gauge },
                unit: None,
                help: &help,
            };
            writer.family(&header);
            for (index, (left, right, value, at)) in rows.iter().enumerate() {
                let index = index.to_string();
                let labels = [("row", &*index), ("left", left), ("right", right)];
                let at = at.map(|at| Timestamp::from_second(at).unwrap());
                writer.sample(Line::Value, labels, *value, at);
            }
            writer.end();
            let page = writer.into_string();
            let samples = parse(format, &page).map_err(TestCaseError::fail)?;
            prop_assert_eq!(samples.len(), rows.len());
            for ((left, right, value, at), sample) in rows.iter().zip(&samples) {
                prop_assert_eq!(&sample.name, header.name);
                prop_assert_eq!(&sample.labels[1].1, left);
                prop_assert_eq!(&sample.labels[2].1, right);
                let same = sample.value.total_cmp(value).is_eq();
                prop_assert!(same || (value.is_nan() && sample.value.is_nan()) || *value == 0.0);
                prop_assert_eq!(sample.timestamp.is_some(), at.is_some());
            }
        }
    }

    #[test]
    fn gzip_reads_as_the_plain_page(names in prop::collection::vec(hostile(), 1..5), created in prop::collection::vec(any::<u32>(), 5)) {
        let mut snapshot = example_snapshot::full();
        let mut frame = (*snapshot.frame).clone();
        frame.segments = names.iter().enumerate().map(|(index, name)| format!("{index}{name}")).collect();
        snapshot.segments.resize(names.len(), snapshot.segments[0].clone());
        snapshot.rates.retain(|rate| rate.segment < names.len());
        for (values, created) in snapshot.segments.iter_mut().zip(created) {
            if let Some(Some(counts)) = values.counts.first_mut() {
                counts.created = Some(u64::from(created));
            }
        }
        snapshot.frame = Arc::new(frame);
        let exposition = Exposition::new(Registry::new(), Arc::new(snapshot));
        for format in Format::ALL {
            let plain = body(&exposition.page(format, Encoding::Identity));
            prop_assert_eq!(&plain, &body(&exposition.page(format, Encoding::Gzip)));
            parse(format, &plain).map_err(TestCaseError::fail)?;
        }
    }
}

#[test]
fn numbers_that_are_none_are_left_out() {
    struct Values(Vec<f64>);
    impl Sink for Values {
        fn sample(&mut self, _: &Family, _: &[(&str, &str)], value: f64) {
            self.0.push(value);
        }
    }
    let mut snapshot = example_snapshot::full();
    for rate in &mut snapshot.rates {
        rate.ratio = f64::NAN;
        rate.previous = Some(f64::INFINITY);
    }
    // An index outside the frame says nothing either.
    snapshot.rates[0].segment = 99;
    let mut values = Values(Vec::new());
    series::visit(&snapshot, &mut values);
    assert!(values.0.iter().all(|value| value.is_finite()));
}

#[test]
fn a_histogram_without_labels_is_whole() {
    let registry = Registry::new();
    let options =
        HistogramOpts::new("contact_wait_seconds", "A \"wait\".").buckets(vec![0.5, 2.0, 1e-6]);
    assert!(Histogram::with_opts(options).is_err(), "buckets must rise");
    let options =
        HistogramOpts::new("contact_wait_seconds", "A \"wait\".").buckets(vec![1e-6, 0.5, 2.0]);
    let histogram = Histogram::with_opts(options).unwrap();
    histogram.observe(1.0);
    registry.register(Box::new(histogram)).unwrap();
    let exposition = Exposition::new(registry, Arc::new(example_snapshot::empty()));
    let tail = |format| {
        let page = exposition.page(format, Encoding::Identity);
        String::from_utf8(page.parts[1].to_vec()).unwrap()
    };
    assert_eq!(
        tail(Format::Text),
        "# HELP contact_wait_seconds A \"wait\".\n# TYPE contact_wait_seconds histogram\n\
         contact_wait_seconds_bucket{le=\"1e-06\"} 0\ncontact_wait_seconds_bucket{le=\"0.5\"} 0\n\
         contact_wait_seconds_bucket{le=\"2\"} 1\ncontact_wait_seconds_bucket{le=\"+Inf\"} 1\n\
         contact_wait_seconds_sum 1\ncontact_wait_seconds_count 1\n"
    );
    assert_eq!(
        tail(Format::OpenMetrics),
        "# HELP contact_wait_seconds A \\\"wait\\\".\n# TYPE contact_wait_seconds histogram\n\
         contact_wait_seconds_bucket{le=\"1e-06\"} 0\ncontact_wait_seconds_bucket{le=\"0.5\"} 0\n\
         contact_wait_seconds_bucket{le=\"2.0\"} 1\ncontact_wait_seconds_bucket{le=\"+Inf\"} 1\n\
         contact_wait_seconds_sum 1\ncontact_wait_seconds_count 1\n# EOF\n"
    );
}
