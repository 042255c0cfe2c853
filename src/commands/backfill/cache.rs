//! Answers already had: in memory as far as steps look back, and all of them on disk.
//!
//! One file of JSON lines for each month in which intervals end, appended to as answers come in. A
//! line that a kill tore is as good as none. A month is read when it is first asked for and
//! forgotten when no step looks back to it any more, so that memory does not grow with the history.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File, TryLockError},
    io::{self, BufRead as _, BufReader, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{
    definition,
    entry::{Key, Kind, Line, Value},
};
use crate::{
    config::Config,
    domain::{ContactCounts, Interval, Ratings},
};
use jiff::{Timestamp, tz::Offset};

/// The file that one run at a time holds.
const LOCK: &str = "lock";

/// The cache cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// It cannot be read or written.
    #[error("cannot use the cache {}", path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another run has it.
    #[error("the cache {} is in use by another run", .0.display())]
    InUse(PathBuf),
    /// Its answers are to other questions.
    #[error(
        "the cache {} was made {what}: its answers do not fit. Give another --cache-dir, or remove it to \
         read everything again", folder.display()
    )]
    Foreign {
        /// Which.
        folder: PathBuf,
        /// By what it differs.
        what: &'static str,
    },
}

/// Year and month.
type Month = (i16, i8);

#[derive(Default)]
struct Shard {
    values: HashMap<Key, Value>,
    /// Open for appending, once something was.
    file: Option<File>,
}

/// The answers.
pub struct Cache {
    folder: PathBuf,
    segments: Vec<String>,
    populations: Vec<String>,
    months: Mutex<BTreeMap<Month, Shard>>,
    /// Held until the end. `None` where nothing is written.
    _lock: Option<File>,
}

impl Cache {
    /// Opens or makes the cache in `folder` for what `config` counts, for this run alone.
    pub fn open(folder: &Path, config: &Config) -> Result<Self, CacheError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| CacheError::Io { path, source }
        };
        fs::create_dir_all(folder).map_err(failed(folder))?;
        let path = folder.join(LOCK);
        let lock = File::create(&path).map_err(failed(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(CacheError::InUse(folder.to_owned())),
            Err(TryLockError::Error(source)) => return Err(failed(&path)(source)),
        }
        if !definition::fits(folder, config)? {
            definition::write(folder, config)?;
        }
        Ok(Self::new(folder, config, Some(lock)))
    }

    /// Looks at the cache in `folder`, if there is one, without a trace.
    pub fn look(folder: &Path, config: &Config) -> Result<Self, CacheError> {
        definition::fits(folder, config)?;
        Ok(Self::new(folder, config, None))
    }

    fn new(folder: &Path, config: &Config, lock: Option<File>) -> Self {
        let segments = config.segments.iter();
        let populations = config.populations.iter();
        Self {
            folder: folder.to_owned(),
            segments: segments.map(|segment| segment.name.clone()).collect(),
            populations: populations
                .map(|population| population.name.clone())
                .collect(),
            months: Mutex::default(),
            _lock: lock,
        }
    }

    /// Whether the answer is here.
    pub fn has(&self, key: Key) -> Result<bool, CacheError> {
        self.with(key, |value| value.is_some())
    }

    /// Counts of a segment.
    pub fn counts(
        &self,
        segment: usize,
        interval: Interval,
    ) -> Result<Option<ContactCounts>, CacheError> {
        let key = Key {
            kind: Kind::Counts,
            subject: segment,
            interval,
        };
        self.with(key, |value| match value {
            Some(Value::Counts(counts)) => Some(counts.clone()),
            _ => None,
        })
    }

    /// Ratings of a segment.
    pub fn ratings(
        &self,
        segment: usize,
        interval: Interval,
    ) -> Result<Option<Ratings>, CacheError> {
        let key = Key {
            kind: Kind::Ratings,
            subject: segment,
            interval,
        };
        self.with(key, |value| match value {
            Some(Value::Ratings(ratings)) => Some(*ratings),
            _ => None,
        })
    }

    /// One count of a segment.
    pub fn count(
        &self,
        kind: Kind,
        segment: usize,
        interval: Interval,
    ) -> Result<Option<u64>, CacheError> {
        let key = Key {
            kind,
            subject: segment,
            interval,
        };
        self.with(key, |value| match value {
            Some(Value::Count(count)) => Some(*count),
            _ => None,
        })
    }

    /// A population.
    pub fn population(
        &self,
        population: usize,
        interval: Interval,
    ) -> Result<Option<f64>, CacheError> {
        let key = Key {
            kind: Kind::Population,
            subject: population,
            interval,
        };
        self.with(key, |value| match value {
            Some(Value::Population(value)) => Some(*value),
            _ => None,
        })
    }

    fn with<T>(&self, key: Key, read: impl FnOnce(Option<&Value>) -> T) -> Result<T, CacheError> {
        let mut months = self.months();
        let shard = self.shard(&mut months, month(key.interval.end))?;
        Ok(read(shard.values.get(&key)))
    }

    /// Keeps an answer: on disk at once, so that no kill loses it.
    pub fn keep(&self, key: Key, value: Value) -> Result<(), CacheError> {
        let month = month(key.interval.end);
        let path = self.path(month);
        let mut months = self.months();
        let shard = self.shard(&mut months, month)?;
        let name = match key.kind {
            Kind::Population => self.populations.get(key.subject),
            _ => self.segments.get(key.subject),
        };
        if let Some(line) = name.and_then(|name| Line::new(key, name, &value)) {
            append(shard, &path, &line).map_err(|source| CacheError::Io { path, source })?;
        }
        shard.values.insert(key, value);
        Ok(())
    }

    /// Forgets, in memory only, the months that ended before `instant`.
    pub fn forget_before(&self, instant: Timestamp) {
        let first = month(instant);
        self.months().retain(|month, _| *month >= first);
    }

    fn shard<'a>(
        &self,
        months: &'a mut BTreeMap<Month, Shard>,
        month: Month,
    ) -> Result<&'a mut Shard, CacheError> {
        match months.entry(month) {
            std::collections::btree_map::Entry::Occupied(entry) => Ok(entry.into_mut()),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let path = self.path(month);
                let values = self
                    .load(&path)
                    .map_err(|source| CacheError::Io { path, source })?;
                Ok(entry.insert(Shard { values, file: None }))
            }
        }
    }

    fn load(&self, path: &Path) -> io::Result<HashMap<Key, Value>> {
        let mut values = HashMap::new();
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(values),
            Err(error) => return Err(error),
        };
        for line in BufReader::new(file).split(b'\n') {
            let line = line?;
            let Ok(line) = serde_json::from_slice::<Line>(&line) else {
                continue;
            };
            let names = match line.kind {
                Kind::Population => &self.populations,
                _ => &self.segments,
            };
            let subject = names.iter().position(|name| *name == *line.of);
            if let (Some(subject), Some(value)) = (subject, line.value()) {
                let key = Key {
                    kind: line.kind,
                    subject,
                    interval: line.interval(),
                };
                values.insert(key, value);
            }
        }
        Ok(values)
    }

    fn path(&self, (year, month): Month) -> PathBuf {
        self.folder.join(format!("{year:04}-{month:02}.jsonl"))
    }

    /// No code panics while it holds this lock; if it did, what it guards would still be sound.
    fn months(&self) -> MutexGuard<'_, BTreeMap<Month, Shard>> {
        self.months.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes a line in one piece. A torn line before it is ended first.
fn append(shard: &mut Shard, path: &Path, line: &Line<'_>) -> io::Result<()> {
    let mut text = Vec::new();
    let file = if let Some(file) = &mut shard.file {
        file
    } else {
        let mut file = File::options()
            .read(true)
            .append(true)
            .create(true)
            .open(path)?;
        if file.seek(SeekFrom::End(0))? > 0 {
            file.seek(SeekFrom::End(-1))?;
            let mut last = [0];
            io::Read::read_exact(&mut file, &mut last)?;
            if last != *b"\n" {
                text.push(b'\n');
            }
        }
        shard.file.insert(file)
    };
    serde_json::to_writer(&mut text, line)?;
    text.push(b'\n');
    file.write_all(&text)
}

fn month(instant: Timestamp) -> Month {
    let date = Offset::UTC.to_datetime(instant).date();
    (date.year(), date.month())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(windows: &str, app_id: &str) -> Config {
        let text = format!(
            "windows: [{windows}]\nhelpscout: {{app_id: {app_id}, app_secret: s}}\nsegments: [{{name: bug, tags: [bug]}}]\n"
        );
        crate::config::parse(&text, Path::new("test.yml"), &|_| None).unwrap()
    }

    fn day(end: &str) -> Interval {
        Interval::ending_at(end.parse().unwrap(), 86_400)
    }

    fn created(segment: usize, end: &str) -> Key {
        Key {
            kind: Kind::Created,
            subject: segment,
            interval: day(end),
        }
    }

    const JANUARY: &str = "2025-01-31T00:00:00Z";
    const FEBRUARY: &str = "2025-02-01T00:00:00Z";

    #[test]
    fn answers_outlast_the_run_and_a_torn_line_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("cache");
        let config = config("1d", "a");
        {
            let cache = Cache::open(&folder, &config).unwrap();
            cache.keep(created(0, JANUARY), Value::Count(5)).unwrap();
            cache.keep(created(1, JANUARY), Value::Count(6)).unwrap();
            cache.keep(created(1, FEBRUARY), Value::Count(7)).unwrap();
            let busy = Cache::open(&folder, &config).err().unwrap();
            assert!(matches!(busy, CacheError::InUse(_)), "{busy}");
        }
        // A kill in the middle of a line.
        let path = folder.join("2025-01.jsonl");
        let text = fs::read(&path).unwrap();
        fs::write(&path, &text[..text.len() - 9]).unwrap();
        {
            let cache = Cache::open(&folder, &config).unwrap();
            assert_eq!(
                cache.count(Kind::Created, 0, day(JANUARY)).unwrap(),
                Some(5)
            );
            assert_eq!(cache.count(Kind::Created, 1, day(JANUARY)).unwrap(), None);
            assert!(cache.has(created(1, FEBRUARY)).unwrap());
            cache.keep(created(1, JANUARY), Value::Count(8)).unwrap();
        }
        let cache = Cache::look(&folder, &config).unwrap();
        assert_eq!(
            cache.count(Kind::Created, 0, day(JANUARY)).unwrap(),
            Some(5)
        );
        assert_eq!(
            cache.count(Kind::Created, 1, day(JANUARY)).unwrap(),
            Some(8)
        );
    }

    #[test]
    fn memory_holds_only_what_is_looked_back_to() {
        let folder = tempfile::tempdir().unwrap();
        let config = config("1d", "a");
        let cache = Cache::open(folder.path(), &config).unwrap();
        for end in [JANUARY, FEBRUARY] {
            cache.keep(created(0, end), Value::Count(1)).unwrap();
        }
        cache.forget_before(FEBRUARY.parse().unwrap());
        assert_eq!(cache.months().len(), 1);
        assert!(cache.has(created(0, JANUARY)).unwrap(), "read again");
        assert_eq!(cache.months().len(), 2);
    }

    #[test]
    fn answers_to_other_questions_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |config: &Config| {
            let opened = Cache::open(folder.path(), config)
                .err()
                .unwrap()
                .to_string();
            let looked = Cache::look(folder.path(), config)
                .err()
                .unwrap()
                .to_string();
            assert_eq!(opened, looked);
            opened
        };
        Cache::open(folder.path(), &config("1d", "a")).unwrap();
        assert!(refused(&config("1d, 7d", "a")).contains("another definition"));
        assert!(refused(&config("1d", "b")).contains("another Help Scout app"));
        fs::write(folder.path().join(definition::FILE), "{}").unwrap();
        assert!(refused(&config("1d", "a")).contains("another version"));
    }

    #[test]
    fn looking_leaves_no_trace() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("none");
        let cache = Cache::look(&folder, &config("1d", "a")).unwrap();
        assert!(!cache.has(created(0, JANUARY)).unwrap());
        assert!(!folder.exists());
    }
}
