//! Where peers were last reached, and which documents they hold. Iroh does not store addresses, and for half a second
//! after a change it has nothing stored at all.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use iroh::{EndpointAddr, EndpointId, TransportAddr};
use iroh_docs::NamespaceId;
use serde::{Deserialize, Serialize};

use crate::error::{Context, Error, Result};

/// How many peers are remembered, how many addresses of each, and how many peers of a document.
const MAX_PEERS: usize = 1000;
const MAX_ADDRESSES: usize = 16;
const MAX_OF_DOC: usize = 64;

/// The address book: a JSON file, written whole when something is new.
#[derive(Debug)]
pub struct Peers {
    file: PathBuf,
    known: Mutex<Known>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Known {
    peers: BTreeMap<EndpointId, BTreeSet<TransportAddr>>,
    /// Who holds a document, by the text of its id.
    docs: BTreeMap<String, BTreeSet<EndpointId>>,
}

impl Peers {
    /// Reads the book; a file that cannot be read is like none, since peers are found again.
    pub fn load(dir: &Path) -> Self {
        let file = dir.join("peers.json");
        let known = std::fs::read(&file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        Self { file, known: Mutex::new(known) }
    }

    /// Who is known to hold a document.
    pub fn of(&self, doc: NamespaceId) -> BTreeSet<EndpointId> {
        self.lock().docs.get(&doc.to_string()).cloned().unwrap_or_default()
    }

    /// Notes that a peer holds a document; false where that was known, or there are too many.
    pub fn holds(&self, doc: NamespaceId, peer: EndpointId) -> Result<bool> {
        let mut known = self.lock();
        let holders = known.docs.entry(doc.to_string()).or_default();
        if holders.len() >= MAX_OF_DOC || !holders.insert(peer) {
            return Ok(false);
        }
        self.write(&known)?;
        Ok(true)
    }

    /// Forgets who holds a document.
    pub fn forget(&self, doc: NamespaceId) -> Result<()> {
        let mut known = self.lock();
        known.docs.remove(&doc.to_string());
        self.write(&known)
    }

    /// What is known of a peer; perhaps only its id.
    pub fn addr(&self, peer: EndpointId) -> EndpointAddr {
        let addrs = self.lock().peers.get(&peer).cloned().unwrap_or_default();
        EndpointAddr::from_parts(peer, addrs)
    }

    /// Adds addresses, and writes the book if there were new ones.
    pub fn remember(&self, addr: &EndpointAddr) -> Result<()> {
        let mut known = self.lock();
        if known.peers.len() >= MAX_PEERS && !known.peers.contains_key(&addr.id) {
            return Ok(());
        }
        let addrs = known.peers.entry(addr.id).or_default();
        let before = addrs.clone();
        addrs.extend(addr.addrs.iter().filter(|addr| !addr.is_custom()).cloned());
        while addrs.len() > MAX_ADDRESSES.max(addr.addrs.len()) {
            // Those that were not named now go first.
            let Some(old) = addrs.iter().find(|old| !addr.addrs.contains(old)).cloned() else { break };
            addrs.remove(&old);
        }
        if *addrs == before {
            return Ok(());
        }
        self.write(&known)
    }

    fn write(&self, known: &Known) -> Result<()> {
        let bytes = serde_json::to_vec(known).map_err(|err| Error::Internal { what: "encode peers", cause: err.to_string() })?;
        let draft = self.file.with_extension("new");
        std::fs::write(&draft, bytes).context("write peers")?;
        std::fs::rename(&draft, &self.file).context("write peers")
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use iroh::SecretKey;

    use super::*;

    #[test]
    fn addresses_survive_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let id = SecretKey::from_bytes(&[1; 32]).public();
        let addr = EndpointAddr::new(id).with_ip_addr(([10, 0, 0, 1], 4).into());
        let doc = NamespaceId::from([7; 32]);
        let peers = Peers::load(dir.path());
        peers.remember(&addr).unwrap();
        assert!(peers.holds(doc, id).unwrap() && !peers.holds(doc, id).unwrap());
        let again = Peers::load(dir.path());
        assert_eq!((again.addr(id), again.of(doc)), (addr, BTreeSet::from([id])));
        again.forget(doc).unwrap();
        assert!(Peers::load(dir.path()).of(doc).is_empty());
    }

    #[test]
    fn a_damaged_book_is_an_empty_one() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("peers.json"), b"[{").unwrap();
        let id = SecretKey::from_bytes(&[1; 32]).public();
        assert!(Peers::load(dir.path()).addr(id).is_empty());
    }

    #[test]
    fn a_peer_that_moves_about_has_a_bounded_list() {
        let dir = tempfile::tempdir().unwrap();
        let peers = Peers::load(dir.path());
        let id = SecretKey::from_bytes(&[1; 32]).public();
        for port in 1..100 {
            peers.remember(&EndpointAddr::new(id).with_ip_addr(([10, 0, 0, 1], port).into())).unwrap();
        }
        let addr = peers.addr(id);
        assert_eq!(addr.addrs.len(), MAX_ADDRESSES);
        assert!(addr.ip_addrs().any(|addr| addr.port() == 99));
    }
}
