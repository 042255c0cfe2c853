//! The token bucket of `rate_limit`.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use super::settings::RateLimit;

/// Full at the start, it earns one request per interval, up to the burst.
pub struct Bucket {
    limit: RateLimit,
    state: Mutex<(f64, Instant)>,
}

impl Bucket {
    pub fn new(limit: RateLimit) -> Self {
        let state = (f64::from(limit.burst), Instant::now());
        Self {
            limit,
            state: Mutex::new(state),
        }
    }

    pub fn limit(&self) -> RateLimit {
        self.limit
    }

    /// Takes one request, if there is one.
    pub fn take(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (saved, then) = *state;
        let now = Instant::now();
        let earned = (now - then).as_secs_f64() / self.limit.interval.as_secs_f64();
        let saved = (saved + earned).min(f64::from(self.limit.burst));
        let is_allowed = saved >= 1.0;
        *state = (if is_allowed { saved - 1.0 } else { saved }, now);
        is_allowed
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Duration, advance};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_and_then_one_per_interval() {
        let interval = Duration::from_secs(2);
        let bucket = Bucket::new(RateLimit { interval, burst: 3 });
        let taken = |count: usize| (0..count).filter(|_| bucket.take()).count();
        assert_eq!(taken(5), 3);
        advance(interval / 2).await;
        assert_eq!(taken(2), 0);
        advance(interval / 2).await;
        assert_eq!(taken(2), 1);
        advance(interval * 100).await;
        assert_eq!(taken(10), 3);
    }
}
