package store

import (
	"cmp"
	"encoding/binary"
	"maps"
	"slices"

	"github.com/sensocto/sensocto/store/journal"
)

// ledger is what the records of the journal add up to: with it devices are
// accepted right after a start, before the samples themselves are read back.
// The journal's writer owns it once the store runs.
type ledger struct {
	sensors map[string]*ledgerSensor
	latest  int64 // minute of the newest record
}

// ledgerSensor is what is known of one sensor.
type ledgerSensor struct {
	epoch   uint64           // a random number; the sensor of this id has another one after a clean-up
	next    map[string]int64 // the number after the last sample of each attribute
	streams streams
}

var _ journal.State = (*ledger)(nil)

func newLedger() *ledger { return &ledger{sensors: make(map[string]*ledgerSensor)} }

func (l *ledger) sensor(id []byte) *ledgerSensor {
	n := l.sensors[string(id)]
	if n == nil {
		n = &ledgerSensor{next: make(map[string]int64, 1)}
		l.sensors[string(id)] = n
	}
	return n
}

// Apply implements journal.State.
func (l *ledger) Apply(record []byte) error {
	kind, b, err := parseRecord(record)
	if err != nil {
		return err
	}
	if kind == recordCleanup {
		maps.DeleteFunc(l.sensors, func(_ string, n *ledgerSensor) bool { return n.epoch == b.epoch })
		return nil
	}
	n := l.sensor(b.sensorID)
	if n.epoch != b.epoch {
		*n = ledgerSensor{epoch: b.epoch, next: make(map[string]int64, 1)}
	}
	l.latest = max(l.latest, b.minute)
	if b.seq > 0 {
		if n.streams == nil {
			n.streams = make(streams, 1)
		}
		n.streams.note(b.stream, b.seq, b.minute)
	}
	for range b.count {
		attribute, end, err := b.runBounds()
		if err != nil {
			return err
		}
		if before, known := n.next[string(attribute)]; !known || before < end {
			n.next[string(attribute)] = end
		}
	}
	return nil
}

// AppendSnapshot implements journal.State.
func (l *ledger) AppendSnapshot(dst []byte) []byte {
	dst = append(dst, 1) // version
	dst = binary.AppendUvarint(dst, uint64(l.latest))
	dst = binary.AppendUvarint(dst, uint64(len(l.sensors)))
	for _, id := range slices.Sorted(maps.Keys(l.sensors)) {
		n := l.sensors[id]
		n.streams.forgetSilent(l.latest)
		dst = appendString(dst, id)
		dst = binary.LittleEndian.AppendUint64(dst, n.epoch)
		dst = binary.AppendUvarint(dst, uint64(len(n.next)))
		for _, attribute := range slices.Sorted(maps.Keys(n.next)) {
			dst = appendString(dst, attribute)
			dst = binary.AppendUvarint(dst, uint64(n.next[attribute]))
		}
		dst = binary.AppendUvarint(dst, uint64(len(n.streams)))
		for _, stream := range slices.SortedFunc(maps.Keys(n.streams), func(a, b [16]byte) int { return cmp.Compare(string(a[:]), string(b[:])) }) {
			dst = append(dst, stream[:]...)
			dst = binary.AppendUvarint(dst, n.streams[stream].seq)
			dst = binary.AppendUvarint(dst, uint64(n.streams[stream].minute))
		}
	}
	return dst
}

// Restore implements journal.State.
func (l *ledger) Restore(snapshot []byte) error {
	*l = *newLedger()
	r := reader{rest: snapshot}
	if version := r.byte(); version != 1 {
		r.fail("snapshot of version %d", version)
	}
	l.latest = int64(r.uvarint())
	for range r.count(len(snapshot)) {
		n := l.sensor(r.bytes(r.count(longestID)))
		n.epoch = r.uint64()
		for range r.count(len(r.rest)) {
			attribute := r.string(longestID)
			n.next[attribute] = int64(r.uvarint())
		}
		for range r.count(len(r.rest)) {
			var stream [16]byte
			copy(stream[:], r.bytes(len(stream)))
			if n.streams == nil {
				n.streams = make(streams, 1)
			}
			n.streams[stream] = streamMark{r.uvarint(), int64(r.uvarint())}
		}
	}
	return r.err
}
