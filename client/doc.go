// Package client talks to a SensOcto server as devices and viewers do: over a
// WebSocket with Phoenix channels.
//
// [Dial] opens a connection that mends itself: when it breaks, the client
// connects again with growing, random pauses and joins its channels anew. On
// it, a [Channel] is one topic, a [Device] brings a sensor and sends its
// measurements, and a [Viewer] watches sensors.
//
// What it promises: events of one topic are handed over in their order, by one
// goroutine (the connection's reader), and a handler that takes its time slows
// only the reading, which makes the server merge samples for this viewer.
// Every queue is bounded, and what a full one refuses is refused to the caller
// and counted ([Stats]). A [Stream] loses nothing while the process lives: it
// keeps every batch until the server has it on disk; with a file, it loses
// nothing when the process ends either. All goroutines have ended when
// [Client.Close] returns.
//
// What it does not do: discover servers.
package client
