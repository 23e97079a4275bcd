package socket

import (
	"context"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/phx"
)

// signal is signal:{sensor_id}: changes of a sensor's state.
type signal struct {
	ch       *channel
	sensorID string
	feed     feed
}

func (s *signal) join(context.Context, params) ([]byte, error) {
	if !sensocto.ValidID(s.sensorID) {
		return nil, errInvalidSensor
	}
	s.feed.subscribe(s.ch.topic, control, textEncoding(s.ch.conn.version))
	srv := s.ch.conn.srv
	dst := append([]byte(`{"sensor":`), describe(srv.sensorOrUnknown(s.sensorID), srv.limits.ReplyBytes/2)...)
	return append(dst, '}'), nil
}

func (s *signal) joined()                                  { s.feed.release(nil) }
func (s *signal) handle(context.Context, *phx.Frame) error { return errUnknownEvent }
func (s *signal) close()                                   { s.feed.close() }
