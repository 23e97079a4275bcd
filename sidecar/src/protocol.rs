//! The line protocol: requests, answers and events as types. `docs/p2p.md` has the tables, and the transcripts in
//! `p2p/testdata/protocol` are read by the tests of both sides.

use data_encoding::BASE64;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::error::Error;

/// Bytes, which are base64 in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Data(pub Vec<u8>);

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64.decode(text.as_bytes()).map(Data).map_err(D::Error::custom)
    }
}

/// A line from the other side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    pub id: u64,
    #[serde(flatten)]
    pub op: Op,
}

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Op {
    Hello { protocol: u32 },
    Ping,
    Status,
    Create,
    Import { ticket: String },
    Open { doc: String },
    Close { doc: String },
    Drop { doc: String },
    Docs,
    Sync { doc: String },
    Set { doc: String, entries: Vec<NewEntry> },
    Delete { doc: String, key: String },
    Get { doc: String, key: String },
    List { doc: String, prefix: String, offset: u64, limit: u64 },
    Share { doc: String, write: bool },
    TicketInfo { ticket: String },
    Listen { protocol: String },
    StreamOpen { peer: String, protocol: String },
    StreamRead { stream: u64, max: usize },
    StreamWrite { stream: u64, data: Data },
    StreamFinish { stream: u64 },
    StreamClose { stream: u64 },
}

impl Op {
    /// Whether the operation may take as long as a peer likes.
    pub fn waits_for_peer(&self) -> bool {
        matches!(self, Self::StreamRead { .. } | Self::StreamWrite { .. } | Self::StreamFinish { .. } | Self::StreamClose { .. })
    }
}

/// An entry to be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewEntry {
    pub key: String,
    pub value: Data,
}

/// A line to the other side. Answers have an id, events a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Line {
    Answer { id: u64, ok: Box<Answer> },
    Failure { id: u64, error: Failure },
    Event(Event),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub code: String,
    pub message: String,
}

impl From<&Error> for Failure {
    fn from(err: &Error) -> Self {
        Self { code: err.code().to_owned(), message: err.to_string() }
    }
}

/// What an answer holds: the fields that the operation has, and no others.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Answer {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doc: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entries: Option<Vec<Entry>>,
    /// The offset of the next page; missing on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
    /// How many entries were left out because their key is not UTF-8 or too long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub docs: Option<Vec<DocStatus>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peers: Option<Vec<PeerStatus>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<EndpointStatus>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Data>,
    /// The peer has finished its side of the stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<u64>,
}

/// An entry of a document, as one author wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub key: String,
    pub author: String,
    /// By the author's clock, in µs since 1970.
    pub at: u64,
    /// Missing while `state` says why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Data>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocStatus {
    pub doc: String,
    pub write: bool,
    pub open: bool,
    /// Endpoints that hold the document and are connected now.
    pub neighbours: Vec<String>,
    /// When the last exchange with a peer succeeded, in µs since 1970; 0 for never.
    pub synced_at: u64,
    pub entries: u64,
    /// Values that have not arrived yet.
    pub missing: u64,
    /// The document has more entries than are synchronized.
    pub flooded: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerStatus {
    pub peer: String,
    /// direct, relay or none
    pub path: String,
    pub addresses: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointStatus {
    pub id: String,
    pub addresses: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<String>,
}

/// What happens without having been asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The first line.
    Hello {
        protocol: u32,
        version: String,
        endpoint: String,
    },
    /// Entries of others have come, with their values. Several become one event.
    Changed {
        doc: String,
    },
    Neighbour {
        doc: String,
        peer: String,
        up: bool,
    },
    Synced {
        doc: String,
        peer: String,
        received: u64,
        sent: u64,
    },
    SyncFailed {
        doc: String,
        peer: String,
        message: String,
    },
    Flooded {
        doc: String,
        entries: u64,
    },
    /// A peer has opened a stream of a protocol that was listened for.
    Stream {
        stream: u64,
        peer: String,
        protocol: String,
    },
    /// So many events were dropped because nobody read them: ask for the state.
    Lagged {
        dropped: u64,
    },
    /// A line that was no request, and had no id to answer to.
    Refused {
        message: String,
    },
}

/// Reads a request. The error carries the id, where the line had one.
pub fn decode(line: &str) -> Result<Request, (Option<u64>, Error)> {
    serde_json::from_str(line).map_err(|err| {
        let id = serde_json::from_str::<OnlyId>(line).ok().map(|only| only.id);
        (id, Error::invalid(format!("not a request: {err}")))
    })
}

#[derive(Deserialize)]
struct OnlyId {
    id: u64,
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use serde::de::DeserializeOwned;
    use serde_json::Value;

    use super::*;

    /// Reads a line of a transcript and writes it again: nothing may be lost or added.
    fn same<T: Serialize + DeserializeOwned>(line: &str) {
        let typed: T = serde_json::from_str(line).unwrap_or_else(|err| panic!("{line}: {err}"));
        let (want, have): (Value, Value) = (serde_json::from_str(line).unwrap(), serde_json::to_value(typed).unwrap());
        assert_eq!(have, want);
    }

    /// The lines of the golden transcripts, each with its mark.
    fn transcripts() -> Vec<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../p2p/testdata/protocol");
        let files = fs::read_dir(folder).unwrap().map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
        let lines: Vec<_> = files
            .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
            .filter(|line| line.starts_with("> ") || line.starts_with("< "))
            .collect();
        assert!(lines.len() > 40, "only {} lines", lines.len());
        lines
    }

    #[test]
    fn the_transcripts_are_spoken() {
        for line in transcripts() {
            match line.split_at(2) {
                ("> ", request) => same::<Request>(request),
                (_, line) => same::<Line>(line),
            }
        }
    }

    /// Random changes of requests: bytes changed, cut out, doubled, and parts of other lines put in. Whatever comes of
    /// that is refused, or is a request that stays the same when it is written and read again.
    #[test]
    fn changed_requests_are_refused_or_read_the_same() {
        let lines: Vec<Vec<u8>> = transcripts().iter().filter_map(|line| line.strip_prefix("> ")).map(|line| line.as_bytes().to_vec()).collect();
        let (mut random, mut accepted, mut refused) = (crate::tests::Random(1), 0, 0);
        for round in 0..100_000 {
            let mut line = lines[round % lines.len()].clone();
            for _ in 0..=random.below(3) {
                random.change(&mut line, &lines);
            }
            let Ok(text) = std::str::from_utf8(&line) else { continue };
            match decode(text) {
                Ok(request) => {
                    let written = serde_json::to_string(&request).unwrap();
                    assert_eq!(decode(&written).unwrap(), request, "{text}");
                    accepted += 1;
                }
                Err((_, err)) => {
                    assert_eq!(err.code(), "invalid");
                    refused += 1;
                }
            }
        }
        assert!(accepted > 500 && refused > 10_000, "{accepted} accepted, {refused} refused");
    }

    /// Whatever comes in is a request or an error: lines of the transcripts, damaged in every way that fits.
    #[test]
    fn damaged_requests_are_refused_without_harm() {
        let line = r#"{"id":7,"op":"set","doc":"d","entries":[{"key":"k","value":"AQID"}]}"#;
        assert!(decode(line).is_ok());
        for at in 0..line.len() {
            assert!(decode(&line[..at]).is_err());
            for byte in [b'"', b'{', b'}', b'0', b'\\', b' ', 0x7f] {
                let mut damaged = line.as_bytes().to_vec();
                damaged[at] = byte;
                if let Ok(text) = std::str::from_utf8(&damaged) {
                    let _ = decode(text);
                }
            }
        }
        let (id, err) = decode(r#"{"id":7,"op":"jump"}"#).unwrap_err();
        assert_eq!((id, err.code()), (Some(7), "invalid"));
        assert_eq!(decode("[]").unwrap_err().0, None);
    }
}
