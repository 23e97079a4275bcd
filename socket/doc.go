// Package socket is the WebSocket endpoint that speaks the Phoenix protocol to
// devices and viewers: upgrade, connections, joins, heartbeat, one file per
// topic family. What connections are sent goes through package outbound, frames
// are read by package ws.
//
// It promises: what a connection is sent on one topic keeps its order; a
// broadcast is encoded once per encoding and its bytes are shared by all
// viewers; nobody waits for a slow viewer, whose samples are merged into
// buckets instead and whose other events, where they overflow, end the
// connection; a device that sends faster than its sensor can take is slowed by
// TCP; a panic costs one connection and never the process.
//
// It neither stores nor validates samples: package wire decodes them, and the
// sensor behind a sensocto.SensorLink takes them.
package socket
