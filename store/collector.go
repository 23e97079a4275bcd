package store

import (
	"math"

	"github.com/sensocto/sensocto"
)

// pageDocumentBytes bounds the text of the documents on a page: it ends early
// rather than hold more.
const pageDocumentBytes = 8 << 20

// collector gathers samples that a query selects, in whatever order they
// come, and keeps those that come first in the query's order. What arrives is
// mostly sorted: it keeps sorted runs and merges them when it has to.
type collector struct {
	from, to int64 // timestamps, to is exclusive
	order    sensocto.Order
	after    *sensocto.Cursor
	limit    int   // 0: none
	bound    int64 // number: samples from here on came later; 0: none

	entries   []entry
	runs      []int // where sorted runs begin, after the first
	spare     []entry
	documents map[int64][]byte // of entries, by number
	size      int              // bytes of these
	cut       bool             // they are too many bytes for one page: it ends early
	full      bool             // entries are sorted and limit many: nothing behind the last counts
}

// reset begins a query with the memory of the last one.
func (c *collector) reset(q sensocto.Query, limit int) {
	*c = collector{
		from: q.From, to: q.To, order: q.Order, after: q.After, limit: limit,
		entries: c.entries[:0], runs: c.runs[:0], spare: c.spare[:0],
	}
	if q.To == 0 {
		c.to = math.MaxInt64
	}
	if q.After != nil {
		c.bound = q.After.Before
	}
	switch {
	case q.After == nil:
	case q.Order == sensocto.Ascending:
		c.from = max(c.from, q.After.Timestamp)
	case q.After.Timestamp < c.to:
		c.to = q.After.Timestamp + 1
	}
}

// entry is a sample without its document, so that it has no pointers.
type entry struct {
	time  int64
	value float64
	seq   int64
}

// before reports whether a comes before b in the query's order.
func (c *collector) before(aTime, aSeq, bTime, bSeq int64) bool {
	if c.order == sensocto.Descending {
		aTime, aSeq, bTime, bSeq = bTime, bSeq, aTime, aSeq
	}
	return aTime < bTime || aTime == bTime && aSeq < bSeq
}

// add takes consecutive samples, the first of which has the number first.
func (c *collector) add(cols *Columns, first int64) {
	if c.order == sensocto.Ascending {
		documents := cols.Documents
		for i := range cols.Times {
			var text []byte
			if len(documents) > 0 && documents[0].Index == i {
				text, documents = documents[0].Text, documents[1:]
			}
			c.offer(cols, i, first, text)
		}
	} else {
		documents := cols.Documents
		for i := len(cols.Times) - 1; i >= 0; i-- {
			var text []byte
			if last := len(documents) - 1; last >= 0 && documents[last].Index == i {
				text, documents = documents[last].Text, documents[:last]
			}
			c.offer(cols, i, first, text)
		}
	}
	if c.limit > 0 && len(c.entries) >= c.limit {
		c.prune()
	}
	if c.limit > 0 && c.size > pageDocumentBytes {
		c.shorten()
	}
}

// shorten ends the page where its documents are as many bytes as are allowed.
func (c *collector) shorten() {
	c.sort()
	size, n := 0, 0
	for n < len(c.entries) && (n < 2 || size <= pageDocumentBytes) {
		size += len(c.documents[c.entries[n].seq])
		n++
	}
	if n < len(c.entries) {
		c.limit, c.cut = n, true
		c.prune()
	}
}

// offer takes one sample if the query selects it.
func (c *collector) offer(cols *Columns, i int, first int64, text []byte) {
	t, seq := cols.Times[i], first+int64(i)
	if t < c.from || t >= c.to {
		return
	}
	if c.after != nil && !c.before(c.after.Timestamp, c.after.Seq, t, seq) {
		return
	}
	if c.full {
		if last := &c.entries[c.limit-1]; !c.before(t, seq, last.time, last.seq) {
			return
		}
	}
	if n := len(c.entries); n > 0 {
		if last := &c.entries[n-1]; c.before(t, seq, last.time, last.seq) {
			c.runs = append(c.runs, n)
		}
	}
	if text != nil {
		c.keepDocument(seq, text)
	}
	c.entries = append(c.entries, entry{t, cols.Values[i], seq})
}

// satisfied reports whether no sample within a span of time can count.
func (c *collector) satisfied(span timeSpan) bool {
	if !c.full {
		return false
	}
	last := c.entries[c.limit-1].time
	if c.order == sensocto.Descending {
		return span.to < last
	}
	return span.from > last
}

// prune sorts and keeps the first limit entries.
func (c *collector) prune() {
	c.sort()
	if len(c.documents) > 0 {
		for _, e := range c.entries[c.limit:] {
			c.size -= len(c.documents[e.seq])
			delete(c.documents, e.seq)
		}
	}
	c.entries = c.entries[:c.limit]
	c.full = true
}

func (c *collector) keepDocument(seq int64, text []byte) {
	if c.documents == nil {
		c.documents = make(map[int64][]byte)
	}
	c.documents[seq] = text
	c.size += len(text)
}

// sort merges neighbouring runs until one is left.
func (c *collector) sort() {
	for len(c.runs) > 0 {
		c.spare = c.spare[:0]
		kept := c.runs[:0]
		starts := append(append([]int{0}, c.runs...), len(c.entries))
		for i := 0; i+1 < len(starts); i += 2 {
			end := starts[min(i+2, len(starts)-1)]
			if i > 0 {
				kept = append(kept, len(c.spare))
			}
			c.merge(c.entries[starts[i]:starts[i+1]], c.entries[starts[i+1]:end])
		}
		c.entries, c.spare, c.runs = c.spare, c.entries, kept
	}
}

// merge appends two sorted runs to spare.
func (c *collector) merge(a, b []entry) {
	for len(a) > 0 && len(b) > 0 {
		if c.before(b[0].time, b[0].seq, a[0].time, a[0].seq) {
			c.spare, b = append(c.spare, b[0]), b[1:]
		} else {
			c.spare, a = append(c.spare, a[0]), a[1:]
		}
	}
	c.spare = append(append(c.spare, a...), b...)
}

// page returns the first limit samples, all where limit is 0.
func (c *collector) page(limit int) sensocto.Page {
	c.sort()
	var next *sensocto.Cursor
	if c.cut && limit > 0 {
		limit = min(limit, len(c.entries)-1)
	}
	if limit > 0 && len(c.entries) > limit {
		last := c.entries[limit-1]
		next = &sensocto.Cursor{Timestamp: last.time, Seq: last.seq, Before: c.bound}
		c.entries = c.entries[:limit]
	}
	samples := make([]sensocto.Sample, len(c.entries))
	for i, e := range c.entries {
		samples[i] = sensocto.Sample{Timestamp: e.time, Value: e.value}
		if len(c.documents) > 0 {
			if text, ok := c.documents[e.seq]; ok {
				samples[i].Value, samples[i].Document = 0, text
			}
		}
	}
	return sensocto.Page{Samples: samples, Next: next}
}
