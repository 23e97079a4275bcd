//! One open document: its events, its peers, and the values that have to be fetched.
//!
//! Iroh's own download policy knows neither sizes nor hostile authors, so it is off: values are fetched here, at most
//! `MAX_VALUE` bytes of each.

use std::{
    collections::{BTreeSet, HashSet},
    fmt::Display,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use iroh::EndpointId;
use iroh_blobs::Hash;
use iroh_docs::{
    ContentStatus, Entry,
    api::Doc,
    engine::{LiveEvent, SyncEvent},
    store::{DownloadPolicy, Query},
};
use n0_future::{Stream, StreamExt as _};
use tokio::{
    sync::{Semaphore, watch},
    task::{AbortHandle, JoinSet},
    time::{self, Instant},
};

use crate::{
    MAX_ENTRIES, MAX_VALUE,
    endpoint::Node,
    error::{Context, Result},
    links::Links,
    output::Output,
    protocol::Event,
    values::Values,
};

/// How long changes are gathered before the other side is told.
const GATHER: Duration = Duration::from_millis(20);
/// The pauses before each attempt to fetch a value: who forwards an entry may not have its value yet.
const ATTEMPTS: [Duration; 5] = [Duration::ZERO, Duration::from_millis(50), Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(3)];
/// How many values of one document are fetched or wait for it; what is more is found by the next exchange.
const MAX_FETCHES: usize = 2048;

/// What is shared by all rooms.
#[derive(Debug, Clone)]
pub struct Shared {
    pub node: Node,
    pub links: Links,
    pub output: Output,
    pub values: Arc<Values>,
    /// How many values are fetched at once.
    pub fetches: Arc<Semaphore>,
    /// How many documents begin an exchange at once: iroh-docs can block for good when many do.
    pub starts: Arc<Semaphore>,
}

/// An open document.
#[derive(Debug)]
pub struct Room {
    pub doc: Doc,
    pub write: bool,
    state: Mutex<State>,
    /// Counts exchanges that have ended, well or not.
    exchanges: watch::Sender<u64>,
    tasks: Mutex<Vec<AbortHandle>>,
}

/// What is known of an open document.
#[derive(Debug, Default, Clone)]
pub struct State {
    pub peers: BTreeSet<EndpointId>,
    pub neighbours: BTreeSet<EndpointId>,
    pub synced_at: u64,
    pub entries: usize,
    pub missing: usize,
    pub flooded: bool,
}

impl Room {
    /// Subscribes to a document and starts to synchronize it with its peers.
    pub async fn open(shared: &Shared, doc: Doc, write: bool) -> Result<Arc<Self>> {
        doc.set_download_policy(DownloadPolicy::NothingExcept(Vec::new())).await.context("open document")?;
        let events = doc.subscribe().await.context("open document")?;
        let state = State { peers: shared.node.peers.of(doc.id()), ..State::default() };
        let room = Arc::new(Self { doc, write, state: Mutex::new(state), exchanges: watch::channel(0).0, tasks: Mutex::default() });
        let watcher = Watcher { room: room.clone(), shared: shared.clone(), fetches: JoinSet::new(), fetching: HashSet::new(), tell_at: None };
        let watch = tokio::spawn(watcher.run(events));
        let start = tokio::spawn(start(room.clone(), shared.clone()));
        room.tasks.lock().unwrap_or_else(PoisonError::into_inner).extend([watch.abort_handle(), start.abort_handle()]);
        Ok(room)
    }

    pub fn state(&self) -> State {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Exchanges entries with peers, and waits until one exchange has ended.
    pub async fn sync(&self, shared: &Shared, peers: impl IntoIterator<Item = EndpointId>) -> Result<()> {
        if self.lock().flooded {
            return Ok(());
        }
        let addrs: Vec<_> = peers.into_iter().map(|peer| shared.node.peers.addr(peer)).collect();
        let _permit = shared.starts.acquire().await.context("sync document")?;
        let reachable = addrs.iter().any(|addr| shared.links.connected(addr.id).is_some());
        let mut exchanges = self.exchanges.subscribe();
        self.doc.start_sync(addrs).await.context("sync document")?;
        if reachable {
            let _ = time::timeout(Duration::from_secs(3), exchanges.changed()).await;
        }
        Ok(())
    }

    /// Stops the exchange with others.
    pub async fn close(&self) -> Result<()> {
        for task in self.tasks.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            task.abort();
        }
        self.doc.leave().await.context("leave document")?;
        self.doc.close().await.context("close document")
    }
}

/// Waits a moment for a peer to be connected: the first exchange has to know one. Otherwise the document is only
/// offered, and exchanged when a peer is there.
async fn start(room: Arc<Room>, shared: Shared) {
    let peers = room.state().peers;
    for peer in &peers {
        shared.links.keep(&shared.node, *peer);
    }
    for _ in 0..20 {
        if peers.is_empty() || peers.iter().any(|peer| shared.links.connected(*peer).is_some()) {
            break;
        }
        time::sleep(Duration::from_millis(50)).await;
    }
    if let Err(err) = room.sync(&shared, peers).await {
        eprintln!("{err}");
    }
}

/// Follows the events of one document.
struct Watcher {
    room: Arc<Room>,
    shared: Shared,
    fetches: JoinSet<(Hash, bool)>,
    fetching: HashSet<Hash>,
    /// When the other side is told that entries have come.
    tell_at: Option<Instant>,
}

impl Watcher {
    async fn run<E: Display>(mut self, mut events: impl Stream<Item = std::result::Result<LiveEvent, E>> + Unpin) {
        self.count().await;
        loop {
            let tell_at = self.tell_at.unwrap_or_else(Instant::now);
            tokio::select! {
                event = events.next() => match event {
                    Some(Ok(event)) => self.on(event).await,
                    Some(Err(err)) => eprintln!("events of document {}: {err:#}", self.room.doc.id().fmt_short()),
                    None => return,
                },
                Some(fetched) = self.fetches.join_next() => self.fetched(fetched),
                () = time::sleep_until(tell_at), if self.tell_at.is_some() => self.tell(),
            }
        }
    }

    async fn on(&mut self, event: LiveEvent) {
        match event {
            LiveEvent::InsertRemote { from, entry, content_status } => self.inserted(from, &entry, content_status).await,
            LiveEvent::NeighborUp(peer) => self.neighbour(peer, true),
            LiveEvent::NeighborDown(peer) => self.neighbour(peer, false),
            LiveEvent::SyncFinished(exchange) => self.exchanged(exchange).await,
            LiveEvent::InsertLocal { .. } | LiveEvent::ContentReady { .. } | LiveEvent::PendingContentReady => {}
        }
    }

    async fn inserted(&mut self, from: EndpointId, entry: &Entry, status: ContentStatus) {
        self.meet(from);
        let entries = {
            let mut state = self.room.lock();
            state.entries += 1; // an upper bound: it may have replaced another
            state.entries
        };
        if entries > MAX_ENTRIES {
            self.count().await;
        }
        if status == ContentStatus::Complete || entry.content_len() == 0 {
            self.changed();
        } else {
            self.fetch(entry, from);
        }
    }

    fn neighbour(&mut self, peer: EndpointId, up: bool) {
        self.meet(peer);
        {
            let mut state = self.room.lock();
            if up { state.neighbours.insert(peer) } else { state.neighbours.remove(&peer) };
        }
        self.shared.output.event(Event::Neighbour { doc: self.room.doc.id().to_string(), peer: peer.to_string(), up });
    }

    /// Keeps in touch with somebody who has the document.
    fn meet(&self, peer: EndpointId) {
        match self.shared.node.peers.holds(self.room.doc.id(), peer) {
            Ok(true) => {
                self.room.lock().peers.insert(peer);
                self.shared.links.keep(&self.shared.node, peer);
            }
            Ok(false) => {}
            Err(err) => eprintln!("{err}"),
        }
    }

    async fn exchanged(&mut self, SyncEvent { peer, result, .. }: SyncEvent) {
        let (doc, who) = (self.room.doc.id().to_string(), peer.to_string());
        match result {
            Ok(details) => {
                self.meet(peer);
                self.room.lock().synced_at = now();
                let missing = self.room.lock().missing > 0;
                if details.entries_received > 0 || missing {
                    self.count().await;
                    self.fetch_missing(peer).await;
                }
                self.shared.output.event(Event::Synced { doc, peer: who, received: details.entries_received as u64, sent: details.entries_sent as u64 });
            }
            Err(message) => self.shared.output.event(Event::SyncFailed { doc, peer: who, message }),
        }
        self.room.exchanges.send_modify(|exchanges| *exchanges += 1);
    }

    /// Fetches a value, unless it is too large or on its way.
    fn fetch(&mut self, entry: &Entry, from: EndpointId) {
        let hash = entry.content_hash();
        if entry.content_len() > MAX_VALUE {
            return;
        }
        if self.fetches.len() >= MAX_FETCHES {
            self.room.lock().missing += 1;
            return;
        }
        if self.fetching.insert(hash) {
            self.room.lock().missing += 1;
            self.fetches.spawn(fetch(self.shared.clone(), self.room.clone(), hash, from));
        }
    }

    fn fetched(&mut self, fetched: std::result::Result<(Hash, bool), tokio::task::JoinError>) {
        let Ok((hash, complete)) = fetched else { return };
        self.fetching.remove(&hash);
        if complete {
            let mut state = self.room.lock();
            state.missing = state.missing.saturating_sub(1);
            drop(state);
            self.changed();
        }
    }

    fn changed(&mut self) {
        self.tell_at.get_or_insert_with(|| Instant::now() + GATHER);
    }

    fn tell(&mut self) {
        self.tell_at = None;
        self.shared.output.event(Event::Changed { doc: self.room.doc.id().to_string() });
    }

    /// Counts the entries, and leaves a document that has too many.
    async fn count(&mut self) {
        let entries = match entries(&self.room.doc, Query::all().limit(MAX_ENTRIES as u64 + 1).build()).await {
            Ok(entries) => entries.len(),
            Err(err) => return eprintln!("{err}"),
        };
        let newly = {
            let mut state = self.room.lock();
            state.entries = entries;
            entries > MAX_ENTRIES && !std::mem::replace(&mut state.flooded, true)
        };
        if newly {
            if let Err(err) = self.room.doc.leave().await {
                eprintln!("leave document: {err:#}");
            }
            self.shared.output.event(Event::Flooded { doc: self.room.doc.id().to_string(), entries: entries as u64 });
        }
    }

    /// Fetches what an earlier exchange has left behind.
    async fn fetch_missing(&mut self, from: EndpointId) {
        let all = match entries(&self.room.doc, Query::all().limit(MAX_ENTRIES as u64).build()).await {
            Ok(all) => all,
            Err(err) => return eprintln!("{err}"),
        };
        self.room.lock().missing = self.fetching.len();
        for entry in all {
            if !matches!(self.shared.node.blobs.has(entry.content_hash()).await, Ok(true)) {
                self.fetch(&entry, from);
            }
        }
    }
}

/// Fetches a value from whoever sent its entry, or from others who hold the document.
async fn fetch(shared: Shared, room: Arc<Room>, hash: Hash, from: EndpointId) -> (Hash, bool) {
    for pause in ATTEMPTS {
        time::sleep(pause).await;
        let Ok(_permit) = shared.fetches.acquire().await else { break };
        let mut providers = vec![from];
        providers.extend(room.state().neighbours.into_iter().filter(|peer| *peer != from));
        for peer in providers {
            if shared.values.fetch(&shared.node, peer, hash).await {
                return (hash, true);
            }
        }
    }
    (hash, false)
}

/// Reads entries of all authors.
pub async fn entries(doc: &Doc, query: Query) -> Result<Vec<Entry>> {
    let mut found = pin!(doc.get_many(query).await.context("list entries")?);
    let mut all = Vec::new();
    while let Some(entry) = found.next().await {
        all.push(entry.context("list entries")?);
    }
    Ok(all)
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
