//! Answers already had: in memory as far as steps look back, and all of them on disk.
//!
//! What a step may look back to is held in spans of some weeks, each read when it is first asked for
//! and forgotten when no step looks back to it any more, so that memory does not grow with the
//! history.

mod answer;
mod definition;
mod error;
mod file;

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use tokio::sync::Mutex;

use self::file::{CacheFile, Kept};
use crate::{
    config::Config,
    domain::{ContactCounts, DAY_SECONDS, Interval, Ratings},
};

pub use self::{
    answer::{Key, Kind, Value},
    error::CacheError,
    file::Piece,
};

/// Seconds of which answers are read and forgotten together.
const SPAN: i64 = 32 * DAY_SECONDS;

/// The name of the file in a folder that was asked for.
const FILE: &str = "backfill.cache";

/// The file of the cache: in `folder` where there is one, else `history.om.cache` beside `history.om`.
pub fn path(folder: Option<&Path>, output: &Path) -> PathBuf {
    if let Some(folder) = folder {
        return folder.join(FILE);
    }
    let mut path = output.as_os_str().to_owned();
    path.push(".cache");
    path.into()
}

/// The answers.
pub struct Cache {
    segments: Vec<String>,
    populations: Vec<String>,
    state: Mutex<State>,
}

struct State {
    file: CacheFile,
    /// By the number of the span in which their intervals ended.
    spans: BTreeMap<i64, HashMap<Key, Value>>,
}

impl Cache {
    /// Opens or makes the cache at `path` for what `config` counts, for this run alone.
    pub async fn open(path: &Path, config: &Config) -> Result<Self, CacheError> {
        if let Some(folder) = path.parent().filter(|folder| *folder != Path::new("")) {
            fs::create_dir_all(folder).map_err(|source| CacheError::Folder {
                path: folder.to_owned(),
                source,
            })?;
        }
        let file = CacheFile::open(path, &definition::definition(config)).await?;
        Ok(Self::new(config, file))
    }

    /// Looks at the cache at `path`; makes none where there is none.
    pub async fn look(path: &Path, config: &Config) -> Result<Self, CacheError> {
        let file = CacheFile::look(path, &definition::definition(config)).await?;
        Ok(Self::new(config, file))
    }

    fn new(config: &Config, file: CacheFile) -> Self {
        let segments = config.segments.iter();
        let populations = config.populations.iter();
        Self {
            segments: segments.map(|segment| segment.name.clone()).collect(),
            populations: populations
                .map(|population| population.name.clone())
                .collect(),
            state: Mutex::new(State {
                file,
                spans: BTreeMap::new(),
            }),
        }
    }

    /// Whether all of these answers are here.
    pub async fn has_all(&self, keys: &[Key]) -> Result<bool, CacheError> {
        for key in keys {
            if self.get(*key).await?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The answer, if it is here.
    pub async fn get(&self, key: Key) -> Result<Option<Value>, CacheError> {
        let mut state = self.state.lock().await;
        let span = span_of(key.interval.end);
        if !state.spans.contains_key(&span) {
            let kept = state.file.answers(span * SPAN, (span + 1) * SPAN).await?;
            let answers = kept.iter().filter_map(|kept| self.read(kept)).collect();
            state.spans.insert(span, answers);
        }
        Ok(state
            .spans
            .get(&span)
            .and_then(|answers| answers.get(&key))
            .cloned())
    }

    /// Counts of a segment.
    pub async fn counts(
        &self,
        segment: usize,
        interval: Interval,
    ) -> Result<Option<ContactCounts>, CacheError> {
        let key = Key {
            kind: Kind::Counts,
            subject: segment,
            interval,
        };
        Ok(match self.get(key).await? {
            Some(Value::Counts(counts)) => Some(counts),
            _ => None,
        })
    }

    /// Ratings of a segment.
    pub async fn ratings(
        &self,
        segment: usize,
        interval: Interval,
    ) -> Result<Option<Ratings>, CacheError> {
        let key = Key {
            kind: Kind::Ratings,
            subject: segment,
            interval,
        };
        Ok(match self.get(key).await? {
            Some(Value::Ratings(ratings)) => Some(ratings),
            _ => None,
        })
    }

    /// One count of a segment: `None` where it was not asked, `Some(None)` where the answer does not
    /// say.
    pub async fn count(
        &self,
        kind: Kind,
        segment: usize,
        interval: Interval,
    ) -> Result<Option<Option<u64>>, CacheError> {
        let key = Key {
            kind,
            subject: segment,
            interval,
        };
        Ok(match self.get(key).await? {
            Some(Value::Count(count)) => Some(count),
            _ => None,
        })
    }

    /// A population.
    pub async fn population(
        &self,
        population: usize,
        interval: Interval,
    ) -> Result<Option<f64>, CacheError> {
        let key = Key {
            kind: Kind::Population,
            subject: population,
            interval,
        };
        Ok(match self.get(key).await? {
            Some(Value::Population(value)) => Some(value),
            _ => None,
        })
    }

    /// Keeps what one call answered: on disk at once and all of it or nothing, so that no kill tears
    /// it.
    pub async fn keep(&self, answers: Vec<(Key, Value)>) -> Result<(), CacheError> {
        let written: Vec<Kept> = answers
            .iter()
            .filter_map(|(key, value)| self.write(*key, value))
            .collect();
        let mut state = self.state.lock().await;
        state.file.keep(&written).await?;
        for (key, value) in answers {
            if let Some(span) = state.spans.get_mut(&span_of(key.interval.end)) {
                span.insert(key, value);
            }
        }
        Ok(())
    }

    /// Forgets, in memory only, what ended long before `instant`.
    pub async fn forget_before(&self, instant: Timestamp) {
        let first = span_of(instant);
        let mut state = self.state.lock().await;
        state.spans.retain(|span, _| *span >= first);
    }

    /// Forgets all samples.
    pub async fn forget_samples(&self) -> Result<(), CacheError> {
        self.state.lock().await.file.forget_samples().await
    }

    /// Puts samples aside.
    pub async fn put(&self, pieces: &[Piece]) -> Result<(), CacheError> {
        self.state.lock().await.file.put(pieces).await
    }

    /// The first piece of a series that begins at `step` or later.
    pub async fn piece(&self, series: u32, step: u32) -> Result<Option<Piece>, CacheError> {
        self.state.lock().await.file.piece(series, step).await
    }

    /// Lets go of the file.
    pub async fn close(self) {
        self.state.into_inner().file.close().await;
    }

    fn write(&self, key: Key, value: &Value) -> Option<Kept> {
        let names = self.names(key.kind);
        Some(Kept {
            ended: key.interval.end.as_second(),
            began: key.interval.start.as_second(),
            kind: key.kind.name().to_owned(),
            subject: names.get(key.subject)?.clone(),
            value: value.to_json()?,
        })
    }

    /// What is kept, as a key and a value of this configuration; `None` for what is neither.
    fn read(&self, kept: &Kept) -> Option<(Key, Value)> {
        let kind = Kind::of(&kept.kind)?;
        let mut names = self.names(kind).iter();
        let key = Key {
            kind,
            subject: names.position(|name| *name == kept.subject)?,
            interval: Interval {
                start: Timestamp::from_second(kept.began).ok()?,
                end: Timestamp::from_second(kept.ended).ok()?,
            },
        };
        Some((key, Value::from_json(kind, &kept.value)?))
    }

    const fn names(&self, kind: Kind) -> &Vec<String> {
        match kind {
            Kind::Population => &self.populations,
            _ => &self.segments,
        }
    }
}

fn span_of(instant: Timestamp) -> i64 {
    instant.as_second().div_euclid(SPAN)
}

#[cfg(test)]
mod tests;
