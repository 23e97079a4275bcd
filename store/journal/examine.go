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
	var after *exam // the next newer one that counts
	for _, number := range slices.Backward(numbers) {
		e := &exam{part: newPart(fs, number)}
		e.report.Name = e.name
		err := e.scan(1<<62, func(s *scanner) error {
			e.report.Bytes = e.size
			if err := e.head(s); err != nil {
				return err
			}
			return e.judge(s, after)
		})
		if err != nil {
			return nil, err
		}
		if !e.report.LeftOver {
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

// head finds out what the header says or said.
func (e *exam) head(s *scanner) error {
	err := e.readHeader(s)
	if err == nil {
		e.known, e.first = true, e.header.first
		e.groups = true
		return nil
	}
	if err != errNoHeader {
		return e.explain(err)
	}
	s.lost = true
	at, err := s.find(0, func(group) bool { return true })
	if err != nil || at < 0 {
		return err
	}
	g, payload, _, err := s.group(at)
	if err != nil {
		return err
	}
	e.groups, e.first, s.salt, s.lost = true, g.first, g.salt, false
	if g.kind == kindSnapshot && at == headerSize && len(payload) >= headerSize {
		if e.header, err = parseHeader(payload[:headerSize]); err == nil {
			e.known, e.bare = true, true
			e.first = e.header.first
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
	case after == nil:
		if ok, err := e.wasBorn(s); err != nil || !ok {
			e.report.LeftOver = true
			return err
		}
	case after.known && e.number > after.header.previous:
		e.report.LeftOver = true
		return nil
	case after.known && e.number == after.header.previous:
		e.length = after.header.previousLength
	}
	return e.inspect(s, after)
}

// wasBorn tells whether the newest segment ever had all of its head.
func (e *exam) wasBorn(s *scanner) (bool, error) {
	if !e.groups {
		return false, nil
	}
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
	at, err := s.find(offset, proves(offset))
	return at >= 0, err
}

// inspect walks over all groups, and over what is between them.
func (e *exam) inspect(s *scanner, after *exam) error {
	r := &e.report
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
	case after == nil || !after.known || after.header.previous != e.number:
		e.report.TornBytes = e.length - offset // nobody says that it counted
		e.length = offset
		return offset, next, nil
	}
	lost := uint64(max(after.first, next) - next)
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
