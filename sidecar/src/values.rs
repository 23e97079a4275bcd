//! Fetches the values of entries from peers, over one connection to each. Iroh's own pool does not notice soon that a
//! peer was killed and has come back under the same address.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use iroh::{EndpointId, endpoint::Connection};
use iroh_blobs::{
    ALPN, Hash,
    protocol::{ChunkRanges, ChunkRangesExt as _, GetManyRequest},
};
use tokio::{sync::Semaphore, time};

use crate::{
    MAX_VALUE,
    endpoint::Node,
    error::{Context, Error, Result},
};

/// How long a peer may take to be reached, and for one request.
const TIMEOUT: Duration = Duration::from_secs(3);

/// How many requests of a kind a peer is sent at once, for all documents: whoever answers slowly holds up nobody else.
pub const OF_A_PEER: usize = 4;
/// How many peers that do not answer are remembered.
const MAX_SILENT: usize = 1000;

/// What a request asks for: those for single values wait for each other alone, since many may ask for what nobody has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Many,
    Single,
}

#[derive(Debug, Default)]
pub struct Values {
    connections: Mutex<HashMap<EndpointId, Connection>>,
    /// The turns of requests that are under way or wait.
    turns: Mutex<HashMap<(EndpointId, Kind), Weak<Semaphore>>>,
    /// Peers that let a request wait in vain, until they give a value.
    silent: Mutex<HashSet<EndpointId>>,
}

impl Values {
    /// The turns of requests to a peer.
    pub fn turns(&self, peer: EndpointId, kind: Kind) -> Arc<Semaphore> {
        let mut all = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turns) = all.get(&(peer, kind)).and_then(Weak::upgrade) {
            return turns;
        }
        all.retain(|_, turns| turns.strong_count() > 0);
        let turns = Arc::new(Semaphore::new(OF_A_PEER));
        all.insert((peer, kind), Arc::downgrade(&turns));
        turns
    }

    /// Fetches at most `MAX_VALUE` bytes of each of some values, and returns which are here now, whole, and which are
    /// not. The first that the peer does not have ends it.
    pub async fn fetch(&self, node: &Node, peer: EndpointId, hashes: Vec<Hash>) -> (Vec<Hash>, Vec<Hash>) {
        let answered = time::timeout(TIMEOUT, self.get(node, peer, &hashes)).await.is_ok();
        if !answered {
            self.forget(peer); // where it only does not have them, its connection is as good as before
        }
        let (mut here, mut missing) = (Vec::new(), Vec::new());
        for hash in hashes {
            let whole = matches!(node.blobs.has(hash).await, Ok(true));
            if whole {
                here.push(hash)
            } else {
                missing.push(hash)
            };
        }
        self.note(peer, answered, !here.is_empty());
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

    /// Has the next value of a peer fetched over a new connection, as of one that nothing is known of.
    pub fn forget(&self, peer: EndpointId) {
        self.lock().remove(&peer);
        self.silent_peers().remove(&peer);
    }

    /// Whether a peer let a request wait in vain, and has given nothing since.
    pub fn silent(&self, peer: EndpointId) -> bool {
        self.silent_peers().contains(&peer)
    }

    fn note(&self, peer: EndpointId, answered: bool, gave: bool) {
        let mut all = self.silent_peers();
        if gave {
            all.remove(&peer);
        } else if !answered {
            if all.len() >= MAX_SILENT {
                all.clear();
            }
            all.insert(peer);
        }
    }

    fn silent_peers(&self) -> MutexGuard<'_, HashSet<EndpointId>> {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<EndpointId, Connection>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
