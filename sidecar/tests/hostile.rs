//! A peer that holds the document's secret, and means ill.

mod common;

use common::Sidecar;
use serde_json::{Value, json};
use tempfile::tempdir;

/// So many entries of so few bytes that both are over the bound.
#[tokio::test(flavor = "multi_thread")]
async fn a_flooded_document_is_left_and_the_others_go_on() {
    let (dir_a, dir_b) = (tempdir().unwrap(), tempdir().unwrap());
    let (mut a, mut b) = (Sidecar::start(dir_a.path()).await, Sidecar::start(dir_b.path()).await);
    let mut docs = Vec::new();
    for _ in 0..2 {
        let doc = a.ok(json!({"op": "create"})).await["doc"].as_str().unwrap().to_owned();
        let ticket = a.ok(json!({"op": "share", "doc": doc, "write": true})).await["ticket"].clone();
        b.ok(json!({"op": "import", "ticket": ticket})).await;
        a.set(&doc, "k/", "v").await;
        b.wait_value(&doc, "k/", "v").await;
        docs.push(doc);
    }
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
    let flooded: Vec<_> = status["docs"].as_array().unwrap().iter().map(|doc| (doc["doc"].as_str().unwrap() == docs[0], doc["flooded"].as_bool().unwrap())).collect();
    assert!(flooded.iter().all(|(is, flooded)| is == flooded), "{status}");
    a.stop().await;
    b.stop().await;
}
