//! The values of one document that are wanted. Whoever sent an entry is asked first, for many values with one request;
//! what it does not give is looked for value by value at all who hold the document. What came last goes first, so that
//! values which nobody has hold up none that come after them.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    future,
    sync::Arc,
    time::Duration,
};

use iroh::EndpointId;
use iroh_blobs::Hash;
use tokio::{
    task::JoinSet,
    time::{self, Instant},
};

use crate::{
    MAX_ENTRIES, MAX_VALUE,
    room::{Room, Shared},
    values::{Kind, OF_A_PEER},
};

/// The pauses before each attempt to find a value: who forwards an entry may not have its value yet.
const ATTEMPTS: [Duration; 5] = [Duration::ZERO, Duration::from_millis(50), Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(3)];
/// The pause where nobody could be asked, since all requests that a peer may be sent at once are under way; that much
/// longer for each `MAX_LOOKS` values that wait, so that peers that do not answer cost little.
const BUSY: Duration = Duration::from_millis(500);
/// How long a value is looked for; then the next exchange finds that it is missing.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a request waits for others to the same peer; then its values count as missing there.
const TURN: Duration = Duration::from_secs(3);
/// How many values one request asks for, and of how many bytes: no more than the largest value has.
const MAX_ASKED: usize = 128;
const MAX_ASKED_BYTES: u64 = MAX_VALUE;
/// How many values are looked for at once.
const MAX_LOOKS: usize = 64;

/// Values that are wanted, at most as many as a document has entries.
pub struct Fetches {
    shared: Shared,
    room: Arc<Room>,
    wanted: HashMap<Hash, Want>,
    /// Values that nobody has been asked for, by who has sent their entries.
    waiting: HashMap<EndpointId, BTreeSet<(i64, Hash)>>,
    /// Who is being asked for many.
    asked: HashSet<EndpointId>,
    /// Values to look for now, the last one first; how many are being looked for; and those to look for later.
    looks: BTreeSet<(i64, Hash)>,
    looking: usize,
    later: BTreeSet<(Instant, Hash)>,
    /// Values that were looked for in vain: of these there is one attempt after each exchange.
    vain: HashSet<Hash>,
    /// The rank of the last new value, and of the last old one.
    newest: i64,
    oldest: i64,
    tasks: JoinSet<Ended>,
}

#[derive(Debug, Clone, Copy)]
struct Want {
    len: u64,
    from: EndpointId,
    /// The greatest rank goes first.
    rank: i64,
    attempts: usize,
    until: Instant,
}

/// What has come of a request.
enum Ended {
    Asked { peer: EndpointId, here: Vec<Hash>, missing: Vec<Hash> },
    Looked { hash: Hash, found: Found },
}

/// What has come of an attempt to find a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    /// Nobody could be asked.
    Busy,
    Nowhere,
    Here,
}

impl Fetches {
    pub fn new(shared: Shared, room: Arc<Room>) -> Self {
        Self {
            shared,
            room,
            wanted: HashMap::new(),
            waiting: HashMap::new(),
            asked: HashSet::new(),
            looks: BTreeSet::new(),
            looking: 0,
            later: BTreeSet::new(),
            vain: HashSet::new(),
            newest: 0,
            oldest: 0,
            tasks: JoinSet::new(),
        }
    }

    /// How many values are wanted.
    pub fn wanted(&self) -> usize {
        self.wanted.len()
    }

    /// Fetches the value of an entry that has just come; false where it is wanted already.
    pub fn add(&mut self, hash: Hash, len: u64, from: EndpointId) -> bool {
        self.newest += 1;
        self.want(hash, len, from, self.newest)
    }

    /// Fetches a value that an earlier exchange has left behind, after those that come; false where it is wanted already.
    pub fn add_old(&mut self, hash: Hash, len: u64, from: EndpointId) -> bool {
        self.oldest -= 1;
        self.want(hash, len, from, self.oldest)
    }

    fn want(&mut self, hash: Hash, len: u64, from: EndpointId, rank: i64) -> bool {
        if self.wanted.contains_key(&hash) {
            return false;
        }
        if self.wanted.len() >= MAX_ENTRIES {
            self.drop_one();
        }
        if self.wanted.len() < MAX_ENTRIES {
            let attempts = if self.vain.contains(&hash) { ATTEMPTS.len() - 1 } else { 0 };
            self.wanted.insert(hash, Want { len, from, rank, attempts, until: Instant::now() + PATIENCE });
            self.waiting.entry(from).or_default().insert((rank, hash));
            self.ask(from);
        }
        true
    }

    /// Makes room for a value: one that was not found yet is left to the next exchange.
    fn drop_one(&mut self) {
        let hash = self.later.pop_last().map(|(_, hash)| hash).or_else(|| self.looks.pop_first().map(|(_, hash)| hash));
        if let Some(hash) = hash {
            self.wanted.remove(&hash);
        }
    }

    /// Asks a peer for what waits for it, unless it is being asked. Of one that does not answer it is looked for elsewhere.
    fn ask(&mut self, peer: EndpointId) {
        if self.asked.contains(&peer) {
            return;
        }
        let Some(waiting) = self.waiting.get_mut(&peer) else { return };
        if self.shared.values.silent(peer) {
            self.looks.append(waiting);
            self.waiting.remove(&peer);
            return;
        }
        let (mut hashes, mut bytes) = (Vec::new(), 0);
        while hashes.len() < MAX_ASKED
            && let Some((_, hash)) = waiting.last()
        {
            bytes += self.wanted.get(hash).map_or(0, |want| want.len);
            if bytes > MAX_ASKED_BYTES && !hashes.is_empty() {
                break;
            }
            hashes.push(*hash);
            waiting.pop_last();
        }
        if waiting.is_empty() {
            self.waiting.remove(&peer);
        }
        self.asked.insert(peer);
        self.tasks.spawn(ask(self.shared.clone(), peer, hashes));
    }

    /// Waits until a request has ended, and returns how many values it has brought.
    pub async fn next(&mut self) -> usize {
        loop {
            self.look_for_next();
            let due = self.later.first().map(|(due, _)| *due);
            tokio::select! {
                Some(ended) = self.tasks.join_next() => return ended.map_or(0, |ended| self.ended(ended)),
                () = time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => self.look_for_due(),
                else => future::pending().await,
            }
        }
    }

    fn ended(&mut self, ended: Ended) -> usize {
        match ended {
            Ended::Asked { peer, here, missing } => {
                for hash in &here {
                    self.found(*hash);
                }
                self.looks.extend(missing.into_iter().filter_map(|hash| Some((self.wanted.get(&hash)?.rank, hash))));
                self.asked.remove(&peer);
                self.ask(peer);
                here.len()
            }
            Ended::Looked { hash, found } => {
                self.looking -= 1;
                match found {
                    Found::Here => self.found(hash),
                    Found::Nowhere => self.again(hash, true),
                    Found::Busy => self.again(hash, false),
                }
                usize::from(found == Found::Here)
            }
        }
    }

    fn found(&mut self, hash: Hash) {
        self.wanted.remove(&hash);
        self.vain.remove(&hash);
    }

    /// Looks for a value again, unless it has been looked for often enough.
    fn again(&mut self, hash: Hash, attempted: bool) {
        let Some(want) = self.wanted.get_mut(&hash) else { return };
        want.attempts += usize::from(attempted);
        let pause = if attempted {
            ATTEMPTS.get(want.attempts).copied()
        } else {
            Some(BUSY * (1 + u32::try_from(self.later.len() / MAX_LOOKS).unwrap_or(u32::MAX - 1)))
        };
        match pause.map(|pause| Instant::now() + pause).filter(|due| *due < want.until) {
            Some(due) => drop(self.later.insert((due, hash))),
            None => {
                self.wanted.remove(&hash);
                if self.vain.len() >= MAX_ENTRIES {
                    self.vain.clear();
                }
                self.vain.insert(hash);
            }
        }
    }

    fn look_for_due(&mut self) {
        let now = Instant::now();
        while let Some((due, hash)) = self.later.first().copied()
            && due <= now
        {
            self.later.pop_first();
            self.looks.extend(self.wanted.get(&hash).map(|want| (want.rank, hash)));
        }
    }

    fn look_for_next(&mut self) {
        while self.looking < MAX_LOOKS
            && let Some((_, hash)) = self.looks.pop_last()
        {
            let Some(want) = self.wanted.get(&hash) else { continue };
            self.looking += 1;
            self.tasks.spawn(look(self.shared.clone(), self.room.clone(), hash, want.from));
        }
    }
}

/// Asks a peer for values with one request.
async fn ask(shared: Shared, peer: EndpointId, hashes: Vec<Hash>) -> Ended {
    let turns = shared.values.turns(peer, Kind::Many);
    let Ok(Ok(_turn)) = time::timeout(TURN, turns.acquire()).await else { return Ended::Asked { peer, here: Vec::new(), missing: hashes } };
    let (here, missing) = request(&shared, peer, hashes).await;
    Ended::Asked { peer, here, missing }
}

/// Looks for a value once at whoever sent its entry, and at others who hold the document: at all of them side by side,
/// so that it does not wait for one that never answers.
async fn look(shared: Shared, room: Arc<Room>, hash: Hash, from: EndpointId) -> Ended {
    let mut peers = room.state().neighbours;
    peers.insert(from);
    let mut looks: JoinSet<Found> = peers.into_iter().map(|peer| look_at(shared.clone(), peer, hash)).collect();
    let mut found = Found::Busy;
    while let Some(one) = looks.join_next().await {
        found = found.max(one.unwrap_or(Found::Nowhere));
        if found == Found::Here {
            break;
        }
    }
    Ended::Looked { hash, found }
}

/// Looks for a value at a peer. One that does not answer is asked for one value at a time, and nothing waits for its turn.
async fn look_at(shared: Shared, peer: EndpointId, hash: Hash) -> Found {
    let turns = shared.values.turns(peer, Kind::Single);
    if shared.values.silent(peer) && turns.available_permits() < OF_A_PEER {
        return Found::Busy;
    }
    let Ok(Ok(_turn)) = time::timeout(TURN, turns.acquire()).await else { return Found::Busy };
    let (here, _) = request(&shared, peer, vec![hash]).await;
    if here.is_empty() { Found::Nowhere } else { Found::Here }
}

/// Asks a peer for values, and returns which are here now and which are not. Only with its turn it counts among those
/// of all peers: a peer that holds up its own requests holds up no others.
async fn request(shared: &Shared, peer: EndpointId, hashes: Vec<Hash>) -> (Vec<Hash>, Vec<Hash>) {
    let Ok(_permit) = shared.fetches.acquire().await else { return (Vec::new(), hashes) };
    Box::pin(shared.values.fetch(&shared.node, peer, hashes)).await // in a box, so that the many that wait are small
}
