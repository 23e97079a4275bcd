// Package bench drives a server as many devices and viewers would, and says
// what that cost and how long it took.
//
// The driver shares its cores with the server under test, so it has to be far
// cheaper than the server: one goroutine owns all connections through one
// poller, devices patch digits into prebuilt frames, and a frame that many
// viewers get byte for byte alike is parsed for the first of them only.
//
// It promises to count exactly: every sample carries its own number as its
// value, so for each viewer and sensor the driver knows which samples came,
// which came twice or out of order, which were merged under a lagged mark, and
// which never came. Latency runs from the moment before a batch is written to
// the moment after the read that brought it, and so includes the driver's own
// delays.
//
// [Bare] is the floor to compare with: a server that moves the same bytes
// between the same connections and does nothing else.
//
// The driver speaks plain ws:// and needs Linux; elsewhere everything builds
// and [Run] returns an error.
package bench
