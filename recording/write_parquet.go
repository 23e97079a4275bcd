package recording

import (
	"context"
	"encoding/json"
	"io"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/sensocto/sensocto"
)

// parquetRow is a sample in a Parquet file. Either value or document is null.
type parquetRow struct {
	Time        int64    `parquet:"time,timestamp(microsecond),delta"`
	SensorID    string   `parquet:"sensor_id,dict"`
	AttributeID string   `parquet:"attribute_id,dict"`
	Value       *float64 `parquet:"value,optional"`
	Document    *string  `parquet:"document,optional"`
}

const (
	// parquetGroup is how many rows a row group has at most: what the writer
	// holds in memory.
	parquetGroup = 1 << 17
	// parquetBatch is how many rows are handed over at once.
	parquetBatch = 1 << 10
	// parquetKey is where the file's metadata describes sensor and attributes.
	parquetKey = "sensocto"
)

// parquetAbout is the JSON under parquetKey.
type parquetAbout struct {
	SensorID   string             `json:"sensor_id"`
	SensorName string             `json:"sensor_name"`
	Attributes []parquetAttribute `json:"attributes"`
}

type parquetAttribute struct {
	ID   string  `json:"id"`
	Name string  `json:"name,omitempty"`
	Type string  `json:"type,omitempty"`
	Unit string  `json:"unit"`
	Rate float64 `json:"rate"` // Hz, 0 where unknown
}

// parquetWriter writes one attribute after the other, each in row groups of
// its own and in order of time.
type parquetWriter struct{ export Export }

func newParquetWriter(e Export) *parquetWriter { return &parquetWriter{e} }

// Notes implements File: nothing is left out.
func (w *parquetWriter) Notes() []string { return nil }

// Close implements File.
func (w *parquetWriter) Close() error { return nil }

// Write implements File.
func (w *parquetWriter) Write(ctx context.Context, out io.Writer) error {
	e := &w.export
	about := parquetAbout{SensorID: e.SensorID, SensorName: e.SensorName, Attributes: []parquetAttribute{}}
	for _, a := range e.Attributes {
		about.Attributes = append(about.Attributes, parquetAttribute{a.ID, a.Name, a.Type, a.Unit, a.SamplingRate})
	}
	text, err := json.Marshal(about)
	if err != nil {
		return err
	}
	p := parquet.NewGenericWriter[parquetRow](out,
		parquet.Compression(&zstd.Codec{Level: zstd.SpeedFastest}), parquet.MaxRowsPerRowGroup(parquetGroup),
		parquet.KeyValueMetadata(parquetKey, string(text)), parquet.CreatedBy("sensocto", "", ""))
	rows := &parquetRows{out: p, sensor: e.SensorID}
	for _, a := range e.Attributes {
		err := e.each(ctx, a, func(s *sensocto.Sample) error { return rows.add(a.ID, s) })
		if err == nil {
			err = rows.flush()
		}
		if err == nil {
			err = p.Flush() // the next attribute has row groups of its own
		}
		if err != nil {
			return err
		}
	}
	return p.Close()
}

// parquetRows gathers rows, so that none is handed over alone.
type parquetRows struct {
	out       *parquet.GenericWriter[parquetRow]
	sensor    string
	rows      [parquetBatch]parquetRow
	values    [parquetBatch]float64
	documents [parquetBatch]string
	n         int
}

func (r *parquetRows) add(attribute string, s *sensocto.Sample) error {
	row := &r.rows[r.n]
	*row = parquetRow{Time: s.Timestamp, SensorID: r.sensor, AttributeID: attribute}
	if s.IsDocument() {
		r.documents[r.n] = string(s.Document)
		row.Document = &r.documents[r.n]
	} else {
		r.values[r.n] = s.Value
		row.Value = &r.values[r.n]
	}
	if r.n++; r.n == parquetBatch {
		return r.flush()
	}
	return nil
}

func (r *parquetRows) flush() error {
	_, err := r.out.Write(r.rows[:r.n])
	r.n = 0
	return err
}
