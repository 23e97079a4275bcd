package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	"github.com/sensocto/sensocto"
)

// Bounds on what an import holds before it is one transaction.
const (
	importChunks = 32
	importBytes  = 1 << 20
	// importKnown is how many samples that are there already are looked at at
	// once, about, of all attributes together.
	importKnown = 32 << 10
)

// ImportSkew is how far in the future a recording may reach.
const ImportSkew = 24 * time.Hour

// Import brings samples of one sensor, as they were recorded, straight to the
// cold tier: past the hot tier, in full chunks, each transaction a hundred
// thousand samples or so.
//
// What is there already is not stored again: a sample counts as there if its
// attribute had one of the same time and value when the import began. So an
// import that was ended by anything, at any moment, is repeated from the
// beginning, stores what is missing, and in the end everything is there once.
//
// It is for one goroutine, and only one import of a sensor may run at a time:
// of two, neither sees what the other brings.
type Import struct {
	store    *Store
	sensorID string
	series   []*importSeries // in the order of their first samples
	bySeries map[string]*importSeries
	batch    importBatch
	done     sensocto.Imported
	failed   error
}

// importSeries is the open chunk of one attribute.
type importSeries struct {
	attributeID string
	open        Columns
	textBytes   int   // of its documents
	last        int64 // timestamp
	known       knownSamples
}

// importBatch is sealed chunks without their numbers, and their data.
type importBatch struct {
	chunks []sensocto.Chunk
	data   []byte
}

// Import begins an import. What was added is stored when Flush returns, most
// of it before.
func (s *Store) Import(sensorID string) *Import {
	return &Import{store: s, sensorID: sensorID, bySeries: make(map[string]*importSeries)}
}

// Done returns what is certainly stored.
func (i *Import) Done() sensocto.Imported { return i.done }

// Add takes samples of one attribute, none older than the one before it. It
// copies them, but for the text of documents. After an error the import is
// over.
func (i *Import) Add(ctx context.Context, attributeID string, cols *Columns) error {
	if i.failed == nil {
		i.failed = i.add(ctx, attributeID, cols)
	}
	return i.failed
}

// Flush stores everything that was added.
func (i *Import) Flush(ctx context.Context) error {
	for _, r := range i.series {
		i.seal(r)
	}
	if i.failed == nil {
		i.failed = i.commit(ctx)
	}
	return i.failed
}

func (i *Import) add(ctx context.Context, attributeID string, cols *Columns) error {
	r, err := i.seriesOf(attributeID)
	if err != nil {
		return err
	}
	latest := time.Now().Add(ImportSkew).UnixMicro()
	documents := cols.Documents
	for k, t := range cols.Times {
		sample := sensocto.Sample{Timestamp: t, Value: cols.Values[k]}
		if len(documents) > 0 && documents[0].Index == k {
			sample.Document, documents = documents[0].Text, documents[1:]
		}
		if err := r.check(&sample, latest); err != nil {
			message := fmt.Sprintf("%s at %s: %s", attributeID, time.UnixMicro(t).UTC().Format(time.RFC3339Nano), err.Message)
			return &sensocto.Error{Code: err.Code, Reason: err.Reason, Message: message}
		}
		known, err := r.known.take(ctx, &sample)
		if err != nil {
			return err
		}
		if known {
			i.done.Known++
			continue
		}
		r.push(&sample)
		if !r.full() {
			continue
		}
		if err := i.sealAndCommit(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

func (i *Import) seriesOf(attributeID string) (*importSeries, error) {
	r := i.bySeries[attributeID]
	if r == nil {
		if err := i.admitSeries(attributeID); err != nil {
			return nil, err
		}
		r = &importSeries{attributeID: attributeID, last: math.MinInt64}
		r.known = knownSamples{more: true, read: func(ctx context.Context, q sensocto.Query) (sensocto.Page, error) {
			q.Limit = max(importKnown/len(i.series), 256)
			return i.store.Read(ctx, i.sensorID, attributeID, q)
		}}
		i.bySeries[attributeID] = r
		i.series = append(i.series, r)
	}
	return r, nil
}

// admitSeries returns an error if the series would be one too many.
func (i *Import) admitSeries(attributeID string) error {
	left := i.store.SeriesLeft()
	if left > int64(len(i.series)) || i.store.HasSeries(i.sensorID, attributeID) { // as nearly always
		return nil
	}
	for _, r := range i.series {
		if !i.store.HasSeries(i.sensorID, r.attributeID) {
			left--
		}
	}
	if left <= 0 {
		i.store.metrics.refusedSeries.Add(1)
		return sensocto.ErrTooManySeries
	}
	return nil
}

// check refuses what a device could not have sent either.
func (r *importSeries) check(s *sensocto.Sample, latest int64) *sensocto.Error {
	switch {
	case s.Timestamp < r.last:
		return &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "not_in_order", Message: "the measurements of an attribute must be in order of time"}
	case s.Timestamp < sensocto.MinTimestamp:
		return sensocto.ErrTooOld
	case s.Timestamp > latest:
		return sensocto.ErrInFuture
	case s.Document == nil && (math.IsNaN(s.Value) || math.IsInf(s.Value, 0)):
		return sensocto.ErrInvalidPayload
	case len(s.Document) > sensocto.MaxDocumentBytes:
		return sensocto.ErrPayloadTooLarge
	case s.Document != nil && (!json.Valid(s.Document) || !utf8.Valid(s.Document)): // json.Valid takes any bytes in strings
		return sensocto.ErrInvalidPayload
	}
	r.last = s.Timestamp
	return nil
}

func (r *importSeries) push(s *sensocto.Sample) {
	v := s.Value
	if s.Document != nil {
		v = math.NaN()
		r.open.Documents = append(r.open.Documents, Document{Index: len(r.open.Times), Text: s.Document})
		r.textBytes += len(s.Document)
	}
	r.open.Times, r.open.Values = append(r.open.Times, s.Timestamp), append(r.open.Values, v)
}

func (r *importSeries) full() bool {
	return len(r.open.Times) >= ChunkSamples || r.textBytes >= ChunkDocumentBytes
}

func (i *Import) sealAndCommit(ctx context.Context, r *importSeries) error {
	i.seal(r)
	if len(i.batch.chunks) < importChunks && len(i.batch.data) < importBytes {
		return nil
	}
	return i.commit(ctx)
}

// seal encodes the open chunk of a series.
func (i *Import) seal(r *importSeries) {
	if len(r.open.Times) == 0 {
		return
	}
	c := sensocto.Chunk{SensorID: i.sensorID, AttributeID: r.attributeID}
	describe(&c, &r.open)
	b := &i.batch
	start := len(b.data)
	b.data = i.store.codec.Append(b.data, &r.open)
	c.Data = b.data[start:len(b.data):len(b.data)]
	b.chunks = append(b.chunks, c)
	r.open.Reset()
	r.textBytes = 0
}

// commit writes the batch in one transaction.
func (i *Import) commit(ctx context.Context) error {
	if len(i.batch.chunks) == 0 {
		return nil
	}
	if err := i.store.writeImported(ctx, i.batch.chunks); err != nil {
		return err
	}
	for k := range i.batch.chunks {
		i.done.Stored += int64(i.batch.chunks[k].Count)
	}
	clear(i.batch.chunks)
	i.batch.chunks, i.batch.data = i.batch.chunks[:0], i.batch.data[:0]
	return nil
}
