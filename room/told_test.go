package room_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/peopledb"
	"github.com/sensocto/sensocto/room"
)

// told returns the kinds of a user's notifications, the oldest first, with what
// they are about.
func (w *world) told(who sensocto.Identity) (kinds []string) {
	w.t.Helper()
	list, err := w.Notifications(w.t.Context(), who, "", 100)
	w.must(err)
	for _, n := range list {
		var about struct {
			Room   string `json:"room_name"`
			Sensor string `json:"sensor_name"`
			Role   string
		}
		w.must(json.Unmarshal(n.Data, &about))
		kinds = append(kinds, strings.TrimSpace(fmt.Sprintln(n.Kind, about.Room+about.Sensor, about.Role)))
	}
	slices.Reverse(kinds)
	return kinds
}

// prove confirms a user's address.
func (w *world) prove(who sensocto.Identity) {
	w.t.Helper()
	u, err := w.db.User(w.t.Context(), who.UserID)
	w.must(err)
	u.EmailProven = true
	_, err = w.db.UpdateUser(w.t.Context(), u)
	w.must(err)
}

func (w *world) toldIs(who sensocto.Identity, want ...string) {
	w.t.Helper()
	if got := w.told(who); !slices.Equal(got, want) {
		w.t.Errorf("told %q, want %q", got, want)
	}
}

// People hear of what others did to them, at once and later.
func TestPeople_AreToldWhatHappensToThem(t *testing.T) {
	each(t, func(t *testing.T, db *peopledb.DB) {
		w := newWorld(t, db, room.Limits{})
		ctx, eve := t.Context(), w.users["eve"]
		ada, bob, r := w.room(true)
		live := w.listen(sensocto.UserTopic(bob.UserID))
		w.must(w.SetRole(ctx, ada, r.ID, bob.UserID, sensocto.RoleAdmin))
		w.must(w.SetRole(ctx, ada, r.ID, bob.UserID, sensocto.RoleAdmin)) // which bob is
		w.must(w.Remove(ctx, ada, r.ID, bob.UserID, false))
		_, err := w.Join(ctx, bob, r.ID)
		w.must(err)
		w.must(w.Remove(ctx, ada, r.ID, bob.UserID, true))
		w.must(w.Grant(ctx, ada, "strap", bob.UserID, sensocto.ShareTerms{}))
		w.must(w.Grant(ctx, ada, "strap", bob.UserID, sensocto.ShareTerms{Control: true}))
		w.toldIs(bob, "role_changed Lab admin", "kicked Lab", "banned Lab", "sensor_granted Sensor strap")
		w.heard(live, "notification", "notification", "notification", "notification")

		w.must(w.Remove(ctx, ada, r.ID, eve.UserID, true)) // who need not know of the room
		w.must(w.Unban(ctx, ada, r.ID, eve.UserID))
		w.must(w.Unban(ctx, ada, r.ID, bob.UserID))
		for _, who := range []sensocto.Identity{bob, eve} {
			_, err = w.Join(ctx, who, r.ID)
			w.must(err)
		}
		w.must(w.SetRole(ctx, ada, r.ID, bob.UserID, sensocto.RoleOwner))
		w.must(w.Delete(ctx, bob, r.ID))
		w.toldIs(eve, "room_deleted Lab")
		w.toldIs(ada, "room_deleted Lab")
		if got := w.told(bob); got[len(got)-1] != "made_owner Lab owner" {
			t.Errorf("told %q", got)
		}
		_, _, r = w.room(false)
		w.must(w.Erase(ctx, r.ID)) // as where ada is erased
		if got := w.told(bob); got[len(got)-1] != "room_deleted Lab" {
			t.Errorf("told %q", got)
		}
	})
}

// A room that is forgotten ends for viewers and for those invited, and its members, who are of
// other servers, are told nothing. Where somebody has come it stays.
func TestForget_EndsARoomWithoutTellingItsMembers(t *testing.T) {
	each(t, func(t *testing.T, db *peopledb.DB) {
		w := newWorld(t, db, room.Limits{})
		ctx, eve := t.Context(), w.users["eve"]
		ada, bob, r := w.room(false)
		w.prove(eve)
		_, err := w.Invite(ctx, ada, r.ID, eve.UserID, "", "")
		w.must(err)
		hers, there, updates := w.listen(sensocto.UserTopic(eve.UserID)), w.listen(sensocto.RoomTopic(r.ID)), w.listen(sensocto.TopicRoomsUpdates)
		if err := w.Forget(ctx, r.ID, 1); sensocto.ErrorCode(err) != sensocto.CodeConflict {
			t.Error(err)
		}
		w.heard(there)
		if _, err := w.Rooms.Room(ctx, bob, r.ID); err != nil {
			t.Error(err)
		}
		w.must(w.Forget(ctx, r.ID, 2))
		w.heard(there, "room_closed")
		w.heard(updates, "room_deleted")
		w.heard(hers, "invitation_ended")
		w.toldIs(ada)
		w.toldIs(bob)
		_, err = w.Rooms.Room(ctx, bob, r.ID)
		w.refused(err, "no_room")
	})
}

// Who may invite sees what was not answered, and takes it back: it is gone for the
// person at once.
func TestInvitations_AreListedAndWithdrawn(t *testing.T) {
	each(t, func(t *testing.T, db *peopledb.DB) {
		w := newWorld(t, db, room.Limits{})
		ctx, eve := t.Context(), w.users["eve"]
		ada, bob, r := w.room(false)
		w.prove(eve)
		other, err := w.Invite(ctx, ada, r.ID, "", "nobody@example.org", "")
		w.must(err)
		hers := w.listen(sensocto.UserTopic(eve.UserID))
		i, err := w.Invite(ctx, ada, r.ID, "", "eve@example.org", "")
		w.must(err)
		w.heard(hers, "invitation", "notification")
		w.toldIs(eve, "invitation Lab member")
		_, err = w.Invite(ctx, ada, r.ID, eve.UserID, "", "")
		w.must(err)
		w.heard(hers, "invitation") // the person was notified before

		_, err = w.RoomInvitations(ctx, bob, r.ID, "", 10)
		w.refused(err, "no_right")
		w.refused(w.Withdraw(ctx, bob, r.ID, i.ID), "no_right")
		list, err := w.RoomInvitations(ctx, ada, r.ID, other.ID, 1)
		if err != nil || len(list) != 1 || list[0].ID != i.ID || list[0].Email != "eve@example.org" || list[0].UserID != "" {
			t.Errorf("%+v %v", list, err)
		}
		_, _, elsewhere := w.room(false)
		w.refused(w.Withdraw(ctx, ada, elsewhere.ID, i.ID), "no_invitation")
		w.must(w.Withdraw(ctx, ada, r.ID, i.ID))
		w.refused(w.Withdraw(ctx, ada, r.ID, i.ID), "no_invitation")
		w.heard(hers, "invitation_ended")
		if mine, err := w.Invitations(ctx, eve); err != nil || len(mine) != 1 || mine[0].UserID != eve.UserID {
			t.Errorf("%+v %v", mine, err)
		}
		w.must(w.Delete(ctx, ada, r.ID))
		w.heard(hers, "invitation_ended")
	})
}

// A ban ends the invitations of before it, and an invitation of after it ends the ban
// once it is accepted.
func TestBans_AreListedAndEndWithAnInvitation(t *testing.T) {
	each(t, func(t *testing.T, db *peopledb.DB) {
		w := newWorld(t, db, room.Limits{})
		ctx, eve := t.Context(), w.users["eve"]
		ada, bob, r := w.room(false)
		_, err := w.Invite(ctx, ada, r.ID, eve.UserID, "", "")
		w.must(err)
		hers := w.listen(sensocto.UserTopic(eve.UserID))
		w.must(w.Remove(ctx, ada, r.ID, eve.UserID, true))
		w.heard(hers, "invitation_ended")
		_, err = w.Bans(ctx, bob, r.ID, "", 10)
		w.refused(err, "no_right")
		bans := func() []sensocto.BanView {
			list, err := w.Bans(ctx, ada, r.ID, "", 10)
			w.must(err)
			return list
		}
		if list := bans(); len(list) != 1 || list[0].UserID != eve.UserID || list[0].Name != "eve" || list[0].BannedAt.IsZero() {
			t.Errorf("%+v", list)
		}
		i, err := w.Invite(ctx, ada, r.ID, eve.UserID, "", "")
		w.must(err)
		if len(bans()) != 1 {
			t.Error("the ban ended before the invitation was accepted")
		}
		_, err = w.Accept(ctx, eve, i.ID)
		w.must(err)
		if list := bans(); len(list) != 0 {
			t.Errorf("%+v", list)
		}
	})
}
