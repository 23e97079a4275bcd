//! The values of one document that are on their way. A peer is asked for those that have come to be wanted while it
//! answered: one request for many, and none waits for others.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use iroh::EndpointId;
use iroh_blobs::Hash;
use tokio::{task::JoinSet, time};

use crate::{
    MAX_VALUE,
    room::{Room, Shared},
    values::Kind,
};

/// The pauses before each attempt to fetch a value: who forwards an entry may not have its value yet.
const ATTEMPTS: [Duration; 5] = [Duration::ZERO, Duration::from_millis(50), Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(3)];
/// How long a request waits for others to the same peer; then its values count as missing there.
const TURN: Duration = Duration::from_secs(3);
/// How many values one request asks for, and of how many bytes: no more than the largest value has.
const MAX_ASKED: usize = 128;
const MAX_ASKED_BYTES: u64 = MAX_VALUE;
/// How many values are fetched or wait for it; what is more is found by the next exchange.
const MAX_FETCHES: usize = 2048;

/// Values on their way.
pub struct Fetches {
    shared: Shared,
    room: Arc<Room>,
    hashes: HashSet<Hash>,
    /// Values that nobody has been asked for, by who has sent their entries, with their lengths.
    waiting: HashMap<EndpointId, Vec<(Hash, u64)>>,
    /// Who is being asked.
    asked: HashSet<EndpointId>,
    tasks: JoinSet<Ended>,
}

/// What a request has brought.
struct Ended {
    /// Who was asked for many values; `None` where one value was looked for.
    peer: Option<EndpointId>,
    here: Vec<Hash>,
    missing: Vec<Hash>,
}

impl Fetches {
    pub fn new(shared: Shared, room: Arc<Room>) -> Self {
        Self { shared, room, hashes: HashSet::new(), waiting: HashMap::new(), asked: HashSet::new(), tasks: JoinSet::new() }
    }

    /// How many values are on their way.
    pub fn under_way(&self) -> usize {
        self.hashes.len()
    }

    /// Fetches a value, unless too many are on their way; false where it is on its way already.
    pub fn add(&mut self, hash: Hash, len: u64, from: EndpointId) -> bool {
        if self.hashes.contains(&hash) {
            return false;
        }
        if self.hashes.len() < MAX_FETCHES {
            self.hashes.insert(hash);
            self.waiting.entry(from).or_default().push((hash, len));
            self.ask(from);
        }
        true
    }

    /// Asks a peer for what waits for it, unless it is being asked.
    fn ask(&mut self, peer: EndpointId) {
        if self.asked.contains(&peer) {
            return;
        }
        let Some(waiting) = self.waiting.get_mut(&peer) else { return };
        let mut bytes = 0;
        let fits = |(_, len): &&(Hash, u64)| {
            bytes += len;
            bytes <= MAX_ASKED_BYTES
        };
        let count = waiting.iter().take(MAX_ASKED).take_while(fits).count().max(1);
        let hashes: Vec<_> = waiting.drain(..count).map(|(hash, _)| hash).collect();
        if waiting.is_empty() {
            self.waiting.remove(&peer);
        }
        self.asked.insert(peer);
        self.tasks.spawn(ask(self.shared.clone(), peer, hashes));
    }

    /// Waits until a request has ended, and returns how many values it has brought; `None` while there is none.
    pub async fn next(&mut self) -> Option<usize> {
        let Ok(ended) = self.tasks.join_next().await? else { return Some(0) };
        for hash in &ended.here {
            self.hashes.remove(hash);
        }
        for hash in ended.missing {
            match ended.peer {
                Some(peer) => drop(self.tasks.spawn(look(self.shared.clone(), self.room.clone(), hash, peer))),
                None => drop(self.hashes.remove(&hash)),
            }
        }
        if let Some(peer) = ended.peer {
            self.asked.remove(&peer);
            self.ask(peer);
        }
        Some(ended.here.len())
    }
}

/// Asks a peer for values with one request. One that does not answer is asked for single values alone, beside others.
async fn ask(shared: Shared, peer: EndpointId, hashes: Vec<Hash>) -> Ended {
    if shared.values.silent(peer) {
        return Ended { peer: Some(peer), here: Vec::new(), missing: hashes };
    }
    let (here, missing) = request(&shared, Kind::Many, peer, hashes).await;
    Ended { peer: Some(peer), here, missing }
}

/// Looks for a value at whoever sent its entry, and at others who hold the document: at all of them side by side, so
/// that it does not wait for one that never answers.
async fn look(shared: Shared, room: Arc<Room>, hash: Hash, from: EndpointId) -> Ended {
    let mut peers = room.state().neighbours;
    peers.insert(from);
    let mut looks: JoinSet<bool> = peers.into_iter().map(|peer| look_at(shared.clone(), peer, hash)).collect();
    while let Some(found) = looks.join_next().await {
        if matches!(found, Ok(true)) {
            return Ended { peer: None, here: vec![hash], missing: Vec::new() };
        }
    }
    Ended { peer: None, here: Vec::new(), missing: vec![hash] }
}

/// Looks for a value at a peer, several times.
async fn look_at(shared: Shared, peer: EndpointId, hash: Hash) -> bool {
    for pause in ATTEMPTS {
        time::sleep(pause).await;
        let (here, _) = request(&shared, Kind::Single, peer, vec![hash]).await;
        if !here.is_empty() {
            return true;
        }
    }
    false
}

/// Asks a peer for values when it is the request's turn, and returns which are here now and which are not. Only then
/// it counts among those of all peers: a peer that holds up its own requests holds up no others.
async fn request(shared: &Shared, kind: Kind, peer: EndpointId, hashes: Vec<Hash>) -> (Vec<Hash>, Vec<Hash>) {
    let turns = shared.values.turns(peer, kind);
    let Ok(Ok(_turn)) = time::timeout(TURN, turns.acquire()).await else { return (Vec::new(), hashes) };
    let Ok(_permit) = shared.fetches.acquire().await else { return (Vec::new(), hashes) };
    Box::pin(shared.values.fetch(&shared.node, peer, hashes)).await // in a box, so that the many that wait are small
}
