package bench

// track is what one viewer got of one sensor, to the sample.
type track struct {
	next     int64  // the sample that is due
	missing  []span // before next, not come (yet)
	received int64  // one by one
	merged   int64  // as part of a bucket
	lagged   int64  // what the server said of samples not sent one by one
	doubled  int64
	late     int64 // came after a younger one
	silent   bool  // its latencies do not count
}

// take counts samples that came.
func (t *track) take(s span) {
	if s.first > t.next {
		t.missing = append(t.missing, span{first: t.next, end: s.first})
		t.next = s.first
	}
	for s.first < t.next && s.first < s.end {
		if t.found(s.first) {
			t.count(1, s.merged)
			t.late++
		} else {
			t.doubled++
		}
		s.first++
	}
	if n := s.end - s.first; n > 0 {
		t.next = s.end
		t.count(n, s.merged)
	}
}

func (t *track) count(n int64, merged bool) {
	if merged {
		t.merged += n
	} else {
		t.received += n
	}
}

// found takes seq out of the missing ones, if it is there.
func (t *track) found(seq int64) bool {
	for i, m := range t.missing {
		if seq < m.first || seq >= m.end {
			continue
		}
		tail := span{first: seq + 1, end: m.end}
		t.missing[i].end = seq
		if tail.first < tail.end {
			t.missing = append(t.missing, tail)
		}
		return true
	}
	return false
}

// lost is how many of the samples sent never came, in no form.
func (t *track) lost(sent int64) int64 {
	n := sent - t.next
	for _, m := range t.missing {
		n += m.end - m.first
	}
	return n
}
