//! One call to the end: token, turn, request, retry, and what the answer means.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::{debug, info, warn};

use super::{
    auth::{Auth, Granted, Token},
    endpoint::Endpoint,
    error::{Broken, Detail, Error, TryTimeout},
    exchange::{Answer, Credentials, Exchange, Hints, Outgoing},
    pace::{Late, Pace},
    telemetry::Telemetry,
    wire,
};
use crate::{
    config::{Config, HelpScout as Account, Secret},
    domain::Reason,
};

/// Tries of one call that meets 5xx, resets and timeouts: the first and two more.
const RETRIES: usize = 2;
const FIRST_DELAY: Duration = Duration::from_millis(500);

/// How often one call waits for the rate limit before it gives up.
const RATE_LIMITED_TRIES: u32 = 5;

/// Wait after a 429 that does not say how long.
const DEFAULT_WAIT: Duration = Duration::from_mins(1);
const LONGEST_WAIT: Duration = Duration::from_hours(1);
/// Waits are told in whole seconds: one more covers whatever was rounded off.
const WAIT_MARGIN: Duration = Duration::from_secs(1);

/// Everything that all calls of one account share.
#[derive(Debug)]
pub(super) struct Caller<E> {
    exchange: E,
    app_id: String,
    /// The one that was last in use: its file may hold another by now.
    app_secret: Mutex<Secret>,
    auth: Auth,
    pace: Pace,
    telemetry: Telemetry,
    /// Bound of one try.
    timeout: Duration,
    /// Whether the log has said that the configured ceiling is more than the account is granted.
    ceiling_told: AtomicBool,
}

/// What one call may still spend on failures that time may heal.
struct Patience {
    delays: ExponentialBackoff,
    rate_limited: u32,
}

impl Patience {
    fn new() -> Self {
        Self {
            delays: ExponentialBuilder::new()
                .with_min_delay(FIRST_DELAY)
                .with_max_times(RETRIES)
                .with_jitter()
                .build(),
            rate_limited: 0,
        }
    }
}

impl<E: Exchange> Caller<E> {
    pub(super) fn new(
        exchange: E,
        config: &Config,
        account: &Account,
        telemetry: Telemetry,
    ) -> Self {
        Self {
            exchange,
            app_id: account.app_id.clone(),
            app_secret: Mutex::new(account.app_secret.clone()),
            auth: Auth::new(config.interval),
            pace: Pace::new(account.requests_per_minute),
            telemetry,
            timeout: config.timeout,
            ceiling_told: AtomicBool::new(false),
        }
    }

    /// For another configuration of the same account: keeps to the pace of this one.
    pub(super) fn succeed(&self, exchange: E, config: &Config, account: &Account) -> Self {
        let mut successor = Self::new(exchange, config, account, self.telemetry.clone());
        successor.pace = self.pace.succeed(account.requests_per_minute);
        successor
    }

    /// For a long run of calls: see [`Pace::growing`].
    pub(super) fn growing(self, account: &Account) -> Self {
        Self {
            pace: Pace::growing(account.requests_per_minute),
            ..self
        }
    }

    pub(super) const fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    pub(super) const fn pace(&self) -> &Pace {
        &self.pace
    }

    /// Asks `endpoint` and decodes its answer. Nothing is sent, waited or retried past `deadline`.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        endpoint: Endpoint,
        query: &str,
        deadline: Instant,
    ) -> Result<T, Error> {
        let mut patience = Patience::new();
        let mut token = self.token(deadline).await?;
        let outgoing = |token: &Token| Outgoing {
            endpoint,
            query,
            credentials: Credentials::Token(token.authorization.clone()),
        };
        let mut answer = self
            .exchange(&outgoing(&token), &mut patience, deadline)
            .await?;
        if answer.status == 401 && self.auth.refused(&token, deadline).await? {
            debug!(
                %endpoint,
                correlation_id = answer.hints.correlation_id,
                "token refused, fetching a new one"
            );
            token = self.token(deadline).await?;
            answer = self
                .exchange(&outgoing(&token), &mut patience, deadline)
                .await?;
        }
        let body = Self::conclude(&outgoing(&token), answer)?;
        wire::decode(&body.bytes).map_err(|what| Error::NotUnderstood {
            endpoint,
            detail: body.hints.detail(Some(what)),
        })
    }

    async fn token(&self, deadline: Instant) -> Result<Token, Error> {
        let outcome = self.auth.token(deadline, self.fetch_token(deadline)).await;
        if !matches!(outcome, Err(Error::CredentialsRefused { .. })) {
            return outcome;
        }
        // A secret that was put right need not wait for the end of the back-off.
        let tried = self.secret();
        if tried.latest().await == tried {
            return outcome;
        }
        self.auth.forgive(deadline).await?;
        self.auth.token(deadline, self.fetch_token(deadline)).await
    }

    fn secret(&self) -> Secret {
        let secret = self.app_secret.lock();
        secret.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn hold_secret(&self, secret: &Secret) {
        let held = self.app_secret.lock();
        *held.unwrap_or_else(PoisonError::into_inner) = secret.clone();
    }

    /// Asks for a token with the secret as it is now, once more if another turns up meanwhile.
    async fn fetch_token(&self, deadline: Instant) -> Result<Granted, Error> {
        let secret = self.secret().latest().await;
        self.hold_secret(&secret);
        let outcome = self.grant(&secret, deadline).await;
        if !matches!(outcome, Err(Error::CredentialsRefused { .. })) {
            return outcome;
        }
        let Some(other) = secret.reread().await else {
            return outcome;
        };
        self.hold_secret(&other);
        self.grant(&other, deadline).await
    }

    async fn grant(&self, secret: &Secret, deadline: Instant) -> Result<Granted, Error> {
        let endpoint = Endpoint::Token;
        let outgoing = Outgoing {
            endpoint,
            query: "",
            credentials: Credentials::App {
                id: &self.app_id,
                secret,
            },
        };
        let answer = self
            .exchange(&outgoing, &mut Patience::new(), deadline)
            .await?;
        let status = answer.status;
        match answer.body {
            // The gateway's documents say 401, its software 400; either way trying again at once
            // is no use.
            body if matches!(status, 400 | 401 | 403) => Err(Error::CredentialsRefused {
                status,
                code: wire::oauth_error(&body.unwrap_or_default()),
            }),
            Ok(body) if (200..300).contains(&status) => {
                wire::granted(&body).map_err(|what| Error::NotUnderstood {
                    endpoint,
                    detail: answer.hints.detail(Some(what)),
                })
            }
            Err(source) if (200..300).contains(&status) => Err(Error::Broken { endpoint, source }),
            body => Err(Self::status_error(&outgoing, &Answer { body, ..answer })),
        }
    }

    /// Sends until there is an answer that time would not change.
    async fn exchange(
        &self,
        outgoing: &Outgoing<'_>,
        patience: &mut Patience,
        deadline: Instant,
    ) -> Result<Answer, Error> {
        let endpoint = outgoing.endpoint;
        loop {
            let failure = match self.try_once(outgoing, deadline).await? {
                Ok(answer) if answer.status == 429 => {
                    patience.rate_limited += 1;
                    if patience.rate_limited >= RATE_LIMITED_TRIES {
                        return Err(Error::StillRateLimited {
                            endpoint,
                            times: patience.rate_limited,
                        });
                    }
                    // The next turn comes after the wait, or not at all.
                    continue;
                }
                Ok(answer) if (500..600).contains(&answer.status) => {
                    Self::status_error(outgoing, &answer)
                }
                Ok(Answer {
                    body: Err(source),
                    status: 200..300,
                    ..
                })
                | Err(source) => {
                    let transient = source.is_transient();
                    let error = Error::Broken { endpoint, source };
                    if !transient {
                        return Err(error);
                    }
                    error
                }
                Ok(answer) => return Ok(answer),
            };
            let Some(delay) = patience.delays.next() else {
                return Err(failure);
            };
            let next = Instant::now() + delay;
            if next >= deadline {
                return Err(failure);
            }
            debug!(%endpoint, error = %failure, delay_seconds = delay.as_secs_f64(), "trying again");
            sleep_until(next).await;
        }
    }

    /// One request in its turn. The outer error is final; the inner one may be tried again.
    async fn try_once(
        &self,
        outgoing: &Outgoing<'_>,
        deadline: Instant,
    ) -> Result<Result<Answer, Broken>, Error> {
        let endpoint = outgoing.endpoint;
        let turn = self
            .pace
            .turn(endpoint, deadline)
            .await
            .map_err(|late| match late {
                Late::Held { wait } => Error::RateLimited { wait },
                Late::Paced { per_minute } => Error::Paced {
                    endpoint,
                    per_minute,
                },
                Late::Busy => Error::OutOfTime { endpoint },
            })?;
        let bound = deadline.min(Instant::now() + self.timeout);
        let mut sending = self.telemetry.sending(endpoint);
        let outcome = match timeout_at(bound, self.exchange.send(outgoing)).await {
            Ok(outcome) => outcome,
            Err(_elapsed) if bound == deadline => return Err(Error::OutOfTime { endpoint }),
            Err(_elapsed) => Err(Broken::new(Reason::Timeout, TryTimeout(self.timeout))),
        };
        drop(turn);
        if let Ok(answer) = &outcome {
            sending.answered(answer.status);
            debug!(
                %endpoint,
                status = answer.status,
                seconds = sending.elapsed().as_secs_f64(),
                correlation_id = answer.hints.correlation_id,
                "Help Scout answered"
            );
            self.heed(answer.status, &answer.hints);
        }
        Ok(outcome)
    }

    /// Takes quota and waits from an answer's headers.
    fn heed(&self, status: u16, hints: &Hints) {
        self.telemetry.quota(hints.limit, hints.remaining);
        if let Some(limit) = hints.limit
            && self.pace.grant(limit)
        {
            let ceiling = self.pace.per_minute();
            info!(
                granted_per_minute = limit,
                ceiling_per_minute = ceiling,
                "Help Scout tells the account's rate limit"
            );
            if ceiling > limit && !self.ceiling_told.swap(true, Ordering::Relaxed) {
                warn!(
                    granted_per_minute = limit,
                    ceiling_per_minute = ceiling,
                    "helpscout.requests_per_minute is more than the account is granted"
                );
            }
        }
        if status == 429 {
            let wait = hints.wait.unwrap_or(DEFAULT_WAIT).min(LONGEST_WAIT) + WAIT_MARGIN;
            if self.pace.hold(wait) {
                warn!(
                    wait_seconds = wait.as_secs(),
                    correlation_id = hints.correlation_id,
                    "Help Scout's rate limit is used up: no request before the wait is over"
                );
            }
        }
    }

    /// What an answer means that time would not change.
    fn conclude(outgoing: &Outgoing<'_>, answer: Answer) -> Result<Body, Error> {
        let endpoint = outgoing.endpoint;
        match answer.status {
            200..300 => Ok(Body {
                bytes: answer
                    .body
                    .map_err(|source| Error::Broken { endpoint, source })?,
                hints: answer.hints,
            }),
            401 => Err(Error::TokenRefused {
                endpoint,
                detail: Self::detail(outgoing, &answer),
            }),
            403 => Err(Error::Forbidden {
                endpoint,
                detail: Self::detail(outgoing, &answer),
            }),
            _ => Err(Self::status_error(outgoing, &answer)),
        }
    }

    fn status_error(outgoing: &Outgoing<'_>, answer: &Answer) -> Error {
        Error::Status {
            endpoint: outgoing.endpoint,
            status: answer.status,
            detail: Self::detail(outgoing, answer),
        }
    }

    /// What the answer says of its failure; nothing of what the token endpoint says.
    fn detail(outgoing: &Outgoing<'_>, answer: &Answer) -> Detail {
        let message = match &outgoing.credentials {
            Credentials::App { .. } => None,
            Credentials::Token(_) => {
                let body = answer.body.as_deref().unwrap_or_default();
                wire::problem(body)
            }
        };
        Detail {
            message,
            correlation_id: answer.hints.correlation_id.clone(),
        }
    }
}

struct Body {
    bytes: Vec<u8>,
    hints: Hints,
}

#[cfg(test)]
mod tests;
