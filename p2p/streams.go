package p2p

import (
	"context"
	"io"
	"time"
)

// Stream is a stream of bytes between two endpoints, of one protocol. Reading and
// writing may go on at the same time.
type Stream struct {
	sidecar *Sidecar
	id      uint64
	end     bool
}

// streamWait bounds one wait for a peer that sends or takes nothing; the wait is
// repeated as long as the context allows.
const streamWait = time.Hour

// Listen lets peers open streams of a protocol; each is told by an event with the
// name stream, whose Stream is for Accepted.
func (s *Sidecar) Listen(ctx context.Context, protocol string) error {
	_, err := s.call(ctx, request{Op: "listen", Protocol: protocol})
	return err
}

// OpenStream opens a stream to an endpoint.
func (s *Sidecar) OpenStream(ctx context.Context, endpoint, protocol string) (*Stream, error) {
	a, err := s.call(ctx, request{Op: "stream_open", Peer: endpoint, Protocol: protocol})
	if err != nil {
		return nil, err
	}
	return &Stream{sidecar: s, id: a.Stream}, nil
}

// Accepted returns the stream of an event.
func (s *Sidecar) Accepted(e Event) *Stream { return &Stream{sidecar: s, id: e.Stream} }

// Read returns up to 256 KiB, and io.EOF behind the last.
func (t *Stream) Read(ctx context.Context) ([]byte, error) {
	if t.end {
		return nil, io.EOF
	}
	ctx, cancel := patient(ctx)
	defer cancel()
	a, err := t.sidecar.call(ctx, request{Op: "stream_read", Stream: t.id, Max: 256 << 10})
	t.sidecar.streams.received.Add(uint64(len(a.Data)))
	if err == nil && a.End {
		t.end, err = true, io.EOF
	}
	return a.Data, err
}

// Write sends bytes; it waits while the peer does not read.
func (t *Stream) Write(ctx context.Context, data []byte) error {
	ctx, cancel := patient(ctx)
	defer cancel()
	for len(data) > 0 {
		n := min(len(data), setBytes)
		if _, err := t.sidecar.call(ctx, request{Op: "stream_write", Stream: t.id, Data: data[:n]}); err != nil {
			return err
		}
		t.sidecar.streams.sent.Add(uint64(n))
		data = data[n:]
	}
	return nil
}

// Finish says that nothing more is written.
func (t *Stream) Finish(ctx context.Context) error {
	_, err := t.sidecar.call(ctx, request{Op: "stream_finish", Stream: t.id})
	return err
}

// Close ends the stream for both sides.
func (t *Stream) Close(ctx context.Context) error {
	_, err := t.sidecar.call(ctx, request{Op: "stream_close", Stream: t.id})
	return err
}

// patient is the context of an operation that may wait for a peer.
func patient(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, streamWait)
}
