//! The limit of requests per minute.

use std::time::Duration;

use tokio::time::Instant;

use super::problem::Refusal;

const MINUTE: Duration = Duration::from_mins(1);

/// Requests of the running minute, which begins with the first request after the last one ended.
pub(super) struct Quota {
    limit: u32,
    used: u32,
    minute: Option<Instant>,
}

impl Quota {
    pub(super) fn new(limit: u32) -> Self {
        Self {
            limit,
            used: 0,
            minute: None,
        }
    }

    /// Takes `cost` requests if they are left; a refused request costs nothing.
    /// Returns what remains of the minute's requests too.
    pub(super) fn take(&mut self, cost: u32, now: Instant) -> (Result<(), Refusal>, u32) {
        let start = match self.minute {
            Some(start) if now.saturating_duration_since(start) < MINUTE => start,
            _ => {
                self.used = 0;
                *self.minute.insert(now)
            }
        };
        let remaining = self.limit.saturating_sub(self.used);
        if remaining < cost {
            let wait = MINUTE.saturating_sub(now.saturating_duration_since(start));
            let seconds = u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(60);
            return (Err(Refusal::RateLimited(seconds)), remaining);
        }
        self.used += cost;
        (Ok(()), remaining - cost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_its_limit_and_then_a_new_one_begins() {
        let mut quota = Quota::new(3);
        let start = Instant::now();
        let at = |seconds| start + Duration::from_millis(seconds);
        assert!(matches!(quota.take(1, at(0)), (Ok(()), 2)));
        assert!(matches!(quota.take(2, at(10_000)), (Ok(()), 0)));
        let (refused, remaining) = quota.take(1, at(15_500));
        assert!(
            matches!(refused, Err(Refusal::RateLimited(45))),
            "{refused:?}"
        );
        assert_eq!(remaining, 0);
        assert!(quota.take(1, at(59_999)).0.is_err());
        assert!(matches!(quota.take(1, at(60_000)), (Ok(()), 2)));
    }
}
