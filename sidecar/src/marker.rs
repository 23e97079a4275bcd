//! The marker that stands in a document for entries that their author has deleted.
//!
//! iroh-docs 0.101 deletes with an empty entry, but does not look at empty entries when it inserts others
//! (`parents` in its `store/fs.rs`): an exchange with a peer that has not heard of a deletion brings back what it
//! deletes. An entry with a value keeps out what its author wrote earlier under keys that begin with its own.

use std::sync::LazyLock;

use iroh_blobs::Hash;
use iroh_docs::Entry;

/// The value of a marker. Nobody has to fetch it: it is known by its hash.
pub const DELETED: &[u8] = &[0];

static HASH: LazyLock<Hash> = LazyLock::new(|| Hash::new(DELETED));

/// Whether an entry is a marker.
pub fn is(entry: &Entry) -> bool {
    is_hash(entry.content_hash())
}

/// Whether a value is that of a marker.
pub fn is_hash(hash: Hash) -> bool {
    hash == *HASH
}
