//! The Iroh endpoint of SensOcto, as a process of its own.
//!
//! One JSON object per line comes in on stdin (requests) and goes out on stdout (answers and events); logs are on
//! stderr. The process ends when stdin closes. `docs/p2p.md` of the project is the contract.
//!
//! It knows documents, entries, tickets and streams, and nothing of rooms, people or sensors: what an entry means, and
//! whether it is to be believed, the Go side decides.

pub mod endpoint;
pub mod error;
pub mod links;
pub mod options;
pub mod output;
pub mod peers;
pub mod protocol;
pub mod room;
pub mod rooms;
pub mod server;
pub mod streams;
pub mod ticket;
pub mod values;

/// The version of the line protocol. Both sides refuse any other.
pub const PROTOCOL: u32 = 1;

/// The longest request line, in bytes.
pub const MAX_LINE: usize = 1 << 20;

/// The largest value of an entry that is written or fetched, in bytes.
pub const MAX_VALUE: u64 = 64 << 10;

/// The longest key, in bytes. Keys of 5,000 bytes no longer fit into a gossip message.
pub const MAX_KEY: usize = 512;

/// A document with more entries than this is no longer synchronized: somebody floods it.
pub const MAX_ENTRIES: usize = 20_000;
