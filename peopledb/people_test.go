package peopledb_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/peopledb"
	"github.com/sensocto/sensocto/postgres"
	"github.com/sensocto/sensocto/postgres/postgrestest"
	"github.com/sensocto/sensocto/sqlite"
)

var shared postgrestest.Shared

func TestMain(m *testing.M) { goleak.VerifyTestMain(shared.Around(m)) }

// each runs a test on both databases, with two handles as of two processes.
func each(t *testing.T, f func(t *testing.T, server, command *peopledb.DB)) {
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "sensocto.db")
		open := func(o sqlite.Options) *peopledb.DB {
			db, err := sqlite.Open(t.Context(), path, o)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			return peopledb.New(db)
		}
		f(t, open(sqlite.Options{Exclusive: true}), open(sqlite.Options{}))
	})
	t.Run("postgres", func(t *testing.T) {
		url := shared.Database(t)
		open := func(o postgres.Options) *peopledb.DB {
			db, err := postgres.Open(t.Context(), url, o)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			return peopledb.New(db)
		}
		f(t, open(postgres.Options{Exclusive: true}), open(postgres.Options{}))
	})
}

// eachSQL runs a test on a database of both kinds.
func eachSQL(t *testing.T, f func(t *testing.T, db peopledb.SQL)) {
	t.Run("sqlite", func(t *testing.T) {
		db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "sensocto.db"), sqlite.Options{})
		must(t, err)
		t.Cleanup(func() { _ = db.Close() })
		f(t, db)
	})
	t.Run("postgres", func(t *testing.T) {
		db, err := postgres.Open(t.Context(), shared.Database(t), postgres.Options{})
		must(t, err)
		t.Cleanup(func() { _ = db.Close() })
		f(t, db)
	})
}

var at = time.Date(2026, 1, 2, 3, 4, 5, 678_000, time.UTC)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, err error, code sensocto.Code) {
	t.Helper()
	if sensocto.ErrorCode(err) != code {
		t.Errorf("%v is not %s", err, code)
	}
}

func same(t *testing.T, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func addUser(t *testing.T, db *peopledb.DB, id string) sensocto.User {
	t.Helper()
	u := sensocto.User{ID: id, Name: "Name of " + id, Email: id + "@example.org", PasswordHash: "hash", CreatedAt: at, Version: 1}
	must(t, db.InsertUser(t.Context(), u))
	return u
}

func addRoom(t *testing.T, db *peopledb.DB, id, owner string) sensocto.Room {
	t.Helper()
	r := sensocto.Room{ID: id, Name: "Room " + id, OwnerID: owner, CreatedAt: at, Settings: json.RawMessage(`{"a":1}`), Version: 1}
	must(t, db.InsertRoom(t.Context(), r))
	return r
}

func TestTokens(t *testing.T) {
	each(t, func(t *testing.T, server, command *peopledb.DB) {
		ctx := t.Context()
		token := sensocto.Token{ID: "t1", Name: "strap", Kind: sensocto.KindToken, Scopes: []sensocto.Scope{sensocto.ScopeIngest, sensocto.ScopeView}, SecretHash: []byte{1, 2}, CreatedAt: at}
		must(t, command.InsertToken(ctx, token))
		must(t, server.InsertToken(ctx, sensocto.Token{ID: "t2", CreatedAt: at.Add(1), RevokedAt: at}))
		wantCode(t, server.InsertToken(ctx, token), sensocto.CodeConflict)
		must(t, command.RevokeToken(ctx, "t1", at.Add(time.Hour)))
		must(t, server.RevokeToken(ctx, "t1", at.Add(2*time.Hour)))
		wantCode(t, server.RevokeToken(ctx, "t3", at), sensocto.CodeNotFound)
		token.RevokedAt = at.Add(time.Hour)
		got, err := server.Token(ctx, "t1")
		must(t, err)
		same(t, token, got)
		_, err = server.Token(ctx, "t3")
		wantCode(t, err, sensocto.CodeNotFound)

		session := sensocto.Token{ID: "s1", Name: "session", Kind: sensocto.KindSession, SecretHash: bytes.Repeat([]byte{3}, 32), CreatedAt: at,
			ExpiresAt: at.Add(time.Hour), ConfirmedAt: at, UserID: "u1", SensorIDs: []string{"a", "b:c"}, Device: "Firefox on Linux"}
		must(t, server.InsertToken(ctx, session))
		mine, err := command.UserTokens(ctx, "u1")
		must(t, err)
		same(t, []sensocto.Token{session}, mine)
		all, err := command.Tokens(ctx)
		if err != nil || len(all) != 2 || all[0].ID != "t1" || all[1].ID != "t2" || !all[1].RevokedAt.Equal(at) {
			t.Error(all, err)
		}
		must(t, server.UseTokens(ctx, map[string]time.Time{"s1": at.Add(time.Minute), "unknown": at}))
		must(t, command.UseTokens(ctx, map[string]time.Time{"s1": at})) // of another process, late
		session.UsedAt = at.Add(time.Minute)
		got, err = server.Token(ctx, "s1")
		must(t, err)
		same(t, session, got)
		for _, id := range []string{"u1-valid", "u1-revoked"} {
			must(t, server.InsertToken(ctx, sensocto.Token{ID: id, Kind: sensocto.KindToken, UserID: "u1", CreatedAt: at}))
		}
		must(t, server.RevokeToken(ctx, "u1-revoked", at.Add(time.Hour)))
		n, err := server.ForgetTokens(ctx, at.Add(2*time.Hour))
		if err != nil || n != 2 {
			t.Errorf("forgot %d credentials: %v", n, err)
		}
		if mine, err = server.UserTokens(ctx, "u1"); err != nil || len(mine) != 1 || mine[0].ID != "u1-valid" {
			t.Error(mine, err)
		}
		if all, err = server.Tokens(ctx); err != nil || len(all) != 2 {
			t.Error("the server's own are forgotten", all, err)
		}
	})
}

// Whoever caches follows the changes of all processes, and reads everything
// anew where it is too far behind.
func TestChanges_TellEveryProcess(t *testing.T) {
	each(t, func(t *testing.T, server, command *peopledb.DB) {
		ctx := t.Context()
		_, version, all, err := server.Changes(ctx, -1)
		must(t, err)
		if !all {
			t.Error("a first call does not say to read everything")
		}
		addUser(t, command, "u1")
		addRoom(t, server, "r1", "u1")
		changes, next, all, err := server.Changes(ctx, version)
		must(t, err)
		same(t, []sensocto.Change{{Kind: sensocto.ChangeUser, ID: "u1"}, {Kind: sensocto.ChangeRoom, ID: "r1"}}, changes)
		if all || next != version+2 {
			t.Error(all, version, next)
		}
		wantCode(t, command.InsertUser(ctx, sensocto.User{ID: "u2", Email: "u1@example.org"}), sensocto.CodeConflict)
		if changes, same, all, err := server.Changes(ctx, next); err != nil || all || len(changes) > 0 || same != next {
			t.Errorf("a refused change is told: %v %v %v %v", changes, same, all, err)
		}
		if _, _, all, err := server.Changes(ctx, next+1); err != nil || !all {
			t.Errorf("a version of the future, as after a restore: %v %v", all, err)
		}
	})
}

func TestUsers(t *testing.T) {
	each(t, func(t *testing.T, db, _ *peopledb.DB) {
		ctx := t.Context()
		ada := addUser(t, db, "01-ada")
		guest := sensocto.User{ID: "02-guest", Name: "Guest", IsGuest: true, CreatedAt: at, ExpiresAt: at.Add(24 * time.Hour), Version: 1}
		must(t, db.InsertUser(ctx, guest))
		must(t, db.InsertUser(ctx, sensocto.User{ID: "03-guest", Name: "Second without an address", IsGuest: true, CreatedAt: at}))

		got, err := db.UserByEmail(ctx, "01-ada@example.org")
		must(t, err)
		same(t, ada, got)
		ada.Name, ada.IsAdmin, ada.DisabledAt = "Ada", true, at
		changed, err := db.UpdateUser(ctx, ada)
		must(t, err)
		_, err = db.UpdateUser(ctx, ada)
		wantCode(t, err, sensocto.CodeConflict)
		got, err = db.User(ctx, ada.ID)
		must(t, err)
		same(t, changed, got)
		if n, err := db.Administrators(ctx); err != nil || n != 0 {
			t.Errorf("%d administrators that are not disabled: %v", n, err)
		}

		guest.Email = "01-ada@example.org"
		_, err = db.UpdateUser(ctx, guest)
		wantCode(t, err, sensocto.CodeConflict)
		_, err = db.UpdateUser(ctx, sensocto.User{ID: "nobody"})
		wantCode(t, err, sensocto.CodeNotFound)

		page, err := db.Users(ctx, "01-ada", 1)
		if err != nil || len(page) != 1 || page[0].ID != "02-guest" {
			t.Error(page, err)
		}
		for text, want := range map[string]int{"ADA": 1, "example.org": 1, "guest": 1, "d": 2, "0%": 0, "_": 0, "!": 0, "' OR 1=1": 0} {
			if found, err := db.FindUsers(ctx, text, "", 10); err != nil || len(found) != want {
				t.Errorf("%q: found %v, %v, want %d", text, found, err, want)
			}
		}
		if found, err := db.FindUsers(ctx, "d", "01-ada", 1); err != nil || len(found) != 1 || found[0].ID != "03-guest" {
			t.Errorf("the second page: %v %v", found, err)
		}
		ended, err := db.UsersToErase(ctx, at.Add(25*time.Hour), 10)
		must(t, err)
		same(t, []string{"02-guest"}, ended)
	})
}

// Erasure leaves nothing that names the person.
func TestDeleteUser_TakesEverythingAlong(t *testing.T) {
	each(t, func(t *testing.T, db, _ *peopledb.DB) {
		ctx := t.Context()
		addUser(t, db, "ada")
		addUser(t, db, "bob")
		addRoom(t, db, "r", "ada")
		member := sensocto.Member{RoomID: "r", UserID: "bob", Role: sensocto.RoleMember, JoinedAt: at}
		must(t, db.AddMember(ctx, member, 10))
		must(t, db.PutShare(ctx, sensocto.Share{RoomID: "r", SensorID: "strap", SharedBy: "bob", SharedAt: at}, 10))
		must(t, db.PutGrant(ctx, sensocto.Grant{SensorID: "belt", UserID: "bob", GrantedAt: at}))
		must(t, db.InsertToken(ctx, sensocto.Token{ID: "t", UserID: "bob", CreatedAt: at}))
		must(t, db.InsertLink(ctx, sensocto.Link{Hash: []byte("h"), Kind: sensocto.LinkReset, UserID: "bob", ExpiresAt: time.Now().Add(time.Hour)}))
		must(t, db.InsertNotification(ctx, sensocto.Notification{ID: "n", UserID: "bob", CreatedAt: at}, 10))

		wantCode(t, db.DeleteUser(ctx, "ada"), sensocto.CodeConflict) // owns a room
		_, version, _, err := db.Changes(ctx, -1)
		must(t, err)
		must(t, db.DeleteUser(ctx, "bob"))
		changes, _, _, err := db.Changes(ctx, version)
		must(t, err)
		same(t, []sensocto.Change{
			{Kind: sensocto.ChangeToken, ID: "t"}, {Kind: sensocto.ChangeRoom, ID: "r"},
			{Kind: sensocto.ChangeSensor, ID: "belt"}, {Kind: sensocto.ChangeUser, ID: "bob"},
		}, changes)
		wantCode(t, db.DeleteUser(ctx, "bob"), sensocto.CodeNotFound)
		for what, left := range map[string]func() (int, error){
			"members":       func() (int, error) { all, err := db.Members(ctx, "r", "", 10); return len(all) - 1, err },
			"shares":        func() (int, error) { all, err := db.Shares(ctx, "r"); return len(all), err },
			"grants":        func() (int, error) { all, err := db.Grants(ctx, "belt"); return len(all), err },
			"tokens":        func() (int, error) { all, err := db.UserTokens(ctx, "bob"); return len(all), err },
			"notifications": func() (int, error) { all, err := db.Notifications(ctx, "bob", "", 10); return len(all), err },
			"links": func() (int, error) {
				_, err := db.Link(ctx, sensocto.LinkReset, []byte("h"))
				if errors.Is(err, sensocto.ErrNotFound) {
					return 0, nil
				}
				return 1, err
			},
		} {
			if n, err := left(); n != 0 || err != nil {
				t.Errorf("%d %s are left, %v", n, what, err)
			}
		}
	})
}

func TestLinks_WorkOnce(t *testing.T) {
	each(t, func(t *testing.T, server, command *peopledb.DB) {
		ctx := t.Context()
		addUser(t, server, "u")
		first := sensocto.Link{Hash: []byte("1"), Kind: sensocto.LinkReset, UserID: "u", Data: "x", ExpiresAt: time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)}
		must(t, server.InsertLink(ctx, first))
		_, err := server.TakeLink(ctx, sensocto.LinkEmail, first.Hash)
		wantCode(t, err, sensocto.CodeNotFound) // of another kind

		var mu sync.Mutex
		var taken int
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				db := []*peopledb.DB{server, command}[i%2]
				got, err := db.TakeLink(ctx, sensocto.LinkReset, first.Hash)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					taken++
					same(t, first, got)
				case !errors.Is(err, sensocto.ErrNotFound):
					t.Error(err)
				}
			})
		}
		all.Wait()
		if taken != 1 {
			t.Errorf("the link worked %d times", taken)
		}

		second := first
		second.Hash = []byte("2")
		must(t, server.InsertLink(ctx, first))
		must(t, server.InsertLink(ctx, second))
		_, err = server.Link(ctx, sensocto.LinkReset, first.Hash)
		wantCode(t, err, sensocto.CodeNotFound) // a newer one was sent
	})
}

func TestRooms(t *testing.T) {
	each(t, func(t *testing.T, db, _ *peopledb.DB) {
		ctx := t.Context()
		for _, id := range []string{"ada", "bob", "eve"} {
			addUser(t, db, id)
		}
		room := addRoom(t, db, "r1", "ada")
		addRoom(t, db, "r2", "bob")
		room.Name, room.IsPublic, room.JoinCode, room.CodeExpiresAt = "Lab", true, "CODE", at
		changed, err := db.UpdateRoom(ctx, room)
		must(t, err)
		_, err = db.UpdateRoom(ctx, room)
		wantCode(t, err, sensocto.CodeConflict)
		_, err = db.UpdateRoom(ctx, sensocto.Room{ID: "r3"})
		wantCode(t, err, sensocto.CodeNotFound)
		got, err := db.RoomByCode(ctx, "CODE")
		must(t, err)
		same(t, changed, got)
		public, err := db.PublicRooms(ctx, "", 10)
		if err != nil || len(public) != 1 || public[0].ID != "r1" {
			t.Error(public, err)
		}

		bob := sensocto.Member{RoomID: "r1", UserID: "bob", Role: sensocto.RoleMember, JoinedAt: at}
		must(t, db.AddMember(ctx, bob, 2))
		wantCode(t, db.AddMember(ctx, bob, 2), sensocto.CodeConflict)
		eve := sensocto.Member{RoomID: "r1", UserID: "eve", Role: sensocto.RoleGuest, JoinedAt: at}
		wantCode(t, db.AddMember(ctx, eve, 2), sensocto.CodeRateLimited)
		wantCode(t, db.AddMember(ctx, sensocto.Member{RoomID: "r9", UserID: "eve"}, 2), sensocto.CodeNotFound)
		wantCode(t, db.AddMember(ctx, sensocto.Member{RoomID: "r1", UserID: "nobody"}, 9), sensocto.CodeNotFound)
		members, err := db.Members(ctx, "r1", "", 10)
		must(t, err)
		bob.Name = "Name of bob"
		same(t, []sensocto.Member{{RoomID: "r1", UserID: "ada", Name: "Name of ada", Role: sensocto.RoleOwner, JoinedAt: at}, bob}, members)
		mine, err := db.RoomsOf(ctx, "bob", "", 10)
		if err != nil || len(mine) != 2 || mine[0].ID != "r1" || mine[1].ID != "r2" {
			t.Error(mine, err)
		}

		must(t, db.SetRole(ctx, "r1", "bob", sensocto.RoleAdmin))
		wantCode(t, db.SetRole(ctx, "r1", "ada", sensocto.RoleGuest), sensocto.CodeNotFound) // the owner stays it
		must(t, db.SetOwner(ctx, "r1", "bob"))
		wantCode(t, db.SetOwner(ctx, "r1", "eve"), sensocto.CodeNotFound)
		for id, want := range map[string]sensocto.Role{"bob": sensocto.RoleOwner, "ada": sensocto.RoleAdmin} {
			if m, err := db.Member(ctx, "r1", id); err != nil || m.Role != want {
				t.Errorf("%s is %s, %v", id, m.Role, err)
			}
		}
		if r, err := db.Room(ctx, "r1"); err != nil || r.OwnerID != "bob" {
			t.Error(r, err)
		}
		must(t, db.DeleteRoom(ctx, "r1"))
		wantCode(t, db.DeleteRoom(ctx, "r1"), sensocto.CodeNotFound)
		if list, err := db.Memberships(ctx, "ada"); err != nil || len(list) != 0 {
			t.Error(list, err)
		}

		// One that is forgotten is not where somebody has come since its members were counted.
		must(t, db.AddMember(ctx, sensocto.Member{RoomID: "r2", UserID: "eve", Role: sensocto.RoleGuest, JoinedAt: at}, 10))
		wantCode(t, db.ForgetRoom(ctx, "r2", 1), sensocto.CodeConflict)
		if list, err := db.Members(ctx, "r2", "", 10); err != nil || len(list) != 2 {
			t.Error(list, err)
		}
		// Nor is one with recordings.
		must(t, db.InsertRecording(ctx, sensocto.RoomRecording{ID: "rec", RoomID: "r2", StartedBy: "eve", BeganAt: at, Name: "x"}, 10))
		wantCode(t, db.ForgetRoom(ctx, "r2", 2), sensocto.CodeConflict)
		must(t, db.EndRecording(ctx, "r2", "rec", at))
		must(t, db.DeleteRecording(ctx, "r2", "rec"))
		must(t, db.ForgetRoom(ctx, "r2", 2))
		wantCode(t, db.ForgetRoom(ctx, "r2", 2), sensocto.CodeNotFound)
	})
}

func TestRemoveMember_AndBan(t *testing.T) {
	each(t, func(t *testing.T, db, _ *peopledb.DB) {
		ctx := t.Context()
		for _, id := range []string{"ada", "bob", "eve"} {
			addUser(t, db, id)
		}
		addRoom(t, db, "r", "ada")
		bob := sensocto.Member{RoomID: "r", UserID: "bob", Role: sensocto.RoleMember, JoinedAt: at}
		must(t, db.AddMember(ctx, bob, 10))
		must(t, db.PutShare(ctx, sensocto.Share{RoomID: "r", SensorID: "strap", SharedBy: "bob", SharedAt: at}, 10))
		must(t, db.RemoveMember(ctx, "r", "bob", false, at))
		if shares, err := db.Shares(ctx, "r"); err != nil || len(shares) != 0 {
			t.Errorf("what a member shared stays in the room: %v %v", shares, err)
		}
		wantCode(t, db.RemoveMember(ctx, "r", "bob", false, at), sensocto.CodeNotFound)
		wantCode(t, db.RemoveMember(ctx, "r", "ada", false, at), sensocto.CodeNotFound)
		wantCode(t, db.RemoveMember(ctx, "r", "ada", true, at), sensocto.CodeNotFound)

		must(t, db.RemoveMember(ctx, "r", "eve", true, at)) // before she comes
		eve := sensocto.Member{RoomID: "r", UserID: "eve", Role: sensocto.RoleMember, JoinedAt: at}
		wantCode(t, db.AddMember(ctx, eve, 10), sensocto.CodeUnauthorized)
		must(t, db.Unban(ctx, "r", "eve"))
		must(t, db.AddMember(ctx, eve, 10))
	})
}

// Of many that join at once, as many get in as there is room for.
func TestAddMember_CountsThoseWhoJoinAtOnce(t *testing.T) {
	each(t, func(t *testing.T, server, command *peopledb.DB) {
		ctx := t.Context()
		addUser(t, server, "owner")
		addRoom(t, server, "r", "owner")
		const want, limit = 12, 5
		for i := range want {
			addUser(t, server, fmt.Sprint("u", i))
		}
		var all sync.WaitGroup
		for i := range want {
			all.Go(func() {
				db := []*peopledb.DB{server, command}[i%2]
				err := db.AddMember(ctx, sensocto.Member{RoomID: "r", UserID: fmt.Sprint("u", i), Role: sensocto.RoleMember, JoinedAt: at}, limit)
				if err != nil && sensocto.ErrorCode(err) != sensocto.CodeRateLimited {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n, err := server.MemberCounts(ctx, []string{"r"}); n["r"] != limit || err != nil {
			t.Errorf("%d members, %v", n["r"], err)
		}
	})
}

func TestSharesAndGrants(t *testing.T) {
	each(t, func(t *testing.T, db, _ *peopledb.DB) {
		ctx := t.Context()
		addUser(t, db, "ada")
		addUser(t, db, "bob")
		addRoom(t, db, "r", "ada")
		must(t, db.AddMember(ctx, sensocto.Member{RoomID: "r", UserID: "bob", Role: sensocto.RoleGuest, JoinedAt: at}, 10))
		share := sensocto.Share{RoomID: "r", SensorID: "strap", SharedBy: "ada", SharedAt: at, Transient: true}
		must(t, db.PutShare(ctx, share, 1))
		wantCode(t, db.PutShare(ctx, sensocto.Share{RoomID: "r", SensorID: "other", SharedBy: "ada", SharedAt: at}, 1), sensocto.CodeRateLimited)
		wantCode(t, db.PutShare(ctx, sensocto.Share{RoomID: "r9", SensorID: "strap"}, 1), sensocto.CodeNotFound)
		again := share
		again.SharedAt, again.Control, again.AllHistory, again.Transient = at.Add(time.Hour), true, true, false
		must(t, db.PutShare(ctx, again, 1))
		again.SharedAt = at // since when stays
		for name, read := range map[string]func() ([]sensocto.Share, error){
			"of the room":   func() ([]sensocto.Share, error) { return db.Shares(ctx, "r") },
			"of the sensor": func() ([]sensocto.Share, error) { return db.SensorShares(ctx, "strap") },
			"for bob":       func() ([]sensocto.Share, error) { return db.SharesFor(ctx, "bob") },
		} {
			got, err := read()
			if diff := cmp.Diff([]sensocto.Share{again}, got); diff != "" || err != nil {
				t.Error(name, diff, err)
			}
		}
		must(t, db.PutShare(ctx, share, 1))
		must(t, db.RemoveTransientShares(ctx, "strap")) // it was shared to stay
		if got, err := db.Shares(ctx, "r"); err != nil || len(got) != 1 {
			t.Error(got, err)
		}
		must(t, db.RemoveShare(ctx, "r", "strap"))
		wantCode(t, db.RemoveShare(ctx, "r", "strap"), sensocto.CodeNotFound)
		must(t, db.PutShare(ctx, share, 1))
		must(t, db.RemoveTransientShares(ctx, "strap"))
		if got, err := db.Shares(ctx, "r"); err != nil || len(got) != 0 {
			t.Error(got, err)
		}

		grant := sensocto.Grant{SensorID: "belt", UserID: "bob", GrantedAt: at, Control: true}
		must(t, db.PutGrant(ctx, grant))
		must(t, db.PutGrant(ctx, sensocto.Grant{SensorID: "belt", GrantedAt: at}))
		wantCode(t, db.PutGrant(ctx, sensocto.Grant{SensorID: "belt", UserID: "nobody", GrantedAt: at}), sensocto.CodeNotFound)
		got, err := db.GrantsFor(ctx, "bob")
		must(t, err)
		same(t, []sensocto.Grant{grant}, got)
		public, err := db.GrantsFor(ctx, "")
		if err != nil || len(public) != 1 || public[0].SensorID != "belt" {
			t.Error(public, err)
		}
		must(t, db.RemoveGrant(ctx, "belt", "bob"))
		wantCode(t, db.RemoveGrant(ctx, "belt", "bob"), sensocto.CodeNotFound)
		must(t, db.PutShare(ctx, sensocto.Share{RoomID: "r", SensorID: "belt", SharedBy: "ada", SharedAt: at}, 10))
		must(t, db.RemoveSensor(ctx, "belt"))
		grants, err := db.Grants(ctx, "belt")
		shares, err2 := db.Shares(ctx, "r")
		if len(grants)+len(shares) != 0 || err != nil || err2 != nil {
			t.Error(grants, shares, err, err2)
		}
	})
}

func TestInvitations(t *testing.T) {
	each(t, func(t *testing.T, db, _ *peopledb.DB) {
		ctx := t.Context()
		addUser(t, db, "ada")
		addUser(t, db, "bob")
		addRoom(t, db, "r", "ada")
		invitation := sensocto.Invitation{ID: "i1", RoomID: "r", UserID: "bob", Role: sensocto.RoleMember, InvitedBy: "ada", CreatedAt: at, ExpiresAt: at.Add(time.Hour)}
		must(t, db.InsertInvitation(ctx, invitation))
		byMail := sensocto.Invitation{ID: "i2", RoomID: "r", Email: "bob@example.org", Role: sensocto.RoleAdmin, InvitedBy: "ada", CreatedAt: at, ExpiresAt: at.Add(time.Hour)}
		must(t, db.InsertInvitation(ctx, byMail))
		again := invitation
		again.ID = "i3"
		must(t, db.InsertInvitation(ctx, again)) // takes the place of the first
		mine, err := db.Invitations(ctx, "bob", "bob@example.org", at)
		must(t, err)
		byMail.RoomName, again.RoomName, again.UserName = "Room r", "Room r", "Name of bob"
		same(t, []sensocto.Invitation{byMail, again}, mine)
		if late, err := db.Invitations(ctx, "bob", "", at.Add(2*time.Hour)); err != nil || len(late) != 0 {
			t.Error(late, err)
		}
		bob := sensocto.Member{RoomID: "r", UserID: "bob", Role: again.Role, JoinedAt: at}
		accept := func(ctx context.Context, id string, m sensocto.Member, limit int) error {
			_, err := db.AcceptInvitation(ctx, id, m, limit)
			return err
		}
		wantCode(t, accept(ctx, "i1", bob, 10), sensocto.CodeNotFound)
		wantCode(t, accept(ctx, "i3", bob, 1), sensocto.CodeRateLimited)
		must(t, accept(ctx, "i3", bob, 10)) // the refusal before has undone nothing
		must(t, db.DeleteInvitation(ctx, "i2"))
		wantCode(t, db.DeleteInvitation(ctx, "i2"), sensocto.CodeNotFound)
	})
}

func TestNotifications(t *testing.T) {
	each(t, func(t *testing.T, db, _ *peopledb.DB) {
		ctx := t.Context()
		addUser(t, db, "u")
		for i := range 5 {
			must(t, db.InsertNotification(ctx, sensocto.Notification{ID: fmt.Sprint("0", i), UserID: "u", Kind: "alert", Data: json.RawMessage(`{"n":1}`), CreatedAt: at}, 3))
		}
		wantCode(t, db.InsertNotification(ctx, sensocto.Notification{ID: "x", UserID: "nobody"}, 3), sensocto.CodeNotFound)
		must(t, db.ReadNotification(ctx, "u", "03", at))
		must(t, db.ReadNotification(ctx, "u", "03", at.Add(time.Hour)))
		wantCode(t, db.ReadNotification(ctx, "other", "03", at), sensocto.CodeNotFound)
		got, err := db.Notifications(ctx, "u", "", 2)
		must(t, err)
		kept := func(id string, read time.Time) sensocto.Notification {
			return sensocto.Notification{ID: id, UserID: "u", Kind: "alert", Data: json.RawMessage(`{"n":1}`), CreatedAt: at, ReadAt: read}
		}
		same(t, []sensocto.Notification{kept("04", time.Time{}), kept("03", at)}, got)
		got, err = db.Notifications(ctx, "u", "03", 10)
		must(t, err)
		if ids := slices.Collect(func(yield func(string) bool) {
			for _, n := range got {
				yield(n.ID)
			}
		}); !slices.Equal(ids, []string{"02"}) {
			t.Errorf("%v are kept beside the newest two", ids)
		}
	})
}

// A room lists its invitations and bans page by page; accepting an invitation lifts
// a ban of before it, and none of after it.
func TestRooms_InvitationsAndBans(t *testing.T) {
	each(t, func(t *testing.T, db, _ *peopledb.DB) {
		ctx := t.Context()
		for _, name := range []string{"ada", "bob", "eve"} {
			must(t, db.InsertUser(ctx, sensocto.User{ID: name, Name: name, Email: name + "@example.org", EmailProven: name == "eve", CreatedAt: at}))
		}
		must(t, db.InsertRoom(ctx, sensocto.Room{ID: "r", Name: "Lab", OwnerID: "ada", CreatedAt: at}))
		invite := func(id, user, email string, created time.Time) {
			must(t, db.InsertInvitation(ctx, sensocto.Invitation{ID: id, RoomID: "r", UserID: user, Email: email, Role: sensocto.RoleMember, InvitedBy: "ada", CreatedAt: created, ExpiresAt: created.Add(time.Hour)}))
		}
		ids := func(after string, limit int, now time.Time) (ids []string) {
			list, err := db.RoomInvitations(ctx, "r", after, limit, now)
			must(t, err)
			for _, i := range list {
				ids = append(ids, i.ID+" "+i.UserName)
			}
			return ids
		}
		invite("1", "bob", "", at)
		invite("2", "eve", "", at)
		invite("3", "", "eve@example.org", at)
		invite("4", "", "bob@example.org", at) // which bob has not confirmed
		for _, c := range []struct{ got, want []string }{
			{ids("", 10, at), []string{"1 bob", "2 eve", "3 ", "4 "}},
			{ids("1", 2, at), []string{"2 eve", "3 "}},
			{ids("", 10, at.Add(time.Hour)), nil},
		} {
			if !slices.Equal(c.got, c.want) {
				t.Errorf("%q, want %q", c.got, c.want)
			}
		}
		for now, want := range map[time.Time]int{at: 4, at.Add(time.Hour): 0} { // expired ones are in nobody's way
			if n, err := db.InvitationCount(ctx, "r", now); err != nil || n != want {
				t.Errorf("%d invitations wait, want %d: %v", n, want, err)
			}
		}
		must(t, db.RemoveMember(ctx, "r", "eve", true, at.Add(time.Minute)))
		must(t, db.RemoveMember(ctx, "r", "bob", true, at.Add(-time.Minute)))
		bans, err := db.Bans(ctx, "r", "", 1)
		if err != nil || len(bans) != 1 || bans[0] != (sensocto.Ban{RoomID: "r", UserID: "bob", Name: "bob", BannedAt: at.Add(-time.Minute)}) {
			t.Errorf("%+v %v", bans, err)
		}
		member := func(user string) sensocto.Member {
			return sensocto.Member{RoomID: "r", UserID: user, Role: sensocto.RoleMember, JoinedAt: at}
		}
		_, err = db.AcceptInvitation(ctx, "2", member("eve"), 10)
		wantCode(t, err, sensocto.CodeUnauthorized)
		if unbanned, err := db.AcceptInvitation(ctx, "1", member("bob"), 10); err != nil || !unbanned {
			t.Error(unbanned, err)
		}
		if bans, err = db.Bans(ctx, "r", "bob", 10); err != nil || len(bans) != 1 || bans[0].UserID != "eve" {
			t.Errorf("%+v %v", bans, err)
		}
		gone, err := db.WithdrawInvitations(ctx, "r", "eve")
		slices.Sort(gone)
		if err != nil || !slices.Equal(gone, []string{"2", "3"}) || !slices.Equal(ids("", 10, at), []string{"4 "}) {
			t.Error(gone, err)
		}
	})
}
