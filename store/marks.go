package store

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store/journal"
)

// Streams returns how far the streams of all sensors are, sorted. What they
// say was taken is in the cold tier after the next Flush.
func (s *Store) Streams() (marks []sensocto.StreamMark) {
	for _, n := range s.allSensors() {
		n.mu.Lock()
		for id, mark := range n.streams {
			marks = append(marks, sensocto.StreamMark{SensorID: n.id, Stream: id, Seq: mark.seq, Last: time.Unix(mark.minute*60, 0).UTC()})
		}
		n.mu.Unlock()
	}
	slices.SortFunc(marks, func(a, b sensocto.StreamMark) int {
		return cmp.Or(cmp.Compare(a.SensorID, b.SensorID), slices.Compare(a.Stream[:], b.Stream[:]))
	})
	return marks
}

// RestoreStreams makes a journal in an empty directory that knows how far
// streams are: a store that is opened with it goes on with them.
func RestoreStreams(ctx context.Context, dir journal.FS, marks []sensocto.StreamMark) (err error) {
	j, err := journal.Open(dir, newLedger(), journal.Options{})
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1) // one result
	go func() { ended <- j.Run(running) }()
	defer func() {
		stop()
		err = errors.Join(err, <-ended)
	}()
	epochs := make(map[string]uint64)
	for _, m := range marks {
		epoch, ok := epochs[m.SensorID]
		if !ok {
			epoch = rand.Uint64()
			epochs[m.SensorID] = epoch
		}
		if err := j.Admit(ctx, keptRecord); err != nil {
			return err
		}
		j.Append(appendMark(nil, m, epoch))
	}
	return j.Sync(ctx)
}

// appendMark appends the record of a batch without measurements.
func appendMark(dst []byte, m sensocto.StreamMark, epoch uint64) []byte {
	dst = appendBatchHead(dst, m.SensorID, epoch)
	dst = appendStream(dst, &sensocto.Batch{Stream: m.Stream, StreamSeq: m.Seq}, m.Last.Unix()/60)
	return binary.AppendUvarint(dst, 0)
}
