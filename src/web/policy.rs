//! Who may ask, over what, and how often: the web config in force, and its replacement.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::{ArcSwap, Guard};
use hyper::header::{HeaderName, HeaderValue};
use tokio::time::{Duration, Instant, interval};
use tokio_util::sync::CancellationToken;

use super::{
    rate::Bucket,
    settings::{self, Error, Fingerprint, Settings, Tls},
    users::Users,
};
use crate::chain::chain;

/// Between two looks at the files. A look costs a few system calls; unlike notices of the system it
/// also sees what changes on a network's file system, and behind the links that Kubernetes mounts.
const LOOK: Duration = Duration::from_secs(1);

/// Files that still change are waited for, so that a certificate is not read without its key; no
/// longer than this.
const SETTLE: Duration = Duration::from_secs(3);

/// The rules in force.
pub struct Policy {
    /// `None`: plain HTTP.
    pub tls: Option<Tls>,
    /// Headers of every answer.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// `None`: everybody may ask.
    pub users: Option<Users>,
    /// `None`: as often as they like.
    pub bucket: Option<Arc<Bucket>>,
    /// Cancelled when connections under these rules should end.
    pub retired: Arc<CancellationToken>,
    is_empty: bool,
}

impl Policy {
    fn open() -> Self {
        Self {
            tls: None,
            headers: Vec::new(),
            users: None,
            bucket: None,
            retired: Arc::default(),
            is_empty: true,
        }
    }

    /// The rules of `settings`; of `predecessor` goes on what has not changed.
    fn new(settings: Settings, predecessor: &Self) -> Result<Self, Error> {
        let digest = |tls: &Option<Tls>| tls.as_ref().map(|tls| tls.digest);
        let same_tls = digest(&settings.tls) == digest(&predecessor.tls);
        let bucket = settings.rate_limit.map(|limit| {
            let same = predecessor.bucket.as_ref();
            let same = same.filter(|bucket| bucket.limit() == limit);
            same.map_or_else(|| Arc::new(Bucket::new(limit)), Arc::clone)
        });
        Ok(Self {
            // The same one keeps the sessions that clients resume.
            tls: if same_tls {
                predecessor.tls.clone()
            } else {
                settings.tls
            },
            headers: settings.headers,
            users: Users::new(&settings.users, predecessor.users.as_ref())?,
            bucket,
            retired: if same_tls {
                predecessor.retired.clone()
            } else {
                Arc::default()
            },
            is_empty: settings.is_empty,
        })
    }
}

/// The web config of a server.
pub struct WebConfig {
    path: Option<PathBuf>,
    policy: ArcSwap<Policy>,
    /// What was read last. Locked while it is read again.
    files: Mutex<Fingerprint>,
}

impl WebConfig {
    /// None: plain HTTP, open to everybody.
    pub fn none() -> Self {
        Self {
            path: None,
            policy: ArcSwap::from_pointee(Policy::open()),
            files: Mutex::default(),
        }
    }

    /// Reads the file at `path`, if there is one. Blocks.
    pub fn load(path: Option<&Path>) -> Result<Self, Error> {
        let Some(path) = path else {
            return Ok(Self::none());
        };
        let loaded = settings::load(path);
        let policy = Policy::new(loaded.outcome?, &Policy::open())?;
        if let Some(tls) = &policy.tls {
            tracing::info!(http2 = tls.offers_http2(), "TLS is enabled");
        }
        Ok(Self {
            path: Some(path.to_owned()),
            policy: ArcSwap::from_pointee(policy),
            files: Mutex::new(loaded.files),
        })
    }

    /// Whether there is a file.
    pub fn is_configured(&self) -> bool {
        self.path.is_some()
    }

    /// The rules in force.
    pub fn policy(&self) -> Guard<Arc<Policy>> {
        self.policy.load()
    }

    /// Whether it is HTTPS that is served now.
    pub fn has_tls(&self) -> bool {
        self.policy.load().tls.is_some()
    }

    /// Reads the files again; on an error the old rules stay in force. Blocks.
    pub fn reload(&self) -> Result<(), Error> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = settings::load(path);
        // Those of the old rules too: a file that is not reached any more may be what was meant.
        *files = match &loaded.outcome {
            Ok(_) => loaded.files,
            Err(_) => loaded.files.and(&files.now()),
        };
        let old = self.policy.load_full();
        let settings = loaded.outcome?;
        if settings.is_empty && !old.is_empty {
            return Err(Error::Emptied { path: path.clone() });
        }
        let new = Policy::new(settings, &old)?;
        let stays = Arc::ptr_eq(&new.retired, &old.retired);
        self.policy.store(Arc::new(new));
        if !stays {
            old.retired.cancel();
        }
        Ok(())
    }

    /// Reads the files again whenever they change, for as long as it is polled. `told` hears how
    /// that went.
    pub async fn follow(self: Arc<Self>, told: impl Fn(Result<(), &Error>)) {
        if self.path.is_none() {
            return std::future::pending().await;
        }
        let mut looks = interval(LOOK);
        let mut changing: Option<(Instant, Fingerprint)> = None;
        loop {
            looks.tick().await;
            let this = Arc::clone(&self);
            let look = tokio::task::spawn_blocking(move || {
                let read = this.files.lock().unwrap_or_else(PoisonError::into_inner);
                let now = read.now();
                (now != *read).then_some(now)
            });
            let Some(now) = look.await.unwrap_or_default() else {
                changing = None;
                continue;
            };
            let (since, holds_still) = match &changing {
                Some((since, last)) => (*since, *last == now),
                None => (Instant::now(), false),
            };
            if !holds_still && since.elapsed() < SETTLE {
                changing = Some((since, now));
                continue;
            }
            changing = None;
            let this = Arc::clone(&self);
            // It fails only by a panic, which the runtime has told of.
            if let Ok(outcome) = tokio::task::spawn_blocking(move || this.reload()).await {
                match &outcome {
                    Ok(()) => tracing::info!("web config read again after a change"),
                    Err(error) => tracing::error!(
                        error = chain(error),
                        "the changed web config cannot be used, the old one stays in force"
                    ),
                }
                told(outcome.as_ref().copied());
            }
        }
    }
}
