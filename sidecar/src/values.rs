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
    protocol::{ChunkRanges, ChunkRangesExt as _, GetRequest},
};
use tokio::time;

use crate::{
    MAX_VALUE,
    endpoint::Node,
    error::{Context, Error, Result},
};

/// How long a peer may take to be reached, and for one value.
const TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Debug, Default)]
pub struct Values {
    connections: Mutex<HashMap<EndpointId, Connection>>,
}

impl Values {
    /// Fetches at most `MAX_VALUE` bytes of a value, and reports whether the value is here now, whole.
    pub async fn fetch(&self, node: &Node, peer: EndpointId, hash: Hash) -> bool {
        let got = time::timeout(TIMEOUT, self.get(node, peer, hash)).await;
        if !matches!(got, Ok(Ok(()))) {
            self.forget(peer);
        }
        matches!(node.blobs.has(hash).await, Ok(true))
    }

    async fn get(&self, node: &Node, peer: EndpointId, hash: Hash) -> Result<()> {
        let connection = self.connection(node, peer).await?;
        let request = GetRequest::blob_ranges(hash, ChunkRanges::bytes(0..MAX_VALUE));
        node.blobs.remote().execute_get(connection, request).await.context("fetch value")?;
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
