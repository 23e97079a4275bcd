package erasure

import (
	"context"
	"errors"
	"fmt"

	"github.com/sensocto/sensocto"
)

// A sensor whose owner has no account any more is nobody's: a device that was still
// let in may have brought it after its owner was erased, or a crash came between.
// Nobody could see or remove it, so Run looks for such sensors.

// heldFrom is how many orphans are removed without being told to, whatever their
// share is: more than that, and more than a quarter of all sensors of people, look
// like a database without its accounts, as after half a restore.
const heldFrom = 10

// Orphans removes the sensors whose owners had no account at the call before
// either. It removes none where they are too many to be what erasures left, or
// nobody has an account at all.
func (e *Eraser) Orphans(ctx context.Context) error {
	e.turn.Lock()
	defer e.turn.Unlock()
	orphans, ofPeople, err := e.orphans(ctx)
	if err != nil {
		return fmt.Errorf("look for sensors without an owner: %w", err)
	}
	someone, err := e.options.Store.Users(ctx, "", 1)
	if err != nil {
		return fmt.Errorf("look for sensors without an owner: %w", err)
	}
	before := e.suspects
	e.suspects = make(map[string]string, len(orphans))
	for _, s := range orphans {
		e.suspects[s.ID] = s.OwnerID
	}
	if len(orphans) > max(heldFrom, ofPeople/4) || len(orphans) > 0 && len(someone) == 0 {
		if e.held.Swap(int64(len(orphans))) == 0 {
			e.options.Log.Error("sensors of people without accounts are not removed, since they are so many, or because nobody has an account: restore the accounts, or hand the sensors over (PATCH /api/v1/sensors/{id}) or remove them ('sensocto cleanup')",
				"sensors", len(orphans), "of", ofPeople, "one", orphans[0].ID)
		}
		return nil
	}
	e.held.Store(0)
	return e.removeOrphans(ctx, orphans, before)
}

// orphans returns the sensors of people who have no account, and how many sensors
// people have.
func (e *Eraser) orphans(ctx context.Context) (orphans []sensocto.Sensor, ofPeople int, err error) {
	gone := map[string]bool{} // by owner
	for _, s := range e.options.Sensors.Sensors() {
		if s.OwnerID == "" || s.OwnerID == sensocto.OperatorID || s.OwnerID == sensocto.GuestID {
			continue
		}
		ofPeople++
		is, known := gone[s.OwnerID]
		if !known {
			_, err := e.options.Store.User(ctx, s.OwnerID)
			if is = errors.Is(err, sensocto.ErrNotFound); err != nil && !is {
				return nil, 0, err
			}
			gone[s.OwnerID] = is
		}
		if is {
			orphans = append(orphans, s)
		}
	}
	return orphans, ofPeople, nil
}

func (e *Eraser) removeOrphans(ctx context.Context, orphans []sensocto.Sensor, before map[string]string) error {
	var failed []error
	for _, s := range orphans {
		if before[s.ID] != s.OwnerID {
			continue
		}
		if _, err := e.options.Sensors.Delete(ctx, s.ID); err != nil && !errors.Is(err, sensocto.ErrNotFound) {
			e.failures.Add(1)
			failed = append(failed, fmt.Errorf("remove sensor %s of nobody: %w", s.ID, err))
			continue
		}
		e.orphansRemoved.Add(1)
		e.options.Log.Info("sensor removed: its owner has no account any more", "sensor", s.ID, "user", s.OwnerID)
	}
	return errors.Join(failed...)
}
