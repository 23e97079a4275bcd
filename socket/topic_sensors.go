package socket

import (
	"context"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/phx"
)

// status is sensors:status: sensors that connect and disconnect.
type status struct {
	ch   *channel
	feed feed
}

func (s *status) join(context.Context, params) ([]byte, error) {
	s.feed.subscribe(s.ch.topic, control, textEncoding(s.ch.conn.version))
	online := s.ch.conn.srv.sensors.Online()
	if online == nil {
		online = []string{}
	}
	return append(appendJSON([]byte(`{"online":`), online), '}'), nil
}

func (s *status) joined()                                  { s.feed.release(nil) }
func (s *status) handle(context.Context, *phx.Frame) error { return errUnknownEvent }
func (s *status) close()                                   { s.feed.close() }

// list is sensors:all: the inventory.
type list struct {
	ch   *channel
	feed feed
}

func (l *list) join(context.Context, params) ([]byte, error) {
	l.feed.subscribe(l.ch.topic, control, textEncoding(l.ch.conn.version))
	sensors := tidyAll(l.ch.conn.srv.sensors.Sensors())
	return append(appendJSON([]byte(`{"sensors":`), sensors), '}'), nil
}

func (l *list) joined()                                  { l.feed.release(nil) }
func (l *list) handle(context.Context, *phx.Frame) error { return errUnknownEvent }
func (l *list) close()                                   { l.feed.close() }

// sensorOrUnknown returns a sensor's snapshot, also of one never seen.
func (s *Server) sensorOrUnknown(id string) sensocto.Sensor {
	if sensor, ok := s.sensors.Sensor(id); ok {
		return tidy(sensor)
	}
	return sensocto.UnknownSensor(id)
}
