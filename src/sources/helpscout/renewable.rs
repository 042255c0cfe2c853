//! Something read from upstream now and then, by one caller at a time.

use std::{
    ops::{Deref, DerefMut},
    sync::atomic::{AtomicU64, Ordering},
};

use tokio::{
    sync::{Mutex, MutexGuard},
    time::{Instant, timeout_at},
};

use super::{endpoint::Endpoint, error::Error};

/// A value that one caller at a time may renew. Those who waited for a renewal that failed share
/// its error instead of trying one after the other.
#[derive(Debug)]
pub(super) struct Renewable<T> {
    inner: Mutex<Inner<T>>,
    /// Failed renewals so far.
    failures: AtomicU64,
    /// Whom a renewal asks.
    endpoint: Endpoint,
}

#[derive(Debug)]
struct Inner<T> {
    value: T,
    failure: Option<Error>,
}

/// The value, with nobody else renewing it.
#[derive(Debug)]
pub(super) struct Renewer<'a, T> {
    inner: MutexGuard<'a, Inner<T>>,
    failures: &'a AtomicU64,
    failed_meanwhile: bool,
}

impl<T> Renewable<T> {
    pub(super) fn new(endpoint: Endpoint, value: T) -> Self {
        Self {
            inner: Mutex::new(Inner {
                value,
                failure: None,
            }),
            failures: AtomicU64::new(0),
            endpoint,
        }
    }

    /// Waits until nobody else renews it.
    pub(super) async fn enter(&self, deadline: Instant) -> Result<Renewer<'_, T>, Error> {
        let before = self.failures.load(Ordering::Acquire);
        let Ok(inner) = timeout_at(deadline, self.inner.lock()).await else {
            return Err(Error::OutOfTime {
                endpoint: self.endpoint,
            });
        };
        Ok(Renewer {
            inner,
            failures: &self.failures,
            failed_meanwhile: self.failures.load(Ordering::Acquire) != before,
        })
    }
}

impl<T> Renewer<'_, T> {
    /// The error of a renewal that failed while this caller was waiting for it.
    pub(super) fn shared_failure(&self) -> Option<Error> {
        self.inner.failure.clone().filter(|_| self.failed_meanwhile)
    }

    /// Lets those who wait share `error`.
    pub(super) fn fail(&mut self, error: &Error) {
        self.inner.failure = Some(error.clone());
        self.failures.fetch_add(1, Ordering::Release);
    }
}

impl<T> Deref for Renewer<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner.value
    }
}

impl<T> DerefMut for Renewer<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner.value
    }
}
