package journal

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/sensocto/sensocto"
)

// segment is the file that is being written.
type segment struct {
	file     File
	header   header
	size     int64 // written
	synced   int64 // durable
	told     int64 // what of that a group in the file says
	syncedAt time.Time
}

// write writes a buffer as a group.
func (s *segment) write(b *buffer) error {
	g := group{salt: s.header.salt, synced: s.synced, first: b.first, records: b.records}
	g.seal(b.data, s.size)
	if _, err := s.file.WriteAt(b.data, s.size); err != nil {
		return fmt.Errorf("write %s: %w", segmentName(s.header.number), err)
	}
	s.told = s.synced
	s.size += int64(len(b.data))
	return nil
}

// tell writes a group without records, which says how much is durable: a
// reader that finds damage there knows that it is none of a torn write.
func (s *segment) tell(end Position) error {
	return s.write(&buffer{data: make([]byte, groupSize), first: end})
}

func (s *segment) sync(times *sensocto.Histogram, now time.Time) error {
	start := time.Now()
	err := s.file.Sync()
	times.Observe(time.Since(start))
	if err != nil {
		return fmt.Errorf("sync %s: %w", segmentName(s.header.number), err)
	}
	s.synced, s.syncedAt = s.size, now
	return nil
}

// begin makes a new segment of the batch. All of its head becomes durable as
// one: a snapshot must never be there without the records that it includes.
func (w *writer) begin(now time.Time) (err error) {
	s := &segment{header: w.newHeader()}
	w.next++
	name := segmentName(s.header.number)
	if s.file, err = w.create(name); err != nil {
		return fmt.Errorf("create %s: %w", name, err)
	}
	if err = w.writeHead(s, now); err == nil {
		err = w.fs.Sync()
	}
	if err != nil {
		// Should it come back after a crash, the link of a later segment
		// tells that it does not count.
		_, _ = s.file.Close(), w.fs.Remove(name)
		return fmt.Errorf("begin %s: %w", name, err)
	}
	w.segment, w.kept, w.batch = s, append(w.kept[:0], w.batch...), w.batch[:0]
	w.j.metrics.written.Add(uint64(s.size))
	w.j.began(s)
	w.durable()
	w.works()
	return nil
}

// newHeader returns the header of a segment that begins with the batch.
func (w *writer) newHeader() header {
	h := header{
		number: w.next, first: w.synced, applied: w.applied, salt: rand.Uint32(),
		previous: w.previous.number, previousLength: w.previous.length,
	}
	w.scratch = append(w.scratch[:0], make([]byte, groupSize+headerSize)...)
	w.scratch = w.state.AppendSnapshot(w.scratch)
	h.headLength = headerSize + int64(len(w.scratch))
	for _, b := range w.batch {
		h.headLength += int64(len(b.data))
	}
	return h
}

// writeHead writes and syncs the header, the snapshot that newHeader left in
// the scratch buffer, and the batch.
func (w *writer) writeHead(s *segment, now time.Time) error {
	head := s.header.append(nil)
	copy(w.scratch[groupSize:], head) // again, should the first be damaged
	g := group{salt: s.header.salt, first: s.header.first, kind: kindSnapshot}
	g.seal(w.scratch, headerSize)
	if _, err := s.file.WriteAt(head, 0); err != nil {
		return err
	}
	if _, err := s.file.WriteAt(w.scratch, headerSize); err != nil {
		return err
	}
	s.size = headerSize + int64(len(w.scratch))
	for _, b := range w.batch {
		if err := s.write(b); err != nil {
			return err
		}
	}
	return s.sync(&w.j.metrics.syncTime, now)
}
