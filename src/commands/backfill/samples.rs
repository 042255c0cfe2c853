//! Samples on their way to the file.
//!
//! Steps come one after the other and bring samples of every series, while OpenMetrics wants
//! families, and series within them, one after the other. So samples are first put aside in a
//! nameless file of fixed records, and then read back a batch of series at a time: memory depends
//! on the number of series, never on the length of the history.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write},
    path::Path,
};

#[cfg(unix)]
use std::os::unix::fs::PermissionsExt as _;

use super::span::Span;
use crate::exposition::{
    Format,
    catalogue::Family,
    series::Sink,
    text::{Header, Line, Writer},
};

/// Samples that are sorted at a time: 16 bytes each.
const BATCH: u64 = 1 << 18;

/// A record: series (4 bytes), step (4 bytes), value (8 bytes).
const RECORD: usize = 16;

/// All samples of a span.
pub struct Samples {
    families: Vec<Family>,
    by_name: HashMap<String, usize>,
    series: Vec<Series>,
    /// By family and labels.
    by_labels: HashMap<String, u32>,
    aside: BufWriter<File>,
    step: u32,
    written: u64,
    /// A sink cannot fail; the first failure is told when a step ends.
    failure: Option<io::Error>,
    key: String,
}

struct Series {
    family: usize,
    labels: Vec<(String, String)>,
    samples: u64,
}

/// How much was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Series.
    pub series: usize,
    /// Samples.
    pub samples: u64,
}

impl Samples {
    /// No samples yet. They are put aside in `folder`, where the file is to be.
    pub fn new(folder: &Path) -> io::Result<Self> {
        Ok(Self {
            families: Vec::new(),
            by_name: HashMap::new(),
            series: Vec::new(),
            by_labels: HashMap::new(),
            aside: BufWriter::new(tempfile::tempfile_in(folder)?),
            step: 0,
            written: 0,
            failure: None,
            key: String::new(),
        })
    }

    /// Begins the step at `index`.
    pub fn begin(&mut self, index: i64) {
        self.step = u32::try_from(index).unwrap_or(u32::MAX);
    }

    /// Tells whether everything could be put aside so far.
    pub fn check(&mut self) -> io::Result<()> {
        self.failure.take().map_or(Ok(()), Err)
    }

    /// Writes the file at `path`, whole or not at all: beside it first, then renamed. `labels` are
    /// added to every sample.
    pub fn write(
        mut self,
        path: &Path,
        span: &Span,
        labels: &[(String, String)],
    ) -> io::Result<Written> {
        self.check()?;
        self.aside.flush()?;
        let folder = folder_of(path);
        let mut file = tempfile::Builder::new();
        file.prefix(".backfill-").suffix(".om");
        // What the process' mask lets through, as for any other file.
        #[cfg(unix)]
        file.permissions(fs::Permissions::from_mode(0o666));
        let file = file.tempfile_in(folder)?;
        let mut page = Page {
            out: BufWriter::new(file.as_file()),
            writer: Writer::new(Format::OpenMetrics),
            family: None,
            span,
            labels,
        };
        // Families in the order of their first sample, and so are their series.
        let mut order: Vec<usize> = (0..self.series.len()).collect();
        order.sort_by_key(|index| self.series.get(*index).map(|series| series.family));
        let mut rest = order.as_slice();
        while !rest.is_empty() {
            let mut sum = 0;
            let fitting = rest
                .iter()
                .take_while(|index| {
                    sum += self.series.get(**index).map_or(0, |series| series.samples);
                    sum <= BATCH
                })
                .count();
            let (batch, later) = rest.split_at(fitting.max(1));
            self.write_batch(batch, &mut page)?;
            rest = later;
        }
        page.writer.end();
        page.flush()?;
        page.out.flush()?;
        drop(page);
        file.as_file().sync_all()?;
        file.persist(path)?;
        File::open(folder)?.sync_all()?;
        Ok(Written {
            series: self.series.len(),
            samples: self.written,
        })
    }

    fn write_batch(&self, batch: &[usize], page: &mut Page<'_>) -> io::Result<()> {
        let mut columns: HashMap<u32, Vec<(u32, f64)>> = batch
            .iter()
            .filter_map(|index| u32::try_from(*index).ok())
            .map(|index| (index, Vec::new()))
            .collect();
        let mut aside: &File = self.aside.get_ref();
        aside.seek(SeekFrom::Start(0))?;
        let mut aside = BufReader::with_capacity(1 << 16, aside);
        let mut record = [0; RECORD];
        for _ in 0..self.written {
            aside.read_exact(&mut record)?;
            let (series, step, value) = decode(record);
            if let Some(column) = columns.get_mut(&series) {
                column.push((step, value));
            }
        }
        for index in batch {
            let series = self.series.get(*index);
            let column = u32::try_from(*index)
                .ok()
                .and_then(|index| columns.remove(&index));
            let (Some(series), Some(column)) = (series, column) else {
                continue;
            };
            if let Some(family) = self.families.get(series.family) {
                page.start(series.family, family);
            }
            for (step, value) in column {
                page.sample(&series.labels, step, value)?;
            }
        }
        Ok(())
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
                samples: 0,
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
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        if let Some(series) = self.series.get_mut(index) {
            series.samples += 1;
        }
        match self.aside.write_all(&encode(number, self.step, value)) {
            Ok(()) => self.written += 1,
            Err(error) => {
                self.failure.get_or_insert(error);
            }
        }
    }
}

fn encode(series: u32, step: u32, value: f64) -> [u8; RECORD] {
    (u128::from(series) | u128::from(step) << 32 | u128::from(value.to_bits()) << 64).to_le_bytes()
}

#[expect(clippy::cast_possible_truncation, reason = "each part is cut out")]
fn decode(record: [u8; RECORD]) -> (u32, u32, f64) {
    let bits = u128::from_le_bytes(record);
    (
        bits as u32,
        (bits >> 32) as u32,
        f64::from_bits((bits >> 64) as u64),
    )
}

/// The folder of a file that may be named without one.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// The file as it is written.
struct Page<'a> {
    out: BufWriter<&'a File>,
    writer: Writer,
    family: Option<usize>,
    span: &'a Span,
    labels: &'a [(String, String)],
}

impl Page<'_> {
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
    use super::{
        super::span::{parse_instant, parse_step},
        *,
    };
    use crate::exposition::catalogue::{CREATED_TICKETS, RATE_TARGET_RATIO};

    #[test]
    fn records_read_back() {
        for (series, step, value) in [(0, 0, 0.0), (1, u32::MAX, -0.1), (u32::MAX, 7, 1e300)] {
            let read = decode(encode(series, step, value));
            assert_eq!(read, (series, step, value));
        }
    }

    #[test]
    fn series_come_one_after_the_other_and_each_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.om");
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let [from, to] = ["2025-01-01", "2025-01-03"].map(|date| parse_instant(date).unwrap());
        let span = Span::new(from, to, parse_step("1d").unwrap(), now).unwrap();
        let mut samples = Samples::new(folder.path()).unwrap();
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
            samples.check().unwrap();
        }
        let extra = [("job".to_owned(), "x".to_owned())];
        let written = samples.write(&path, &span, &extra).unwrap();
        assert_eq!(
            written,
            Written {
                series: 3,
                samples: 8
            }
        );
        let text = fs::read_to_string(&path).unwrap();
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
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing left beside it"
        );
    }
}
