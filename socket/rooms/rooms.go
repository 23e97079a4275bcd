// Package rooms are the topics of rooms and of the people in them: what happens in a
// room, the rooms that somebody sees, what is for one user alone, and the call in a
// room. It also keeps sensors in rooms while their devices are connected. What rooms and
// calls are is for the packages behind Source and Calls.
package rooms

import (
	"context"
	"hash/maphash"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/socket/admission"
)

// Source is what the topics show; *room.Rooms is one.
type Source interface {
	// State returns everything that a member sees of a room.
	State(ctx context.Context, id sensocto.Identity, roomID string) (sensocto.RoomState, error)
	// Come notes that a member has the room open, until leave is called, once.
	Come(ctx context.Context, roomID, userID string) (leave func())
	// List returns up to limit rooms behind an id: the identity's own, or public ones.
	List(ctx context.Context, id sensocto.Identity, public bool, after string, limit int) ([]sensocto.RoomView, error)
	// ReadNotification notes that the user has read a notification.
	ReadNotification(ctx context.Context, id sensocto.Identity, notificationID string) error
	// ShareWhileConnected brings a sensor into a room until EndTransient.
	ShareWhileConnected(ctx context.Context, id sensocto.Identity, roomID, sensorID string) error
	// EndTransient takes a sensor out of the rooms that it was in while connected.
	EndTransient(ctx context.Context, sensorID string) error
}

// Calls are the calls of rooms; *call.Calls is one.
type Calls interface {
	// Join adds a peer to the call of a room. It returns a *sensocto.CallFullError
	// where there are too many.
	Join(roomID string, who sensocto.Identity, out sensocto.CallOutlet) (sensocto.CallSeat, error)
	// Refused counts a join or an event that was refused before it came to a call.
	Refused(reason string)
}

// Options are what the topics need.
type Options struct {
	Source Source // nil: there are no rooms
	Calls  Calls  // nil: there are no calls
	Rights sensocto.Rights
	Events *admission.EventLog
}

// Topics makes the topics of joiners. Each lives for one join of a connection: package
// socket calls Join, then Joined, Handle and Recheck, and in the end Close.
type Topics struct {
	Options
	stays stays
}

// New returns Topics. It starts nothing.
func New(o Options) *Topics {
	return &Topics{Options: o, stays: stays{seed: maphash.MakeSeed()}}
}
