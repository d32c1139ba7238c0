//! A session after its login: requests come in, the handler's steps go out, and an attention or a
//! hang-up is heard at any time.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::answer::{Column, Step};
use super::connection::{Connection, End, Stream};
use super::packet::{Message, Outgoing, ReadError, kind, read_message};
use super::request::Request;
use super::token::{self, Done, status};
use super::value::{put_nbc_row, put_row};
use super::{Acknowledge, LogKind, Session, Stage};

/// How much of an answer is kept before its full packets are sent.
const SEND_AT: usize = 64 << 10;

/// What comes from the client.
enum Incoming {
    Message(Message),
    Attention,
    Gone,
    Malformed(String),
}

/// What ended a pause.
#[derive(PartialEq, Eq)]
enum Pause {
    Over,
    Attention,
}

/// Where an answer stands.
#[allow(clippy::struct_excessive_bools)] // each is a bit of what is sent next
struct Answer<'a> {
    columns: &'a [Column],
    rpc: bool,
    /// A result set is open, so that its DONE counts rows.
    counting: bool,
    error: bool,
    /// The last DONE and the end of the message are sent.
    complete: bool,
}

impl Answer<'_> {
    fn new(rpc: bool) -> Self {
        Self {
            columns: &[],
            rpc,
            counting: false,
            error: false,
            complete: false,
        }
    }

    /// Puts the DONE of one statement; the last one also ends the procedure of an RPC.
    fn put_done(&mut self, out: &mut Vec<u8>, rows: u64, last: bool) {
        let mut bits = if self.error { status::ERROR } else { 0 };
        if self.counting || rows > 0 {
            bits |= status::COUNT;
        }
        self.counting = false;
        self.error = false;
        let more = if last { status::FINAL } else { status::MORE };
        if !self.rpc {
            token::put_done(out, Done::Batch, bits | more, rows);
            return;
        }
        token::put_done(out, Done::InProcedure, bits | status::MORE, rows);
        if last {
            token::put_return_status(out, 0);
            token::put_done(out, Done::Procedure, bits & status::ERROR, 0);
        }
    }
}

pub(super) struct SessionLoop {
    connection: Connection,
    session: Box<dyn Session>,
    writer: WriteHalf<Box<dyn Stream>>,
    incoming: UnboundedReceiver<Incoming>,
    /// Requests that came while a finished answer still had steps to go.
    waiting: VecDeque<Message>,
    /// Ends with the session, and so lets go of its half of the socket.
    reader: JoinSet<()>,
    out: Outgoing,
    answered: u32,
}

impl SessionLoop {
    pub fn new(
        connection: Connection,
        stream: Box<dyn Stream>,
        packet_size: usize,
        session: Box<dyn Session>,
    ) -> Self {
        let (half, writer) = tokio::io::split(stream);
        let (sender, incoming) = unbounded_channel();
        let mut reader = JoinSet::new();
        reader.spawn(read(half, sender));
        Self {
            out: Outgoing::new(kind::TABULAR, connection.spid(), packet_size),
            connection,
            session,
            writer,
            incoming,
            waiting: VecDeque::new(),
            reader,
            answered: 0,
        }
    }

    pub async fn run(mut self) -> Result<(), End> {
        let mut end = self.serve().await;
        // Told before the client sees the connection end, so that a test may look at once.
        if let Err(End::Fault(text)) = &end {
            self.connection.fault(text);
            end = Err(End::Closed);
        }
        // The reader holds half of the socket: it must be gone before the writer is dropped.
        self.reader.shutdown().await;
        end
    }

    async fn serve(&mut self) -> Result<(), End> {
        loop {
            let message = match self.waiting.pop_front() {
                Some(message) => Some(message),
                None => self.next().await?,
            };
            let Some(message) = message else {
                self.acknowledge(&mut Answer::new(false), true).await?;
                continue;
            };
            if !message.ignore {
                self.answer(message).await?;
                self.answered += 1;
            }
        }
    }

    /// The next message, or `None` for an attention that is to be heeded.
    async fn next(&mut self) -> Result<Option<Message>, End> {
        loop {
            match self.incoming.recv().await {
                Some(Incoming::Message(message)) => return Ok(Some(message)),
                Some(Incoming::Attention) => {
                    self.connection.log(LogKind::Attention);
                    if self.connection.shared.options.acknowledge != Acknowledge::Never {
                        return Ok(None);
                    }
                }
                Some(Incoming::Malformed(text)) => return Err(End::Fault(text)),
                Some(Incoming::Gone) | None => return Err(End::Closed),
            }
        }
    }

    async fn answer(&mut self, message: Message) -> Result<(), End> {
        let request = Request::parse(&message)?;
        self.connection.log(match &request {
            Request::Batch(text) => LogKind::Batch(text.clone()),
            Request::Rpc {
                procedure,
                statement,
            } => LogKind::Rpc {
                procedure: procedure.clone(),
                statement: statement.clone(),
            },
        });
        self.gate().await?;
        let session = &mut self.session;
        let steps = self
            .connection
            .guarded("answer", || session.answer(&request))?;
        let mut answer = Answer::new(matches!(request, Request::Rpc { .. }));
        if message.reset {
            token::put_reset_acknowledged(&mut self.out.payload)?;
        }
        let latency = self.connection.shared.options.latency;
        if !latency.is_zero() && self.pause(latency, &answer).await? == Pause::Attention {
            return self.acknowledge(&mut answer, false).await;
        }
        self.play(&mut answer, &steps).await
    }

    /// Where the options have the server fall silent or hang up after so many requests.
    async fn gate(&mut self) -> Result<(), End> {
        let stage = Some(Stage::Request(self.answered));
        if self.connection.shared.options.cut == stage {
            return Err(End::Closed);
        }
        if self.connection.shared.options.hang == stage {
            return self.stall().await;
        }
        Ok(())
    }

    async fn play<'a>(&mut self, answer: &mut Answer<'a>, steps: &'a [Step]) -> Result<(), End> {
        let last_token = steps.iter().rposition(is_token);
        for (at, step) in steps.iter().enumerate() {
            if self.attention_came(answer)? {
                return self.acknowledge(answer, answer.complete).await;
            }
            match step {
                Step::Sleep(time) => {
                    self.flush().await?;
                    if self.pause(*time, answer).await? == Pause::Attention {
                        return self.acknowledge(answer, answer.complete).await;
                    }
                }
                Step::Stall => {
                    self.flush().await?;
                    return self.stall().await;
                }
                Step::Close => {
                    self.flush().await?;
                    return Err(End::Closed);
                }
                Step::Done { rows } => {
                    let last = last_token == Some(at);
                    answer.put_done(&mut self.out.payload, *rows, last);
                    // The end of the message goes with its last DONE, unless a fault is to come.
                    if last && !matches!(steps.get(at + 1), Some(Step::Stall | Step::Close)) {
                        self.finish().await?;
                        answer.complete = true;
                    }
                }
                step => {
                    self.put_token(answer, step)?;
                    if self.out.payload.len() >= SEND_AT {
                        let packets = self.out.take_full();
                        self.send(&packets).await?;
                    }
                }
            }
        }
        if !answer.complete {
            answer.put_done(&mut self.out.payload, 0, true);
            self.finish().await?;
        }
        Ok(())
    }

    fn put_token<'a>(&mut self, answer: &mut Answer<'a>, step: &'a Step) -> Result<(), String> {
        let options = &self.connection.shared.options;
        let out = &mut self.out.payload;
        match step {
            Step::Columns(columns) => {
                answer.columns = columns;
                answer.counting = true;
                token::put_columns(out, columns, options.collation)
            }
            Step::Row(row) => put_row(out, answer.columns, row, options.collation),
            Step::NbcRow(row) => put_nbc_row(out, answer.columns, row, options.collation),
            Step::HalfRow(row) => {
                let mut whole = Vec::new();
                put_row(&mut whole, answer.columns, row, options.collation)?;
                out.extend_from_slice(&whole[..whole.len().div_ceil(2)]);
                Ok(())
            }
            Step::Message(message) => {
                answer.error |= token::is_error(message);
                token::put_message(out, message, &options.server_name)
            }
            Step::Database { new, old } => token::put_database(out, new, old),
            Step::Raw(bytes) => {
                out.extend_from_slice(bytes);
                Ok(())
            }
            Step::Done { .. } | Step::Sleep(_) | Step::Stall | Step::Close => Ok(()),
        }
    }

    /// Looks at what has come without waiting: whether it is an attention to be heeded.
    fn attention_came(&mut self, answer: &Answer<'_>) -> Result<bool, End> {
        while let Ok(incoming) = self.incoming.try_recv() {
            if self.heed(incoming, answer)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes note of what came during an answer: whether it is an attention to be heeded.
    fn heed(&mut self, incoming: Incoming, answer: &Answer<'_>) -> Result<bool, End> {
        match incoming {
            Incoming::Attention => {
                self.connection.log(LogKind::Attention);
                Ok(self.connection.shared.options.acknowledge != Acknowledge::Never)
            }
            // A client that took a late acknowledgement for an answer asks on too early.
            Incoming::Message(message)
                if answer.complete
                    || self.connection.shared.options.acknowledge == Acknowledge::Apart =>
            {
                self.waiting.push_back(message);
                Ok(false)
            }
            Incoming::Message(message) => Err(End::Fault(format!(
                "a message of type {:#04x} while an answer was under way",
                message.kind
            ))),
            Incoming::Malformed(text) => Err(End::Fault(text)),
            Incoming::Gone => Err(End::Closed),
        }
    }

    async fn pause(&mut self, time: Duration, answer: &Answer<'_>) -> Result<Pause, End> {
        let until = Instant::now() + time;
        loop {
            let incoming = tokio::select! {
                () = sleep_until(until) => return Ok(Pause::Over),
                incoming = self.incoming.recv() => incoming.unwrap_or(Incoming::Gone),
            };
            if self.heed(incoming, answer)? {
                return Ok(Pause::Attention);
            }
        }
    }

    /// Says nothing more until the client goes away, whatever it sends.
    async fn stall(&mut self) -> Result<(), End> {
        loop {
            match self.incoming.recv().await {
                Some(Incoming::Attention) => self.connection.log(LogKind::Attention),
                Some(Incoming::Message(_)) => {}
                Some(Incoming::Malformed(text)) => return Err(End::Fault(text)),
                Some(Incoming::Gone) | None => return Err(End::Closed),
            }
        }
    }

    /// DONE with the attention bit: at the end of the answer it cut short, or in a message of its
    /// own when that answer has already ended or the options want it so.
    async fn acknowledge(&mut self, answer: &mut Answer<'_>, ended: bool) -> Result<(), End> {
        let apart = self.connection.shared.options.acknowledge == Acknowledge::Apart;
        if !ended && apart {
            answer.put_done(&mut self.out.payload, 0, true);
            self.finish().await?;
        }
        token::put_done(&mut self.out.payload, Done::Batch, status::ATTENTION, 0);
        self.finish().await
    }

    async fn finish(&mut self) -> Result<(), End> {
        let packets = self.out.finish();
        Ok(self.send(&packets).await?)
    }

    async fn flush(&mut self) -> Result<(), End> {
        let packets = self.out.take_all();
        Ok(self.send(&packets).await?)
    }

    async fn send(&mut self, packets: &[u8]) -> io::Result<()> {
        self.writer.write_all(packets).await?;
        self.writer.flush().await
    }
}

fn is_token(step: &Step) -> bool {
    !matches!(step, Step::Sleep(_) | Step::Stall | Step::Close)
}

async fn read(mut from: ReadHalf<Box<dyn Stream>>, to: UnboundedSender<Incoming>) {
    loop {
        let incoming = match read_message(&mut from).await {
            Ok(message) if message.kind == kind::ATTENTION => Incoming::Attention,
            Ok(message) => Incoming::Message(message),
            Err(ReadError::Gone) => Incoming::Gone,
            Err(ReadError::Malformed(text)) => Incoming::Malformed(text),
        };
        let over = matches!(incoming, Incoming::Gone | Incoming::Malformed(_));
        if to.send(incoming).is_err() || over {
            return;
        }
    }
}
