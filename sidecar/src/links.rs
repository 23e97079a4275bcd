//! One connection to each peer of an open document, kept up and dialed again when it ends. Its streams carry what is
//! not a document; that it comes back says when documents have to be reconciled.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use iroh::{
    EndpointId,
    endpoint::Connection,
    protocol::{AcceptError, ProtocolHandler},
};
use tokio::{sync::Notify, task::AbortHandle, time};

use crate::{
    endpoint::Node,
    error::{Context, Error, Result},
    streams::Streams,
};

/// The protocol of the connection.
pub const ALPN: &[u8] = b"sensocto/link/1";

/// How many peers are kept connected.
const MAX_LINKS: usize = 256;
const DIAL_TIMEOUT: Duration = Duration::from_secs(5);
/// The same for a peer of known addresses: the packets of one attempt come ever more slowly, and a new one is sooner
/// there when the network is back.
const DIRECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Between two attempts; longer where many peers are away, so that all together are dialed 20 times a second at most.
const PAUSE: Duration = Duration::from_millis(500);
const PAUSE_OF_EACH: Duration = Duration::from_millis(50);

/// Connections by peer; cheap to clone.
#[derive(Debug, Clone)]
pub struct Links(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    streams: Streams,
    peers: Mutex<HashMap<EndpointId, Link>>,
    /// Peers that have been connected since `next_up` told of them.
    up: Mutex<HashSet<EndpointId>>,
    told: Notify,
}

#[derive(Debug, Default)]
struct Link {
    connection: Option<Connection>,
    dialer: Option<AbortHandle>,
}

impl Links {
    pub fn new(streams: Streams) -> Self {
        Self(Arc::new(Inner { streams, peers: Mutex::default(), up: Mutex::default(), told: Notify::new() }))
    }

    /// Waits until peers are connected, again or for the first time.
    pub async fn next_up(&self) -> HashSet<EndpointId> {
        loop {
            let up = std::mem::take(&mut *self.0.up.lock().unwrap_or_else(PoisonError::into_inner));
            if !up.is_empty() {
                return up;
            }
            self.0.told.notified().await;
        }
    }

    /// Keeps a connection to the peer up from now on.
    pub fn keep(&self, node: &Node, peer: EndpointId) {
        let mut peers = self.0.lock();
        let full = peers.len() >= MAX_LINKS;
        if peer == node.endpoint.id() || (full && !peers.contains_key(&peer)) {
            return;
        }
        let link = peers.entry(peer).or_default();
        if link.dialer.is_none() {
            let task = tokio::spawn(dial(Arc::downgrade(&self.0), node.clone(), peer));
            link.dialer = Some(task.abort_handle());
        }
    }

    /// The present connection to a peer, or one that is made now.
    pub async fn connection(&self, node: &Node, peer: EndpointId) -> Result<Connection> {
        if let Some(connection) = self.connected(peer) {
            return Ok(connection);
        }
        let dialing = node.endpoint.connect(node.peers.addr(peer), ALPN);
        let connection = time::timeout(DIAL_TIMEOUT, dialing)
            .await
            .map_err(|_| Error::Unavailable(format!("peer {} did not answer within {} s", peer.fmt_short(), DIAL_TIMEOUT.as_secs())))?
            .map_err(|err| Error::Unavailable(format!("connect to peer {}: {err:#}", peer.fmt_short())))?;
        tokio::spawn(serve(self.0.clone(), connection.clone()));
        Ok(connection)
    }

    /// The connection to a peer, if there is one.
    pub fn connected(&self, peer: EndpointId) -> Option<Connection> {
        let peers = self.0.lock();
        peers.get(&peer).and_then(|link| link.connection.clone()).filter(|connection| connection.close_reason().is_none())
    }

    /// The peers with a link, connected or not.
    pub fn peers(&self) -> Vec<EndpointId> {
        self.0.lock().keys().copied().collect()
    }

    /// Stops dialing and closes all connections.
    pub fn close(&self) {
        for (_, link) in self.0.lock().drain() {
            if let Some(dialer) = link.dialer {
                dialer.abort();
            }
            if let Some(connection) = link.connection {
                connection.close(0u32.into(), b"stopped");
            }
        }
    }
}

impl ProtocolHandler for Links {
    async fn accept(&self, connection: Connection) -> std::result::Result<(), AcceptError> {
        serve(self.0.clone(), connection).await;
        Ok(())
    }
}

impl Inner {
    /// How long to wait between two attempts to reach a peer.
    fn pause(&self) -> Duration {
        let away = self.lock().values().filter(|link| link.connection.is_none()).count();
        PAUSE.max(PAUSE_OF_EACH * u32::try_from(away).unwrap_or(u32::MAX))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<EndpointId, Link>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Dials until nobody keeps the links any more.
async fn dial(links: Weak<Inner>, node: Node, peer: EndpointId) {
    loop {
        let Some(inner) = links.upgrade() else { return };
        let pause = inner.pause();
        let addr = node.peers.addr(peer);
        let direct = addr.ip_addrs().next().is_some() && addr.relay_urls().next().is_none();
        let timeout = if direct { DIRECT_TIMEOUT } else { DIAL_TIMEOUT };
        if let Ok(Ok(connection)) = time::timeout(timeout, node.endpoint.connect(addr, ALPN)).await {
            if let Some(info) = node.endpoint.remote_info(peer).await {
                let addrs = info.into_addrs().map(iroh::endpoint::TransportAddrInfo::into_addr);
                if let Err(err) = node.peers.remember(&iroh::EndpointAddr::from_parts(peer, addrs)) {
                    eprintln!("{err}");
                }
            }
            serve(inner, connection).await;
        }
        time::sleep(pause).await;
    }
}

/// Accepts streams until the connection ends.
async fn serve(inner: Arc<Inner>, connection: Connection) {
    let peer = connection.remote_id();
    if !register(&inner, peer, &connection) {
        connection.close(1u32.into(), b"too many peers");
        return;
    }
    inner.up.lock().unwrap_or_else(PoisonError::into_inner).insert(peer);
    inner.told.notify_one();
    while let Ok((send, recv)) = connection.accept_bi().await {
        inner.streams.incoming(peer, send, recv);
    }
    let mut peers = inner.lock();
    if let Some(link) = peers.get_mut(&peer) {
        link.connection.take_if(|current| current.stable_id() == connection.stable_id());
        if link.dialer.is_none() && link.connection.is_none() {
            peers.remove(&peer);
        }
    }
}

/// Makes this the peer's connection. Of two, both work, and the younger is used.
fn register(inner: &Inner, peer: EndpointId, connection: &Connection) -> bool {
    let mut peers = inner.lock();
    if peers.len() >= MAX_LINKS && !peers.contains_key(&peer) {
        return false;
    }
    peers.entry(peer).or_default().connection = Some(connection.clone());
    true
}

/// How a connection reaches its peer: `direct` or `relay`.
pub fn path(connection: &Connection) -> &'static str {
    if connection.paths().iter().any(|path| path.is_ip()) { "direct" } else { "relay" }
}

/// Parses the text form of an endpoint's id.
pub fn parse_peer(text: &str) -> Result<EndpointId> {
    text.parse().map_err(|err| Error::invalid(format!("{text:?} is no endpoint: {err}")))
}

/// Opens a stream to a peer.
pub async fn open(links: &Links, node: &Node, peer: EndpointId, protocol: &str) -> Result<u64> {
    let connection = links.connection(node, peer).await?;
    let (send, recv) = connection.open_bi().await.context("open stream")?;
    links.0.streams.outgoing(send, recv, protocol).await
}
