//! Where peers were last reached. Iroh remembers who holds a document, but not under which address.

use std::{
    collections::{BTreeSet, HashMap},
    path::{Path, PathBuf},
    sync::Mutex,
};

use iroh::{EndpointAddr, EndpointId, TransportAddr};

use crate::error::{Context, Error, Result};

/// How many peers are remembered, and how many addresses of each.
const MAX_PEERS: usize = 1000;
const MAX_ADDRESSES: usize = 16;

/// The address book: a JSON file, written whole when something is new.
#[derive(Debug)]
pub struct Peers {
    file: PathBuf,
    known: Mutex<HashMap<EndpointId, BTreeSet<TransportAddr>>>,
}

impl Peers {
    /// Reads the book; a file that cannot be read is like none, since peers are found again.
    pub fn load(dir: &Path) -> Self {
        let file = dir.join("peers.json");
        let list: Vec<EndpointAddr> = std::fs::read(&file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let known = list.into_iter().take(MAX_PEERS).map(|addr| (addr.id, addr.addrs)).collect();
        Self { file, known: Mutex::new(known) }
    }

    /// What is known of a peer; perhaps only its id.
    pub fn addr(&self, peer: EndpointId) -> EndpointAddr {
        let addrs = self.lock().get(&peer).cloned().unwrap_or_default();
        EndpointAddr::from_parts(peer, addrs)
    }

    /// Adds addresses, and writes the book if there were new ones.
    pub fn remember(&self, addr: &EndpointAddr) -> Result<()> {
        let list: Vec<EndpointAddr> = {
            let mut known = self.lock();
            if known.len() >= MAX_PEERS && !known.contains_key(&addr.id) {
                return Ok(());
            }
            let addrs = known.entry(addr.id).or_default();
            let before = addrs.len();
            addrs.extend(addr.addrs.iter().filter(|addr| !addr.is_custom()).cloned());
            while addrs.len() > MAX_ADDRESSES.max(addr.addrs.len()) {
                // The oldest are not known to be; those that were not named now go first.
                let Some(old) = addrs.iter().find(|old| !addr.addrs.contains(old)).cloned() else { break };
                addrs.remove(&old);
            }
            if addrs.len() == before {
                return Ok(());
            }
            known.iter().map(|(id, addrs)| EndpointAddr::from_parts(*id, addrs.clone())).collect()
        };
        self.write(&list)
    }

    fn write(&self, list: &[EndpointAddr]) -> Result<()> {
        let bytes = serde_json::to_vec(list).map_err(|err| Error::Internal { what: "encode peers", cause: err.to_string() })?;
        let draft = self.file.with_extension("new");
        std::fs::write(&draft, bytes).context("write peers")?;
        std::fs::rename(&draft, &self.file).context("write peers")
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<EndpointId, BTreeSet<TransportAddr>>> {
        self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
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
        Peers::load(dir.path()).remember(&addr).unwrap();
        assert_eq!(Peers::load(dir.path()).addr(id), addr);
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
