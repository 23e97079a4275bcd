package sensor

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/sensocto/sensocto"
)

// ownerNames are the display names of those to whom sensors belong. Each is read once,
// outside all other locks, and kept; renamed changes it.
type ownerNames struct {
	read func(ctx context.Context, ownerID string) (string, error)
	most int // names that are kept
	log  *slog.Logger

	mu    sync.Mutex // guards known
	known map[string]string
}

// ownerNameTimeout bounds the wait for a name: a sensor without it is better than none.
const ownerNameTimeout = 2 * time.Second

// of returns the name of an owner, "" where there is none, or it cannot be read now.
func (n *ownerNames) of(ctx context.Context, ownerID string) string {
	switch ownerID {
	case "", sensocto.OperatorID, sensocto.GuestID: // these are nobody
		return ""
	}
	n.mu.Lock()
	name, ok := n.known[ownerID]
	n.mu.Unlock()
	if ok || n.read == nil {
		return name
	}
	ctx, cancel := context.WithTimeout(ctx, ownerNameTimeout)
	defer cancel()
	name, err := n.read(ctx, ownerID)
	if err != nil {
		n.log.Warn("cannot read the name of a sensor's owner: the sensor is shown without it", "owner", ownerID, "err", err)
		return ""
	}
	return n.putIfAbsent(ownerID, name)
}

// latest returns the name that is known now, or else the one that was read before.
func (n *ownerNames) latest(ownerID, before string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if name, ok := n.known[ownerID]; ok {
		return name
	}
	return before
}

// putIfAbsent keeps a name that was read, unless the owner was renamed meanwhile. It
// returns the name that is kept.
func (n *ownerNames) putIfAbsent(ownerID, name string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if newer, ok := n.known[ownerID]; ok {
		return newer
	}
	n.keep(ownerID, name)
	return name
}

func (n *ownerNames) put(ownerID, name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.keep(ownerID, name)
}

// keep stores a name. The caller holds mu.
func (n *ownerNames) keep(ownerID, name string) {
	if len(n.known) >= n.most {
		clear(n.known) // those of sensors that are gone, most of all
	}
	n.known[ownerID] = name
}

// OwnerRenamed shows sensors under another name of their owner. It returns at once.
func (r *Registry) OwnerRenamed(ownerID, name string) {
	r.names.put(ownerID, name)
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.closed {
		return
	}
	var theirs []*process
	for _, p := range r.sensors {
		if p.view.owner() == ownerID {
			theirs = append(theirs, p)
		}
	}
	r.goroutines.Go(func() {
		for _, p := range theirs {
			_ = p.call(r.patience, func() error { // one that is gone, or ends, has nothing to tell
				p.change(func(s *sensocto.Sensor) {
					if s.OwnerID == ownerID {
						s.OwnerName = name
					}
				})
				return nil
			})
		}
	})
}
