package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/recording"
	"github.com/sensocto/sensocto/wire"
)

// maxFrameSamples bounds the samples of one frame: at most 256 KiB.
const maxFrameSamples = 1 << 15

// play sends the recording, again and again with --loop.
func (j *replayJob) play(ctx context.Context) error {
	j.began = time.Now()
	for {
		if err := j.pass(ctx); err != nil {
			return err
		}
		if !j.cmd.Loop {
			return nil
		}
		if j.recording.Duration <= 0 {
			return fmt.Errorf("%s has no duration: --loop cannot repeat it", j.recording.Name)
		}
		j.offset += j.recording.Duration.Microseconds()
		if err := j.recording.Rewind(); err != nil {
			return err
		}
	}
}

// pass sends the recording once.
func (j *replayJob) pass(ctx context.Context) error {
	for {
		block, err := j.recording.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := j.block(ctx, block); err != nil {
			return err
		}
	}
}

// block sends a block, as a whole at full speed and otherwise in windows, each
// when its last sample is due.
func (j *replayJob) block(ctx context.Context, b *recording.Block) error {
	for from := b.From; from < b.To; {
		to := b.To
		if j.speed > 0 {
			var err error
			if to, err = j.waitForWindow(ctx, from, to); err != nil {
				return err
			}
		}
		if to >= b.To {
			to = math.MaxInt64 // whatever a rounding left over
		}
		if err := j.frame.send(ctx, b, from, to); err != nil {
			return err
		}
		from = to
	}
	return ctx.Err()
}

// waitForWindow waits until a batch that begins at the offset from is due and
// returns where it ends, at most at to. It looks again all the while: when
// somebody begins to watch, the batch leaves at once.
func (j *replayJob) waitForWindow(ctx context.Context, from, to int64) (end int64, err error) {
	for {
		config := j.device.Backpressure()
		end = min(to, from+int64(float64(window(config).Microseconds())*float64(j.speed)))
		due := j.began.Add(time.Duration(float64(j.offset+end) / float64(j.speed) * float64(time.Microsecond)))
		wait := time.Until(due)
		if wait <= 0 && !config.Paused {
			return end, ctx.Err()
		}
		select {
		case <-time.After(min(max(wait, time.Millisecond), reconsider)):
		case <-j.device.Done():
			return 0, j.device.Err()
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// reconsider is how often a batch that waits is measured against what the
// server asks for now.
const reconsider = 20 * time.Millisecond

// window is how much time a batch covers: what the server asks for, but often
// enough for what is stored to be recent. A recording's batches are columns, as
// cheap with many samples as with one, so they are bounded by time alone.
func window(config sensocto.Backpressure) time.Duration {
	return min(max(time.Duration(config.BatchWindowMS)*time.Millisecond, 20*time.Millisecond), time.Second)
}

// frameBuilder gathers columns until they fill a frame.
type frameBuilder struct {
	job     *replayJob
	columns []wire.Column
	samples int
	raw     []int16
	times   []int64
}

// send sends what a block has in [from, to).
func (f *frameBuilder) send(ctx context.Context, b *recording.Block, from, to int64) error {
	for i := range b.Runs {
		r := &b.Runs[i]
		first, last := r.Before(from), len(r.Values)
		if from == b.From {
			first = 0
		}
		if to != math.MaxInt64 {
			last = r.Before(to)
		}
		for first < last {
			end := min(last, first+maxFrameSamples-f.samples)
			f.add(r, first, end)
			first = end
			if f.samples >= maxFrameSamples {
				if err := f.flush(ctx); err != nil {
					return err
				}
			}
		}
	}
	if err := f.flush(ctx); err != nil {
		return err
	}
	if from == b.From {
		from = math.MinInt64 // the first block has those before the start
	}
	return f.documents(ctx, b, from, to)
}

// add makes a column of the values [first, last) of a run.
func (f *frameBuilder) add(r *recording.Run, first, last int) {
	s := &f.job.recording.Signals[r.Signal]
	origin := f.job.start + f.job.offset
	c := wire.Column{AttributeID: s.AttributeID, Origin: origin + r.Origin, First: uint64(r.First + int64(first)), Rate: r.Rate}
	if r.Times != nil || r.First < 0 {
		at := len(f.times)
		for k := first; k < last; k++ {
			f.times = append(f.times, origin+r.Offset(k))
		}
		c.Timestamps = f.times[at:]
	}
	switch {
	case r.Raw != nil && s.Digital && s.Bits <= 16:
		at := len(f.raw)
		for _, v := range r.Raw[first:last] {
			f.raw = append(f.raw, int16(v))
		}
		c.Int16, c.Baseline, c.Gain = f.raw[at:], s.Baseline, s.Gain
	case r.Raw != nil && s.Digital:
		c.Int32, c.Baseline, c.Gain = r.Raw[first:last], s.Baseline, s.Gain
	default:
		c.Float64 = r.Values[first:last]
	}
	f.columns = append(f.columns, c)
	f.samples += last - first
}

func (f *frameBuilder) flush(ctx context.Context) error {
	if f.samples == 0 {
		return nil
	}
	err := f.job.stream.SendColumns(ctx, f.columns...)
	if err == nil {
		f.job.progress.sent.Add(int64(f.samples))
	}
	f.columns, f.samples = f.columns[:0], 0
	f.raw, f.times = f.raw[:0], f.times[:0]
	return err
}

// documents sends the samples and annotations in [from, to) that are no numbers.
func (f *frameBuilder) documents(ctx context.Context, b *recording.Block, from, to int64) error {
	origin := f.job.start + f.job.offset
	var batch []sensocto.Measurement
	add := func(attributeID string, offset int64, text []byte) {
		if offset >= from && offset < to {
			batch = append(batch, sensocto.Measurement{AttributeID: attributeID, Sample: sensocto.Sample{Timestamp: origin + offset, Document: text}})
		}
	}
	for _, d := range b.Documents {
		add(f.job.recording.Signals[d.Signal].AttributeID, d.Offset, d.JSON)
	}
	for _, a := range b.Annotations {
		if a.Offset >= from && a.Offset < to {
			add(recording.AnnotationsID, a.Offset, a.Document())
		}
	}
	for len(batch) > 0 {
		n := documentsOfFrame(batch)
		if err := f.job.stream.SendMeasurements(ctx, batch[:n]); err != nil {
			return err
		}
		f.job.progress.sent.Add(int64(n))
		batch = batch[n:]
	}
	return nil
}

// documentsOfFrame returns how many of the measurements go into one frame: at
// most 1000, and 256 KiB unless one has more.
func documentsOfFrame(batch []sensocto.Measurement) (n int) {
	for bytes := 0; n < min(len(batch), 1000); n++ {
		if bytes += len(batch[n].Document); bytes > 256<<10 && n > 0 {
			break
		}
	}
	return n
}
