package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/wire"
)

// StreamOptions bound what a stream keeps until it is acknowledged.
type StreamOptions struct {
	// ID is a UUID; random where it is zero. What a File holds keeps its own.
	ID      [16]byte
	Batches int // under way at a time; 64 where it is zero
	Bytes   int // of encoded batches in memory; 8 MiB where it is zero
	// File keeps on disk what is not acknowledged, so that it outlives the
	// process: a stream that is opened with the file of an earlier one goes on
	// with what that left. Where it is empty, all is kept in memory, and Send
	// waits at Batches. A file is for one stream at a time.
	File      string
	FileBytes int64 // bound of the file, at which Send waits; 1 GiB where it is zero
}

func (o StreamOptions) withDefaults() StreamOptions {
	if o.ID == [16]byte{} {
		o.ID = uuid.New()
	}
	if o.Batches <= 0 {
		o.Batches = 64
	}
	if o.Bytes <= 0 {
		o.Bytes = 8 << 20
	}
	if o.FileBytes <= 0 {
		o.FileBytes = 1 << 30
	}
	return o
}

// Stream is one run of a sensor whose batches the server acknowledges when they
// are on disk (protocol section 5). What is not acknowledged is kept and sent
// again after a reconnect. Its pace is its caller's and that of the
// acknowledgements, whatever window the server recommends; but it sends
// nothing while the server asks for a pause.
//
// It is safe for concurrent use; batches are numbered in the order in which
// Send was called.
type Stream struct {
	d    *Device
	o    StreamOptions
	wake chan struct{} // one slot: wake-ups of the pump coalesce
	turn chan struct{} // one slot: who numbers a batch, or uses the file; taken before mu
	disk *spool        // nil without a file; used in turn
	over chan struct{} // closed when the pump has ended, and the file is closed

	// mu guards the fields below; it is never held over I/O.
	mu         sync.Mutex
	seq        uint64        // of the last batch
	kept       []keptBatch   // not acknowledged, by seq; bounded by o, Send waits
	bytes      int           // of all kept in memory
	next       int           // index in kept of what is to be sent next
	generation int           // of sending: late replies to an earlier one do not count
	notBefore  time.Time     // the server asked to come back later
	retries    int           // in a row
	changed    chan struct{} // closed at the next acknowledgement or error
	err        error         // why the stream is over
}

type keptBatch struct {
	seq    uint64
	body   []byte // nil where only the file has it
	size   int    // of the body
	offset int64  // in the file
	binary bool
	sent   bool
}

// Stream begins a stream on the device.
func (d *Device) Stream(o StreamOptions) (*Stream, error) {
	o = o.withDefaults()
	s := &Stream{d: d, o: o, wake: make(chan struct{}, 1), turn: make(chan struct{}, 1), over: make(chan struct{}), changed: make(chan struct{})}
	if o.File != "" {
		if err := s.open(); err != nil {
			return nil, err
		}
	}
	d.mu.Lock()
	d.streams = append(d.streams, s)
	d.mu.Unlock()
	if !d.c.goIfOpen(s.pump) {
		s.closeFile()
		close(s.over)
		return nil, ErrClosed
	}
	return s, nil
}

// ID returns the stream's id in the usual form of a UUID.
func (s *Stream) ID() string { return uuid.UUID(s.o.ID).String() }

// SendMeasurements keeps and sends one batch as JSON. It waits while as much is
// kept as may be.
func (s *Stream) SendMeasurements(ctx context.Context, measurements []sensocto.Measurement) error {
	return s.send(ctx, false, func(id wire.Stream) ([]byte, error) {
		return wire.AppendAcknowledged(make([]byte, 0, 64+96*len(measurements)), id, measurements), nil
	})
}

// SendColumns keeps and sends one batch as binary columns. It needs V2.
func (s *Stream) SendColumns(ctx context.Context, columns ...wire.Column) error {
	return s.send(ctx, true, func(id wire.Stream) ([]byte, error) {
		return wire.AppendColumns(nil, wire.Header{Stream: id}, columns...)
	})
}

// sendBatch is SendColumns for a batch of numbers.
func (s *Stream) sendBatch(ctx context.Context, measurements []sensocto.Measurement) error {
	return s.send(ctx, true, func(id wire.Stream) ([]byte, error) {
		body, ok := wire.AppendBatchColumns(nil, wire.Header{Stream: id}, measurements)
		if !ok {
			return nil, wire.ErrInvalidColumns
		}
		return body, nil
	})
}

func (s *Stream) send(ctx context.Context, binary bool, encode func(wire.Stream) ([]byte, error)) error {
	seq, err := s.room(ctx)
	if err != nil {
		return err
	}
	defer s.leaveTurn()
	body, err := encode(wire.Stream{ID: s.o.ID, Seq: seq})
	if err != nil {
		return err
	}
	b := keptBatch{seq: seq, body: body, size: len(body), binary: binary}
	if s.disk != nil {
		b.offset, err = s.disk.append(b)
		if err != nil && s.tidy(0) { // what is acknowledged took its room
			b.offset, err = s.disk.append(b)
		}
		if err != nil {
			return err // nothing was kept, and the number is used for the next
		}
		s.d.c.stats.spilled.Add(1)
	}
	s.keep(b)
	return nil
}

// room waits until one more may be kept, and returns its number and with it
// the turn. It has no turn while it waits: the pump needs it to make room.
func (s *Stream) room(ctx context.Context) (seq uint64, err error) {
	for {
		if err := s.takeTurn(ctx); err != nil {
			return 0, err
		}
		s.tidy(tidyFrom)
		s.mu.Lock()
		seq, err, changed := s.seq+1, s.err, s.changed
		full := s.full()
		s.mu.Unlock()
		if err == nil && !full {
			return seq, nil
		}
		s.leaveTurn()
		if err == nil {
			err = s.wait(ctx, changed)
		}
		if err != nil {
			return 0, err
		}
	}
}

// keep adds a batch, of which the file alone has the body where memory is full.
func (s *Stream) keep(b keptBatch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq = b.seq
	if s.disk != nil && s.bytes+b.size > s.o.Bytes {
		b.body = nil
	}
	s.bytes += len(b.body)
	s.kept = append(s.kept, b)
	s.poke()
}

// full reports whether Send has to wait. It is called in turn, with mu held.
func (s *Stream) full() bool {
	if s.disk != nil {
		return s.disk.size >= s.disk.limit
	}
	return len(s.kept) >= s.o.Batches || len(s.kept) > 0 && s.bytes >= s.o.Bytes
}

// takeTurn waits for the turn, which is had while another waits for room.
func (s *Stream) takeTurn(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Stream) leaveTurn() { <-s.turn }

// wait waits for a change.
func (s *Stream) wait(ctx context.Context, changed <-chan struct{}) error {
	select {
	case <-changed:
		return nil
	case <-s.d.sensor.Done():
		return s.d.sensor.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// notify ends all waits. s.mu is held.
func (s *Stream) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Wait returns when every batch was acknowledged: all of it is on disk.
func (s *Stream) Wait(ctx context.Context) error {
	for {
		s.mu.Lock()
		err, left, changed := s.err, len(s.kept), s.changed
		s.mu.Unlock()
		if err != nil || left == 0 {
			return err
		}
		if err := s.wait(ctx, changed); err != nil {
			return err
		}
	}
}

// Err returns why the stream is over, nil while it is not.
func (s *Stream) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Unacknowledged returns the number of batches that are kept.
func (s *Stream) Unacknowledged() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.kept)
}

// Acknowledged returns the number of batches that are on disk.
func (s *Stream) Acknowledged() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seq - uint64(len(s.kept))
}

func (s *Stream) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// restart sends everything kept again. It runs on the reader after a rejoin.
func (s *Stream) restart() {
	s.mu.Lock()
	s.next = 0
	s.generation++
	s.mu.Unlock()
	s.poke()
}

// pump sends batch after batch until the device or the client ends.
func (s *Stream) pump() {
	defer close(s.over)
	defer s.closeFile()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		wait := time.Hour
		b, generation, pause := s.peek(time.Now())
		if b.seq != 0 && s.transmit(b, generation) {
			continue
		}
		if pause > 0 {
			wait = pause
		}
		timer.Reset(wait)
		select {
		case <-s.wake:
		case <-timer.C:
		case <-s.d.sensor.Done():
			s.fail(s.d.sensor.Err())
			return
		case <-s.d.c.ctx.Done():
			s.fail(ErrClosed)
			return
		}
	}
}

// peek returns the batch to send next, if any, or how long to wait for it.
func (s *Stream) peek(now time.Time) (b keptBatch, generation int, pause time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil || s.next >= min(len(s.kept), s.o.Batches) || s.d.paused.Load() {
		return b, 0, 0
	}
	if pause = s.notBefore.Sub(now); pause > 0 {
		return b, 0, pause
	}
	return s.kept[s.next], s.generation, 0
}

// transmit sends one batch. It reports false where the server is away; the
// next join wakes the pump.
func (s *Stream) transmit(b keptBatch, generation int) bool {
	if b.body == nil {
		body, err := s.fetch(b.seq)
		if err != nil {
			s.fail(err)
			return false
		}
		if b.body = body; body == nil {
			return true // acknowledged meanwhile
		}
	}
	_, err := s.d.sensor.push(s.d.c.ctx, "measurements", b.body, b.binary, func(_ json.RawMessage, err error) {
		s.onReply(generation, b.seq, err)
	})
	switch {
	case errors.Is(err, ErrDisconnected), errors.Is(err, context.Canceled):
		return false
	case err != nil:
		s.fail(err)
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.sent {
		s.d.c.stats.resent.Add(1)
	}
	// A reply or a reconnect may have come already: then next is not ours.
	if i, ok := s.find(b.seq); ok {
		s.kept[i].sent = true
		if s.generation == generation {
			s.next = max(s.next, i+1)
		}
	}
	return true
}

// find returns the index of a batch in kept. s.mu is held.
func (s *Stream) find(seq uint64) (int, bool) {
	return slices.BinarySearchFunc(s.kept, seq, func(b keptBatch, seq uint64) int {
		switch {
		case b.seq < seq:
			return -1
		case b.seq > seq:
			return 1
		}
		return 0
	})
}

// fail ends the stream. Only the first reason counts.
func (s *Stream) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = fmt.Errorf("stream %s: %w", s.ID(), err)
		s.notify()
	}
}
