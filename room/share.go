package room

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/sensocto/sensocto"
)

var (
	errNoSensor  = &sensocto.Error{Code: sensocto.CodeNotFound, Reason: "no_sensor", Message: "there is no sensor with this id that you may see"}
	errNotShared = &sensocto.Error{Code: sensocto.CodeNotFound, Reason: "not_shared", Message: "the sensor is not in the room"}
)

var errNotYours = &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "no_right", Message: "only the owner of a sensor can share it"}

// Share brings a sensor of one's own into a room, or changes its terms.
func (r *Rooms) Share(ctx context.Context, id sensocto.Identity, roomID, sensorID string, t sensocto.ShareTerms) error {
	return r.share(ctx, id, sensocto.Share{RoomID: roomID, SensorID: sensorID, Control: t.Control, AllHistory: t.AllHistory})
}

// ShareWhileConnected brings a sensor into a room until EndTransient. The device of
// a sensor does that, whose credential may be for nothing but to bring measurements:
// what counts is what its owner may do.
func (r *Rooms) ShareWhileConnected(ctx context.Context, id sensocto.Identity, roomID, sensorID string) error {
	id.Scopes, id.SensorIDs = []sensocto.Scope{sensocto.ScopeView, sensocto.ScopeIngest}, nil
	return r.share(ctx, id, sensocto.Share{RoomID: roomID, SensorID: sensorID, Transient: true})
}

func (r *Rooms) share(ctx context.Context, id sensocto.Identity, s sensocto.Share) error {
	_, room, err := r.enter(ctx, id, s.RoomID, func(s sensocto.RoomRights) bool { return s.Share })
	if err != nil {
		return err
	}
	if !sensocto.ValidID(s.SensorID) {
		return errNoSensor
	}
	mine, err := r.rights.Sensor(ctx, id, s.SensorID)
	if err != nil {
		return err
	}
	if !mine.Share {
		return r.hidden(mine)
	}
	s.SharedBy, s.SharedAt = id.UserID, now()
	if err := r.store.PutShare(ctx, s, r.limits.Sensors); err != nil {
		return err
	}
	r.recordAlso(ctx, s.RoomID, s.SensorID)
	r.log.Info("sensor shared", "room", s.RoomID, "sensor", s.SensorID, "user", id.UserID)
	if !s.Transient { // a device does that whenever it connects
		terms := termsText(sensocto.ShareTerms{Control: s.Control, AllHistory: s.AllHistory})
		r.record(ctx, id, sensocto.AuditEvent{Action: sensocto.AuditSensorShared, UserID: room.OwnerID, SensorID: s.SensorID, RoomID: s.RoomID, Detail: terms})
	}
	sensor := r.sensor(s)
	r.publish(sensocto.RoomTopic(s.RoomID), sensocto.EventSensorAdded, sensocto.RoomSensorEvent{RoomID: s.RoomID, SensorID: s.SensorID, Sensor: &sensor})
	r.changed(ctx, room)
	return nil
}

// hidden is the error for a sensor that is not one's own: whether it exists is
// nobody's business who cannot see it.
func (r *Rooms) hidden(s sensocto.SensorRights) error {
	if s.Live || s.Edit {
		return errNotYours
	}
	return errNoSensor
}

// Unshare takes a sensor out of a room: its owner may, and whoever may edit the
// room.
func (r *Rooms) Unshare(ctx context.Context, id sensocto.Identity, roomID, sensorID string) error {
	rights, room, err := r.enter(ctx, id, roomID, func(s sensocto.RoomRights) bool { return s.Enter })
	if err != nil {
		return err
	}
	if !rights.Edit {
		mine, err := r.rights.Sensor(ctx, id, sensorID)
		if err != nil {
			return err
		}
		if !mine.Share {
			return r.hidden(mine)
		}
	}
	sharer := r.sharer(ctx, roomID, sensorID)
	if err := r.store.RemoveShare(ctx, roomID, sensorID); errors.Is(err, sensocto.ErrNotFound) {
		return errNotShared
	} else if err != nil {
		return err
	}
	r.record(ctx, id, sensocto.AuditEvent{Action: sensocto.AuditSensorUnshared, UserID: sharer, SensorID: sensorID, RoomID: roomID})
	r.unshared(ctx, room, sensorID)
	return nil
}

// sharer returns who shared a sensor into a room; "" where that is not known.
func (r *Rooms) sharer(ctx context.Context, roomID, sensorID string) string {
	shares, err := r.store.SensorShares(ctx, sensorID)
	if err != nil {
		r.log.Warn("the audit log does not say who had shared a sensor", "sensor", sensorID, "err", err)
	}
	for _, s := range shares {
		if s.RoomID == roomID {
			return s.SharedBy
		}
	}
	return ""
}

// termsText says how something is shared, for the audit log.
func termsText(t sensocto.ShareTerms) string {
	text := "live"
	if t.AllHistory {
		text += ", all history"
	}
	if t.Control {
		text += ", control"
	}
	return text
}

func (r *Rooms) unshared(ctx context.Context, room sensocto.Room, sensorID string) {
	r.unlisten(room.ID, sensorID)
	r.log.Info("sensor no longer shared", "room", room.ID, "sensor", sensorID)
	r.publish(sensocto.RoomTopic(room.ID), sensocto.EventSensorRemoved, sensocto.RoomSensorEvent{RoomID: room.ID, SensorID: sensorID})
	r.changed(ctx, room)
}

// EndTransient takes a sensor whose device has disconnected out of the rooms
// that it was in only for that time.
func (r *Rooms) EndTransient(ctx context.Context, sensorID string) error {
	shares, err := r.store.SensorShares(ctx, sensorID)
	if err != nil {
		return err
	}
	var ended []sensocto.Share
	for _, s := range shares {
		if s.Transient {
			ended = append(ended, s)
		}
	}
	if len(ended) == 0 {
		return nil
	}
	if err := r.store.RemoveTransientShares(ctx, sensorID); err != nil {
		return err
	}
	for _, s := range ended {
		if room, err := r.store.Room(ctx, s.RoomID); err == nil {
			r.unshared(ctx, room, sensorID)
		}
	}
	return nil
}

// Grant gives a user a right to a sensor of one's own; with userID "" everybody:
// the sensor is public then.
func (r *Rooms) Grant(ctx context.Context, id sensocto.Identity, sensorID, userID string, t sensocto.ShareTerms) error {
	if err := r.mine(ctx, id, sensorID); err != nil {
		return err
	}
	g := sensocto.Grant{SensorID: sensorID, UserID: userID, GrantedAt: now(), Control: t.Control && userID != "", AllHistory: t.AllHistory}
	grants, err := r.store.Grants(ctx, sensorID)
	if err != nil {
		return err
	}
	again := slices.ContainsFunc(grants, func(g sensocto.Grant) bool { return g.UserID == userID })
	if len(grants) >= r.limits.Grants && !again {
		return &sensocto.Error{Code: sensocto.CodeRateLimited, Reason: "too_many_grants", Message: "the sensor is shared with as many people as the server allows: make a room for them"}
	}
	if userID != "" && !again {
		if err := r.notices.take(id.UserID, userID, now()); err != nil {
			return err
		}
	}
	if err := r.store.PutGrant(ctx, g); err != nil {
		return err
	}
	r.log.Info("grant given", "sensor", sensorID, "user", userID)
	if userID != "" && !again {
		r.notify(ctx, userID, noteSensorGranted, map[string]any{"sensor_id": sensorID, "sensor_name": r.sensorName(sensorID), "by": id.UserID})
	}
	r.record(ctx, id, sensocto.AuditEvent{Action: sensocto.AuditGrantGiven, UserID: userID, SensorID: sensorID, Detail: grantText(userID, termsText(t))})
	return nil
}

// sensorName is what people call a sensor.
func (r *Rooms) sensorName(id string) string {
	s, ok := r.options.Sensor(id)
	if !ok {
		s = sensocto.UnknownSensor(id)
	}
	return cmp.Or(s.Name, id)
}

// grantText is what a grant's event says beside the user.
func grantText(userID, terms string) string {
	if userID == "" {
		return strings.TrimSpace("to everybody " + terms)
	}
	return terms
}

// Revoke takes a grant back.
func (r *Rooms) Revoke(ctx context.Context, id sensocto.Identity, sensorID, userID string) error {
	if err := r.mine(ctx, id, sensorID); err != nil {
		return err
	}
	if err := r.store.RemoveGrant(ctx, sensorID, userID); err != nil {
		return err
	}
	r.log.Info("grant taken back", "sensor", sensorID, "user", userID)
	r.record(ctx, id, sensocto.AuditEvent{Action: sensocto.AuditGrantRevoked, UserID: userID, SensorID: sensorID, Detail: grantText(userID, "")})
	return nil
}

// Shared returns with whom a sensor of one's own is shared.
func (r *Rooms) Shared(ctx context.Context, id sensocto.Identity, sensorID string) ([]sensocto.Grant, []sensocto.Share, error) {
	if err := r.mine(ctx, id, sensorID); err != nil {
		return nil, nil, err
	}
	grants, err := r.store.Grants(ctx, sensorID)
	if err != nil {
		return nil, nil, err
	}
	shares, err := r.store.SensorShares(ctx, sensorID)
	return grants, shares, err
}

func (r *Rooms) mine(ctx context.Context, id sensocto.Identity, sensorID string) error {
	rights, err := r.rights.Sensor(ctx, id, sensorID)
	if err == nil && !rights.Share {
		err = r.hidden(rights)
	}
	return err
}
