package p2p

import (
	"testing"
	"time"
)

// When a room in which nobody of a server is any more is forgotten there.
func TestEmptied_MayForget(t *testing.T) {
	now := time.Now()
	at := func(d time.Duration) time.Time { return now.Add(d) }
	met := func(r *shared) { r.metAt = at(2 * time.Second) } // after what was said
	known := func(r *shared) { r.emptied = &emptied{since: now, pause: fetchPause, knownAt: now} }
	for name, c := range map[string]struct {
		is     func(r *shared)
		left   time.Time // when the last one did
		reads  bool
		unsaid bool
		now    time.Time
		forget bool
		tell   bool
		later  time.Time
	}{
		"just left":                        {left: now, now: now, tell: true, later: at(erasedMost)},
		"just left, which nobody has said": {left: now, unsaid: true, now: now, later: at(erasedMost)},
		"the time is not known":            {now: now, tell: true, later: at(erasedMost)},
		"only read":                        {reads: true, now: now, forget: true},
		"only read, while somebody comes":  {is: func(r *shared) { r.coming = 1 }, reads: true, now: now},
		"only read, while it is held":      {is: func(r *shared) { r.held = 1 }, reads: true, now: now},
		"nobody else has it":               {is: func(r *shared) { r.outside = false }, left: now, now: now, later: at(fetchPause)},
		"exchanged since": {is: func(r *shared) {
			r.emptied = &emptied{since: now, pause: fetchPause, spread: spread{saidAt: now}}
			met(r)
		},
			left: now, now: at(3 * time.Second), tell: true, later: at(erasedMost)},
		"exchanged twice": {is: func(r *shared) {
			r.emptied = &emptied{since: now, pause: fetchPause, spread: spread{saidAt: now, again: true}}
			met(r)
		},
			left: now, now: at(3 * time.Second), later: at(3*time.Second + fetchPause)},
		"known, and perhaps not fetched":  {is: known, left: now, now: at(fetchPause - 1), later: at(fetchPause)},
		"known and fetched":               {is: known, left: now, now: at(fetchPause), forget: true},
		"known, and somebody comes":       {is: func(r *shared) { known(r); r.coming = 1 }, left: now, now: at(fetchPause)},
		"known, and somebody was erased":  {is: func(r *shared) { known(r); r.erasures = map[Key]*erasure{"k": {}} }, left: now, now: at(fetchPause)},
		"long ago":                        {left: at(-erasedMost - 1), unsaid: true, now: now, forget: true},
		"found long ago, at an old start": {is: func(r *shared) { r.emptied = &emptied{since: at(-erasedMost - 1)} }, unsaid: true, now: now, forget: true},
		"left in the future":              {left: at(time.Hour), now: now, tell: true, later: at(erasedMost)},
	} {
		t.Run(name, func(t *testing.T) {
			r := &shared{outside: true, emptied: &emptied{since: now, pause: fetchPause}}
			if c.is != nil {
				c.is(r)
			}
			forget, tell := r.mayForget(c.left, !c.unsaid, !c.reads, c.now)
			if forget != c.forget || tell != c.tell || !r.later.Equal(c.later) || r.going != forget {
				t.Errorf("forget %v, tell %v, later %v, going %v", forget, tell, r.later, r.going)
			}
		})
	}
}
