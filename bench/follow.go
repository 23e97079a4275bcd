package bench

import (
	"encoding/json"
	"time"

	"github.com/sensocto/sensocto"
)

// pace is what a device that follows the server was asked for last.
type pace struct {
	size   int
	window time.Duration
	high   bool // somebody looks closely
	paused bool
	flush  bool // what there is goes at once
	frames map[int]*frames
}

// newPace is that of a device that was asked for nothing yet.
func newPace() *pace {
	none := sensocto.BackpressureFor(sensocto.AttentionNone)
	return &pace{size: none.BatchSize, window: time.Duration(none.BatchWindowMS) * time.Millisecond, frames: make(map[int]*frames)}
}

// largestBatch is how many samples a device holds at most.
func (c Config) largestBatch() int {
	if c.Follow {
		return sensocto.BackpressureFor(sensocto.AttentionNone).BatchSize
	}
	return c.Batch
}

// phase is how long after the start device i of n takes its first sample: such
// that neither single samples nor batches of several devices fall together.
func (c Config) phase(i int) time.Duration {
	if c.Follow {
		whole := time.Duration(float64(c.largestBatch()+1) / c.Rate * float64(time.Second))
		return whole * time.Duration(i) / time.Duration(c.Sensors)
	}
	return c.period() * time.Duration(i) / time.Duration(c.Sensors)
}

// follow takes over what the server asks for.
func (dev *device) follow(payload []byte) {
	var config struct {
		Level  string `json:"attention_level"`
		Window int    `json:"recommended_batch_window"`
		Size   int    `json:"recommended_batch_size"`
		Paused bool   `json:"paused"`
	}
	if err := json.Unmarshal(payload, &config); err != nil || config.Size < 1 || config.Window < 1 {
		dev.d.fault("%s: backpressure_config %.200s: %v", dev.conn.name, payload, err)
		return
	}
	p, high := dev.pace, config.Level == sensocto.AttentionHigh.String()
	p.flush = p.flush || high && !p.high
	p.size, p.window, p.high, p.paused = config.Size, time.Duration(config.Window)*time.Millisecond, high, config.Paused
}

// asAsked has each device send as it was asked to: a batch when it has so many
// samples, or when the first of them is as old as its window.
func (d *driver) asAsked(start time.Duration) func() time.Duration {
	return func() time.Duration {
		next := d.now() + time.Second
		for _, dev := range d.devices {
			next = min(next, dev.sendDue(start))
		}
		return d.tick(next)
	}
}

// sendDue sends what is due, and returns when to look again.
func (dev *device) sendDue(start time.Duration) time.Duration {
	p, period := dev.pace, time.Duration(float64(time.Second)/dev.d.cfg.Rate)
	for {
		first := start + dev.phase + time.Duration(dev.sensor.sent)*period // when the next sample is taken
		due := min(first+time.Duration(p.size-1)*period, first+p.window)
		now := dev.d.now()
		if p.flush {
			p.flush, due = false, min(due, now)
		}
		switch {
		case p.paused || dev.conn.closed || len(dev.conn.out) > 0 || dev.exhausted():
			return now + time.Second/100
		case now < due || now < first:
			return max(due, first)
		}
		if dev.d.measuring {
			dev.d.lateness.Record(now-dev.d.tick(due), 1)
		}
		dev.frames = p.sized(dev, min(p.size, int((now-first)/period)+1))
		dev.burst()
	}
}

// sized returns the frame of so many samples.
func (p *pace) sized(dev *device, samples int) *frames {
	f := p.frames[samples]
	if f == nil {
		cfg := dev.d.cfg
		cfg.Batch = samples
		f = newFrames(dev.sensor.id, 1, cfg, dev.d.clock)
		p.frames[samples] = f
	}
	return f
}
