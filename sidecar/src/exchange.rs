//! An exchange of a document's entries that this side dials and of which it sees the end.
//!
//! iroh-docs 0.101 exchanges entries by itself, but its reports are of no use on noq 1.4: whoever reads the end of the
//! other's stream within the exchange gets an error when the stream is closed, and the exchange counts as failed,
//! whatever it has done. That is the rule where both have the same entries. So an exchange that is reported as failed
//! is followed by one from here, which is one round trip where nothing is missing.

use std::time::Duration;

use iroh::{
    EndpointId,
    endpoint::{RecvStream, SendStream},
};
use iroh_docs::{
    ALPN, NamespaceId,
    net::AbortReason,
    sync::{ProtocolMessage, SyncOutcome},
};
use serde::{Deserialize, Serialize};
use tokio::time;

use crate::{
    endpoint::Node,
    error::{Context, Error, Result},
};

/// How long an exchange may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The largest message that is read: 20,000 entries with the longest keys are about 15 MiB.
const MAX_MESSAGE: usize = 32 << 20;

/// What iroh-docs sends, in postcard, after its length (4 bytes, big-endian).
#[derive(Debug, Serialize, Deserialize)]
enum Message {
    Init { namespace: NamespaceId, message: ProtocolMessage },
    Sync(ProtocolMessage),
    Abort { reason: AbortReason },
}

/// How many entries an exchange has moved.
#[derive(Debug, Clone, Copy, Default)]
pub struct Moved {
    pub received: u64,
    pub sent: u64,
}

/// Exchanges the entries of a document with a peer.
pub async fn run(node: &Node, doc: NamespaceId, peer: EndpointId) -> Result<Moved> {
    time::timeout(TIMEOUT, dial(node, doc, peer))
        .await
        .map_err(|_| Error::Unavailable(format!("exchange with peer {} did not end within {} s", peer.fmt_short(), TIMEOUT.as_secs())))?
}

async fn dial(node: &Node, doc: NamespaceId, peer: EndpointId) -> Result<Moved> {
    let connection = node.endpoint.connect(node.peers.addr(peer), ALPN).await.context("connect for an exchange")?;
    let (mut send, mut recv) = connection.open_bi().await.context("open stream for an exchange")?;
    let mut outcome = SyncOutcome::default();
    let message = node.sync.sync_initial_message(doc).await.context("begin exchange")?;
    write(&mut send, &Message::Init { namespace: doc, message }).await?;
    while let Some(message) = read(&mut recv).await? {
        let message = match message {
            Message::Sync(message) => message,
            Message::Abort { reason: AbortReason::NotFound } => return Err(Error::NotFound("the peer does not have the document open".to_owned())),
            Message::Abort { reason } => return Err(Error::Unavailable(format!("the peer refused an exchange: {reason:?}"))),
            Message::Init { .. } => return Err(Error::invalid("the peer began an exchange within another")),
        };
        let (reply, next) = node.sync.sync_process_message(doc, message, *peer.as_bytes(), outcome).await.context("exchange entries")?;
        outcome = next;
        let Some(reply) = reply else { break };
        write(&mut send, &Message::Sync(reply)).await?;
    }
    send.finish().context("end exchange")?;
    // The peer has everything when it has taken the end of the stream; it may have closed the connection by then.
    let _ = time::timeout(Duration::from_secs(3), send.stopped()).await;
    Ok(Moved { received: outcome.num_recv as u64, sent: outcome.num_sent as u64 })
}

async fn write(send: &mut SendStream, message: &Message) -> Result<()> {
    let bytes = postcard::to_stdvec(message).context("encode message")?;
    let length = u32::try_from(bytes.len()).context("encode message")?;
    send.write_all(&length.to_be_bytes()).await.context("send message")?;
    send.write_all(&bytes).await.context("send message")
}

/// Reads a message; `None` where the peer has ended its stream.
async fn read(recv: &mut RecvStream) -> Result<Option<Message>> {
    let mut length = [0; 4];
    match recv.read(&mut length[..1]).await.context("read message")? {
        None => return Ok(None),
        Some(_) => recv.read_exact(&mut length[1..]).await.context("read message")?,
    }
    let length = u32::from_be_bytes(length) as usize;
    if length > MAX_MESSAGE {
        return Err(Error::TooLarge(format!("a message of an exchange has at most {MAX_MESSAGE} bytes")));
    }
    // What is not sent takes no memory: the buffer grows with what arrives.
    let mut bytes = Vec::new();
    while bytes.len() < length {
        let chunk = recv.read_chunk(length - bytes.len()).await.context("read message")?;
        let chunk = chunk.ok_or_else(|| Error::invalid("the peer ended its stream within a message"))?;
        bytes.extend_from_slice(&chunk);
    }
    decode(&bytes).map(Some)
}

fn decode(bytes: &[u8]) -> Result<Message> {
    postcard::from_bytes(bytes).map_err(|err| Error::invalid(format!("not a message of an exchange: {err}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Random;

    /// A peer may send any bytes: each message is refused, or stays the same when it is written and read again.
    #[test]
    fn changed_messages_are_refused_or_read_the_same() {
        let seeds: Vec<Vec<u8>> = [AbortReason::NotFound, AbortReason::AlreadySyncing, AbortReason::InternalServerError]
            .into_iter()
            .map(|reason| postcard::to_stdvec(&Message::Abort { reason }).unwrap())
            .chain([vec![0; 40], vec![1; 200], [&[0][..], &[7; 32], &[1, 0], &[3; 150]].concat()])
            .collect();
        let (mut random, mut accepted, mut refused) = (Random(1), 0, 0);
        for round in 0..100_000 {
            let mut bytes = seeds[round % seeds.len()].clone();
            for _ in 0..=random.below(3) {
                random.change(&mut bytes, &seeds);
            }
            match decode(&bytes) {
                Ok(message) => {
                    let written = postcard::to_stdvec(&message).unwrap();
                    assert_eq!(postcard::to_stdvec(&decode(&written).unwrap()).unwrap(), written);
                    accepted += 1;
                }
                Err(err) => {
                    assert_eq!(err.code(), "invalid");
                    refused += 1;
                }
            }
        }
        assert!(accepted > 100 && refused > 100, "{accepted} accepted, {refused} refused");
    }
}
