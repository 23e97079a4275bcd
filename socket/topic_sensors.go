package socket

import (
	"context"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/jsonscan"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/socket/outbound"
	"github.com/sensocto/sensocto/socket/request"
	"github.com/sensocto/sensocto/socket/visible"
)

// status is sensors:status: sensors that connect and disconnect.
type status struct {
	ch   *channel
	feed outbound.Feed
	*visible.Filter
	rest []string // online, of a join, not sent yet
}

func (s *status) Join(ctx context.Context, _ request.Params) ([]byte, error) {
	if err := s.Filter.Open(ctx, &s.feed, s.ch.Topic); err != nil {
		return nil, err
	}
	s.rest = s.Of(s.ch.conn.srv.sensors.Online())
	online, size := []string{}, 0
	for len(s.rest) > 0 && size < listPiece {
		online, size, s.rest = append(online, s.rest[0]), size+len(s.rest[0])+3, s.rest[1:]
	}
	return append(outbound.AppendJSON([]byte(`{"online":`), online), '}'), nil
}

// joined sends what did not fit into the reply, as if these sensors connected
// now, as fast as the viewer takes it.
func (s *status) Joined() {
	c := s.ch.conn
	for _, id := range s.rest {
		c.out.WaitCapacity()
		if !s.Sees(id) {
			continue
		}
		if c.closing.Load() || !s.ch.Push(sensocto.EventSensorConnected, append(jsonscan.AppendString([]byte(`{"sensor_id":`), id), '}')) {
			break
		}
	}
	s.rest = nil
	s.feed.Release(nil)
}

func (s *status) Recheck(ctx context.Context, _ string) bool { return s.Filter.Recheck(ctx) }

func (s *status) Handle(context.Context, *phx.Frame) error { return request.ErrUnknownEvent }
func (s *status) Close()                                   { s.feed.Close() }

// list is sensors:all: the inventory.
type list struct {
	ch   *channel
	feed outbound.Feed
	*visible.Filter
	rest []string // ids of a join, not sent yet
}

// listPiece is how many bytes of sensors go into one frame of the list.
const listPiece = 256 << 10

func (l *list) Join(ctx context.Context, _ request.Params) ([]byte, error) {
	if err := l.Filter.Open(ctx, &l.feed, l.ch.Topic); err != nil {
		return nil, err
	}
	all, err := l.ch.conn.srv.sensorIDs(ctx)
	if err != nil {
		return nil, err
	}
	l.rest = l.Show(all)
	return append(append([]byte(`{"sensors":`), l.piece()...), '}'), nil
}

// sensorIDs returns the ids of all sensors. They are what a join keeps until a
// slow viewer has taken the list: snapshots would be a copy of everything for
// each viewer. As with history, a processor stays free for what is live.
func (s *Server) sensorIDs(ctx context.Context) ([]string, error) {
	select {
	case s.reads <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-s.reads }()
	sensors := s.sensors.Sensors()
	ids := make([]string, len(sensors))
	for i := range sensors {
		ids[i] = sensors[i].ID
	}
	return ids, nil
}

// piece takes as many sensors from the rest as one frame may hold. At least one
// is taken where there is any. Those removed meanwhile, or not seen any more, are
// left out: the update that says so waits behind the list.
func (l *list) piece() []byte {
	piece := newSensorList(listPiece)
	for len(l.rest) > 0 {
		sensor, there := l.Sensor(l.rest[0])
		if there && !piece.addWhole(outbound.Tidy(sensor)) {
			break
		}
		l.rest = l.rest[1:]
	}
	return piece.close()
}

// joined sends what did not fit into the reply, piece by piece, as fast as the
// viewer takes it: a list of all sensors may be large.
func (l *list) Joined() {
	c := l.ch.conn
	for len(l.rest) > 0 && !c.closing.Load() {
		c.out.WaitCapacity()
		update := append(append([]byte(`{"added":`), l.piece()...), `,"removed":[],"changed":[]}`...)
		if !l.ch.Push(sensocto.EventSensorListUpdated, update) {
			break
		}
	}
	l.rest = nil
	l.feed.Release(nil)
}

func (l *list) Recheck(ctx context.Context, _ string) bool { return l.Filter.Recheck(ctx) }

func (l *list) Handle(context.Context, *phx.Frame) error { return request.ErrUnknownEvent }
func (l *list) Close()                                   { l.feed.Close() }

// sensorList is a JSON list of sensors that is bounded in bytes.
type sensorList struct {
	most int
	json []byte
}

func newSensorList(most int) *sensorList { return &sensorList{most: most, json: []byte{'['}} }

// add appends a sensor as describe does.
func (l *sensorList) add(s sensocto.Sensor) {
	l.append(describe(s, l.most-len(l.json)))
}

// describe returns a sensor as JSON of at most about a number of bytes: without
// its attributes where these do not fit, and then with the key truncated.
func describe(s sensocto.Sensor, most int) []byte {
	if atLeast(s) <= most {
		if text := outbound.AppendJSON(nil, s); len(text) <= most {
			return text
		}
	}
	s.Attributes = []sensocto.Attribute{}
	return outbound.AppendJSON(nil, struct {
		sensocto.Sensor
		Truncated bool `json:"truncated"`
	}{s, true})
}

// atLeast is a lower bound of a sensor's size as JSON, so that one with many
// large documents is not encoded only to be thrown away.
func atLeast(s sensocto.Sensor) (n int) {
	for i := range s.Attributes {
		a := &s.Attributes[i]
		n += len(a.ID) + len(a.Name) + len(a.Type) + len(a.Unit)
		if a.LastValue != nil {
			n += len(a.LastValue.Document)
		}
	}
	return n
}

// addWhole appends a sensor if it fits, or is the first. It reports whether it did.
func (l *sensorList) addWhole(s sensocto.Sensor) bool {
	text := describe(s, l.most)
	if len(l.json) > 1 && len(l.json)+len(text) > l.most {
		return false
	}
	l.append(text)
	return true
}

func (l *sensorList) append(text []byte) {
	if len(l.json) > 1 {
		l.json = append(l.json, ',')
	}
	l.json = append(l.json, text...)
}

// close ends the list and returns it.
func (l *sensorList) close() []byte { return append(l.json, ']') }

// sensorOrUnknown returns a sensor's snapshot, also of one never seen, without last
// values of before a time.
func (s *Server) sensorOrUnknown(id string, since time.Time) sensocto.Sensor {
	if sensor, ok := s.sensors.Sensor(id); ok {
		return outbound.Tidy(sensor.Since(since))
	}
	return sensocto.UnknownSensor(id)
}
