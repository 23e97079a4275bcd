package socket

import (
	"context"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/phx"
)

// signal is signal:{sensor_id}: changes of a sensor's state.
type signal struct {
	ch       *channel
	identity sensocto.Identity
	sensorID string
	feed     feed
}

func (s *signal) join(ctx context.Context, _ params) ([]byte, error) {
	if !sensocto.ValidID(s.sensorID) {
		return nil, errInvalidSensor
	}
	srv := s.ch.conn.srv
	if _, err := srv.mayView(ctx, s.identity, s.sensorID); err != nil {
		return nil, err
	}
	s.feed.subscribe(s.ch.topic)
	dst := append([]byte(`{"sensor":`), describe(srv.sensorOrUnknown(s.sensorID), srv.limits.ReplyBytes/2)...)
	return append(dst, '}'), nil
}

func (s *signal) joined()                                  { s.feed.release(nil) }
func (s *signal) handle(context.Context, *phx.Frame) error { return errUnknownEvent }
func (s *signal) recheck(ctx context.Context, _ string) bool {
	return s.ch.conn.srv.stillViews(ctx, s.identity, s.sensorID)
}
func (s *signal) close() { s.feed.close() }
