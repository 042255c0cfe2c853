//! Writes what a `prometheus` registry has gathered.
//!
//! The crate's own encoder knows only the text format and panics on an untyped family.

use jiff::Timestamp;
use prometheus::proto::{LabelPair, Metric, MetricFamily, MetricType};

use super::{
    catalogue::{self, Kind},
    text::{Header, Line, Writer},
};

/// Writes `families` in their order.
pub fn write(writer: &mut Writer, families: &[MetricFamily]) {
    for family in families {
        if family.get_metric().is_empty() {
            continue;
        }
        let kind = match family.get_field_type() {
            MetricType::COUNTER => Kind::Counter,
            MetricType::GAUGE => Kind::Gauge,
            MetricType::SUMMARY => Kind::Summary,
            MetricType::HISTOGRAM => Kind::Histogram,
            // The crate gives no lasting way to read an untyped number: left out rather than guessed.
            MetricType::UNTYPED => continue,
        };
        writer.family(&Header {
            name: family.name(),
            kind,
            unit: catalogue::family(family.name()).and_then(|known| known.unit),
            help: family.help(),
        });
        for metric in family.get_metric() {
            write_metric(writer, kind, metric);
        }
    }
}

fn write_metric(writer: &mut Writer, kind: Kind, metric: &Metric) {
    let timestamp = match metric.timestamp_ms() {
        0 => None,
        milliseconds => Timestamp::from_millisecond(milliseconds).ok(),
    };
    let labels = || metric.get_label().iter().map(label);
    let mut put = |line, value| writer.sample(line, labels(), value, timestamp);
    match kind {
        Kind::Gauge => put(Line::Value, metric.get_gauge().get_value()),
        Kind::Counter => put(Line::Value, metric.get_counter().get_value()),
        Kind::Histogram => {
            let histogram = metric.get_histogram();
            let count = histogram.get_sample_count() as f64;
            for bucket in histogram.get_bucket() {
                let bound = bucket.upper_bound();
                if bound.is_finite() {
                    put(Line::Bucket(bound), bucket.cumulative_count() as f64);
                }
            }
            put(Line::Bucket(f64::INFINITY), count);
            put(Line::Sum, histogram.get_sample_sum());
            put(Line::Count, count);
        }
        Kind::Summary => {
            let summary = metric.get_summary();
            for quantile in summary.get_quantile() {
                put(Line::Quantile(quantile.quantile()), quantile.value());
            }
            put(Line::Sum, summary.sample_sum());
            put(Line::Count, summary.sample_count() as f64);
        }
    }
}

fn label(pair: &LabelPair) -> (&str, &str) {
    (pair.name(), pair.value())
}

#[cfg(test)]
mod tests {
    use prometheus::proto::{Bucket, Counter, Gauge, Histogram, Quantile, Summary};

    use super::*;
    use crate::exposition::Format;

    fn family(name: &str, kind: MetricType, metric: Metric) -> MetricFamily {
        let mut family = MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help("Help.".to_owned());
        family.set_field_type(kind);
        family.set_metric(vec![metric]);
        family
    }

    fn page(families: &[MetricFamily]) -> String {
        let mut writer = Writer::new(Format::OpenMetrics);
        write(&mut writer, families);
        writer.into_string()
    }

    #[test]
    fn a_summary_is_written() {
        let mut quantile = Quantile::default();
        quantile.set_quantile(0.5);
        quantile.set_value(0.25);
        let mut summary = Summary::default();
        summary.set_quantile(vec![quantile]);
        summary.set_sample_count(2);
        summary.set_sample_sum(0.5);
        let mut metric = Metric::default();
        metric.set_summary(summary);
        assert_eq!(
            page(&[family("x_seconds", MetricType::SUMMARY, metric)]),
            "# HELP x_seconds Help.\n# TYPE x_seconds summary\n\
             x_seconds{quantile=\"0.5\"} 0.25\nx_seconds_sum 0.5\nx_seconds_count 2\n"
        );
    }

    #[test]
    fn infinity_is_printed_once() {
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(f64::INFINITY);
        bucket.set_cumulative_count(3);
        let mut histogram = Histogram::default();
        histogram.set_bucket(vec![bucket]);
        histogram.set_sample_count(3);
        let mut metric = Metric::default();
        metric.set_histogram(histogram);
        let page = page(&[family("x", MetricType::HISTOGRAM, metric)]);
        assert_eq!(page.matches("le=\"+Inf\"} 3\n").count(), 1, "{page}");
    }

    #[test]
    fn a_counter_gets_its_suffix_and_keeps_its_timestamp() {
        let mut counter = Counter::default();
        counter.set_value(3.0);
        let mut metric = Metric::default();
        metric.set_counter(counter);
        metric.set_timestamp_ms(1500);
        assert_eq!(
            page(&[family("x", MetricType::COUNTER, metric)]),
            "# HELP x Help.\n# TYPE x counter\nx_total 3 1.500\n"
        );
    }

    #[test]
    fn an_untyped_or_empty_family_is_left_out() {
        let mut gauge = Gauge::default();
        gauge.set_value(1.0);
        let untyped = family("x", MetricType::UNTYPED, Metric::from_gauge(gauge));
        let mut empty = family("y", MetricType::GAUGE, Metric::default());
        empty.set_metric(Vec::new());
        assert_eq!(page(&[untyped, empty]), "");
    }
}
