//! Reads requests, runs them side by side, and writes answers, until the input ends.

use std::sync::Arc;

use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, BufReader},
    sync::Semaphore,
};

use crate::{
    MAX_LINE, PROTOCOL,
    endpoint::Node,
    error::{Context, Error, Result},
    links::{self, Links},
    options::Options,
    output::{self, Output},
    protocol::{self, Answer, Event, Op, Request},
    rooms::Rooms,
    streams::Streams,
    ticket,
};

/// How many requests run at once; the reader waits for more.
const MAX_RUNNING: u32 = 256;

/// What requests are answered from.
#[derive(Debug, Clone)]
struct Server {
    node: Node,
    links: Links,
    rooms: Rooms,
    streams: Streams,
    output: Output,
}

/// Serves one pair of input and output.
pub async fn run(options: Options, input: impl AsyncRead + Unpin, to: impl AsyncWrite + Unpin + Send + 'static) -> Result<()> {
    let (output, queue) = Output::new();
    let streams = Streams::new(output.clone());
    let links = Links::new(streams.clone());
    let node = Node::open(&options, links.clone()).await?;
    let rooms = Rooms::load(node.clone(), links.clone(), output.clone()).await?;
    let writer = tokio::spawn(output::write(queue, to));
    output.event(Event::Hello { protocol: PROTOCOL, version: env!("CARGO_PKG_VERSION").to_owned(), endpoint: node.endpoint.id().to_string() });
    let server = Server { node, links, rooms, streams, output };
    let served = server.serve(BufReader::new(input), &writer).await;
    server.rooms.shut().await;
    server.links.close();
    server.node.close().await;
    writer.abort();
    served
}

impl Server {
    /// Reads until the input ends, or nobody reads the output any more.
    async fn serve(&self, mut input: impl AsyncBufRead + Unpin, writer: &tokio::task::JoinHandle<Result<()>>) -> Result<()> {
        let running = Arc::new(Semaphore::new(MAX_RUNNING as usize));
        while let Some(line) = next_line(&mut input).await? {
            if writer.is_finished() {
                break;
            }
            let server = self.clone();
            match line.decode() {
                Ok(request) => {
                    // Operations on streams may wait for a peer as long as they like: only streams are bounded.
                    let permit = if request.op.waits_for_peer() { None } else { Some(running.clone().acquire_owned().await.context("wait for requests")?) };
                    tokio::spawn(async move {
                        let id = request.id;
                        let result = server.execute(request.op).await;
                        server.output.answer(id, result).await;
                        drop(permit);
                    });
                }
                Err((Some(id), err)) => self.output.answer(id, Err(err)).await,
                Err((None, err)) => self.output.event(Event::Refused { message: err.to_string() }),
            }
        }
        // What was asked for before the input ended is done before the process ends.
        let _ = tokio::time::timeout(std::time::Duration::from_secs(2), running.acquire_many(MAX_RUNNING)).await;
        Ok(())
    }

    async fn execute(&self, op: Op) -> Result<Answer> {
        let done = |()| Answer::default();
        match op {
            Op::Hello { protocol } if protocol != PROTOCOL => Err(Error::Version { ours: PROTOCOL, theirs: protocol }),
            Op::Hello { .. } => Ok(Answer::default()),
            // It answers only if iroh-docs does.
            Op::Ping => self.rooms.docs().await.map(|_| Answer::default()),
            Op::Status => self.rooms.status().await,
            Op::Create => self.rooms.create().await,
            Op::Import { ticket } => self.rooms.import(&ticket).await,
            Op::Open { doc } => self.rooms.open(&doc).await,
            Op::Close { doc } => self.rooms.close(&doc).await,
            Op::Drop { doc } => self.rooms.remove(&doc).await,
            Op::Docs => self.rooms.docs().await,
            Op::Sync { doc } => self.rooms.sync(&doc).await,
            Op::Set { doc, entries } => self.rooms.set(&doc, entries).await,
            Op::Delete { doc, key } => self.rooms.delete(&doc, &key).await,
            Op::Get { doc, key } => self.rooms.get(&doc, &key).await,
            Op::List { doc, prefix, offset, limit } => self.rooms.list(&doc, &prefix, offset, limit).await,
            Op::Share { doc, write } => self.rooms.share(&doc, write).await,
            Op::TicketInfo { ticket } => {
                let ticket = ticket::parse(&ticket)?;
                Ok(Answer { doc: Some(ticket::doc(&ticket).to_string()), write: Some(ticket::writable(&ticket)), ..Answer::default() })
            }
            Op::Listen { protocol } => self.streams.listen(&protocol).map(done),
            Op::StreamOpen { peer, protocol } => {
                let stream = links::open(&self.links, &self.node, links::parse_peer(&peer)?, &protocol).await?;
                Ok(Answer { stream: Some(stream), ..Answer::default() })
            }
            Op::StreamRead { stream, max } => self.streams.read(stream, max).await,
            Op::StreamWrite { stream, data } => self.streams.write(stream, &data.0).await.map(done),
            Op::StreamFinish { stream } => self.streams.finish(stream).await.map(done),
            Op::StreamClose { stream } => self.streams.close(stream).map(done),
        }
    }
}

/// A line, or that it was too long.
#[derive(Debug, PartialEq, Eq)]
enum Input {
    Line(Vec<u8>),
    TooLong,
}

impl Input {
    fn decode(self) -> std::result::Result<Request, (Option<u64>, Error)> {
        match self {
            Self::TooLong => Err((None, Error::TooLarge(format!("a line has at most {MAX_LINE} bytes")))),
            Self::Line(bytes) => {
                let text = String::from_utf8(bytes).map_err(|_| (None, Error::invalid("a line is UTF-8")))?;
                protocol::decode(&text)
            }
        }
    }
}

/// Reads a line without its end; `None` where the input ends. What is longer than `MAX_LINE` is skipped.
async fn next_line(input: &mut (impl AsyncBufRead + Unpin)) -> Result<Option<Input>> {
    let mut line = Vec::new();
    let read = input.take(MAX_LINE as u64 + 1).read_until(b'\n', &mut line).await.context("read")?;
    if read == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        return Ok(Some(Input::Line(line)));
    }
    if read <= MAX_LINE {
        return Ok(None); // the input ended within a line
    }
    loop {
        line.clear();
        let read = input.take(64 << 10).read_until(b'\n', &mut line).await.context("read")?;
        if read == 0 {
            return Ok(None);
        }
        if line.last() == Some(&b'\n') {
            return Ok(Some(Input::TooLong));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_that_are_too_long_are_skipped() {
        let mut text = b"one\n".to_vec();
        text.extend(vec![b'x'; MAX_LINE + 1]);
        text.extend(b"\nthree\nunfinished");
        let mut input = BufReader::new(text.as_slice());
        let mut lines = Vec::new();
        while let Some(line) = next_line(&mut input).await.unwrap() {
            lines.push(line);
        }
        assert_eq!(lines, [Input::Line(b"one".to_vec()), Input::TooLong, Input::Line(b"three".to_vec())]);
    }
}
