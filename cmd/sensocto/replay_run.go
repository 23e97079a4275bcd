package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/sensocto/sensocto/recording"
)

// replayRun replays the files of one command.
type replayRun struct {
	cmd      replayCmd
	app      *app
	speed    replaySpeed
	jobs     []*replayJob
	progress *progress
	failed   fileFailures
	remarks  remarks
}

// plan opens the files, once for each sensor, and decides the times.
func (r *replayRun) plan() error {
	options, err := r.cmd.options()
	if err != nil {
		return err
	}
	taken := make(map[string]string)
	for _, file := range r.cmd.Files {
		for n := range r.cmd.Sensors {
			j, err := r.open(file, n, options)
			if err != nil {
				r.failed.add(r.progress, file, err)
				break
			}
			r.jobs = append(r.jobs, j)
			if other, ok := taken[j.sensorID]; ok {
				return usagef("%s and %s would both be sensor %s: replay them one by one with --sensor-id", other, file, j.sensorID)
			}
			taken[j.sensorID] = file
		}
	}
	now := time.Now().UnixMicro()
	for _, j := range r.jobs {
		if err := r.cmd.startTime(j, now); err != nil {
			return err
		}
	}
	return nil
}

// open opens a file for its sensor number n.
func (r *replayRun) open(file string, n int, options recording.Options) (*replayJob, error) {
	opened, err := recording.OpenWith(file, options)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		r.remarks.add(r.progress, file, opened)
	}
	id := r.cmd.sensorID(opened)
	if r.cmd.Sensors > 1 {
		suffix := "-" + strconv.Itoa(n+1)
		id = id[:min(len(id), 128-len(suffix))] + suffix
	}
	return &replayJob{cmd: r.cmd, file: file, recording: opened, sensorID: id, speed: r.speed, progress: r.progress}, nil
}

func (r *replayRun) close() {
	for _, j := range r.jobs {
		j.recording.Close()
	}
}

func (r *replayRun) play() {
	for _, j := range r.jobs {
		r.progress.add(j.samples(), r.cmd.Loop)
		r.progress.say("%s", j)
	}
	r.progress.start()
	var all sync.WaitGroup
	for _, j := range r.jobs {
		all.Go(func() {
			if err := j.run(r.app, r.app.ctx); err != nil && !errors.Is(err, context.Canceled) {
				r.failed.add(r.progress, j.file, r.cmd.explain(err))
			}
		})
	}
	all.Wait()
	r.progress.finish()
}

// result says how it ended. Stopped by a signal it is a failure unless it had
// no end of its own: whoever waits for exit code 0 wants all of it stored.
func (r *replayRun) result() error {
	p := r.progress
	if err := r.failed.err(); err != nil {
		p.say("%s%s", p.summary(), r.remarks)
		return err
	}
	if r.app.ctx.Err() != nil && !r.cmd.Loop {
		return fmt.Errorf("stopped: %s", p.summary())
	}
	p.say("%s%s", p.stored(), r.remarks)
	return nil
}
