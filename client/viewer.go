package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/sensocto/sensocto"
)

// Item is one sample of an attribute, or a bucket that stands for several that
// the server merged because this viewer could not keep up.
type Item struct {
	AttributeID string
	sensocto.Sample
	Bucket *sensocto.Bucket // nil for a sample
}

// Update is what arrived of one sensor in one frame, in order. Its slices are
// valid only during the call that delivers it.
type Update struct {
	SensorID string
	Items    []Item
	// Lagged is the number of samples that were not sent one by one since the
	// last frame of the topic. What is missing can be read from the history.
	Lagged int64
}

// Joined is the answer to a join of a sensor's data.
type Joined struct {
	Sensor sensocto.Sensor
	// History is the last samples of each attribute, oldest first.
	History map[string][]Item
}

// ViewOptions say how to watch. All functions are called by the connection's
// reader: one that takes its time slows the reading, and the server then
// merges samples for this viewer instead of waiting.
type ViewOptions struct {
	// Level is how closely the sensors are looked at, high where it is nil.
	Level *sensocto.AttentionLevel
	// History is how many samples of each attribute a join brings.
	History int
	// Binary asks for numbers as binary columns. It needs V2.
	Binary bool
	// OnUpdate takes the measurements.
	OnUpdate func(Update)
	// OnJoined is called after each join, the first and all after a reconnect:
	// between two of them samples may have been missed.
	OnJoined func(Joined)
	// OnEvent takes every other event of the topic.
	OnEvent func(Event)
}

func (o ViewOptions) level() sensocto.AttentionLevel {
	if o.Level == nil {
		return sensocto.AttentionHigh
	}
	return *o.Level
}

func (o ViewOptions) encoding() string {
	if o.Binary {
		return "binary"
	}
	return "json"
}

// View is one sensor that is watched.
type View struct {
	*Channel
	options ViewOptions
}

// params is the payload of a view's join.
func (o ViewOptions) params(level sensocto.AttentionLevel) map[string]any {
	return map[string]any{"history": o.History, "attention": level.String(), "encoding": o.encoding()}
}

// View watches one sensor on its topic data:{sensor_id}. The sensor need not
// exist yet.
func (c *Client) View(ctx context.Context, sensorID string, o ViewOptions) (*View, error) {
	in := newDecoder(c, sensorID, o)
	ch, err := c.Join(ctx, sensocto.DataTopic(sensorID), ChannelOptions{
		Params:  o.params(o.level()),
		OnEvent: in.event,
		OnJoin:  in.joined,
	})
	if err != nil {
		return nil, err
	}
	return &View{ch, o}, nil
}

// SetAttention says how closely the sensor is looked at from now on, also after
// a reconnect.
func (v *View) SetAttention(ctx context.Context, level sensocto.AttentionLevel) error {
	if err := v.rejoinWith(v.options.params(level)); err != nil {
		return err
	}
	_, err := v.Push(ctx, "attention", map[string]string{"level": level.String()})
	return err
}

// Command sends a command, a JSON object, to the sensor's device.
func (v *View) Command(ctx context.Context, command any) error {
	_, err := v.Push(ctx, "command", command)
	return err
}

// Viewer watches any number of sensors on one topic, viewer:{name}: the server
// sends one frame for all of them at a time. It is safe for concurrent use; what
// is asked for is asked one after the other.
type Viewer struct {
	*Channel

	// turn, one slot, is had while the server is asked. It guards watched: what is
	// watched again after a reconnect, and must be what the server heard last.
	turn    chan struct{}
	watched map[string]sensocto.AttentionLevel
}

// Viewer joins viewer:{name}. Watch then says what to watch.
func (c *Client) Viewer(ctx context.Context, name string, o ViewOptions) (*Viewer, error) {
	v := &Viewer{turn: make(chan struct{}, 1), watched: make(map[string]sensocto.AttentionLevel)}
	in := newDecoder(c, "", o)
	ready := make(chan struct{})
	ch, err := c.Join(ctx, sensocto.TopicPrefixViewer+name, ChannelOptions{
		Params:  map[string]any{"encoding": o.encoding()},
		OnEvent: in.event,
		OnJoin: func(json.RawMessage) {
			select {
			case <-ready:
				c.goIfOpen(v.rewatch)
			default: // the first join: nothing is watched yet
			}
		},
	})
	if err != nil {
		return nil, err
	}
	v.Channel = ch
	close(ready)
	return v, nil
}

// takeTurn waits until the server is asked nothing else.
func (v *Viewer) takeTurn(ctx context.Context) error {
	select {
	case v.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (v *Viewer) leaveTurn() { <-v.turn }

// Watch adds sensors, or changes the level of those that are watched. It
// returns the known ones among them, and the ids that this viewer may not see.
func (v *Viewer) Watch(ctx context.Context, level sensocto.AttentionLevel, sensorIDs ...string) (sensors []sensocto.Sensor, refused []string, err error) {
	if err := v.takeTurn(ctx); err != nil {
		return nil, nil, err
	}
	defer v.leaveTurn()
	return v.watch(ctx, level, sensorIDs)
}

// watch is Watch for who has the turn.
func (v *Viewer) watch(ctx context.Context, level sensocto.AttentionLevel, sensorIDs []string) (sensors []sensocto.Sensor, refused []string, err error) {
	response, err := v.Push(ctx, "watch", map[string]any{"sensor_ids": sensorIDs, "level": level.String()})
	if err != nil {
		return nil, nil, err
	}
	var answer struct {
		Sensors []sensorJSON `json:"sensors"`
		Refused []string     `json:"refused"`
	}
	if err := json.Unmarshal(response, &answer); err != nil {
		return nil, nil, fmt.Errorf("answer to watch: %w", err)
	}
	for _, s := range answer.Sensors {
		sensors = append(sensors, s.sensor())
	}
	for _, id := range sensorIDs {
		if !slices.Contains(answer.Refused, id) {
			v.watched[id] = level
		}
	}
	return sensors, answer.Refused, nil
}

// Unwatch ends the watching of sensors, also after a reconnect where the server
// cannot be told at present.
func (v *Viewer) Unwatch(ctx context.Context, sensorIDs ...string) error {
	if err := v.takeTurn(ctx); err != nil {
		return err
	}
	defer v.leaveTurn()
	for _, id := range sensorIDs {
		delete(v.watched, id)
	}
	_, err := v.Push(ctx, "unwatch", map[string]any{"sensor_ids": sensorIDs})
	return err
}

// rewatch watches again after a reconnect. A failure is followed by another
// reconnect, or is final and shows in the channel.
func (v *Viewer) rewatch() {
	if v.takeTurn(v.c.ctx) != nil {
		return
	}
	defer v.leaveTurn()
	byLevel := make(map[sensocto.AttentionLevel][]string)
	for id, level := range v.watched {
		byLevel[level] = append(byLevel[level], id)
	}
	for level, ids := range byLevel {
		if _, _, err := v.watch(v.c.ctx, level, ids); err != nil && !errors.Is(err, ErrDisconnected) {
			v.c.log.Warn("sensors not watched again", "topic", v.topic, "err", err)
		}
	}
}
