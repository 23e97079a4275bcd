// Package erasure removes people with everything that is theirs: sensors with all
// measurements from every tier and the journal, rooms, credentials, what they were
// sent. It follows marks in the database (account.Accounts.Erase, and guests whose
// time is over), so that what a crash interrupts goes on at the next start.
package erasure

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sensocto/sensocto"
)

// Interval is how often Run looks for marks that another process has set.
const Interval = 2 * time.Second

// orphanInterval is how often Run looks for sensors whose owner has no account.
const orphanInterval = time.Hour

// page is how many people are read at once.
const page = 100

// Store is where the marks are; *peopledb.DB is one.
type Store interface {
	UsersToErase(ctx context.Context, before time.Time, limit int) ([]string, error)
	RoomsOwnedBy(ctx context.Context, userID string) ([]string, error)
	DeleteUser(ctx context.Context, id string) error
	// User returns sensocto.ErrNotFound for nobody.
	User(ctx context.Context, id string) (sensocto.User, error)
	Users(ctx context.Context, after string, limit int) ([]sensocto.User, error)
}

// Sensors are all sensors of the server; *sensor.Registry is one.
type Sensors interface {
	Sensors() []sensocto.Sensor
	Delete(ctx context.Context, id string) (sensocto.Removed, error)
}

// Rooms removes rooms; *room.Rooms does.
type Rooms interface {
	Erase(ctx context.Context, roomID string) error
}

// Options are what New needs. All but Log are required.
type Options struct {
	Store   Store
	Sensors Sensors
	Rooms   Rooms
	Log     *slog.Logger
}

// Eraser is safe for concurrent use.
type Eraser struct {
	options Options
	turn    sync.Mutex // one person at a time: a deletion flushes the store

	suspects map[string]string // owners without an account by sensor, as of the last call of Orphans; guarded by turn

	erased, failures, orphansRemoved atomic.Uint64
	held                             atomic.Int64 // orphans that are too many to be removed
}

// New returns an Eraser. It starts nothing: see Run.
func New(o Options) *Eraser {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Eraser{options: o}
}

// Run erases whoever is marked, and removes sensors of nobody, until ctx ends.
func (e *Eraser) Run(ctx context.Context) error {
	tick, orphans := time.NewTicker(Interval), time.NewTicker(orphanInterval)
	defer tick.Stop()
	defer orphans.Stop()
	failing := false
	for {
		err := e.All(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			e.options.Log.Error("somebody could not be erased; it is tried again", "err", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-orphans.C:
			if err := e.Orphans(ctx); err != nil && ctx.Err() == nil {
				e.options.Log.Error("sensors of nobody could not be removed; it is tried again", "err", err)
			}
		}
	}
}

// All erases whoever is marked now. One who cannot be erased does not keep the
// others from it.
func (e *Eraser) All(ctx context.Context) error {
	users, err := e.options.Store.UsersToErase(ctx, time.Now(), page)
	if err != nil {
		return fmt.Errorf("list whom to erase: %w", err)
	}
	var failed []error
	for _, id := range users {
		if err := e.User(ctx, id); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// User removes a person with everything that is theirs. It may be called again
// after an error, and for somebody who is gone.
func (e *Eraser) User(ctx context.Context, userID string) error {
	e.turn.Lock()
	defer e.turn.Unlock()
	sensors, rooms, err := e.user(ctx, userID)
	switch {
	case errors.Is(err, sensocto.ErrNotFound): // gone meanwhile
		return nil
	case err != nil:
		e.failures.Add(1)
		return fmt.Errorf("erase user %s: %w", userID, err)
	}
	e.erased.Add(1)
	e.options.Log.Info("user erased", "user", userID, "sensors", sensors, "rooms", rooms)
	return nil
}

func (e *Eraser) user(ctx context.Context, userID string) (sensors, rooms int, err error) {
	if userID == "" {
		return 0, 0, sensocto.ErrNotFound // nobody's sensors are not a person's
	}
	if sensors, err = e.sensors(ctx, userID); err != nil {
		return sensors, rooms, err
	}
	owned, err := e.options.Store.RoomsOwnedBy(ctx, userID)
	if err != nil {
		return sensors, rooms, err
	}
	for _, id := range owned {
		if err := e.options.Rooms.Erase(ctx, id); err != nil && !errors.Is(err, sensocto.ErrNotFound) {
			return sensors, rooms, err
		}
		rooms++
	}
	if err := e.options.Store.DeleteUser(ctx, userID); err != nil {
		return sensors, rooms, err
	}
	// One may have come while the others went: from a device that had been let in, or
	// handed over. From now on nobody can be handed anything.
	more, err := e.sensors(ctx, userID)
	return sensors + more, rooms, err
}

// sensors removes the sensors of a user.
func (e *Eraser) sensors(ctx context.Context, userID string) (removed int, err error) {
	for _, s := range e.options.Sensors.Sensors() {
		if s.OwnerID != userID {
			continue
		}
		if _, err := e.options.Sensors.Delete(ctx, s.ID); err != nil && !errors.Is(err, sensocto.ErrNotFound) {
			return removed, err
		}
		removed++
	}
	return removed, nil
}

// Metrics implements sensocto.MetricSource.
func (e *Eraser) Metrics(emit func(sensocto.Metric)) {
	emit(sensocto.Metric{Name: "users_erased_total", Help: "People who were removed with everything that is theirs, guests included.", Kind: sensocto.KindCounter, Value: float64(e.erased.Load())})
	emit(sensocto.Metric{Name: "erasure_orphans_removed_total", Help: "Sensors removed because their owner has no account any more.", Kind: sensocto.KindCounter, Value: float64(e.orphansRemoved.Load())})
	emit(sensocto.Metric{Name: "erasure_orphans_held", Help: "Sensors whose owner has no account, and which are not removed because they are so many, or nobody has an account.", Kind: sensocto.KindGauge, Value: float64(e.held.Load())})
	emit(sensocto.Metric{Name: "erasure_failures_total", Help: "Attempts to remove somebody that failed, and are repeated.", Kind: sensocto.KindCounter, Value: float64(e.failures.Load())})
}
