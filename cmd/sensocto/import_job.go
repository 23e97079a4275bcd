package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/recording"
	"github.com/sensocto/sensocto/store"
)

// importSink is where a recording goes: a store in this process, or a server.
type importSink interface {
	// add takes samples of one attribute, at most a chunk.
	add(ctx context.Context, attributeID string, cols *store.Columns) error
	// finish returns when all samples are on disk.
	finish(ctx context.Context) error
	// done is what is certainly stored.
	done() sensocto.Imported
	// close ends what finish did not; it may be called twice.
	close()
}

// importJob is one recording that is imported.
type importJob struct {
	file      string
	recording *recording.Recording
	sensorID  string
	start     int64 // µs
	open      []store.Columns
	notes     store.Columns
	noteBytes int
	sink      importSink
	progress  *progress
}

// String says what is imported as what.
func (j *importJob) String() string {
	r := j.recording
	return fmt.Sprintf("%s: %d signals, %v, from %s", j.sensorID, len(r.Signals), r.Duration.Round(time.Millisecond), formatTime(j.start))
}

func (j *importJob) samples() (n int64) {
	for _, s := range j.recording.Signals {
		n += s.Count
	}
	return n + int64(len(j.recording.Annotations))
}

// manifest describes the recording as a sensor.
func (j *importJob) manifest() importManifest {
	m := importManifest{Name: j.recording.Name, Type: "recording"}
	for _, s := range j.recording.Signals {
		m.Rate = max(m.Rate, s.Rate)
		m.Attributes = append(m.Attributes, importAttribute{ID: s.AttributeID, Name: cmp.Or(s.Name, s.AttributeID), Unit: s.Unit, Rate: s.Rate})
	}
	if len(j.recording.Annotations) > 0 {
		m.Attributes = append(m.Attributes, importAttribute{ID: recording.AnnotationsID, Name: "Annotations"})
	}
	return m
}

// run brings the recording to a sink.
func (j *importJob) run(ctx context.Context, p *progress, open func(context.Context, *importJob) (importSink, error)) (sensocto.Imported, error) {
	var err error
	if j.sink, err = open(ctx, j); err != nil {
		return sensocto.Imported{}, err
	}
	defer j.sink.close()
	j.progress, j.open = p, make([]store.Columns, len(j.recording.Signals))
	if err = j.read(ctx); err == nil {
		err = j.sink.finish(ctx)
	}
	return j.sink.done(), err
}

func (j *importJob) read(ctx context.Context) error {
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		b, err := j.recording.Next()
		if err == io.EOF {
			return j.rest(ctx)
		}
		if err != nil {
			return err
		}
		for i := range b.Runs {
			if err := j.add(ctx, &b.Runs[i]); err != nil {
				return err
			}
		}
		for i := range b.Annotations {
			if err := j.note(ctx, &b.Annotations[i]); err != nil {
				return err
			}
		}
	}
}

// add adds a run to its signal's open chunk, and passes on what is full.
func (j *importJob) add(ctx context.Context, r *recording.Run) error {
	cols := &j.open[r.Signal]
	for k, v := range r.Values {
		cols.Times = append(cols.Times, j.start+r.Offset(k))
		cols.Values = append(cols.Values, v)
		if len(cols.Times) == store.ChunkSamples {
			if err := j.pass(ctx, j.recording.Signals[r.Signal].AttributeID, cols); err != nil {
				return err
			}
		}
	}
	return nil
}

func (j *importJob) note(ctx context.Context, a *recording.Annotation) error {
	text := a.Document()
	j.notes.Documents = append(j.notes.Documents, store.Document{Index: len(j.notes.Times), Text: text})
	j.notes.Times, j.notes.Values = append(j.notes.Times, j.start+a.Offset), append(j.notes.Values, math.NaN())
	if j.noteBytes += len(text); j.noteBytes < store.ChunkDocumentBytes && len(j.notes.Times) < store.ChunkSamples {
		return nil
	}
	return j.pass(ctx, recording.AnnotationsID, &j.notes)
}

// rest passes on the open chunks and ends the import.
func (j *importJob) rest(ctx context.Context) error {
	for i := range j.open {
		if err := j.pass(ctx, j.recording.Signals[i].AttributeID, &j.open[i]); err != nil {
			return err
		}
	}
	return j.pass(ctx, recording.AnnotationsID, &j.notes)
}

func (j *importJob) pass(ctx context.Context, attributeID string, cols *store.Columns) error {
	if len(cols.Times) == 0 {
		return nil
	}
	err := j.sink.add(ctx, attributeID, cols)
	j.progress.sent.Add(int64(len(cols.Times)))
	cols.Reset()
	if attributeID == recording.AnnotationsID {
		j.noteBytes = 0
	}
	return err
}
