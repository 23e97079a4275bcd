//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/client"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/wire"
)

// target is where devices send to.
type target struct{ url, token string }

// crashSource sends the batches of a device until ctx ends, whatever becomes of
// the server meanwhile. It returns an error where the server breaks its word.
type crashSource interface {
	run(ctx context.Context, at target) error
	device() *crashDevice
}

// crashSources are devices of every kind.
func crashSources(dir string) (sources []crashSource) {
	device := func(kind string) crashDevice {
		n := len(sources)
		return crashDevice{id: fmt.Sprintf("%s-%d", kind, n), seed: uint64(n)<<32 | uint64(rand.Uint32())}
	}
	for range 8 {
		sources = append(sources, &rawSource{crashDevice: device("raw"), stream: uuid.New()})
	}
	for _, binary := range []bool{false, true} {
		memory := &clientSource{crashDevice: device("memory"), binary: binary}
		sources = append(sources, memory)
		spool := &clientSource{crashDevice: device("spool"), binary: binary}
		spool.file = dir + "/" + spool.id
		sources = append(sources, spool)
	}
	return sources
}

// rawSource is a device without a library. It sends JSON and binary in turns,
// with several batches unanswered, and again from the first that was not answered.
type rawSource struct {
	crashDevice
	stream uuid.UUID
}

func (s *rawSource) run(ctx context.Context, at target) error {
	for ctx.Err() == nil {
		if err := s.connection(ctx, at); errors.Is(err, errBroken) {
			return err
		}
		time.Sleep(time.Duration(rand.IntN(50)) * time.Millisecond)
	}
	return nil
}

// errBroken: the server broke its word.
var errBroken = errors.New("the server")

// connection sends until it ends.
func (s *rawSource) connection(ctx context.Context, at target) error {
	ws, err := dialRaw(at.url, at.token, "2.0.0")
	if err != nil {
		return err
	}
	defer ws.Close()
	defer context.AfterFunc(ctx, func() { ws.Close() })()
	d := newRawDevice(ws, s.id)
	if r, err := d.join(); err != nil || r.Status != "ok" {
		return fmt.Errorf("join: %+v %w", r, err)
	}
	for {
		if err := s.burst(ctx, d); err != nil {
			return err
		}
		time.Sleep(time.Duration(rand.IntN(40)) * time.Millisecond)
	}
}

// burst sends some batches and waits for their answers.
func (s *rawSource) burst(ctx context.Context, d *rawDevice) error {
	n, base := 1+rand.IntN(8), d.ref
	first := s.acked + 1
	for seq := first; seq < first+n; seq++ {
		s.sent = max(s.sent, seq)
		if err := s.send(d, seq); err != nil {
			return err
		}
	}
	_ = d.ws.SetReadDeadline(time.Now().Add(patience))
	for range n {
		ref, r, err := d.receive()
		if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() && ctx.Err() == nil {
			return fmt.Errorf("%w did not answer for %v", errBroken, patience)
		}
		if err != nil {
			return err
		}
		if err := s.answered(first+ref-base-1, r); err != nil {
			return err
		}
	}
	return nil
}

func (s *rawSource) send(d *rawDevice, seq int) error {
	batch := crashBatch(s.seed, seq-1)
	if seq%2 == 0 || notesBefore(seq) > notesBefore(seq-1) {
		return d.send("measurements", map[string]any{"stream": s.stream, "seq": seq, "measurements": jsonItems(batch)})
	}
	d.ref++
	body, _ := wire.AppendBatchColumns(nil, wire.Header{Stream: wire.Stream{ID: s.stream, Seq: uint64(seq)}}, batch)
	ref := phx.Ref(strconv.Quote(strconv.Itoa(d.ref)))
	frame, err := phx.AppendBinaryMessage(nil, phx.Ref(`"1"`), ref, d.topic, "measurements", body)
	if err != nil {
		return err
	}
	return d.ws.WriteMessage(websocket.BinaryMessage, frame)
}

// jsonItems writes measurements by another way than the program's.
func jsonItems(batch []sensocto.Measurement) (items []map[string]any) {
	for _, m := range batch {
		payload := json.RawMessage(m.Document)
		if m.Document == nil {
			payload = strconv.AppendFloat(nil, m.Value, 'g', -1, 64)
		}
		timestamp := json.Number(fmt.Sprintf("%d.%03d", m.Timestamp/1000, m.Timestamp%1000))
		items = append(items, map[string]any{"attribute_id": m.AttributeID, "timestamp": timestamp, "payload": payload})
	}
	return items
}

// answered takes the answer to a batch.
func (s *rawSource) answered(seq int, r replyPayload) error {
	switch {
	case r.Status == "ok" && r.Response.Seq == seq:
		s.acked = max(s.acked, seq)
		s.begun.Store(true)
		return nil
	case r.Response.Reason == "unavailable": // a full disk: later
		time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
		return nil
	case r.Response.Reason == "gap" && r.Response.Expected > s.acked:
		return nil // one before it was refused
	}
	return fmt.Errorf("%w answered batch %d, after %d were acknowledged: %+v", errBroken, seq, s.acked, r)
}

// clientSource is a device of package client, which sends again by itself. With
// a file its process ends now and then, too, and another goes on with the file.
type clientSource struct {
	crashDevice
	binary bool
	file   string
}

func (s *clientSource) run(ctx context.Context, at target) error {
	for ctx.Err() == nil {
		if err := s.life(ctx, at); err != nil {
			return err
		}
	}
	// The last one sees to it that everything is acknowledged.
	c, d, err := s.connect(at)
	if err != nil {
		return err
	}
	defer c.Close()
	return s.sync(d)
}

// life is one process of the device.
func (s *clientSource) life(ctx context.Context, at target) error {
	c, d, err := s.connect(at)
	if err != nil {
		return err
	}
	defer c.Close()
	over := time.After(time.Hour)
	if s.file != "" {
		over = time.After(time.Duration(rand.IntN(2000)) * time.Millisecond)
	}
	for {
		switch err := d.Add(crashBatch(s.seed, s.sent)...); {
		case err == nil:
			s.sent++
			s.begun.Store(true) // the last life has it acknowledged
		case !errors.Is(err, client.ErrQueueFull):
			return err
		}
		select {
		case <-time.After(time.Duration(rand.IntN(20)) * time.Millisecond):
		case <-ctx.Done():
			return s.sync(d)
		case <-over:
			return s.flush(d)
		}
	}
}

// connect waits for the server, which may be dead.
func (s *clientSource) connect(at target) (*client.Client, *client.Device, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	quickly := func(int, int) time.Duration { return time.Duration(10+rand.IntN(50)) * time.Millisecond }
	for {
		c, err := client.Dial(ctx, at.url, client.Options{Token: at.token, Backoff: quickly})
		if err == nil {
			var d *client.Device
			d, err = c.Device(ctx, client.DeviceOptions{
				Registration: sensocto.Registration{SensorID: s.id}, Acknowledged: true, Binary: s.binary, File: s.file,
			})
			if err == nil {
				return c, d, nil
			}
			c.Close()
		}
		select {
		case <-time.After(quickly(0, 0)):
		case <-ctx.Done():
			return nil, nil, fmt.Errorf("%w cannot be reached: %w", errBroken, err)
		}
	}
}

// sync waits until everything is acknowledged.
func (s *clientSource) sync(d *client.Device) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	if err := d.Sync(ctx); err != nil {
		return fmt.Errorf("%d batches unacknowledged: %w", s.sent-s.acked, err)
	}
	s.acked = s.sent
	return nil
}

// flush waits until everything is in the file.
func (s *clientSource) flush(d *client.Device) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := d.Flush(ctx); err != nil {
		return err
	}
	_, err := os.Stat(s.file)
	return err
}
