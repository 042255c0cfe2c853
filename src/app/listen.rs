//! Binds the addresses of the web server.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
};

use listenfd::ListenFd;
use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, lookup_host};
use tracing::info;

use super::Error;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;

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
    announce(&listeners);
    Ok(listeners)
}

/// The sockets that systemd opened for this process (`--web.systemd-socket`). Changes the
/// environment, so that no child takes them for its own: call it before any thread is started.
pub fn inherited() -> Result<Vec<std::net::TcpListener>, Error> {
    let mut found = ListenFd::from_env();
    let mut listeners = Vec::new();
    for index in 0..found.len() {
        let taken = found.take_tcp_listener(index).map_err(Error::Inherit)?;
        listeners.extend(taken);
    }
    if listeners.is_empty() {
        let message = "there are none: start the exporter by its socket unit, with ListenStream=";
        let error = io::Error::new(io::ErrorKind::NotFound, message);
        return Err(Error::Inherit(error));
    }
    Ok(listeners)
}

/// Makes sockets that are bound already usable by the runtime.
pub fn adopt(listeners: Vec<std::net::TcpListener>) -> Result<Vec<TcpListener>, Error> {
    let adopted = listeners.into_iter().map(|listener| {
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    });
    let adopted: io::Result<Vec<_>> = adopted.collect();
    let adopted = adopted.map_err(Error::Inherit)?;
    announce(&adopted);
    Ok(adopted)
}

fn announce(listeners: &[TcpListener]) {
    for listener in listeners {
        if let Ok(address) = listener.local_addr() {
            info!(%address, "listening");
        }
    }
}

/// One socket for both protocols; where the machine has no IPv6, one for IPv4.
fn bind_everywhere(port: &str) -> io::Result<Vec<TcpListener>> {
    let port = port
        .parse()
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let listener = match bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))) {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))
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
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() {
        // "Every address" means those of IPv4 too, whatever net.ipv6.bindv6only says.
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    // A restarted exporter must not wait for the old one's last connections to be forgotten.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use socket2::SockRef;
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn without_a_host_both_protocols_are_bound_whatever_the_machine_prefers() {
        let bound = bind_everywhere("0").unwrap();
        let address = bound[0].local_addr().unwrap();
        if address.is_ipv6() {
            assert!(!SockRef::from(&bound[0]).only_v6().unwrap());
            let local = (Ipv6Addr::LOCALHOST, address.port());
            TcpStream::connect(local).await.unwrap();
        }
        let local = (Ipv4Addr::LOCALHOST, address.port());
        TcpStream::connect(local).await.unwrap();
    }

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
