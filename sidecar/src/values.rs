//! Fetches the values of entries from peers, over one connection to each. Iroh's own pool does not notice soon that a
//! peer was killed and has come back under the same address.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use iroh::{EndpointId, endpoint::Connection};
use iroh_blobs::{
    ALPN, Hash,
    protocol::{ChunkRanges, ChunkRangesExt as _, GetManyRequest},
};
use tokio::time;

use crate::{
    MAX_VALUE,
    endpoint::Node,
    error::{Context, Error, Result},
};

/// How long a peer may take to be reached, and for one request.
const TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Debug, Default)]
pub struct Values {
    connections: Mutex<HashMap<EndpointId, Connection>>,
}

impl Values {
    /// Fetches at most `MAX_VALUE` bytes of each of some values, and returns which are here now, whole, and which are
    /// not. The first that the peer does not have ends it.
    pub async fn fetch(&self, node: &Node, peer: EndpointId, hashes: Vec<Hash>) -> (Vec<Hash>, Vec<Hash>) {
        let got = time::timeout(TIMEOUT, self.get(node, peer, &hashes)).await;
        if !matches!(got, Ok(Ok(()))) {
            self.forget(peer);
        }
        let (mut here, mut missing) = (Vec::new(), Vec::new());
        for hash in hashes {
            let whole = matches!(node.blobs.has(hash).await, Ok(true));
            if whole { here.push(hash) } else { missing.push(hash) };
        }
        (here, missing)
    }

    async fn get(&self, node: &Node, peer: EndpointId, hashes: &[Hash]) -> Result<()> {
        let connection = self.connection(node, peer).await?;
        let request = hashes.iter().fold(GetManyRequest::builder(), |request, hash| request.hash(*hash, ChunkRanges::bytes(0..MAX_VALUE)));
        node.blobs.remote().execute_get_many(connection, request.build()).await.context("fetch values")?;
        Ok(())
    }

    async fn connection(&self, node: &Node, peer: EndpointId) -> Result<Connection> {
        let known = self.lock().get(&peer).filter(|connection| connection.close_reason().is_none()).cloned();
        if let Some(connection) = known {
            return Ok(connection);
        }
        let connection = node.endpoint.connect(node.peers.addr(peer), ALPN).await;
        let connection = connection.map_err(|err| Error::Unavailable(format!("connect to peer: {err:#}")))?;
        self.lock().insert(peer, connection.clone());
        Ok(connection)
    }

    /// Has the next value of a peer fetched over a new connection.
    pub fn forget(&self, peer: EndpointId) {
        self.lock().remove(&peer);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<EndpointId, Connection>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
