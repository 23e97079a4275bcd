package recording

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// AnnotationsID is the attribute under which annotations are sent. No signal
// has it in a recording that brings annotations.
const AnnotationsID = "annotations"

// maxSeconds bounds how long a recording may last, and how far from its start
// an annotation may be: times beyond it would overflow.
const maxSeconds = 1e9

// Options say how to read a file. The zero value works.
type Options struct {
	// BlockSpan is how much time a block covers; default 1 s. Blocks may be
	// shorter, and are as long as an EDF data record where that is longer.
	BlockSpan time.Duration
	// Rate is the sampling rate of a CSV file without a time column. It wins
	// over a "# rate:" comment in the file.
	Rate float64
	// Annotator is the suffix of a WFDB record's annotation file; default
	// "atr". A missing file is no error unless Annotator was given.
	Annotator string
	// Zone is where the clocks stood that dates of a CSV file without a zone
	// are of; default UTC.
	Zone *time.Location
}

// Format names the kind of a file.
type Format string

// The formats.
const (
	FormatWFDB Format = "wfdb"
	FormatEDF  Format = "edf" // EDF, EDF+C, EDF+D
	FormatBDF  Format = "bdf" // the same with 24 bits a sample
	FormatCSV  Format = "csv"
)

// Signal describes one recorded quantity.
type Signal struct {
	AttributeID string // valid as an attribute id, unique in the recording
	Name        string // as the file has it, "" where it has none
	Unit        string
	// Rate is samples per second. It is the mean rate where the samples
	// carry times of their own.
	Rate float64
	// Count is the number of samples, invalid ones included where they take
	// a place in the file.
	Count int64
	// Digital reports whether the file holds integers; then Gain and Baseline
	// turn them into physical values: (raw − Baseline) / Gain.
	Digital        bool
	Gain, Baseline float64
	// Bits is the width of the raw integers: those of a signal with at most
	// 16 fit an int16.
	Bits int
	// Uncalibrated says that the file does not tell the gain: a default was taken.
	Uncalibrated bool
}

// Offset returns where sample i lies after the recording's start, in µs.
func (s *Signal) Offset(i int64) int64 { return offset(i, s.Rate) }

func offset(i int64, rate float64) int64 { return int64(math.Round(float64(i) * 1e6 / rate)) }

// Recording is an open file. It is read from the front to the end with Next.
type Recording struct {
	// Name is the record's name: what the WFDB header says, otherwise the
	// file's name without its extension. See SensorID.
	Name   string
	Format Format
	// Start is when the recording began, zero where the file does not say.
	// Files that give no time zone are read as UTC.
	Start time.Time
	// StartText is what the file says of its start where that is no time, in
	// its own words.
	StartText string
	Signals   []Signal
	// Annotations are in time order. Next delivers them too, with the blocks:
	// those before the start, whose offsets are negative, with the first.
	Annotations []Annotation
	// Duration is the time from the start to where the sample after the last
	// would lie: a repetition may begin there.
	Duration time.Duration
	// Last is the offset of the last sample or annotation, in µs.
	Last int64
	// Comments are the file's comment lines, in its own words.
	Comments []string
	// Ignored says what of the file the recording does not have, or has in
	// another way than the file: a phrase for each kind, for whoever reads the
	// file, such as `column "label": holds no numbers`. It is complete after
	// Open.
	Ignored []string

	source source
	block  Block
	noted  int // annotations delivered so far
	ended  bool
	closed bool
}

// source is what a format implements.
type source interface {
	// next fills b with the following stretch of time: From, To and Runs. It
	// returns io.EOF at the end.
	next(b *Block) error
	rewind() error
	verify() error
	Close() error
}

// Open opens a recording with default options; see OpenWith.
func Open(path string) (*Recording, error) { return OpenWith(path, Options{}) }

// OpenWith opens the recording at path. What it is, its extension says: .hea
// (or .dat, .mat, or a record's name without extension, where the .hea exists
// beside it), .edf, .bdf, .csv (.tsv, .txt). A file with another extension is
// recognised by its content if it is EDF or BDF.
func OpenWith(path string, o Options) (*Recording, error) {
	if o.BlockSpan <= 0 {
		o.BlockSpan = time.Second
	}
	open, path, err := detect(path)
	if err != nil {
		return nil, err
	}
	r, err := open(path, o)
	if err != nil {
		return nil, cleaned(err)
	}
	r.cleanTexts()
	r.boundIgnored()
	r.nameAttributes()
	for _, a := range r.Annotations {
		r.Last = max(r.Last, a.Offset)
	}
	return r, nil
}

// maxIgnored bounds how many phrases Ignored has.
const maxIgnored = 100

func (r *Recording) boundIgnored() {
	if len(r.Ignored) > maxIgnored {
		r.Ignored = append(r.Ignored[:maxIgnored:maxIgnored], "and more of the kind")
	}
}

type opener func(path string, o Options) (*Recording, error)

// detect chooses the reader, and returns the path that it is to open.
func detect(path string) (opener, string, error) {
	ext := strings.ToLower(filepath.Ext(path))
	switch ext {
	case ".hea":
		return openWFDB, path, nil
	case ".edf", ".bdf":
		return openEDF, path, nil
	case ".csv", ".tsv", ".txt":
		return openCSV, path, nil
	case ".dat", ".mat":
		if header := strings.TrimSuffix(path, filepath.Ext(path)) + ".hea"; isFile(header) {
			return openWFDB, header, nil
		}
		return nil, "", fmt.Errorf("%s is a signal file: open the header (.hea) that describes it", path)
	}
	if isFile(path + ".hea") {
		return openWFDB, path + ".hea", nil
	}
	if head, err := readHead(path, 8); err != nil {
		return nil, "", err
	} else if isEDF(head) {
		return openEDF, path, nil
	}
	return nil, "", fmt.Errorf("%s: unknown kind of file: use a WFDB header (.hea), .edf, .bdf or .csv", path)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func readHead(path string, n int) ([]byte, error) {
	f, _, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, n)
	n, err = io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && err != io.EOF {
		return nil, err
	}
	return head[:n], nil
}

// Next returns the following stretch of the recording, or io.EOF behind the
// last. The block and its slices are valid until the next call.
func (r *Recording) Next() (*Block, error) {
	if r.closed {
		return nil, os.ErrClosed
	}
	if r.ended {
		return nil, io.EOF
	}
	r.block.reset()
	err := r.source.next(&r.block)
	if err == io.EOF {
		r.ended = true
		return r.rest()
	}
	if err != nil {
		return nil, cleaned(err)
	}
	r.annotate(r.block.To)
	return &r.block, nil
}

// annotate puts the annotations before an offset into the block.
func (r *Recording) annotate(to int64) {
	from := r.noted
	for r.noted < len(r.Annotations) && r.Annotations[r.noted].Offset < to {
		r.noted++
	}
	r.block.Annotations = r.Annotations[from:r.noted]
}

// rest returns a block of the annotations behind the last sample, if any.
func (r *Recording) rest() (*Block, error) {
	r.block.reset()
	r.annotate(math.MaxInt64)
	if len(r.block.Annotations) == 0 {
		return nil, io.EOF
	}
	r.block.From = r.block.Annotations[0].Offset
	r.block.To = r.Last + 1
	return &r.block, nil
}

// Rewind goes back to the start.
func (r *Recording) Rewind() error {
	r.noted, r.ended = 0, false
	return r.source.rewind()
}

// Verify reads the whole recording and compares it with the checksums that
// the file gives, if it gives any. It does not move the position of Next.
func (r *Recording) Verify() error { return cleaned(r.source.verify()) }

// Close releases the files. It may be called twice.
func (r *Recording) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	return r.source.Close()
}
