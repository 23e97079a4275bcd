package admission

import "sync/atomic"

// Budget bounds a sum over all connections: bytes of unfinished messages, or
// sensors that are watched. It never blocks.
type Budget struct {
	Max  int64
	used atomic.Int64
}

// Reserve reports whether n more fit, and counts them if they do.
func (b *Budget) Reserve(n int64) bool {
	if b.used.Add(n) <= b.Max {
		return true
	}
	b.used.Add(-n)
	return false
}

// Release gives n back.
func (b *Budget) Release(n int64) { b.used.Add(-n) }

// Used returns what is reserved.
func (b *Budget) Used() int64 { return b.used.Load() }
