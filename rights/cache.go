package rights

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/sensocto/sensocto"
)

// roles returns the rooms of a user. The map is shared: nobody changes it.
func (r *Rights) roles(ctx context.Context, userID string) (map[string]sensocto.Role, error) {
	return remembered(r, r.users, userID, func() (map[string]sensocto.Role, error) {
		list, err := r.options.Store.Memberships(ctx, userID)
		roles := make(map[string]sensocto.Role, len(list))
		for _, m := range list {
			roles[m.RoomID] = m.Role
		}
		return roles, err
	})
}

// sensor returns who has rights to a sensor. It is shared: nobody changes it.
func (r *Rights) sensor(ctx context.Context, sensorID string) (*sensor, error) {
	return remembered(r, r.sensors, sensorID, func() (s *sensor, err error) {
		s = &sensor{}
		if s.grants, err = r.options.Store.Grants(ctx, sensorID); err == nil {
			s.shares, err = r.options.Store.SensorShares(ctx, sensorID)
		}
		return s, err
	})
}

// remembered returns what a table has of a key, reading it where it has nothing.
// What was read while something changed is not kept.
func remembered[V any](r *Rights, table map[string]V, key string, read func() (V, error)) (V, error) {
	r.mu.Lock()
	v, ok := table[key]
	generation := r.generation
	r.mu.Unlock()
	if ok {
		return v, nil
	}
	v, err := read()
	if err != nil {
		return v, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.generation == generation {
		for other := range table {
			if len(table) < r.options.Entries {
				break
			}
			delete(table, other)
		}
		table[key] = v
	}
	return v, nil
}

// follow forgets what the changes concern, and tells whose rights may be
// different now.
func (r *Rights) follow(ctx context.Context, changes []sensocto.Change) {
	affected, everybody := r.remember(ctx, changes)
	switch {
	case everybody:
		r.tell(nil)
	case len(affected) > 0:
		r.tell(slices.Sorted(maps.Keys(affected)))
	}
}

// remember brings what is known up to date, and returns whose rights may be
// different now.
func (r *Rights) remember(ctx context.Context, changes []sensocto.Change) (affected map[string]struct{}, everybody bool) {
	r.following.Lock()
	defer r.following.Unlock()
	affected = map[string]struct{}{}
	for _, c := range changes {
		var err error
		switch c.Kind {
		case sensocto.ChangeRoom:
			err = r.roomChanged(ctx, c.ID, affected)
		case sensocto.ChangeSensor:
			var all bool
			all, err = r.sensorChanged(ctx, c.ID, affected)
			everybody = everybody || all
		case sensocto.ChangeUser:
			r.mu.Lock()
			r.generation++
			delete(r.users, c.ID)
			r.mu.Unlock()
			affected[c.ID] = struct{}{}
		}
		if err != nil {
			// What is not known is asked for again, by everybody.
			r.options.Log.Warn("rights are read anew", string(c.Kind), c.ID, "err", err)
			r.forget()
			everybody = true
		}
	}
	return affected, everybody
}

// roomChanged brings what is remembered up to date: thousands may be in the
// room, and each would have to read its rooms again.
func (r *Rights) roomChanged(ctx context.Context, roomID string, affected map[string]struct{}) error {
	members, err := r.members(ctx, roomID)
	if err != nil {
		return err
	}
	list, err := r.options.Store.Shares(ctx, roomID)
	if err != nil {
		return err
	}
	shares := make(map[string]sensocto.Share, len(list))
	for _, s := range list {
		shares[s.SensorID] = s
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.generation++
	for userID, roles := range r.users {
		before, now := roles[roomID], members[userID]
		if before != "" || now != "" {
			affected[userID] = struct{}{}
		}
		if before != now {
			r.users[userID] = withRole(roles, roomID, now)
		}
	}
	for userID := range members {
		affected[userID] = struct{}{}
	}
	for sensorID, s := range r.sensors {
		now, is := shares[sensorID]
		if is || slices.ContainsFunc(s.shares, func(s sensocto.Share) bool { return s.RoomID == roomID }) {
			r.sensors[sensorID] = s.withShare(roomID, now, is)
		}
	}
	return nil
}

// withShare returns a copy in which the sensor is in the room, or is not.
func (s *sensor) withShare(roomID string, share sensocto.Share, is bool) *sensor {
	others := slices.DeleteFunc(slices.Clone(s.shares), func(s sensocto.Share) bool { return s.RoomID == roomID })
	if is {
		others = append(others, share)
	}
	return &sensor{grants: s.grants, shares: others}
}

// withRole returns a copy: others may be reading the map.
func withRole(roles map[string]sensocto.Role, roomID string, role sensocto.Role) map[string]sensocto.Role {
	roles = maps.Clone(roles)
	if role == "" {
		delete(roles, roomID)
	} else {
		roles[roomID] = role
	}
	return roles
}

// membersPage is how many members are read at once.
const membersPage = 1000

func (r *Rights) members(ctx context.Context, roomID string) (map[string]sensocto.Role, error) {
	members := map[string]sensocto.Role{}
	for after := ""; ; {
		page, err := r.options.Store.Members(ctx, roomID, after, membersPage)
		if err != nil {
			return nil, err
		}
		for _, m := range page {
			members[m.UserID] = m.Role
			after = m.UserID
		}
		if len(page) < membersPage {
			return members, nil
		}
	}
}

// sensorChanged reads the grants to a sensor anew, and reports whether anybody
// may be concerned: it is or was public, or who had a grant is not remembered.
func (r *Rights) sensorChanged(ctx context.Context, sensorID string, affected map[string]struct{}) (everybody bool, err error) {
	grants, err := r.options.Store.Grants(ctx, sensorID)
	if err != nil {
		return true, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.generation++
	before, known := r.sensors[sensorID]
	if known {
		r.sensors[sensorID] = &sensor{grants: grants, shares: before.shares}
		grants = slices.Concat(grants, before.grants)
	}
	for _, g := range grants {
		affected[g.UserID] = struct{}{}
	}
	_, public := affected[""]
	return public || !known, nil
}

// forget drops all that is remembered.
func (r *Rights) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.generation++
	clear(r.users)
	clear(r.sensors)
}

func (r *Rights) tell(userIDs []string) {
	r.mu.Lock()
	listeners := slices.Collect(maps.Keys(r.listeners))
	r.mu.Unlock()
	for _, l := range listeners {
		l.changed(userIDs)
	}
}

// Run follows what other processes change, until ctx ends.
func (r *Rights) Run(ctx context.Context) error {
	tick := time.NewTicker(PollInterval)
	defer tick.Stop()
	version, failing := int64(-1), false
	for {
		next, err := r.poll(ctx, version)
		switch {
		case err == nil:
			version, failing = next, false
		case ctx.Err() == nil && !failing:
			failing = true
			r.options.Log.Error("cannot see whether rights have changed; trying on", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (r *Rights) poll(ctx context.Context, after int64) (int64, error) {
	changes, version, all, err := r.options.Store.Changes(ctx, after)
	switch {
	case err != nil:
		return after, err
	case all:
		r.forget()
		if after >= 0 {
			r.tell(nil)
		}
	default:
		r.follow(ctx, changes)
	}
	return version, nil
}
