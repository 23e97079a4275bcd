package p2p

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sensocto/sensocto"
)

const labID = "01890000-0000-7000-8000-000000000000"

var (
	testKeys                         = &Keys{[]byte("a secret of 32 bytes for testing")}
	root                             = testKeys.Room(labID)
	alice, bob, carol, dave, mallory = testKeys.Person("alice"), testKeys.Person("bob"), testKeys.Person("carol"), testKeys.Person("dave"), testKeys.Person("mallory")
	invite                           = testKeys.Person("an invitation")
)

// said returns an entry in which somebody says a fact.
func said(by Signer, key string, generation, version int64, value any) Entry {
	f := Fact{Room: labID, Generation: generation, Version: version, AtUS: 1_790_000_000_000_000, Deleted: value == nil}
	if value != nil {
		f.Value, _ = json.Marshal(value)
	}
	text, err := by.Sign(key, f)
	if err != nil {
		panic(err)
	}
	return Entry{Key: key, Author: string(by.Key), Value: text}
}

// admitted returns an entry in which the invitation admits a person, who consents.
func admitted(person Signer, generation, version int64, r sensocto.Role) Entry {
	value, _ := json.Marshal(is(r))
	text, err := invite.Admit(memberKey(person.Key), Fact{Room: labID, Generation: generation, Version: version, Value: value}, person)
	if err != nil {
		panic(err)
	}
	return Entry{Key: memberKey(person.Key), Author: string(invite.Key), Value: text}
}

// invites returns an entry in which somebody makes the invitation admit to a generation.
func invites(by Signer, version int64, r sensocto.Role, generation int64) Entry {
	return said(by, inviteKey(invite.Key), 0, version, inviteValue{r, generation})
}

func is(r sensocto.Role) memberValue { return memberValue{r} }

// lab is a room: alice owns it, bob is an administrator, carol a member, dave a guest.
func lab() []Entry {
	return []Entry{
		said(root, keyOwner, 0, 1, alice.Key),
		said(root, keyName, 0, 1, "Lab"),
		said(root, memberKey(bob.Key), 0, 1, is(sensocto.RoleAdmin)),
		said(bob, memberKey(carol.Key), 0, 1, is(sensocto.RoleMember)),
		said(root, inviteKey(invite.Key), 0, 1, is(sensocto.RoleGuest)),
		admitted(dave, 0, 1, sensocto.RoleGuest),
		said(carol, sensorKey(carol.Key, "strap"), 0, 1, Sensor{Name: "Strap", Type: "ecg"}),
		said(carol, personKey(carol.Key), 0, 1, personValue{Name: "Carol", Endpoint: "endpoint"}),
	}
}

func merged(more ...Entry) Room { return Merge(labID, root.Key, append(lab(), more...)) }

func TestMerge_ReadsARoom(t *testing.T) {
	r := merged(said(bob, settingKey("theme/day"), 0, 1, "dark"), said(bob, keyDescription, 0, 1, "Of\nus"))
	want := map[Key]Member{
		alice.Key: {Role: sensocto.RoleOwner}, bob.Key: {Role: sensocto.RoleAdmin},
		carol.Key: {Role: sensocto.RoleMember, Name: "Carol", Endpoint: "endpoint"}, dave.Key: {Role: sensocto.RoleGuest},
	}
	if diff := cmp.Diff(want, r.Members); diff != "" {
		t.Error(diff)
	}
	if r.Name != "Lab" || r.Description != "Of\nus" || r.Owner != alice.Key || string(r.Settings["theme/day"]) != `"dark"` {
		t.Errorf("%+v", r)
	}
	if s := r.Sensors[SensorRef{carol.Key, "strap"}]; s.Name != "Strap" || len(r.Sensors) != 1 {
		t.Errorf("%+v", r.Sensors)
	}
	if len(r.Refused) != 0 {
		t.Errorf("refused %v", r.Refused)
	}
}

// What each entry changes in the lab, or that it changes nothing.
func TestMerge_WhoMayChangeWhat(t *testing.T) {
	role := func(k Key, want sensocto.Role) func(Room) bool {
		return func(r Room) bool { return r.Members[k].Role == want }
	}
	name := func(want string) func(Room) bool { return func(r Room) bool { return r.Name == want } }
	sensors := func(want int) func(Room) bool { return func(r Room) bool { return len(r.Sensors) == want } }
	for what, c := range map[string]struct {
		entries []Entry
		holds   func(Room) bool
	}{
		"an administrator renames the room":        {[]Entry{said(bob, keyName, 0, 2, "Gym")}, name("Gym")},
		"a member does not":                        {[]Entry{said(carol, keyName, 0, 2, "Gym")}, name("Lab")},
		"a stranger does not":                      {[]Entry{said(mallory, keyName, 0, 2, "Gym")}, name("Lab")},
		"an older change loses":                    {[]Entry{said(bob, keyName, 0, 0, "Gym")}, name("Lab")},
		"a name that is none does not count":       {[]Entry{said(bob, keyName, 0, 2, "\x1b[31m")}, name("")},
		"a stranger admits nobody":                 {[]Entry{said(mallory, memberKey(mallory.Key), 0, 1, is(sensocto.RoleMember))}, role(mallory.Key, "")},
		"a member admits nobody":                   {[]Entry{said(carol, memberKey(mallory.Key), 0, 1, is(sensocto.RoleMember))}, role(mallory.Key, "")},
		"an administrator admits":                  {[]Entry{said(bob, memberKey(mallory.Key), 0, 1, is(sensocto.RoleMember))}, role(mallory.Key, sensocto.RoleMember)},
		"an administrator makes no administrators": {[]Entry{said(bob, memberKey(carol.Key), 0, 2, is(sensocto.RoleAdmin))}, role(carol.Key, sensocto.RoleMember)},
		"nor owners":                               {[]Entry{said(bob, keyOwner, 0, 2, bob.Key)}, func(r Room) bool { return r.Owner == alice.Key }},
		"nor an owner by role":                     {[]Entry{said(root, memberKey(carol.Key), 0, 2, is(sensocto.RoleOwner))}, role(carol.Key, sensocto.RoleMember)},
		"administrators do not end each other": {[]Entry{said(root, memberKey(carol.Key), 0, 2, is(sensocto.RoleAdmin)), said(bob, memberKey(carol.Key), 0, 3, nil)},
			role(carol.Key, sensocto.RoleAdmin)},
		"the room ends an administrator":             {[]Entry{said(root, memberKey(bob.Key), 0, 2, nil)}, role(bob.Key, "")},
		"whom that had admitted goes, too":           {[]Entry{said(root, memberKey(bob.Key), 0, 2, nil)}, role(carol.Key, "")},
		"unless it is said again":                    {[]Entry{said(root, memberKey(bob.Key), 0, 2, nil), said(root, memberKey(carol.Key), 0, 2, is(sensocto.RoleMember))}, role(carol.Key, sensocto.RoleMember)},
		"an administrator leaves":                    {[]Entry{said(bob, memberKey(bob.Key), 0, 2, nil)}, role(bob.Key, "")},
		"a member leaves":                            {[]Entry{said(carol, memberKey(carol.Key), 0, 2, nil)}, role(carol.Key, "")},
		"with the sensors":                           {[]Entry{said(carol, memberKey(carol.Key), 0, 2, nil)}, sensors(0)},
		"nobody makes others leave":                  {[]Entry{said(dave, memberKey(carol.Key), 0, 2, nil)}, role(carol.Key, sensocto.RoleMember)},
		"an invitation admits":                       {[]Entry{admitted(mallory, 0, 1, sensocto.RoleGuest)}, role(mallory.Key, sensocto.RoleGuest)},
		"to its role at most":                        {[]Entry{admitted(mallory, 0, 1, sensocto.RoleMember)}, role(mallory.Key, "")},
		"not without their consent":                  {[]Entry{said(invite, memberKey(mallory.Key), 0, 1, is(sensocto.RoleGuest))}, role(mallory.Key, "")},
		"and says nothing of who is in":              {[]Entry{admitted(carol, 0, 1<<52, sensocto.RoleGuest)}, role(carol.Key, sensocto.RoleMember)},
		"nor of whom it admitted, once the room has": {[]Entry{said(root, memberKey(dave.Key), 0, 2, is(sensocto.RoleMember)), admitted(dave, 0, 1<<52, sensocto.RoleGuest)}, role(dave.Key, sensocto.RoleMember)},
		"and not who was removed":                    {[]Entry{said(bob, memberKey(dave.Key), 0, 2, nil), admitted(dave, 1, 9, sensocto.RoleGuest)}, role(dave.Key, "")},
		"but an administrator does":                  {[]Entry{said(bob, memberKey(dave.Key), 0, 2, nil), said(bob, memberKey(dave.Key), 1, 1, is(sensocto.RoleGuest))}, role(dave.Key, sensocto.RoleGuest)},
		"an invitation that ended does not":          {[]Entry{said(bob, inviteKey(invite.Key), 0, 2, nil)}, role(dave.Key, "")},
		"invitations of strangers are none":          {[]Entry{said(mallory, inviteKey(mallory.Key), 0, 1, is(sensocto.RoleMember)), said(mallory, memberKey(mallory.Key), 0, 1, is(sensocto.RoleMember))}, role(mallory.Key, "")},
		"a member shares own sensors":                {[]Entry{said(carol, sensorKey(carol.Key, "watch"), 0, 1, Sensor{})}, sensors(2)},
		"not those of others":                        {[]Entry{said(dave, sensorKey(carol.Key, "watch"), 0, 1, Sensor{})}, sensors(1)},
		"a guest shares none":                        {[]Entry{said(dave, sensorKey(dave.Key, "watch"), 0, 1, Sensor{})}, sensors(1)},
		"an administrator takes a sensor out":        {[]Entry{said(bob, sensorKey(carol.Key, "strap"), 0, 2, nil)}, sensors(0)},
		"and changes none":                           {[]Entry{said(bob, sensorKey(carol.Key, "strap"), 0, 2, Sensor{Name: "Bob's"})}, func(r Room) bool { return r.Sensors[SensorRef{carol.Key, "strap"}].Name == "Strap" }},
		"nobody names others":                        {[]Entry{said(bob, personKey(carol.Key), 0, 2, personValue{Name: "Karl", Endpoint: ""})}, func(r Room) bool { return r.Members[carol.Key].Name == "Carol" }},
		"a deletion stays":                           {[]Entry{said(carol, sensorKey(carol.Key, "strap"), 0, 2, nil), said(carol, sensorKey(carol.Key, "strap"), 0, 9, Sensor{})}, sensors(0)},
		"until it is known and undone":               {[]Entry{said(carol, sensorKey(carol.Key, "strap"), 0, 2, nil), said(carol, sensorKey(carol.Key, "strap"), 1, 1, Sensor{})}, sensors(1)},
	} {
		if r := merged(c.entries...); !c.holds(r) {
			t.Errorf("%s: %+v", what, r)
		}
	}
}

// Who comes in again: dave, a guest by the invitation, is removed in generation 0.
func TestMerge_WhoComesInAgain(t *testing.T) {
	out, again, member := said(bob, memberKey(dave.Key), 0, 2, nil), admitted(dave, 1, 1, sensocto.RoleGuest), sensocto.RoleMember
	for what, c := range map[string]struct {
		entries []Entry
		want    sensocto.Role
	}{
		"not by a ticket made before":                          {[]Entry{out, again}, ""},
		"by one made since":                                    {[]Entry{out, again, invites(root, 2, member, 1)}, sensocto.RoleGuest},
		"which only the room can make":                         {[]Entry{out, again, invites(bob, 2, member, 1)}, ""},
		"to its role at most":                                  {[]Entry{out, admitted(dave, 1, 1, member), invites(root, 2, sensocto.RoleGuest, 1)}, ""},
		"not with what was said before":                        {[]Entry{out, invites(root, 2, member, 1)}, ""},
		"in any generation to which it admits":                 {[]Entry{out, admitted(dave, 2, 1, sensocto.RoleGuest), invites(root, 2, member, 3)}, sensocto.RoleGuest},
		"in none beyond":                                       {[]Entry{out, admitted(dave, 4, 1, sensocto.RoleGuest), invites(root, 2, member, 3)}, ""},
		"nor anybody who was never there":                      {[]Entry{admitted(mallory, 4, 1, sensocto.RoleGuest), invites(root, 2, member, 3)}, ""},
		"who was never there comes in in any":                  {[]Entry{admitted(mallory, 2, 1, sensocto.RoleGuest), invites(root, 2, member, 3)}, "mallory"},
		"not once it has ended":                                {[]Entry{out, again, said(root, inviteKey(invite.Key), 0, 2, nil)}, ""},
		"not without their consent":                            {[]Entry{out, said(invite, memberKey(dave.Key), 1, 1, is(sensocto.RoleGuest)), invites(root, 2, member, 1)}, ""},
		"not by a ticket that a stranger changed":              {[]Entry{out, again, invites(mallory, 2, member, 1)}, ""},
		"nor the bearer":                                       {[]Entry{out, again, invites(invite, 2, member, 1)}, ""},
		"not by a generation that is none":                     {[]Entry{out, again, invites(root, 2, member, maxCount+1)}, ""},
		"once: who is removed again is out":                    {[]Entry{out, again, invites(root, 2, member, 1), said(bob, memberKey(dave.Key), 1, 2, nil)}, ""},
		"whatever version they say":                            {[]Entry{out, admitted(dave, 1, 1<<52, sensocto.RoleGuest), invites(root, 2, member, 1), said(bob, memberKey(dave.Key), 1, 2, nil)}, ""},
		"whatever they say of themselves before":               {[]Entry{out, said(dave, memberKey(dave.Key), 0, 9, nil), again, invites(root, 2, member, 1), said(bob, memberKey(dave.Key), 1, 2, nil)}, ""},
		"not beyond their own word that they left":             {[]Entry{out, said(dave, memberKey(dave.Key), 1, 1, nil), again, invites(root, 2, member, 1)}, ""},
		"who left themselves, too":                             {[]Entry{said(dave, memberKey(dave.Key), 0, 2, nil), again, invites(root, 2, member, 1)}, sensocto.RoleGuest},
		"strangers do not keep them out":                       {[]Entry{out, again, invites(root, 2, member, 1), said(mallory, memberKey(dave.Key), 1, 2, nil)}, sensocto.RoleGuest},
		"what the room has confirmed stays without the ticket": {[]Entry{out, again, said(root, inviteKey(invite.Key), 0, 3, nil), said(root, memberKey(dave.Key), 1, 1, is(sensocto.RoleGuest))}, sensocto.RoleGuest},
		"nobody who is in the room gets another role":          {[]Entry{said(root, memberKey(dave.Key), 0, 1, is(sensocto.RoleGuest)), admitted(dave, 1, 1, member), invites(root, 2, member, 1)}, sensocto.RoleGuest},
		"nor back one that was taken, by leaving": {[]Entry{said(root, memberKey(dave.Key), 1, 2, is(sensocto.RoleGuest)), said(dave, memberKey(dave.Key), 0, 9, nil), admitted(dave, 1, 9, member), invites(root, 2, member, 1)},
			sensocto.RoleGuest},
	} {
		of := dave.Key
		if c.want == "mallory" || strings.HasPrefix(what, "nor anybody") {
			of = mallory.Key
		}
		if c.want == "mallory" {
			c.want = sensocto.RoleGuest
		}
		r := merged(c.entries...)
		if got := r.Members[of].Role; got != c.want {
			t.Errorf("%s: %q", what, got)
		}
	}
}

// Of more people than a ticket admits, those who were removed stay so.
func TestMerge_WhoIsBeyondTheBoundStaysRemoved(t *testing.T) {
	more := []Entry{invites(root, 2, sensocto.RoleGuest, 1)}
	for i := range 2 * maxByInvite {
		p := testKeys.Person(fmt.Sprint(i))
		more = append(more, said(root, memberKey(p.Key), 0, 2, nil), admitted(p, 1, 1, sensocto.RoleGuest))
	}
	r := merged(more...)
	in, out := 0, 0
	for key, f := range r.Facts {
		if strings.HasPrefix(key, prefixMember) && f.Deleted {
			out++
		} else if f.Invitation == invite.Key {
			in++
		}
	}
	if rest := 2*maxByInvite - in; in != maxByInvite || out < rest || r.invitationGeneration(root.Key) != 1 { // dave may be one of those in it
		t.Errorf("%d are in and %d out", in, out)
	}
}

// What a ticket that is made now admits to.
func TestMerge_GenerationOfATicket(t *testing.T) {
	for what, c := range map[string]struct {
		entries []Entry
		want    int64
	}{
		"nobody is out":                     {nil, 0},
		"somebody was removed":              {[]Entry{said(root, memberKey(dave.Key), 0, 2, nil)}, 1},
		"and somebody twice":                {[]Entry{said(root, memberKey(dave.Key), 0, 2, nil), said(root, memberKey(carol.Key), 3, 1, nil)}, 4},
		"and is back":                       {[]Entry{said(root, memberKey(dave.Key), 0, 2, nil), said(root, memberKey(carol.Key), 3, 1, nil), said(root, memberKey(carol.Key), 4, 1, is(sensocto.RoleGuest))}, 1},
		"somebody left":                     {[]Entry{said(carol, memberKey(carol.Key), 0, 2, nil)}, 1},
		"in a generation that tickets have": {[]Entry{invites(root, 2, sensocto.RoleGuest, 2), said(carol, memberKey(carol.Key), 2, 2, nil)}, 3},
		"a stranger was removed by none":    {[]Entry{said(mallory, memberKey(carol.Key), 0, 2, nil)}, 0},
		"a forged generation is not counted": {[]Entry{said(root, memberKey(dave.Key), 0, 2, nil), said(mallory, memberKey(mallory.Key), maxCount, 1, nil), said(carol, memberKey(carol.Key), maxCount, 1, nil)},
			1},
		"there is a last one": {[]Entry{said(root, memberKey(dave.Key), maxCount, 2, nil)}, maxCount},
	} {
		if got := merged(c.entries...).invitationGeneration(root.Key); got != c.want {
			t.Errorf("%s: %d", what, got)
		}
	}
}

// Entries of somebody who has a write ticket and nothing else.
func hostile() []Entry {
	late := said(mallory, keyName, 0, 1<<52, "Owned")
	late.AtUS = uint64(time.Now().AddDate(100, 0, 0).UnixMicro())
	forged := said(mallory, keyName, 0, 9, "Owned")
	forged.Value = []byte(strings.Replace(string(forged.Value), string(mallory.Key), string(root.Key), 1))
	moved := said(root, keyName, 0, 9, "Of another key")
	moved.Key = keyDescription
	other := said(root, keyOwner, 0, 9, mallory.Key)
	other.Value = []byte(strings.Replace(string(other.Value), labID, "01890000-0000-7000-8000-000000000001", 1))
	format := said(root, keyName, 0, 9, "Of the future")
	format.Value = []byte(strings.Replace(string(format.Value), `"format":1`, `"format":2`, 1))
	return []Entry{late, forged, moved, other, format,
		{Key: keyName, Value: []byte("no JSON")},
		{Key: keyName, Value: []byte(`{"format":1,"signer":"x","signature":"","body":"{}"}`)},
		{Key: keyName, State: "too_large"},
		{Key: keyName, Value: make([]byte, maxValueBytes+1)},
		{Key: strings.Repeat("k", 600) + "/", Value: []byte("{}")},
		said(mallory, "members/", 0, 1, is(sensocto.RoleMember)),
		said(mallory, "members/nobody/", 0, 1, is(sensocto.RoleMember)),
		said(mallory, "sensors/"+string(carol.Key)+"/../", 0, 1, Sensor{}),
		said(root, keyName, -1, 9, "Negative"),
		said(root, keyName, maxCount+1, 9, "Beyond"),
	}
}

// content is a room without the count of what was refused.
func content(r Room) Room { r.Refused = nil; return r }

func TestMerge_HostileEntriesChangeNothing(t *testing.T) {
	for i, e := range hostile() {
		if diff := cmp.Diff(content(merged()), content(merged(e))); diff != "" {
			t.Errorf("entry %d changed the room: %s", i, diff)
		}
	}
	r := merged(hostile()...)
	if diff := cmp.Diff(content(merged()), content(r)); diff != "" {
		t.Error(diff)
	}
	for _, reason := range []string{"malformed", "too_large", "other_format", "other_room", "not_allowed"} {
		if r.Refused[reason] == 0 {
			t.Errorf("nothing was refused as %s: %v", reason, r.Refused)
		}
	}
}

// As many entries as are read, each with a right signature of somebody who is nobody.
func TestMerge_AFloodChangesNothing(t *testing.T) {
	flood := make([]Entry, 0, maxEntries)
	for i := range maxEntries - 100 {
		stranger := testKeys.Person(fmt.Sprint(i % 50))
		flood = append(flood, said(stranger, memberKey(testKeys.Person(fmt.Sprint(i%2000)).Key), 0, int64(i), is(sensocto.RoleMember)))
	}
	start := time.Now()
	r := merged(flood...)
	t.Logf("%d entries in %v", len(flood), time.Since(start))
	if diff := cmp.Diff(content(merged()), content(r)); diff != "" {
		t.Error(diff)
	}
}

func TestMerge_BoundsHoldForMembers(t *testing.T) {
	var more []Entry
	for i := range maxSensorsOfMember + 20 {
		more = append(more, said(carol, sensorKey(carol.Key, fmt.Sprintf("s%03d", i)), 0, 1, Sensor{}))
	}
	for i := range 20 {
		more = append(more, said(bob, settingKey(fmt.Sprint(i)), 0, 1, strings.Repeat("x", 1000)))
	}
	r := merged(more...)
	if len(r.Sensors) != maxSensorsOfMember || len(r.Settings) != 16 {
		t.Errorf("%d sensors, %d settings", len(r.Sensors), len(r.Settings))
	}
}

// Whoever has a ticket makes up people; those whom the room has confirmed count too.
func TestMerge_AnInvitationAdmitsSoMany(t *testing.T) {
	var more []Entry
	for i := range 3 * maxByInvite {
		more = append(more, admitted(testKeys.Person(fmt.Sprint(i)), 0, 1, sensocto.RoleGuest))
	}
	r := merged(more...)
	if n := len(r.Members); n != 3+maxByInvite || r.Refused["not_allowed"] == 0 {
		t.Fatalf("%d members, %v", n, r.Refused)
	}
	p := pass{RoomSync: &RoomSync{options: resolved{Keys: testKeys}}, root: root.Key, own: true, room: sensocto.SharedRoom{RoomID: labID}}
	if err := p.confirm(&r); err != nil {
		t.Fatal(err)
	}
	for key, f := range r.Facts {
		if f.Signer == root.Key {
			more = append(more, Entry{Key: key, Value: f.Value})
		}
	}
	if n := len(merged(more...).Members); n != 3+maxByInvite {
		t.Errorf("%d members after the room confirmed", n)
	}
}

// Nobody but the room says anything of a member in its last generations.
func TestMerge_TheRoomHasTheLastGenerations(t *testing.T) {
	last := said(bob, memberKey(carol.Key), maxConfirmed, 2, nil)
	if r := merged(last); !r.Facts[memberKey(carol.Key)].Deleted {
		t.Fatal("an administrator does not remove a member")
	}
	beyond := said(bob, memberKey(carol.Key), maxConfirmed+1, 9, nil)
	again := said(root, memberKey(carol.Key), maxConfirmed+1, 1, is(sensocto.RoleMember))
	if r := merged(last, beyond, again); r.Members[carol.Key].Role != sensocto.RoleMember {
		t.Error("the room does not let her in again")
	}
}

// What the room signs of what others say: whoever was in it and left did so in a generation
// in which they were in it, or to which a ticket admits, and nobody uses up generations.
func TestConfirm_OfWhoIsOut(t *testing.T) {
	inRoom := func(k Signer, generation int64) Entry {
		return said(root, memberKey(k.Key), generation, 1, is(sensocto.RoleMember))
	}
	for what, c := range map[string]struct {
		entries []Entry
		base    []Entry // as last exchanged
		want    bool
		raised  int64 // the generation in which it is confirmed, where that is a later one
	}{
		"left":                            {[]Entry{said(carol, memberKey(carol.Key), 3, 2, nil)}, []Entry{inRoom(carol, 3)}, true, 0},
		"came by a ticket and left":       {[]Entry{invites(root, 2, sensocto.RoleGuest, 4), said(carol, memberKey(carol.Key), 4, 2, nil)}, []Entry{inRoom(carol, 3)}, true, 0},
		"in a generation that nobody had": {[]Entry{said(carol, memberKey(carol.Key), 4, 2, nil)}, []Entry{inRoom(carol, 3)}, false, 0},
		"never was there":                 {[]Entry{said(carol, memberKey(carol.Key), 0, 2, nil)}, nil, false, 0},
		"removed by an administrator":     {[]Entry{said(bob, memberKey(carol.Key), confirmAhead, 2, nil)}, nil, true, 0},
		"who uses up generations":         {[]Entry{said(bob, memberKey(carol.Key), confirmAhead+1, 2, nil)}, nil, false, 0},
		"who does not know of a ticket":   {[]Entry{invites(root, 2, sensocto.RoleGuest, 4), said(bob, memberKey(carol.Key), 1, 2, nil)}, []Entry{inRoom(carol, 1)}, true, 4},
	} {
		p := pass{RoomSync: &RoomSync{options: resolved{Keys: testKeys}}, root: root.Key, own: true, room: sensocto.SharedRoom{RoomID: labID}, base: map[string]*signed{}}
		for _, e := range c.base {
			f, err := decodeFact(labID, e)
			if err != nil {
				t.Fatal(err)
			}
			p.base[e.Key] = f
		}
		r := merged(c.entries...)
		if err := p.confirm(&r); err != nil {
			t.Fatal(err)
		}
		f := r.Facts[memberKey(carol.Key)]
		if got := f.Signer == root.Key; got != c.want || !f.Deleted || (c.raised > 0 && f.Generation != c.raised) {
			t.Errorf("%s: %v, %+v", what, got, f.Fact)
		}
		if generation := r.invitationGeneration(root.Key); c.want != (generation == f.Generation+1) && f.Generation > 0 {
			t.Errorf("%s: a ticket admits to %d", what, generation)
		}
	}
}

// A value keeps its bytes, so that it is not taken for a change.
func TestSign_KeepsTheBytesOfValues(t *testing.T) {
	value := json.RawMessage(`{"formula":"a<b && c>d"}`)
	text, err := root.Sign(settingKey("a"), Fact{Room: labID, Version: 1, Value: value})
	if err != nil {
		t.Fatal(err)
	}
	if f, err := decodeFact(labID, Entry{Key: settingKey("a"), Value: text}); err != nil || string(f.Value) == "" || string(f.Fact.Value) != string(value) {
		t.Errorf("%v %s", err, f.Fact.Value)
	}
}

// drawEntry draws a fact that any of the people may or may not say.
func drawEntry(t *rapid.T) Entry {
	people := []Signer{root, alice, bob, carol, dave, mallory, invite}
	person := func(label string) Signer { return rapid.SampledFrom(people).Draw(t, label) }
	of := person("of").Key
	choice := rapid.SampledFrom([]struct {
		key    string
		values []any
	}{
		{keyOwner, []any{alice.Key, bob.Key}},
		{keyName, []any{"Lab", "Gym"}},
		{settingKey("a"), []any{1, 2}},
		{memberKey(of), []any{is(sensocto.RoleAdmin), is(sensocto.RoleMember), is(sensocto.RoleGuest)}},
		{personKey(of), []any{personValue{Name: "A", Endpoint: ""}, personValue{Name: "B", Endpoint: ""}}},
		{inviteKey(of), []any{is(sensocto.RoleMember), is(sensocto.RoleGuest), inviteValue{sensocto.RoleMember, 1}, inviteValue{sensocto.RoleGuest, 2}}},
		{sensorKey(of, "s"), []any{Sensor{Name: "1"}, Sensor{Name: "2"}}},
	}).Draw(t, "fact")
	value := rapid.SampledFrom(append(choice.values, nil)).Draw(t, "value")
	generation, version := rapid.Int64Range(0, 3).Draw(t, "generation"), rapid.Int64Range(0, 2).Draw(t, "version")
	if r, ok := value.(memberValue); ok && rapid.Bool().Draw(t, "invited") {
		for _, p := range people {
			if p.Key == of && strings.HasPrefix(choice.key, prefixMember) {
				return admitted(p, generation, version, r.Role)
			}
		}
	}
	return said(person("by"), choice.key, generation, version, value)
}

// Any order of the same entries, some of them twice, gives the same room.
func TestMerge_OrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := append(lab(), rapid.SliceOfN(rapid.Custom(drawEntry), 0, 30).Draw(t, "entries")...)
		want := Merge(labID, root.Key, entries)
		other := rapid.Permutation(entries).Draw(t, "order")
		if diff := cmp.Diff(want, Merge(labID, root.Key, other)); diff != "" {
			t.Fatal(diff)
		}
		twice := append(other, entries[rand.IntN(len(entries)):]...)
		if diff := cmp.Diff(content(want), content(Merge(labID, root.Key, twice))); diff != "" {
			t.Fatal(diff)
		}
	})
}

// Whoever has no role changes nothing, whatever they say besides.
func TestMerge_StrangersHaveNoSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := append(lab(), rapid.SliceOfN(rapid.Custom(drawEntry), 0, 20).Draw(t, "entries")...)
		before := Merge(labID, root.Key, entries)
		if before.Members[mallory.Key].Role != "" || before.Invites[mallory.Key] != "" {
			t.Skip("mallory was admitted")
		}
		for range 10 {
			e := drawEntry(t)
			var v envelope
			_ = json.Unmarshal(e.Value, &v)
			var f Fact
			_ = json.Unmarshal([]byte(v.Body), &f)
			if (e.Key == memberKey(mallory.Key) && f.Deleted) || e.Key == personKey(mallory.Key) {
				continue // that is their own to say, and shows only once they are admitted
			}
			e.Value, _ = mallory.Sign(e.Key, f)
			entries = append(entries, e)
		}
		if diff := cmp.Diff(content(before), content(Merge(labID, root.Key, entries))); diff != "" {
			t.Fatal(diff)
		}
	})
}

// drawAgain draws what may be said of whether dave is in the room, and of what the
// invitation by which he comes admits to: by those who may say it and by himself, as often as
// he likes and in generations that he makes up.
func drawAgain(t *rapid.T) Entry {
	generation, version := rapid.Int64Range(0, 4).Draw(t, "generation"), rapid.Int64Range(0, 3).Draw(t, "version")
	by := rapid.SampledFrom([]Signer{root, bob, carol, dave, mallory}).Draw(t, "by")
	r := rapid.SampledFrom([]sensocto.Role{sensocto.RoleMember, sensocto.RoleGuest}).Draw(t, "role")
	switch rapid.SampledFrom([]string{"out", "in", "comes", "ticket", "ticket ended"}).Draw(t, "what") {
	case "out":
		return said(by, memberKey(dave.Key), generation, version, nil)
	case "in":
		return said(by, memberKey(dave.Key), generation, version, is(r))
	case "ticket":
		return said(by, inviteKey(invite.Key), 0, version, inviteValue{r, generation})
	case "ticket ended":
		return said(by, inviteKey(invite.Key), 0, version, nil)
	}
	return admitted(dave, generation, version, r)
}

// lastSaid returns what was said last of dave by the room or bob, and by himself that he
// left, in the order of facts; found by comparing all of them.
func lastSaid(entries []Entry) (last *signed) {
	for _, e := range entries {
		f, err := decodeFact(labID, e)
		if err != nil || e.Key != memberKey(dave.Key) || (f.signer != root.Key && f.signer != bob.Key && (f.signer != dave.Key || !f.Deleted)) {
			continue
		}
		if last == nil || last.before(f) {
			last = f
		}
	}
	return last
}

// Whatever is said and in whatever order it arrives: dave is in the room by the ticket only
// in a generation to which it admits and in which nobody has said anything of him, where
// nothing or that he is out was said before. Removing him in that generation ends it, and
// what the room confirms stays when the ticket ends.
func TestMerge_ATicketAdmitsOnceSinceItWasMade(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := append(lab(), rapid.SliceOfN(rapid.Custom(drawAgain), 0, 20).Draw(t, "entries")...)
		r := Merge(labID, root.Key, entries)
		if diff := cmp.Diff(r, Merge(labID, root.Key, rapid.Permutation(entries).Draw(t, "order"))); diff != "" {
			t.Fatal(diff)
		}
		f, last := r.Facts[memberKey(dave.Key)], lastSaid(entries)
		if f.Signer != invite.Key {
			if role := r.Members[dave.Key].Role; last == nil && role != "" {
				t.Fatalf("dave is %s, and nobody said so", role)
			}
			return
		}
		if r.Invites[invite.Key] == "" || f.Generation > r.InvitedTo[invite.Key] || !r.Invites[invite.Key].AtLeast(r.Members[dave.Key].Role) {
			t.Fatalf("%+v by a ticket to %s in %d", f.Fact, r.Invites[invite.Key], r.InvitedTo[invite.Key])
		}
		if last != nil && (!last.Deleted || last.Generation >= f.Generation) {
			t.Fatalf("%+v after %+v", f.Fact, last.Fact)
		}
		removed := said(root, memberKey(dave.Key), r.lastInvitedTo(), 1, nil)
		if gone := Merge(labID, root.Key, append(slices.Clone(entries), removed)); gone.Members[dave.Key].Role != "" {
			t.Fatalf("removed, he is %s", gone.Members[dave.Key].Role)
		}
		confirmed, err := root.Sign(memberKey(dave.Key), f.Fact)
		if err != nil {
			t.Fatal(err)
		}
		after := Merge(labID, root.Key, append(slices.Clone(entries), Entry{Key: memberKey(dave.Key), Value: confirmed}, said(root, inviteKey(invite.Key), maxCount, 1, nil)))
		if got, want := after.Members[dave.Key].Role, r.Members[dave.Key].Role; got != want {
			t.Fatalf("he is %q without the ticket, and was %s", got, want)
		}
	})
}

func BenchmarkMerge_50Facts(b *testing.B) {
	entries := lab()
	for i := len(entries); i < 50; i++ {
		entries = append(entries, said(bob, settingKey(fmt.Sprint(i)), 0, 1, i))
	}
	for b.Loop() {
		Merge(labID, root.Key, entries)
	}
}
