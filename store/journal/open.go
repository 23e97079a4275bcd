package journal

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Open returns the journal of a directory. It verifies the headers and all of
// the last segment, restores the state, and leaves off a torn tail: what was
// written last and never confirmed. It changes nothing on disk; Run does.
// A *CorruptError says what is damaged.
func Open(fs FS, state State, options Options) (*Journal, error) {
	j := &Journal{
		options: options.withDefaults(), fs: fs, wake: make(chan struct{}, 1),
		truncate: make(chan struct{}, 1), stop: make(chan struct{}), room: make(chan struct{}),
	}
	j.due = time.AfterFunc(idle, j.notify)
	j.due.Stop() // until something waits
	c, err := readChain(fs)
	if err != nil {
		return nil, err
	}
	r := recovery{chain: c, state: state}
	if err := r.run(); err != nil {
		return nil, err
	}
	if r.torn > 0 {
		j.metrics.torn.Store(uint64(r.torn))
		j.options.Log.Warn("the end of the journal was torn by a crash and is left off: nothing in it was confirmed",
			"segment", r.last().name, "bytes", r.torn)
	}
	j.writer = &writer{j: j, fs: fs, state: state, next: c.next, previous: r.link, applied: r.applied, synced: r.end}
	j.adopt(&r)
	return j, nil
}

// adopt takes over what the recovery found.
func (j *Journal) adopt(r *recovery) {
	j.end = r.end
	for _, p := range r.chain.parts {
		j.segments = append(j.segments, stored{number: p.number, first: p.header.first, bytes: p.size, dead: p.number > r.link.number})
		j.replay = append(j.replay, span{p})
	}
	for _, p := range r.chain.dead {
		j.segments = append(j.segments, stored{number: p.number, bytes: p.size, dead: true})
	}
	slices.SortFunc(j.segments, func(a, b stored) int { return cmp.Compare(a.number, b.number) })
	for _, s := range j.segments {
		j.disk.Add(s.bytes)
	}
	if len(r.chain.parts) > 0 && r.end > r.chain.parts[0].header.first {
		j.unread = r.chain.parts[0].number
	}
	if len(r.carried) > 0 {
		j.writer.synced = r.carried[0].first
	}
	for _, b := range r.carried {
		j.pending = append(j.pending, &b.buffer)
		j.unsynced.Add(int64(len(b.data)))
	}
}

// recovery restores the state from the segments.
//
// What is in the last segment is not on disk for sure: when an fsync fails,
// a kernel may show pages that it never wrote until they leave its memory. So only
// as much of it counts as some group says was synced before; the rest is
// carried into the next segment, like after a failure in Run.
type recovery struct {
	chain   chain
	state   State
	applied Position // the state has all records before it
	end     Position // of all records
	torn    int64    // bytes at the end of the last segment that do not count

	proven  int64 // how much of the last segment is on disk for sure
	carried []carry
	link    link // what the next segment follows
}

// carry is a group of the last segment.
type carry struct {
	buffer
	offset int64
}

func (r *recovery) last() *part { return r.chain.parts[len(r.chain.parts)-1] }

func (r *recovery) run() error {
	if len(r.chain.parts) == 0 {
		return nil
	}
	base, err := r.restore()
	if err != nil {
		return err
	}
	for i, p := range r.chain.parts[base:] {
		if err := p.follows(r.end); i > 0 && err != nil {
			return err
		}
		if err := p.scan(p.length, func(s *scanner) error { return r.read(p, s) }); err != nil {
			return err
		}
	}
	last := r.last()
	r.link = link{last.number, r.proven}
	if r.proven < last.header.headLength { // not even that it came to be is for sure
		r.link = link{last.header.previous, last.header.previousLength}
	}
	return nil
}

// restore gives the state the newest snapshot, which is that of the last
// segment, except where a repair found it damaged.
func (r *recovery) restore() (base int, err error) {
	for base = len(r.chain.parts) - 1; base >= 0; base-- {
		p, found := r.chain.parts[base], false
		err := p.scan(p.length, func(s *scanner) error {
			g, payload, ok, err := s.group(headerSize)
			switch {
			case err != nil:
				return readError(p.name, err)
			case !ok:
				return p.corrupt(headerSize, "the snapshot is damaged")
			case g.kind == kindHole:
				return nil
			case g.kind != kindSnapshot || len(payload) < headerSize:
				return p.corrupt(headerSize, "there is no snapshot")
			}
			found = true
			return r.state.Restore(payload[headerSize:])
		})
		if err != nil {
			return 0, fmt.Errorf("open journal: restore its state: %w", err)
		}
		if found {
			r.applied = p.header.applied
			return base, nil
		}
	}
	return 0, nil
}

// read applies the records of a part. What follows the last valid group of the
// last part is a torn write, unless something shows that it was durable once.
func (r *recovery) read(p *part, s *scanner) error {
	last := p == r.last()
	end, next, err := p.walk(s, func(offset int64, g group, payload []byte) error {
		if last {
			r.keep(offset, g, payload)
		}
		return p.records(offset, g, payload, r.apply)
	})
	if err != nil {
		return err
	}
	r.end = next
	if end == p.length {
		return nil
	}
	if !last {
		return p.corrupt(end, "a damaged group")
	}
	if err := p.unbroken(s, end); err != nil {
		return err
	}
	r.torn, p.length = p.length-end, end
	return nil
}

// unbroken returns an error if what is bad at offset was once good.
func (p *part) unbroken(s *scanner, offset int64) error {
	at, err := s.find(offset, proves(offset))
	if err != nil {
		return readError(p.name, err)
	}
	if at >= 0 {
		return p.corrupt(offset, "a damaged group, which was on disk when the one at byte %d was written", at)
	}
	return nil
}

func (r *recovery) apply(at Position, record []byte) error {
	if at < r.applied {
		return nil
	}
	r.applied = at + 1
	if err := r.state.Apply(record); err != nil {
		return fmt.Errorf("open journal: apply the record of position %d: %w", at, err)
	}
	return nil
}

// keep remembers the groups that are not on disk for sure.
func (r *recovery) keep(offset int64, g group, payload []byte) {
	if g.synced > r.proven {
		r.proven = g.synced
		r.carried = slices.DeleteFunc(r.carried, func(c carry) bool { return c.offset < g.synced })
	}
	if g.kind == kindRecords && g.records > 0 {
		data := append(make([]byte, groupSize, g.size()), payload...)
		r.carried = append(r.carried, carry{buffer{data: data, first: g.first, records: g.records}, offset})
	}
}
