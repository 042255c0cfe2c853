//! TLS handshakes.

use std::{io, sync::Arc};

use rustls::ServerConfig;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Duration, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// From the start of a connection to the end of its handshake.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// The answer of Go's servers, which people know.
const NOT_TLS: &[u8] =
    b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/// How long and how much of a request that is not TLS is read, so that the answer arrives before the
/// connection is reset.
const LEFTOVER_TIME: Duration = Duration::from_secs(1);
const LEFTOVER_BYTES: u64 = 64 * 1024;

/// No TLS connection came about.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It took too long.
    #[error("the handshake took longer than {} s", HANDSHAKE_TIMEOUT.as_secs())]
    Timeout,
    /// It was HTTP.
    #[error("the client sent HTTP")]
    Plain,
    /// It failed.
    #[error("the handshake failed")]
    Handshake(#[source] io::Error),
}

/// Shakes hands, within its time. HTTP gets an answer that people can read.
pub async fn secure(
    mut stream: TcpStream,
    config: Arc<ServerConfig>,
) -> Result<TlsStream<TcpStream>, Error> {
    let shaken = timeout(HANDSHAKE_TIMEOUT, async {
        let mut first = [0];
        let peeked = stream.peek(&mut first).await.map_err(Error::Handshake)?;
        if peeked == 1 && first[0].is_ascii_alphabetic() {
            // The client may be gone already.
            let _ = refuse(&mut stream).await;
            return Err(Error::Plain);
        }
        TlsAcceptor::from(config)
            .accept(stream)
            .await
            .map_err(Error::Handshake)
    });
    shaken.await.unwrap_or(Err(Error::Timeout))
}

async fn refuse(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(NOT_TLS).await?;
    stream.shutdown().await?;
    let mut rest = stream.take(LEFTOVER_BYTES);
    let mut sink = tokio::io::sink();
    let _ = timeout(LEFTOVER_TIME, tokio::io::copy(&mut rest, &mut sink)).await;
    Ok(())
}
