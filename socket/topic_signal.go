package socket

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/socket/outbound"
	"github.com/sensocto/sensocto/socket/request"
	"github.com/sensocto/sensocto/socket/visible"
)

// signal is signal:{sensor_id}: changes of a sensor's state.
type signal struct {
	ch       *channel
	identity sensocto.Identity
	sensorID string
	feed     outbound.Feed
	since    atomic.Pointer[time.Time] // last values of before are left out
}

func (s *signal) Join(ctx context.Context, _ request.Params) ([]byte, error) {
	if !sensocto.ValidID(s.sensorID) {
		return nil, request.ErrInvalidSensor
	}
	srv := s.ch.conn.srv
	rights, err := srv.mayView(ctx, s.identity, s.sensorID)
	if err != nil {
		return nil, err
	}
	s.setSince(rights.LiveSince)
	s.feed.SubscribeVia(s.ch.Topic, s)
	dst := append([]byte(`{"sensor":`), describe(srv.sensorOrUnknown(s.sensorID, rights.LiveSince), srv.limits.ReplyBytes/2)...)
	return append(dst, '}'), nil
}

func (s *signal) Joined()                                  { s.feed.Release(nil) }
func (s *signal) Handle(context.Context, *phx.Frame) error { return request.ErrUnknownEvent }
func (s *signal) Recheck(ctx context.Context, _ string) bool {
	rights, err := s.ch.conn.srv.mayView(ctx, s.identity, s.sensorID)
	s.setSince(rights.LiveSince)
	return err == nil
}

func (s *signal) setSince(t time.Time) { s.since.Store(&t) }

// Deliver implements sensocto.Subscriber.
func (s *signal) Deliver(m *sensocto.Message) {
	if p, is := m.Payload.(sensocto.Sensor); is {
		m = visible.Since(m, p, *s.since.Load())
	}
	s.feed.Deliver(m)
}

func (s *signal) Close() { s.feed.Close() }
