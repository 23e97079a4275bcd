package bench

import "time"

// paced sends each batch when its last sample is due, from start on. The
// devices' phases are spread evenly, so they take turns.
func (d *driver) paced(start time.Duration) func() time.Duration {
	period, turn := d.cfg.period(), 0
	return func() time.Duration {
		for range len(d.devices) {
			dev := d.devices[turn]
			due := start + dev.phase + time.Duration(dev.sensor.sent/int64(d.cfg.Batch))*period
			now := d.now()
			if now < due {
				return d.tick(due)
			}
			// A device that the server held back catches up at its turn.
			for now >= due && len(dev.conn.out) == 0 && !dev.conn.closed {
				if d.measuring {
					d.lateness.Record(now-d.tick(due), 1)
				}
				dev.burst()
				due += period
			}
			turn = (turn + 1) % len(d.devices)
		}
		return d.now()
	}
}

// tick rounds a time up to when the driver looks again.
func (d *driver) tick(t time.Duration) time.Duration {
	if d.cfg.Tick == 0 {
		return t
	}
	return (t + d.cfg.Tick - 1) / d.cfg.Tick * d.cfg.Tick
}

// flatOut sends as fast as the server takes it: with viewers a window of
// batches that they have not received yet, without them until TCP, or a bound
// on what the server has not answered, says stop.
func (d *driver) flatOut() func() time.Duration {
	const never = time.Duration(1) << 62
	if d.cfg.Viewers > 0 {
		return func() time.Duration {
			for _, dev := range d.devices {
				d.fillWindow(dev)
			}
			return never
		}
	}
	if d.cfg.Acked {
		for _, dev := range d.devices {
			dev.conn.onWritable = dev.fillAcked
			dev.fillAcked()
		}
		return func() time.Duration { return never }
	}
	for _, dev := range d.devices {
		dev.conn.onWritable = func() { dev.fillPipe() }
		dev.conn.eager = true
		d.waitToWrite(dev.conn, true)
	}
	return func() time.Duration { return never }
}

func (d *driver) fillWindow(dev *device) {
	s := dev.sensor
	for len(dev.conn.out) == 0 && !dev.conn.closed && !dev.exhausted() &&
		s.sent/int64(d.cfg.Batch)-s.acked+int64(dev.frames.count) <= int64(d.cfg.Window) {
		dev.burst()
	}
}

// unanswered bounds the bursts of a device whose ping has no reply yet, so
// that the end of a run does not find minutes of work in kernel buffers.
const unanswered = 16

func (dev *device) fillPipe() {
	if dev.pings-dev.ponged >= unanswered || dev.exhausted() {
		dev.d.calm(dev.conn)
		return
	}
	dev.burst()
	dev.ping()
}

// onPong: the server has taken a burst; there is room for another one.
func (dev *device) onPong() {
	dev.ponged++
	if dev.conn.onWritable != nil && !dev.conn.eager {
		dev.conn.eager = true
		dev.d.waitToWrite(dev.conn, true)
	}
}

// exhausted reports whether the sensor's samples have no number left.
func (dev *device) exhausted() bool {
	return dev.sensor.sent+int64(dev.frames.count*dev.d.cfg.Batch) > maxSeq
}
