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
	"github.com/sensocto/sensocto/socket/outbound"
)

// viewer is viewer:{any}: the measurements of many sensors in one frame per
// flush.
type viewer struct {
	ch       *channel
	identity sensocto.Identity
	id       sensocto.ViewerID

	mu     sync.Mutex // guards what follows
	closed bool
	gaze   sensocto.Gaze
	feeds  map[string]*watched // by sensor

	gazeLimit sensocto.TokenBucket // changes of the gaze; only the connection's reader uses it
}

// Changes of a viewer's gaze, each of which costs all its sensors: so many at
// once, and so many a second after that.
const (
	gazeBurst     = 50
	gazePerSecond = 5
)

// watched is one sensor of a viewer.
type watched struct {
	sensorID string
	feed     outbound.Feed
	asked    sensocto.AttentionLevel // what counts is for the gaze to say
}

func (v *viewer) join(context.Context, params) ([]byte, error) {
	v.ch.BatchSensors()
	v.gazeLimit = sensocto.NewTokenBucket(gazeBurst, gazePerSecond, time.Now())
	return emptyObject(), nil
}

func (v *viewer) joined() {}

func (v *viewer) handle(ctx context.Context, f *phx.Frame) error {
	var act func(*phx.Frame, params) error
	switch string(f.Event) {
	case "watch":
		act = func(f *phx.Frame, p params) error { return v.watch(ctx, f, p) }
	case "unwatch":
		act = v.unwatch
	case "attention":
		act = v.attention
	case "visibility_changed":
		act = func(f *phx.Frame, p params) error { return v.visibility(ctx, f, p) }
	case "history":
		act = func(f *phx.Frame, p params) error {
			return answerHistory(ctx, v.ch, f, v.identity, p.text("sensor_id"), p)
		}
	case "battery":
		act = func(f *phx.Frame, p params) error { return v.battery(ctx, f, p) }
	default:
		return errUnknownEvent
	}
	p, err := parseParams(f)
	if err != nil {
		return err
	}
	return act(f, p)
}

// recheck stops watching what the viewer may see no more, and says so.
func (v *viewer) recheck(ctx context.Context, only string) bool {
	v.mu.Lock()
	ids := []string{only}
	if only == "" {
		ids = slices.Collect(maps.Keys(v.feeds))
	} else if v.feeds[only] == nil {
		ids = nil
	}
	v.mu.Unlock()
	srv := v.ch.conn.srv
	ids = slices.DeleteFunc(ids, func(id string) bool { return srv.stillViews(ctx, v.identity, id) })
	if len(ids) == 0 {
		return true
	}
	v.mu.Lock()
	for _, id := range ids {
		if w := v.feeds[id]; w != nil {
			w.feed.Revoke()
			v.remove(w)
		}
	}
	v.mu.Unlock()
	slices.Sort(ids)
	v.ch.push("refused", append(outbound.AppendJSON([]byte(`{"sensor_ids":`), ids), '}'))
	return true
}

func (v *viewer) watch(ctx context.Context, f *phx.Frame, p params) error {
	ids, err := p.ids("sensor_ids", v.ch.conn.srv.limits.Topics)
	if err != nil {
		return err
	}
	level, err := p.level("level", sensocto.AttentionHigh)
	if err != nil {
		return err
	}
	srv := v.ch.conn.srv
	changes := srv.revocations.Load()
	sensors, refused, fresh := newSensorList(srv.limits.ReplyBytes*3/4), []string{}, []*watched{}
	for _, id := range ids {
		var w *watched
		isNew := false
		rights, err := srv.mayView(ctx, v.identity, id)
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
		sensors.add(srv.sensorOrUnknown(id, rights.LiveSince))
	}
	v.ch.reply(f, phx.StatusOK, watchResponse(sensors, refused))
	for _, w := range fresh {
		w.feed.Release(nil)
	}
	if srv.revocations.Load() != changes { // a right may have ended meanwhile, unheard
		v.recheck(ctx, "")
	}
	return nil
}

func watchResponse(sensors *sensorList, refused []string) []byte {
	dst := append([]byte(`{"sensors":`), sensors.close()...)
	dst = outbound.AppendJSON(append(dst, `,"refused":`...), refused)
	return append(dst, '}')
}

// add watches a sensor, or changes the level of one that is watched already.
// It returns nil where that is refused.
func (v *viewer) add(id string, level sensocto.AttentionLevel) (w *watched, isNew bool) {
	srv := v.ch.conn.srv
	v.mu.Lock()
	defer v.mu.Unlock()
	w = v.feeds[id]
	if w == nil {
		if v.closed || !sensocto.ValidID(id) || len(v.feeds) >= srv.limits.Topics || !v.ch.conn.reserveWatch() {
			return nil, false
		}
		id = strings.Clone(id)
		w = &watched{sensorID: id, feed: v.ch.NewFeed()}
		v.feeds[id] = w
		isNew = true
	}
	w.asked = level
	v.look(w, isNew)
	return w, isNew
}

// look says how closely the viewer looks at a sensor. The caller holds mu.
func (v *viewer) look(w *watched, isNew bool) {
	level := v.gaze.Level(w.asked)
	v.ch.conn.srv.attention.Look(v.id, w.sensorID, level)
	if isNew {
		w.feed.WatchBatched(w.sensorID, level)
		return
	}
	w.feed.SetLevel(level)
}

func (v *viewer) unwatch(f *phx.Frame, p params) error {
	ids, err := p.ids("sensor_ids", v.ch.conn.srv.limits.Topics)
	if err != nil {
		return err
	}
	v.mu.Lock()
	for _, id := range ids {
		if w := v.feeds[id]; w != nil {
			v.remove(w)
		}
	}
	v.mu.Unlock()
	v.ch.ok(f)
	return nil
}

// remove ends the watching of a sensor. The caller holds mu.
func (v *viewer) remove(w *watched) {
	w.feed.Close()
	v.ch.conn.srv.attention.Leave(v.id, w.sensorID)
	delete(v.feeds, w.sensorID)
	v.ch.conn.releaseWatch()
}

// attention takes {levels:{sensor_id:level}}. Sensors that are not watched are
// skipped: they may have been unwatched a moment ago.
func (v *viewer) attention(f *phx.Frame, p params) error {
	levels := map[string]sensocto.AttentionLevel{}
	err := jsonscan.Object(p["levels"], func(id, value []byte) error {
		level, err := sensocto.ParseAttentionLevel(tokenText(value))
		levels[string(id)] = level
		if len(levels) > v.ch.conn.srv.limits.Topics {
			return errTooManyIDs
		}
		return err
	})
	switch sensocto.ErrorReason(err) {
	case "":
	case errInvalidLevel.Reason, errTooManyIDs.Reason:
		return err
	default:
		return errInvalidPayload
	}
	v.mu.Lock()
	for id, level := range levels {
		if w := v.feeds[id]; w != nil {
			w.asked = level
			v.look(w, false)
		}
	}
	v.mu.Unlock()
	v.ch.ok(f)
	return nil
}

// visibility hides and shows all sensors; shown again, each has the level that
// it had.
func (v *viewer) visibility(ctx context.Context, f *phx.Frame, p params) error {
	visible, ok := p.flag("visible")
	if !ok {
		return errInvalidPayload
	}
	v.changeGaze(ctx, func(g *sensocto.Gaze) { g.Hidden = !visible })
	v.ch.ok(f)
	return nil
}

func (v *viewer) battery(ctx context.Context, f *phx.Frame, p params) error {
	b, err := p.battery()
	if err != nil {
		return err
	}
	v.changeGaze(ctx, func(g *sensocto.Gaze) { g.Battery = b })
	v.ch.ok(f)
	return nil
}

// turn changes the viewer's gaze, which lies on all its sensors. Whoever does
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
	for _, w := range v.feeds {
		v.look(w, false)
	}
}

func (v *viewer) close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
	for _, w := range v.feeds {
		v.remove(w)
	}
}
