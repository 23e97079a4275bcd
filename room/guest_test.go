package room_test

import (
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/peopledb"
	"github.com/sensocto/sensocto/room"
)

// guest makes an account for a day.
func (w *world) guest(name string) sensocto.Identity {
	w.t.Helper()
	u := sensocto.User{ID: "guest-" + name, Name: name, IsGuest: true, CreatedAt: time.Now(), ExpiresAt: time.Now().Add(24 * time.Hour), Version: 1}
	w.must(w.db.InsertUser(w.t.Context(), u))
	w.users[name] = sensocto.Identity{ID: "session-" + name, UserID: u.ID, OwnerID: u.ID, Scopes: []sensocto.Scope{sensocto.ScopeView, sensocto.ScopeIngest}}
	return w.users[name]
}

// A guest account enters as a guest, may be made a member, and never what would
// end a room with it.
func TestGuestAccount_IsNeverOwnerOrAdmin(t *testing.T) {
	each(t, func(t *testing.T, db *peopledb.DB) {
		w := newWorld(t, db, room.Limits{})
		ctx, gus := t.Context(), w.guest("gus")
		ada, _, r := w.room(true)
		_, err := w.Create(ctx, gus, sensocto.RoomDraft{Name: "for a day"})
		w.refused(err, "guest_account")

		is := func(want sensocto.Role) {
			t.Helper()
			if v, err := w.Room(ctx, gus, r.ID); err != nil || v.Role == nil || *v.Role != want {
				t.Errorf("%+v %v, want %s", v, err, want)
			}
		}
		for what, enter := range map[string]func() error{
			"code":   func() error { _, err := w.JoinByCode(ctx, gus, r.JoinCode, "192.0.2.1"); return err },
			"public": func() error { _, err := w.Join(ctx, gus, r.ID); return err },
			"invitation": func() error {
				i, err := w.Invite(ctx, ada, r.ID, gus.UserID, "", "")
				if err == nil {
					_, err = w.Accept(ctx, gus, i.ID)
				}
				return err
			},
		} {
			if err := enter(); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			is(sensocto.RoleGuest)
			w.must(w.Leave(ctx, gus, r.ID))
		}
		_, err = w.Invite(ctx, ada, r.ID, gus.UserID, "", sensocto.RoleAdmin)
		w.refused(err, "guest_account")
		_, err = w.Join(ctx, gus, r.ID)
		w.must(err)
		w.must(w.SetRole(ctx, ada, r.ID, gus.UserID, sensocto.RoleMember))
		is(sensocto.RoleMember)
		w.refused(w.SetRole(ctx, ada, r.ID, gus.UserID, sensocto.RoleAdmin), "guest_account")
		w.refused(w.SetRole(ctx, ada, r.ID, gus.UserID, sensocto.RoleOwner), "guest_account")
		is(sensocto.RoleMember)
	})
}
