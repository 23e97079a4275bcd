//! Streams between two endpoints, by protocol name. The opener's first bytes are one length byte and the name; what
//! follows is up to both ends. The other side of stdin and stdout reads when it can: what it does not read stays with
//! the peer, which QUIC slows down.

use std::{
    collections::{HashMap, HashSet},
    future::Future,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use iroh::{
    EndpointId,
    endpoint::{RecvStream, SendStream},
};
use tokio::{
    sync::{Mutex as AsyncMutex, watch},
    time,
};

use crate::{
    error::{Context, Error, Result},
    output::Output,
    protocol::{Answer, Data, Event},
};

/// How many streams are open at once, how many of them from one peer, and how many protocols are listened for.
const MAX_STREAMS: usize = 1024;
const MAX_OF_PEER: usize = 128;
const MAX_PROTOCOLS: usize = 64;
const MAX_NAME: usize = 64;
/// The most that one read returns, in bytes.
const MAX_READ: usize = 256 << 10;
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// The reset code for a protocol that nobody listens for, and for a stream that was closed here.
const NOT_SPOKEN: u32 = 1;
const CLOSED: u32 = 2;

/// The open streams; cheap to clone.
#[derive(Debug, Clone)]
pub struct Streams(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    output: Output,
    next: AtomicU64,
    open: Mutex<HashMap<u64, Stream>>,
    protocols: Mutex<HashSet<String>>,
}

#[derive(Debug, Clone)]
struct Stream {
    peer: Option<EndpointId>,
    send: Arc<AsyncMutex<SendStream>>,
    recv: Arc<AsyncMutex<RecvStream>>,
    closed: Arc<watch::Sender<bool>>,
}

impl Stream {
    /// Runs an operation until it is done, or until the stream is closed here.
    async fn until_closed<T>(&self, operation: impl Future<Output = Result<T>>) -> Result<T> {
        let mut closed = self.closed.subscribe();
        tokio::select! {
            result = operation => result,
            _ = closed.wait_for(|closed| *closed) => Err(Error::NotFound("the stream was closed".to_owned())),
        }
    }
}

impl Streams {
    pub fn new(output: Output) -> Self {
        Self(Arc::new(Inner { output, next: AtomicU64::new(1), open: Mutex::default(), protocols: Mutex::default() }))
    }

    /// Announces streams of a protocol from now on.
    pub fn listen(&self, protocol: &str) -> Result<()> {
        check_name(protocol)?;
        let mut protocols = lock(&self.0.protocols);
        if protocols.len() >= MAX_PROTOCOLS && !protocols.contains(protocol) {
            return Err(Error::TooLarge(format!("at most {MAX_PROTOCOLS} protocols are listened for")));
        }
        protocols.insert(protocol.to_owned());
        Ok(())
    }

    /// Reads the header of a stream that a peer has opened, and announces it.
    pub fn incoming(&self, peer: EndpointId, mut send: SendStream, mut recv: RecvStream) {
        let streams = self.clone();
        tokio::spawn(async move {
            let protocol = match time::timeout(HEADER_TIMEOUT, header(&mut recv)).await {
                Ok(Ok(protocol)) if lock(&streams.0.protocols).contains(&protocol) => protocol,
                _ => return refuse(&mut send, &mut recv),
            };
            match streams.add(Some(peer), send, recv) {
                Ok(stream) => streams.0.output.event(Event::Stream { stream, peer: peer.to_string(), protocol }),
                Err((mut send, mut recv)) => refuse(&mut send, &mut recv),
            }
        });
    }

    /// Writes the header of a stream that was opened here.
    pub async fn outgoing(&self, mut send: SendStream, recv: RecvStream, protocol: &str) -> Result<u64> {
        let length = check_name(protocol)?;
        send.write_all(&[length]).await.context("write stream")?;
        send.write_all(protocol.as_bytes()).await.context("write stream")?;
        self.add(None, send, recv).map_err(|_| Error::TooLarge(format!("at most {MAX_STREAMS} streams are open")))
    }

    fn add(&self, peer: Option<EndpointId>, send: SendStream, recv: RecvStream) -> std::result::Result<u64, (SendStream, RecvStream)> {
        let mut open = lock(&self.0.open);
        let of_peer = peer.is_some().then(|| open.values().filter(|stream| stream.peer == peer).count());
        if open.len() >= MAX_STREAMS || of_peer >= Some(MAX_OF_PEER) {
            return Err((send, recv));
        }
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        open.insert(
            id,
            Stream { peer, send: Arc::new(AsyncMutex::new(send)), recv: Arc::new(AsyncMutex::new(recv)), closed: Arc::new(watch::channel(false).0) },
        );
        Ok(id)
    }

    fn stream(&self, id: u64) -> Result<Stream> {
        lock(&self.0.open).get(&id).cloned().ok_or_else(|| Error::NotFound(format!("stream {id} is not open")))
    }

    /// Waits for up to `max` bytes.
    pub async fn read(&self, id: u64, max: usize) -> Result<Answer> {
        let stream = self.stream(id)?;
        let chunk = stream.until_closed(async {
            let chunk = stream.recv.lock().await.read_chunk(max.clamp(1, MAX_READ)).await;
            chunk.map_err(|err| Error::Unavailable(format!("read stream: {err}")))
        });
        match chunk.await? {
            Some(bytes) => Ok(Answer { data: Some(Data(bytes.to_vec())), ..Answer::default() }),
            None => Ok(Answer { end: Some(true), ..Answer::default() }),
        }
    }

    /// Writes bytes; waits while the peer does not read.
    pub async fn write(&self, id: u64, data: &[u8]) -> Result<()> {
        let stream = self.stream(id)?;
        let written = stream.until_closed(async {
            let written = stream.send.lock().await.write_all(data).await;
            written.map_err(|err| Error::Unavailable(format!("write stream: {err}")))
        });
        written.await
    }

    /// Ends this side of the stream; the peer reads to the end.
    pub async fn finish(&self, id: u64) -> Result<()> {
        let stream = self.stream(id)?;
        stream.send.lock().await.finish().map_err(|err| Error::Unavailable(format!("finish stream: {err}")))
    }

    /// Ends both sides at once, also for reads and writes that wait.
    pub fn close(&self, id: u64) -> Result<()> {
        let stream = lock(&self.0.open).remove(&id).ok_or_else(|| Error::NotFound(format!("stream {id} is not open")))?;
        stream.closed.send_replace(true);
        tokio::spawn(async move {
            // A stream that was finished has been sent whole; this does nothing to it then.
            let _ = stream.send.lock().await.reset(CLOSED.into());
            let _ = stream.recv.lock().await.stop(CLOSED.into());
        });
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn check_name(protocol: &str) -> Result<u8> {
    match u8::try_from(protocol.len()) {
        Ok(length) if length > 0 && protocol.len() <= MAX_NAME => Ok(length),
        _ => Err(Error::invalid(format!("a protocol's name has 1 to {MAX_NAME} bytes"))),
    }
}

async fn header(recv: &mut RecvStream) -> Result<String> {
    let mut length = [0];
    recv.read_exact(&mut length).await.context("read header")?;
    let mut name = vec![0; usize::from(length[0])];
    recv.read_exact(&mut name).await.context("read header")?;
    String::from_utf8(name).context("read header")
}

fn refuse(send: &mut SendStream, recv: &mut RecvStream) {
    let _ = send.reset(NOT_SPOKEN.into());
    let _ = recv.stop(NOT_SPOKEN.into());
}
