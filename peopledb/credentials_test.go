package peopledb_test

import (
	"cmp"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/peopledb"
)

func TestPasskeys(t *testing.T) {
	each(t, func(t *testing.T, server, command *peopledb.DB) {
		ctx := t.Context()
		addUser(t, server, "ada")
		addUser(t, server, "eve")
		laptop := sensocto.Passkey{ID: []byte{0, 1, 255}, UserID: "ada", Name: "laptop", Data: `{"n":1}`, CreatedAt: at}
		phone := sensocto.Passkey{ID: []byte{0, 2}, UserID: "ada", Name: "phone", Data: `{"n":2}`, CreatedAt: at.Add(time.Second)}
		must(t, server.InsertPasskey(ctx, phone, 2))
		must(t, command.InsertPasskey(ctx, laptop, 2))
		wantCode(t, server.InsertPasskey(ctx, sensocto.Passkey{ID: laptop.ID, UserID: "eve", CreatedAt: at}, 2), sensocto.CodeConflict)
		wantCode(t, server.InsertPasskey(ctx, sensocto.Passkey{ID: []byte{3}, UserID: "ada", CreatedAt: at}, 2), sensocto.CodeConflict)
		wantCode(t, server.InsertPasskey(ctx, sensocto.Passkey{ID: []byte{3}, UserID: "nobody", CreatedAt: at}, 2), sensocto.CodeNotFound)
		mine, err := command.Passkeys(ctx, "ada")
		must(t, err)
		same(t, []sensocto.Passkey{laptop, phone}, mine)

		must(t, server.UsePasskey(ctx, laptop.ID, laptop.Data, `{"n":3}`, at.Add(time.Hour)))
		wantCode(t, command.UsePasskey(ctx, laptop.ID, laptop.Data, `{"n":3}`, at), sensocto.CodeConflict)
		wantCode(t, command.UsePasskey(ctx, []byte{9}, "", "", at), sensocto.CodeNotFound)
		laptop.Data, laptop.UsedAt = `{"n":3}`, at.Add(time.Hour)
		got, err := command.Passkey(ctx, laptop.ID)
		must(t, err)
		same(t, laptop, got)
		_, err = command.Passkey(ctx, []byte{9})
		wantCode(t, err, sensocto.CodeNotFound)

		wantCode(t, server.DeletePasskey(ctx, "eve", laptop.ID, false), sensocto.CodeNotFound)
		must(t, server.DeletePasskey(ctx, "ada", laptop.ID, false))
		wantCode(t, server.DeletePasskey(ctx, "ada", laptop.ID, false), sensocto.CodeNotFound)
		must(t, server.DeleteUser(ctx, "ada"))
		_, err = server.Passkey(ctx, phone.ID)
		wantCode(t, err, sensocto.CodeNotFound)
	})
}

// Of two that remove the last two ways in at once, one is refused: nobody is left
// without a way in.
func TestDelete_TheLastWayInStays(t *testing.T) {
	each(t, func(t *testing.T, server, command *peopledb.DB) {
		ctx := t.Context()
		for round := range 20 {
			user := fmt.Sprint("u", round)
			key, issuer := []byte(user), "https://a.example/"+user
			must(t, server.InsertUser(ctx, sensocto.User{ID: user, Name: user, Email: user + "@example.org", CreatedAt: at, Version: 1}))
			must(t, server.InsertPasskey(ctx, sensocto.Passkey{ID: key, UserID: user, CreatedAt: at}, 2))
			must(t, server.InsertIdentity(ctx, sensocto.ExternalIdentity{Issuer: issuer, Subject: "1", UserID: user}))
			var errs [2]error
			var all sync.WaitGroup
			all.Go(func() { errs[0] = server.DeletePasskey(ctx, user, key, true) })
			all.Go(func() { errs[1] = command.DeleteIdentities(ctx, user, issuer, true) })
			all.Wait()
			if (errs[0] == nil) == (errs[1] == nil) || sensocto.ErrorReason(cmp.Or(errs[0], errs[1])) != "last_way_in" {
				t.Fatalf("%v; %v", errs[0], errs[1])
			}
			keys, err := server.Passkeys(ctx, user)
			must(t, err)
			identities, err := server.Identities(ctx, user)
			must(t, err)
			if len(keys)+len(identities) != 1 {
				t.Fatalf("%d passkeys and %d identities are left", len(keys), len(identities))
			}
		}
		addUser(t, server, "ada") // who has a password
		must(t, server.InsertPasskey(ctx, sensocto.Passkey{ID: []byte{9}, UserID: "ada", CreatedAt: at}, 2))
		must(t, command.DeletePasskey(ctx, "ada", []byte{9}, true))
	})
}

func TestInsertPasskey_CountsThoseWhoInsertAtOnce(t *testing.T) {
	each(t, func(t *testing.T, server, command *peopledb.DB) {
		addUser(t, server, "ada")
		var stored atomic.Int32
		var all sync.WaitGroup
		for i := range 8 {
			db := server
			if i%2 == 0 {
				db = command
			}
			all.Go(func() {
				err := db.InsertPasskey(t.Context(), sensocto.Passkey{ID: []byte{byte(i)}, UserID: "ada", CreatedAt: at}, 3)
				if err == nil {
					stored.Add(1)
				} else if sensocto.ErrorReason(err) != "too_many_passkeys" {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if stored.Load() != 3 {
			t.Errorf("%d were stored", stored.Load())
		}
	})
}

func TestIdentities(t *testing.T) {
	each(t, func(t *testing.T, server, command *peopledb.DB) {
		ctx := t.Context()
		ada := addUser(t, server, "ada")
		addUser(t, server, "eve")
		linked := sensocto.ExternalIdentity{Issuer: "https://a.example", Subject: "1", UserID: "ada"}
		must(t, server.InsertIdentity(ctx, linked))
		must(t, server.InsertIdentity(ctx, sensocto.ExternalIdentity{Issuer: "https://b.example", Subject: "1", UserID: "eve"}))
		wantCode(t, command.InsertIdentity(ctx, sensocto.ExternalIdentity{Issuer: linked.Issuer, Subject: "1", UserID: "eve"}), sensocto.CodeConflict)
		got, err := command.UserByIdentity(ctx, linked.Issuer, "1")
		must(t, err)
		same(t, ada, got)
		_, err = command.UserByIdentity(ctx, linked.Issuer, "2")
		wantCode(t, err, sensocto.CodeNotFound)
		mine, err := command.Identities(ctx, "ada")
		must(t, err)
		same(t, []sensocto.ExternalIdentity{linked}, mine)
		must(t, server.DeleteIdentities(ctx, "ada", linked.Issuer, false))
		wantCode(t, server.DeleteIdentities(ctx, "ada", linked.Issuer, false), sensocto.CodeNotFound)
	})
}

func TestInsertUserWithIdentity_BothOrNone(t *testing.T) {
	each(t, func(t *testing.T, server, command *peopledb.DB) {
		ctx := t.Context()
		addUser(t, server, "ada")
		identity := func(subject, user string) sensocto.ExternalIdentity {
			return sensocto.ExternalIdentity{Issuer: "https://a.example", Subject: subject, UserID: user}
		}
		bob := sensocto.User{ID: "bob", Name: "Bob", Email: "bob@example.org", CreatedAt: at, Version: 1}
		hash := []byte{1, 2}
		must(t, server.InsertLink(ctx, sensocto.Link{Hash: hash, Kind: sensocto.LinkInvite, Data: bob.Email, ExpiresAt: time.Now().Add(time.Hour)}))
		for _, wrong := range []struct {
			user       sensocto.User
			invitation []byte
			code       sensocto.Code
		}{
			{sensocto.User{ID: "carl", Name: "Carl", Email: "ada@example.org", CreatedAt: at}, hash, sensocto.CodeConflict},
			{sensocto.User{ID: "carl", Name: "Carl", CreatedAt: at}, []byte{3}, sensocto.CodeNotFound},
		} {
			wantCode(t, command.InsertUserWithIdentity(ctx, wrong.user, identity("1", wrong.user.ID), wrong.invitation), wrong.code)
		}
		found, err := server.LinkFor(ctx, sensocto.LinkInvite, bob.Email, time.Now())
		must(t, err)
		same(t, hash, found.Hash)
		must(t, command.InsertUserWithIdentity(ctx, bob, identity("1", "bob"), hash))
		wantCode(t, command.InsertUserWithIdentity(ctx, sensocto.User{ID: "carl", Name: "Carl", CreatedAt: at}, identity("1", "carl"), nil), sensocto.CodeConflict)
		_, err = server.User(ctx, "carl")
		wantCode(t, err, sensocto.CodeNotFound)
		_, err = server.LinkFor(ctx, sensocto.LinkInvite, bob.Email, time.Now())
		wantCode(t, err, sensocto.CodeNotFound)
		got, err := server.UserByIdentity(ctx, "https://a.example", "1")
		must(t, err)
		same(t, bob, got)
	})
}

func TestLinkFor_OnlyOneThatIsGood(t *testing.T) {
	each(t, func(t *testing.T, server, command *peopledb.DB) {
		ctx, ends := t.Context(), time.Now().Add(time.Hour)
		must(t, server.InsertLink(ctx, sensocto.Link{Hash: []byte{1}, Kind: sensocto.LinkInvite, Data: "ada@example.org", ExpiresAt: ends}))
		must(t, server.InsertLink(ctx, sensocto.Link{Hash: []byte{2}, Kind: sensocto.LinkEmail, Data: "eve@example.org", ExpiresAt: ends}))
		_, err := command.LinkFor(ctx, sensocto.LinkInvite, "ada@example.org", ends.Add(-time.Minute))
		must(t, err)
		for _, none := range []struct {
			data string
			now  time.Time
		}{{"ada@example.org", ends.Add(time.Minute)}, {"eve@example.org", time.Now()}} {
			_, err := command.LinkFor(ctx, sensocto.LinkInvite, none.data, none.now)
			wantCode(t, err, sensocto.CodeNotFound)
		}
	})
}
