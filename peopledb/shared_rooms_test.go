package peopledb_test

import (
	"time"

	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/peopledb"
)

func TestSharedRooms_AreKeptWithTheirFacts(t *testing.T) {
	each(t, func(t *testing.T, db, command *peopledb.DB) {
		ctx := t.Context()
		room := sensocto.SharedRoom{RoomID: "r", Doc: "d", Ticket: "t", Root: "k", Invite: []byte{1, 255}, Moves: 2, Restored: true, Left: []sensocto.LeftDoc{{Doc: "before", Ticket: "t0", At: time.UnixMicro(1_790_000_000_000_000).UTC()}}}
		must(t, db.PutSharedRoom(ctx, room))
		room.ClosedAt = at
		must(t, db.PutSharedRoom(ctx, room))
		rooms, err := command.SharedRooms(ctx)
		must(t, err)
		if diff := cmp.Diff([]sensocto.SharedRoom{room}, rooms); diff != "" {
			t.Error(diff)
		}
		a, b := sensocto.RoomFact{Key: "a/", Body: json.RawMessage(`{"x":1}`)}, sensocto.RoomFact{Key: "b/", Body: json.RawMessage(`2`)}
		must(t, db.PutRoomFacts(ctx, "r", []sensocto.RoomFact{a, b}, nil))
		a.Body = json.RawMessage(`{"x":2}`)
		must(t, db.PutRoomFacts(ctx, "r", []sensocto.RoomFact{a}, []string{"b/"}))
		facts, err := db.RoomFacts(ctx, "r")
		must(t, err)
		if diff := cmp.Diff([]sensocto.RoomFact{a}, facts); diff != "" {
			t.Error(diff)
		}
		must(t, db.RemoveSharedRoom(ctx, "r"))
		if facts, err := db.RoomFacts(ctx, "r"); err != nil || len(facts) != 0 {
			t.Errorf("%v %v", facts, err)
		}
		if err := db.RemoveSharedRoom(ctx, "r"); sensocto.ErrorCode(err) != sensocto.CodeNotFound {
			t.Errorf("%v", err)
		}
	})
}

func TestPersonKeys_AreAccountsOfTheirOwn(t *testing.T) {
	each(t, func(t *testing.T, db, _ *peopledb.DB) {
		ctx := t.Context()
		first, err := db.PutPerson(ctx, "key", sensocto.User{ID: "shadow", Name: "Ada", DisabledAt: at, CreatedAt: at})
		must(t, err)
		again, err := db.PutPerson(ctx, "key", sensocto.User{ID: "other", Name: "Ada L.", DisabledAt: at, CreatedAt: at})
		must(t, err)
		if first != "shadow" || again != "shadow" {
			t.Errorf("%q and %q", first, again)
		}
		people, err := db.PersonKeys(ctx)
		must(t, err)
		if diff := cmp.Diff([]sensocto.PersonKey{{Key: "key", UserID: "shadow", Name: "Ada L."}}, people); diff != "" {
			t.Error(diff)
		}
		must(t, db.DeleteUser(ctx, "shadow"))
		must(t, db.InsertUser(ctx, sensocto.User{ID: "own", Name: "Grace", CreatedAt: at}))
		must(t, db.LinkPerson(ctx, "own key", "own"))
		if _, err := db.PutPerson(ctx, "own key", sensocto.User{ID: "other", Name: "Owned", DisabledAt: at, CreatedAt: at}); err != nil {
			t.Error(err)
		}
		if u, err := db.User(ctx, "own"); err != nil || u.Name != "Grace" {
			t.Errorf("a user of this server is now called %q, %v", u.Name, err)
		}
		must(t, db.DeleteUser(ctx, "own"))
		if people, err := db.PersonKeys(ctx); err != nil || len(people) != 0 {
			t.Errorf("%v %v", people, err)
		}
	})
}

// Of somebody who is erased it stays by which key they are known in the rooms whose others
// may not have heard of that, until they have; names go at once.
func TestErasedMembers_OutliveTheAccount(t *testing.T) {
	each(t, func(t *testing.T, db, _ *peopledb.DB) {
		ctx := t.Context()
		addUser(t, db, "ada")
		addUser(t, db, "eve")
		must(t, db.LinkPerson(ctx, "key", "eve"))
		for _, id := range []string{"in", "left", "never"} {
			addRoom(t, db, id, "ada")
			must(t, db.PutSharedRoom(ctx, sensocto.SharedRoom{RoomID: id, Doc: id}))
		}
		addRoom(t, db, "alone", "ada") // no other server has it
		for _, id := range []string{"in", "alone"} {
			must(t, db.AddMember(ctx, sensocto.Member{RoomID: id, UserID: "eve", Role: sensocto.RoleMember, JoinedAt: at}, 10))
		}
		fact := func(key string) sensocto.RoomFact { return sensocto.RoomFact{Key: key, Body: json.RawMessage(`1`)} }
		must(t, db.PutRoomFacts(ctx, "left", []sensocto.RoomFact{fact("members/key/"), fact("people/key/"), fact("sensors/key/strap/"), fact("people/other/"), fact("sensors/other/key/")}, nil))
		must(t, db.DeleteUser(ctx, "eve"))

		for id, want := range map[string]int{"in": 1, "left": 1, "never": 0, "alone": 0} {
			got, err := db.ErasedMembers(ctx, id)
			must(t, err)
			if len(got) != want {
				t.Errorf("%s: %+v", id, got)
			}
			for _, m := range got {
				if m.Key != "key" || m.UserID != "eve" || time.Since(m.ErasedAt) > time.Hour {
					t.Errorf("%s: %+v", id, m)
				}
			}
		}
		facts, err := db.RoomFacts(ctx, "left")
		must(t, err)
		if diff := cmp.Diff([]sensocto.RoomFact{fact("members/key/"), fact("people/other/"), fact("sensors/other/key/")}, facts); diff != "" {
			t.Error(diff)
		}
		if left, err := db.RemoveErasedMember(ctx, "left", "key"); err != nil || left != 1 {
			t.Errorf("%d, %v", left, err)
		}
		must(t, db.RemoveSharedRoom(ctx, "in"))
		if left, err := db.RemoveErasedMember(ctx, "left", "key"); err != nil || left != 0 {
			t.Errorf("%d, %v", left, err)
		}
	})
}
