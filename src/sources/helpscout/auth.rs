//! The life of a token: fetched once for all, renewed before it ends, dropped when refused.

use std::{future::Future, time::Duration};

use reqwest::header::HeaderValue;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::{endpoint::Endpoint, error::Error, renewable::Renewable};

/// A token is renewed this long before it ends.
const RENEW_EARLY: Duration = Duration::from_mins(1);

/// Longest life believed: far above what is granted (2 days), far below what a clock can hold.
const LONGEST_LIFE: Duration = Duration::from_hours(8784);

/// First wait after refused credentials; doubles from then on.
const FIRST_BACK_OFF: Duration = Duration::from_secs(30);

/// A token that replaced a refused one is not itself replaced within this time: an endpoint that
/// refuses every token must not cost a token request with every call.
const REPLACE_AT_MOST_EVERY: Duration = Duration::from_mins(1);

/// A token as granted.
#[derive(Debug)]
pub(super) struct Granted {
    /// The whole `Authorization` value, marked as sensitive.
    pub(super) authorization: HeaderValue,
    /// How long it is good for.
    pub(super) life: Duration,
}

/// A token in use.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) authorization: HeaderValue,
    /// Tells a token from the one that replaced it.
    number: u64,
}

/// Holds the one token that all calls share.
#[derive(Debug)]
pub(super) struct Auth {
    longest_back_off: Duration,
    state: Renewable<State>,
}

#[derive(Debug, Default)]
struct State {
    issued: u64,
    held: Option<Held>,
    /// The next token replaces one that was refused.
    replacing: bool,
    refusal: Option<Refusal>,
}

#[derive(Debug)]
struct Held {
    token: Token,
    renew_at: Instant,
    /// When it replaced a refused token, if it did.
    replaced_at: Option<Instant>,
}

/// Credentials that the token endpoint refused.
#[derive(Debug)]
struct Refusal {
    error: Error,
    back_off: Duration,
    until: Instant,
}

impl Auth {
    /// Backs off up to `interval` from one refresh to the next.
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            // A little less, or a refresh that starts exactly one interval later would come too
            // early, and every second one would not even try.
            longest_back_off: interval.mul_f64(0.9),
            state: Renewable::new(Endpoint::Token, State::default()),
        }
    }

    /// The token to use now: the one at hand, or the one that `fetch` brings. Of concurrent
    /// callers one fetches; the others get the same token, or the same error. After refused
    /// credentials nobody fetches before the back-off is over.
    pub(super) async fn token(
        &self,
        deadline: Instant,
        fetch: impl Future<Output = Result<Granted, Error>>,
    ) -> Result<Token, Error> {
        let mut state = self.state.enter(deadline).await?;
        let now = Instant::now();
        if let Some(held) = state.held.as_ref().filter(|held| now < held.renew_at) {
            return Ok(held.token.clone());
        }
        if let Some(refusal) = state.refusal.as_ref().filter(|refusal| now < refusal.until) {
            return Err(refusal.error.clone());
        }
        if let Some(error) = state.shared_failure() {
            return Err(error);
        }
        match fetch.await {
            Ok(granted) => {
                let now = Instant::now();
                let life = granted.life.min(LONGEST_LIFE);
                state.issued += 1;
                state.refusal = None;
                let token = Token {
                    authorization: granted.authorization,
                    number: state.issued,
                };
                let replaced_at = std::mem::take(&mut state.replacing).then_some(now);
                state.held = Some(Held {
                    token: token.clone(),
                    // A life shorter than two minutes is halved instead.
                    renew_at: now + life.saturating_sub(RENEW_EARLY.min(life / 2)),
                    replaced_at,
                });
                debug!(life_seconds = life.as_secs(), "Help Scout granted a token");
                Ok(token)
            }
            Err(error) => {
                if matches!(error, Error::CredentialsRefused { .. }) {
                    let back_off = state
                        .refusal
                        .as_ref()
                        .map_or(FIRST_BACK_OFF, |refusal| refusal.back_off * 2)
                        .min(self.longest_back_off);
                    warn!(
                        error = %error,
                        next_try_seconds = back_off.as_secs(),
                        "Help Scout refused the credentials"
                    );
                    state.refusal = Some(Refusal {
                        error: error.clone(),
                        back_off,
                        until: Instant::now() + back_off,
                    });
                }
                state.fail(&error);
                Err(error)
            }
        }
    }

    /// Forgets refused credentials, since there are others now.
    pub(super) async fn forgive(&self, deadline: Instant) -> Result<(), Error> {
        self.state.enter(deadline).await?.refusal = None;
        Ok(())
    }

    /// `token` was refused. Returns whether another one is worth a try: it is dropped unless
    /// another caller has seen to that, or it is itself a fresh replacement.
    pub(super) async fn refused(&self, token: &Token, deadline: Instant) -> Result<bool, Error> {
        let mut state = self.state.enter(deadline).await?;
        let Some(held) = state
            .held
            .as_ref()
            .filter(|held| held.token.number == token.number)
        else {
            return Ok(true);
        };
        if held
            .replaced_at
            .is_some_and(|at| at.elapsed() < REPLACE_AT_MOST_EVERY)
        {
            return Ok(false);
        }
        state.held = None;
        state.replacing = true;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, time::Duration};

    use tokio::time::{advance, sleep};

    use super::*;

    const INTERVAL: Duration = Duration::from_mins(5);

    fn later() -> Instant {
        Instant::now() + INTERVAL
    }

    fn granted(number: u32, life: u64) -> Granted {
        Granted {
            authorization: HeaderValue::from_str(&format!("Bearer {number}")).unwrap(),
            life: Duration::from_secs(life),
        }
    }

    fn refusal() -> Error {
        Error::CredentialsRefused {
            status: 401,
            code: Some("invalid_client"),
        }
    }

    /// Fetches that take a second each, counted.
    #[derive(Default)]
    struct Desk(Cell<u32>);

    impl Desk {
        async fn grant(&self, life: u64) -> Result<Granted, Error> {
            sleep(Duration::from_secs(1)).await;
            self.0.set(self.0.get() + 1);
            Ok(granted(self.0.get(), life))
        }

        async fn refuse(&self) -> Result<Granted, Error> {
            sleep(Duration::from_secs(1)).await;
            self.0.set(self.0.get() + 1);
            Err(refusal())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn concurrent_callers_share_one_fetch() {
        let (auth, desk) = (Auth::new(INTERVAL), Desk::default());
        let tokens = futures_util::future::join_all(
            (0..20).map(|_| auth.token(later(), desk.grant(172_800))),
        )
        .await;
        assert!(tokens.iter().all(Result::is_ok));
        assert_eq!(desk.0.get(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_renewed_a_minute_before_its_end() {
        for (life, good_for) in [(172_800, 172_740), (7200, 7140), (100, 50), (1, 0)] {
            let (auth, desk) = (Auth::new(INTERVAL), Desk::default());
            auth.token(later(), desk.grant(life)).await.unwrap();
            if good_for > 0 {
                advance(Duration::from_millis(good_for * 1000 - 1)).await;
                auth.token(later(), desk.grant(life)).await.unwrap();
                assert_eq!(desk.0.get(), 1, "{life}");
                advance(Duration::from_millis(1)).await;
            } else {
                advance(Duration::from_millis(500)).await;
            }
            auth.token(later(), desk.grant(life)).await.unwrap();
            assert_eq!(desk.0.get(), 2, "{life}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_absurd_life_is_cut() {
        let (auth, desk) = (Auth::new(INTERVAL), Desk::default());
        auth.token(later(), desk.grant(u64::MAX)).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn refused_credentials_are_asked_once_and_then_ever_more_rarely() {
        let (auth, desk) = (Auth::new(INTERVAL), Desk::default());
        let all =
            futures_util::future::join_all((0..20).map(|_| auth.token(later(), desk.refuse())))
                .await;
        assert!(
            all.iter()
                .all(|result| matches!(result, Err(Error::CredentialsRefused { .. })))
        );
        assert_eq!(desk.0.get(), 1);
        // One caller a second for an hour: after 30, 60, 120, 240 and then every 270 seconds.
        let mut asked_at = Vec::new();
        let start = Instant::now();
        while start.elapsed() < Duration::from_hours(1) {
            let before = desk.0.get();
            auth.token(later(), desk.refuse()).await.unwrap_err();
            if desk.0.get() > before {
                asked_at.push(start.elapsed().as_secs());
            }
            sleep(Duration::from_secs(1)).await;
        }
        let gaps: Vec<u64> = asked_at.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!((29..=32).contains(&asked_at[0]), "{asked_at:?}");
        for (gap, expected) in gaps.iter().zip([60, 120, 240, 270, 270]) {
            assert!((expected..=expected + 3).contains(gap), "{gaps:?}");
        }
        assert!(gaps.iter().all(|gap| *gap <= 300), "{gaps:?}");
        // Once the secret is put right, all is well.
        advance(INTERVAL).await;
        auth.token(later(), desk.grant(7200)).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_short_interval_bounds_the_back_off() {
        let interval = Duration::from_secs(10);
        let (auth, desk) = (Auth::new(interval), Desk::default());
        for _ in 0..5 {
            auth.token(later(), desk.refuse()).await.unwrap_err();
            advance(Duration::from_secs(9)).await;
        }
        assert_eq!(desk.0.get(), 5, "every refresh may try");
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_wait_share_any_failure_and_later_ones_try_again() {
        let (auth, desk) = (Auth::new(INTERVAL), Desk::default());
        let fail = async || {
            desk.0.set(desk.0.get() + 1);
            sleep(Duration::from_secs(1)).await;
            Err(Error::OutOfTime {
                endpoint: Endpoint::Token,
            })
        };
        let all = futures_util::future::join_all((0..5).map(|_| auth.token(later(), fail()))).await;
        assert!(all.iter().all(Result::is_err));
        assert_eq!(desk.0.get(), 1);
        auth.token(later(), desk.grant(7200)).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_for_another_ends_at_the_deadline() {
        let (auth, desk) = (Auth::new(INTERVAL), Desk::default());
        let first = auth.token(later(), async {
            sleep(Duration::from_secs(100)).await;
            desk.grant(7200).await
        });
        let start = Instant::now();
        let second = async {
            let error = auth
                .token(start + Duration::from_secs(10), desk.grant(7200))
                .await
                .unwrap_err();
            assert!(matches!(error, Error::OutOfTime { .. }));
            assert_eq!(start.elapsed(), Duration::from_secs(10));
        };
        let (first, ()) = futures_util::future::join(first, second).await;
        first.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_token_is_dropped_once() {
        let (auth, desk) = (Auth::new(INTERVAL), Desk::default());
        let first = auth.token(later(), desk.grant(7200)).await.unwrap();
        assert!(auth.refused(&first, later()).await.unwrap());
        let second = auth.token(later(), desk.grant(7200)).await.unwrap();
        assert_eq!(desk.0.get(), 2);
        // Another call was answered 401 to the first token: the second one stays.
        assert!(auth.refused(&first, later()).await.unwrap());
        auth.token(later(), desk.grant(7200)).await.unwrap();
        assert_eq!(desk.0.get(), 2);
        // The replacement is refused too: no third one for a minute.
        assert!(!auth.refused(&second, later()).await.unwrap());
        advance(REPLACE_AT_MOST_EVERY).await;
        assert!(auth.refused(&second, later()).await.unwrap());
        auth.token(later(), desk.grant(7200)).await.unwrap();
        assert_eq!(desk.0.get(), 3);
    }
}
