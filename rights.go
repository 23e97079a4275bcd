package sensocto

import (
	"context"
	"slices"
	"time"
)

// Rights decides who may do what with sensors and rooms. Whoever holds something
// open because of a right asks to be told when rights change.
type Rights interface {
	// Sensor returns what the identity may do with a sensor.
	Sensor(ctx context.Context, id Identity, sensorID string) (SensorRights, error)
	// Room returns what the identity may do in a room, and the room. It returns
	// ErrNotFound for a room that does not exist or that the identity may not see.
	Room(ctx context.Context, id Identity, roomID string) (RoomRights, Room, error)
	// RoomRights is Room for one of which the caller knows its ID and IsPublic.
	// Asked again it costs no query.
	RoomRights(ctx context.Context, id Identity, room Room) (RoomRights, error)
	// Visible returns which sensors the identity sees live.
	Visible(ctx context.Context, id Identity) (Visible, error)
	// OnChanged calls f with users whose rights may have changed, before the call
	// that changed them returns, until stop is called. A nil list means everybody,
	// callers without an account included. f must not block.
	OnChanged(f func(userIDs []string)) (stop func())
}

// Visible is which sensors somebody sees live.
type Visible struct {
	All       bool
	Owners    []string             // all sensors of these owners
	SensorIDs map[string]time.Time // and these, each since then; zero: always
	Only      []string             // of all that, where the credential names sensors; none means no such bound
}

// Sees reports whether a sensor is one of them, and since when (see
// SensorRights.LiveSince).
func (v *Visible) Sees(sensorID, ownerID string) (since time.Time, sees bool) {
	if v.All {
		return since, true
	}
	if len(v.Only) > 0 && !slices.Contains(v.Only, sensorID) {
		return since, false
	}
	if ownerID != "" && slices.Contains(v.Owners, ownerID) {
		return since, true
	}
	since, sees = v.SensorIDs[sensorID]
	return since, sees
}

// Add makes a sensor visible since a time, or since earlier where it was before.
func (v *Visible) Add(sensorID string, since time.Time) {
	if before, is := v.SensorIDs[sensorID]; !is || since.Before(before) {
		v.SensorIDs[sensorID] = since
	}
}

// ScopeRights decides by the scopes of a credential alone: all sensors are one
// operator's, and there are no rooms.
type ScopeRights struct{}

var _ Rights = ScopeRights{}

// Sensor implements Rights.
func (ScopeRights) Sensor(_ context.Context, id Identity, _ string) (SensorRights, error) {
	view, ingest, admin := id.Can(ScopeView), id.Can(ScopeIngest), id.Can(ScopeAdmin)
	return SensorRights{Live: view, History: view, Export: view, Ingest: ingest, Command: admin, Share: admin, Edit: admin, Delete: admin}, nil
}

// Room implements Rights.
func (ScopeRights) Room(context.Context, Identity, string) (RoomRights, Room, error) {
	return RoomRights{}, Room{}, ErrNotFound
}

// RoomRights implements Rights.
func (ScopeRights) RoomRights(context.Context, Identity, Room) (RoomRights, error) {
	return RoomRights{}, nil
}

// Visible implements Rights.
func (ScopeRights) Visible(_ context.Context, id Identity) (Visible, error) {
	return Visible{All: id.Can(ScopeView)}, nil
}

// OnChanged implements Rights: nothing ever changes.
func (ScopeRights) OnChanged(func([]string)) (stop func()) { return func() {} }
