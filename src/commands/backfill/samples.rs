//! Samples on their way to the file.
//!
//! Steps come one after the other and bring samples of every series, while OpenMetrics wants
//! families, and series within them, one after the other. So samples are first put aside in the cache
//! in pieces of many steps, and then read back series by series: memory depends on the number of
//! series, never on the length of the history.

use std::{
    collections::HashMap,
    io::{self, Write},
};

use super::{
    cache::{Cache, CacheError, Piece},
    span::Span,
};
use crate::exposition::{
    Format,
    catalogue::Family,
    series::Sink,
    text::{Header, Line, Writer},
};

/// Samples that are held in memory until they are put aside: 16 bytes each.
const HELD: usize = 1 << 16;

/// A sample in a piece: its step and its value, 8 bytes.
const RECORD: usize = STEP + 8;

/// Bytes of a step.
const STEP: usize = 4;

/// All samples of a span.
pub struct Samples {
    families: Vec<Family>,
    by_name: HashMap<String, usize>,
    series: Vec<Series>,
    /// By family and labels.
    by_labels: HashMap<String, u32>,
    /// Series, step, value: not yet put aside.
    held: Vec<(u32, u32, f64)>,
    step: u32,
    written: u64,
    key: String,
}

struct Series {
    family: usize,
    labels: Vec<(String, String)>,
}

/// How much was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Series.
    pub series: usize,
    /// Samples.
    pub samples: u64,
}

/// The file was not written.
#[derive(Debug)]
pub enum WriteError {
    /// What was put aside cannot be read.
    Cache(CacheError),
    /// The output cannot be written.
    Output(io::Error),
}

impl From<CacheError> for WriteError {
    fn from(error: CacheError) -> Self {
        Self::Cache(error)
    }
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl Samples {
    /// No samples yet.
    pub fn new() -> Self {
        Self {
            families: Vec::new(),
            by_name: HashMap::new(),
            series: Vec::new(),
            by_labels: HashMap::new(),
            held: Vec::new(),
            step: 0,
            written: 0,
            key: String::new(),
        }
    }

    /// Begins the step at `index`.
    pub fn begin(&mut self, index: i64) {
        self.step = u32::try_from(index).unwrap_or(u32::MAX);
    }

    /// Puts samples aside once there are many. A step has ended.
    pub async fn put(&mut self, cache: &Cache) -> Result<(), CacheError> {
        if self.held.len() < HELD {
            return Ok(());
        }
        self.put_all(cache).await
    }

    async fn put_all(&mut self, cache: &Cache) -> Result<(), CacheError> {
        // Stable: the steps of a series stay in their order.
        self.held.sort_by_key(|(series, _, _)| *series);
        let pieces: Vec<Piece> = self
            .held
            .chunk_by(|(one, _, _), (next, _, _)| one == next)
            .filter_map(|samples| {
                let (series, step, _) = *samples.first()?;
                let records = samples.iter();
                Some(Piece {
                    series,
                    step,
                    bytes: records
                        .flat_map(|(_, step, value)| encode(*step, *value))
                        .collect(),
                })
            })
            .collect();
        cache.put(&pieces).await?;
        self.held.clear();
        Ok(())
    }

    /// Writes everything to `output`. `labels` are added to every sample.
    pub async fn write(
        mut self,
        cache: &Cache,
        output: &mut impl Write,
        span: &Span,
        labels: &[(String, String)],
    ) -> Result<Written, WriteError> {
        self.put_all(cache).await?;
        let mut file = SampleFile {
            out: output,
            writer: Writer::new(Format::OpenMetrics),
            family: None,
            span,
            labels,
        };
        // Families in the order of their first sample, and so are their series.
        let mut order: Vec<(u32, &Series)> = (0..).zip(&self.series).collect();
        order.sort_by_key(|(_, series)| series.family);
        for (number, series) in order {
            if let Some(family) = self.families.get(series.family) {
                file.start(series.family, family);
            }
            let mut next = 0;
            while let Some(piece) = cache.piece(number, next).await? {
                let (records, _) = piece.bytes.as_chunks();
                for record in records {
                    let (step, value) = decode(*record);
                    file.sample(&series.labels, step, value)?;
                }
                next = piece.step.saturating_add(1);
            }
        }
        file.writer.end();
        file.flush()?;
        Ok(Written {
            series: self.series.len(),
            samples: self.written,
        })
    }

    /// The number of a series; a new one where it has none yet.
    fn number(&mut self, family: &Family, labels: &[(&str, &str)]) -> Option<u32> {
        let mut key = std::mem::take(&mut self.key);
        key.clear();
        key.push_str(&family.name);
        for (_, value) in labels {
            // Names of a family's labels are always the same, and their values hold no such byte.
            key.push('\0');
            key.push_str(value);
        }
        let number = if let Some(number) = self.by_labels.get(&key) {
            Some(*number)
        } else {
            let number = u32::try_from(self.series.len()).ok()?;
            let families = &mut self.families;
            let place = *self
                .by_name
                .entry(family.name.clone().into_owned())
                .or_insert_with(|| {
                    families.push(family.clone());
                    families.len() - 1
                });
            let labels = labels.iter();
            self.series.push(Series {
                family: place,
                labels: labels
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                    .collect(),
            });
            self.by_labels.insert(key.clone(), number);
            Some(number)
        };
        self.key = key;
        number
    }
}

impl Sink for Samples {
    fn sample(&mut self, family: &Family, labels: &[(&str, &str)], value: f64) {
        let Some(number) = self.number(family, labels) else {
            return;
        };
        self.held.push((number, self.step, value));
        self.written += 1;
    }
}

fn encode(step: u32, value: f64) -> [u8; RECORD] {
    let mut record = [0; RECORD];
    let (before, after) = record.split_at_mut(STEP);
    before.copy_from_slice(&step.to_le_bytes());
    after.copy_from_slice(&value.to_bits().to_le_bytes());
    record
}

fn decode(record: [u8; RECORD]) -> (u32, f64) {
    let (mut step, mut value) = ([0; STEP], [0; RECORD - STEP]);
    let (before, after) = record.split_at(STEP);
    step.copy_from_slice(before);
    value.copy_from_slice(after);
    (
        u32::from_le_bytes(step),
        f64::from_bits(u64::from_le_bytes(value)),
    )
}

/// The file as it is written.
struct SampleFile<'a, W> {
    out: &'a mut W,
    writer: Writer,
    family: Option<usize>,
    span: &'a Span,
    labels: &'a [(String, String)],
}

impl<W: Write> SampleFile<'_, W> {
    fn start(&mut self, place: usize, family: &Family) {
        if self.family != Some(place) {
            self.family = Some(place);
            self.writer.family(&Header::from(family));
        }
    }

    fn sample(&mut self, labels: &[(String, String)], step: u32, value: f64) -> io::Result<()> {
        let labels = self.labels.iter().chain(labels);
        let labels = labels.map(|(name, value)| (name.as_str(), value.as_str()));
        let at = Some(self.span.end(step.into()));
        self.writer.sample(Line::Value, labels, value, at);
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(self.writer.as_str().as_bytes())?;
        self.writer.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{
        super::span::{parse_instant, parse_step},
        *,
    };
    use crate::exposition::catalogue::{CREATED_TICKETS, RATE_TARGET_RATIO};

    #[test]
    fn records_read_back() {
        for (step, value) in [(0, 0.0), (u32::MAX, -0.1), (7, 1e300)] {
            assert_eq!(decode(encode(step, value)), (step, value));
        }
    }

    async fn cache(folder: &Path) -> Cache {
        let text = "helpscout: {app_id: a, app_secret: s}";
        let config = crate::config::parse(text, Path::new("test.yml"), &|_| None).unwrap();
        let cache = Cache::open(&folder.join("history.om.cache"), &config).await;
        let cache = cache.unwrap();
        cache.forget_samples().await.unwrap();
        cache
    }

    #[tokio::test]
    async fn series_come_one_after_the_other_and_each_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path()).await;
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let [from, to] = ["2025-01-01", "2025-01-03"].map(|date| parse_instant(date).unwrap());
        let span = Span::new(from, to, parse_step("1d").unwrap(), now).unwrap();
        let mut samples = Samples::new();
        for step in 0..3 {
            samples.begin(step);
            let created = |segment| [("segment", segment), ("window", "1d")];
            samples.sample(&CREATED_TICKETS, &created("all"), step as f64);
            if step > 0 {
                samples.sample(&CREATED_TICKETS, &created("a\"b"), 0.1);
            }
            let target = [
                ("population", "users"),
                ("window", "1d"),
                ("tickets", "created"),
            ];
            samples.sample(&RATE_TARGET_RATIO, &target, 0.05);
            samples.put(&cache).await.unwrap();
            if step == 1 {
                samples.put_all(&cache).await.unwrap();
            }
        }
        let extra = [("job".to_owned(), "x".to_owned())];
        let mut text = Vec::new();
        let written = samples
            .write(&cache, &mut text, &span, &extra)
            .await
            .unwrap();
        assert_eq!(
            written,
            Written {
                series: 3,
                samples: 8
            }
        );
        let text = String::from_utf8(text).unwrap();
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| !line.starts_with("# HELP"))
            .collect();
        assert_eq!(
            lines,
            [
                "# TYPE contact_created_tickets gauge",
                "# UNIT contact_created_tickets tickets",
                r#"contact_created_tickets{job="x",segment="all",window="1d"} 0 1735689600"#,
                r#"contact_created_tickets{job="x",segment="all",window="1d"} 1 1735776000"#,
                r#"contact_created_tickets{job="x",segment="all",window="1d"} 2 1735862400"#,
                r#"contact_created_tickets{job="x",segment="a\"b",window="1d"} 0.1 1735776000"#,
                r#"contact_created_tickets{job="x",segment="a\"b",window="1d"} 0.1 1735862400"#,
                "# TYPE contact_rate_target_ratio gauge",
                "# UNIT contact_rate_target_ratio ratio",
                r#"contact_rate_target_ratio{job="x",population="users",window="1d",tickets="created"} 0.05 1735689600"#,
                r#"contact_rate_target_ratio{job="x",population="users",window="1d",tickets="created"} 0.05 1735776000"#,
                r#"contact_rate_target_ratio{job="x",population="users",window="1d",tickets="created"} 0.05 1735862400"#,
                "# EOF",
            ]
        );
    }

    #[tokio::test]
    async fn memory_does_not_grow_with_the_history() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path()).await;
        let mut samples = Samples::new();
        let per_step = 100;
        let steps = 2_000;
        let names: Vec<String> = (0..per_step).map(|number| format!("s{number}")).collect();
        for step in 0..steps {
            samples.begin(step);
            for name in &names {
                let labels = [("segment", name.as_str()), ("window", "1d")];
                samples.sample(&CREATED_TICKETS, &labels, step as f64);
            }
            samples.put(&cache).await.unwrap();
            assert!(samples.held.len() < HELD);
        }
        let [from, to] = ["2020-01-01", "2025-12-31"].map(|date| parse_instant(date).unwrap());
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let span = Span::new(from, to, parse_step("1d").unwrap(), now).unwrap();
        let mut text = Vec::new();
        let written = samples.write(&cache, &mut text, &span, &[]).await.unwrap();
        assert_eq!(written.samples, 200_000);
        // Every sample once, series by series and step by step.
        let text = String::from_utf8(text).unwrap();
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        for name in &names {
            for step in 0..steps {
                let at = span.end(step).as_second();
                let expected = format!(
                    r#"contact_created_tickets{{segment="{name}",window="1d"}} {step} {at}"#
                );
                assert_eq!(lines.next(), Some(expected.as_str()));
            }
        }
        assert_eq!(lines.next(), None);
    }
}
