package room_test

import (
	"fmt"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/peopledb"
	"github.com/sensocto/sensocto/room"
)

// Nobody floods another's notifications, or an address with mails, by doing and
// taking back the same thing: by invitations, grants and roles together.
func TestNotices_OfOnePersonToAnotherAreBounded(t *testing.T) {
	each(t, func(t *testing.T, db *peopledb.DB) {
		w := newWorld(t, db, room.Limits{})
		ctx, eve := t.Context(), w.users["eve"]
		ada, bob, r := w.room(false)
		invite := func(userID, email string) error {
			i, err := w.Invite(ctx, ada, r.ID, userID, email, "")
			if err == nil {
				w.must(w.Withdraw(ctx, ada, r.ID, i.ID))
			}
			return err
		}
		for range 10 {
			w.must(invite(eve.UserID, ""))
			w.must(w.Grant(ctx, ada, "strap", eve.UserID, sensocto.ShareTerms{}))
			w.must(w.Revoke(ctx, ada, "strap", eve.UserID))
		}
		w.refused(invite(eve.UserID, ""), "too_many_notifications")
		w.refused(w.Grant(ctx, ada, "strap", eve.UserID, sensocto.ShareTerms{}), "too_many_notifications")
		if n := len(w.told(eve)); n != 20 {
			t.Errorf("%d notifications", n)
		}
		if list, err := w.Invitations(ctx, eve); err != nil || len(list) != 0 {
			t.Error("a refused invitation is there", list, err)
		}
		if grants, _, err := w.Shared(ctx, ada, "strap"); err != nil || len(grants) != 0 {
			t.Error("a refused grant is there", grants, err)
		}

		// Others are not concerned, nor is who wants to change the terms of a grant.
		w.must(w.Grant(ctx, bob, "belt", eve.UserID, sensocto.ShareTerms{}))
		for range 30 {
			w.must(w.Grant(ctx, bob, "belt", eve.UserID, sensocto.ShareTerms{Control: true}))
		}
		w.must(w.SetRole(ctx, ada, r.ID, bob.UserID, sensocto.RoleGuest))
		for range 9 {
			w.must(w.SetRole(ctx, ada, r.ID, bob.UserID, sensocto.RoleMember))
			w.must(w.SetRole(ctx, ada, r.ID, bob.UserID, sensocto.RoleGuest))
		}
		w.must(w.SetRole(ctx, ada, r.ID, bob.UserID, sensocto.RoleMember))
		w.refused(w.SetRole(ctx, ada, r.ID, bob.UserID, sensocto.RoleGuest), "too_many_notifications")
		w.must(w.Remove(ctx, ada, r.ID, bob.UserID, true)) // in any case
	})
}

// An address has a limit of its own, whether it is known or not: that a limit is
// reached does not tell whose it is.
func TestNotices_DoNotTellWhoHasAnAddress(t *testing.T) {
	each(t, func(t *testing.T, db *peopledb.DB) {
		w := newWorld(t, db, room.Limits{})
		ctx, eve := t.Context(), w.users["eve"]
		ada, _, r := w.room(false)
		w.prove(eve)
		for range 20 {
			_, err := w.Invite(ctx, ada, r.ID, eve.UserID, "", "")
			w.must(err)
		}
		_, err := w.Invite(ctx, ada, r.ID, eve.UserID, "", "")
		w.refused(err, "too_many_notifications")
		for _, email := range []string{"eve@example.org", "nobody@example.org"} {
			for range 20 {
				_, err := w.Invite(ctx, ada, r.ID, "", email, "")
				w.must(err)
			}
			_, err := w.Invite(ctx, ada, r.ID, "", email, "")
			w.refused(err, "too_many_notifications")
		}
	})
}

// Whoever tells many others something new is bounded in all.
func TestNotices_OfOnePersonToAllAreBounded(t *testing.T) {
	w := newWorld(t, openSQLite(t), room.Limits{})
	ada, bob, r := w.room(false)
	invite := func(i int) error {
		_, err := w.Invite(t.Context(), ada, r.ID, "", fmt.Sprintf("somebody%d@example.org", i), "")
		return err
	}
	for i := range 200 {
		w.must(invite(i))
	}
	w.refused(invite(200), "too_many_notifications")
	w.must(w.Grant(t.Context(), bob, "belt", w.users["eve"].UserID, sensocto.ShareTerms{})) // of others nothing is counted
}
