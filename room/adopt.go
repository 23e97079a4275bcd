package room

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/sensocto/sensocto"
)

// Content returns what servers that share a room have in common.
func (r *Rooms) Content(ctx context.Context, roomID string) (sensocto.RoomContent, error) {
	room, err := r.store.Room(ctx, roomID)
	if err != nil {
		return sensocto.RoomContent{}, err
	}
	c := sensocto.RoomContent{Name: room.Name, Description: room.Description, OwnerID: room.OwnerID,
		Settings: map[string]json.RawMessage{}, Members: map[string]sensocto.Role{}, Shares: map[string]sensocto.Share{}}
	if err := json.Unmarshal(room.Settings, &c.Settings); err != nil {
		return c, fmt.Errorf("read settings: %w", err)
	}
	members, err := r.store.Members(ctx, roomID, "", r.limits.Members)
	if err != nil {
		return c, fmt.Errorf("list members: %w", err)
	}
	for _, m := range members {
		c.Members[m.UserID] = m.Role
	}
	shares, err := r.store.Shares(ctx, roomID)
	if err != nil {
		return c, fmt.Errorf("list sensors: %w", err)
	}
	for _, s := range shares {
		c.Shares[s.SensorID] = s
	}
	return c, nil
}

// AdoptRoom makes a room that another server has, with its owner and no other
// members. A room with that id is a conflict.
func (r *Rooms) AdoptRoom(ctx context.Context, roomID string, c sensocto.RoomContent) error {
	settings, err := json.Marshal(c.Settings)
	if err != nil {
		return err
	}
	room := sensocto.Room{ID: roomID, Name: c.Name, Description: c.Description, OwnerID: c.OwnerID, CreatedAt: now(), Settings: settings, Version: 1}
	if err := check(&room); err != nil {
		return err
	}
	if _, err := r.store.Room(ctx, roomID); err == nil {
		return &sensocto.Error{Code: sensocto.CodeConflict, Reason: "room_exists", Message: "this room is here already"}
	} else if !errors.Is(err, sensocto.ErrNotFound) {
		return err
	}
	if err := r.store.InsertRoom(ctx, room); err != nil {
		return fmt.Errorf("store room: %w", err)
	}
	r.log.Info("room of another server added", "room", roomID)
	if view, err := r.view(ctx, room); err == nil {
		r.publish(sensocto.TopicRoomsUpdates, sensocto.EventRoomCreated, view)
	}
	return nil
}

// Forget removes a room of another server of which nobody here is a member any more: it has so
// many members, all of them people of other servers, whom nobody tells. It returns an error of
// code conflict where somebody has come meanwhile.
func (r *Rooms) Forget(ctx context.Context, roomID string, members int) error {
	invitations, err := r.store.RoomInvitations(ctx, roomID, "", r.limits.Invitations, now())
	if err != nil {
		return fmt.Errorf("list invitations: %w", err)
	}
	if err := r.store.ForgetRoom(ctx, roomID, members); err != nil {
		return err
	}
	ref := sensocto.RoomRef{RoomID: roomID, ID: roomID}
	r.publish(sensocto.RoomTopic(roomID), sensocto.EventRoomClosed, ref)
	r.publish(sensocto.TopicRoomsUpdates, sensocto.EventRoomDeleted, ref)
	r.erased(ctx, roomID, invitations)
	return nil
}

// Adopt brings what changed at other servers into a room, and tells of it as if it
// had been changed here. Only what differs between have and want changes, and what
// has been changed here since have was read stays: that change is the later one.
// What the limits of this server do not allow is left out: left names the users and
// sensors.
func (r *Rooms) Adopt(ctx context.Context, roomID string, have, want sensocto.RoomContent) (left []string, err error) {
	if err := r.adoptText(ctx, roomID, have, want); err != nil {
		return nil, err
	}
	room, err := r.store.Room(ctx, roomID)
	if err != nil {
		return nil, err
	}
	a := adoption{r, room, have, want, nil}
	if err := a.members(ctx); err != nil {
		return nil, err
	}
	err = a.shares(ctx)
	return a.left, err
}

// adoption brings members and sensors of other servers into a room.
type adoption struct {
	*Rooms
	room       sensocto.Room
	have, want sensocto.RoomContent
	left       []string
}

// adoptText brings in name, description and settings.
func (r *Rooms) adoptText(ctx context.Context, roomID string, have, want sensocto.RoomContent) error {
	for {
		room, err := r.store.Room(ctx, roomID)
		if err != nil {
			return err
		}
		if !mergeText(&room, have, want) {
			return nil
		}
		if err := check(&room); err != nil {
			r.log.Warn("a change of another server was not adopted", "room", roomID, "err", err)
			return nil
		}
		_, err = r.save(ctx, room, sensocto.RoomRights{})
		if sensocto.ErrorReason(err) != "version_mismatch" {
			return err
		}
	}
}

// mergeText changes what is still as it was, and reports whether that is anything.
func mergeText(room *sensocto.Room, have, want sensocto.RoomContent) (changed bool) {
	if want.Name != have.Name && room.Name == have.Name && want.Name != "" {
		room.Name, changed = want.Name, true
	}
	if want.Description != have.Description && room.Description == have.Description {
		room.Description, changed = want.Description, true
	}
	settings := map[string]json.RawMessage{}
	if json.Unmarshal(room.Settings, &settings) != nil {
		return changed
	}
	before := len(settings)
	different := false
	for _, name := range slices.Concat(slices.Collect(maps.Keys(have.Settings)), slices.Collect(maps.Keys(want.Settings))) {
		old, new := have.Settings[name], want.Settings[name]
		if bytes.Equal(old, new) || !bytes.Equal(settings[name], old) {
			continue
		}
		if different = true; new == nil {
			delete(settings, name)
		} else {
			settings[name] = new
		}
	}
	if !different && len(settings) == before {
		return changed
	}
	text, err := json.Marshal(settings)
	if err != nil {
		return changed
	}
	room.Settings = text
	return true
}

func (r *adoption) members(ctx context.Context) error {
	room, have, want := r.room, r.have, r.want
	if want.OwnerID != have.OwnerID && want.OwnerID != "" && room.OwnerID == have.OwnerID {
		if err := r.member(ctx, want.OwnerID, have.Members[want.OwnerID], sensocto.RoleAdmin); err != nil {
			return err
		}
		if !slices.Contains(r.left, want.OwnerID) {
			if err := r.store.SetOwner(ctx, room.ID, want.OwnerID); err != nil {
				return err
			}
			r.publish(sensocto.RoomTopic(room.ID), sensocto.EventMemberJoined, r.memberEvent(ctx, sensocto.Member{RoomID: room.ID, UserID: want.OwnerID, Role: sensocto.RoleOwner}, true))
		}
	}
	for userID, old := range have.Members {
		if want.Members[userID] == "" && old != sensocto.RoleOwner {
			if err := r.remove(ctx, room, userID, false); err != nil && !errors.Is(err, sensocto.ErrNotFound) {
				return err
			}
		}
	}
	for _, userID := range slices.Sorted(maps.Keys(want.Members)) {
		// SetOwner changed the role of the owner before.
		if role := want.Members[userID]; role != have.Members[userID] && role != sensocto.RoleOwner && have.Members[userID] != sensocto.RoleOwner {
			if err := r.member(ctx, userID, have.Members[userID], role); err != nil {
				return err
			}
		}
	}
	return nil
}

// member gives a user a role that is not the owner's.
func (r *adoption) member(ctx context.Context, userID string, old, role sensocto.Role) error {
	room := r.room
	u, err := r.store.User(ctx, userID)
	if err == nil {
		err = mayBe(u, role)
	}
	if err != nil {
		return r.leave(userID, err)
	}
	m := sensocto.Member{RoomID: room.ID, UserID: userID, Role: role, JoinedAt: now()}
	present, err := r.store.Member(ctx, room.ID, userID)
	switch {
	case errors.Is(err, sensocto.ErrNotFound) && old == "":
		err = r.store.AddMember(ctx, m, r.limits.Members)
		if err == nil {
			r.joined(ctx, room, m)
			return nil
		}
	case err != nil || present.Role != old || present.Role == role:
		return ignoreMissing(err)
	default:
		if err = r.store.SetRole(ctx, room.ID, userID, role); err == nil {
			r.publish(sensocto.RoomTopic(room.ID), sensocto.EventMemberJoined, r.memberEvent(ctx, m, true))
			r.changed(ctx, room)
			return nil
		}
	}
	return r.leave(userID, err)
}

func (r *adoption) shares(ctx context.Context) error {
	room, have, want := r.room, r.have, r.want
	for sensorID := range have.Shares {
		if _, still := want.Shares[sensorID]; still {
			continue
		}
		switch err := r.store.RemoveShare(ctx, room.ID, sensorID); {
		case err == nil:
			r.unshared(ctx, room, sensorID)
		case !errors.Is(err, sensocto.ErrNotFound):
			return err
		}
	}
	for _, sensorID := range slices.Sorted(maps.Keys(want.Shares)) {
		share := want.Shares[sensorID]
		if old, had := have.Shares[sensorID]; had && old.Control == share.Control && old.AllHistory == share.AllHistory && old.SharedBy == share.SharedBy {
			continue
		}
		share.RoomID = room.ID
		if err := r.store.PutShare(ctx, share, r.limits.Sensors); err != nil {
			if err := r.leave(sensorID, err); err != nil {
				return err
			}
			continue
		}
		sensor := r.sensor(share)
		r.publish(sensocto.RoomTopic(room.ID), sensocto.EventSensorAdded, sensocto.RoomSensorEvent{RoomID: room.ID, SensorID: sensorID, Sensor: &sensor})
		r.changed(ctx, room)
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, sensocto.ErrNotFound) {
		return nil
	}
	return err
}

// leave notes what this server does not allow, and returns errors of the store.
func (r *adoption) leave(who string, err error) error {
	switch sensocto.ErrorCode(err) {
	case sensocto.CodeRateLimited, sensocto.CodeConflict, sensocto.CodeUnauthorized, sensocto.CodeNotFound:
		r.log.Warn("a change of another server was not adopted", "room", r.room.ID, "of", who, "err", err)
		r.left = append(r.left, who)
		return nil
	}
	return err
}
