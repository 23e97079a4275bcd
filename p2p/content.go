package p2p

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sensocto/sensocto"
)

// LocalSensorID returns the id under which a sensor of another server is known
// here; ok is false where it would be too long. Ids of two people never meet.
func LocalSensorID(ref SensorRef) (id string, ok bool) {
	if len(ref.Member) < 20 {
		return "", false
	}
	id = sensocto.RemoteSensorPrefix + string(ref.Member[:20]) + ":" + ref.ID
	return id, sensocto.ValidID(id)
}

// facts are what a room says, as values by the keys of their facts.
type facts map[string]json.RawMessage

func (f facts) set(key string, v any) error {
	raw, err := json.Marshal(v)
	f[key] = raw
	return err
}

// factsOf returns what the room here says of itself: of people and sensors of
// other servers, what they said last. own says whether the room was made here, and moves
// how often it has moved.
func (s *RoomSync) factsOf(ctx context.Context, c sensocto.RoomContent, moves int64, base map[string]*signed, own bool) (facts, error) {
	f := facts{}
	if err := f.set(keyName, c.Name); err != nil {
		return nil, err
	}
	if err := f.set(keyDescription, c.Description); err != nil {
		return nil, err
	}
	for name, value := range c.Settings {
		f[settingKey(name)] = value
	}
	for userID, role := range c.Members {
		if err := s.addMember(ctx, f, member{userID, role, moves}, own); err != nil {
			return nil, err
		}
	}
	for sensorID, share := range c.Shares {
		if err := s.addSensor(ctx, f, sensorID, share); err != nil {
			return nil, err
		}
	}
	for key, b := range base {
		if id, remote := s.remoteSensor(key); remote && !b.Deleted {
			if _, shared := c.Shares[id]; shared {
				f[key] = b.Fact.Value
			}
		}
	}
	return f, nil
}

// member is a user in a room that has moved so often.
type member struct {
	userID string
	role   sensocto.Role
	moves  int64
}

func (s *RoomSync) addMember(ctx context.Context, f facts, m member, own bool) error {
	k, err := s.people.key(ctx, m.userID)
	if err != nil {
		return err
	}
	switch {
	case m.role != sensocto.RoleOwner:
		err = f.set(memberKey(k), memberValue{m.role})
	case own:
		err = f.set(keyOwner, k)
	}
	if err != nil || !s.people.local(k) {
		return err
	}
	u, err := s.options.Store.User(ctx, m.userID)
	if err != nil {
		return err
	}
	seal, err := s.options.Keys.SealKey(m.userID)
	if err != nil {
		return err
	}
	return f.set(personKey(k), personValue{Name: u.Name, Endpoint: s.options.Sidecar.State().Endpoint, Seal: seal, Moves: m.moves})
}

// addSensor adds a sensor of this server.
func (s *RoomSync) addSensor(ctx context.Context, f facts, sensorID string, share sensocto.Share) error {
	k, err := s.people.key(ctx, share.SharedBy)
	if err != nil || !s.people.local(k) || strings.HasPrefix(sensorID, sensocto.RemoteSensorPrefix) {
		return err
	}
	sensor, ok := s.options.Sensor(sensorID)
	if !ok {
		sensor = sensocto.UnknownSensor(sensorID)
	}
	return f.set(sensorKey(k, sensorID), Sensor{Name: shorten(sensor.Name), Type: sensor.Type, Control: share.Control, AllHistory: share.AllHistory, SharedAtUS: share.SharedAt.UnixMicro()})
}

// shorten bounds a name that a device chose.
func shorten(name string) string {
	const most = 4 * sensocto.MaxNameRunes
	if len(name) <= most {
		return name
	}
	name = name[:most]
	for !utf8.ValidString(name) {
		name = name[:len(name)-1]
	}
	return name
}

// remoteSensor returns the id here of the sensor of another server that a key
// names.
func (s *RoomSync) remoteSensor(key string) (id string, ok bool) {
	kind, parts, ok := splitKey(key)
	if !ok || kind != prefixSensor || len(parts) != 2 || s.people.local(Key(parts[0])) {
		return "", false
	}
	return LocalSensorID(SensorRef{Key(parts[0]), parts[1]})
}

// followed reports whether what this server's room says decides about a fact: if
// it is missing there, it has been deleted here.
func (s *RoomSync) followed(key string, own bool) bool {
	kind, parts, ok := splitKey(key)
	switch {
	case !ok:
		return false
	case key == keyOwner:
		return own
	case kind == prefixMember:
		return s.people.known(Key(parts[0])) != ""
	case kind == prefixSensor:
		_, remote := s.remoteSensor(key)
		return remote || s.people.local(Key(parts[0]))
	}
	return key == keyName || key == keyDescription || kind == prefixSetting
}

// change is a fact that was changed here and not sent yet.
type change struct {
	key  string
	fact Fact
}

// changes returns what the room here says that is not in the facts as they were
// last exchanged.
func (s *RoomSync) changes(roomID string, now facts, base map[string]*signed, own bool, at time.Time) []change {
	var all []change
	add := func(key string, value json.RawMessage) {
		all = append(all, change{key, next(roomID, base[key], value, at)})
	}
	for key, value := range now {
		if b := base[key]; b == nil || b.Deleted || !bytes.Equal(b.Fact.Value, value) {
			add(key, value)
		}
	}
	for key, b := range base {
		if now[key] == nil && !b.Deleted && s.followed(key, own) {
			add(key, nil)
		}
	}
	return all
}

// next returns the fact that follows another of the same key; nil stands for none,
// and a nil value for a deletion.
func next(roomID string, b *signed, value json.RawMessage, at time.Time) Fact {
	f := Fact{Room: roomID, Version: 1, AtUS: at.UnixMicro(), Deleted: value == nil, Value: value}
	switch {
	case b == nil:
	case b.Deleted && value != nil, b.Version >= maxCount:
		f.Generation = b.Generation + 1
	default:
		f.Generation, f.Version = b.Generation, b.Version+1
	}
	return f
}

// content returns what a merged room is to say here. It keeps of have what is of
// this server and not of the document.
func (s *RoomSync) content(ctx context.Context, have sensocto.RoomContent, m Room) (sensocto.RoomContent, error) {
	want := sensocto.RoomContent{Name: m.Name, Description: m.Description, OwnerID: have.OwnerID,
		Settings: map[string]json.RawMessage{}, Members: map[string]sensocto.Role{}, Shares: map[string]sensocto.Share{}}
	if m.Name == "" {
		want.Name = have.Name
	}
	maps.Copy(want.Settings, m.Settings)
	for k, member := range m.Members {
		userID, err := s.people.user(ctx, k, member)
		if err != nil {
			return want, err
		}
		want.Members[userID] = member.Role
		if member.Role == sensocto.RoleOwner {
			want.OwnerID = userID
		}
	}
	for ref, sensor := range m.Sensors {
		s.addShare(want, have, ref, sensor)
	}
	return want, nil
}

func (s *RoomSync) addShare(want, have sensocto.RoomContent, ref SensorRef, sensor Sensor) {
	if s.people.local(ref.Member) {
		if share, ok := have.Shares[ref.ID]; ok {
			want.Shares[ref.ID] = share
		}
		return
	}
	id, ok := LocalSensorID(ref)
	if !ok {
		return
	}
	s.sensors.Store(id, RemoteSensor{ref, sensor})
	want.Shares[id] = sensocto.Share{SensorID: id, SharedBy: s.people.known(ref.Member), SharedAt: time.UnixMicro(sensor.SharedAtUS).UTC(), Control: sensor.Control, AllHistory: sensor.AllHistory}
}

// RemoteSensor is a sensor of another server.
type RemoteSensor struct {
	Ref    SensorRef
	Sensor Sensor
}

// Sensor returns what is known of a sensor of another server, by its id here.
func (s *RoomSync) Sensor(id string) (sensocto.Sensor, bool) {
	v, ok := s.sensors.Load(id)
	if !ok {
		return sensocto.Sensor{}, false
	}
	r := v.(RemoteSensor)
	known := sensocto.UnknownSensor(id)
	known.Name, known.Type = r.Sensor.Name, r.Sensor.Type
	return known, true
}
