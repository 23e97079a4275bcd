package client

import "sync/atomic"

// Stats are counts since the client was dialled.
type Stats struct {
	FramesSent     int64 // frames handed to the connection
	FramesReceived int64
	Reconnects     int64 // attempts to connect again
	Unexpected     int64 // received frames that nothing waited for, or that made no sense
	Added          int64 // measurements that devices took
	Refused        int64 // measurements that devices refused because their queue was full
	Lost           int64 // batches that were refused for good by the server
	Acknowledged   int64 // batches of streams that the server has on disk
	Resent         int64 // batches of streams that were sent again
	Spilled        int64 // batches of streams that were written to their file
	Lagged         int64 // samples that the server merged or left out for viewers
}

type counters struct {
	sent, received, reconnects, unexpected               atomic.Int64
	added, refused, lost, acked, resent, spilled, lagged atomic.Int64
}

// Stats returns the counts of the whole client.
func (c *Client) Stats() Stats {
	s := &c.stats
	return Stats{
		FramesSent: s.sent.Load(), FramesReceived: s.received.Load(),
		Reconnects: s.reconnects.Load(), Unexpected: s.unexpected.Load(),
		Added: s.added.Load(), Refused: s.refused.Load(), Lost: s.lost.Load(),
		Acknowledged: s.acked.Load(), Resent: s.resent.Load(), Spilled: s.spilled.Load(), Lagged: s.lagged.Load(),
	}
}
