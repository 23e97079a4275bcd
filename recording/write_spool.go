package recording

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
)

// spool keeps numeric samples on disk between the passes of an export: 16
// bytes each, time and value. What later passes read is what the first one
// read, whatever came meanwhile.
type spool struct {
	f     *os.File
	w     *bufio.Writer
	size  int64 // bytes
	limit int64
}

const spoolEntry = 16

// newSpool makes a temporary file of at most limit bytes.
func newSpool(dir string, limit int64) (*spool, error) {
	f, err := tempFile(dir)
	if err != nil {
		return nil, err
	}
	return &spool{f: f, w: bufio.NewWriterSize(f, 256<<10), limit: limit}, nil
}

func (s *spool) add(at int64, v float64) error {
	if s.size += spoolEntry; s.size > s.limit {
		return refused("this export needs more than %d bytes of temporary space: export less at once, with from and to, or as CSV or Parquet", s.limit)
	}
	var b [spoolEntry]byte
	binary.LittleEndian.PutUint64(b[:], uint64(at))
	binary.LittleEndian.PutUint64(b[8:], math.Float64bits(v))
	if _, err := s.w.Write(b[:]); err != nil {
		return fmt.Errorf("temporary file of an export: %w", err)
	}
	return nil
}

func (s *spool) flush() error {
	if err := s.w.Flush(); err != nil {
		return fmt.Errorf("temporary file of an export: %w", err)
	}
	return nil
}

func (s *spool) close() error {
	if s.f == nil {
		return nil
	}
	err := s.f.Close()
	_ = os.Remove(s.f.Name())
	s.f = nil
	return err
}

// reader reads count samples from the byte offset from on. Several readers may
// read at the same time; beside says how many, so that they share memory.
func (s *spool) reader(from, count int64, beside int) *spoolReader {
	part := io.NewSectionReader(s.f, from, count*spoolEntry)
	return &spoolReader{in: bufio.NewReaderSize(part, min(max((4<<20)/beside, 4<<10), 64<<10))}
}

// spoolReader gives the samples back, one at a time.
type spoolReader struct {
	in *bufio.Reader
	at int64
	v  float64
}

// next reads the next sample into at and v. It reports false at the end.
func (r *spoolReader) next() (bool, error) {
	b, err := r.in.Peek(spoolEntry)
	if err == io.EOF && len(b) == 0 {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("temporary file of an export: %w", err)
	}
	r.at = int64(binary.LittleEndian.Uint64(b))
	r.v = math.Float64frombits(binary.LittleEndian.Uint64(b[8:]))
	_, err = r.in.Discard(spoolEntry)
	return true, err
}
