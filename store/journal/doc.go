// Package journal keeps records safe until somebody else has them: a
// write-ahead log in segment files. It knows nothing of what the records mean.
//
// It promises: what Synced or Sync confirmed is there after a kill, a crash and
// a power cut, once, in order and equal to the byte. Records that nobody waited
// for reach the file within about 20 ms (a killed process does not lose them)
// and the disk within about a second.
//
// A failed write or fsync is never taken as done and never tried again on the
// same file, because a kernel may forget the pages whose writing failed: the
// segment counts up to what was synced before, and everything after it, which
// is kept in memory until synced, goes into a new segment.
//
// Append never blocks on the disk. What waits in memory and on the disk is
// bounded by Admit, which callers ask first. One process may use a directory;
// the caller holds a lock.
//
// The files are drawn in docs/storage.md.
package journal
