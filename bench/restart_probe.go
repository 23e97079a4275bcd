package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/client"
)

// restarted is a server that was just started, seen from outside.
type restarted struct {
	target Target
	began  time.Time
	result *RestartResult
	ready  chan struct{} // closed when it says that it is
}

// look is how often it is asked whether something has come about.
const look = 10 * time.Millisecond

// restartDevices send while all is read back, and again afterwards.
const restartDevices = 10

// since is how long ago the server was started.
func (r *restarted) since() float64 { return time.Since(r.began).Seconds() }

// measure asks everything at once: devices, a reader, and who looks at readiness.
func (r *restarted) measure(ctx context.Context) error {
	var asking sync.WaitGroup
	errs := make([]error, 3)
	for i, ask := range []func(context.Context) error{r.devices, r.reader, r.readiness} {
		asking.Go(func() { errs[i] = ask(ctx) })
	}
	asking.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	use, err := processUsage(r.target.PID)
	r.result.PeakRSSMiB = float64(use.peak) / (1 << 20)
	if err != nil {
		return err
	}
	over := make(chan struct{})
	time.AfterFunc(r.result.Config.Duration, func() { close(over) })
	r.result.AckAfter, err = r.acknowledge(ctx, "after", over)
	return err
}

// devices connects the first one as early as it can.
func (r *restarted) devices(ctx context.Context) error {
	c, d, err := r.connect(ctx, "first")
	if err != nil {
		return err
	}
	defer c.Close()
	r.result.Accepted = r.since()
	stream, err := d.Stream(client.StreamOptions{})
	if err == nil {
		err = acknowledgeOne(ctx, stream)
	}
	if err != nil {
		return err
	}
	r.result.Acknowledged = r.since()
	r.result.AckDuring, err = r.acknowledge(ctx, "during", r.ready)
	return err
}

// connect joins a sensor of its own, as soon as the server lets it.
func (r *restarted) connect(ctx context.Context, name string) (*client.Client, *client.Device, error) {
	for {
		c, err := client.Dial(ctx, r.target.URL, client.Options{Token: r.target.Token})
		if err == nil {
			var d *client.Device
			if d, err = c.Device(ctx, client.DeviceOptions{Registration: sensocto.Registration{SensorID: "probe-" + name}}); err == nil {
				return c, d, nil
			}
			c.Close()
		}
		if waited := pause(ctx, look); waited != nil {
			return nil, nil, errors.Join(waited, err)
		}
	}
}

func acknowledgeOne(ctx context.Context, s *client.Stream) error {
	batch := make([]sensocto.Measurement, 20)
	for i := range batch {
		batch[i] = sensocto.Measurement{AttributeID: storeAttribute, Sample: sensocto.Sample{Timestamp: time.Now().UnixMicro(), Value: float64(i)}}
	}
	if err := s.SendMeasurements(ctx, batch); err != nil {
		return err
	}
	return s.Wait(ctx)
}

// acknowledge has some devices send until something is over, each a batch of 20
// every 40 ms, and returns how long the answers took.
func (r *restarted) acknowledge(ctx context.Context, name string, over <-chan struct{}) (Latency, error) {
	times := make([]Histogram, restartDevices)
	errs := make([]error, restartDevices)
	var sending sync.WaitGroup
	for i := range restartDevices {
		sending.Go(func() { errs[i] = r.send(ctx, fmt.Sprint(name, "-", i), over, &times[i]) })
	}
	sending.Wait()
	var all Histogram
	for i := range times {
		all.Merge(&times[i])
	}
	return latencyOf(&all), errors.Join(errs...)
}

func (r *restarted) send(ctx context.Context, name string, over <-chan struct{}, times *Histogram) error {
	c, d, err := r.connect(ctx, name)
	if err != nil {
		return err
	}
	defer c.Close()
	stream, err := d.Stream(client.StreamOptions{})
	if err != nil {
		return err
	}
	tick := time.NewTicker(40 * time.Millisecond)
	defer tick.Stop()
	for {
		began := time.Now()
		if err := acknowledgeOne(ctx, stream); err != nil {
			return err
		}
		times.Record(time.Since(began), 1)
		select {
		case <-tick.C:
		case <-over:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// reader asks for the newest samples of a sensor that the journal alone has.
func (r *restarted) reader(ctx context.Context) error {
	path := fmt.Sprintf("/api/v1/sensors/bench-%05d/attributes/%s/measurements?order=desc&limit=20", 0, storeAttribute)
	for {
		body, err := r.target.get(ctx, r.target.URL+path)
		var page struct{ Measurements []json.RawMessage }
		if err == nil {
			err = json.Unmarshal(body, &page)
		}
		if err == nil && len(page.Measurements) == 20 {
			r.result.Read = r.since()
			return nil
		}
		if err := pause(ctx, look); err != nil {
			return err
		}
	}
}

// readiness waits until the server says that it is ready, and then until the
// newest samples are in its memory.
func (r *restarted) readiness(ctx context.Context) error {
	said := make(map[string]bool) // how far it was
	for r.result.Ready == 0 {
		body, err := r.target.get(ctx, r.target.URL+"/readyz")
		switch {
		case err == nil:
			r.result.Ready = r.since()
			close(r.ready)
		case strings.Contains(string(body), "%"):
			said[string(body)] = true
		}
		if err := pause(ctx, look); err != nil {
			return err
		}
	}
	r.result.Progress = len(said)
	for r.metric(ctx, "sensocto_store_refill_percent") < 100 {
		if err := pause(ctx, look); err != nil {
			return err
		}
	}
	r.result.Whole = r.since()
	return nil
}

// metric returns the value of a metric without labels, −1 where there is none.
func (r *restarted) metric(ctx context.Context, name string) float64 {
	body, _ := r.target.get(ctx, r.target.URL+"/metrics")
	for line := range strings.Lines(string(body)) {
		if text, ok := strings.CutPrefix(line, name+" "); ok {
			v, _ := strconv.ParseFloat(strings.TrimSpace(text), 64)
			return v
		}
	}
	return -1
}
