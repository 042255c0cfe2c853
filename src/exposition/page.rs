//! The finished bodies of `/metrics`.
//!
//! A body has two parts. The first shows the snapshot and is rendered once for each snapshot, format
//! and encoding that somebody asked for. The second shows the registry, is brought up to date at
//! most once a second, and only when somebody asks. A scrape within that second clones four
//! reference counts.

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use bytes::Bytes;
use jiff::Timestamp;
use prometheus::{Registry, proto::MetricFamily};

use super::{
    gathered,
    head::{Encoding, Head},
    landing,
    text::{Format, Writer},
};
use crate::snapshot::Snapshot;

/// For how long a registry's numbers are handed out before they are gathered again.
const GATHERED_FOR: Duration = Duration::from_secs(1);

/// A body of `/metrics`. Cloning copies no text.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// The body is the first part followed by the second.
    pub parts: [Bytes; 2],
    /// Its format.
    pub format: Format,
    /// How it is packed.
    pub encoding: Encoding,
}

/// What `/metrics` and the landing page show: the last published snapshot and a registry.
pub struct Exposition {
    registry: Registry,
    view: ArcSwap<View>,
    /// Held while `view` is replaced.
    replacing: Mutex<()>,
    /// Asked for since the last publication.
    wanted: Bodies<AtomicBool>,
}

/// One of each kind of body.
#[derive(Default)]
struct Bodies<T> {
    text: T,
    text_gzip: T,
    open_metrics: T,
    open_metrics_gzip: T,
}

impl<T> Bodies<T> {
    fn get(&self, format: Format, encoding: Encoding) -> &T {
        match (format, encoding) {
            (Format::Text, Encoding::Identity) => &self.text,
            (Format::Text, Encoding::Gzip) => &self.text_gzip,
            (Format::OpenMetrics, Encoding::Identity) => &self.open_metrics,
            (Format::OpenMetrics, Encoding::Gzip) => &self.open_metrics_gzip,
        }
    }
}

/// A published snapshot with the first parts of its bodies.
struct Published {
    snapshot: Arc<Snapshot>,
    heads: Bodies<OnceLock<Head>>,
}

/// What is handed out at present.
struct View {
    published: Arc<Published>,
    /// `None`: nothing gathered yet for this snapshot.
    fresh_until: Option<Instant>,
    families: Vec<MetricFamily>,
    pages: Bodies<OnceLock<Rendered>>,
}

impl Exposition {
    /// Shows `registry` and `snapshot`, the latter until another is published. The registry must
    /// hold no family that a snapshot shows.
    pub fn new(registry: Registry, snapshot: Arc<Snapshot>) -> Self {
        let published = Arc::new(Published::new(snapshot));
        Self {
            registry,
            view: ArcSwap::from_pointee(View::stale(published)),
            replacing: Mutex::new(()),
            wanted: Bodies::default(),
        }
    }

    /// Shows `snapshot` from now on.
    ///
    /// Renders the bodies that were asked for since the last publication, so that no scrape waits
    /// for them: about a millisecond per 1 000 series and body. With very many series, call it where
    /// blocking is allowed.
    pub fn publish(&self, snapshot: Arc<Snapshot>) {
        let published = Arc::new(Published::new(snapshot));
        for format in Format::ALL {
            for encoding in Encoding::ALL {
                let wanted = self.wanted.get(format, encoding);
                if wanted.swap(false, Ordering::Relaxed) {
                    published.head(format, encoding);
                }
            }
        }
        let _replacing = self.lock();
        self.view.store(Arc::new(View::stale(published)));
    }

    /// The last published snapshot.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.view.load().published.snapshot)
    }

    /// Whether [`Exposition::page`] need not render the snapshot first.
    pub fn is_prepared(&self, format: Format, encoding: Encoding) -> bool {
        let view = self.view.load();
        let head = view.published.heads.get(format, encoding);
        head.get().is_some()
    }

    /// The body of `/metrics` now.
    pub fn page(&self, format: Format, encoding: Encoding) -> Rendered {
        self.page_at(Instant::now(), format, encoding)
    }

    fn page_at(&self, now: Instant, format: Format, encoding: Encoding) -> Rendered {
        {
            let view = self.view.load();
            if view.is_fresh(now)
                && let Some(page) = view.pages.get(format, encoding).get()
            {
                return page.clone();
            }
        }
        let wanted = self.wanted.get(format, encoding);
        wanted.store(true, Ordering::Relaxed);
        self.fresh_view(now).page(format, encoding)
    }

    /// The landing page, in HTML, as of `now`.
    pub fn landing(&self, now: Timestamp, metrics: &str) -> String {
        landing::render(&self.snapshot(), now, metrics)
    }

    /// Gathers the registry unless that was done within the last second.
    fn fresh_view(&self, now: Instant) -> Arc<View> {
        let _replacing = self.lock();
        let view = self.view.load_full();
        if view.is_fresh(now) {
            return view;
        }
        let view = Arc::new(View {
            published: Arc::clone(&view.published),
            fresh_until: Some(now + GATHERED_FOR),
            families: self.registry.gather(),
            pages: Bodies::default(),
        });
        self.view.store(Arc::clone(&view));
        view
    }

    fn lock(&self) -> impl Drop + '_ {
        // There is nothing that a panic could leave half done.
        self.replacing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl View {
    fn stale(published: Arc<Published>) -> Self {
        Self {
            published,
            fresh_until: None,
            families: Vec::new(),
            pages: Bodies::default(),
        }
    }

    fn is_fresh(&self, now: Instant) -> bool {
        self.fresh_until.is_some_and(|until| now < until)
    }

    fn page(&self, format: Format, encoding: Encoding) -> Rendered {
        let page = self.pages.get(format, encoding).get_or_init(|| {
            let mut writer = Writer::new(format);
            gathered::write(&mut writer, &self.families);
            writer.end();
            let tail = writer.into_string();
            let parts = self.published.head(format, encoding).join(tail);
            Rendered {
                parts,
                format,
                encoding,
            }
        });
        page.clone()
    }
}

impl Published {
    fn new(snapshot: Arc<Snapshot>) -> Self {
        Self {
            snapshot,
            heads: Bodies::default(),
        }
    }

    fn head(&self, format: Format, encoding: Encoding) -> &Head {
        self.heads
            .get(format, encoding)
            .get_or_init(|| Head::render(&self.snapshot, format, encoding))
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use prometheus::{IntCounter, core::Collector, core::Desc};

    use super::*;
    use crate::snapshot::Frame;

    const TEXT: (Format, Encoding) = (Format::Text, Encoding::Identity);

    fn snapshot(second: i64) -> Arc<Snapshot> {
        Arc::new(Snapshot {
            frame: Arc::new(Frame {
                segments: Vec::new(),
                windows: Vec::new(),
                populations: Vec::new(),
                targets: Vec::new(),
            }),
            window_end: Some(Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second)),
            segments: Vec::new(),
            populations: Vec::new(),
            rates: Vec::new(),
            help_center: Vec::new(),
            sources: Vec::new(),
            found: Vec::new(),
        })
    }

    /// A counter that tells how often it was gathered.
    struct Gathered(IntCounter);

    impl Collector for Gathered {
        fn desc(&self) -> Vec<&Desc> {
            self.0.desc()
        }

        fn collect(&self) -> Vec<MetricFamily> {
            self.0.inc();
            self.0.collect()
        }
    }

    fn exposition() -> Exposition {
        let registry = Registry::new();
        let counter = IntCounter::new("contact_gathered_total", "Times.").unwrap();
        registry.register(Box::new(Gathered(counter))).unwrap();
        Exposition::new(registry, snapshot(60))
    }

    fn text(exposition: &Exposition, now: Instant) -> String {
        let page = exposition.page_at(now, TEXT.0, TEXT.1);
        String::from_utf8(page.parts.concat()).unwrap()
    }

    #[test]
    fn the_registry_is_gathered_once_a_second() {
        let exposition = exposition();
        let start = Instant::now();
        for (milliseconds, times) in [(0, 1), (1, 1), (999, 1), (1000, 2), (1999, 2), (60_000, 3)] {
            let now = start + Duration::from_millis(milliseconds);
            let text = text(&exposition, now);
            assert!(
                text.ends_with(&format!("contact_gathered_total {times}\n")),
                "after {milliseconds} ms: {text}"
            );
        }
    }

    #[test]
    fn nothing_is_gathered_unasked() {
        let exposition = exposition();
        for second in 0..3 {
            exposition.publish(snapshot(second));
        }
        assert!(text(&exposition, Instant::now()).ends_with(" 1\n"));
    }

    #[test]
    fn scrapes_of_one_second_share_their_bytes() {
        let exposition = exposition();
        let start = Instant::now();
        for format in Format::ALL {
            for encoding in Encoding::ALL {
                let at = |milliseconds| {
                    let now = start + Duration::from_millis(milliseconds);
                    exposition.page_at(now, format, encoding).parts
                };
                let [first, second] = at(0);
                assert_eq!(
                    at(999).map(|part| part.as_ptr()),
                    [first.as_ptr(), second.as_ptr()]
                );
                let [later, _] = at(1000);
                assert_eq!(
                    later.as_ptr(),
                    first.as_ptr(),
                    "the snapshot is rendered once"
                );
            }
        }
    }

    #[test]
    fn a_published_snapshot_is_shown_at_once() {
        let exposition = exposition();
        let now = Instant::now();
        assert!(text(&exposition, now).contains("contact_window_end_timestamp_seconds 60\n"));
        exposition.publish(snapshot(120));
        assert!(text(&exposition, now).contains("contact_window_end_timestamp_seconds 120\n"));
        assert_eq!(exposition.snapshot(), snapshot(120));
    }

    #[test]
    fn bodies_that_are_asked_for_are_prepared() {
        let exposition = exposition();
        let prepared = |exposition: &Exposition| {
            Format::ALL.map(|format| {
                Encoding::ALL.map(|encoding| exposition.is_prepared(format, encoding))
            })
        };
        assert_eq!(prepared(&exposition), [[false; 2]; 2]);
        exposition.page(Format::OpenMetrics, Encoding::Gzip);
        assert_eq!(prepared(&exposition), [[false; 2], [false, true]]);
        exposition.publish(snapshot(120));
        assert_eq!(prepared(&exposition), [[false; 2], [false, true]]);
        exposition.publish(snapshot(180));
        assert_eq!(
            prepared(&exposition),
            [[false; 2]; 2],
            "nobody asked meanwhile"
        );
    }

    #[test]
    fn an_old_snapshot_is_let_go() {
        let exposition = exposition();
        let old = snapshot(120);
        exposition.publish(Arc::clone(&old));
        exposition.page(Format::Text, Encoding::Gzip);
        exposition.publish(snapshot(180));
        assert_eq!(Arc::strong_count(&old), 1);
    }
}
