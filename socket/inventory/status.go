package inventory

import (
	"context"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/jsonscan"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/socket/outbound"
	"github.com/sensocto/sensocto/socket/request"
	"github.com/sensocto/sensocto/socket/visible"
)

// Status is sensors:status: sensors that connect and disconnect.
type Status struct {
	topics *Topics
	ch     *outbound.Channel
	feed   outbound.Feed
	filter *visible.Filter
	rest   []string // online, of a join, not sent yet
}

// Status returns the topic sensors:status for somebody who joins it.
func (t *Topics) Status(ch *outbound.Channel, id sensocto.Identity) *Status {
	return &Status{topics: t, ch: ch, feed: ch.NewFeed(), filter: visible.New(t.Rights, t.Sensors, id)}
}

// Join implements request.Handler.
func (s *Status) Join(ctx context.Context, _ request.Params) ([]byte, error) {
	if err := s.filter.Open(ctx, &s.feed, s.ch.Topic); err != nil {
		return nil, err
	}
	s.rest = s.filter.Of(s.topics.Sensors.Online())
	online, size := []string{}, 0
	for len(s.rest) > 0 && size < listPiece {
		online, size, s.rest = append(online, s.rest[0]), size+len(s.rest[0])+3, s.rest[1:]
	}
	return append(outbound.AppendJSON([]byte(`{"online":`), online), '}'), nil
}

// Joined implements request.Handler. It sends what did not fit into the reply, as if
// these sensors connected now, as fast as the viewer takes it.
func (s *Status) Joined() {
	for _, id := range s.rest {
		s.ch.WaitCapacity()
		if !s.filter.Sees(id) {
			continue
		}
		if !s.ch.Push(sensocto.EventSensorConnected, append(jsonscan.AppendString([]byte(`{"sensor_id":`), id), '}')) {
			break
		}
	}
	s.rest = nil
	s.feed.Release(nil)
}

// Recheck implements request.Handler.
func (s *Status) Recheck(ctx context.Context, _ string) bool { return s.filter.Recheck(ctx) }

// Handle implements request.Handler.
func (s *Status) Handle(context.Context, *phx.Frame) error { return request.ErrUnknownEvent }

// Close implements request.Handler.
func (s *Status) Close() { s.feed.Close() }
