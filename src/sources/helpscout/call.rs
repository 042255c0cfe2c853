//! One call to the end: token, turn, request, retry, and what the answer means.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use serde::de::DeserializeOwned;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::{
    auth::{Auth, Granted, Token},
    endpoint::Endpoint,
    error::{Detail, Error},
    exchange::{Credentials, Exchange, Outgoing},
    telemetry::Telemetry,
    wire,
};
use crate::{
    config::{Config, HelpScout as Account, Secret},
    sources::calls::{
        Calls, Failure, Patience, Target,
        answer::{Answer, Hints},
        pace::{Lane, Limits, Pace},
    },
};

/// What an account is taken to be granted until a header tells: the smallest plan's limit.
const ASSUMED_PER_MINUTE: u32 = 200;

/// Everything that all calls of one account share.
#[derive(Debug)]
pub(super) struct Caller<E> {
    exchange: E,
    app_id: String,
    /// The one that was last in use: its file may hold another by now.
    app_secret: Mutex<Secret>,
    auth: Auth,
    calls: Calls,
    telemetry: Telemetry,
    /// Whether the log has said that the configured ceiling is more than the account is granted.
    ceiling_told: AtomicBool,
}

fn limits(account: &Account) -> Limits {
    Limits {
        per_minute: account.requests_per_minute,
        assumed_granted: ASSUMED_PER_MINUTE,
        lanes: &[Lane::Whole; Endpoint::ALL.len()],
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
            calls: Calls {
                service: "Help Scout",
                pace: Pace::new(limits(account)),
                telemetry: telemetry.0.clone(),
                timeout: config.timeout,
            },
            telemetry,
            ceiling_told: AtomicBool::new(false),
        }
    }

    /// For another configuration of the same account: keeps to the pace of this one.
    pub(super) fn succeed(&self, exchange: E, config: &Config, account: &Account) -> Self {
        let mut successor = Self::new(exchange, config, account, self.telemetry.clone());
        successor.calls.pace = self.calls.pace.succeed(limits(account));
        successor
    }

    /// For a long run of calls: see [`Pace::growing`].
    pub(super) fn growing(mut self, account: &Account) -> Self {
        self.calls.pace = Pace::growing(limits(account));
        self
    }

    pub(super) const fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    pub(super) const fn pace(&self) -> &Pace {
        &self.calls.pace
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
            detail: Detail::new(Some(what), &body.hints),
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
                    detail: Detail::new(Some(what), &answer.hints),
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
        let target = Target {
            lane: endpoint as usize,
            endpoint: endpoint.name(),
            place: endpoint.path(),
        };
        let send = async || {
            let answer = self.exchange.send(outgoing).await?;
            self.heed(&answer.hints);
            Ok(answer)
        };
        let outcome = self.calls.exchange(target, patience, deadline, send).await;
        outcome.map_err(|failure| match failure {
            Failure::Held { wait } => Error::RateLimited { wait },
            Failure::StillRateLimited { times } => Error::StillRateLimited { endpoint, times },
            Failure::Paced { per_minute } => Error::Paced {
                endpoint,
                per_minute,
            },
            Failure::OutOfTime => Error::OutOfTime { endpoint },
            Failure::Broken(source) => Error::Broken { endpoint, source },
            Failure::Server(answer) => Self::status_error(outgoing, &answer),
        })
    }

    /// Takes what the account is granted from an answer's headers.
    fn heed(&self, hints: &Hints) {
        let Some(limit) = hints.limit.filter(|limit| self.pace().grant(*limit)) else {
            return;
        };
        let ceiling = self.pace().per_minute();
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
        Detail::new(message, &answer.hints)
    }
}

struct Body {
    bytes: Vec<u8>,
    hints: Hints,
}

#[cfg(test)]
mod tests;
