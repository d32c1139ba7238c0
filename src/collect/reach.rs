//! From an endpoint to a TCP connection: names are resolved, SQL Server Browser is asked for a named
//! instance's port, and addresses are tried.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::browser;
use super::connect::ConnectError;
use crate::inventory::Endpoint;
use crate::snapshot::Stage;

const DEFAULT_PORT: u16 = 1433;
/// Addresses of one name that are tried at most, as many as Microsoft's drivers try.
const MOST_ADDRESSES: usize = 64;
/// Failed addresses that a message names.
const MOST_TOLD: usize = 4;

/// How several addresses of one name are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// One after the other, as the resolver gave them: they are one server.
    InTurn,
    /// All at once, and the first that answers is taken: an availability-group listener has an address in
    /// each subnet, and only one of them is up.
    AtOnce,
}

/// Opens a TCP connection to an endpoint within the limit. SQL Server Browser is asked at UDP `browser`.
///
/// # Errors
/// Which step failed, and what to check.
pub(super) async fn connect(
    endpoint: &Endpoint,
    order: Order,
    browser: u16,
    limit: Duration,
) -> Result<TcpStream, ConnectError> {
    let start = Instant::now();
    let left = || limit.saturating_sub(start.elapsed());
    let (Endpoint::Default(host) | Endpoint::Port(host, _) | Endpoint::Named(host, _)) = endpoint;
    let mut addresses = resolve(host, limit).await?;
    let port = match endpoint {
        Endpoint::Default(_) => DEFAULT_PORT,
        Endpoint::Port(_, port) => *port,
        Endpoint::Named(_, instance) => {
            let found = browser::find(&addresses, browser, instance, left()).await;
            let (answered, port) = found.map_err(|fault| {
                let why = format!("{endpoint}: {fault}");
                ConnectError {
                    transient: fault.may_pass(),
                    ..ConnectError::transient(Stage::Connect, why, fault.remedy())
                }
            })?;
            // The one that knows the instance is the likeliest to have it.
            addresses.sort_by_key(|address| *address != answered);
            port
        }
    };
    let addresses: Vec<SocketAddr> = addresses
        .into_iter()
        .map(|address| SocketAddr::new(address, port))
        .collect();
    let attempt = match order {
        Order::InTurn => in_turn(&addresses, left()).await,
        Order::AtOnce => at_once(&addresses, left()).await,
    };
    match attempt {
        Ok(tcp) => {
            let _ = tcp.set_nodelay(true); // slower without, not wrong
            Ok(tcp)
        }
        Err(failures) => Err(ConnectError::transient(
            Stage::Connect,
            unreached(endpoint, &failures, limit),
            "check host, port and firewall",
        )),
    }
}

async fn resolve(host: &str, limit: Duration) -> Result<Vec<IpAddr>, ConnectError> {
    let unknown = |why: String| {
        let remedy = "check the host's name and the name servers";
        ConnectError::transient(Stage::Resolve, format!("{host}: {why}"), remedy)
    };
    let resolved = tokio::time::timeout(limit, tokio::net::lookup_host((host, 0))).await;
    let resolved = resolved
        .map_err(|_| unknown(format!("no answer within {} s", limit.as_secs())))?
        .map_err(|error| unknown(error.to_string()))?;
    let mut addresses: Vec<IpAddr> = Vec::new();
    for address in resolved.map(|address| address.ip()) {
        if !addresses.contains(&address) && addresses.len() < MOST_ADDRESSES {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(unknown("the name has no address".to_owned()));
    }
    Ok(addresses)
}

/// An address and why it was not reached; no reason means that it did not answer.
type Failure = (SocketAddr, Option<io::Error>);

async fn dial(address: SocketAddr, limit: Duration) -> Result<TcpStream, Failure> {
    match tokio::time::timeout(limit, TcpStream::connect(address)).await {
        Ok(attempt) => attempt.map_err(|error| (address, Some(error))),
        Err(_) => Err((address, None)),
    }
}

/// Each address gets its share of the time that is left, so that a silent one does not take it all.
async fn in_turn(addresses: &[SocketAddr], limit: Duration) -> Result<TcpStream, Vec<Failure>> {
    let start = Instant::now();
    let mut failures = Vec::new();
    let mut waiting = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for address in addresses {
        let share = limit.saturating_sub(start.elapsed()) / waiting.max(1);
        waiting = waiting.saturating_sub(1);
        match dial(*address, share).await {
            Ok(tcp) => return Ok(tcp),
            Err(failure) => failures.push(failure),
        }
    }
    Err(failures)
}

/// The connections that come second are dropped unused.
async fn at_once(addresses: &[SocketAddr], limit: Duration) -> Result<TcpStream, Vec<Failure>> {
    let mut dialling = JoinSet::new();
    for address in addresses {
        dialling.spawn(dial(*address, limit));
    }
    let mut failures = Vec::new();
    while let Some(done) = dialling.join_next().await {
        match done {
            Ok(Ok(tcp)) => return Ok(tcp),
            Ok(Err(failure)) => failures.push(failure),
            Err(_) => {} // only if the runtime ends
        }
    }
    Err(failures)
}

fn unreached(endpoint: &Endpoint, failures: &[Failure], limit: Duration) -> String {
    let silent = format!("did not answer within {} s", limit.as_secs());
    match failures {
        [(_, Some(error))] => format!("{endpoint}: {error}"),
        _ if failures.iter().all(|(_, error)| error.is_none()) => format!("{endpoint} {silent}"),
        _ => {
            let told = failures.iter().take(MOST_TOLD).map(|(address, error)| {
                let why = error
                    .as_ref()
                    .map_or("no answer".to_owned(), io::Error::to_string);
                format!("{}: {why}", address.ip())
            });
            let told: Vec<String> = told.collect();
            let count = failures.len();
            format!(
                "{endpoint}: none of {count} addresses ({})",
                told.join("; ")
            )
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::net::{TcpListener, TcpSocket, UdpSocket};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(2);

    fn home(last: u8, port: u16) -> SocketAddr {
        (Ipv4Addr::new(127, 0, 0, last), port).into()
    }

    async fn closed() -> SocketAddr {
        let listener = TcpListener::bind(home(1, 0)).await.unwrap();
        listener.local_addr().unwrap()
    }

    #[tokio::test]
    async fn a_closed_address_leads_to_the_next_in_either_order() {
        let open = TcpListener::bind(home(1, 0)).await.unwrap();
        let address = open.local_addr().unwrap();
        let closed = closed().await;
        for tcp in [
            in_turn(&[closed, address], LIMIT).await.unwrap(),
            at_once(&[closed, address], LIMIT).await.unwrap(),
        ] {
            assert_eq!(tcp.peer_addr().unwrap(), address);
        }
        for failures in [
            in_turn(&[closed, closed], LIMIT).await.unwrap_err(),
            at_once(&[closed, closed], LIMIT).await.unwrap_err(),
        ] {
            assert_eq!(failures.len(), 2);
        }
    }

    /// An address whose queue is full: further connections are neither taken nor refused.
    #[cfg(target_os = "linux")]
    async fn black_hole(last: u8, port: u16) -> (TcpListener, Vec<TcpStream>) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(home(last, port)).unwrap();
        let listener = socket.listen(1).unwrap();
        let mut held = Vec::new();
        while let Ok(tcp) = dial(listener.local_addr().unwrap(), Duration::from_millis(100)).await {
            held.push(tcp);
            assert!(held.len() < 50, "the queue does not fill");
        }
        (listener, held)
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_listener_is_reached_as_soon_as_one_address_answers() {
        let open = TcpListener::bind(home(3, 0)).await.unwrap();
        let address = open.local_addr().unwrap();
        let _silent = black_hole(2, address.port()).await;
        let all = [
            home(2, address.port()),
            home(4, address.port()), // closed
            address,
        ];
        let start = Instant::now();
        let tcp = at_once(&all, LIMIT).await.unwrap();
        assert_eq!(tcp.peer_addr().unwrap(), address);
        assert!(
            start.elapsed() < LIMIT / 2,
            "it waited for the silent address"
        );
        let start = Instant::now();
        let tcp = in_turn(&all, LIMIT).await.unwrap();
        assert_eq!(tcp.peer_addr().unwrap(), address);
        let took = start.elapsed();
        assert!(
            took >= LIMIT / 4 && took < LIMIT,
            "the silent address had its share only: {took:?}"
        );
    }

    #[tokio::test]
    async fn a_named_instance_is_asked_for_and_then_dialled() {
        let server = TcpListener::bind(home(1, 0)).await.unwrap();
        let port = server.local_addr().unwrap().port();
        let browser = UdpSocket::bind(home(1, 0)).await.unwrap();
        let asked_at = browser.local_addr().unwrap().port();
        tokio::spawn(async move {
            let mut question = [0; 64];
            while let Ok((_, from)) = browser.recv_from(&mut question).await {
                let text = format!("ServerName;H;InstanceName;ERP;tcp;{port};;");
                let length = u16::try_from(text.len()).unwrap().to_le_bytes();
                let answer = [&[5][..], &length, text.as_bytes()].concat();
                browser.send_to(&answer, from).await.unwrap();
            }
        });
        let named = |name: &str| Endpoint::Named("127.0.0.1".to_owned(), name.to_owned());
        for order in [Order::InTurn, Order::AtOnce] {
            let tcp = connect(&named("erp"), order, asked_at, LIMIT).await;
            assert_eq!(tcp.unwrap().peer_addr().unwrap().port(), port);
        }
        let fault = connect(&named("HR"), Order::InTurn, asked_at, LIMIT)
            .await
            .unwrap_err();
        assert_eq!(fault.trouble.stage, Stage::Connect);
        assert_eq!(
            fault.trouble.why,
            r#"127.0.0.1\HR: SQL Server Browser answered for instance "ERP", which was not asked for"#
        );
        assert!(fault.transient && fault.trouble.remedy.contains("UDP 1434"));
        let fault = connect(&named("A B"), Order::InTurn, asked_at, LIMIT).await;
        assert!(!fault.unwrap_err().transient, "the name stays wrong");
    }

    #[tokio::test]
    async fn a_name_without_an_address_is_told() {
        let endpoint = Endpoint::Default("no-such-host.invalid".to_owned());
        let fault = connect(&endpoint, Order::InTurn, browser::PORT, LIMIT)
            .await
            .unwrap_err();
        assert_eq!(fault.trouble.stage, Stage::Resolve);
        assert!(fault.transient);
    }

    #[test]
    fn what_failed_is_told_by_address() {
        let endpoint = Endpoint::Port("sql".to_owned(), 1);
        let refused = || Some(io::Error::from(io::ErrorKind::ConnectionRefused));
        let told = |failures: &[Failure]| unreached(&endpoint, failures, LIMIT);
        assert_eq!(
            told(&[(home(1, 1), refused())]),
            "sql,1: connection refused"
        );
        assert_eq!(
            told(&[(home(1, 1), None)]),
            "sql,1 did not answer within 2 s"
        );
        assert_eq!(
            told(&[(home(1, 1), None), (home(2, 1), refused())]),
            "sql,1: none of 2 addresses (127.0.0.1: no answer; 127.0.0.2: connection refused)"
        );
    }
}
