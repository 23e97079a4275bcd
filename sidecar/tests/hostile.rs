//! A peer that holds the document's secret, and means ill.

mod common;

use std::{net::SocketAddr, time::Duration};

use common::Sidecar;
use iroh::{
    Endpoint, RelayMode,
    endpoint::{Connection, presets},
    protocol::{AcceptError, ProtocolHandler, Router},
};
use iroh_blobs::{ALPN as BLOBS_ALPN, Hash, store::mem::MemStore};
use iroh_docs::{ALPN as DOCS_ALPN, DocTicket, protocol::Docs};
use iroh_gossip::{ALPN as GOSSIP_ALPN, net::Gossip};
use serde_json::{Value, json};
use tempfile::tempdir;
use tokio::time;

/// Makes two documents that both have and can write.
async fn two_documents(a: &mut Sidecar, b: &mut Sidecar) -> [String; 2] {
    let mut docs = [String::new(), String::new()];
    for doc in &mut docs {
        *doc = a.ok(json!({"op": "create"})).await["doc"].as_str().unwrap().to_owned();
        let ticket = a.ok(json!({"op": "share", "doc": doc, "write": true})).await["ticket"].clone();
        b.ok(json!({"op": "import", "ticket": ticket})).await;
        a.set(doc, "k/", "v").await;
        b.wait_value(doc, "k/", "v").await;
    }
    docs
}

/// So many entries of so few bytes that both are over the bound.
#[tokio::test(flavor = "multi_thread")]
async fn a_flooded_document_is_left_and_the_others_go_on() {
    let (dir_a, dir_b) = (tempdir().unwrap(), tempdir().unwrap());
    let (mut a, mut b) = (Sidecar::start(dir_a.path()).await, Sidecar::start(dir_b.path()).await);
    let docs = two_documents(&mut a, &mut b).await;
    let entries = sidecar::MAX_ENTRIES + 500;
    for page in 0..entries.div_ceil(1000) {
        let entries: Vec<Value> = (0..1000).map(|i| json!({"key": format!("flood/{}/", page * 1000 + i), "value": "AQ=="})).collect();
        a.ok(json!({"op": "set", "doc": docs[0], "entries": entries})).await;
    }
    b.event("flooded", |event| event["doc"] == docs[0].as_str()).await;
    b.ok(json!({"op": "ping"})).await;
    a.set(&docs[1], "k/", "still here").await;
    b.wait_value(&docs[1], "k/", "still here").await;
    let status = b.ok(json!({"op": "docs"})).await;
    let flooded: Vec<_> =
        status["docs"].as_array().unwrap().iter().map(|doc| (doc["doc"].as_str().unwrap() == docs[0], doc["flooded"].as_bool().unwrap())).collect();
    assert!(flooded.iter().all(|(is, flooded)| is == flooded), "{status}");
    a.stop().await;
    b.stop().await;
}

/// An endpoint that exchanges documents like any, and never answers who asks it for values.
struct Silent {
    docs: Docs,
    router: Router,
}

#[derive(Debug)]
struct NoAnswer;

impl ProtocolHandler for NoAnswer {
    async fn accept(&self, connection: Connection) -> Result<(), AcceptError> {
        connection.closed().await; // its streams stay as they are
        Ok(())
    }
}

impl Silent {
    async fn start() -> Self {
        let endpoint = Endpoint::builder(presets::Minimal).relay_mode(RelayMode::Disabled).clear_ip_transports();
        let endpoint = endpoint.bind_addr(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap().bind().await.unwrap();
        let gossip = Gossip::builder().spawn(endpoint.clone());
        let docs = Docs::memory().spawn(endpoint.clone(), (*MemStore::new()).clone(), gossip.clone()).await.unwrap();
        let router = Router::builder(endpoint).accept(BLOBS_ALPN, NoAnswer).accept(GOSSIP_ALPN, gossip).accept(DOCS_ALPN, docs.clone()).spawn();
        Self { docs, router }
    }

    /// Writes entries whose values are nowhere.
    async fn invent(&self, ticket: &str, entries: usize) {
        let doc = self.docs.import(ticket.parse::<DocTicket>().unwrap()).await.unwrap();
        let author = self.docs.author_default().await.unwrap();
        for i in 0..entries {
            doc.set_hash(author, format!("invented/{i}/"), Hash::new(format!("{i}")), 100).await.unwrap();
        }
    }
}

/// More than fit into a few requests.
const INVENTED: usize = 3000;

/// Values that nobody has, asked of a peer that never answers, hold up no others: neither of this document nor of others.
#[tokio::test(flavor = "multi_thread")]
async fn invented_values_hold_up_no_others() {
    let (dir_a, dir_b) = (tempdir().unwrap(), tempdir().unwrap());
    let (mut a, mut b) = (Sidecar::start(dir_a.path()).await, Sidecar::start(dir_b.path()).await);
    let docs = two_documents(&mut a, &mut b).await;
    let hostile = Silent::start().await;
    let ticket = b.ok(json!({"op": "share", "doc": docs[0], "write": true})).await["ticket"].clone();
    hostile.invent(ticket.as_str().unwrap(), INVENTED).await;
    let doc = docs[0].clone();
    let missing = move |known: &Value| known["doc"] == doc.as_str() && known["missing"].as_u64() > Some(INVENTED as u64 * 9 / 10); // a swarm may drop some
    let missing = move |status: &Value| status["docs"].as_array().unwrap().iter().any(&missing);
    b.wait_status(missing).await;
    time::sleep(Duration::from_secs(4)).await; // the first request is given up by then, and single values are looked for
    for i in 0..20 {
        let (doc, value) = (&docs[i % 2], format!("{i} of a"));
        a.set(doc, "k/", &value).await;
        b.wait_value(doc, "k/", &value).await;
    }
    a.stop().await;
    b.stop().await;
    hostile.router.shutdown().await.unwrap();
}
