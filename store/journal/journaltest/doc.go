// Package journaltest has a directory in memory that behaves like a disk on a
// bad day: operations fail when the test wants, writes stop half-way, space
// ends, bits flip, and a power cut takes or tears whatever was not synced,
// directory entries included. An fsync that fails forgets what it was to
// write, as Linux does: the next one succeeds without having written it.
package journaltest
