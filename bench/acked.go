package bench

import (
	"bytes"
	"strconv"
	"time"
)

// In the scenario ingest-acked the devices send acknowledged batches, and each
// has a bounded number of them on its way, as the Go client has.

// unacked is how many batches of a device the server has not confirmed.
func (dev *device) unacked() int64 {
	if !dev.d.cfg.Acked {
		return 0
	}
	return dev.sensor.sent/int64(dev.d.cfg.Batch) - dev.acked
}

// fillAcked sends while there is room in the device's window.
func (dev *device) fillAcked() {
	for len(dev.conn.out) == 0 && !dev.conn.closed && !dev.exhausted() &&
		dev.unacked()+int64(dev.frames.count) <= int64(dev.d.cfg.Window) {
		dev.burst()
	}
}

// onStored: the server says that a batch is on its disk. It says so of each
// once and in order.
func (dev *device) onStored(reply []byte, now time.Duration) {
	if !dev.d.cfg.Acked {
		return
	}
	if seq := replySeq(reply); seq != dev.acked+1 {
		dev.d.fault("%s: batch %d was confirmed after batch %d", dev.conn.name, seq, dev.acked)
	}
	if s := dev.sensor; dev.d.measuring {
		dev.d.latency.Record(now-s.times[dev.acked&int64(len(s.times)-1)], dev.d.cfg.Batch)
	}
	dev.acked++
	if dev.conn.onWritable != nil {
		dev.fillAcked()
	}
}

// replySeq returns the number in the reply to an acknowledged batch, 0 where
// there is none.
func replySeq(reply []byte) int64 {
	_, rest, _ := bytes.Cut(reply, []byte(`"seq":`))
	digits := bytes.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	seq, _ := strconv.ParseInt(string(rest[:max(digits, 0)]), 10, 64) // 0 where it is none
	return seq
}

// WithoutAcks makes a configuration the same in which nothing is acknowledged.
func WithoutAcks(c *Config) { c.Acked = false }

// AckedRatio is the rate of acknowledged batches as a part of that of the same
// run of batches without; 0 where both were not measured.
func (r Report) AckedRatio() float64 {
	if !r.Config.Acked || len(r.Results) < 2 || r.Results[1].Median.IngestPerSecond == 0 {
		return 0
	}
	return r.Results[0].Median.IngestPerSecond / r.Results[1].Median.IngestPerSecond
}
