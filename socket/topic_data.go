package socket

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/jsonscan"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/socket/inventory"
	"github.com/sensocto/sensocto/socket/outbound"
	"github.com/sensocto/sensocto/socket/request"
	"github.com/sensocto/sensocto/wire"
)

// dataViewer is data:{sensor_id}, and sensocto:sensor:{id} joined as a
// receiver: the measurements of one sensor.
type dataViewer struct {
	ch       *channel
	identity sensocto.Identity
	onlooker
	watched
	closed  atomic.Bool
	counted atomic.Bool                           // as one that is watched
	history map[string]sensocto.Latest            // between join and joined
	slow    func(context.Context) ([]byte, error) // the rest of a join that asks another server; else nil
}

// isReceiver reports whether the topic is the sensor's own.
func (v *dataViewer) isReceiver() bool { return v.ch.family == familyReceiver }

func (v *dataViewer) Join(ctx context.Context, p request.Params) ([]byte, error) {
	if !sensocto.ValidID(v.sensorID) || v.isReceiver() && p.Has("sensor_id") && p.Text("sensor_id") != v.sensorID {
		return nil, request.ErrInvalidSensor
	}
	level, err := p.Level("attention", sensocto.AttentionHigh)
	if err != nil {
		return nil, err
	}
	srv := v.ch.conn.srv
	rights, err := srv.inventory.View(ctx, v.identity, v.sensorID)
	if err != nil {
		return nil, err
	}
	if !v.ch.conn.reserveWatch() {
		return nil, errTooManyWatched
	}
	v.counted.Store(true)
	v.feed.Watch(v.sensorID, p.Text("encoding") == "binary", v.isReceiver())
	v.watched.look(level)
	if v.isReceiver() {
		return []byte("{}"), nil
	}
	limit := 0
	if n, ok := p.Number("history"); ok && n >= 1 && rights.History {
		limit = int(min(n, float64(srv.limits.History)))
	}
	if limit > 0 && isRemote(v.sensorID) {
		v.slow = func(ctx context.Context) ([]byte, error) {
			response, err := v.response(ctx, limit, rights)
			if err != nil {
				return nil, err
			}
			return response, srv.stillMay(ctx, v.identity, v.sensorID, rights)
		}
		return nil, nil
	}
	return v.response(ctx, limit, rights)
}

// waits implements slowJoiner.
func (v *dataViewer) waits() bool { return v.slow != nil }

// finish implements slowJoiner.
func (v *dataViewer) finish(ctx context.Context) ([]byte, error) { return v.slow(ctx) }

func (v *dataViewer) Recheck(ctx context.Context, _ string) bool {
	_, err := v.ch.conn.srv.inventory.View(ctx, v.identity, v.sensorID)
	return err == nil
}

func newDataViewer(ch *channel, sensorID string, identity sensocto.Identity) *dataViewer {
	v := &dataViewer{
		ch: ch, identity: identity,
		onlooker: onlooker{attention: ch.conn.srv.attention, id: ch.conn.srv.nextViewer()},
		watched:  watched{sensorID: sensorID, feed: ch.NewFeed()},
	}
	v.by = &v.onlooker
	return v
}

// response reads the history after the feed has subscribed, so that nothing is
// between the two; what is in both, the feed leaves out. All attributes together
// get half of a reply: those whose history is shorter than asked for are named.
func (v *dataViewer) response(ctx context.Context, limit int, rights sensocto.SensorRights) ([]byte, error) {
	srv, away := v.ch.conn.srv, false
	if limit > 0 {
		var err error
		v.history, err = srv.readLatest(ctx, v.sensorID, sensocto.LatestQuery{Limit: limit, Bytes: srv.limits.ReplyBytes / 2})
		if away = sensocto.ErrorReason(err) == reasonSensorAway; err != nil && !away {
			return nil, err
		}
		for id, l := range v.history {
			l.Samples = since(l.Samples, rights.Since)
			v.history[id] = l
		}
		v.feed.HistoryRead()
	}
	dst := append([]byte(`{"sensor":`), inventory.Describe(srv.inventory.Sensor(v.sensorID, rights.LiveSince), srv.limits.ReplyBytes/4)...)
	dst = append(dst, `,"history":{`...)
	cut := []string{}
	for i, id := range slices.Sorted(maps.Keys(v.history)) {
		if i > 0 {
			dst = append(dst, ',')
		}
		l := v.history[id]
		dst = append(jsonscan.AppendString(dst, id), ':')
		dst = wire.AppendSamples(dst, l.Samples)
		if l.Cut {
			cut = append(cut, id)
		}
	}
	dst = append(dst, '}')
	if len(cut) > 0 {
		srv.count.cutHistories.Add(1)
		dst = outbound.AppendJSON(append(dst, `,"history_cut":`...), cut)
	}
	if away { // what is live comes when the sensor's server is back
		dst = append(dst, `,"history_unavailable":"`+reasonSensorAway+`"`...)
	}
	return append(dst, '}'), nil
}

func (v *dataViewer) Joined() {
	v.feed.Release(v.history)
	v.history = nil
}

func (v *dataViewer) Handle(ctx context.Context, f *phx.Frame) error {
	if v.isReceiver() {
		return request.ErrUnknownEvent // a receiver sends nothing
	}
	switch string(f.Event) {
	case "visibility_changed":
		return v.visibility(f)
	case "attention":
		return v.attention(f)
	case "battery":
		return v.battery(f)
	case "command":
		return v.command(ctx, f)
	case "history":
		p, err := request.Parse(f)
		if err != nil {
			return err
		}
		return answerHistory(ctx, v.ch, f, v.identity, v.sensorID, p)
	}
	return request.ErrUnknownEvent
}

// look takes the level that the viewer asks for.
func (v *dataViewer) look(asked sensocto.AttentionLevel) {
	v.watched.look(asked)
	if v.closed.Load() { // meanwhile, because a token was revoked: nobody would leave any more
		v.watched.close()
	}
}

func (v *dataViewer) visibility(f *phx.Frame) error {
	visible, err := visibility(f)
	if err != nil {
		return err
	}
	level := sensocto.AttentionNone
	if visible {
		level = sensocto.AttentionHigh
	}
	v.look(level)
	v.ch.OK(f)
	return nil
}

func (v *dataViewer) attention(f *phx.Frame) error {
	p, err := request.Parse(f)
	if err != nil {
		return err
	}
	level, err := sensocto.ParseAttentionLevel(p.Text("level"))
	if err != nil {
		return request.ErrInvalidLevel
	}
	v.look(level)
	v.ch.OK(f)
	return nil
}

func (v *dataViewer) battery(f *phx.Frame) error {
	p, err := request.Parse(f)
	if err != nil {
		return err
	}
	if v.gaze.Battery, err = p.Battery(); err != nil {
		return err
	}
	v.look(v.asked)
	v.ch.OK(f)
	return nil
}

var errInvalidCommand = request.Invalid("invalid_command", "a command is a JSON object")

// command goes to the sensor's device, from whoever may control it.
func (v *dataViewer) command(ctx context.Context, f *phx.Frame) error {
	p, err := request.Parse(f)
	if err != nil {
		return err
	}
	rights, err := v.ch.conn.srv.rights.Sensor(ctx, v.identity, v.sensorID)
	if err != nil {
		return err
	}
	if !rights.Command || !mayClaim(p, v.identity) {
		return sensocto.ErrUnauthorized
	}
	if start := jsonscan.Space(f.Payload, 0); f.Payload[start] != '{' {
		return errInvalidCommand
	}
	command := json.RawMessage(slices.Clone(f.Payload))
	if err := v.ch.conn.srv.sensors.Command(ctx, v.sensorID, command); err != nil {
		return err
	}
	v.recordCommand(ctx)
	v.ch.OK(f)
	return nil
}

// recordCommand notes a command, but not what it says, in the audit log.
func (v *dataViewer) recordCommand(ctx context.Context) {
	srv := v.ch.conn.srv
	owner, _ := srv.sensors.Owner(v.sensorID)
	e := sensocto.AuditOfSensor(sensocto.AuditCommanded, v.sensorID, owner)
	e.ActorID, e.CredentialID, e.Address = v.identity.OwnerID, v.identity.ID, v.ch.conn.address
	srv.audit.Record(ctx, e)
}

func (v *dataViewer) Close() {
	v.closed.Store(true)
	v.watched.close()
	if v.counted.CompareAndSwap(true, false) {
		v.ch.conn.releaseWatch()
	}
}

// visibility reads the event visibility_changed.
func visibility(f *phx.Frame) (visible bool, err error) {
	p, err := request.Parse(f)
	if err != nil {
		return false, err
	}
	visible, ok := p.Flag("visible")
	if !ok {
		return false, request.ErrInvalidPayload
	}
	return visible, nil
}
