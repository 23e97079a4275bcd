package bench

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"time"
)

// Run plays the configuration against the target and reports what came of it.
// It blocks until all connections are closed again. An error means that there
// is no figure; faults of the server are in the result.
func Run(ctx context.Context, cfg Config, target Target) (Result, error) {
	if err := cfg.check(); err != nil {
		return Result{}, err
	}
	raiseFileLimit()
	poll, err := newPoller()
	if err != nil {
		return Result{}, err
	}
	d := &driver{cfg: cfg, target: target, poll: poll, epoch: time.Now(), buf: make([]byte, 256<<10)}
	defer d.close()
	d.prepare()
	switch {
	case cfg.Idle:
		return d.runIdle(ctx)
	case cfg.Attention:
		return d.runAttention(ctx)
	}
	return d.run(ctx)
}

// prepare lays out sensors and devices, without connecting.
func (d *driver) prepare() {
	d.runID = fmt.Sprintf("%06x", time.Now().UnixNano()>>10&0xffffff)
	d.clock = clock{start: time.Now().UnixMicro(), rate: d.cfg.Rate}
	if d.cfg.saturated() {
		// At full speed a sensor's time runs faster than the clock, and
		// servers refuse what lies in the future.
		d.clock.start -= (14 * 24 * time.Hour).Microseconds()
	}
	d.dataPrefix = []byte(`[null,null,"data:bench-` + d.runID + `-`)
	for i := range d.cfg.Sensors {
		d.sensors = append(d.sensors, d.newSensor(i))
	}
}

func (d *driver) newSensor(i int) *sensor {
	s := &sensor{id: fmt.Sprintf("bench-%s-%05d", d.runID, i)}
	inFlight, remembered := int(d.cfg.Rate/float64(d.cfg.unit())*20), 16
	if d.cfg.saturated() {
		inFlight, remembered = 4*d.cfg.Window, 2*d.cfg.Window
		if d.cfg.Viewers > 0 {
			s.acks = make([]int32, powerOfTwo(4*d.cfg.Window))
		}
	}
	s.times = make([]time.Duration, powerOfTwo(max(inFlight, 64)))
	s.memo = make([]memo, powerOfTwo(remembered))
	for j := range s.memo {
		s.memo[j].samples.first = -1
	}
	return s
}

func powerOfTwo(n int) int { return 1 << bits.Len(uint(n-1)) }

// run is a scenario with devices that send.
func (d *driver) run(ctx context.Context) (Result, error) {
	if err := d.connectDevices(ctx); err != nil {
		return Result{}, err
	}
	if err := d.connectViewers(ctx, d.cfg.Viewers); err != nil {
		return Result{}, err
	}
	if err := d.connectStalled(ctx); err != nil {
		return Result{}, err
	}
	refused := d.target.refused(ctx)
	before, after, err := d.stream(ctx)
	if err != nil {
		return Result{}, err
	}
	drained := errors.Join(d.settle(ctx), d.drain(ctx), d.resumeStalled(ctx))
	if drained != nil && ctx.Err() == nil {
		d.faults.note("%v", drained)
	}
	result := d.result(before, after)
	if result.Refused = d.target.refused(ctx) - refused; result.Refused > 0 {
		result.Faults = append(result.Faults, fmt.Sprintf("the server did not take %d samples", result.Refused))
	}
	return result, ctx.Err()
}

func (d *driver) connectDevices(ctx context.Context) error {
	fds, err := d.target.dialAll(ctx, d.cfg.Sensors, false)
	if err != nil {
		return fmt.Errorf("connect devices: %w", err)
	}
	for i, fd := range fds {
		c, err := d.adopt(fd, fmt.Sprintf("device %d", i), false)
		if err != nil {
			closeAll(fds[i:])
			return err
		}
		dev := &device{d: d, conn: c, sensor: d.sensors[i], phase: d.cfg.phase(i)}
		dev.frames = newFrames(dev.sensor.id, d.burstSize(), d.cfg, d.clock)
		if d.cfg.Follow {
			dev.pace = newPace()
		}
		c.onText = dev.onText
		c.onBinary = func(p []byte, _ time.Duration) { d.binaryEvent(c, p) }
		d.devices = append(d.devices, dev)
		dev.join()
	}
	return d.joined(ctx, "join devices")
}

func (d *driver) binaryEvent(c *conn, p []byte) {
	m, err := decodeBinary(p)
	if err != nil {
		d.fault("%s: %v", c.name, err)
		return
	}
	d.event(c, m)
}

// burstSize is how many frames leave in one write: one where it is paced.
func (d *driver) burstSize() int {
	switch {
	case !d.cfg.saturated():
		return 1
	case d.cfg.Viewers == 0 && !d.cfg.Acked:
		return 32
	default: // also with acknowledgements
		return max(d.cfg.Window/4, 1)
	}
}

func (d *driver) connectViewers(ctx context.Context, n int) error {
	fds, err := d.target.dialAll(ctx, n, false)
	if err != nil {
		return fmt.Errorf("connect viewers: %w", err)
	}
	for i, fd := range fds {
		v, err := d.newViewer(fd, fmt.Sprintf("viewer %d", i))
		if err != nil {
			closeAll(fds[i+1:])
			return err
		}
		if d.cfg.PerViewer {
			v.latency = new(Histogram)
		}
		d.viewers = append(d.viewers, v)
		watched := d.watched(i)
		for _, n := range watched {
			d.sensors[n].viewers++
		}
		if d.cfg.Tiles != "" {
			v.joinTiles(watched)
		} else {
			v.join(watched)
		}
	}
	return d.joined(ctx, "join viewers")
}

func (d *driver) newViewer(fd int, name string) (*viewer, error) {
	c, err := d.adopt(fd, name, false)
	v := &viewer{d: d, conn: c}
	c.onText, c.onBinary = v.onText, v.onBinary
	return v, err
}

// watched spreads the viewers evenly over the sensors.
func (d *driver) watched(viewer int) []int {
	sensors := make([]int, d.cfg.Watch)
	for i := range sensors {
		sensors[i] = (viewer*d.cfg.Watch + i) % d.cfg.Sensors
	}
	return sensors
}

// joined waits until every join was answered with ok.
func (d *driver) joined(ctx context.Context, what string) error {
	missing := func() (n int64) {
		for _, c := range d.open {
			if !c.closed {
				n += int64(c.joins)
			}
		}
		return n
	}
	err := d.stepUntil(ctx, what, func() bool { return missing() == 0 }, missing)
	if err == nil && d.faults.errors+d.faults.disconnects > 0 {
		err = fmt.Errorf("%s: %v", what, d.faults.texts)
	}
	return err
}

// mark is where all counters stand at one time.
type mark struct {
	at                  time.Duration
	ingested, delivered int64
	batches             int64 // that devices sent
	bytes               int64 // to viewers
	server              usage
	driver              time.Duration
}

func (d *driver) mark() (mark, error) {
	u, err := processUsage(d.target.PID)
	m := mark{at: d.now(), ingested: d.ingestedNow(), delivered: d.delivered, bytes: d.toViewers(), server: u, driver: ownCPU()}
	for _, dev := range d.devices {
		m.batches += dev.batches
	}
	return m, err
}

// toViewers is how many bytes the viewers have read.
func (d *driver) toViewers() (n int64) {
	for _, v := range d.viewers {
		n += v.conn.received
	}
	return n
}

// ingestedNow counts what the server has certainly taken where devices run
// ahead of it, and otherwise what was sent.
func (d *driver) ingestedNow() int64 {
	var n int64
	for _, dev := range d.devices {
		if d.cfg.Acked {
			n += dev.acked * int64(d.cfg.Batch)
		} else if d.cfg.saturated() && d.cfg.Viewers == 0 {
			n += dev.ponged * int64(dev.frames.count*d.cfg.Batch)
		} else {
			n += dev.sensor.sent
		}
	}
	return n
}

// stream sends for warm-up and duration and returns the marks between which
// the figures lie.
func (d *driver) stream(ctx context.Context) (before, after mark, err error) {
	start := d.now()
	send := d.paced(start)
	switch {
	case d.cfg.saturated():
		send = d.flatOut()
	case d.cfg.Follow:
		send = d.asAsked(start)
	}
	if err = d.sendUntil(ctx, start+d.cfg.Warmup, send); err != nil {
		return
	}
	if before, err = d.mark(); err != nil {
		return
	}
	d.measuring = true
	if err = d.sendUntil(ctx, before.at+d.cfg.Duration, send); err != nil {
		return
	}
	d.measuring = false
	after, err = d.mark()
	for _, dev := range d.devices {
		d.calm(dev.conn)
		dev.conn.onWritable = nil
	}
	return
}

// sendUntil alternates between sending what is due and reading. send returns
// when it wants to be called again.
func (d *driver) sendUntil(ctx context.Context, end time.Duration, send func() time.Duration) error {
	const check = 50 * time.Millisecond
	var next time.Duration
	for {
		now := d.now()
		if now >= end {
			return nil
		}
		// In between the poller wakes up for what arrives: with a tick that
		// is no occasion to send.
		if now >= next || d.cfg.saturated() {
			next = send()
			now = d.now()
		}
		wake := min(next, end, now+check)
		if d.looks != nil {
			wake = min(wake, d.looks(now))
		}
		if err := errors.Join(ctx.Err(), d.step(wake-now)); err != nil {
			return err
		}
		d.heartbeat()
	}
}

// settle waits until the server has taken all that the devices sent.
func (d *driver) settle(ctx context.Context) error {
	for _, dev := range d.devices {
		if !dev.conn.closed {
			dev.ping()
		}
	}
	waiting := func() (n int64) {
		for _, dev := range d.devices {
			if !dev.conn.closed {
				n += dev.pings - dev.ponged + dev.unacked()
			}
		}
		return n
	}
	return d.stepUntil(ctx, "wait for the server to take everything", func() bool { return waiting() == 0 }, waiting)
}

// drain waits until the viewers have everything, or nothing comes any more.
func (d *driver) drain(ctx context.Context) error {
	return d.stepUntil(ctx, "wait for the viewers to get everything",
		func() bool { return !slices.ContainsFunc(d.viewers, (*viewer).behind) },
		func() int64 { return d.delivered })
}

// behind reports whether samples are on their way to the viewer.
func (v *viewer) behind() bool {
	if v.conn.closed {
		return false
	}
	for i, t := range v.tracks {
		if t != nil && t.next < v.d.sensors[i].sent {
			return true
		}
	}
	return false
}
