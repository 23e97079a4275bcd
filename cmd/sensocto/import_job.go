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
	start     int64          // µs
	leftOut   int            // kinds of things that the file holds and the recording does not
	open      []importColumn // of the signals
	notes     importColumn
	sink      importSink
	progress  *progress
}

// importColumn is the open chunk of an attribute.
type importColumn struct {
	attributeID string
	store.Columns
	textBytes int // of its documents
}

// String says what is imported as what.
func (j *importJob) String() string {
	r := j.recording
	return fmt.Sprintf("%s: %s, %v, from %s", j.sensorID, plural(int64(len(r.Signals)), "signal"), r.Duration.Round(time.Millisecond), formatTime(j.start))
}

func (j *importJob) samples() (n int64) {
	for _, s := range j.recording.Signals {
		n += s.Count
	}
	return n + int64(len(j.recording.Annotations))
}

// manifest describes the recording as a sensor.
func (j *importJob) manifest() importManifest {
	m := importManifest{Name: sensocto.CleanText(j.recording.Name), Type: "recording", LeftOut: j.leftOut}
	for _, s := range j.recording.Signals {
		m.Rate = max(m.Rate, s.Rate)
		m.Attributes = append(m.Attributes, importAttribute{ID: s.AttributeID, Name: sensocto.CleanText(cmp.Or(s.Name, s.AttributeID)), Unit: sensocto.CleanText(s.Unit), Rate: s.Rate})
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
	j.progress, j.open = p, make([]importColumn, len(j.recording.Signals))
	for i, s := range j.recording.Signals {
		j.open[i].attributeID = s.AttributeID
	}
	j.notes.attributeID = recording.AnnotationsID
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
		if err := j.block(ctx, b); err != nil {
			return err
		}
	}
}

// block adds what a block holds: the samples of each signal in order of time.
func (j *importJob) block(ctx context.Context, b *recording.Block) error {
	documents := b.Documents
	for i := range b.Runs {
		if err := j.add(ctx, &b.Runs[i], &documents); err != nil {
			return err
		}
	}
	if err := j.addDocuments(ctx, &documents, len(j.open), 0); err != nil {
		return err
	}
	for i := range b.Annotations {
		a := &b.Annotations[i]
		if err := j.addDocument(ctx, &j.notes, j.start+a.Offset, a.Document()); err != nil {
			return err
		}
	}
	return nil
}

// add adds a run to its signal's open chunk, and passes on what is full. The
// documents before it are added first.
func (j *importJob) add(ctx context.Context, r *recording.Run, documents *[]recording.Document) error {
	cols := &j.open[r.Signal]
	for k, v := range r.Values {
		at := r.Offset(k)
		if len(*documents) > 0 {
			if err := j.addDocuments(ctx, documents, r.Signal, at); err != nil {
				return err
			}
		}
		cols.Times = append(cols.Times, j.start+at)
		cols.Values = append(cols.Values, v)
		if len(cols.Times) == store.ChunkSamples {
			if err := j.pass(ctx, cols); err != nil {
				return err
			}
		}
	}
	return nil
}

// addDocuments adds the documents of the signals before one, and its own up to
// an offset.
func (j *importJob) addDocuments(ctx context.Context, documents *[]recording.Document, signal int, upTo int64) error {
	for len(*documents) > 0 {
		d := &(*documents)[0]
		if d.Signal > signal || d.Signal == signal && d.Offset > upTo {
			return nil
		}
		if err := j.addDocument(ctx, &j.open[d.Signal], j.start+d.Offset, d.JSON); err != nil {
			return err
		}
		*documents = (*documents)[1:]
	}
	return nil
}

// addDocument adds a sample that is no number. The text is kept.
func (j *importJob) addDocument(ctx context.Context, cols *importColumn, at int64, text []byte) error {
	cols.Documents = append(cols.Documents, store.Document{Index: len(cols.Times), Text: text})
	cols.Times, cols.Values = append(cols.Times, at), append(cols.Values, math.NaN())
	if cols.textBytes += len(text); cols.textBytes < store.ChunkDocumentBytes && len(cols.Times) < store.ChunkSamples {
		return nil
	}
	return j.pass(ctx, cols)
}

// rest passes on the open chunks and ends the import.
func (j *importJob) rest(ctx context.Context) error {
	for i := range j.open {
		if err := j.pass(ctx, &j.open[i]); err != nil {
			return err
		}
	}
	return j.pass(ctx, &j.notes)
}

func (j *importJob) pass(ctx context.Context, cols *importColumn) error {
	if len(cols.Times) == 0 {
		return nil
	}
	err := j.sink.add(ctx, cols.attributeID, &cols.Columns)
	j.progress.sent.Add(int64(len(cols.Times)))
	cols.Reset()
	cols.textBytes = 0
	return err
}
