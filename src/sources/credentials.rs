//! Who asks an HTTP endpoint: the headers of a request, and a password or token that may change in its
//! file while the exporter runs.

use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use crate::config::Secret;

/// Who asks, as `Authorization` tells it.
#[derive(Clone)]
pub enum Login {
    /// `Bearer`, with a token.
    Bearer(Secret),
    /// `Basic`, with a user's name and password.
    Basic(Secret, Secret),
}

/// A header that cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsendable {
    /// Its name.
    #[error("the name of a header is none")]
    Name,
    /// Its value.
    #[error("the value of a header cannot be sent")]
    Value,
}

/// The headers of every request to one endpoint.
pub struct Credentials {
    headers: Vec<(String, Secret)>,
    /// Read again from its file when that changes, and when it is refused.
    login: Option<Mutex<Login>>,
}

impl Credentials {
    /// Headers, and who asks where a header does not say so.
    pub fn new(headers: Vec<(String, Secret)>, login: Option<Login>) -> Self {
        Self {
            headers,
            login: login.map(Mutex::new),
        }
    }

    /// Takes the token or password from its file where that has changed, or `refused`; whether it is
    /// another.
    pub async fn renew(&self, refused: bool) -> bool {
        let Some(login) = &self.login else {
            return false;
        };
        let known = lock(login).clone();
        let secret = match &known {
            Login::Bearer(secret) | Login::Basic(_, secret) => secret,
        };
        let latest = if refused {
            secret.reread().await.unwrap_or_else(|| secret.clone())
        } else {
            secret.latest().await
        };
        let is_new = latest != *secret;
        *lock(login) = match known {
            Login::Bearer(_) => Login::Bearer(latest),
            Login::Basic(name, _) => Login::Basic(name, latest),
        };
        is_new
    }

    /// The headers, each marked as sensitive, so that it is shown nowhere.
    pub fn headers(&self) -> Result<HeaderMap, Unsendable> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Unsendable::Name)?;
            headers.append(name, sensitive(value.expose())?);
        }
        if let Some(login) = &self.login {
            let value = match &*lock(login) {
                Login::Bearer(token) => format!("Bearer {}", token.expose()),
                Login::Basic(name, password) => {
                    let both = format!("{}:{}", name.expose(), password.expose());
                    format!("Basic {}", STANDARD.encode(both))
                }
            };
            headers.append(AUTHORIZATION, sensitive(&value)?);
        }
        Ok(headers)
    }
}

fn sensitive(value: &str) -> Result<HeaderValue, Unsendable> {
    let mut value = HeaderValue::from_str(value).map_err(|_| Unsendable::Value)?;
    value.set_sensitive(true);
    Ok(value)
}

fn lock(login: &Mutex<Login>) -> MutexGuard<'_, Login> {
    login.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_is_told_in_a_header_that_is_not_shown() {
        let headers = vec![("x-team".to_owned(), Secret::new("7"))];
        let bearer = Credentials::new(headers.clone(), Some(Login::Bearer(Secret::new("t0ken"))));
        let sent = bearer.headers().unwrap();
        assert_eq!(sent["authorization"], "Bearer t0ken");
        assert_eq!(sent["x-team"], "7");
        assert!(!format!("{sent:?}").contains("t0ken"));
        // RFC 7617, section 2.
        let aladdin = Login::Basic(Secret::new("Aladdin"), Secret::new("open sesame"));
        let sent = Credentials::new(Vec::new(), Some(aladdin))
            .headers()
            .unwrap();
        assert_eq!(sent["authorization"], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(Credentials::new(headers, None).headers().unwrap().len(), 1);
        let broken = Credentials::new(vec![("a".to_owned(), Secret::new("\n"))], None);
        assert_eq!(broken.headers().unwrap_err(), Unsendable::Value);
    }

    #[tokio::test]
    async fn a_password_follows_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, "old").unwrap();
        let secret = Secret::from_file(&file, "key").unwrap();
        let login = Login::Basic(Secret::new("me"), secret);
        let credentials = Credentials::new(Vec::new(), Some(login));
        assert!(!credentials.renew(true).await);
        std::fs::write(&file, "renewed").unwrap();
        assert!(credentials.renew(true).await);
        let sent = credentials.headers().unwrap();
        assert_eq!(sent["authorization"], "Basic bWU6cmVuZXdlZA==");
    }
}
