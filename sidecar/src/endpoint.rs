//! The endpoint with everything that it serves: documents, blobs, gossip and streams.

use std::{io::Write as _, net::SocketAddr, os::unix::fs::OpenOptionsExt as _, path::Path, sync::Arc, time::Duration};

use iroh::{
    Endpoint, RelayMode, SecretKey,
    endpoint::{Builder, QuicTransportConfig, presets},
    protocol::Router,
};
use iroh_blobs::{
    ALPN as BLOBS_ALPN, BlobsProtocol,
    store::{
        GcConfig,
        fs::{FsStore, options::Options as StoreOptions},
    },
};
use iroh_docs::{
    ALPN as DOCS_ALPN, AuthorId,
    actor::SyncHandle,
    engine::{DefaultAuthorStorage, Engine, ProtectCallbackHandler},
    protocol::Docs,
    store,
};
use iroh_gossip::{ALPN as GOSSIP_ALPN, net::Gossip};
use iroh_mdns_address_lookup::MdnsAddressLookup;

use crate::{
    error::{Context, Error, Result},
    links::{self, Links},
    options::{Options, Relay},
    peers::Peers,
};

/// How soon it is noticed that a peer is gone: one that was killed comes back under the same address, and cannot say
/// that it knows nothing of its connections.
const HEARTBEAT: Duration = Duration::from_millis(1500);
const SILENCE: Duration = Duration::from_secs(5);

/// How often values that no document refers to any more are removed.
const GC_INTERVAL: Duration = Duration::from_secs(600);

/// A running endpoint; cheap to clone.
#[derive(Debug, Clone)]
pub struct Node {
    pub endpoint: Endpoint,
    pub blobs: iroh_blobs::api::Store,
    pub docs: Docs,
    /// Reads and writes documents for exchanges of our own.
    pub sync: SyncHandle,
    pub author: AuthorId,
    pub peers: Arc<Peers>,
    router: Router,
}

impl Node {
    /// Opens what is in the directory and starts to listen. `links` is served, too.
    pub async fn open(options: &Options, links: Links) -> Result<Self> {
        make_private(&options.dir)?;
        let key = secret_key(&options.dir.join("endpoint.key"))?;
        let endpoint = bind(options, key).await?;
        let (protect, callback) = ProtectCallbackHandler::new();
        let dir = options.dir.join("blobs");
        let mut store = StoreOptions::new(&dir);
        store.gc = Some(GcConfig { interval: GC_INTERVAL, add_protected: Some(callback) });
        std::fs::create_dir_all(&dir).context("make directory")?;
        let blobs = FsStore::load_with_opts(dir.join("blobs.db"), store).await.context("open blobs")?;
        let gossip = Gossip::builder().spawn(endpoint.clone());
        let replicas = store::Store::persistent(options.dir.join("docs.redb")).context("open documents")?;
        let author = DefaultAuthorStorage::Persistent(options.dir.join("default-author"));
        let downloader = blobs.downloader(&endpoint);
        let engine =
            Engine::spawn(endpoint.clone(), gossip.clone(), replicas, (*blobs).clone(), downloader, author, Some(protect)).await.context("open documents")?;
        let sync = engine.sync.clone();
        let docs = Docs::new(engine);
        let router = Router::builder(endpoint.clone())
            .accept(BLOBS_ALPN, BlobsProtocol::new(&blobs, None))
            .accept(GOSSIP_ALPN, gossip)
            .accept(DOCS_ALPN, docs.clone())
            .accept(links::ALPN, links)
            .spawn();
        let author = docs.author_default().await.context("open author")?;
        let peers = Arc::new(Peers::load(&options.dir));
        Ok(Self { endpoint, blobs: (*blobs).clone(), docs, sync, author, peers, router })
    }

    /// Stops what is served, blobs and documents too, then the endpoint.
    pub async fn close(&self) {
        if let Err(err) = self.router.shutdown().await {
            eprintln!("stop the endpoint: {err}");
        }
    }
}

/// Makes the directory, for this user alone.
fn make_private(dir: &Path) -> Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
    if dir.is_dir() {
        return std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700)).context("protect directory");
    }
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).context("make directory")
}

/// Reads the endpoint's key, or makes one that only this user can read.
fn secret_key(file: &Path) -> Result<SecretKey> {
    match std::fs::read(file) {
        Ok(bytes) => {
            let bytes: [u8; 32] = bytes.try_into().map_err(|_| Error::Internal {
                what: "read the endpoint's key",
                cause: format!("{} is damaged: restore it, or remove it for a new identity", file.display()),
            })?;
            Ok(SecretKey::from_bytes(&bytes))
        }
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => {
            let key = SecretKey::generate();
            let mut out = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).context("write the endpoint's key")?;
            out.write_all(&key.to_bytes()).context("write the endpoint's key")?;
            out.sync_all().context("write the endpoint's key")?;
            Ok(key)
        }
        Err(err) => Err(err).context("read the endpoint's key"),
    }
}

/// Binds the given port; for port 0 that of the last start if it is free, since peers remember addresses.
async fn bind(options: &Options, key: SecretKey) -> Result<Endpoint> {
    let file = options.dir.join("port");
    let last: Option<u16> = std::fs::read_to_string(&file).ok().and_then(|text| text.trim().parse().ok());
    let mut addr = options.bind;
    if let (0, Some(port)) = (addr.port(), last) {
        addr.set_port(port);
        if let Ok(endpoint) = builder(options, key.clone(), addr)?.bind().await {
            return Ok(endpoint);
        }
        addr.set_port(0);
    }
    let endpoint = builder(options, key, addr)?.bind().await.context("bind the endpoint")?;
    if let Some(bound) = endpoint.bound_sockets().into_iter().find(|bound| bound.is_ipv4() == addr.is_ipv4()) {
        std::fs::write(&file, bound.port().to_string()).context("write the port")?;
    }
    Ok(endpoint)
}

fn builder(options: &Options, key: SecretKey, addr: SocketAddr) -> Result<Builder> {
    let mut builder = if options.dns { Endpoint::builder(presets::N0) } else { Endpoint::builder(presets::Minimal) };
    builder = builder.secret_key(key).relay_mode(match &options.relay {
        Relay::None => RelayMode::Disabled,
        Relay::Iroh => RelayMode::Default,
        Relay::Own(url) => RelayMode::custom([url.clone()]),
    });
    if options.local {
        builder = builder.address_lookup(MdnsAddressLookup::builder());
    }
    let silence = SILENCE.try_into().context("set timeouts")?;
    let transport = QuicTransportConfig::builder()
        .keep_alive_interval(HEARTBEAT)
        .default_path_keep_alive_interval(HEARTBEAT)
        .max_idle_timeout(Some(silence))
        .default_path_max_idle_timeout(SILENCE);
    builder = builder.transport_config(transport.build());
    if !addr.ip().is_unspecified() {
        builder = builder.clear_ip_transports();
    }
    builder.bind_addr(addr).context("bind the endpoint")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_key_is_private_and_stays() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("endpoint.key");
        let key = secret_key(&file).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(secret_key(&file).unwrap().to_bytes(), key.to_bytes());
    }

    #[test]
    fn a_damaged_key_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("endpoint.key");
        std::fs::write(&file, b"short").unwrap();
        let err = secret_key(&file).unwrap_err().to_string();
        assert!(err.contains("is damaged"), "{err}");
        assert_eq!(std::fs::read(&file).unwrap(), b"short");
    }
}
