//! The command `healthy`: asks a running exporter whether it serves.
//!
//! The web config is not read: it may be broken or unreadable here while the exporter, with the one
//! before in force, serves well. Whether HTTPS is spoken is learnt from the answer to plain HTTP.

use std::{error::Error as StdError, io, iter, time::Duration};

use reqwest::{Client, StatusCode};

use crate::sources::transport;

/// Longest time that one question may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Most bytes of an answer that are read.
const ANSWER: usize = 4096;

/// What a server of HTTPS answers to plain HTTP, as Go's do.
const SPEAKS_HTTPS: &[u8] = b"HTTP request to an HTTPS server";

/// The exporter does not serve, or cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The port is chosen by the system.
    #[error(
        "--web.listen-address={address} has no port to ask at; give the one that the exporter listens on"
    )]
    NoPort {
        /// As given.
        address: String,
    },
    /// The client cannot be built.
    #[error("cannot prepare the question")]
    Client(#[source] reqwest::Error),
    /// No answer came.
    #[error("no answer from {url}")]
    Silent {
        /// What was asked.
        url: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// Something else answered, or the route prefix is another one.
    #[error(
        "{url} answered {status}; do --web.listen-address, --web.external-url and --web.route-prefix say what they say to the exporter?"
    )]
    Answer {
        /// What was asked.
        url: String,
        /// What came.
        status: StatusCode,
    },
}

/// Asks the exporter that listens on `address` (as `--web.listen-address` has it) at `path`.
///
/// Over HTTPS no certificate is looked at: it names the exporter as others call it, nothing secret
/// is sent, and the answer is only whether somebody serves here. An exporter that turns the question
/// away for want of a client certificate serves.
pub async fn ask(address: &str, path: &str) -> Result<(), Error> {
    let place = place(address)?;
    let client = client().map_err(Error::Client)?;
    let plain = format!("http://{place}{path}");
    match answer(&client, &plain).await {
        Ok((StatusCode::OK, _)) => Ok(()),
        Ok((StatusCode::BAD_REQUEST, body)) if contains(&body, SPEAKS_HTTPS) => {
            over_https(&client, format!("https://{place}{path}")).await
        }
        Ok((status, _)) => Err(Error::Answer { url: plain, status }),
        Err(source) => Err(Error::Silent { url: plain, source }),
    }
}

async fn over_https(client: &Client, url: String) -> Result<(), Error> {
    match answer(client, &url).await {
        Ok((StatusCode::OK, _)) => Ok(()),
        Ok((status, _)) => Err(Error::Answer { url, status }),
        Err(source) if wants_certificate(&source) => Ok(()),
        Err(source) => Err(Error::Silent { url, source }),
    }
}

async fn answer(client: &Client, url: &str) -> Result<(StatusCode, Vec<u8>), reqwest::Error> {
    let response = client.get(url).send().await;
    let response = response.map_err(reqwest::Error::without_url)?;
    let status = response.status();
    // What is too long or breaks off is not the text that is looked for.
    let body = transport::read_body(response, ANSWER).await;
    Ok((status, body.unwrap_or_default()))
}

fn client() -> Result<Client, reqwest::Error> {
    // Fails where one is installed already, which is the same.
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .tls_danger_accept_invalid_certs(true)
        .build()
}

/// Host and port to ask at, on this machine where all addresses are listened on.
fn place(address: &str) -> Result<String, Error> {
    let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
    if port.parse().is_ok_and(|port: u16| port > 0) {
        let host = match host {
            "" | "0.0.0.0" => "127.0.0.1",
            "[::]" => "[::1]",
            other => other,
        };
        Ok(format!("{host}:{port}"))
    } else {
        Err(Error::NoPort {
            address: address.to_owned(),
        })
    }
}

fn contains(body: &[u8], text: &[u8]) -> bool {
    body.windows(text.len()).any(|part| part == text)
}

/// Whether the server refused to go on without a client certificate.
fn wants_certificate(error: &reqwest::Error) -> bool {
    const ALERT: rustls::Error =
        rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired);
    let first: &(dyn StdError + 'static) = error;
    iter::successors(Some(first), |&error| match error.downcast_ref() {
        // What an I/O error was made of is not its source, but stands for it.
        Some(error) => io::Error::get_ref(error).map(|inner| inner as &(dyn StdError + 'static)),
        None => error.source(),
    })
    .any(|error| error.downcast_ref() == Some(&ALERT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_asked_on_this_machine() {
        for (address, expected) in [
            (":10473", "127.0.0.1:10473"),
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("[2001:db8::1]:80", "[2001:db8::1]:80"),
            ("localhost:80", "localhost:80"),
        ] {
            assert_eq!(place(address).unwrap(), expected);
        }
        assert!(place(":0").is_err());
    }
}
