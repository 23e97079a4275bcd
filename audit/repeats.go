package audit

import (
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/sensocto/sensocto"
)

// Commands may be sent many times a second. Each would be an event, and together
// they would push out those of others: so of one credential to one sensor the first
// has an event, and those of the next repeatTime have one together.

const (
	repeatTime = time.Minute
	maxRepeats = 10_000 // keys; beyond that each command has an event
)

// repeats counts events like one that was recorded. The zero value is ready.
type repeats struct {
	mu   sync.Mutex // guards seen
	seen map[repeatKey]*repeat
}

type repeatKey struct{ actor, credential, sensor string }

type repeat struct {
	first sensocto.AuditEvent
	more  int // behind the first
}

// isOne reports whether an event repeats one, and counts it then.
func (r *repeats) isOne(e sensocto.AuditEvent) bool {
	key := repeatKey{e.ActorID, e.CredentialID, e.SensorID}
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.seen[key]; known != nil {
		known.more++
		return true
	}
	if len(r.seen) < maxRepeats {
		if r.seen == nil {
			r.seen = make(map[repeatKey]*repeat)
		}
		r.seen[key] = &repeat{first: e}
	}
	return false
}

// over returns an event for each that was repeated, of those that were recorded
// before a time, and forgets them.
func (r *repeats) over(before time.Time) (events []sensocto.AuditEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, known := range r.seen {
		if !known.first.At.Before(before) {
			continue
		}
		delete(r.seen, key)
		if known.more > 0 {
			e := known.first
			e.ID, e.At = uuid.Must(uuid.NewV7()).String(), time.Now().UTC().Truncate(time.Microsecond)
			e.Detail = fmt.Sprintf("%d more since %s", known.more, known.first.At.Format(time.TimeOnly))
			events = append(events, e)
		}
	}
	return events
}
