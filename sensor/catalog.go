package sensor

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sensocto/sensocto"
)

// Catalog keeps what is known of sensors across restarts.
type Catalog interface {
	// SaveSensor inserts or replaces a sensor with its attributes and owner.
	// Activity and last values are not kept.
	SaveSensor(ctx context.Context, s sensocto.Sensor) error
	// LoadSensors returns all sensors.
	LoadSensors(ctx context.Context) ([]sensocto.Sensor, error)
	// DeleteSensor removes a sensor. One that does not exist is no error.
	DeleteSensor(ctx context.Context, id string) error
}

// retryAfter is how long the saver waits after the catalog failed.
const retryAfter = time.Second

// saver writes changed sensors to the catalog in the background, so that no
// sensor waits for a disk. Changes of one sensor coalesce; its bound is the
// number of sensors.
type saver struct {
	catalog Catalog
	log     *slog.Logger
	wake    chan struct{} // one slot
	turn    chan struct{} // one slot: holds the right to write to the catalog

	mu    sync.Mutex // guards dirty
	dirty map[*process]struct{}

	failures atomic.Uint64
}

func newSaver(c Catalog, log *slog.Logger) *saver {
	return &saver{catalog: c, log: log, wake: make(chan struct{}, 1), turn: make(chan struct{}, 1), dirty: make(map[*process]struct{})}
}

func (s *saver) save(p *process) {
	s.mu.Lock()
	s.dirty[p] = struct{}{}
	s.mu.Unlock()
	notify(s.wake)
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
	todo := s.dirty
	s.dirty = make(map[*process]struct{})
	s.mu.Unlock()
	var failed error
	for p := range todo {
		if err := s.write(ctx, p); err != nil {
			failed = err
			s.failures.Add(1)
			s.mu.Lock()
			s.dirty[p] = struct{}{}
			s.mu.Unlock()
		}
	}
	if failed != nil {
		s.log.Error("sensors could not be saved and will be tried again", "err", failed)
	}
	return failed
}

func (s *saver) write(ctx context.Context, p *process) error {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	if p.deleted.Load() {
		return nil
	}
	return s.catalog.SaveSensor(ctx, p.view.snapshot(time.Now()))
}

// remove deletes a sensor that is gone from the registry: after it, no save
// that was under way brings it back.
func (s *saver) remove(ctx context.Context, p *process) error {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	return s.catalog.DeleteSensor(ctx, p.id)
}
