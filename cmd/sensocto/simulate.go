package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/client"
	"github.com/sensocto/sensocto/sim"
)

type simulateCmd struct {
	remoteFlags
	Sensors  int           `default:"1" placeholder:"N" help:"How many sensors."`
	Rate     float64       `default:"512" placeholder:"HZ" help:"Sampling rate of the ECG, default ${default}."`
	Noise    float64       `default:"0.01" placeholder:"MV" help:"Standard deviation of the noise on the ECG in mV, default ${default}."`
	Scenario string        `default:"ecg" placeholder:"NAME" help:"What a sensor sends: ecg, vitals, wearable, imu, glasses or all."`
	Seed     uint64        `placeholder:"N" help:"The same seed gives the same values; sensor i has seed N+i."`
	Duration time.Duration `placeholder:"TIME" help:"Stop after this; default never."`
	Prefix   string        `default:"sim" help:"Sensors are named PREFIX-1 and so on."`
	Quiet    bool          `short:"q" help:"Say nothing but errors."`
	Verbose  bool          `short:"v" help:"Log what the connections do."`
}

// Help is shown by --help.
func (simulateCmd) Help() string {
	var b strings.Builder
	b.WriteString("Every sensor has a connection of its own and sends in batches of the size and at the pace\nthat the server asks for: more often while somebody watches. What the server has not\nacknowledged is sent again after an interruption.\n\nScenarios:\n")
	for _, name := range sim.Scenarios() {
		fmt.Fprintf(&b, "  %-10s %s\n", name, sim.Describe(name))
	}
	b.WriteString("\nExamples:\n  sensocto simulate\n  sensocto simulate --sensors 20 --scenario vitals --duration 10m\n  sensocto simulate --scenario wearable --seed 7 --prefix watch")
	return b.String()
}

// simulation is what the devices share.
type simulation struct {
	cmd           simulateCmd
	app           *app
	sent, refused atomic.Int64 // measurements
}

// Run brings the sensors until the duration is over or it is stopped.
func (c simulateCmd) Run(a *app) error {
	switch {
	case c.Sensors < 1:
		return usagef("--sensors: must be at least 1")
	case !sensocto.ValidID(c.Prefix + "-1"):
		return usagef("--prefix %q: an id has the characters A-Z a-z 0-9 . _ : -", c.Prefix)
	}
	if _, err := c.device(0); err != nil {
		return usageError{err}
	}
	ctx, cancel := context.WithCancel(a.ctx)
	defer cancel()
	if c.Duration > 0 {
		ctx, cancel = context.WithTimeout(ctx, c.Duration)
		defer cancel()
	}
	s := &simulation{cmd: c, app: a}
	s.say("%d sensors %s-1…, scenario %s: %s", c.Sensors, c.Prefix, c.Scenario, sim.Describe(c.Scenario))
	began := time.Now()
	errs := make([]error, c.Sensors)
	var all sync.WaitGroup
	for i := range c.Sensors {
		all.Go(func() {
			if errs[i] = s.sensor(ctx, i); errs[i] != nil {
				cancel()
			}
		})
	}
	all.Wait()
	s.say("%d measurements sent in %v, %d refused because the server took none", s.sent.Load(), time.Since(began).Round(time.Millisecond), s.refused.Load())
	return c.explain(firstFailure(errs))
}

// firstFailure is the reason why all ended: the others were only stopped.
func firstFailure(errs []error) error {
	for _, err := range errs {
		if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	}
	return nil
}

func (s *simulation) say(format string, args ...any) {
	if !s.cmd.Quiet {
		fmt.Fprintf(s.app.stderr, format+"\n", args...)
	}
}

func (c simulateCmd) device(i int) (*sim.Device, error) {
	return sim.New(sim.Options{Scenario: c.Scenario, Rate: c.Rate, Seed: c.Seed + uint64(i), Noise: c.Noise, Float32: true})
}

// sensor brings one sensor.
func (s *simulation) sensor(ctx context.Context, i int) error {
	source, err := s.cmd.device(i)
	if err != nil {
		return err
	}
	c, err := s.cmd.dialWithin(ctx, s.app, client.Options{Log: s.app.logger(s.cmd.Verbose)})
	if err != nil {
		return err
	}
	defer c.Close()
	id := fmt.Sprintf("%s-%d", s.cmd.Prefix, i+1)
	device, err := c.Device(ctx, s.options(id, source))
	if err != nil {
		return err
	}
	err = s.feed(ctx, device, source)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err == nil {
		err = device.Sync(last)
	}
	_ = device.Close(last) // gone either way
	s.refused.Add(c.Stats().Refused)
	return err
}

func (s *simulation) options(id string, source *sim.Device) client.DeviceOptions {
	o := client.DeviceOptions{ConnectorType: "simulator", Acknowledged: true}
	o.SensorID, o.SensorName, o.SensorType = id, id, s.cmd.Scenario
	o.ConnectorID, o.ConnectorName = "simulator", "sensocto simulate"
	for _, signal := range source.Signals {
		o.SamplingRate = max(o.SamplingRate, signal.Rate)
		o.Attributes = append(o.Attributes, sensocto.Attribute{
			ID: signal.ID, Name: signal.Name, Type: signal.Type, Unit: signal.Unit, SamplingRate: signal.Rate,
		})
	}
	o.OnBackpressure = func(b sensocto.Backpressure) {
		s.say("%s: attention %s, batches of %d or %d ms, paused %v", id, b.AttentionLevel, b.BatchSize, b.BatchWindowMS, b.Paused)
	}
	return o
}

// feed adds samples as they become due, until ctx ends.
func (s *simulation) feed(ctx context.Context, device *client.Device, source *sim.Device) error {
	start := time.Now()
	origin := start.UnixMicro()
	var due []sensocto.Measurement
	for {
		due = due[:0]
		source.Advance(time.Since(start).Microseconds(), func(x sim.Sample) {
			due = append(due, sensocto.Measurement{AttributeID: x.Signal.ID, Sample: sensocto.Sample{
				Timestamp: origin + x.Offset, Value: x.Value, Document: x.Document,
			}})
		})
		// What a full queue refuses is lost, as it would be on a small device.
		switch err := device.Add(due...); {
		case err == nil:
			s.sent.Add(int64(len(due)))
		case !errors.Is(err, client.ErrQueueFull):
			return err
		}
		select {
		case <-time.After(pace(device.Backpressure())):
		case <-device.Done():
			return device.Err()
		case <-ctx.Done():
			return nil
		}
	}
}

// pace is how often to look for due samples: often enough for the window.
func pace(b sensocto.Backpressure) time.Duration {
	window := time.Duration(b.BatchWindowMS) * time.Millisecond
	return min(max(window/2, 10*time.Millisecond), 250*time.Millisecond)
}
