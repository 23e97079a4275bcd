// Package socket is the WebSocket endpoint that speaks the Phoenix protocol to
// devices and viewers: connections, joins, heartbeat, rights that end, and the topics
// of devices and of measurements, a file each. The packages below it know no
// connection: handshake reads the upgrade and ws frames, request what they ask;
// inventory and rooms are further topics; outbound is what connections are sent.
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
