//! The SQL Server Browser (MC-SQLR): a UDP service that tells the TCP port of a named instance.

use std::fmt::Write as _;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::net::UdpSocket;
use tokio::task::AbortHandle;

/// `CLNT_UCAST_INST`: asks for one instance by name.
const ASK_ONE: u8 = 0x04;
/// `CLNT_UCAST_EX`: asks for all instances.
const ASK_ALL: u8 = 0x03;
const ANSWER: u8 = 0x05;

/// An instance a browser knows.
#[derive(Clone, Debug)]
pub struct Instance {
    pub name: String,
    pub port: u16,
}

/// A SQL Server Browser on 127.0.0.1; dropping it ends it.
pub struct BrowserServer {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
    task: AbortHandle,
}

impl BrowserServer {
    /// Answers at the UDP port (1434 is the real one; 0 takes a free one) for these instances.
    pub fn start(port: u16, instances: Vec<Instance>) -> io::Result<Self> {
        let runtime = super::runtime();
        let _inside = runtime.enter();
        let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, port))?;
        socket.set_nonblocking(true)?;
        let port = socket.local_addr()?.port();
        let socket = UdpSocket::from_std(socket)?;
        let asked = Arc::new(Mutex::new(Vec::new()));
        let task = runtime
            .spawn(serve(socket, instances, Arc::clone(&asked)))
            .abort_handle();
        Ok(Self { port, asked, task })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The names that were asked for, in order; a question for all instances is an empty name.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no panic under the lock").clone()
    }
}

impl Drop for BrowserServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(socket: UdpSocket, instances: Vec<Instance>, asked: Arc<Mutex<Vec<String>>>) {
    let mut question = [0; 1024];
    while let Ok((length, from)) = socket.recv_from(&mut question).await {
        let (name, known): (String, Vec<&Instance>) = match &question[..length] {
            [ASK_ALL] => (String::new(), instances.iter().collect()),
            [ASK_ONE, name @ ..] => {
                let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
                let name = String::from_utf8_lossy(name).into_owned();
                let known = instances
                    .iter()
                    .filter(|i| i.name.eq_ignore_ascii_case(&name));
                let known = known.collect();
                (name, known)
            }
            _ => continue,
        };
        asked.lock().expect("no panic under the lock").push(name);
        // A browser that does not know the instance says nothing.
        if !known.is_empty() {
            let _ = reply(&socket, from, &known).await;
        }
    }
}

async fn reply(socket: &UdpSocket, to: SocketAddr, instances: &[&Instance]) -> io::Result<()> {
    let mut text = String::new();
    for Instance { name, port } in instances {
        write!(
            text,
            "ServerName;TDSTEST;InstanceName;{name};IsClustered;No;Version;16.0.1000.6;tcp;{port};;"
        )
        .expect("a String takes everything");
    }
    let length = u16::try_from(text.len()).expect("a short list of instances");
    let mut answer = vec![ANSWER];
    answer.extend(length.to_le_bytes());
    answer.extend_from_slice(text.as_bytes());
    socket.send_to(&answer, to).await.map(drop)
}
