// Package p2p shares rooms between servers that have no server in common. It
// starts and watches a program of its own, sensocto-sidecar, which is an Iroh
// endpoint, and decides what the entries of a room's document mean: docs/p2p.md.
//
// It promises that entries of others count only where a signature proves that
// their signer may say that; that any order of the same entries gives the same
// room; and that everything that it waits for has a deadline. Where the sidecar is
// gone, calls return errors of code unavailable, it is started again with growing
// pauses, and nothing else of the server notices.
package p2p
