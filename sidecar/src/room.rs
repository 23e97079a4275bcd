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
    ContentStatus, Entry, NamespaceId,
    api::Doc,
    engine::LiveEvent,
    store::{DownloadPolicy, Query},
};
use n0_future::{Stream, StreamExt as _};
use tokio::{
    sync::{Notify, Semaphore, mpsc, watch},
    task::{AbortHandle, JoinSet},
    time::{self, Instant},
};

use crate::{
    MAX_ENTRIES, MAX_VALUE,
    endpoint::Node,
    error::{Context, Error, Result},
    exchange::{self, Moved},
    fetches::Fetches,
    links::Links,
    marker,
    output::Output,
    protocol::Event,
    values::Values,
};

/// How long changes are gathered before the other side is told.
const GATHER: Duration = Duration::from_millis(20);
/// How long after an entry has come the document is counted again.
const COUNT_AFTER: Duration = Duration::from_secs(1);
/// How long iroh-docs may take for an exchange; then one of our own follows.
const REPORT: Duration = Duration::from_secs(1);
/// How long is waited for that one.
const PATIENCE: Duration = Duration::from_secs(3);
/// The pauses before each exchange of our own: the peer may be at one already.
const EXCHANGES: [Duration; 5] = [Duration::ZERO, Duration::from_millis(100), Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(5)];
/// How many events of a document wait to be followed; of more than that the document is read again.
const MAX_EVENTS: usize = 4096;
/// How many peers wait for an exchange of our own.
const MAX_DUE: usize = 64;

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
    /// Peers with whom iroh-docs has not ended an exchange in time.
    due: mpsc::Sender<EndpointId>,
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
    /// Subscribes to a document and starts to synchronize it with its peers. `known` where it may have entries already.
    pub async fn open(shared: &Shared, doc: Doc, write: bool, known: bool) -> Result<Arc<Self>> {
        doc.set_download_policy(DownloadPolicy::NothingExcept(Vec::new())).await.context("open document")?;
        let events = doc.subscribe().await.context("open document")?;
        let state = State { peers: shared.node.peers.of(doc.id()), ..State::default() };
        let (due, dues) = mpsc::channel(MAX_DUE);
        let room = Arc::new(Self { doc, write, state: Mutex::new(state), exchanges: watch::channel(0).0, due, tasks: Mutex::default() });
        let (queue, queued) = mpsc::channel(MAX_EVENTS);
        let lost = Arc::new(Notify::new());
        let follow = tokio::spawn(follow(room.doc.id(), events, queue, lost.clone()));
        let watcher = Watcher {
            room: room.clone(),
            shared: shared.clone(),
            fetches: Fetches::new(shared.clone(), room.clone()),
            exchanges: JoinSet::new(),
            exchanging: HashSet::new(),
            tell_at: None,
            count_at: None,
            unsure: known,
        };
        let watch = tokio::spawn(watcher.run(queued, lost, dues));
        let start = tokio::spawn(start(room.clone(), shared.clone()));
        let tasks = [follow.abort_handle(), watch.abort_handle(), start.abort_handle()];
        room.tasks.lock().unwrap_or_else(PoisonError::into_inner).extend(tasks);
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
        let reachable: Vec<_> = addrs.iter().map(|addr| addr.id).filter(|peer| shared.links.connected(*peer).is_some()).collect();
        let mut exchanges = self.exchanges.subscribe();
        let permit = shared.starts.acquire().await.context("sync document")?;
        self.doc.start_sync(addrs).await.context("sync document")?;
        if reachable.is_empty() || time::timeout(REPORT, exchanges.changed()).await.is_ok() {
            return Ok(());
        }
        drop(permit); // a peer that does not answer holds up the documents of no other
        // iroh-docs begins none while it takes another for running, also where the peer has refused that.
        for peer in reachable {
            let _ = self.due.try_send(peer); // a full queue has exchanges to come
        }
        let _ = time::timeout(PATIENCE, exchanges.changed()).await;
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

/// What a document's events say, without what nobody needs.
enum News {
    Entry { from: EndpointId, hash: Hash, len: u64, complete: bool },
    Neighbour { peer: EndpointId, up: bool },
    Exchange { peer: EndpointId, result: std::result::Result<Moved, String> },
}

impl News {
    fn of(event: LiveEvent) -> Option<Self> {
        match event {
            LiveEvent::InsertRemote { from, entry, content_status } => {
                Some(Self::Entry { from, hash: entry.content_hash(), len: entry.content_len(), complete: content_status == ContentStatus::Complete })
            }
            LiveEvent::NeighborUp(peer) => Some(Self::Neighbour { peer, up: true }),
            LiveEvent::NeighborDown(peer) => Some(Self::Neighbour { peer, up: false }),
            LiveEvent::SyncFinished(exchange) => {
                let result = exchange.result.map(|details| Moved { received: details.entries_received as u64, sent: details.entries_sent as u64 });
                Some(Self::Exchange { peer: exchange.peer, result })
            }
            LiveEvent::InsertLocal { .. } | LiveEvent::ContentReady { .. } | LiveEvent::PendingContentReady => None,
        }
    }
}

/// Takes events as they come: iroh-docs waits for whoever does not, and whoever asks it for entries meanwhile waits
/// for good. What does not fit into the queue is told as lost.
async fn follow<E: Display>(
    doc: NamespaceId,
    mut events: impl Stream<Item = std::result::Result<LiveEvent, E>> + Unpin,
    queue: mpsc::Sender<News>,
    lost: Arc<Notify>,
) {
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => {
                if News::of(event).is_some_and(|news| queue.try_send(news).is_err()) {
                    lost.notify_one();
                }
            }
            Err(err) => eprintln!("events of document {}: {err:#}", doc.fmt_short()),
        }
    }
}

/// Acts on the events of one document.
struct Watcher {
    room: Arc<Room>,
    shared: Shared,
    fetches: Fetches,
    /// Exchanges of our own, and with whom.
    exchanges: JoinSet<(EndpointId, Result<Moved>)>,
    exchanging: HashSet<EndpointId>,
    /// When the other side is told that entries have come.
    tell_at: Option<Instant>,
    /// When entries are counted again.
    count_at: Option<Instant>,
    /// Whether an earlier run may have left values behind.
    unsure: bool,
}

impl Watcher {
    async fn run(mut self, mut news: mpsc::Receiver<News>, lost: Arc<Notify>, mut due: mpsc::Receiver<EndpointId>) {
        if self.unsure {
            self.count().await;
        }
        loop {
            let tell_at = self.tell_at.unwrap_or_else(Instant::now);
            let count_at = self.count_at.unwrap_or_else(Instant::now);
            tokio::select! {
                next = news.recv() => match next {
                    Some(news) => self.on(news).await,
                    None => return,
                },
                () = lost.notified() => self.read_again().await,
                Some(peer) = due.recv() => self.exchange(peer),
                Some(ended) = self.exchanges.join_next() => self.ended(ended).await,
                fetched = self.fetches.next() => self.fetched(fetched),
                () = time::sleep_until(tell_at), if self.tell_at.is_some() => self.tell(),
                () = time::sleep_until(count_at), if self.count_at.is_some() => {
                    self.count_at = None;
                    self.count().await;
                }
            }
        }
    }

    async fn on(&mut self, news: News) {
        match news {
            News::Entry { from, hash, len, complete } => self.inserted(from, hash, len, complete).await,
            News::Neighbour { peer, up } => self.neighbour(peer, up),
            News::Exchange { peer, result: Ok(moved) } => self.exchanged(peer, moved).await,
            News::Exchange { peer, result: Err(message) } if self.shared.links.connected(peer).is_none() => self.failed(peer, message),
            News::Exchange { peer, .. } => self.exchange(peer),
        }
    }

    async fn inserted(&mut self, from: EndpointId, hash: Hash, len: u64, complete: bool) {
        self.meet(from);
        let entries = {
            let mut state = self.room.lock();
            state.entries += 1; // an upper bound: it may have replaced another, or be counted already
            state.entries
        };
        self.count_at.get_or_insert_with(|| Instant::now() + COUNT_AFTER);
        if entries > MAX_ENTRIES {
            self.count().await;
        }
        if complete || len == 0 || marker::is_hash(hash) {
            self.changed();
        } else {
            self.fetch(hash, len, from, Fetches::add);
        }
    }

    /// Makes good for events that did not fit into the queue.
    async fn read_again(&mut self) {
        self.count().await;
        let peers = self.room.state().peers;
        if let Some(peer) = peers.iter().find(|peer| self.shared.links.connected(**peer).is_some()) {
            self.fetch_missing(*peer).await;
        }
        self.changed();
    }

    fn neighbour(&mut self, peer: EndpointId, up: bool) {
        self.meet(peer);
        {
            let mut state = self.room.lock();
            if up {
                state.neighbours.insert(peer)
            } else {
                state.neighbours.remove(&peer)
            };
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

    /// Begins an exchange of our own, unless one is under way.
    fn exchange(&mut self, peer: EndpointId) {
        if !self.room.lock().flooded && self.exchanging.insert(peer) {
            self.exchanges.spawn(exchange_with(self.shared.clone(), self.room.doc.id(), peer));
        }
    }

    async fn ended(&mut self, ended: std::result::Result<(EndpointId, Result<Moved>), tokio::task::JoinError>) {
        let Ok((peer, result)) = ended else { return };
        self.exchanging.remove(&peer);
        match result {
            Ok(moved) => self.exchanged(peer, moved).await,
            Err(err) => self.failed(peer, err.to_string()),
        }
    }

    async fn exchanged(&mut self, peer: EndpointId, moved: Moved) {
        self.meet(peer);
        self.room.lock().synced_at = now();
        let missing = self.room.lock().missing;
        if std::mem::take(&mut self.unsure) || missing > self.fetches.wanted() {
            self.fetch_missing(peer).await;
        }
        let Moved { received, sent } = moved;
        self.shared.output.event(Event::Synced { doc: self.room.doc.id().to_string(), peer: peer.to_string(), received, sent });
        self.room.exchanges.send_modify(|exchanges| *exchanges += 1);
    }

    fn failed(&self, peer: EndpointId, message: String) {
        self.shared.output.event(Event::SyncFailed { doc: self.room.doc.id().to_string(), peer: peer.to_string(), message });
        self.room.exchanges.send_modify(|exchanges| *exchanges += 1);
    }

    /// Fetches a value, unless it is too large or wanted already.
    fn fetch(&mut self, hash: Hash, len: u64, from: EndpointId, add: fn(&mut Fetches, Hash, u64, EndpointId) -> bool) {
        if len > MAX_VALUE {
            return;
        }
        if add(&mut self.fetches, hash, len, from) {
            self.room.lock().missing += 1;
        }
    }

    fn fetched(&mut self, values: usize) {
        if values > 0 {
            let mut state = self.room.lock();
            state.missing = state.missing.saturating_sub(values);
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
        let entries = match entries(&self.room.doc, Query::all().include_empty().limit(MAX_ENTRIES as u64 + 1).build()).await {
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
        self.room.lock().missing = self.fetches.wanted();
        for entry in all {
            if !marker::is(&entry) && !matches!(self.shared.node.blobs.has(entry.content_hash()).await, Ok(true)) {
                self.fetch(entry.content_hash(), entry.content_len(), from, Fetches::add_old);
            }
        }
    }
}

/// Exchanges a document with a peer, again where that fails, until the peer is away. One that does not have the
/// document open begins itself when it opens it.
async fn exchange_with(shared: Shared, doc: NamespaceId, peer: EndpointId) -> (EndpointId, Result<Moved>) {
    let mut result = Err(Error::Unavailable(format!("peer {} is away", peer.fmt_short())));
    for pause in EXCHANGES {
        time::sleep(pause).await;
        if shared.links.connected(peer).is_none() {
            break;
        }
        result = exchange::run(&shared.node, doc, peer).await;
        if matches!(result, Ok(_) | Err(Error::NotFound(_))) {
            break;
        }
    }
    (peer, result)
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
