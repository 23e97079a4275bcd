//! All open documents, and what can be asked of them.

use std::{
    collections::{BTreeMap, HashMap},
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use iroh::EndpointId;
use iroh_docs::{
    Capability, CapabilityKind, DocTicket, NamespaceId,
    api::{
        Doc,
        protocol::{AddrInfoOptions, ShareMode},
    },
    store::{Query, SortBy, SortDirection},
};
use n0_future::StreamExt as _;
use tokio::{
    sync::Semaphore,
    task::{AbortHandle, JoinSet},
};

use crate::{
    MAX_KEY, MAX_VALUE,
    endpoint::Node,
    error::{Context, Error, Result},
    links::{self, Links},
    marker,
    output::Output,
    protocol::{Answer, Data, DocStatus, EndpointStatus, Entry, NewEntry, PeerStatus},
    room::{self, Room, Shared},
    ticket,
};

/// How many values are fetched at once, and how many documents begin an exchange.
const FETCHES: usize = 16;
const STARTS: usize = 2;
/// How many documents are open at once.
const MAX_OPEN: usize = 1000;
/// The most that one page of a list holds: entries, and bytes of values.
const PAGE_ENTRIES: u64 = 512;
const PAGE_BYTES: usize = 512 << 10;

/// The open documents; cheap to clone.
#[derive(Debug, Clone)]
pub struct Rooms(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    shared: Shared,
    open: Mutex<HashMap<NamespaceId, Arc<Room>>>,
    /// All stored documents, and whether they can be written: to ask iroh-docs for one writes all that waits to the disk.
    stored: Mutex<BTreeMap<NamespaceId, bool>>,
    resync: Mutex<Option<AbortHandle>>,
}

impl Rooms {
    /// Reads which documents are stored, and opens none.
    pub async fn load(node: Node, links: Links, output: Output) -> Result<Self> {
        let stored = Mutex::new(stored(&node).await?);
        let shared =
            Shared { node, links, output, values: Arc::default(), fetches: Arc::new(Semaphore::new(FETCHES)), starts: Arc::new(Semaphore::new(STARTS)) };
        let rooms = Self(Arc::new(Inner { shared, open: Mutex::default(), stored, resync: Mutex::default() }));
        let task = tokio::spawn(reconcile(rooms.clone()));
        *rooms.0.resync.lock().unwrap_or_else(PoisonError::into_inner) = Some(task.abort_handle());
        Ok(rooms)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<NamespaceId, Arc<Room>>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn node(&self) -> &Node {
        &self.0.shared.node
    }

    fn room(&self, doc: &str) -> Result<Arc<Room>> {
        let id = parse(doc)?;
        self.lock().get(&id).cloned().ok_or_else(|| Error::NotFound(format!("document {} is not open", id.fmt_short())))
    }

    /// Makes a document.
    pub async fn create(&self) -> Result<Answer> {
        self.there_is_space()?;
        let doc = self.node().docs.create().await.context("create document")?;
        self.stored().insert(doc.id(), true);
        self.add(doc, true, false).await
    }

    /// Opens the document of a ticket, which it stores.
    pub async fn import(&self, text: &str) -> Result<Answer> {
        let ticket = ticket::parse(text)?;
        let id = ticket::doc(&ticket);
        let write = ticket::writable(&ticket);
        let known = self.lock().get(&id).cloned();
        if let Some(room) = known {
            if room.write || !write {
                return Ok(answer(&room));
            }
            self.close(&id.to_string()).await?; // it can be written from now on
        }
        self.there_is_space()?;
        let DocTicket { capability, nodes } = ticket;
        for addr in &nodes {
            self.node().peers.remember(addr)?;
            self.node().peers.holds(id, addr.id)?;
        }
        let doc = self.node().docs.import_namespace(capability).await.context("import document")?;
        let before = self.stored().get(&id).copied();
        let write = write || before == Some(true);
        self.stored().insert(id, write);
        self.add(doc, write, before.is_some()).await
    }

    /// Opens a document that is stored here.
    pub async fn open(&self, doc: &str) -> Result<Answer> {
        let id = parse(doc)?;
        let known = self.lock().get(&id).cloned();
        if let Some(room) = known {
            return Ok(answer(&room));
        }
        self.there_is_space()?;
        let write = self.kind(id)?;
        let doc = self.node().docs.open(id).await.context("open document")?;
        let doc = doc.ok_or_else(|| no_document(id))?;
        self.add(doc, write, true).await
    }

    /// Synchronizes a document from now on; `known` where it was stored before and may have entries.
    async fn add(&self, doc: Doc, write: bool, known: bool) -> Result<Answer> {
        let id = doc.id();
        let room = Room::open(&self.0.shared, doc, write, known).await?;
        let answer = answer(&room);
        self.lock().insert(id, room);
        Ok(answer)
    }

    fn there_is_space(&self) -> Result<()> {
        if self.lock().len() >= MAX_OPEN {
            return Err(Error::TooLarge(format!("at most {MAX_OPEN} documents are open at once")));
        }
        Ok(())
    }

    /// Whether a stored document can be written.
    fn kind(&self, id: NamespaceId) -> Result<bool> {
        self.stored().get(&id).copied().ok_or_else(|| no_document(id))
    }

    fn stored(&self) -> MutexGuard<'_, BTreeMap<NamespaceId, bool>> {
        self.0.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops to synchronize a document, which stays stored.
    pub async fn close(&self, doc: &str) -> Result<Answer> {
        let room = self.room(doc)?;
        self.lock().remove(&room.doc.id());
        room.close().await?;
        Ok(Answer::default())
    }

    /// Removes a document with all its entries.
    pub async fn remove(&self, doc: &str) -> Result<Answer> {
        let id = parse(doc)?;
        if self.lock().contains_key(&id) {
            self.close(doc).await?;
        }
        self.kind(id)?;
        self.node().docs.drop_doc(id).await.context("remove document")?;
        self.stored().remove(&id);
        self.node().peers.forget(id)?;
        Ok(Answer::default())
    }

    /// The stored documents, open or not.
    pub async fn docs(&self) -> Result<Answer> {
        let stored = stored(self.node()).await?;
        let docs = stored.into_iter().map(|(id, write)| {
            let room = self.lock().get(&id).cloned();
            let state = room.as_ref().map(|room| room.state()).unwrap_or_default();
            DocStatus {
                doc: id.to_string(),
                write,
                open: room.is_some(),
                neighbours: state.neighbours.iter().map(ToString::to_string).collect(),
                synced_at: state.synced_at,
                entries: state.entries as u64,
                missing: state.missing as u64,
                flooded: state.flooded,
            }
        });
        Ok(Answer { docs: Some(docs.collect()), ..Answer::default() })
    }

    /// Exchanges entries with all known peers now.
    pub async fn sync(&self, doc: &str) -> Result<Answer> {
        let room = self.room(doc)?;
        let peers = room.state().peers;
        room.sync(&self.0.shared, peers).await?;
        Ok(Answer::default())
    }

    /// Writes entries.
    pub async fn set(&self, doc: &str, entries: Vec<NewEntry>) -> Result<Answer> {
        let room = self.room(doc)?;
        for entry in &entries {
            check(entry)?;
        }
        for NewEntry { key, value } in entries {
            room.doc.set_bytes(self.node().author, key.into_bytes(), value.0).await.context("write entry")?;
        }
        if room.state().neighbours.is_empty() {
            self.exchange_soon(room);
        }
        Ok(Answer::default())
    }

    /// Exchanges a document that no live swarm spreads yet, as after a start: nobody else would be told.
    fn exchange_soon(&self, room: Arc<Room>) {
        let shared = self.0.shared.clone();
        tokio::spawn(async move {
            let peers: Vec<_> = room.state().peers.into_iter().filter(|peer| shared.links.connected(*peer).is_some()).collect();
            if peers.is_empty() {
                return;
            }
            if let Err(err) = room.sync(&shared, peers).await {
                eprintln!("{err}");
            }
        });
    }

    /// Deletes the entries that this endpoint wrote under a key, and under all keys that begin with it.
    pub async fn delete(&self, doc: &str, key: &str) -> Result<Answer> {
        let room = self.room(doc)?;
        check_key(key)?;
        let author = self.node().author;
        let found = room::entries(&room.doc, Query::author(author).key_prefix(key).build()).await?;
        let deleted = found.iter().filter(|entry| !marker::is(entry)).count() as u64;
        if deleted > 0 || !found.iter().any(|entry| entry.key() == key.as_bytes()) {
            room.doc.set_bytes(author, key.as_bytes().to_vec(), marker::DELETED).await.context("delete entries")?;
        }
        Ok(Answer { deleted: Some(deleted), ..Answer::default() })
    }

    /// Returns what all authors wrote under a key.
    pub async fn get(&self, doc: &str, key: &str) -> Result<Answer> {
        let room = self.room(doc)?;
        self.page(&room, Query::key_exact(key).limit(PAGE_ENTRIES).build(), 0, PAGE_ENTRIES).await
    }

    /// Returns a page of the entries of all authors, in order of keys.
    pub async fn list(&self, doc: &str, prefix: &str, offset: u64, limit: u64) -> Result<Answer> {
        let room = self.room(doc)?;
        let limit = limit.clamp(1, PAGE_ENTRIES);
        let query = Query::key_prefix(prefix).sort_by(SortBy::KeyAuthor, SortDirection::Asc).offset(offset).limit(limit);
        self.page(&room, query.build(), offset, limit).await
    }

    async fn page(&self, room: &Room, query: Query, offset: u64, limit: u64) -> Result<Answer> {
        let found = room::entries(&room.doc, query).await?;
        let (mut entries, mut bytes, mut skipped, mut seen) = (Vec::new(), 0, 0, 0);
        for entry in &found {
            if bytes >= PAGE_BYTES {
                break;
            }
            seen += 1;
            if marker::is(entry) {
                continue;
            }
            match self.entry(entry).await {
                Some(entry) => {
                    bytes += entry.value.as_ref().map_or(0, |value| value.0.len());
                    entries.push(entry);
                }
                None => skipped += 1,
            }
        }
        let more = seen < found.len() as u64 || seen == limit;
        Ok(Answer { entries: Some(entries), next: more.then_some(offset + seen), skipped: (skipped > 0).then_some(skipped), ..Answer::default() })
    }

    /// Reads the value of an entry. Of a key that nobody writes here there is no entry.
    async fn entry(&self, entry: &iroh_docs::Entry) -> Option<Entry> {
        let key = std::str::from_utf8(entry.key()).ok().filter(|key| key.len() <= MAX_KEY)?.to_owned();
        let (author, at) = (entry.author().to_string(), entry.timestamp());
        let mut read = Entry { key, author, at, value: None, state: None };
        if entry.content_len() > MAX_VALUE {
            read.state = Some("too_large".to_owned());
        } else if !matches!(self.node().blobs.has(entry.content_hash()).await, Ok(true)) {
            read.state = Some("missing".to_owned());
        } else {
            match self.node().blobs.get_bytes(entry.content_hash()).await {
                Ok(value) => read.value = Some(Data(value.to_vec())),
                Err(_) => read.state = Some("missing".to_owned()),
            }
        }
        Some(read)
    }

    /// Returns a ticket for others.
    pub async fn share(&self, doc: &str, write: bool) -> Result<Answer> {
        let room = self.room(doc)?;
        if write && !room.write {
            return Err(Error::invalid("this document can only be read here: only a read ticket can be made"));
        }
        let mode = if write { ShareMode::Write } else { ShareMode::Read };
        let shared = room.doc.share(mode, AddrInfoOptions::Id).await.context("share document")?;
        let capability: Capability = shared.capability;
        Ok(Answer { ticket: Some(ticket::format(capability, self.node().endpoint.addr())), ..Answer::default() })
    }

    /// The endpoint, its peers and its documents.
    pub async fn status(&self) -> Result<Answer> {
        let Shared { node, links, .. } = &self.0.shared;
        let addr = node.endpoint.addr();
        let endpoint = EndpointStatus {
            id: node.endpoint.id().to_string(),
            addresses: addr.ip_addrs().map(ToString::to_string).collect(),
            relay: addr.relay_urls().next().map(ToString::to_string),
        };
        let peers = links.peers().into_iter().map(|peer| self.peer(peer)).collect();
        Ok(Answer { endpoint: Some(endpoint), peers: Some(peers), ..self.docs().await? })
    }

    fn peer(&self, peer: EndpointId) -> PeerStatus {
        let connection = self.0.shared.links.connected(peer);
        let path = connection.as_ref().map_or("none", links::path).to_owned();
        let addresses = self.node().peers.addr(peer).addrs.iter().map(ToString::to_string).collect();
        PeerStatus { peer: peer.to_string(), path, addresses }
    }

    /// Stops everything, so that what was written is on the disk.
    pub async fn shut(&self) {
        if let Some(task) = self.0.resync.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
        let rooms: Vec<_> = self.lock().drain().map(|(_, room)| room).collect();
        for room in rooms {
            if let Err(err) = room.close().await {
                eprintln!("{err}");
            }
        }
    }
}

/// Asks iroh-docs which documents are stored, and whether they can be written.
async fn stored(node: &Node) -> Result<BTreeMap<NamespaceId, bool>> {
    let mut list = pin!(node.docs.list().await.context("list documents")?);
    let mut stored = BTreeMap::new();
    while let Some(doc) = list.next().await {
        let (id, kind) = doc.context("list documents")?;
        stored.insert(id, matches!(kind, CapabilityKind::Write));
    }
    Ok(stored)
}

/// Exchanges the documents of peers that have come back: those of one peer one after the other, and those of several
/// side by side, so that a peer which does not answer holds up no other.
async fn reconcile(rooms: Rooms) {
    let (mut tasks, mut of_peer) = (JoinSet::new(), HashMap::<EndpointId, AbortHandle>::new());
    loop {
        for peer in rooms.0.shared.links.next_up().await {
            rooms.0.shared.values.forget(peer);
            while tasks.try_join_next().is_some() {}
            of_peer.retain(|_, task| !task.is_finished());
            if let Some(before) = of_peer.insert(peer, tasks.spawn(reconcile_with(rooms.clone(), peer))) {
                before.abort();
            }
        }
    }
}

async fn reconcile_with(rooms: Rooms, peer: EndpointId) {
    let open: Vec<_> = rooms.lock().values().cloned().collect();
    for room in open {
        if !room.state().peers.contains(&peer) {
            continue;
        }
        if let Err(err) = room.sync(&rooms.0.shared, [peer]).await {
            eprintln!("{err}");
        }
    }
}

fn answer(room: &Room) -> Answer {
    Answer { doc: Some(room.doc.id().to_string()), write: Some(room.write), ..Answer::default() }
}

/// Errors are logged and shown, and have no whole id of a document: who knows it can read the document.
fn no_document(id: NamespaceId) -> Error {
    Error::NotFound(format!("there is no document {}", id.fmt_short()))
}

fn parse(doc: &str) -> Result<NamespaceId> {
    doc.parse().map_err(|_| Error::invalid("that is no id of a document"))
}

fn check_key(key: &str) -> Result<()> {
    if key.is_empty() || key.len() > MAX_KEY {
        return Err(Error::TooLarge(format!("a key has 1 to {MAX_KEY} bytes")));
    }
    Ok(())
}

fn check(entry: &NewEntry) -> Result<()> {
    check_key(&entry.key)?;
    if entry.value.0.is_empty() || entry.value.0.len() as u64 > MAX_VALUE {
        return Err(Error::TooLarge(format!("a value has 1 to {MAX_VALUE} bytes")));
    }
    if entry.value.0 == marker::DELETED {
        return Err(Error::invalid("a value of one zero byte stands for a deletion"));
    }
    Ok(())
}
