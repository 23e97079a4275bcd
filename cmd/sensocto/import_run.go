package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/recording"
)

// importRun goes through the files of one command.
type importRun struct {
	cmd      importCmd
	app      *app
	options  recording.Options
	files    []string // that are still to come
	progress *progress
	failed   fileFailures
	remarks  remarks
	total    sensocto.Imported
}

// next opens the next file that can be imported, nil behind the last. Whoever
// asked closes its recording.
func (r *importRun) next() *importJob {
	for len(r.files) > 0 {
		file := r.files[0]
		r.files = r.files[1:]
		j, err := r.open(file)
		if err == nil {
			return j
		}
		r.failed.add(r.progress, file, err)
	}
	return nil
}

func (r *importRun) open(file string) (*importJob, error) {
	opened, err := recording.OpenWith(file, r.options)
	if err != nil {
		return nil, err
	}
	j := &importJob{file: file, recording: opened, sensorID: r.cmd.sensorID(opened)}
	if j.start, err = r.cmd.startOf(j); err != nil {
		opened.Close()
		return nil, err
	}
	return j, nil
}

// all imports the files and says how it went.
func (r *importRun) all(first *importJob, open func(context.Context, *importJob) (importSink, error)) error {
	r.progress.start()
	for j := first; j != nil && r.app.ctx.Err() == nil; j = r.next() {
		r.one(j, open)
	}
	r.progress.finish()
	err := r.failed.err()
	switch {
	case r.app.ctx.Err() != nil:
		return errors.New("stopped; what is stored stays, and the same command goes on from there")
	case err != nil && r.failed.files > 1:
		r.progress.say("%s %s%s", importedText(r.total), r.progress.pace(), r.remarks)
		return err
	case err != nil && r.progress.sent.Load() > 0:
		return fmt.Errorf("%w\nWhat is stored stays: once the cause is gone, the same command goes on from there", err)
	case err != nil:
		return err
	}
	r.progress.say("%s %s%s", importedText(r.total), r.progress.pace(), r.remarks)
	return nil
}

// one imports a file.
func (r *importRun) one(j *importJob, open func(context.Context, *importJob) (importSink, error)) {
	defer j.recording.Close()
	r.progress.add(j.samples(), false)
	r.progress.say("%s", j)
	j.leftOut = r.remarks.add(r.progress, j.file, j.recording)
	done, err := j.run(r.app.ctx, r.progress, open)
	r.total.Stored += done.Stored
	r.total.Known += done.Known
	if err != nil && r.app.ctx.Err() == nil {
		r.failed.add(r.progress, j.file, err)
	}
}
