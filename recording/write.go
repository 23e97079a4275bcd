package recording

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/sensocto/sensocto"
)

// Formats that are written: see Export.Prepare.
const FormatParquet Format = "parquet"

// Export is what is to be written as a file: attributes of one sensor.
type Export struct {
	SensorID, SensorName string
	// Attributes are what is written. Their ids, units and rates become the
	// names, units and rates of signals.
	Attributes []sensocto.Attribute
	// Read reads samples as a sensocto.Store does.
	Read func(ctx context.Context, sensorID, attributeID string, q sensocto.Query) (sensocto.Page, error)
	// From (inclusive) and To (exclusive) bound the timestamps, in µs; To 0
	// means no end.
	From, To int64
	// Name is the record's name in a WFDB header and of its files; default the
	// sensor's id.
	Name string
	// Resample, in Hz, puts every attribute on a regular grid of that rate,
	// interpolated linearly. 0 refuses, for EDF and WFDB, what is irregular.
	Resample float64
	// TempDir holds the samples between the passes of formats that need
	// several; default os.TempDir.
	TempDir string
	// MaxTemp bounds what is put there, in bytes; default 8 GiB.
	MaxTemp int64
}

// File is an export that can be written: whatever may be refused has been.
type File interface {
	// Notes say what of the source the file does not hold, in sentences for
	// whoever asked for it. They are complete before Write.
	Notes() []string
	// Write writes the file, once.
	Write(ctx context.Context, w io.Writer) error
	// Close releases what the export holds. It may be called twice.
	Close() error
}

// maxResample is the highest rate to resample to, in Hz: a finer grid would have
// several samples at the same time.
const maxResample = 1e6

// ErrEmpty says that there is nothing to export.
var ErrEmpty = &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "empty", Message: "there are no measurements to export in this range"}

// refused is an error of whoever asked: the format cannot hold the data.
func refused(format string, args ...any) error {
	return &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "not_exportable", Message: fmt.Sprintf(format, args...)}
}

// Prepare reads what a format needs to know before its first byte. CSV and
// Parquet are written in one pass, in bounded memory. EDF+ and WFDB have
// headers that count and scale: their samples go to a temporary file first,
// which is gone after Close, and after a crash too.
//
// EDF+ and WFDB hold regular signals. An attribute whose samples do not lie on
// the grid of its rate is refused, with a reason, unless Resample is set.
func (e Export) Prepare(ctx context.Context, format Format) (File, error) {
	if e.Name == "" {
		e.Name = e.SensorID
	}
	if e.MaxTemp <= 0 {
		e.MaxTemp = 8 << 30
	}
	if len(e.Attributes) == 0 {
		return nil, ErrEmpty
	}
	if !(e.Resample >= 0 && e.Resample <= maxResample) {
		return nil, refused("a rate to resample to is at most %d Hz: times are whole microseconds", int64(maxResample))
	}
	e.cleanTexts()
	switch format {
	case FormatCSV:
		return newCSVWriter(e), nil
	case FormatParquet:
		return newParquetWriter(e), nil
	case FormatEDF:
		return prepareEDF(ctx, e)
	case FormatWFDB:
		return prepareWFDB(ctx, e)
	}
	return nil, refused("format %q: use csv, edf, parquet or wfdb", format)
}

// cleanTexts makes names and units ones that every format can hold, whatever an
// older version of the program has let into the catalog.
func (e *Export) cleanTexts() {
	e.SensorName = cleanName(e.SensorName)
	e.Attributes = slices.Clone(e.Attributes)
	for i := range e.Attributes {
		a := &e.Attributes[i]
		a.Name, a.Type, a.Unit = cleanName(a.Name), cleanName(a.Type), cleanName(a.Unit)
	}
}

// MediaType is the type under which a file of the format is sent; a WFDB
// record is several files, sent as a ZIP archive.
func (f Format) MediaType() string {
	switch f {
	case FormatCSV:
		return "text/csv; charset=utf-8; header=present"
	case FormatParquet:
		return "application/vnd.apache.parquet"
	case FormatWFDB:
		return "application/zip"
	}
	return "application/octet-stream"
}

// Extension is how the names of such files end, with the dot.
func (f Format) Extension() string {
	switch f {
	case FormatWFDB:
		return ".zip"
	case FormatEDF:
		return ".edf"
	}
	return "." + string(f)
}

// pages reads the samples of one attribute, oldest first, a page at a time.
type pages struct {
	export    *Export
	attribute string
	query     sensocto.Query
	page      []sensocto.Sample
	more      bool
}

// pageSamples is how many samples the pages of all attributes hold together,
// about: the bound on what an export keeps in memory.
const pageSamples = 1 << 18

func (e *Export) pages(attribute sensocto.Attribute, beside int) *pages {
	limit := min(max(pageSamples/beside, 256), 1<<14)
	return &pages{export: e, attribute: attribute.ID, more: true, query: sensocto.Query{From: e.From, To: e.To, Limit: limit}}
}

// peek returns the next sample without taking it, nil at the end.
func (p *pages) peek(ctx context.Context) (*sensocto.Sample, error) {
	for len(p.page) == 0 {
		if !p.more {
			return nil, nil
		}
		page, err := p.export.Read(ctx, p.export.SensorID, p.attribute, p.query)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", p.attribute, err)
		}
		for i := range page.Samples {
			if d := page.Samples[i].Document; !utf8.Valid(d) {
				page.Samples[i].Document = bytes.ToValidUTF8(d, []byte("\ufffd"))
			}
		}
		p.page, p.query.After = page.Samples, page.Next
		p.more = page.Next != nil
	}
	return &p.page[0], nil
}

// take drops the sample that peek returned.
func (p *pages) take() { p.page = p.page[1:] }

// each calls f with every sample of an attribute.
func (e *Export) each(ctx context.Context, a sensocto.Attribute, f func(*sensocto.Sample) error) error {
	p := e.pages(a, 1)
	for {
		s, err := p.peek(ctx)
		if s == nil || err != nil {
			return err
		}
		if err := f(s); err != nil {
			return err
		}
		p.take()
	}
}

// notes gathers sentences, each once.
type notes []string

func (n *notes) add(format string, args ...any) { *n = append(*n, fmt.Sprintf(format, args...)) }

// label returns the name by which a reader of this package finds the
// attribute's id again: its display name, or else the id.
func label(a sensocto.Attribute) string {
	if a.Name != "" && attributeID(a.Name, 0) == a.ID {
		return a.Name
	}
	return a.ID
}

// micros renders a duration in µs for people.
func micros(us int64) string { return (time.Duration(us) * time.Microsecond).String() }

// errClosed is what Write returns after Close.
var errClosed = errors.New("the export is closed")
