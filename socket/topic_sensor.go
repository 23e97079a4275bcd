package socket

import (
	"context"
	"encoding/json"
	"strings"
	"sync"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/jsonscan"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/socket/outbound"
	"github.com/sensocto/sensocto/socket/request"
	"github.com/sensocto/sensocto/socket/rooms"
	"github.com/sensocto/sensocto/wire"
)

// device is sensocto:sensor:{id}: a device that feeds its sensor.
type device struct {
	conn    *conn
	ch      *channel // of conn
	ack     bool
	decoder *wire.Decoder
	link    sensocto.SensorLink
	spare   *sensocto.Batch // left over from a frame that was refused

	id       string
	identity sensocto.Identity
	stay     rooms.Stay

	connectorID string
	window      chan struct{} // as many as acknowledged batches wait for the disk; its bound makes the reader wait

	mu       sync.Mutex // guards what follows
	closed   bool
	replaced bool
	config   *configurer
}

func (d *device) Join(ctx context.Context, p request.Params) ([]byte, error) {
	r, err := d.registration(p)
	if err != nil {
		return nil, err
	}
	d.ack, _ = p.Flag("ack")
	d.connectorID = r.ConnectorID
	srv := d.conn.srv
	if !d.Recheck(ctx, "") {
		return nil, sensocto.ErrUnauthorized
	}
	d.window = make(chan struct{}, maxUnanswered)
	d.decoder = wire.NewDecoder(wire.Options{Skew: srv.limits.ClockSkew, Now: srv.clock, Refused: srv.count.refuseMeasurement})
	link, err := srv.sensors.Connect(ctx, d.identity, r, d)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	d.link = link
	over := d.closed
	d.mu.Unlock()
	if over {
		link.Close()
	}
	d.stay.Enter(ctx, d.identity, p.Text("room_id"))
	return []byte("{}"), nil
}

func (d *device) Recheck(ctx context.Context, _ string) bool {
	rights, err := d.conn.srv.rights.Sensor(ctx, d.identity, d.id)
	return err == nil && rights.Ingest
}

// registration reads the join's parameters.
func (d *device) registration(p request.Params) (r sensocto.Registration, err error) {
	if !sensocto.ValidID(d.id) || p.Has("sensor_id") && p.Text("sensor_id") != d.id {
		return r, request.ErrInvalidSensor
	}
	connectorID := p.Text("connector_id")
	if connectorID != "" && !sensocto.ValidID(connectorID) {
		return r, errInvalidConnID
	}
	attributes, err := request.ParseAttributes(p["attributes"], d.conn.srv.limits.Attributes)
	if err != nil {
		return r, err
	}
	rate, _ := p.Number("sampling_rate")
	return sensocto.Registration{
		SensorID: d.id, SensorName: p.Text("sensor_name"), SensorType: p.Text("sensor_type"),
		ConnectorID: connectorID, ConnectorName: p.Text("connector_name"),
		SamplingRate: max(0, rate), Attributes: attributes,
	}, nil
}

func (d *device) Joined() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		d.config = newConfigurer(d.ch, d.id)
	}
}

func (d *device) Handle(ctx context.Context, f *phx.Frame) error {
	switch string(f.Event) {
	case "measurement":
		return d.measurement(ctx, f)
	case "measurements_batch":
		return d.batch(ctx, f)
	case outbound.EventMeasurements:
		return d.acknowledged(ctx, f)
	case "update_attributes":
		return d.updateAttributes(ctx, f)
	case "discovery":
		return d.discovery(ctx, f)
	case "update_connector":
		return d.updateConnector(ctx, f)
	case "ping":
		return d.ping(ctx, f)
	}
	return request.ErrUnknownEvent
}

// Replaced implements sensocto.Device. It is called by the sensor, which must
// not wait for itself: the link, which is over, is not closed here.
func (d *device) Replaced() {
	d.mu.Lock()
	d.replaced = true
	d.mu.Unlock()
	d.ch.evict()
	d.Close()
}

// Command implements sensocto.Device.
func (d *device) Command(command json.RawMessage) bool {
	return d.ch.Push("device_command", command)
}

func (d *device) Close() {
	d.mu.Lock()
	link, config, replaced := d.link, d.config, d.replaced
	if replaced || d.closed {
		link = nil
	}
	d.closed, d.config = true, nil
	d.mu.Unlock()
	if config != nil {
		config.stop()
	}
	if link != nil {
		link.Close()
	}
	d.stay.Leave(replaced)
}

func (d *device) updateAttributes(ctx context.Context, f *phx.Frame) error {
	p, err := request.Parse(f)
	if err != nil {
		return err
	}
	if err := p.Need("action", "attribute_id"); err != nil {
		return err
	}
	a, err := request.ParseAttribute(p.Text("attribute_id"), p["metadata"])
	if err != nil {
		return err
	}
	if err := d.link.UpdateAttribute(ctx, sensocto.AttributeAction(p.Text("action")), a); err != nil {
		return err
	}
	d.ch.OK(f)
	return nil
}

// discovery registers what the device found as an attribute.
func (d *device) discovery(ctx context.Context, f *phx.Frame) error {
	p, err := request.Parse(f)
	if err != nil {
		return err
	}
	if err := p.Need("type"); err != nil {
		return err
	}
	a := sensocto.Attribute{ID: p.Text("type")}
	if err := d.link.UpdateAttribute(ctx, sensocto.AttributeRegister, a); err != nil {
		return err
	}
	d.ch.OK(f)
	return nil
}

func (d *device) updateConnector(ctx context.Context, f *phx.Frame) error {
	name, err := connectorName(f)
	if err != nil {
		return err
	}
	if err := d.rename(ctx, name); err != nil {
		return err
	}
	d.ch.Reply(f, phx.StatusOK, connectorNameObject(name))
	return nil
}

// rename is called for a connector too, perhaps before the device's own join
// is through.
func (d *device) rename(ctx context.Context, name string) error {
	d.mu.Lock()
	link := d.link
	d.mu.Unlock()
	if link == nil {
		return nil
	}
	return link.RenameConnector(ctx, strings.Clone(name))
}

// maxPinged bounds the bytes of a connection's pings that wait for their sensors;
// one is always taken.
const maxPinged = 1 << 20

var errTooManyPings = &sensocto.Error{Code: sensocto.CodeRateLimited, Reason: "too_many_pings", Message: "large pings of the connection wait for their sensors: wait for the answers"}

// ping is answered after all that was pushed before has been stored.
func (d *device) ping(ctx context.Context, f *phx.Frame) error {
	response, err := pong(f)
	if err != nil {
		return err
	}
	pinged, size := &d.conn.pinged, int64(len(response))
	if waiting := pinged.Add(size); waiting > maxPinged && waiting > size {
		pinged.Add(-size)
		return errTooManyPings
	}
	answer := d.answer(f, phx.StatusOK, response)
	err = d.link.Sync(ctx, func() {
		pinged.Add(-size)
		answer(nil)
	})
	if err != nil {
		pinged.Add(-size)
	}
	return err
}

// pong returns the response to a ping: an object as it is, anything else in an
// object.
func pong(f *phx.Frame) ([]byte, error) {
	if f.Binary {
		return nil, request.ErrInvalidPayload
	}
	if err := request.Check(f); err != nil {
		return nil, err
	}
	if start := jsonscan.Space(f.Payload, 0); f.Payload[start] == '{' {
		return append([]byte(nil), f.Payload...), nil
	}
	return append(append([]byte(`{"payload":`), f.Payload...), '}'), nil
}
