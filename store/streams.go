package store

import (
	"time"

	"github.com/sensocto/sensocto"
)

// Bounds on what is remembered of streams.
const (
	maxStreams     = 64                  // of one sensor; the one that was silent for longest is forgotten first
	streamLifetime = 30 * 24 * time.Hour // of a silent one
	streamMinutes  = int64(streamLifetime / time.Minute)
)

// streams is what was taken of each stream of one sensor.
type streams map[[16]byte]streamMark

// streamMark is the number of the last batch and when it came, in minutes of
// Unix time.
type streamMark struct {
	seq    uint64
	minute int64
}

// check returns nil where the batch is the next one of its stream, otherwise
// sensocto.ErrDuplicate or a *sensocto.GapError.
func (s streams) check(b *sensocto.Batch) error {
	switch next := s[b.Stream].seq + 1; {
	case b.StreamSeq < next:
		return sensocto.ErrDuplicate
	case b.StreamSeq > next:
		return &sensocto.GapError{Expected: next}
	}
	return nil
}

// note remembers a batch that was taken.
func (s streams) note(stream [16]byte, seq uint64, minute int64) {
	mark, known := s[stream]
	if !known && len(s) >= maxStreams {
		s.forgetOne()
	}
	s[stream] = streamMark{max(mark.seq, seq), max(mark.minute, minute)}
}

func (s streams) forgetOne() {
	var oldest [16]byte
	least := int64(-1)
	for id, mark := range s {
		if least < 0 || mark.minute < least {
			oldest, least = id, mark.minute
		}
	}
	delete(s, oldest)
}

// forgetSilent drops the streams that were silent for their lifetime.
func (s streams) forgetSilent(minute int64) {
	for id, mark := range s {
		if minute-mark.minute > streamMinutes {
			delete(s, id)
		}
	}
}
