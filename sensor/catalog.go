package sensor

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sensocto/sensocto"
)

// Catalog keeps what is known of sensors across restarts.
type Catalog interface {
	// SaveSensors inserts or replaces sensors with their attributes and owners,
	// in one transaction: all of them, or none where it returns an error.
	// Activity and last values are not kept.
	SaveSensors(ctx context.Context, sensors []sensocto.Sensor) error
	// LoadSensors returns all sensors.
	LoadSensors(ctx context.Context) ([]sensocto.Sensor, error)
	// DeleteSensor removes a sensor. One that does not exist is no error.
	DeleteSensor(ctx context.Context, id string) error
}

// newSensorPatience is how long a join waits until its new sensor is saved.
const newSensorPatience = 2 * time.Second

// retryAfter is how long the saver waits after the catalog failed.
const retryAfter = time.Second

// savedAtOnce is how many sensors share a transaction: enough that the disk is
// asked rarely, and so few that a deletion does not wait long.
const savedAtOnce = 500

// saver writes changed sensors to the catalog in the background, so that no
// sensor waits for a disk. Changes of one sensor coalesce; its bound is the
// number of sensors.
type saver struct {
	catalog Catalog
	log     *slog.Logger
	wake    chan struct{} // one slot
	turn    chan struct{} // one slot: holds the right to write to the catalog

	mu      sync.Mutex // guards what follows
	dirty   map[*process]struct{}
	waiters map[*process][]chan<- error // each with capacity for its answer

	failures atomic.Uint64
}

func newSaver(c Catalog, log *slog.Logger) *saver {
	return &saver{catalog: c, log: log, wake: make(chan struct{}, 1), turn: make(chan struct{}, 1), dirty: make(map[*process]struct{}), waiters: make(map[*process][]chan<- error)}
}

func (s *saver) save(p *process) {
	s.mu.Lock()
	s.dirty[p] = struct{}{}
	s.mu.Unlock()
	notify(s.wake)
}

// await saves a sensor and waits until that is done or has failed once; what
// failed is tried again. It waits for newSensorPatience at most.
func (s *saver) await(ctx context.Context, p *process) error {
	ctx, cancel := context.WithTimeout(ctx, newSensorPatience)
	defer cancel()
	saved := make(chan error, 1)
	s.mu.Lock()
	s.dirty[p] = struct{}{}
	s.waiters[p] = append(s.waiters[p], saved)
	s.mu.Unlock()
	notify(s.wake)
	select {
	case err := <-saved:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run saves until ctx ends.
func (s *saver) run(ctx context.Context) {
	for {
		select {
		case <-s.wake:
		case <-ctx.Done():
			return
		}
		if err := s.flush(ctx); err != nil {
			select {
			case <-time.After(retryAfter):
				notify(s.wake)
			case <-ctx.Done():
				return
			}
		}
	}
}

// flush saves all that changed. What fails stays to be saved.
func (s *saver) flush(ctx context.Context) error {
	s.mu.Lock()
	todo, waiters := s.dirty, s.waiters
	s.dirty, s.waiters = make(map[*process]struct{}), make(map[*process][]chan<- error)
	s.mu.Unlock()
	var failed error
	left := 0
	for batch := range slices.Chunk(waitedForFirst(todo, waiters), savedAtOnce) {
		if failed == nil {
			failed = s.write(ctx, batch...)
		}
		if failed != nil { // the rest would fail as well
			left += len(batch)
			s.again(batch)
		}
		for _, p := range batch {
			for _, w := range waiters[p] {
				w <- failed
			}
		}
	}
	if failed == nil {
		return nil
	}
	s.failures.Add(1)
	s.log.Error("sensors could not be saved", "sensors", left, "err", failed)
	return fmt.Errorf("save %d sensors: %w", left, failed)
}

// waitedForFirst returns the sensors that are to be saved, first those whose joins
// wait. Each of these is in todo.
func waitedForFirst(todo map[*process]struct{}, waiters map[*process][]chan<- error) []*process {
	order := slices.AppendSeq(make([]*process, 0, len(todo)), maps.Keys(waiters))
	for p := range todo {
		if _, waitedFor := waiters[p]; !waitedFor {
			order = append(order, p)
		}
	}
	return order
}

// again notes sensors that are still to be saved.
func (s *saver) again(batch []*process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range batch {
		s.dirty[p] = struct{}{}
	}
}

// write saves sensors in one transaction, but for those that were deleted.
func (s *saver) write(ctx context.Context, batch ...*process) error {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	there := make([]*process, 0, len(batch))
	sensors := make([]sensocto.Sensor, 0, len(batch))
	for _, p := range batch {
		if !p.deleted.Load() {
			there = append(there, p)
			sensors = append(sensors, p.view.snapshot(time.Now()))
		}
	}
	if len(sensors) == 0 {
		return nil
	}
	if err := s.catalog.SaveSensors(ctx, sensors); err != nil {
		return err
	}
	for _, p := range there {
		p.hasRow.Store(true)
	}
	return nil
}

// remove deletes a sensor that is gone from the registry: after it, no save
// that was under way brings it back.
func (s *saver) remove(ctx context.Context, p *process) error {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	return s.catalog.DeleteSensor(ctx, p.id)
}
