//! SQL Server Browser (MC-SQLR): asks a host over UDP for the TCP port of a named instance. UDP loses
//! packets, so each address is asked until the limit; and anybody can send one, so only the address that was
//! asked is heard, and an answer that is not exactly what was asked for is refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use crate::snapshot::short;

/// Where SQL Server Browser listens, UDP.
pub(super) const PORT: u16 = 1434;

/// `CLNT_UCAST_INST`: asks for one instance by name.
const ASK_ONE: u8 = 0x04;
/// `SVR_RESP`.
const ANSWER: u8 = 0x05;
/// Some systems make an error of a datagram that does not fit; one that is too long is to be told as that.
const LONGEST_DATAGRAM: usize = 1 << 16;
/// The longest answer to such a question, by MC-SQLR 2.2.5.
const LONGEST_TEXT: usize = 1024;
/// The longest name that fits into the question, its end not counted, by MC-SQLR 2.2.3.
const LONGEST_NAME: usize = 31;
/// Time until the first repetition; each further one takes twice as long, up to the slowest.
const FIRST_WAIT: Duration = Duration::from_millis(400);
const SLOWEST_WAIT: Duration = Duration::from_secs(2);

/// Why a named instance's port is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum BrowserFault {
    /// The name cannot stand in a question.
    #[error("{0:?} cannot be asked for: an instance's name is 1 to 31 letters, digits, _, $ or #")]
    Name(String),
    /// No address answered in time.
    #[error("SQL Server Browser (UDP 1434) did not answer within {:.1} s", .0.as_secs_f32())]
    Silent(Duration),
    /// The host said that nothing listens, or the question could not be sent.
    #[error("SQL Server Browser (UDP 1434) cannot be asked: {0}")]
    Unreachable(String),
    /// The datagram ends before the answer does.
    #[error("SQL Server Browser's answer is cut short")]
    Truncated,
    /// The datagram is longer than the answer says, or than any answer may be.
    #[error("SQL Server Browser's answer is longer than it says, or than it may be")]
    TooLong,
    /// Not an answer of this protocol, or not to this question.
    #[error("what answers at UDP 1434 is not SQL Server Browser")]
    Foreign,
    /// The answer is about another instance than the one that was asked for.
    #[error("SQL Server Browser answered for instance {0:?}, which was not asked for")]
    OtherInstance(String),
    /// The instance has no TCP port.
    #[error("the instance does not listen on TCP")]
    NoTcp,
    /// The port is none.
    #[error("SQL Server Browser names {0:?} as the TCP port")]
    BadPort(String),
}

impl BrowserFault {
    /// What to do about it.
    pub(super) fn remedy(&self) -> &'static str {
        match self {
            Self::Name(_) => "correct the instance's name, or give its port instead",
            Self::Silent(_) => {
                "check the host and instance names (an unknown instance is not answered) and that UDP 1434 is open, or give the port"
            }
            Self::Unreachable(_) => "start the SQL Server Browser service, or give the port",
            Self::NoTcp => "enable TCP/IP for the instance in SQL Server Configuration Manager",
            Self::BadPort(_) => {
                "check the instance's TCP settings in SQL Server Configuration Manager, or give the port"
            }
            Self::Truncated | Self::TooLong | Self::Foreign | Self::OtherInstance(_) => {
                "find out what answers at UDP 1434 of the host, and give the instance's port until then"
            }
        }
    }

    /// Whether asking again may end otherwise.
    pub(super) fn may_pass(&self) -> bool {
        !matches!(self, Self::Name(_))
    }

    /// Whether somebody answered: such a fault says more than silence elsewhere.
    fn was_answered(&self) -> bool {
        !matches!(self, Self::Name(_) | Self::Silent(_) | Self::Unreachable(_))
    }
}

/// Asks all addresses of a host at once at UDP `port`; the address that first gives a good answer, and the
/// instance's TCP port there.
///
/// # Errors
/// No good answer within `limit`: the fault that says most.
pub(super) async fn find(
    addresses: &[IpAddr],
    port: u16,
    instance: &str,
    limit: Duration,
) -> Result<(IpAddr, u16), BrowserFault> {
    let question = question(instance)?;
    let mut asking = JoinSet::new();
    for address in addresses.iter().copied() {
        let (question, instance) = (question.clone(), instance.to_owned());
        asking.spawn(async move {
            let answer = ask(SocketAddr::new(address, port), &question).await?;
            port_in(&answer, &instance).map(|port| (address, port))
        });
    }
    let mut told: Option<BrowserFault> = None;
    let answered = tokio::time::timeout(limit, async {
        while let Some(done) = asking.join_next().await {
            match done {
                Ok(Ok(found)) => return Some(found),
                Ok(Err(fault)) if told.as_ref().is_none_or(|t| !t.was_answered()) => {
                    told = Some(fault);
                }
                _ => {}
            }
        }
        None
    });
    match answered.await {
        Ok(Some(found)) => Ok(found),
        Ok(None) => Err(told.unwrap_or(BrowserFault::Silent(limit))),
        Err(_) => Err(told
            .filter(BrowserFault::was_answered)
            .unwrap_or(BrowserFault::Silent(limit))),
    }
}

/// The datagram that asks for an instance. Other letters than these are sent in the code page of the
/// server, which nobody knows before.
fn question(instance: &str) -> Result<Vec<u8>, BrowserFault> {
    let usual = |c: u8| c.is_ascii_alphanumeric() || b"_$#".contains(&c);
    if instance.is_empty() || instance.len() > LONGEST_NAME || !instance.bytes().all(usual) {
        return Err(BrowserFault::Name(short(instance)));
    }
    Ok([&[ASK_ONE], instance.as_bytes(), &[0]].concat())
}

/// Asks one address again and again; the first datagram that comes from it. A connected socket takes none
/// from elsewhere.
async fn ask(browser: SocketAddr, question: &[u8]) -> Result<Vec<u8>, BrowserFault> {
    let fault = |error: std::io::Error| BrowserFault::Unreachable(error.to_string());
    let own: IpAddr = if browser.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let socket = UdpSocket::bind((own, 0)).await.map_err(fault)?;
    socket.connect(browser).await.map_err(fault)?;
    let mut answer = vec![0; LONGEST_DATAGRAM];
    let mut wait = FIRST_WAIT;
    loop {
        socket.send(question).await.map_err(fault)?;
        match tokio::time::timeout(wait, socket.recv(&mut answer)).await {
            Ok(Ok(length)) => {
                answer.truncate(length);
                return Ok(answer);
            }
            Ok(Err(error)) => return Err(fault(error)),
            Err(_) => wait = SLOWEST_WAIT.min(wait * 2),
        }
    }
}

/// The TCP port of an instance in an answer.
fn port_in(answer: &[u8], instance: &str) -> Result<u16, BrowserFault> {
    let (low, high, text) = match answer {
        [ANSWER, low, high, text @ ..] => (*low, *high, text),
        [ANSWER, ..] | [] => return Err(BrowserFault::Truncated),
        _ => return Err(BrowserFault::Foreign),
    };
    let told = usize::from(u16::from_le_bytes([low, high]));
    if told > LONGEST_TEXT || text.len() > told {
        return Err(BrowserFault::TooLong);
    }
    if text.len() < told {
        return Err(BrowserFault::Truncated);
    }
    let text = String::from_utf8_lossy(text);
    let pairs = pairs(&text).ok_or(BrowserFault::Foreign)?;
    let value = |key: &str| {
        let mut values = pairs
            .iter()
            .filter(|(k, _)| k.eq_ignore_ascii_case(key))
            .map(|(_, value)| *value);
        let first = values.next();
        if values.next().is_some() {
            return Err(BrowserFault::Foreign);
        }
        Ok(first)
    };
    let named = value("InstanceName")?.ok_or(BrowserFault::Foreign)?;
    if !named.eq_ignore_ascii_case(instance) {
        return Err(BrowserFault::OtherInstance(short(named)));
    }
    let port = value("tcp")?.ok_or(BrowserFault::NoTcp)?;
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse() {
        Ok(number) if digits && number > 0 => Ok(number),
        _ => Err(BrowserFault::BadPort(short(port))),
    }
}

/// `key;value;…;;`, of exactly one instance.
fn pairs(text: &str) -> Option<Vec<(&str, &str)>> {
    let mut words = text.strip_suffix(";;")?.split(';');
    let mut pairs = Vec::new();
    while let Some(key) = words.next() {
        let value = words.next()?;
        if key.is_empty() {
            return None;
        }
        pairs.push((key, value));
    }
    Some(pairs)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Instant;

    use super::*;

    const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const LIMIT: Duration = Duration::from_millis(1500);

    fn framed(text: &str) -> Vec<u8> {
        let length = u16::try_from(text.len()).unwrap();
        [&[ANSWER][..], &length.to_le_bytes(), text.as_bytes()].concat()
    }

    fn record(instance: &str, rest: &str) -> String {
        format!("ServerName;H;InstanceName;{instance};IsClustered;No;Version;16.0.1000.6;{rest};;")
    }

    /// A responder at a free port that leaves the first `deaf` questions unanswered.
    async fn responder(ip: IpAddr, deaf: usize, answer: Vec<u8>) -> (u16, Arc<AtomicUsize>) {
        let socket = UdpSocket::bind((ip, 0)).await.unwrap();
        let port = socket.local_addr().unwrap().port();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        tokio::spawn(async move {
            let mut question = [0; 64];
            while let Ok((length, from)) = socket.recv_from(&mut question).await {
                assert_eq!(&question[..length], b"\x04ERP\0");
                if count.fetch_add(1, Ordering::SeqCst) >= deaf {
                    socket.send_to(&answer, from).await.unwrap();
                }
            }
        });
        (port, asked)
    }

    async fn answered(answer: Vec<u8>) -> Result<u16, BrowserFault> {
        let (port, _) = responder(HOME, 0, answer).await;
        find(&[HOME], port, "ERP", LIMIT)
            .await
            .map(|(_, port)| port)
    }

    #[tokio::test]
    async fn the_port_is_found_whatever_the_letters_case_and_whatever_stands_around_it() {
        for text in [
            record("ERP", "tcp;50123"),
            record("erp", r"np;\\H\pipe\MSSQL$ERP\sql\query;TCP;50123;via;"),
        ] {
            assert_eq!(answered(framed(&text)).await, Ok(50123), "{text}");
        }
    }

    #[tokio::test]
    async fn every_wrong_answer_is_a_fault_of_its_own() {
        let good = framed(&record("ERP", "tcp;50123"));
        let mut longer = good.clone();
        longer.push(b';');
        let mut other_kind = good.clone();
        other_kind[0] = 0x06;
        let many = record("ERP", "tcp;1") + &record("ERP2", "tcp;2");
        let huge = record("ERP", &format!("x;{};tcp;1", "y".repeat(2000)));
        let record = |rest: &str| framed(&record("ERP", rest));
        let bad = |port: &str| BrowserFault::BadPort(port.to_owned());
        for (answer, fault) in [
            (good[..good.len() - 4].to_vec(), BrowserFault::Truncated),
            (vec![ANSWER, 1], BrowserFault::Truncated),
            (Vec::new(), BrowserFault::Truncated),
            (longer, BrowserFault::TooLong),
            (framed(&huge), BrowserFault::TooLong),
            (other_kind, BrowserFault::Foreign),
            (b"HTTP/1.1 400 Bad Request".to_vec(), BrowserFault::Foreign),
            (framed("\u{1}\u{2}garbage"), BrowserFault::Foreign),
            (framed("a;b;c;;"), BrowserFault::Foreign),
            (framed(&many), BrowserFault::Foreign),
            (record("tcp;1;tcp;2"), BrowserFault::Foreign),
            (framed("ServerName;H;tcp;1;;"), BrowserFault::Foreign),
            (record("np;x"), BrowserFault::NoTcp),
            (record("tcp;0"), bad("0")),
            (record("tcp;65536"), bad("65536")),
            (record("tcp;+1433"), bad("+1433")),
            (record("tcp;x"), bad("x")),
            (record("tcp;"), bad("")),
            (
                framed("ServerName;H;InstanceName;HR;tcp;50123;;"),
                BrowserFault::OtherInstance("HR".to_owned()),
            ),
        ] {
            let told = answered(answer.clone()).await;
            assert_eq!(told, Err(fault), "{}", String::from_utf8_lossy(&answer));
        }
    }

    #[test]
    fn every_fault_says_what_to_do() {
        let text = String::new;
        for fault in [
            BrowserFault::Name(text()),
            BrowserFault::Silent(LIMIT),
            BrowserFault::Unreachable(text()),
            BrowserFault::Truncated,
            BrowserFault::TooLong,
            BrowserFault::Foreign,
            BrowserFault::OtherInstance(text()),
            BrowserFault::NoTcp,
            BrowserFault::BadPort(text()),
        ] {
            assert!(fault.remedy().contains(' '), "{fault}");
        }
    }

    #[tokio::test]
    async fn a_lost_packet_is_asked_for_again() {
        let (port, asked) = responder(HOME, 1, framed(&record("ERP", "tcp;50123"))).await;
        let found = find(&[HOME], port, "ERP", LIMIT).await;
        assert_eq!(found, Ok((HOME, 50123)));
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn silence_ends_at_the_limit() {
        let (port, asked) = responder(HOME, usize::MAX, Vec::new()).await;
        let (limit, start) = (Duration::from_secs(1), Instant::now());
        let found = find(&[HOME], port, "ERP", limit).await;
        assert_eq!(found, Err(BrowserFault::Silent(limit)));
        assert!(start.elapsed() < limit * 2);
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn an_answer_from_another_address_or_port_is_not_heard() {
        let socket = UdpSocket::bind((HOME, 0)).await.unwrap();
        let port = socket.local_addr().unwrap().port();
        tokio::spawn(async move {
            let other = UdpSocket::bind((HOME, 0)).await.unwrap();
            let mut question = [0; 64];
            while let Ok((_, from)) = socket.recv_from(&mut question).await {
                let answer = framed(&record("ERP", "tcp;50123"));
                other.send_to(&answer, from).await.unwrap();
            }
        });
        let limit = Duration::from_millis(300);
        let found = find(&[HOME], port, "ERP", limit).await;
        assert_eq!(found, Err(BrowserFault::Silent(limit)));
    }

    #[cfg(target_os = "linux")] // where all of 127/8 is this machine, and a closed UDP port is told
    #[tokio::test]
    async fn every_address_is_asked_and_a_good_answer_outweighs_bad_ones() {
        let other = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
        let (port, _) = responder(other, 1, framed(&record("ERP", "tcp;50123"))).await;
        let found = find(&[HOME, other], port, "ERP", LIMIT).await;
        assert_eq!(found, Ok((other, 50123)), "{HOME} is closed");
        let alone = find(&[HOME], port, "ERP", LIMIT).await;
        assert!(
            matches!(alone, Err(BrowserFault::Unreachable(_))),
            "{alone:?}"
        );
        let (port, _) = responder(other, 0, framed(&record("ERP", "np;x"))).await;
        let found = find(&[HOME, other], port, "ERP", LIMIT).await;
        assert_eq!(found, Err(BrowserFault::NoTcp), "it says more than silence");
    }

    #[tokio::test]
    async fn a_name_that_could_be_taken_for_more_is_not_sent() {
        for name in ["", "A;B", "A\0B", "A B", "ERPÄ", &"A".repeat(32)] {
            let found = find(&[HOME], 9, name, LIMIT).await;
            assert_eq!(found, Err(BrowserFault::Name(name.to_owned())));
        }
    }
}
