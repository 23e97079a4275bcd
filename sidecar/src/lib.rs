//! The Iroh endpoint of SensOcto, as a process of its own.
//!
//! One JSON object per line comes in on stdin (requests) and goes out on stdout (answers and events); logs are on
//! stderr. The process ends when stdin closes. `docs/p2p.md` of the project is the contract.
//!
//! It knows documents, entries, tickets and streams, and nothing of rooms, people or sensors: what an entry means, and
//! whether it is to be believed, the Go side decides.

pub mod endpoint;
pub mod error;
pub mod exchange;
pub mod fetches;
pub mod links;
pub mod marker;
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

#[cfg(test)]
mod tests {
    /// Pseudo-random numbers (xorshift), the same in each run, and changes of bytes by them.
    pub struct Random(pub u64);

    impl Random {
        pub fn next(&mut self) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0
        }

        pub fn below(&mut self, n: usize) -> usize {
            usize::try_from(self.next() % n as u64).unwrap()
        }

        /// Changes one thing.
        pub fn change(&mut self, bytes: &mut Vec<u8>, others: &[Vec<u8>]) {
            if bytes.is_empty() {
                return bytes.push(self.next() as u8);
            }
            let (from, to) = (self.below(bytes.len()), self.below(bytes.len() + 1));
            let (from, to) = (from.min(to), from.max(to));
            match self.below(6) {
                0 => bytes[from.min(to.saturating_sub(1))] = self.next() as u8,
                1 => bytes[from.min(to.saturating_sub(1))] ^= 1 << self.below(8),
                2 => drop(bytes.drain(from..to)),
                3 => bytes.truncate(to),
                4 => bytes.extend_from_within(from..to),
                _ => {
                    let other = &others[self.below(others.len())];
                    let part = self.below(other.len())..other.len();
                    bytes.splice(from..from, other[part].iter().copied());
                }
            }
        }
    }
}
