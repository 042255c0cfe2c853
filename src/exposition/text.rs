//! The two text formats: Prometheus 0.0.4 and OpenMetrics 1.0.0.
//!
//! Formats: <https://prometheus.io/docs/instrumenting/exposition_formats/> and
//! <https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md>.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::{
    catalogue::{Family, Kind},
    series::Sink,
};

/// A text format of `/metrics`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Prometheus text format 0.0.4.
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Format {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Text, Self::OpenMetrics];

    /// The `Content-Type` of a page in this format.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// What comes before the samples of a family.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// The family's name; a counter's with or without `_total`.
    pub name: &'a str,
    /// Its type.
    pub kind: Kind,
    /// Its unit, which must be the end of its name; only OpenMetrics tells it.
    pub unit: Option<&'a str>,
    /// Its help.
    pub help: &'a str,
}

impl<'a> From<&'a Family> for Header<'a> {
    fn from(family: &'a Family) -> Self {
        Self {
            name: &family.name,
            kind: family.kind,
            unit: family.unit,
            help: &family.help,
        }
    }
}

/// Which line of its family a sample is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Line {
    /// The number of a gauge or counter.
    Value,
    /// The number of observations up to a bound, of a histogram.
    Bucket(f64),
    /// A quantile, of a summary.
    Quantile(f64),
    /// The sum of all observations.
    Sum,
    /// The number of all observations.
    Count,
}

/// Writes families of samples, one after another.
///
/// A header is written with the first sample of its family, so that a family without samples leaves
/// no trace.
#[derive(Debug)]
pub struct Writer {
    format: Format,
    out: String,
    /// Name of the current family.
    name: String,
    kind: Kind,
}

impl Writer {
    /// A writer that has written nothing.
    pub fn new(format: Format) -> Self {
        Self::with_capacity(format, 0)
    }

    /// A writer with room for `capacity` bytes.
    pub fn with_capacity(format: Format, capacity: usize) -> Self {
        Self {
            format,
            out: String::with_capacity(capacity),
            name: String::new(),
            kind: Kind::Gauge,
        }
    }

    /// What has been written since the start or the last [`Writer::clear`].
    pub fn as_str(&self) -> &str {
        &self.out
    }

    /// Forgets what has been written, keeps its room and the current family.
    pub fn clear(&mut self) {
        self.out.clear();
    }

    /// What has been written.
    pub fn into_string(self) -> String {
        self.out
    }

    /// Starts a family. Each may be started once.
    pub fn family(&mut self, header: &Header<'_>) {
        // OpenMetrics names a counter's family without the suffix that its samples have.
        let name = match self.format {
            Format::OpenMetrics if header.kind == Kind::Counter => {
                header.name.strip_suffix("_total").unwrap_or(header.name)
            }
            Format::OpenMetrics | Format::Text => header.name,
        };
        self.name.clear();
        self.name.push_str(name);
        self.kind = header.kind;
        let out = &mut self.out;
        out.push_str("# HELP ");
        out.push_str(name);
        out.push(' ');
        escape(out, header.help, self.format == Format::OpenMetrics);
        out.push_str("\n# TYPE ");
        out.push_str(name);
        out.push(' ');
        out.push_str(match header.kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Histogram => "histogram",
            Kind::Summary => "summary",
        });
        out.push('\n');
        if let (Format::OpenMetrics, Some(unit)) = (self.format, header.unit) {
            out.push_str("# UNIT ");
            out.push_str(name);
            out.push(' ');
            out.push_str(unit);
            out.push('\n');
        }
    }

    /// Writes a sample of the current family. A timestamp is left out of a live page.
    pub fn sample<'a>(
        &mut self,
        line: Line,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        value: f64,
        timestamp: Option<Timestamp>,
    ) {
        let out = &mut self.out;
        out.push_str(&self.name);
        out.push_str(match line {
            Line::Value if self.format == Format::OpenMetrics && self.kind == Kind::Counter => {
                "_total"
            }
            Line::Value | Line::Quantile(_) => "",
            Line::Bucket(_) => "_bucket",
            Line::Sum => "_sum",
            Line::Count => "_count",
        });
        let mut separator = '{';
        for (name, value) in labels {
            out.push(separator);
            separator = ',';
            out.push_str(name);
            out.push_str("=\"");
            escape(out, value, true);
            out.push('"');
        }
        let bound = match line {
            Line::Bucket(bound) => Some(("le", bound)),
            Line::Quantile(quantile) => Some(("quantile", quantile)),
            Line::Value | Line::Sum | Line::Count => None,
        };
        if let Some((name, bound)) = bound {
            out.push(separator);
            separator = ',';
            out.push_str(name);
            out.push_str("=\"");
            let start = out.len();
            number(out, bound);
            // A bound is part of the series' name; OpenMetrics writes whole ones as 1.0.
            let whole = bound.is_finite()
                && out
                    .get(start..)
                    .is_some_and(|text| !text.contains(['.', 'e']));
            if whole && self.format == Format::OpenMetrics {
                out.push_str(".0");
            }
            out.push('"');
        }
        if separator == ',' {
            out.push('}');
        }
        out.push(' ');
        number(out, value);
        if let Some(timestamp) = timestamp {
            out.push(' ');
            self.timestamp(timestamp);
        }
        self.out.push('\n');
    }

    /// Milliseconds in the text format, seconds in OpenMetrics.
    fn timestamp(&mut self, timestamp: Timestamp) {
        let milliseconds = timestamp.as_millisecond();
        // Writing to a string cannot fail.
        let _ = match self.format {
            Format::Text => write!(self.out, "{milliseconds}"),
            Format::OpenMetrics if milliseconds % 1000 == 0 => {
                write!(self.out, "{}", milliseconds / 1000)
            }
            Format::OpenMetrics => {
                let sign = if milliseconds < 0 { "-" } else { "" };
                let (seconds, rest) = (
                    milliseconds.unsigned_abs() / 1000,
                    milliseconds.unsigned_abs() % 1000,
                );
                write!(self.out, "{sign}{seconds}.{rest:03}")
            }
        };
    }

    /// Ends the page. Nothing may follow.
    pub fn end(&mut self) {
        if self.format == Format::OpenMetrics {
            self.out.push_str("# EOF\n");
        }
    }
}

/// Writes a snapshot's samples, as of now.
#[derive(Debug)]
pub struct SnapshotWriter {
    writer: Writer,
    /// Name of the family whose header is written.
    current: String,
}

impl SnapshotWriter {
    /// Writes with `writer`.
    pub fn new(writer: Writer) -> Self {
        Self {
            writer,
            current: String::new(),
        }
    }

    /// The writer.
    pub fn writer(&mut self) -> &mut Writer {
        &mut self.writer
    }

    /// What has been written.
    pub fn into_string(self) -> String {
        self.writer.into_string()
    }
}

impl Sink for SnapshotWriter {
    fn sample(&mut self, family: &Family, labels: &[(&str, &str)], value: f64) {
        if self.current != family.name {
            self.current.clear();
            self.current.push_str(&family.name);
            self.writer.family(&Header::from(family));
        }
        let labels = labels.iter().copied();
        self.writer.sample(Line::Value, labels, value, None);
    }
}

/// Writes `text` with backslashes and newlines escaped, and quotes where `quotes` asks for it:
/// everywhere but in the help of the text format.
fn escape(out: &mut String, text: &str, quotes: bool) {
    let mut rest = text;
    while let Some(at) = rest.find(|c| matches!(c, '\\' | '\n') || (quotes && c == '"')) {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let mut characters = after.chars();
        out.push_str(match characters.next() {
            Some('\n') => "\\n",
            Some('"') => "\\\"",
            _ => "\\\\",
        });
        rest = characters.as_str();
    }
    out.push_str(rest);
}

/// Writes a number as the reference implementation does: the fewest digits that read back as the
/// same number, with an exponent below 10⁻⁴ and from 10²¹.
fn number(out: &mut String, value: f64) {
    let size = value.abs();
    // Writing to a string cannot fail.
    let _ = if value.is_nan() {
        out.write_str("NaN")
    } else if value.is_infinite() {
        out.write_str(if value > 0.0 { "+Inf" } else { "-Inf" })
    } else if size < 9e15 && value.fract() == 0.0 {
        #[expect(clippy::cast_possible_truncation, reason = "whole and under 2^53")]
        let whole = value as i64;
        write!(out, "{whole}")
    } else if (1e-4..1e21).contains(&size) {
        write!(out, "{value}")
    } else {
        exponent(out, value)
    };
}

/// `1e-07` rather than Rust's `1e-7`: Go and OpenMetrics write at least two digits and a sign.
fn exponent(out: &mut String, value: f64) -> std::fmt::Result {
    let start = out.len();
    write!(out, "{value:e}")?;
    let Some(at) = out
        .get(start..)
        .and_then(|text| text.find('e'))
        .map(|at| start + at + 1)
    else {
        return Ok(());
    };
    let power = out.split_off(at);
    let (sign, digits) = power
        .strip_prefix('-')
        .map_or(('+', power.as_str()), |digits| ('-', digits));
    write!(out, "{sign}{digits:0>2}")
}
