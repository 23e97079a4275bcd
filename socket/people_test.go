package socket_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	people "github.com/sensocto/sensocto/account"
	"github.com/sensocto/sensocto/call"
	"github.com/sensocto/sensocto/peopledb"
	"github.com/sensocto/sensocto/postgres"
	"github.com/sensocto/sensocto/postgres/postgrestest"
	"github.com/sensocto/sensocto/rights"
	"github.com/sensocto/sensocto/room"
	"github.com/sensocto/sensocto/socket"
	"github.com/sensocto/sensocto/sqlite"
)

var shared postgrestest.Shared

// peopleWorld is a world with accounts, rights and rooms on a database.
type peopleWorld struct {
	*world
	db       *peopledb.DB
	accounts *people.Accounts
	rights   *rights.Rights
	rooms    *room.Rooms
	calls    *call.Calls
}

func newPeopleWorld(t testing.TB, change ...func(*rights.Options)) *peopleWorld {
	t.Helper()
	return newPeopleWorldOn(t, openSQLite(t), change...)
}

func openSQLite(t testing.TB) *peopledb.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "people.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return peopledb.New(db)
}

// onEachDatabase runs a test on SQLite and on PostgreSQL.
func onEachDatabase(t *testing.T, f func(t *testing.T, p *peopleWorld)) {
	t.Run("sqlite", func(t *testing.T) { f(t, newPeopleWorld(t)) })
	t.Run("postgres", func(t *testing.T) {
		db, err := postgres.Open(t.Context(), shared.Database(t), postgres.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		f(t, newPeopleWorldOn(t, peopledb.New(db)))
	})
}

func newPeopleWorldOn(t testing.TB, db *peopledb.DB, change ...func(*rights.Options)) *peopleWorld {
	t.Helper()
	p := &peopleWorld{db: db}
	p.accounts = people.New(people.Options{Store: p.db, Registration: people.RegistrationOpen, Guests: true, GuestScopes: []sensocto.Scope{sensocto.ScopeView, sensocto.ScopeIngest}})
	p.world = newWorld(t, func(o *socket.Options) {
		ro := rights.Options{Store: p.db, Owner: o.Sensors.Owner}
		for _, f := range change {
			f(&ro)
		}
		p.rights = rights.New(ro)
		p.rooms = room.New(room.Options{Store: p.db, Rights: p.rights, Attempts: p.accounts, Sensor: o.Sensors.Sensor, PubSub: o.PubSub})
		p.calls = call.New(call.Options{Limit: 3})
		o.Auth, o.Rights, o.Rooms, o.Calls = p.accounts, p.rights, p.rooms, p.calls
	})
	return p
}

// somebody is a person with a session.
type somebody struct {
	p      *peopleWorld
	name   string
	id     sensocto.Identity
	secret string
}

func (p *peopleWorld) person(name string, admin bool) *somebody {
	p.t.Helper()
	u, err := p.accounts.CreateUser(p.t.Context(), sensocto.SignUp{Name: name, Email: name + "@example.org", Admin: admin})
	return p.signIn(name, u, err)
}

func (p *peopleWorld) signIn(name string, u sensocto.User, err error) *somebody {
	p.t.Helper()
	s := &somebody{p: p, name: name}
	if err == nil {
		var session sensocto.Session
		session, err = p.accounts.Begin(p.t.Context(), u, sensocto.Client{})
		s.secret = session.Secret
	}
	if err == nil {
		s.id, err = p.accounts.Authenticate(p.t.Context(), s.secret)
	}
	p.must(err)
	return s
}

func (p *peopleWorld) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// dial connects with the person's credential; a nil somebody has none.
func (s *somebody) dial(p *peopleWorld) *client {
	if s == nil {
		return p.v2()
	}
	return p.dial("vsn=2.0.0&token=" + url.QueryEscape(s.secret))
}

// join joins a topic and returns the reply's status and reason.
func (c *client) tryJoin(topic, params string) (ok bool, reason string) {
	c.t.Helper()
	c.send(fmt.Sprintf(`["%s","%s","%s","phx_join",%s]`, topic, topic, topic, params))
	return c.reply(topic)
}

// push sends an event and returns the reply's status and reason.
func (c *client) push(topic, event, payload string) (ok bool, reason string) {
	c.t.Helper()
	c.send(fmt.Sprintf(`["%s","push","%s","%s",%s]`, topic, topic, event, payload))
	return c.reply("push")
}

// reply waits for the reply to a ref, past whatever else comes.
func (c *client) reply(ref string) (ok bool, reason string) {
	c.t.Helper()
	for {
		f := c.next()
		if f.name != "phx_reply" || f.ref != ref {
			continue
		}
		var r struct {
			Status   string
			Response struct{ Reason string }
		}
		if err := json.Unmarshal(f.payload, &r); err != nil {
			c.t.Fatal(err)
		}
		return r.Status == "ok", r.Response.Reason
	}
}

type event struct {
	ref, topic, name string
	payload          json.RawMessage
}

func (c *client) next() (f event) {
	c.t.Helper()
	text := c.receive()
	var joinRef, ref *string
	if err := json.Unmarshal([]byte(text), &[]any{&joinRef, &ref, &f.topic, &f.name, &f.payload}); err != nil {
		c.t.Fatalf("%v: %s", err, text)
	}
	if ref != nil {
		f.ref = *ref
	}
	return f
}

// await waits for an event on a topic, past whatever else comes.
func (c *client) await(topic, event string) json.RawMessage {
	c.t.Helper()
	for {
		if f := c.next(); f.topic == topic && f.name == event {
			return f.payload
		}
	}
}

const strapJoin = `{"sensor_name":"Strap","sensor_type":"ecg","attributes":["ecg"]}`

// bring connects a device, which has sent one sample.
func (s *somebody) bring(p *peopleWorld, sensorID string) *client {
	p.t.Helper()
	d := s.dial(p)
	if ok, reason := d.tryJoin("sensocto:sensor:"+sensorID, strapJoin); !ok {
		p.t.Fatalf("%s cannot bring %s: %s", s.name, sensorID, reason)
	}
	d.sample(sensorID, 1)
	return d
}

// sample sends a sample and waits until it is stored.
func (c *client) sample(sensorID string, n int) {
	c.t.Helper()
	c.send(fmt.Sprintf(`[null,null,"sensocto:sensor:%s","measurement",{"attribute_id":"ecg","payload":%d,"timestamp":%d}]`, sensorID, n, time.Now().UnixMilli()))
	if ok, reason := c.push("sensocto:sensor:"+sensorID, "ping", "{}"); !ok {
		c.t.Fatal(reason)
	}
}

// The table of docs/rights.md, asked over channels.
func TestRights_OverChannels(t *testing.T) { onEachDatabase(t, testRights_OverChannels) }

func testRights_OverChannels(t *testing.T, p *peopleWorld) {
	owner := p.person("owner", false)
	owner.bring(p, "strap")
	crowd := map[string]*somebody{"owner": owner, "administrator": p.person("administrator", true), "public": nil}
	for _, name := range []string{"grantee", "controller", "stranger", "room owner", "room admin", "room member", "room guest"} {
		crowd[name] = p.person(strings.ReplaceAll(name, " ", "-"), false)
	}
	r, err := p.rooms.Create(t.Context(), crowd["room owner"].id, sensocto.RoomDraft{Name: "Room"})
	p.must(err)
	for name, role := range map[string]sensocto.Role{"owner": sensocto.RoleMember, "room admin": sensocto.RoleAdmin, "room member": sensocto.RoleMember, "room guest": sensocto.RoleGuest} {
		p.must(p.db.AddMember(t.Context(), sensocto.Member{RoomID: r.ID, UserID: crowd[name].id.UserID, Role: role, JoinedAt: time.Now()}, 100))
	}
	time.Sleep(2 * time.Millisecond) // timestamps are in ms: the first sample has to be of before the sharing
	p.must(p.rooms.Share(t.Context(), owner.id, r.ID, "strap", sensocto.ShareTerms{}))
	p.must(p.rooms.Grant(t.Context(), owner.id, "strap", crowd["grantee"].id.UserID, sensocto.ShareTerms{}))
	p.must(p.rooms.Grant(t.Context(), owner.id, "strap", crowd["controller"].id.UserID, sensocto.ShareTerms{Control: true, AllHistory: true}))

	// live: joins data:. old: sees the sample of before. command: may send one.
	// ingest: may bring measurements. enter: joins the room's topic.
	for name, want := range map[string]string{
		"owner":         "live old command ingest enter",
		"grantee":       "live",
		"controller":    "live old command",
		"room owner":    "live enter",
		"room admin":    "live enter",
		"room member":   "live enter",
		"room guest":    "live enter",
		"stranger":      "",
		"administrator": "",
		"public":        "",
	} {
		c := crowd[name].dial(p)
		var got []string
		note := func(what string, is bool, reason string) {
			if is {
				got = append(got, what)
			} else if reason != "unauthorized" {
				t.Errorf("%s, %s: %s", name, what, reason)
			}
		}
		live, reason := c.tryJoin("data:strap", `{"history":10}`)
		note("live", live, reason)
		signal, _ := c.tryJoin("signal:strap", "{}")
		receiver, _ := c.tryJoin("sensocto:sensor:strap", `{"sensor_type":"receiver"}`)
		if signal != live || receiver != live {
			t.Errorf("%s: data: %v, signal: %v, receiver: %v", name, live, signal, receiver)
		}
		if ok, _ := c.tryJoin("viewer:1", "{}"); ok {
			c.send(`["viewer:1","w","viewer:1","watch",{"sensor_ids":["strap"]}]`)
			if refused := strings.Contains(string(c.await("viewer:1", "phx_reply")), `"refused":["strap"]`); refused == live {
				t.Errorf("%s: data: %v, refused by viewer: %v", name, live, refused)
			}
			c.send(`["viewer:1","h","viewer:1","history",{"sensor_id":"strap","attribute_id":"ecg"}]`)
			old := string(c.await("viewer:1", "phx_reply"))
			if strings.Contains(old, `"error"`) == live {
				t.Errorf("%s: live %v, history: %s", name, live, old)
			}
			note("old", strings.Contains(old, `"payload":1`), "unauthorized")
		}
		if live {
			command, reason := c.push("data:strap", "command", `{"do":"it"}`)
			note("command", command, reason)
		}
		ingest, reason := crowd[name].dial(p).tryJoin("sensocto:sensor:strap", strapJoin)
		note("ingest", ingest, reason)
		enter, reason := c.tryJoin("room:"+r.ID, "{}")
		note("enter", enter, reason)
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", name, got, want)
		}
	}
	if ok, reason := crowd["stranger"].dial(p).tryJoin("user:"+owner.id.UserID, "{}"); ok || reason != "unauthorized" {
		t.Errorf("somebody else's inbox: %v %s", ok, reason)
	}
}

// Nobody says that they are somebody else.
func TestIdentity_UserIDMustBeTheirs(t *testing.T) {
	p := newPeopleWorld(t)
	ada, eve := p.person("ada", false), p.person("eve", false)
	ada.bring(p, "strap")
	for claimed, want := range map[string]bool{ada.id.UserID: true, eve.id.UserID: false, ada.id.ID: false, "": false} {
		c := ada.dial(p)
		ok, reason := c.tryJoin("data:strap", fmt.Sprintf(`{"user_id":%q}`, claimed))
		if ok != want || !ok && reason != "unauthorized" {
			t.Errorf("join as %q: %v %s", claimed, ok, reason)
		}
		if !ok {
			if ok, reason := c.tryJoin("data:strap", "{}"); !ok {
				t.Fatal(reason)
			}
		}
		if ok, reason := c.push("data:strap", "command", fmt.Sprintf(`{"do":"it","user_id":%q}`, claimed)); ok != want || !ok && reason != "unauthorized" {
			t.Errorf("command as %q: %v %s", claimed, ok, reason)
		}
	}
}

// A right that is taken back closes what it opened before the call that takes it
// back returns: nothing comes behind the phx_close.
func TestRights_TakenBackUnderLoad(t *testing.T) { onEachDatabase(t, testRights_TakenBackUnderLoad) }

func testRights_TakenBackUnderLoad(t *testing.T, p *peopleWorld) {
	ada, bob := p.person("ada", false), p.person("bob", false)
	device := ada.bring(p, "strap")
	r, err := p.rooms.Create(t.Context(), ada.id, sensocto.RoomDraft{Name: "Room"})
	p.must(err)
	stop, stopped := make(chan struct{}), sync.WaitGroup{}
	stopped.Go(func() {
		for n := 2; ; n++ {
			select {
			case <-stop:
				return
			default:
				device.sample("strap", n)
			}
		}
	})
	defer stopped.Wait()
	defer close(stop)
	for name, way := range map[string]struct{ give, take func(context.Context) error }{
		"kicked": {
			func(ctx context.Context) error {
				if err := p.rooms.Share(ctx, ada.id, r.ID, "strap", sensocto.ShareTerms{}); err != nil {
					return err
				}
				return p.db.AddMember(ctx, sensocto.Member{RoomID: r.ID, UserID: bob.id.UserID, Role: sensocto.RoleMember, JoinedAt: time.Now()}, 10)
			},
			func(ctx context.Context) error { return p.rooms.Remove(ctx, ada.id, r.ID, bob.id.UserID, false) },
		},
		"taken out of the room": {
			func(ctx context.Context) error {
				if err := p.rooms.Share(ctx, ada.id, r.ID, "strap", sensocto.ShareTerms{}); err != nil {
					return err
				}
				return p.db.AddMember(ctx, sensocto.Member{RoomID: r.ID, UserID: bob.id.UserID, Role: sensocto.RoleMember, JoinedAt: time.Now()}, 10)
			},
			func(ctx context.Context) error {
				if err := p.rooms.Unshare(ctx, ada.id, r.ID, "strap"); err != nil {
					return err
				}
				return p.rooms.Remove(ctx, ada.id, r.ID, bob.id.UserID, false)
			},
		},
		"grant": {
			func(ctx context.Context) error {
				return p.rooms.Grant(ctx, ada.id, "strap", bob.id.UserID, sensocto.ShareTerms{})
			},
			func(ctx context.Context) error { return p.rooms.Revoke(ctx, ada.id, "strap", bob.id.UserID) },
		},
		"public": {
			func(ctx context.Context) error { return p.rooms.Grant(ctx, ada.id, "strap", "", sensocto.ShareTerms{}) },
			func(ctx context.Context) error { return p.rooms.Revoke(ctx, ada.id, "strap", "") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			p.must(way.give(t.Context()))
			c := bob.dial(p)
			for _, topic := range []string{"data:strap", "signal:strap", "viewer:1", "sensors:all"} {
				if ok, reason := c.tryJoin(topic, "{}"); !ok {
					t.Fatalf("%s: %s", topic, reason)
				}
			}
			if ok, _ := c.push("viewer:1", "watch", `{"sensor_ids":["strap"]}`); !ok {
				t.Fatal("watch is refused")
			}
			c.await("data:strap", "measurement")
			c.await("viewer:1", "sensor_batch")
			p.must(way.take(t.Context()))
			ended := time.Now()
			over := map[string]bool{}
			for !(over["data:strap"] && over["signal:strap"] && over["viewer:1"] && over["sensors:all"]) {
				f := c.next()
				switch {
				case over[f.topic]:
					t.Fatalf("behind its end, %s got %s %s", f.topic, f.name, f.payload)
				case f.name == "phx_close", f.name == "refused" && string(f.payload) == `{"sensor_ids":["strap"]}`,
					f.name == "sensor_list_updated" && strings.Contains(string(f.payload), `"removed":["strap"]`):
					over[f.topic] = true
				}
			}
			t.Logf("all had ended after %v", time.Since(ended))
			if ok, _ := c.tryJoin("sensors:all", "{}"); !ok {
				t.Error("the list is refused")
			}
			for range 3 {
				if ok, _ := c.push("viewer:1", "unwatch", `{"sensor_ids":[]}`); !ok {
					t.Error("the viewer topic has ended")
				}
			}
			if ok, reason := c.tryJoin("data:strap", "{}"); ok || reason != "unauthorized" {
				t.Errorf("joined again: %v %s", ok, reason)
			}
		})
	}
}

// Whoever sees no sensor at first gets the first one that is shared with them.
func TestRights_AListThatWasEmpty(t *testing.T) {
	p := newPeopleWorld(t)
	ada, bob := p.person("ada", false), p.person("bob", false)
	ada.bring(p, "private")
	c := bob.dial(p)
	c.send(`["1","1","sensors:all","phx_join",{}]`)
	if first := string(c.await("sensors:all", "phx_reply")); !strings.Contains(first, `"sensors":[]`) {
		t.Fatalf("bob sees %s", first)
	}
	p.must(p.rooms.Grant(t.Context(), ada.id, "private", bob.id.UserID, sensocto.ShareTerms{}))
	if update := string(c.await("sensors:all", "sensor_list_updated")); !strings.Contains(update, `"added":[{"sensor_id":"private"`) {
		t.Errorf("after the grant: %s", update)
	}
}

// Lists show what the viewer may see, and follow what changes.
func TestRights_Lists(t *testing.T) {
	p := newPeopleWorld(t)
	ada, bob := p.person("ada", false), p.person("bob", false)
	ada.bring(p, "private")
	bob.bring(p, "own")
	(*somebody)(nil).bringAnonymous(p, "found")
	c := bob.dial(p)
	c.send(`["1","1","sensors:all","phx_join",{}]`)
	first := string(c.await("sensors:all", "phx_reply"))
	if strings.Contains(first, "private") || !strings.Contains(first, `"own"`) || !strings.Contains(first, `"found"`) {
		t.Fatalf("bob sees %s", first)
	}
	c.send(`["2","2","sensors:status","phx_join",{}]`)
	if online := string(c.await("sensors:status", "phx_reply")); !strings.Contains(online, `["found","own"]`) {
		t.Errorf("bob sees online: %s", online)
	}
	p.must(p.rooms.Grant(t.Context(), ada.id, "private", bob.id.UserID, sensocto.ShareTerms{}))
	if update := string(c.await("sensors:all", "sensor_list_updated")); !strings.Contains(update, `"added":[{"sensor_id":"private"`) {
		t.Errorf("after the grant: %s", update)
	}
	p.must(p.rooms.Revoke(t.Context(), ada.id, "private", bob.id.UserID))
	for {
		if update := string(c.await("sensors:all", "sensor_list_updated")); strings.Contains(update, `"removed":["private"]`) {
			break
		}
	}
	ada.bring(p, "another").ws.Close()
	bob.bring(p, "second")
	for {
		f := c.next()
		if strings.Contains(string(f.payload), "another") || strings.Contains(string(f.payload), "private") {
			t.Fatalf("%s %s %s", f.topic, f.name, f.payload)
		}
		if f.topic == "sensors:status" && strings.Contains(string(f.payload), "second") {
			break
		}
	}
}

// Whoever may see the operator's sensors may wait for one that was never seen. If
// it is a person's, nothing of it comes.
func TestRights_WhoWaitedForAPersonsSensor(t *testing.T) {
	p := newPeopleWorld(t, func(o *rights.Options) { o.OperatorShown = true })
	ada := p.person("ada", false)
	c := p.v2()
	for _, topic := range []string{"data:strap", "data:other", "signal:strap", "viewer:1"} {
		if ok, reason := c.tryJoin(topic, "{}"); !ok {
			t.Fatal(reason)
		}
	}
	if ok, _ := c.push("viewer:1", "watch", `{"sensor_ids":["strap"]}`); !ok {
		t.Fatal("watch is refused")
	}
	ada.bring(p, "strap")
	over := map[string]bool{}
	for len(over) < 3 {
		f := c.next()
		if f.name != "phx_close" && f.name != "refused" {
			t.Fatalf("%s %s %s", f.topic, f.name, f.payload)
		}
		over[f.topic] = true
	}
	(*somebody)(nil).bringAnonymous(p, "other")
	d := p.v2()
	if ok, reason := d.tryJoin("sensocto:sensor:other", strapJoin); !ok {
		t.Fatal(reason)
	}
	d.sample("other", 7)
	c.await("data:other", "measurement")
}

// bringAnonymous connects a device without a credential.
func (s *somebody) bringAnonymous(p *peopleWorld, sensorID string) {
	p.t.Helper()
	if ok, reason := p.v2().tryJoin("sensocto:sensor:"+sensorID, strapJoin); !ok {
		p.t.Fatal(reason)
	}
}

func TestRoom_TopicsShowWhatHappens(t *testing.T) {
	p := newPeopleWorld(t)
	ada, bob, eve := p.person("ada", false), p.person("bob", false), p.person("eve", false)
	r, err := p.rooms.Create(t.Context(), ada.id, sensocto.RoomDraft{Name: "Lab"})
	p.must(err)
	topic := "room:" + r.ID
	a := ada.dial(p)
	if ok, reason := a.tryJoin(topic, "{}"); !ok {
		t.Fatal(reason)
	}
	state := string(a.await(topic, "room_state"))
	for _, part := range []string{`"member_count":1`, `"role":"owner"`, `"online":true`, `"sensors":[]`} {
		if !strings.Contains(state, part) {
			t.Errorf("the state lacks %s: %s", part, state)
		}
	}
	updates, strangers := ada.dial(p), eve.dial(p)
	for who, c := range map[string]*client{"ada": updates, "eve": strangers} {
		c.send(`["1","1","rooms:updates","phx_join",{}]`)
		if rooms := string(c.await("rooms:updates", "phx_reply")); strings.Contains(rooms, r.ID) != (who == "ada") {
			t.Errorf("%s sees %s", who, rooms)
		}
	}
	inbox := bob.dial(p)
	if ok, reason := inbox.tryJoin("user:"+bob.id.UserID, "{}"); !ok {
		t.Fatal(reason)
	}
	i, err := p.rooms.Invite(t.Context(), ada.id, r.ID, bob.id.UserID, "", sensocto.RoleMember)
	p.must(err)
	if got := string(inbox.await("user:"+bob.id.UserID, "invitation")); !strings.Contains(got, i.ID) {
		t.Errorf("invitation: %s", got)
	}
	var n struct{ ID string }
	p.must(json.Unmarshal(inbox.await("user:"+bob.id.UserID, "notification"), &n))
	if ok, reason := inbox.push("user:"+bob.id.UserID, "notification_read", fmt.Sprintf(`{"id":%q}`, n.ID)); !ok {
		t.Errorf("read: %s", reason)
	}
	if list, err := p.rooms.Notifications(t.Context(), bob.id, "", 10); err != nil || len(list) != 1 || list[0].ReadAt == nil {
		t.Errorf("%+v %v", list, err)
	}
	_, err = p.rooms.Accept(t.Context(), bob.id, i.ID)
	p.must(err)
	if got := string(a.await(topic, "member_joined")); !strings.Contains(got, bob.id.UserID) && !strings.Contains(string(a.await(topic, "member_joined")), bob.id.UserID) {
		t.Errorf("joined: %s", got)
	}

	// A device brings its sensor into the room for as long as it is connected.
	d := bob.dial(p)
	if ok, reason := d.tryJoin("sensocto:sensor:belt", `{"sensor_name":"Belt","sensor_type":"breath","attributes":[],"room_id":"`+r.ID+`"}`); !ok {
		t.Fatal(reason)
	}
	if got := string(a.await(topic, "sensor_added")); !strings.Contains(got, `"sensor":{"sensor_id":"belt","sensor_name":"Belt"`) {
		t.Errorf("added: %s", got)
	}
	if ok, reason := a.tryJoin("data:belt", "{}"); !ok {
		t.Errorf("a member cannot see it: %s", reason)
	}
	d.ws.Close()
	if got := string(a.await(topic, "sensor_removed")); !strings.Contains(got, `"sensor_id":"belt"`) {
		t.Errorf("removed: %s", got)
	}
	// Another device takes over where the first had brought the sensor in, and takes it out.
	d, e := bob.dial(p), bob.dial(p)
	if ok, reason := d.tryJoin("sensocto:sensor:belt", `{"sensor_name":"Belt","sensor_type":"breath","attributes":[],"room_id":"`+r.ID+`"}`); !ok {
		t.Fatal(reason)
	}
	a.await(topic, "sensor_added")
	if ok, reason := e.tryJoin("sensocto:sensor:belt", `{"sensor_name":"Belt","sensor_type":"breath","attributes":[]}`); !ok {
		t.Fatal(reason)
	}
	d.await("sensocto:sensor:belt", "phx_close")
	if shares, err := p.db.SensorShares(t.Context(), "belt"); err != nil || len(shares) != 1 {
		t.Errorf("the sensor is in %v, %v", shares, err)
	}
	e.ws.Close()
	a.await(topic, "sensor_removed")

	// A device that may not is connected all the same, and learns nothing of the room.
	if ok, reason := eve.dial(p).tryJoin("sensocto:sensor:hers", `{"sensor_name":"x","sensor_type":"y","attributes":[],"room_id":"`+r.ID+`"}`); !ok {
		t.Errorf("a device is refused because of a room: %s", reason)
	}
	if shares, err := p.db.SensorShares(t.Context(), "hers"); err != nil || len(shares) != 0 {
		t.Errorf("a stranger brings a sensor into the room: %v, %v", shares, err)
	}

	// A second device of the same person is no news; the last one that leaves is.
	b1, b2 := bob.dial(p), bob.dial(p)
	for _, c := range []*client{b1, b2} {
		if ok, reason := c.tryJoin(topic, "{}"); !ok {
			t.Fatal(reason)
		}
		c.await(topic, "room_state")
	}
	b1.ws.Close()
	b2.ws.Close()
	if got := string(a.await(topic, "member_left")); !strings.Contains(got, `"member":true`) || !strings.Contains(got, `"online":false`) {
		t.Errorf("left: %s", got)
	}

	// It becomes public, and private again.
	yes, no := true, false
	_, err = p.rooms.Update(t.Context(), ada.id, r.ID, 0, sensocto.RoomPatch{IsPublic: &yes, Settings: json.RawMessage(`{"secret":1}`)})
	p.must(err)
	if got := string(strangers.await("rooms:updates", "room_updated")); !strings.Contains(got, r.ID) || strings.Contains(got, "secret") || strings.Contains(got, r.JoinCode) {
		t.Errorf("a stranger sees %s", got)
	}
	_, err = p.rooms.Update(t.Context(), ada.id, r.ID, 0, sensocto.RoomPatch{IsPublic: &no})
	p.must(err)
	if got := string(strangers.await("rooms:updates", "room_deleted")); !strings.Contains(got, r.ID) {
		t.Errorf("a stranger sees %s", got)
	}
	p.must(p.rooms.Delete(t.Context(), ada.id, r.ID))
	a.await(topic, "room_closed")
	a.await(topic, "phx_close")
	updates.await("rooms:updates", "room_deleted")
}

// Who sees a sensor from a time on learns no value of before from anything that
// describes it.
func TestRights_LastValuesOfBeforeAreHidden(t *testing.T) {
	p := newPeopleWorld(t)
	owner, now, always := p.person("owner", false), p.person("now", false), p.person("always", false)
	owner.bring(p, "strap")
	time.Sleep(2 * time.Millisecond) // timestamps are in ms: the sample has to be of before the grants
	p.must(p.rooms.Grant(t.Context(), owner.id, "strap", now.id.UserID, sensocto.ShareTerms{}))
	p.must(p.rooms.Grant(t.Context(), owner.id, "strap", always.id.UserID, sensocto.ShareTerms{AllHistory: true}))
	for _, who := range []*somebody{owner, now, always} {
		for _, topic := range []string{"data:strap", "signal:strap", "sensors:all"} {
			c := who.dial(p)
			c.send(`["1","1","` + topic + `","phx_join",{}]`)
			if reply := string(c.await(topic, "phx_reply")); !strings.Contains(reply, `"strap"`) || strings.Contains(reply, `"last_value":{`) == (who == now) {
				t.Errorf("%s learns by %s: %s", who.name, topic, reply)
			}
		}
		c := who.dial(p)
		if ok, reason := c.tryJoin("viewer:x", "{}"); !ok {
			t.Fatal(reason)
		}
		c.send(`["1","9","viewer:x","watch",{"sensor_ids":["strap"]}]`)
		if reply := string(c.await("viewer:x", "phx_reply")); !strings.Contains(reply, `"strap"`) || strings.Contains(reply, `"last_value":{`) == (who == now) {
			t.Errorf("%s learns by watching: %s", who.name, reply)
		}
	}
}

// The join code is for those who may invite: others find it in no reply and no event.
func TestPeople_TheJoinCodeIsForWhoeverMayInvite(t *testing.T) {
	p := newPeopleWorld(t)
	ada, bob := p.person("ada", false), p.person("bob", false)
	lab, err := p.rooms.Create(t.Context(), ada.id, sensocto.RoomDraft{Name: "Lab"})
	p.must(err)
	_, err = p.rooms.JoinByCode(t.Context(), bob.id, lab.JoinCode, "192.0.2.1")
	p.must(err)
	for who, may := range map[*somebody]bool{ada: true, bob: false} {
		c := who.dial(p)
		c.send(`["1","1","room:` + lab.ID + `","phx_join",{}]`)
		c.awaitText("room_state", lab.JoinCode, may)
		c.send(`["2","2","rooms:updates","phx_join",{}]`)
		c.awaitText(`"rooms"`, lab.JoinCode, may)
		name := "Ward of " + who.name
		_, err = p.rooms.Update(t.Context(), ada.id, lab.ID, 0, sensocto.RoomPatch{Name: &name})
		p.must(err)
		c.awaitText("settings_updated", lab.JoinCode, false)
	}
}

// wait reads frames until one holds a word, and says whether it has to hold another.
func (c *client) awaitText(word, other string, holds bool) {
	c.t.Helper()
	for range 20 {
		frame := c.receive()
		if strings.Contains(frame, other) && !holds {
			c.t.Errorf("%s: %s", word, frame)
		}
		if strings.Contains(frame, word) {
			if strings.Contains(frame, other) != holds {
				c.t.Errorf("holds %s: %v, in %s", other, !holds, frame)
			}
			return
		}
	}
	c.t.Errorf("no frame with %s", word)
}

// A withdrawn invitation is gone at once where the invited person looks.
func TestPeople_AWithdrawnInvitationIsGoneAtOnce(t *testing.T) {
	p := newPeopleWorld(t)
	ada, bob := p.person("ada", false), p.person("bob", false)
	lab, err := p.rooms.Create(t.Context(), ada.id, sensocto.RoomDraft{Name: "Lab"})
	p.must(err)
	c := bob.dial(p)
	topic := "user:" + bob.id.UserID
	if ok, reason := c.tryJoin(topic, "{}"); !ok {
		t.Fatal(reason)
	}
	i, err := p.rooms.Invite(t.Context(), ada.id, lab.ID, bob.id.UserID, "", "")
	p.must(err)
	p.must(p.rooms.Withdraw(t.Context(), ada.id, lab.ID, i.ID))
	if got := string(c.await(topic, "invitation_ended")); got != `{"id":"`+i.ID+`","room_id":"`+lab.ID+`"}` {
		t.Error(got)
	}
}
