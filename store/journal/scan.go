package journal

import (
	"bytes"
	"errors"
	"io"
)

// window is how much of a file is read at once, except of larger groups.
const window = 1 << 20

// scanner reads the groups of a file. What it returns is valid until the next call.
type scanner struct {
	file   File
	end    int64 // of what is looked at
	salt   uint32
	lost   bool // the salt is not known: any will do
	buffer []byte
	at     int64 // where in the file the buffer is from
}

// bytes returns n bytes of the file, which has them.
func (s *scanner) bytes(offset int64, n int) ([]byte, error) {
	if offset < s.at || offset+int64(n) > s.at+int64(len(s.buffer)) {
		if err := s.fill(offset, n); err != nil {
			return nil, err
		}
	}
	from := int(offset - s.at)
	return s.buffer[from : from+n], nil
}

// fill reads at least n bytes from offset on into the buffer.
func (s *scanner) fill(offset int64, n int) error {
	want := int(min(int64(max(n, window)), s.end-offset))
	var have []byte
	if offset >= s.at && offset <= s.at+int64(len(s.buffer)) {
		have = s.buffer[offset-s.at:]
	}
	into := s.buffer[:0]
	if cap(into) < want {
		into = make([]byte, 0, want)
	}
	into = into[:want]
	read := copy(into, have)
	s.buffer, s.at = into[:0], offset
	if _, err := s.file.ReadAt(into[read:], offset+int64(read)); err != nil && !errors.Is(err, io.EOF) {
		return err
	} else if err != nil {
		return io.ErrUnexpectedEOF // it is shorter than it was
	}
	s.buffer = into
	return nil
}

// group reads the group at an offset; ok is false if there is no valid one.
func (s *scanner) group(offset int64) (g group, payload []byte, ok bool, err error) {
	if offset+groupSize > s.end {
		return g, nil, false, nil
	}
	b, err := s.bytes(offset, groupSize)
	if err != nil {
		return g, nil, false, err
	}
	g, ok = parseGroup(b)
	if !ok || (g.salt != s.salt && !s.lost) || offset+g.size() > s.end {
		return g, nil, false, nil
	}
	if b, err = s.bytes(offset, int(g.size())); err != nil {
		return g, nil, false, err
	}
	ok = g.sum == groupSum(b[:groupSize], b[groupSize:], offset)
	return g, b[groupSize:], ok, nil
}

// find returns where the next valid group is that is wanted; -1 if there is none.
func (s *scanner) find(offset int64, wanted func(group) bool) (int64, error) {
	for offset+groupSize <= s.end {
		b, err := s.bytes(offset, int(min(window, s.end-offset)))
		if err != nil {
			return -1, err
		}
		i := bytes.Index(b, groupMagic)
		if i < 0 {
			offset += int64(len(b) - len(groupMagic) + 1)
			continue
		}
		offset += int64(i)
		g, _, ok, err := s.group(offset)
		switch {
		case err != nil:
			return -1, err
		case ok && wanted(g):
			return offset, nil
		case ok:
			offset += g.size()
		default:
			offset++
		}
	}
	return -1, nil
}

// proves returns what finds groups that were written when more than offset
// bytes of the file were durable: what is bad there was damaged later.
func proves(offset int64) func(group) bool {
	return func(g group) bool { return g.synced > offset }
}
