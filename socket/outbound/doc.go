// Package outbound is the way of everything that a WebSocket connection is sent:
// from a published message or a reply to bytes in the socket.
//
//	pubsub ─▶ fanout of a sensor ─┬─ high ──────────────────▶ Feed ─┐
//	                              └─ medium, low ▶ window ──▶ Feed ─┤
//	pubsub ─────────── other topics ──────────────────────▶ Feed ───┤ frames,
//	replies ▶ Channel.Reply, Push; Outbox.Reply, Enqueue ───────────┤ in order
//	                                                                ▼
//	                                            Outbox ─▶ writer ─▶ socket
//
// Topic code replies and pushes (Channel.Reply, Push), subscribes feeds, sets their
// levels and closes them (Feed.Close). The connection ends channels (Channel.End, Leave)
// and closes (Outbox.Close). Neither sees queues, timers or writers.
//
// # A feed
//
//	new ──Subscribe, Watch──▶ holding ──Release──▶ open ──Close──▶ closed
//	                             └────────────Close──────────────────▲
//
// It subscribes before a join is answered, so nothing is missed, and holds what comes
// until Release, so nothing overtakes the answer. What the answer's history contains is
// left out: a viewer gets every sample once. The measurements of one sensor come through
// its fanout, which knows the level of each feed and changes it between two messages.
// The fanout is one subscriber of the topic that hands on to many, because a window is
// shared by all feeds of a level, and a change of level must neither lose nor repeat a
// sample: with a subscription for each feed, both would take a lock across topics. The
// additional step costs 14 ns a message, however many viewers there are
// (pubsub.BenchmarkPublish: 26 ns with one subscriber, 12 ns with none).
//
// # An outbox
//
//	        Enqueue, or Deliver after Gather of silence        nothing waits
//	idle ───────────────────────────────────────────▶ writing ──────────────▶ idle
//	  │                                                ▲   │
//	  │ Deliver soon after a write      flush timer,   │   │ something waits, not much:
//	  └──────────────────▶ scheduled ──────────────────┘   │ it gathers
//	                           ▲   much waits, Close       │
//	                           └───────────────────────────┘
//
// While what has come since the last tick is read (NewReadGate), every Deliver is
// scheduled: the flush comes when all of it was handled, or a millisecond after it began.
//
// It has no goroutine while nothing waits. Writing is done by one of as many writers
// as there are processors (writerPool); what a socket does not take at once goes on in a
// goroutine of its own, at the socket's pace, so no writer waits for a socket.
//
// It is bounded in bytes, and its measurements in time: to what the socket takes in
// a moment, which rateEstimator measures while the socket is full.
//
//	sample by sample ──too much waits, or for too long──▶ merged
//	       ▲                                                 │
//	       └──────────── all of it was written ──────────────┘
//
// Merged measurements are exact buckets with counts, of each sensor a digest (thinner);
// nobody waits for the viewer. Where other frames overflow, or merged ones take too
// much even so, the connection ends (Owner.TooSlow). Close queues the last frame; Kill,
// which every outbox needs in the end, drops what waits and counts it.
//
// # Timers
//
// All are of one kind, tick.Timer: one for the flushes of all outboxes, one for the
// windows of each level, and the gates at which readers pause. Each runs only while
// something waits for it.
//
// # Locks
//
// In this order: a fanout's, a feed's, an outbox's, those of timers and writers. None
// is held over I/O.
package outbound
