package journal

import (
	"context"
	"fmt"
)

// span is a part that was there at Open.
type span struct{ *part }

// Replay calls yield with every record that was there at Open, in order, and
// progress, where it is not nil, now and then with how many bytes of how many
// are done. Records may be appended meanwhile. A record is valid until yield returns.
// What Replay has yet to read is not truncated, so a journal must be replayed
// once, and it can be only until then.
func (j *Journal) Replay(ctx context.Context, yield func(at Position, record []byte) error, progress func(done, total int64)) error {
	var done, total int64
	for _, p := range j.replay {
		total += p.length
	}
	for i, p := range j.replay {
		if !j.reading(p.number) {
			return fmt.Errorf("replay journal: %s: it was replayed before", p.name)
		}
		err := p.scan(p.length, func(s *scanner) error {
			next, err := p.replay(ctx, s, yield, func(offset int64) {
				if progress != nil {
					progress(done+offset, total)
				}
			})
			if err == nil && i+1 < len(j.replay) {
				err = j.replay[i+1].follows(next)
			}
			return err
		})
		if err != nil {
			return err
		}
		done += p.length
	}
	j.reading(0)
	return nil
}

// progressEvery so many bytes of a segment.
const progressEvery = 4 << 20

func (p *part) replay(ctx context.Context, s *scanner, yield func(Position, []byte) error, progress func(offset int64)) (Position, error) {
	var told int64
	end, next, err := p.walk(s, func(offset int64, g group, payload []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if offset >= told+progressEvery {
			told = offset
			progress(offset)
		}
		return p.records(offset, g, payload, yield)
	})
	if err == nil && end < p.length {
		err = p.corrupt(end, "a damaged group")
	}
	if err == nil {
		progress(end)
	}
	return next, err
}

// follows returns an error unless the part goes on where that before it ended.
func (p *part) follows(next Position) error {
	if p.header.first == next || p.header.flags&flagHole != 0 {
		return nil
	}
	return p.corrupt(0, "it begins with position %d, that before it ended at %d", p.header.first, next)
}

// reading says which segment Replay needs, with all after it; 0: none any
// more. It returns false if that may be gone.
func (j *Journal) reading(number uint64) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.unread == 0 && number != 0 && len(j.segments) > 0 && j.segments[0].number > number {
		return false
	}
	if j.unread != 0 || number != 0 {
		j.unread = number
	}
	if number == 0 {
		select {
		case j.truncate <- struct{}{}:
		default:
		}
	}
	return true
}
