package inventory

import (
	"context"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/socket/outbound"
	"github.com/sensocto/sensocto/socket/request"
	"github.com/sensocto/sensocto/socket/visible"
)

// List is sensors:all: the inventory.
type List struct {
	topics *Topics
	ch     *outbound.Channel
	feed   outbound.Feed
	filter *visible.Filter
	rest   []string // ids of a join, not sent yet
}

// List returns the topic sensors:all for somebody who joins it.
func (t *Topics) List(ch *outbound.Channel, id sensocto.Identity) *List {
	return &List{topics: t, ch: ch, feed: ch.NewFeed(), filter: visible.New(t.Rights, t.Sensors, id)}
}

// listPiece is how many bytes of sensors go into one frame of the list.
const listPiece = 256 << 10

// Join implements request.Handler.
func (l *List) Join(ctx context.Context, _ request.Params) ([]byte, error) {
	if err := l.filter.Open(ctx, &l.feed, l.ch.Topic); err != nil {
		return nil, err
	}
	all, err := l.topics.ids(ctx)
	if err != nil {
		return nil, err
	}
	l.rest = l.filter.Show(all)
	return append(append([]byte(`{"sensors":`), l.piece()...), '}'), nil
}

// ids returns the ids of all sensors. They are what a join keeps until a slow viewer
// has taken the list: snapshots would be a copy of everything for each viewer.
func (t *Topics) ids(ctx context.Context) ([]string, error) {
	leave, err := t.Reads.Take(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	sensors := t.Sensors.Sensors()
	ids := make([]string, len(sensors))
	for i := range sensors {
		ids[i] = sensors[i].ID
	}
	return ids, nil
}

// piece takes as many sensors from the rest as one frame may hold. At least one
// is taken where there is any. Those removed meanwhile, or not seen any more, are
// left out: the update that says so waits behind the list.
func (l *List) piece() []byte {
	piece := NewJSONList(listPiece)
	for len(l.rest) > 0 {
		sensor, there := l.filter.Sensor(l.rest[0])
		if there && !piece.addWhole(outbound.Tidy(sensor)) {
			break
		}
		l.rest = l.rest[1:]
	}
	return piece.Close()
}

// Joined implements request.Handler. It sends what did not fit into the reply, piece by
// piece, as fast as the viewer takes it: a list of all sensors may be large.
func (l *List) Joined() {
	for len(l.rest) > 0 {
		l.ch.WaitCapacity()
		update := append(append([]byte(`{"added":`), l.piece()...), `,"removed":[],"changed":[]}`...)
		if !l.ch.Push(sensocto.EventSensorListUpdated, update) {
			break
		}
	}
	l.rest = nil
	l.feed.Release(nil)
}

// Recheck implements request.Handler.
func (l *List) Recheck(ctx context.Context, _ string) bool { return l.filter.Recheck(ctx) }

// Handle implements request.Handler.
func (l *List) Handle(context.Context, *phx.Frame) error { return request.ErrUnknownEvent }

// Close implements request.Handler.
func (l *List) Close() { l.feed.Close() }
