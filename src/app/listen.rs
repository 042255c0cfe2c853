//! Binds the addresses of the web server.

use std::{io, net::SocketAddr};

use tokio::net::{TcpListener, TcpSocket, lookup_host};
use tracing::info;

use super::Error;

/// Binds every address. Without a host, every address of the machine, IPv6 and IPv4.
pub async fn listen(addresses: &[String]) -> Result<Vec<TcpListener>, Error> {
    let mut listeners = Vec::new();
    for address in addresses {
        let failed = |source| Error::Listen {
            address: address.clone(),
            source,
        };
        let bound = match address.strip_prefix(':') {
            Some(port) => bind_everywhere(port),
            None => bind_host(address).await,
        };
        listeners.extend(bound.map_err(failed)?);
    }
    for listener in &listeners {
        if let Ok(address) = listener.local_addr() {
            info!(%address, "listening");
        }
    }
    Ok(listeners)
}

/// One socket for both protocols; where the machine has no IPv6, one for IPv4.
fn bind_everywhere(port: &str) -> io::Result<Vec<TcpListener>> {
    let port = port
        .parse()
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let everywhere = SocketAddr::from(([0_u16; 8], port));
    let listener = match bind(everywhere) {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            bind(SocketAddr::from(([0_u8; 4], port)))
        }
        bound => bound,
    };
    listener.map(|listener| vec![listener])
}

/// Every address that the host's name stands for and this machine has: `localhost` may stand for
/// `::1` on a machine without IPv6.
async fn bind_host(address: &str) -> io::Result<Vec<TcpListener>> {
    let mut bound = Vec::new();
    let mut missing = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in lookup_host(address).await? {
        match bind(address) {
            Ok(listener) => bound.push(listener),
            Err(error) if is_missing(&error) => missing = error,
            Err(error) => return Err(error),
        }
    }
    if bound.is_empty() {
        return Err(missing);
    }
    Ok(bound)
}

fn is_missing(error: &io::Error) -> bool {
    // Without the protocol, the socket itself is refused: "address family not supported".
    const NO_SUCH_FAMILY: i32 = 97;
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(NO_SUCH_FAMILY)
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv6() {
        TcpSocket::new_v6()?
    } else {
        TcpSocket::new_v4()?
    };
    // A restarted exporter must not wait for the old one's last connections to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_host_is_bound_where_the_machine_has_it() {
        assert!(!bind_host("localhost:0").await.unwrap().is_empty());
        // An address for documentation, which no machine has.
        let error = bind_host("192.0.2.1:0").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
        let taken = bind_host("127.0.0.1:0").await.unwrap();
        let address = taken[0].local_addr().unwrap().to_string();
        let error = bind_host(&address).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
