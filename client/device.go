package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/phx"
)

// DeviceOptions describe a sensor that this client brings.
type DeviceOptions struct {
	// SensorID is required. ConnectorID is the SensorID where it is empty.
	sensocto.Registration
	ConnectorType string // "go" where it is empty
	// QueueLimit bounds the measurements that Add holds while the server asks
	// for a pause or is away; 16,384 where it is zero.
	QueueLimit int
	// Acknowledged sends everything on a Stream of the device's own: what is not
	// acknowledged is kept and sent again.
	Acknowledged bool
	// Binary sends batches of numbers as binary columns instead of JSON, which
	// those with documents stay. Everything is Acknowledged. It needs V2.
	Binary bool
	// File keeps on disk what is not acknowledged, up to FileBytes, so that it
	// outlives the process (StreamOptions.File). Everything is Acknowledged then,
	// and measurements go to the file also while the server is away or asks for
	// a pause: Add refuses only when the file is full.
	File      string
	FileBytes int64
	// OnBackpressure is told what the server asks for, OnCommand what somebody
	// sends to the sensor. Both are called by the reader and must not block;
	// the command is valid only during the call.
	OnBackpressure func(sensocto.Backpressure)
	OnCommand      func(command json.RawMessage)
}

// Device is a sensor that this client brings. Add queues measurements, which
// leave in batches of the size and at the pace that the server asks for. It is
// safe for concurrent use.
type Device struct {
	c      *Client
	o      DeviceOptions
	sensor *Channel

	stream *Stream // for Acknowledged, else nil

	wake   chan struct{} // one slot: wake-ups of the pump coalesce
	paused atomic.Bool   // the server asks to send nothing

	// mu guards the fields below; it is never held over I/O.
	mu           sync.Mutex
	queue        []sensocto.Measurement // bounded by QueueLimit; Add refuses
	oldest       time.Time              // when the first of the queue was added
	backpressure sensocto.Backpressure
	flush        bool          // send what there is, whatever the window
	empty        chan struct{} // closed when the queue becomes empty; nil while nobody waits
	streams      []*Stream
	closed       bool

	batch []sensocto.Measurement // of the pump: what it sends
	rest  time.Time              // of the pump: when the first was added of what comes after it
	body  []byte                 // of the pump: the payload
}

// Device joins the connector and the sensor and waits for the answer. It ends
// with the client, or when the server closes its channel: see Done.
func (c *Client) Device(ctx context.Context, o DeviceOptions) (*Device, error) {
	o.ConnectorID = cmp.Or(o.ConnectorID, o.SensorID)
	o.ConnectorName = cmp.Or(o.ConnectorName, o.ConnectorID)
	o.SensorName = cmp.Or(o.SensorName, o.SensorID)
	o.ConnectorType = cmp.Or(o.ConnectorType, "go")
	if o.QueueLimit <= 0 {
		o.QueueLimit = 16384
	}
	if o.Binary && c.o.Version == phx.V1 {
		return nil, errBinaryV1
	}
	if !sensocto.ValidID(o.SensorID) || !sensocto.ValidID(o.ConnectorID) {
		return nil, fmt.Errorf("sensor %q of connector %q: ids have 1 to 128 of the characters A-Z a-z 0-9 . _ : -", o.SensorID, o.ConnectorID)
	}
	d := &Device{c: c, o: o, wake: make(chan struct{}, 1), backpressure: sensocto.BackpressureFor(sensocto.AttentionNone)}
	if err := c.joinConnector(ctx, o); err != nil {
		return nil, err
	}
	var err error
	d.sensor, err = c.Join(ctx, sensocto.TopicPrefixSensor+o.SensorID, ChannelOptions{
		Params:  sensorParams(o),
		OnEvent: d.onEvent,
		OnJoin:  func(json.RawMessage) { d.onJoin() },
	})
	if err != nil {
		return nil, err
	}
	if o.Acknowledged || o.Binary || o.File != "" {
		if d.stream, err = d.Stream(StreamOptions{File: o.File, FileBytes: o.FileBytes}); err != nil {
			return nil, errors.Join(err, d.Close(ctx))
		}
	}
	if !c.goIfOpen(d.pump) {
		return nil, ErrClosed
	}
	return d, nil
}

// joinConnector joins the connector's topic, once for all its sensors.
func (c *Client) joinConnector(ctx context.Context, o DeviceOptions) error {
	topic := sensocto.TopicPrefixConnector + o.ConnectorID
	_, err := c.Join(ctx, topic, ChannelOptions{Params: map[string]any{
		"connector_id":   o.ConnectorID,
		"connector_name": o.ConnectorName,
		"connector_type": o.ConnectorType,
		"features":       []string{"measurements", "binary"},
	}})
	if errors.Is(err, errJoined) {
		return nil
	}
	return err
}

// sensorParams is the payload of the join (protocol section 3).
func sensorParams(o DeviceOptions) map[string]any {
	type attribute struct {
		ID           string  `json:"attribute_id"`
		Name         string  `json:"attribute_name,omitempty"`
		Type         string  `json:"attribute_type,omitempty"`
		Unit         string  `json:"unit,omitempty"`
		SamplingRate float64 `json:"sampling_rate,omitempty"`
	}
	attributes := make([]attribute, 0, len(o.Attributes))
	for _, a := range o.Attributes {
		attributes = append(attributes, attribute{a.ID, a.Name, a.Type, a.Unit, a.SamplingRate})
	}
	return map[string]any{
		"connector_id":   o.ConnectorID,
		"connector_name": o.ConnectorName,
		"sensor_id":      o.SensorID,
		"sensor_name":    o.SensorName,
		"sensor_type":    o.SensorType,
		"sampling_rate":  o.SamplingRate,
		"batch_size":     sensocto.BackpressureFor(sensocto.AttentionHigh).BatchSize,
		"attributes":     attributes,
	}
}

// Add queues measurements: all of them, or none and ErrQueueFull. It does not
// wait. Once the device is over it returns why.
func (d *Device) Add(measurements ...sensocto.Measurement) error {
	if err := d.Err(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return ErrClosed
	}
	if len(d.queue)+len(measurements) > d.o.QueueLimit {
		d.c.stats.refused.Add(int64(len(measurements)))
		return ErrQueueFull
	}
	if len(d.queue) == 0 {
		d.oldest = time.Now()
		d.poke() // the pump has to wait for the window from now on
	}
	d.queue = append(d.queue, measurements...)
	d.c.stats.added.Add(int64(len(measurements)))
	if len(d.queue) >= d.backpressure.BatchSize {
		d.poke()
	}
	return nil
}

// Flush sends what is queued without waiting for the window, and returns when
// it was handed to the connection, or to the stream. While the server asks for
// a pause, that may take until ctx ends.
func (d *Device) Flush(ctx context.Context) error {
	d.mu.Lock()
	if len(d.queue) == 0 {
		d.mu.Unlock()
		return d.sensor.Err()
	}
	d.flush = true
	if d.empty == nil {
		d.empty = make(chan struct{})
	}
	empty := d.empty
	d.poke()
	d.mu.Unlock()
	select {
	case <-empty:
		return nil
	case <-d.sensor.Done():
		return d.sensor.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Sync flushes and returns when the server has taken everything sent before
// into its store.
func (d *Device) Sync(ctx context.Context) error {
	if err := d.Flush(ctx); err != nil {
		return err
	}
	if d.stream != nil {
		if err := d.stream.Wait(ctx); err != nil {
			return err
		}
	}
	_, err := d.sensor.Push(ctx, "ping", nil)
	return err
}

// Backpressure returns what the server asks for at present.
func (d *Device) Backpressure() sensocto.Backpressure {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.backpressure
}

// Queued returns the number of measurements that wait.
func (d *Device) Queued() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.queue)
}

// Channel returns the sensor's channel, for events that Device does not know.
func (d *Device) Channel() *Channel { return d.sensor }

// Done is closed when the device is over; Err then says why.
func (d *Device) Done() <-chan struct{} { return d.sensor.Done() }

// Err returns why the device is over, nil while it is not. A device is over as
// well when the server refused for good what its stream sent; Done is not
// closed then.
func (d *Device) Err() error {
	if err := d.sensor.Err(); err != nil || d.stream == nil {
		return err
	}
	return d.stream.Err()
}

// Close leaves the sensor. With a File, what is still queued goes there, and
// what it holds stays there; without one, what is still queued is not sent:
// Flush or Sync before.
func (d *Device) Close(ctx context.Context) error {
	var kept error
	if d.o.File != "" && d.Queued() > 0 {
		kept = d.Flush(ctx)
	}
	return errors.Join(kept, d.leave(ctx))
}

func (d *Device) leave(ctx context.Context) error {
	d.mu.Lock()
	closed := d.closed
	d.closed = true
	d.mu.Unlock()
	if closed || d.sensor.Err() != nil {
		return nil
	}
	err := d.sensor.Leave(ctx)
	d.awaitFiles(ctx)
	if errors.Is(err, ErrDisconnected) {
		return nil // gone all the same
	}
	return err
}

// awaitFiles waits until the files of a device that has left are closed: another
// may open them then.
func (d *Device) awaitFiles(ctx context.Context) {
	if d.sensor.Err() == nil {
		return
	}
	d.mu.Lock()
	streams := d.streams
	d.mu.Unlock()
	for _, s := range streams {
		if s.disk == nil {
			continue
		}
		select {
		case <-s.over:
		case <-ctx.Done():
			return
		}
	}
}

// onJoin runs on the reader after every join.
func (d *Device) onJoin() {
	d.mu.Lock()
	streams := d.streams
	d.mu.Unlock()
	for _, s := range streams {
		s.restart()
	}
	d.poke()
}

// onEvent runs on the reader.
func (d *Device) onEvent(e Event) {
	switch e.Name {
	case "backpressure_config":
		d.follow(e.Payload)
	case "device_command":
		if d.o.OnCommand != nil {
			d.o.OnCommand(e.Payload)
		}
	}
}

// follow takes over what the server asks for. What it leaves out or says
// wrongly stays as it was.
func (d *Device) follow(payload []byte) {
	config := struct {
		Level  string             `json:"attention_level"`
		Window int                `json:"recommended_batch_window"`
		Size   int                `json:"recommended_batch_size"`
		Paused bool               `json:"paused"`
		Load   sensocto.LoadLevel `json:"load_level"`
	}{}
	if err := json.Unmarshal(payload, &config); err != nil {
		d.c.stats.unexpected.Add(1)
		return
	}
	d.mu.Lock()
	b := d.backpressure
	if level, err := sensocto.ParseAttentionLevel(config.Level); err == nil {
		// Somebody began to look: what waits is shown to them at once.
		d.flush = d.flush || level == sensocto.AttentionHigh && b.AttentionLevel != level && len(d.queue) > 0
		b.AttentionLevel = level
	}
	if config.Window > 0 {
		b.BatchWindowMS = config.Window
	}
	if config.Size > 0 {
		b.BatchSize = config.Size
	}
	b.Paused, b.LoadLevel = config.Paused, config.Load
	d.backpressure = b
	d.paused.Store(b.Paused)
	streams := d.streams
	d.mu.Unlock()
	d.poke()
	for _, s := range streams {
		s.poke() // the pause may be over
	}
	if d.o.OnBackpressure != nil {
		d.o.OnBackpressure(b)
	}
}

// poke wakes the pump.
func (d *Device) poke() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}
