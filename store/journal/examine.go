package journal

import (
	"fmt"
	"slices"
)

// exam is what can be found out about a segment, however damaged.
type exam struct {
	*part
	known    bool // the header is whole, or the copy of it is
	bare     bool // of these, the copy only
	foreign  bool // the header is that of another segment
	groups   bool // there is at least one whole group
	first    Position
	before   *exam // what it follows
	relinked bool  // it does not say so, because what it said is gone
	report   SegmentReport
}

// examine reads all segments, oldest first. Unlike Open it goes on where
// something is damaged.
func examine(fs FS) (found []*exam, err error) {
	numbers, err := segments(fs)
	if err != nil {
		return nil, err
	}
	salts, err := knownSalts(fs, numbers)
	if err != nil {
		return nil, err
	}
	var after *exam // the next newer one that counts
	for _, number := range slices.Backward(numbers) {
		e := &exam{part: newPart(fs, number)}
		e.report.Name = e.name
		err := e.scan(1<<62, func(s *scanner) error {
			e.report.Bytes = e.size
			if err := e.head(s, salts); err != nil {
				return err
			}
			return e.judge(s, after)
		})
		if err != nil {
			return nil, err
		}
		if !e.report.LeftOver && !e.empty() { // nothing follows one that a repair takes away
			if after != nil {
				after.follow(e)
			}
			after = e
		}
		found = append(found, e)
	}
	slices.Reverse(found)
	for _, e := range found {
		e.missing()
	}
	return found, nil
}

// knownSalts returns the salts of the segments whose headers are whole: of a
// segment whose header is not, groups with these are another's.
func knownSalts(fs FS, numbers []uint64) (map[uint32]bool, error) {
	salts := make(map[uint32]bool, len(numbers))
	for _, number := range numbers {
		p := newPart(fs, number)
		err := p.scan(headerSize, p.readHeader)
		if err == nil {
			salts[p.header.salt] = true
		} else if _, ok := err.(*CorruptError); !ok && err != errNoHeader {
			return nil, p.explain(err)
		}
	}
	return salts, nil
}

// head finds out what the header says or said.
func (e *exam) head(s *scanner, others map[uint32]bool) error {
	err := e.readHeader(s)
	if err == nil {
		e.known, e.first = true, e.header.first
		e.groups = true
		return nil
	}
	if _, e.foreign = err.(*CorruptError); !e.foreign && err != errNoHeader {
		return e.explain(err)
	}
	salt := e.header.salt // where it is foreign
	e.header = header{number: e.number}
	s.lost = true
	at, err := s.find(0, func(g group) bool { return !others[g.salt] && (!e.foreign || g.salt != salt) })
	if err != nil || at < 0 {
		return err
	}
	g, payload, _, err := s.group(at)
	if err != nil {
		return err
	}
	e.groups, e.first, s.salt, s.lost = true, g.first, g.salt, false
	if g.kind == kindSnapshot && at == headerSize && len(payload) >= headerSize {
		if h, err := parseHeader(payload[:headerSize]); err == nil && h.number == e.number {
			e.header, e.known, e.bare = h, true, true
			e.first = h.first
			return nil
		}
	}
	e.header = header{number: e.number, first: g.first, applied: g.first, headLength: at, salt: g.salt}
	return nil
}

// judge tells whether the segment counts and how much of it, then looks at all of that.
func (e *exam) judge(s *scanner, after *exam) error {
	e.length = s.end
	switch {
	case after == nil || !after.known: // nobody says that it counts
		if ok, err := e.wasBorn(s); err != nil || !ok {
			e.report.LeftOver = true
			return err
		}
	case e.number > after.header.previous:
		e.report.LeftOver = true
		return nil
	case e.number == after.header.previous:
		e.length = after.header.previousLength
		e.groups = e.groups && (e.known || e.header.headLength < e.length) // see head
	}
	return e.inspect(s, after)
}

// wasBorn tells whether the newest segment ever had all of its head.
func (e *exam) wasBorn(s *scanner) (bool, error) {
	offset := int64(0)
	if e.known && !e.bare {
		p := *e.part
		p.length = e.header.headLength
		end, _, err := p.walk(s, func(int64, group, []byte) error { return nil })
		if end == e.header.headLength {
			return true, nil
		}
		if _, ok := err.(*CorruptError); err != nil && !ok {
			return false, err
		}
		offset = end
	}
	s.lost = !e.known || e.bare // as for a start
	at, err := s.find(offset, proves(offset))
	s.lost = false
	return e.foreign || at >= 0, err
}

// inspect walks over all groups, and over what is between them.
func (e *exam) inspect(s *scanner, after *exam) error {
	r := &e.report
	if e.empty() {
		e.damage(0, e.length, 0, "there is nothing whole in it")
		return nil
	}
	s.end = min(s.end, e.length)
	if !e.known || e.bare {
		e.damage(0, headerSize, 0, "the header is damaged")
	}
	offset, next := int64(headerSize), e.header.first
	r.First = next
	for offset < e.length {
		g, _, ok, err := s.group(offset)
		if err != nil {
			return readError(e.name, err)
		}
		if ok && g.first == next {
			if after != nil && !after.known && g.records > 0 && g.first >= after.first {
				e.giveUp(offset)
				break
			}
			if g.kind == kindRecords {
				r.Records += uint64(g.records)
			}
			r.Groups++
			offset, next = offset+g.size(), next+Position(g.records)
			continue
		}
		if offset, next, err = e.skip(s, offset, next, after); err != nil {
			return err
		}
	}
	r.End, r.Counts = next, e.length
	return nil
}

// giveUp ends the segment at an offset: writing it was given up there, and the
// next one has the records that follow.
func (e *exam) giveUp(offset int64) {
	e.length = offset
	if offset < e.header.headLength { // it never came to be
		e.report = SegmentReport{Name: e.name, Bytes: e.report.Bytes, LeftOver: true}
	}
}

// skip notes what is damaged from offset on, and returns where and with which
// record it goes on. The end of the last segment may be torn instead.
func (e *exam) skip(s *scanner, offset int64, next Position, after *exam) (int64, Position, error) {
	at, err := s.find(offset, func(g group) bool { return g.first >= next })
	if err != nil {
		return 0, 0, readError(e.name, err)
	}
	proof := at
	if after == nil && at >= 0 {
		if proof, err = s.find(offset, proves(offset)); err != nil {
			return 0, 0, readError(e.name, err)
		}
	}
	switch {
	case at >= 0 && proof >= 0:
		g, _, _, err := s.group(at)
		if err != nil {
			return 0, 0, readError(e.name, err)
		}
		e.damage(offset, at-offset, uint64(g.first-next), "damaged")
		e.report.Damage[len(e.report.Damage)-1].First = next
		return at, g.first, nil
	case after == nil:
		e.report.TornBytes = e.length - offset // nobody says that it counted
		e.length = offset
		return offset, next, nil
	}
	lost := uint64(max(after.first, next) - next)
	e.length = max(e.length, offset+groupSize) // a repair notes there what is lost
	e.damage(offset, e.length-offset, lost, "damaged")
	e.report.Damage[len(e.report.Damage)-1].First = next
	return e.length, next + Position(lost), nil
}

func (e *exam) damage(offset, bytes int64, records uint64, problem string) {
	e.report.Damage = append(e.report.Damage, Damage{Offset: offset, Bytes: bytes, First: e.first, Records: records, Problem: problem})
}

// follow links e to what is before it.
func (e *exam) follow(before *exam) {
	e.before = before
	e.relinked = !e.known || e.header.previous != before.number
}

// missing notes what is not there between e and what is before it.
func (e *exam) missing() {
	if e.before == nil || e.report.LeftOver {
		return
	}
	end, accepted := e.before.report.End, e.header.flags&flagHole != 0
	switch {
	case e.relinked && e.known:
		e.gap(end, fmt.Sprintf("%s, which it follows, is missing", segmentName(e.header.previous)))
	case e.header.first != end && !accepted:
		e.gap(end, "records before it are missing")
	}
}

func (e *exam) gap(end Position, problem string) {
	e.damage(0, 0, uint64(max(e.header.first, end)-end), problem)
	e.report.Damage[len(e.report.Damage)-1].First = end
}
