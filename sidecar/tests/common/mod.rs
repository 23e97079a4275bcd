//! A whole sidecar in this process: requests by a pipe, answers by another.
#![allow(dead_code)] // each test program uses a part of it

use std::{collections::VecDeque, net::SocketAddr, path::Path, time::Duration};

use serde_json::{Value, json};
use sidecar::{
    options::{Options, Relay},
    server,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, Lines},
    task::JoinHandle,
    time,
};

const TIMEOUT: Duration = Duration::from_secs(20);

pub struct Sidecar {
    input: Option<DuplexStream>,
    output: Lines<BufReader<DuplexStream>>,
    events: VecDeque<Value>,
    next: u64,
    pub endpoint: String,
    task: JoinHandle<()>,
}

impl Sidecar {
    /// Starts on a port of its own, without relays and without discovery.
    pub async fn start(dir: &Path) -> Self {
        let options = Options { dir: dir.to_owned(), bind: SocketAddr::from(([127, 0, 0, 1], 0)), relay: Relay::None, local: false, dns: false };
        let (input, theirs) = tokio::io::duplex(1 << 20);
        let (ours, output) = tokio::io::duplex(1 << 20);
        let task = tokio::spawn(async move { server::run(options, theirs, output).await.unwrap() });
        let mut sidecar = Self { input: Some(input), output: BufReader::new(ours).lines(), events: VecDeque::new(), next: 1, endpoint: String::new(), task };
        let hello = sidecar.event("hello", |_| true).await;
        sidecar.endpoint = hello["endpoint"].as_str().unwrap().to_owned();
        sidecar.ok(json!({"op": "hello", "protocol": sidecar::PROTOCOL})).await;
        sidecar
    }

    async fn line(&mut self) -> Value {
        let line = time::timeout(TIMEOUT, self.output.next_line()).await.expect("no line came").unwrap().expect("the output ended");
        serde_json::from_str(&line).unwrap()
    }

    /// Sends a request and returns its id.
    pub async fn send(&mut self, mut request: Value) -> u64 {
        let id = self.next;
        self.next += 1;
        request["id"] = id.into();
        self.raw(&request.to_string()).await;
        id
    }

    pub async fn raw(&mut self, line: &str) {
        self.input.as_mut().unwrap().write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    /// Returns the answer to a request.
    pub async fn answer(&mut self, request: Value) -> Value {
        let id = self.send(request).await;
        loop {
            let line = self.line().await;
            if line["id"] == id {
                return line;
            }
            self.events.push_back(line);
        }
    }

    pub async fn ok(&mut self, request: Value) -> Value {
        let answer = self.answer(request.clone()).await;
        assert!(answer["error"].is_null(), "{request}: {answer}");
        answer["ok"].clone()
    }

    pub async fn error(&mut self, request: Value) -> String {
        self.answer(request).await["error"]["code"].as_str().expect("no error").to_owned()
    }

    /// Waits for an event; others before it are forgotten.
    pub async fn event(&mut self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = match self.events.pop_front() {
                Some(line) => line,
                None => self.line().await,
            };
            if line["event"] == name && wanted(&line) {
                return line;
            }
        }
    }

    /// The values of a document by key, as text.
    pub async fn values(&mut self, doc: &str) -> Vec<(String, String)> {
        let listed = self.ok(json!({"op": "list", "doc": doc, "prefix": "", "offset": 0, "limit": 512})).await;
        let entries = listed["entries"].as_array().unwrap();
        entries.iter().map(|entry| (entry["key"].as_str().unwrap().to_owned(), text(&entry["value"]))).collect()
    }

    pub async fn set(&mut self, doc: &str, key: &str, value: &str) {
        let value = data_encoding::BASE64.encode(value.as_bytes());
        self.ok(json!({"op": "set", "doc": doc, "entries": [{"key": key, "value": value}]})).await;
    }

    /// Waits until a document has a value.
    pub async fn wait_value(&mut self, doc: &str, key: &str, value: &str) {
        time::timeout(TIMEOUT, async {
            loop {
                let got = self.ok(json!({"op": "get", "doc": doc, "key": key})).await;
                if got["entries"].as_array().unwrap().iter().any(|entry| text(&entry["value"]) == value) {
                    return;
                }
                time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await
        .unwrap_or_else(|_| panic!("{key} = {value} did not come"));
    }

    /// Waits until the status is as wanted, and returns it.
    pub async fn wait_status(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut status = Value::Null;
        time::timeout(TIMEOUT, async {
            loop {
                status = self.ok(json!({"op": "status"})).await;
                if wanted(&status) {
                    return;
                }
                time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await
        .unwrap_or_else(|_| panic!("the status did not become as wanted: {status}"));
        status
    }

    /// Ends the input, which has to end everything.
    pub async fn stop(mut self) {
        drop(self.input.take());
        time::timeout(TIMEOUT, self.task).await.expect("did not stop").unwrap();
    }
}

pub fn text(value: &Value) -> String {
    match value.as_str() {
        Some(value) => String::from_utf8(data_encoding::BASE64.decode(value.as_bytes()).unwrap()).unwrap(),
        None => String::new(),
    }
}
