package journal

import "fmt"

// part is a segment as it was found.
type part struct {
	fs     FS
	number uint64
	name   string
	header header
	size   int64 // of the file
	length int64 // of that counts
}

func newPart(fs FS, number uint64) *part {
	return &part{fs: fs, number: number, name: segmentName(number)}
}

func (p *part) corrupt(offset int64, format string, args ...any) error {
	return &CorruptError{Segment: p.name, Offset: offset, Problem: fmt.Sprintf(format, args...)}
}

// scan calls f with a scanner of the file, up to limit or to its end.
func (p *part) scan(limit int64, f func(*scanner) error) error {
	file, err := p.fs.Open(p.name)
	if err != nil {
		return readError(p.name, err)
	}
	defer func() { _ = file.Close() }() // nothing was written
	if p.size, err = file.Size(); err != nil {
		return readError(p.name, err)
	}
	return f(&scanner{file: file, end: min(limit, p.size), salt: p.header.salt})
}

// readHeader reads the header; errNoHeader if it is damaged.
func (p *part) readHeader(s *scanner) error {
	b, err := s.bytes(0, int(min(headerSize, s.end)))
	if err != nil {
		return readError(p.name, err)
	}
	if p.header, err = parseHeader(b); err != nil {
		return err
	}
	if p.header.number != p.number {
		return p.corrupt(0, "it is segment %d under a wrong name", p.header.number)
	}
	s.salt = p.header.salt
	return nil
}

// visit is called with every group of a part. The payload is valid until it returns.
type visit func(offset int64, g group, payload []byte) error

// walk calls yield with every group up to p.length. It stops at the first that
// is not valid, and returns where that is and the position of its records.
func (p *part) walk(s *scanner, yield visit) (end int64, next Position, err error) {
	offset, next := int64(headerSize), p.header.first
	for offset < min(p.length, s.end) {
		g, payload, ok, err := s.group(offset)
		if err != nil {
			return offset, next, readError(p.name, err)
		}
		if !ok {
			return offset, next, nil
		}
		if g.first != next || (g.kind == kindSnapshot) != (offset == headerSize) && g.kind != kindHole {
			return offset, next, p.corrupt(offset, "a group of position %d where %d was expected", g.first, next)
		}
		if err := yield(offset, g, payload); err != nil {
			return offset, next, err
		}
		next += Position(g.records)
		offset += g.size()
	}
	return offset, next, nil
}

// records calls yield with the records of a group.
func (p *part) records(offset int64, g group, payload []byte, yield func(at Position, record []byte) error) error {
	if g.kind != kindRecords {
		return nil
	}
	at := g.first
	var failed error
	err := eachRecord(payload, g.records, func(record []byte) error {
		failed = yield(at, record)
		at++
		return failed
	})
	if err != nil && failed == nil {
		return p.corrupt(offset, "%v", err)
	}
	return err
}

// established tells whether all of the head is there: without that the segment
// never came to be. It is an error if the head was there once.
func (p *part) established() (ok bool, err error) {
	err = p.scan(1<<62, func(s *scanner) error {
		err := p.readHeader(s)
		if err == errNoHeader {
			s.lost = true
			return p.unborn(s, 0)
		}
		if err != nil {
			return p.explain(err)
		}
		p.length = p.header.headLength
		end, _, err := p.walk(s, func(int64, group, []byte) error { return nil })
		if err != nil {
			return err
		}
		if ok = end == p.header.headLength; !ok {
			return p.unborn(s, end)
		}
		return nil
	})
	return ok, err
}

// unborn returns an error if what is bad at offset was once good.
func (p *part) unborn(s *scanner, offset int64) error {
	at, err := s.find(offset, proves(offset))
	if err != nil {
		return readError(p.name, err)
	}
	if at >= 0 {
		return p.corrupt(offset, "the head of the segment is damaged")
	}
	return nil
}

// explain names the file in an error about its header.
func (p *part) explain(err error) error {
	if err == errNoHeader {
		return p.corrupt(0, "%v", err)
	}
	return fmt.Errorf("journal: %s: %w", p.name, err)
}
