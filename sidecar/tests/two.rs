//! Two endpoints in one process, on ports of their own, with neither relays nor discovery.

mod common;

use common::{Sidecar, text};
use serde_json::json;
use tempfile::tempdir;

#[tokio::test(flavor = "multi_thread")]
async fn entries_go_both_ways_and_stay() {
    let (dir_a, dir_b) = (tempdir().unwrap(), tempdir().unwrap());
    let (mut a, mut b) = (Sidecar::start(dir_a.path()).await, Sidecar::start(dir_b.path()).await);
    let doc = a.ok(json!({"op": "create"})).await["doc"].as_str().unwrap().to_owned();
    a.set(&doc, "meta/name/", "Lab").await;
    let ticket = a.ok(json!({"op": "share", "doc": doc, "write": true})).await["ticket"].clone();
    let joined = b.ok(json!({"op": "import", "ticket": ticket})).await;
    assert_eq!((joined["doc"].as_str(), joined["write"].as_bool()), (Some(doc.as_str()), Some(true)));
    b.wait_value(&doc, "meta/name/", "Lab").await;
    b.set(&doc, "meta/name/", "Of b").await;
    a.event("changed", |event| event["doc"] == doc.as_str()).await;
    a.wait_value(&doc, "meta/name/", "Of b").await;
    assert_eq!(a.values(&doc).await.len(), 2, "what two authors wrote under a key is kept of both");

    // b goes and comes back: its identity, its documents and its peers are still there.
    let endpoint = b.endpoint.clone();
    b.stop().await;
    a.set(&doc, "settings/x/", "while b was away").await;
    let mut b = Sidecar::start(dir_b.path()).await;
    assert_eq!(b.endpoint, endpoint);
    b.ok(json!({"op": "open", "doc": doc})).await;
    b.wait_value(&doc, "settings/x/", "while b was away").await;
    let status = b.wait_status(|status| status["docs"][0]["synced_at"].as_u64() > Some(0)).await;
    assert_eq!(status["docs"][0]["doc"], doc.as_str());
    assert_eq!(status["peers"][0]["path"], "direct", "{status}");
    a.stop().await;
    b.stop().await;
}

/// Who was away when something was deleted still has it, and sends it in the exchange that tells them.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_does_not_come_back() {
    let (dir_a, dir_b) = (tempdir().unwrap(), tempdir().unwrap());
    let (mut a, mut b) = (Sidecar::start(dir_a.path()).await, Sidecar::start(dir_b.path()).await);
    let doc = a.ok(json!({"op": "create"})).await["doc"].as_str().unwrap().to_owned();
    for key in ["people/x/", "people/y/", "sensors/x/1/", "meta/name/"] {
        a.set(&doc, key, key).await;
    }
    let ticket = a.ok(json!({"op": "share", "doc": doc, "write": true})).await["ticket"].clone();
    b.ok(json!({"op": "import", "ticket": ticket})).await;
    b.wait_value(&doc, "sensors/x/1/", "sensors/x/1/").await;
    b.set(&doc, "people/x/", "what b says of x").await;
    a.wait_value(&doc, "people/x/", "what b says of x").await;
    b.stop().await;

    assert_eq!(a.ok(json!({"op": "delete", "doc": doc, "key": "people/"})).await["deleted"], 2);
    assert_eq!(a.ok(json!({"op": "delete", "doc": doc, "key": "people/"})).await["deleted"], 0);
    assert_eq!(a.ok(json!({"op": "delete", "doc": doc, "key": "sensors/x/1/"})).await["deleted"], 1);
    a.set(&doc, "people/y/", "again").await;
    let left = [("meta/name/", "meta/name/"), ("people/x/", "what b says of x"), ("people/y/", "again")];
    let left: Vec<_> = left.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    assert_eq!(a.values(&doc).await, left);

    let mut b = Sidecar::start(dir_b.path()).await;
    b.ok(json!({"op": "open", "doc": doc})).await;
    b.wait_value(&doc, "people/y/", "again").await;
    for _ in 0..2 {
        b.ok(json!({"op": "sync", "doc": doc})).await;
        a.ok(json!({"op": "sync", "doc": doc})).await;
    }
    assert_eq!(a.values(&doc).await, left);
    assert_eq!(b.values(&doc).await, left);
    let status = b.wait_status(|status| status["docs"][0]["missing"] == 0).await;
    assert_eq!(status["docs"][0]["missing"], 0, "nobody fetches the value of a deletion");
    assert_eq!(b.error(json!({"op": "set", "doc": doc, "entries": [{"key": "k/", "value": "AA=="}]})).await, "invalid");
    a.stop().await;
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_ticket_does_not_write() {
    let (dir_a, dir_b) = (tempdir().unwrap(), tempdir().unwrap());
    let (mut a, mut b) = (Sidecar::start(dir_a.path()).await, Sidecar::start(dir_b.path()).await);
    let doc = a.ok(json!({"op": "create"})).await["doc"].as_str().unwrap().to_owned();
    a.set(&doc, "k/", "v").await;
    let ticket = a.ok(json!({"op": "share", "doc": doc, "write": false})).await["ticket"].clone();
    assert_eq!(b.ok(json!({"op": "import", "ticket": ticket})).await["write"], false);
    b.wait_value(&doc, "k/", "v").await;
    let refused = b.answer(json!({"op": "set", "doc": doc, "entries": [{"key": "k/", "value": "AQ=="}]})).await;
    assert!(!refused["error"].is_null(), "{refused}");
    assert_eq!(b.error(json!({"op": "share", "doc": doc, "write": true})).await, "invalid");
    a.stop().await;
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_carry_bytes_of_protocols_that_are_listened_for() {
    let (dir_a, dir_b) = (tempdir().unwrap(), tempdir().unwrap());
    let (mut a, mut b) = (Sidecar::start(dir_a.path()).await, Sidecar::start(dir_b.path()).await);
    let doc = a.ok(json!({"op": "create"})).await["doc"].clone();
    let ticket = a.ok(json!({"op": "share", "doc": doc, "write": true})).await["ticket"].clone();
    b.ok(json!({"op": "import", "ticket": ticket})).await;
    a.ok(json!({"op": "listen", "protocol": "echo/1"})).await;

    let opened = b.ok(json!({"op": "stream_open", "peer": a.endpoint, "protocol": "echo/1"})).await["stream"].clone();
    let accepted = a.event("stream", |_| true).await;
    assert_eq!((accepted["peer"].as_str(), accepted["protocol"].as_str()), (Some(b.endpoint.as_str()), Some("echo/1")));
    b.ok(json!({"op": "stream_write", "stream": opened, "data": "aGVsbG8="})).await;
    let read = a.ok(json!({"op": "stream_read", "stream": accepted["stream"], "max": 100})).await;
    assert_eq!(text(&read["data"]), "hello");
    b.ok(json!({"op": "stream_finish", "stream": opened})).await;
    assert_eq!(a.ok(json!({"op": "stream_read", "stream": accepted["stream"], "max": 100})).await["end"], true);

    // A read that waits ends when the stream is closed.
    let waiting = b.send(json!({"op": "stream_read", "stream": opened, "max": 100})).await;
    b.ok(json!({"op": "stream_close", "stream": opened})).await;
    assert!(waiting > 0);
    assert_eq!(b.error(json!({"op": "stream_read", "stream": opened, "max": 1})).await, "not_found");

    let other = b.ok(json!({"op": "stream_open", "peer": a.endpoint, "protocol": "unknown/1"})).await["stream"].clone();
    assert_eq!(b.error(json!({"op": "stream_read", "stream": other, "max": 1})).await, "unavailable");
    a.stop().await;
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_are_answered_and_change_nothing() {
    let dir = tempdir().unwrap();
    let mut a = Sidecar::start(dir.path()).await;
    let doc = a.ok(json!({"op": "create"})).await["doc"].clone();
    let big = data_encoding::BASE64.encode(&vec![0; sidecar::MAX_VALUE as usize + 1]);
    for (request, code) in [
        (json!({"op": "hello", "protocol": 9}), "version"),
        (json!({"op": "jump"}), "invalid"),
        (json!({"op": "open", "doc": "x"}), "invalid"),
        (json!({"op": "open", "doc": "00".repeat(32)}), "not_found"),
        (json!({"op": "import", "ticket": "docaaaa"}), "invalid"),
        (json!({"op": "set", "doc": doc, "entries": [{"key": "k", "value": big}]}), "too_large"),
        (json!({"op": "set", "doc": doc, "entries": [{"key": "k".repeat(513), "value": "AQ=="}]}), "too_large"),
        (json!({"op": "stream_open", "peer": "x", "protocol": "p"}), "invalid"),
    ] {
        assert_eq!(a.error(request.clone()).await, code, "{request}");
    }
    a.raw("no json").await;
    a.event("refused", |_| true).await;
    assert!(a.values(doc.as_str().unwrap()).await.is_empty());
    a.ok(json!({"op": "ping"})).await;
    a.stop().await;
}

/// More values than one request asks for, some so large that few fit into one.
#[tokio::test(flavor = "multi_thread")]
async fn many_values_of_all_sizes_arrive() {
    let (dir_a, dir_b) = (tempdir().unwrap(), tempdir().unwrap());
    let (mut a, mut b) = (Sidecar::start(dir_a.path()).await, Sidecar::start(dir_b.path()).await);
    let doc = a.ok(json!({"op": "create"})).await["doc"].as_str().unwrap().to_owned();
    let value = |i: usize| if i % 100 == 0 { "x".repeat(60_000 + i) } else { i.to_string() };
    for i in 0..400 {
        a.set(&doc, &format!("k/{i}/"), &value(i)).await;
    }
    let ticket = a.ok(json!({"op": "share", "doc": doc, "write": true})).await["ticket"].clone();
    b.ok(json!({"op": "import", "ticket": ticket})).await;
    b.wait_status(|status| status["docs"][0]["entries"] == 400 && status["docs"][0]["missing"] == 0).await;
    let mut values = b.values(&doc).await;
    values.sort();
    let mut wanted: Vec<_> = (0..400).map(|i| (format!("k/{i}/"), value(i))).collect();
    wanted.sort();
    assert!(values == wanted, "{} values", values.len());
    a.stop().await;
    b.stop().await;
}

/// As after a kill between an entry and its value.
#[tokio::test(flavor = "multi_thread")]
async fn values_that_are_not_there_after_a_start_are_fetched() {
    let (dir_a, dir_b) = (tempdir().unwrap(), tempdir().unwrap());
    let (mut a, mut b) = (Sidecar::start(dir_a.path()).await, Sidecar::start(dir_b.path()).await);
    let doc = a.ok(json!({"op": "create"})).await["doc"].as_str().unwrap().to_owned();
    a.set(&doc, "k/", "v").await;
    let ticket = a.ok(json!({"op": "share", "doc": doc, "write": true})).await["ticket"].clone();
    b.ok(json!({"op": "import", "ticket": ticket})).await;
    b.wait_value(&doc, "k/", "v").await;
    b.stop().await;
    std::fs::remove_dir_all(dir_b.path().join("blobs")).unwrap();
    let mut b = Sidecar::start(dir_b.path()).await;
    b.ok(json!({"op": "open", "doc": doc})).await;
    b.wait_value(&doc, "k/", "v").await;
    a.stop().await;
    b.stop().await;
}

/// iroh-docs blocked for good when 50 to 100 documents were imported at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_documents_are_imported_at_once() {
    let (dir_a, dir_b) = (tempdir().unwrap(), tempdir().unwrap());
    let (mut a, mut b) = (Sidecar::start(dir_a.path()).await, Sidecar::start(dir_b.path()).await);
    let mut docs = Vec::new();
    for i in 0..100 {
        let doc = a.ok(json!({"op": "create"})).await["doc"].as_str().unwrap().to_owned();
        a.set(&doc, "k/", &i.to_string()).await;
        let ticket = a.ok(json!({"op": "share", "doc": doc, "write": true})).await["ticket"].clone();
        docs.push((doc, ticket));
    }
    let start = std::time::Instant::now();
    for (_, ticket) in &docs {
        b.send(json!({"op": "import", "ticket": ticket})).await;
    }
    b.ok(json!({"op": "ping"})).await;
    for (i, (doc, _)) in docs.iter().enumerate() {
        while b.answer(json!({"op": "open", "doc": doc})).await["error"]["code"] == "not_found" {}
        b.wait_value(doc, "k/", &i.to_string()).await;
    }
    println!("100 documents in {:?}", start.elapsed());
    a.stop().await;
    b.stop().await;
}

/// Where both start again, documents that one of them has dropped meanwhile hold up no other.
#[tokio::test(flavor = "multi_thread")]
async fn documents_that_the_peer_has_dropped_hold_up_no_other() {
    let (dir_a, dir_b) = (tempdir().unwrap(), tempdir().unwrap());
    let (mut a, mut b) = (Sidecar::start(dir_a.path()).await, Sidecar::start(dir_b.path()).await);
    let mut docs = Vec::new();
    for _ in 0..14 {
        let doc = a.ok(json!({"op": "create"})).await["doc"].as_str().unwrap().to_owned();
        let ticket = a.ok(json!({"op": "share", "doc": doc, "write": true})).await["ticket"].clone();
        b.ok(json!({"op": "import", "ticket": ticket})).await;
        a.set(&doc, "k/", "v").await;
        b.wait_value(&doc, "k/", "v").await;
        docs.push(doc);
    }
    a.stop().await;
    b.stop().await;
    let (found, kept) = (docs.pop().unwrap(), docs.pop().unwrap());
    let (mut a, mut b) = (Sidecar::start(dir_a.path()).await, Sidecar::start(dir_b.path()).await);
    for doc in &docs {
        b.ok(json!({"op": "drop", "doc": doc})).await;
    }
    for doc in [&found, &kept] {
        b.ok(json!({"op": "open", "doc": doc})).await;
        b.set(doc, "k/", "of b").await;
    }
    // Both have other addresses than before, so that they are connected only now, by this ticket.
    let ticket = b.ok(json!({"op": "share", "doc": found, "write": true})).await["ticket"].clone();
    a.ok(json!({"op": "import", "ticket": ticket})).await;
    a.wait_value(&found, "k/", "of b").await;
    for doc in docs.iter().chain([&kept]) {
        a.ok(json!({"op": "open", "doc": doc})).await;
    }
    a.wait_value(&kept, "k/", "of b").await;
    // A document that both have again is exchanged as before.
    let ticket = a.ok(json!({"op": "share", "doc": docs[0], "write": true})).await["ticket"].clone();
    b.ok(json!({"op": "import", "ticket": ticket})).await;
    b.wait_value(&docs[0], "k/", "v").await;
    b.set(&docs[0], "k/", "again").await;
    a.wait_value(&docs[0], "k/", "again").await;
    a.stop().await;
    b.stop().await;
}
