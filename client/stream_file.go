package client

import (
	"context"
	"slices"
)

// open takes over what the file holds.
func (s *Stream) open() (err error) {
	var kept []keptBatch
	if s.disk, kept, err = openSpool(s.o.File, s.o.ID, s.o.FileBytes); err != nil {
		return err
	}
	if s.disk.cut > 0 {
		s.d.c.log.Warn("the end of the file of unacknowledged measurements was not whole and is left off",
			"file", s.o.File, "bytes", s.disk.cut, "batches", len(kept))
	}
	s.o.ID = s.disk.id
	for i := range kept {
		b := &kept[i]
		b.sent = true // perhaps: it may be a second time
		if s.bytes+b.size > s.o.Bytes {
			b.body = nil
		}
		s.bytes += len(b.body)
		s.seq = b.seq
	}
	s.kept = kept
	return nil
}

// fetch reads the body of a batch that is not in memory, nil where it was
// acknowledged meanwhile.
func (s *Stream) fetch(seq uint64) ([]byte, error) {
	if err := s.takeTurn(s.d.c.ctx); err != nil {
		return nil, err
	}
	defer s.leaveTurn()
	s.mu.Lock()
	i, ok := s.find(seq)
	var b keptBatch
	if ok {
		b = s.kept[i]
	}
	s.mu.Unlock()
	if !ok {
		return nil, nil
	}
	return s.disk.read(b)
}

// tidyFrom is the size from which on a file is written anew whose greater part
// is acknowledged.
const tidyFrom = 1 << 20

// tidy writes the file anew where that is due: it is so large, or full, and most
// of it is acknowledged. It is called in turn, so that nobody adds batches
// meanwhile, and reports whether the file became smaller.
func (s *Stream) tidy(from int64) bool {
	if s.disk == nil || s.disk.size < min(from, s.disk.limit) {
		return false
	}
	s.mu.Lock()
	kept := slices.Clone(s.kept)
	s.mu.Unlock()
	needed := int64(spoolHeader)
	for _, b := range kept {
		needed += int64(recordHeader + b.size)
	}
	if needed > s.disk.size/2 {
		return false
	}
	if err := s.shrink(kept); err != nil {
		s.d.c.log.Warn("file of unacknowledged measurements not written anew", "err", err)
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range kept {
		if i, ok := s.find(b.seq); ok {
			s.kept[i].offset = b.offset
		}
	}
	return true
}

// shrink leaves only what is kept in the file: where that is nothing, without
// the room that another file takes meanwhile.
func (s *Stream) shrink(kept []keptBatch) error {
	if len(kept) == 0 {
		return s.disk.reset()
	}
	return s.disk.rewrite(kept)
}

// closeFile runs when the stream's pump ends: the file stays where it holds
// something.
func (s *Stream) closeFile() {
	if s.disk == nil || s.takeTurn(context.Background()) != nil {
		return
	}
	defer s.leaveTurn()
	s.mu.Lock()
	keep := len(s.kept) > 0
	s.mu.Unlock()
	if err := s.disk.close(keep); err != nil {
		s.d.c.log.Warn("file of unacknowledged measurements", "err", err)
	}
}
