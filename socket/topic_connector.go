package socket

import (
	"context"
	"strings"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/jsonscan"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/socket/request"
)

// typeUnity is the type of connectors that wait for a reply to every push.
const typeUnity = "unity"

// maxConnectorName bounds a connector's name, in bytes.
const maxConnectorName = 100

var (
	errInvalidConnID   = request.Invalid("invalid_connector_id", "a connector's id is 1–128 characters of A–Z a–z 0–9 . _ : -")
	errInvalidConnName = request.Invalid("invalid_connector_name", "a connector's name has 1–100 bytes of printable characters")
)

// connector is sensocto:connector:{id}: a program that brings sensors.
type connector struct {
	ch    *channel
	id    string
	unity bool // it waits for a reply to every push
}

func (h *connector) Join(_ context.Context, p request.Params) ([]byte, error) {
	if !sensocto.ValidID(h.id) || p.Has("connector_id") && p.Text("connector_id") != h.id {
		return nil, errInvalidConnID
	}
	for _, field := range []string{"connector_name", "connector_type"} {
		if err := sensocto.CheckText(field, p.Text(field)); err != nil {
			return nil, err
		}
	}
	c := h.ch.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.connectors == nil {
		c.connectors = make(map[string]*connector)
	}
	c.dropConnector(c.connectors[h.id])
	if h.unity = strings.EqualFold(p.Text("connector_type"), typeUnity); h.unity {
		c.unity.Add(1)
	}
	c.connectors[h.id] = h
	c.changes.Add(1)
	return []byte("{}"), nil
}

func (h *connector) Joined() {}

func (h *connector) Handle(ctx context.Context, f *phx.Frame) error {
	switch string(f.Event) {
	case "update_connector":
		return h.rename(ctx, f)
	case "ping":
		response, err := pong(f)
		if err == nil {
			h.ch.Reply(f, phx.StatusOK, response)
		}
		return err
	}
	return request.ErrUnknownEvent
}

// rename renames the connector of all sensors that it brought on this
// connection.
func (h *connector) rename(ctx context.Context, f *phx.Frame) error {
	name, err := connectorName(f)
	if err != nil {
		return err
	}
	for _, d := range h.ch.conn.devices(h.id) {
		if err := d.rename(ctx, name); err != nil {
			return err
		}
	}
	h.ch.Reply(f, phx.StatusOK, connectorNameObject(name))
	return nil
}

func (h *connector) Recheck(context.Context, string) bool { return true }

func (h *connector) Close() {
	c := h.ch.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.connectors[h.id] == h { // a second join has not taken its place
		c.dropConnector(h)
		c.changes.Add(1)
	}
}

// dropConnector forgets a connector, which may be nil. The caller holds mu.
func (c *conn) dropConnector(h *connector) {
	if h == nil {
		return
	}
	delete(c.connectors, h.id)
	if h.unity {
		c.unity.Add(-1)
	}
}

// connectorName returns the name that update_connector brings.
func connectorName(f *phx.Frame) (string, error) {
	p, err := request.Parse(f)
	if err != nil {
		return "", err
	}
	name := p.Text("connector_name")
	if name == "" || len(name) > maxConnectorName || !sensocto.ValidText(name) {
		return "", errInvalidConnName
	}
	return name, nil
}

func connectorNameObject(name string) []byte {
	return append(jsonscan.AppendString([]byte(`{"connector_name":`), name), '}')
}

// isUnity reports whether the connector, joined on this connection, waits for
// a reply to every push.
func (c *conn) isUnity(connectorID string) bool {
	if c.unity.Load() == 0 { // nearly always
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.connectors[connectorID]
	return h != nil && h.unity
}

// devices returns the sensors of a connector on this connection.
func (c *conn) devices(connectorID string) []*device {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []*device
	for _, ch := range c.channels {
		if d, ok := ch.handler.(*device); ok && d.connectorID == connectorID {
			found = append(found, d)
		}
	}
	return found
}
