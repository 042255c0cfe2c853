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

async fn bind_host(address: &str) -> io::Result<Vec<TcpListener>> {
    lookup_host(address).await?.map(bind).collect()
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
