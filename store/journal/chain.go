package journal

import (
	"fmt"
	"slices"
	"strings"
)

// chain is what a directory holds: segments that follow each other, and those
// that do not count.
type chain struct {
	parts []*part // oldest first
	dead  []*part // given up or never come to be
	next  uint64  // number for a new segment
}

func segments(fs FS) (numbers []uint64, err error) {
	names, err := fs.List()
	if err != nil {
		return nil, fmt.Errorf("open journal: list: %w", err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, repairSuffix) {
			return nil, &CorruptError{Segment: name, Problem: "a repair did not finish: repeat it"}
		}
		if number, ok := segmentNumber(name); ok {
			numbers = append(numbers, number)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// readChain follows the links from the last segment back to the first, and
// verifies their headers.
func readChain(fs FS) (c chain, err error) {
	numbers, err := segments(fs)
	if err != nil {
		return c, err
	}
	c.next = 1
	if n := len(numbers); n > 0 {
		c.next = numbers[n-1] + 1
	}
	last, numbers, err := c.last(fs, numbers)
	if last == nil || err != nil {
		return c, err
	}
	c.parts = []*part{last}
	for p := last; p != nil && err == nil; {
		p, numbers, err = c.before(p, numbers)
		if p != nil {
			c.parts = append(c.parts, p)
		}
	}
	slices.Reverse(c.parts)
	return c, err
}

// last returns the newest segment that came to be, and the numbers before it.
func (c *chain) last(fs FS, numbers []uint64) (*part, []uint64, error) {
	for i, number := range slices.Backward(numbers) {
		p := newPart(fs, number)
		ok, err := p.established()
		if err != nil {
			return nil, nil, err
		}
		if ok {
			p.length = p.size
			return p, numbers[:i], nil
		}
		c.dead = append(c.dead, p)
	}
	return nil, nil, nil
}

// before returns the segment that p follows; nil if that was truncated.
func (c *chain) before(p *part, numbers []uint64) (*part, []uint64, error) {
	at, ok := slices.BinarySearch(numbers, p.header.previous)
	if !ok {
		if at > 0 {
			return nil, nil, p.corrupt(0, "%s, which it follows, is missing", segmentName(p.header.previous))
		}
		c.bury(p.fs, numbers)
		return nil, nil, nil
	}
	c.bury(p.fs, numbers[at+1:])
	b := newPart(p.fs, numbers[at])
	b.length = p.header.previousLength
	err := b.scan(1<<62, func(s *scanner) error {
		if err := b.readHeader(s); err != nil {
			return b.explain(err)
		}
		switch {
		case b.length > b.size:
			return b.corrupt(b.size, "the file is %d bytes long, but %d were on disk", b.size, b.length)
		case b.length < b.header.headLength || b.header.first > p.header.first:
			return b.corrupt(0, "it does not fit %s, which follows it", p.name)
		}
		return nil
	})
	return b, numbers[:at], err
}

// bury keeps segments in mind whose writing was given up.
func (c *chain) bury(fs FS, numbers []uint64) {
	for _, number := range numbers {
		p := newPart(fs, number)
		_ = p.scan(0, func(*scanner) error { return nil }) // for its size; it does not count
		c.dead = append(c.dead, p)
	}
}
