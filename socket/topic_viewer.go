package socket

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/jsonscan"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/socket/inventory"
	"github.com/sensocto/sensocto/socket/outbound"
	"github.com/sensocto/sensocto/socket/request"
)

// viewer is viewer:{any}: the measurements of many sensors in one frame per
// flush.
type viewer struct {
	ch       *channel
	identity sensocto.Identity

	mu sync.Mutex // guards what follows
	onlooker
	closed  bool
	sensors map[string]*watched // by id

	gazeLimit sensocto.TokenBucket // changes of the gaze; only the connection's reader uses it
}

// Changes of a viewer's gaze, each of which costs all its sensors: so many at
// once, and so many a second after that.
const (
	gazeBurst     = 50
	gazePerSecond = 5
)

func (v *viewer) Join(context.Context, request.Params) ([]byte, error) {
	v.ch.BatchSensors()
	v.gazeLimit = sensocto.NewTokenBucket(gazeBurst, gazePerSecond, time.Now())
	return []byte("{}"), nil
}

func (v *viewer) Joined() {}

func (v *viewer) Handle(ctx context.Context, f *phx.Frame) error {
	var act func(*phx.Frame, request.Params) error
	switch string(f.Event) {
	case "watch":
		act = func(f *phx.Frame, p request.Params) error { return v.watch(ctx, f, p) }
	case "unwatch":
		act = v.unwatch
	case "attention":
		act = v.attention
	case "visibility_changed":
		act = func(f *phx.Frame, p request.Params) error { return v.visibility(ctx, f, p) }
	case "history":
		act = func(f *phx.Frame, p request.Params) error {
			return answerHistory(ctx, v.ch, f, v.identity, p.Text("sensor_id"), p)
		}
	case "battery":
		act = func(f *phx.Frame, p request.Params) error { return v.battery(ctx, f, p) }
	default:
		return request.ErrUnknownEvent
	}
	p, err := request.Parse(f)
	if err != nil {
		return err
	}
	return act(f, p)
}

// Recheck stops watching what the viewer may see no more, and says so.
func (v *viewer) Recheck(ctx context.Context, only string) bool {
	v.mu.Lock()
	ids := []string{only}
	if only == "" {
		ids = slices.Collect(maps.Keys(v.sensors))
	} else if v.sensors[only] == nil {
		ids = nil
	}
	v.mu.Unlock()
	srv := v.ch.conn.srv
	ids = slices.DeleteFunc(ids, func(id string) bool {
		_, err := srv.inventory.View(ctx, v.identity, id)
		return err == nil
	})
	if len(ids) == 0 {
		return true
	}
	v.mu.Lock()
	for _, id := range ids {
		if w := v.sensors[id]; w != nil {
			w.feed.Revoke()
			v.remove(w)
		}
	}
	v.mu.Unlock()
	slices.Sort(ids)
	v.ch.Push("refused", append(outbound.AppendJSON([]byte(`{"sensor_ids":`), ids), '}'))
	return true
}

func (v *viewer) watch(ctx context.Context, f *phx.Frame, p request.Params) error {
	ids, err := p.IDs("sensor_ids", v.ch.conn.srv.limits.Topics)
	if err != nil {
		return err
	}
	level, err := p.Level("level", sensocto.AttentionHigh)
	if err != nil {
		return err
	}
	srv := v.ch.conn.srv
	changes := srv.revocations.Load()
	sensors, refused, fresh := inventory.NewJSONList(srv.limits.ReplyBytes*3/4), []string{}, []*watched{}
	for _, id := range ids {
		var w *watched
		isNew := false
		rights, err := srv.inventory.View(ctx, v.identity, id)
		if err == nil {
			w, isNew = v.add(id, level)
		}
		if w == nil {
			refused = append(refused, id)
			continue
		}
		if isNew {
			fresh = append(fresh, w)
		}
		sensors.Add(srv.inventory.Sensor(id, rights.LiveSince))
	}
	v.ch.Reply(f, phx.StatusOK, watchResponse(sensors, refused)) // it does not wait: the feeds hold what comes
	for _, w := range fresh {
		w.feed.Release(nil)
	}
	if srv.revocations.Load() != changes { // a right may have ended meanwhile, unheard
		v.Recheck(ctx, "")
	}
	return nil
}

func watchResponse(sensors *inventory.JSONList, refused []string) []byte {
	dst := append([]byte(`{"sensors":`), sensors.Close()...)
	dst = outbound.AppendJSON(append(dst, `,"refused":`...), refused)
	return append(dst, '}')
}

// add watches a sensor, or changes the level of one that is watched already.
// It returns nil where that is refused.
func (v *viewer) add(id string, level sensocto.AttentionLevel) (w *watched, isNew bool) {
	srv := v.ch.conn.srv
	v.mu.Lock()
	defer v.mu.Unlock()
	w = v.sensors[id]
	if w == nil {
		if v.closed || !sensocto.ValidID(id) || len(v.sensors) >= srv.limits.Topics || !v.ch.conn.reserveWatch() {
			return nil, false
		}
		id = strings.Clone(id)
		w = &watched{by: &v.onlooker, sensorID: id, feed: v.ch.NewFeed()}
		w.feed.WatchBatched(id)
		v.sensors[id] = w
		isNew = true
	}
	w.look(level)
	return w, isNew
}

func (v *viewer) unwatch(f *phx.Frame, p request.Params) error {
	ids, err := p.IDs("sensor_ids", v.ch.conn.srv.limits.Topics)
	if err != nil {
		return err
	}
	v.mu.Lock()
	for _, id := range ids {
		if w := v.sensors[id]; w != nil {
			v.remove(w)
		}
	}
	v.mu.Unlock()
	v.ch.OK(f)
	return nil
}

// remove ends the watching of a sensor. The caller holds mu.
func (v *viewer) remove(w *watched) {
	w.close()
	delete(v.sensors, w.sensorID)
	v.ch.conn.releaseWatch()
}

// attention takes {levels:{sensor_id:level}}. Sensors that are not watched are
// skipped: they may have been unwatched a moment ago.
func (v *viewer) attention(f *phx.Frame, p request.Params) error {
	levels := map[string]sensocto.AttentionLevel{}
	err := jsonscan.Object(p["levels"], func(id, value []byte) error {
		level, err := sensocto.ParseAttentionLevel(request.Text(value))
		levels[string(id)] = level
		if len(levels) > v.ch.conn.srv.limits.Topics {
			return request.ErrTooManyIDs
		}
		return err
	})
	switch sensocto.ErrorReason(err) {
	case "":
	case request.ErrInvalidLevel.Reason, request.ErrTooManyIDs.Reason:
		return err
	default:
		return request.ErrInvalidPayload
	}
	v.mu.Lock()
	for id, level := range levels {
		if w := v.sensors[id]; w != nil {
			w.look(level)
		}
	}
	v.mu.Unlock()
	v.ch.OK(f)
	return nil
}

// visibility hides and shows all sensors; shown again, each has the level that
// it had.
func (v *viewer) visibility(ctx context.Context, f *phx.Frame, p request.Params) error {
	visible, ok := p.Flag("visible")
	if !ok {
		return request.ErrInvalidPayload
	}
	v.changeGaze(ctx, func(g *sensocto.Gaze) { g.Hidden = !visible })
	v.ch.OK(f)
	return nil
}

func (v *viewer) battery(ctx context.Context, f *phx.Frame, p request.Params) error {
	b, err := p.Battery()
	if err != nil {
		return err
	}
	v.changeGaze(ctx, func(g *sensocto.Gaze) { g.Battery = b })
	v.ch.OK(f)
	return nil
}

// changeGaze changes the viewer's gaze, which lies on all its sensors. Whoever does
// that again and again waits, and with them what else their connection sends.
func (v *viewer) changeGaze(ctx context.Context, change func(*sensocto.Gaze)) {
	gaze := v.gaze // the reader, whose goroutine this is, alone writes it
	if change(&gaze); gaze == v.gaze {
		return
	}
	for !v.gazeLimit.Take(1, time.Now()) {
		select {
		case <-time.After(time.Second / gazePerSecond):
		case <-ctx.Done():
			return
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.gaze = gaze
	for _, w := range v.sensors {
		w.update()
	}
}

func (v *viewer) Close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
	for _, w := range v.sensors {
		v.remove(w)
	}
}
