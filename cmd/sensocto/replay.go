package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/client"
	"github.com/sensocto/sensocto/recording"
)

type replayCmd struct {
	remoteFlags
	recordingFlags
	Start   string `placeholder:"TIME" help:"Time of the first sample (RFC 3339 or Unix ms). Default: now, or with --speed above 1 such that the last sample is now."`
	Speed   string `default:"1" help:"1: as recorded; N: N times as fast; max: as fast as the server stores it."`
	Loop    bool   `help:"Begin again at the end, until stopped."`
	Sensors int    `default:"1" placeholder:"N" help:"Bring N sensors with the same samples, ID-1 to ID-N."`
	Verbose bool   `short:"v" help:"Log what the connection does."`
}

// Help is shown by --help.
func (replayCmd) Help() string {
	return `Each signal becomes an attribute with its unit and rate; annotations become the attribute
"annotations". Sample i of a signal lies at start + i/rate. When the command exits with 0,
all of it is on the server's disk; what a broken connection lost was sent again.

` + recordingHelp + `

Examples:
  sensocto replay 100.hea
  sensocto replay 100.hea --speed max --start 2026-01-01T00:00:00Z
  sensocto replay sleep.edf --sensor-id bed-3 --speed 20
  sensocto replay 100.hea --loop --sensors 10 --server https://sensors.example.org`
}

// replaySpeed is how fast to send; 0 is as fast as possible.
type replaySpeed float64

func parseSpeed(text string) (replaySpeed, error) {
	if text == "max" {
		return 0, nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v > 0) || math.IsInf(v, 0) {
		return 0, usagef("--speed %q: use 1, a number greater than 0, or max", text)
	}
	return replaySpeed(v), nil
}

// faster reports whether the samples come faster than they were measured.
func (s replaySpeed) faster() bool { return s == 0 || s > 1 }

// Run replays every file to its sensors, all at the same time. One that fails
// does not stop the others.
func (c replayCmd) Run(a *app) error {
	speed, err := c.check()
	if err != nil {
		return err
	}
	r := &replayRun{cmd: c, app: a, speed: speed, progress: newProgress(a.stderr, c.Quiet)}
	r.failed.files = len(c.Files)
	defer r.close()
	if err := r.plan(); err != nil {
		return err
	}
	if len(r.jobs) == 0 {
		return r.failed.err()
	}
	r.play()
	return r.result()
}

func (c replayCmd) check() (replaySpeed, error) {
	speed, err := parseSpeed(c.Speed)
	switch {
	case err != nil:
		return 0, err
	case c.Sensors < 1:
		return 0, usagef("--sensors: must be at least 1")
	case c.Loop && speed.faster() && c.Start == "":
		return 0, usagef("--loop faster than recorded would run into the future: give a --start in the past, or use --speed 1")
	}
	return speed, nil
}

// startTime decides when the first sample was measured.
func (c replayCmd) startTime(j *replayJob, now int64) (err error) {
	j.start = now
	switch {
	case c.Start != "":
		if j.start, err = parseTime(c.Start); err != nil {
			return usagef("--start: %w", err)
		}
	case j.speed.faster():
		j.start = now - j.recording.Last
	}
	return nil
}

// replayJob is one sensor that is replayed.
type replayJob struct {
	cmd       replayCmd
	file      string
	recording *recording.Recording
	sensorID  string
	start     int64 // µs
	speed     replaySpeed
	progress  *progress

	device *client.Device
	stream *client.Stream
	began  time.Time
	offset int64 // of the present repetition, µs after start
	frame  frameBuilder
}

// String says what is replayed where to.
func (j *replayJob) String() string {
	r := j.recording
	return fmt.Sprintf("%s: %s, %v, from %s", j.sensorID, plural(int64(len(r.Signals)), "signal"), r.Duration.Round(time.Millisecond), formatTime(j.start))
}

func formatTime(micros int64) string {
	return time.UnixMicro(micros).UTC().Format("2006-01-02T15:04:05.000Z")
}

func (j *replayJob) samples() (n int64) {
	for _, s := range j.recording.Signals {
		n += s.Count
	}
	return n + int64(len(j.recording.Annotations))
}

// run sends the recording and waits until it is stored.
func (j *replayJob) run(a *app, ctx context.Context) (err error) {
	c, err := j.cmd.dial(a, client.Options{Log: a.logger(j.cmd.Verbose)})
	if err != nil {
		return err
	}
	defer c.Close()
	if j.device, err = c.Device(ctx, j.options()); err != nil {
		return err
	}
	if j.stream, err = j.device.Stream(client.StreamOptions{}); err != nil {
		return err
	}
	j.frame = frameBuilder{job: j}
	err = j.play(ctx)
	// Stopped by a signal or not: what was sent is to be on disk.
	wait := a.ctx
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		wait, cancel = context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
	}
	if waitErr := j.stream.Wait(wait); waitErr != nil && (err == nil || errors.Is(err, context.Canceled)) {
		err = fmt.Errorf("%s: %d batches were not acknowledged: %w", j.sensorID, j.stream.Unacknowledged(), waitErr)
	}
	leave, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = j.device.Close(leave) // everything is stored already
	return err
}

// options describe the recording as a sensor.
func (j *replayJob) options() client.DeviceOptions {
	r := j.recording
	o := client.DeviceOptions{ConnectorType: "replay"}
	o.SensorID, o.SensorName, o.SensorType = j.sensorID, sensocto.CleanText(r.Name), "recording"
	o.ConnectorID, o.ConnectorName = "replay", "sensocto replay"
	for _, s := range r.Signals {
		o.SamplingRate = max(o.SamplingRate, s.Rate)
		name := s.Name
		if name == "" {
			name = s.AttributeID
		}
		o.Attributes = append(o.Attributes, sensocto.Attribute{ID: s.AttributeID, Name: sensocto.CleanText(name), Unit: sensocto.CleanText(s.Unit), SamplingRate: s.Rate})
	}
	if len(r.Annotations) > 0 {
		o.Attributes = append(o.Attributes, sensocto.Attribute{ID: recording.AnnotationsID, Name: "Annotations"})
	}
	return o
}
