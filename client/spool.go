package client

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
)

// spool is the file in which a stream keeps what is not acknowledged, so that
// it outlives the process:
//
//	header   "SPOOL 1\n", the stream's id (16 bytes)
//	record   length of body and kind (4 bytes, little endian), CRC-32C of what
//	         follows (4), seq (8), kind (1: JSON, 2: columns), body
//
// It only grows, and is written anew when most of it is acknowledged. A record
// that was not written whole is the last, and is cut: its caller was not told
// that it is kept. It is written, not synced: it outlives the process, and not
// necessarily a power failure.
//
// One goroutine at a time uses it: who has the stream's turn.
type spool struct {
	path  string
	f     *os.File
	id    [16]byte
	size  int64
	limit int64
	cut   int64 // bytes at its end that were not whole when it was opened
}

const (
	spoolMagic   = "SPOOL 1\n"
	spoolHeader  = len(spoolMagic) + 16
	recordHeader = 4 + 4 + 8 + 1
	maxRecord    = 64 << 20 // more is damage: no frame is so large
)

// errKeep means that the disk took nothing, which may change.
var errKeep = errors.New("cannot write the file of unacknowledged measurements: free space on its disk")

var errInUse = errors.New("another device has this file of unacknowledged measurements: name one for each")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// openSpool opens the file, making it where it is not there or holds nothing.
// It returns the batches that it holds.
func openSpool(path string, id [16]byte, limit int64) (*spool, []keptBatch, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, nil, fmt.Errorf("directory for unacknowledged measurements: %w", err)
	}
	f, err := openLocked(path)
	if err != nil {
		return nil, nil, fmt.Errorf("file for unacknowledged measurements: %w", err)
	}
	s := &spool{path: path, f: f, id: id, limit: limit}
	kept, err := s.load()
	if err == nil && len(kept) == 0 {
		s.id = id
		err = s.reset()
	}
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, kept, nil
}

// openLocked opens the file, which nobody else uses until it is closed.
func openLocked(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = lock(f)
	if err == nil {
		// Meanwhile its owner may have put another in its place.
		var ours, there os.FileInfo
		if ours, err = f.Stat(); err == nil {
			if there, err = os.Stat(path); err == nil && !os.SameFile(ours, there) {
				err = errInUse
			}
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// load reads what the file holds, and cuts what is not whole.
func (s *spool) load() (kept []keptBatch, err error) {
	r := bufio.NewReader(io.NewSectionReader(s.f, 0, 1<<62))
	var head [spoolHeader]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, nil // made, and nothing written to it
		}
		return nil, err
	}
	if !bytes.HasPrefix(head[:], []byte(spoolMagic)) {
		return nil, errors.New("not a file of unacknowledged measurements: name another, or move it away")
	}
	copy(s.id[:], head[len(spoolMagic):])
	s.size = int64(spoolHeader)
	for {
		b, length, err := readRecord(r)
		if err != nil {
			break // the last one was not written whole
		}
		b.offset = s.size
		s.size += length
		kept = append(kept, b)
	}
	end, err := s.f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	s.cut = end - s.size
	return kept, s.f.Truncate(s.size)
}

var errTorn = errors.New("record is not whole")

func readRecord(r io.Reader) (b keptBatch, length int64, err error) {
	var head [recordHeader]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return b, 0, err
	}
	n := binary.LittleEndian.Uint32(head[:])
	if n == 0 || n > maxRecord {
		return b, 0, errTorn
	}
	b.body = make([]byte, n-1)
	if _, err := io.ReadFull(r, b.body); err != nil {
		return b, 0, err
	}
	if sum := crc32.Update(crc32.Checksum(head[8:], castagnoli), castagnoli, b.body); sum != binary.LittleEndian.Uint32(head[4:]) {
		return b, 0, errTorn
	}
	b.seq, b.binary, b.size = binary.LittleEndian.Uint64(head[8:]), head[16] == 2, len(b.body)
	return b, int64(recordHeader) + int64(len(b.body)), nil
}

func appendRecord(dst []byte, b keptBatch) []byte {
	var head [recordHeader]byte
	binary.LittleEndian.PutUint32(head[:], uint32(len(b.body)+1))
	binary.LittleEndian.PutUint64(head[8:], b.seq)
	head[16] = 1
	if b.binary {
		head[16] = 2
	}
	sum := crc32.Update(crc32.Checksum(head[8:], castagnoli), castagnoli, b.body)
	binary.LittleEndian.PutUint32(head[4:], sum)
	return append(append(dst, head[:]...), b.body...)
}

// append writes a batch, and returns where it is. What cannot be written whole
// leaves the file as it was.
func (s *spool) append(b keptBatch) (offset int64, err error) {
	record := appendRecord(nil, b)
	if _, err := s.f.WriteAt(record, s.size); err != nil {
		return 0, errors.Join(fmt.Errorf("%w: %w", errKeep, err), s.f.Truncate(s.size))
	}
	offset = s.size
	s.size += int64(len(record))
	return offset, nil
}

// read returns the body of a batch.
func (s *spool) read(b keptBatch) ([]byte, error) {
	got, _, err := readRecord(io.NewSectionReader(s.f, b.offset, 1<<62))
	if err == nil && got.seq != b.seq {
		err = errTorn
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", s.path, err)
	}
	return got.body, nil
}

// reset empties the file.
func (s *spool) reset() error {
	s.size = int64(spoolHeader)
	if _, err := s.f.WriteAt(append([]byte(spoolMagic), s.id[:]...), 0); err != nil {
		return err
	}
	return s.f.Truncate(s.size)
}

// rewrite keeps only some batches, which get new places. The file is replaced
// as a whole, so that there is always one that is complete.
func (s *spool) rewrite(kept []keptBatch) error {
	f, err := os.CreateTemp(filepath.Dir(s.path), filepath.Base(s.path)+".*")
	if err != nil {
		return err
	}
	next := &spool{path: s.path, f: f, id: s.id, limit: s.limit}
	var offsets []int64
	if err = lock(f); err == nil {
		offsets, err = next.fill(s, kept)
	}
	if err == nil {
		err = errors.Join(f.Sync(), os.Rename(f.Name(), s.path))
	}
	if err != nil {
		return errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	s.f.Close()
	*s = *next
	for i := range kept {
		kept[i].offset = offsets[i]
	}
	return nil
}

// fill copies batches from another spool.
func (s *spool) fill(from *spool, kept []keptBatch) (offsets []int64, err error) {
	if err := s.reset(); err != nil {
		return nil, err
	}
	for _, b := range kept {
		if b.body, err = from.read(b); err != nil {
			return nil, err
		}
		offset, err := s.append(b)
		if err != nil {
			return nil, err
		}
		offsets = append(offsets, offset)
	}
	return offsets, nil
}

// close ends the use of the file, which goes where nothing is to be kept.
func (s *spool) close(keep bool) error {
	err := s.f.Close()
	if !keep {
		err = errors.Join(err, os.Remove(s.path))
	}
	return err
}
