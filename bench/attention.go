package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"
)

// raiser is one viewer that looks at one sensor after the other, and sees how
// long each takes until its device was asked to send at once.
type raiser struct {
	d      *driver
	conn   *conn
	next   time.Duration   // when to look again
	turn   int             // how often it looked
	raised []time.Duration // by sensor: when it looked; 0 once the device knows
	held   int             // sensors that it looks at, at a time
}

// Each sensor is looked at for a second, and left alone for longer than a
// server holds the level (2 s).
const (
	raiseFor   = time.Second
	raiseCycle = 5 * time.Second
)

// runAttention measures the time from the moment before the viewer says that it
// looks to the moment after the device read what that asks of it. All devices
// send meanwhile, as slowly as the configuration says.
func (d *driver) runAttention(ctx context.Context) (Result, error) {
	if err := d.connectDevices(ctx); err != nil {
		return Result{}, err
	}
	r, err := d.newRaiser(ctx)
	if err != nil {
		return Result{}, err
	}
	d.looks = r.look
	before, after, err := d.stream(ctx)
	if err != nil {
		return Result{}, err
	}
	d.looks = nil
	err = errors.Join(d.settle(ctx), d.stepUntil(ctx, "wait for the devices to hear of it",
		func() bool { return r.waiting() == 0 }, r.waiting))
	if err != nil && ctx.Err() == nil {
		d.fault("%v", err)
	}
	return d.result(before, after), ctx.Err()
}

// newRaiser connects the viewer, which watches all sensors at none.
func (d *driver) newRaiser(ctx context.Context) (*raiser, error) {
	fds, err := d.target.dialAll(ctx, 1, false)
	if err != nil {
		return nil, fmt.Errorf("connect the viewer: %w", err)
	}
	c, err := d.adopt(fds[0], "viewer", false)
	if err != nil {
		closeAll(fds)
		return nil, err
	}
	n := len(d.sensors)
	r := &raiser{d: d, conn: c, raised: make([]time.Duration, n), held: int(int64(n) * int64(raiseFor) / int64(raiseCycle))}
	c.onText = r.onText
	c.onBinary = func(p []byte, _ time.Duration) { d.binaryEvent(c, p) }
	c.joins = 2
	d.send(c, joinFrame("j1", r.topic(), fmt.Sprintf(`{"bearer_token":%q}`, d.target.Token)))
	ids := new(bytes.Buffer)
	for i, s := range d.sensors {
		if i > 0 {
			ids.WriteByte(',')
		}
		fmt.Fprintf(ids, "%q", s.id)
		dev := d.devices[i]
		dev.conn.onText = func(p []byte, now time.Duration) { r.atDevice(i, p, now) }
	}
	d.send(c, textFrame("j1", "j2", r.topic(), "watch", `{"level":"none","sensor_ids":[`+ids.String()+`]}`))
	return r, d.joined(ctx, "join the viewer")
}

func (r *raiser) topic() string { return "viewer:bench-" + r.d.runID }

// onText: what the viewer gets of sensors that it looks at does not matter.
func (r *raiser) onText(p []byte, _ time.Duration) {
	m, err := decodeText(p)
	if err != nil {
		r.d.fault("%s: %v", r.conn.name, err)
		return
	}
	r.d.event(r.conn, m)
}

// look turns to the next sensor, and away from the one that it has looked at
// long enough. It returns when to do that again.
func (r *raiser) look(now time.Duration) time.Duration {
	if now < r.next {
		return r.next
	}
	n := len(r.raised)
	i, before := r.turn%n, (r.turn+n-r.held)%n
	if r.raised[i] != 0 {
		r.d.fault("sensor %d: its device was never asked to send at once", i)
	}
	levels := fmt.Sprintf(`{"levels":{%q:"high"}}`, r.d.sensors[i].id)
	if r.turn >= r.held && before != i {
		levels = fmt.Sprintf(`{"levels":{%q:"high",%q:"none"}}`, r.d.sensors[i].id, r.d.sensors[before].id)
	}
	r.turn++
	r.next = now + raiseCycle/time.Duration(n)
	r.raised[i] = r.d.now()
	r.d.send(r.conn, textFrame("j1", fmt.Sprint("a", r.turn), r.topic(), "attention", levels))
	return r.next
}

var (
	configEvent = []byte(`"backpressure_config"`)
	levelHigh   = []byte(`"attention_level":"high"`)
)

// atDevice sees what a device gets.
func (r *raiser) atDevice(sensor int, p []byte, now time.Duration) {
	if since := r.raised[sensor]; since != 0 && bytes.Contains(p, configEvent) && bytes.Contains(p, levelHigh) {
		r.raised[sensor] = 0
		if r.d.measuring {
			r.d.latency.Record(now-since, 1)
		}
		return
	}
	r.d.devices[sensor].onText(p, now)
}

// waiting is how many devices have not heard yet.
func (r *raiser) waiting() (n int64) {
	for _, at := range r.raised {
		if at != 0 {
			n++
		}
	}
	return n
}
