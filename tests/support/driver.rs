//! The driver that the collector uses, without the collector: logs in and gives back what came.

use std::time::Duration;

use futures_util::TryStreamExt;
use tiberius::error::Error;
use tiberius::{AuthMethod, Client, ColumnData, Config, EncryptionLevel, QueryItem};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

/// A result set: the driver's names of column types, and the values.
#[derive(Debug, Default)]
pub struct Set {
    pub columns: Vec<(String, String)>,
    pub rows: Vec<Vec<ColumnData<'static>>>,
}

/// What one batch brought; the driver tells of no error but the first.
#[derive(Debug, Default)]
pub struct Reply {
    pub sets: Vec<Set>,
    pub error: Option<Error>,
}

impl Reply {
    /// The number of the server's error.
    pub fn error_number(&self) -> Option<u32> {
        match &self.error {
            Some(Error::Server(token)) => Some(token.code()),
            _ => None,
        }
    }
}

/// Connection to a server on this machine, which is trusted by its authority.
pub fn config(port: u16, ca_pem: &str, user: &str, password: &str) -> Config {
    let mut config = Config::new();
    config.host("localhost");
    config.port(port);
    config.authentication(AuthMethod::sql_server(user, password));
    config.encryption(EncryptionLevel::Required);
    config.trust_cert_ca_bundle(ca_pem);
    config.command_timeout(Some(Duration::from_secs(20)));
    config
}

/// A logged-in client with a runtime to run it on.
pub struct Driver {
    runtime: tokio::runtime::Runtime,
    client: Client<Compat<TcpStream>>,
}

impl Driver {
    pub fn connect(config: &Config) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let client = runtime.block_on(async {
            let socket = TcpStream::connect(config.get_addr())
                .await
                .expect("the server's port");
            socket.set_nodelay(true).expect("no delay");
            Box::pin(Client::connect(config.clone(), socket.compat_write())).await
        })?;
        Ok(Self { runtime, client })
    }

    /// Sends a batch and reads all that comes.
    pub fn batch(&mut self, text: &str) -> Reply {
        self.runtime.block_on(read(&mut self.client, text))
    }

    /// The same for at most this time; `None` if more was to come then.
    pub fn batch_within(&mut self, text: &str, time: Duration) -> Option<Reply> {
        let reading = read(&mut self.client, text);
        self.runtime
            .block_on(async { tokio::time::timeout(time, reading).await })
            .ok()
    }

    /// Sends a batch, reads one row of its answer, and cancels the rest.
    pub fn cancel_after_one_row(&mut self, text: &str) -> Result<(), Error> {
        self.runtime.block_on(async {
            let mut stream = self.client.simple_query(text).await?;
            while !matches!(stream.try_next().await?, Some(QueryItem::Row(_)) | None) {}
            drop(stream);
            self.client.cancel_query().await
        })
    }

    /// Runs a batch as a prepared statement, which goes as an RPC.
    pub fn rpc(&mut self, text: &str) -> Reply {
        self.runtime.block_on(async {
            match self.client.query(text, &[]).await {
                Ok(stream) => drain(stream).await,
                Err(error) => Reply {
                    sets: Vec::new(),
                    error: Some(error),
                },
            }
        })
    }
}

async fn read(client: &mut Client<Compat<TcpStream>>, text: &str) -> Reply {
    match client.simple_query(text).await {
        Ok(stream) => drain(stream).await,
        Err(error) => Reply {
            sets: Vec::new(),
            error: Some(error),
        },
    }
}

async fn drain(mut stream: tiberius::QueryStream<'_>) -> Reply {
    let mut reply = Reply::default();
    loop {
        match stream.try_next().await {
            Ok(Some(QueryItem::Metadata(metadata))) => reply.sets.push(Set {
                columns: metadata
                    .columns()
                    .iter()
                    .map(|c| (c.name().to_owned(), format!("{:?}", c.column_type())))
                    .collect(),
                rows: Vec::new(),
            }),
            Ok(Some(QueryItem::Row(row))) => {
                let set = reply.sets.last_mut().expect("columns before rows");
                set.rows.push(row.into_iter().collect());
            }
            Ok(None) => return reply,
            Err(error) => {
                reply.error = Some(error);
                return reply;
            }
        }
    }
}
