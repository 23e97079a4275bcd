package inventory

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

// Signal is signal:{sensor_id}: changes of a sensor's state.
type Signal struct {
	topics   *Topics
	ch       *outbound.Channel
	identity sensocto.Identity
	sensorID string
	feed     outbound.Feed
	since    atomic.Pointer[time.Time] // last values of before are left out
}

// Signal returns the topic signal:{id} for somebody who joins it.
func (t *Topics) Signal(ch *outbound.Channel, id sensocto.Identity, sensorID string) *Signal {
	return &Signal{topics: t, ch: ch, identity: id, sensorID: sensorID, feed: ch.NewFeed()}
}

// Join implements request.Handler.
func (s *Signal) Join(ctx context.Context, _ request.Params) ([]byte, error) {
	if !sensocto.ValidID(s.sensorID) {
		return nil, request.ErrInvalidSensor
	}
	rights, err := s.topics.View(ctx, s.identity, s.sensorID)
	if err != nil {
		return nil, err
	}
	s.setSince(rights.LiveSince)
	s.feed.SubscribeVia(s.ch.Topic, s)
	dst := append([]byte(`{"sensor":`), Describe(s.topics.Sensor(s.sensorID, rights.LiveSince), s.topics.ReplyBytes/2)...)
	return append(dst, '}'), nil
}

// Joined implements request.Handler.
func (s *Signal) Joined() { s.feed.Release(nil) }

// Handle implements request.Handler.
func (s *Signal) Handle(context.Context, *phx.Frame) error { return request.ErrUnknownEvent }

// Recheck implements request.Handler.
func (s *Signal) Recheck(ctx context.Context, _ string) bool {
	rights, err := s.topics.View(ctx, s.identity, s.sensorID)
	s.setSince(rights.LiveSince)
	return err == nil
}

func (s *Signal) setSince(t time.Time) { s.since.Store(&t) }

// Deliver implements sensocto.Subscriber.
func (s *Signal) Deliver(m *sensocto.Message) {
	if p, is := m.Payload.(sensocto.Sensor); is {
		m = visible.Since(m, p, *s.since.Load())
	}
	s.feed.Deliver(m)
}

// Close implements request.Handler.
func (s *Signal) Close() { s.feed.Close() }
