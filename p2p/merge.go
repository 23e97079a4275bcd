package p2p

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sensocto/sensocto"
)

// The bounds of a room. Of more, those whose keys come first count.
const (
	maxMembers         = 1000
	maxInvites         = 500
	maxByInvite        = 50 // people whom one invitation admits
	maxSensorsOfMember = 200
	maxSettings        = 256
	maxSettingsBytes   = 16 << 10
	maxDescription     = 1000 // characters
)

// Room is what the entries of a document say, as far as they may.
type Room struct {
	Name        string
	Description string
	Owner       Key // "" while nobody is named
	Settings    map[string]json.RawMessage
	Members     map[Key]Member
	Sensors     map[SensorRef]Sensor
	Invites     map[Key]sensocto.Role // what whoever comes with the key becomes
	InvitedTo   map[Key]int64         // the last generation of a member that an invitation admits to; 0 is not in it
	Moved       map[Key]Moved         // where the room goes on, by who is told
	Documents   map[string]int64      // how often the room had moved to get there, by document

	Closed bool // the owner has deleted the room

	// Facts are the facts that count, by key, deletions as well.
	Facts map[string]Said
	// Refused counts the entries that do not count, by reason.
	Refused map[string]int
}

// Said is a fact with who said it, and the value of the entry that proves it.
type Said struct {
	Fact
	Signer Key
	Value  []byte
}

// Moved is where a room goes on, for one member.
type Moved struct {
	Moves  int64  // how often the room has moved
	Sealed []byte // a move
}

// Member is a person of a room.
type Member struct {
	Role sensocto.Role `json:"role"`
	// What follows is what the person says, in the fact people/{key}/.
	Name     string `json:"-"`
	Endpoint string `json:"-"` // where the person's sensors are
	Seal     string `json:"-"` // the key to seal for
	Moves    int64  `json:"-"` // how many moves of the room the person's server has followed
}

// SensorRef names a sensor of a room: ids of sensors are unique at one server only.
type SensorRef struct {
	Member Key
	ID     string
}

// Sensor is a sensor that a member shares.
type Sensor struct {
	Name       string `json:"name"`
	Type       string `json:"type"`
	Control    bool   `json:"control,omitempty"`
	AllHistory bool   `json:"all_history,omitempty"`
	SharedAtUS int64  `json:"shared_at"`
}

type memberValue struct {
	Role sensocto.Role `json:"role"`
}

type inviteValue struct {
	Role sensocto.Role `json:"role"`
	// Generation is the last generation of a member to which the invitation admits: who was
	// removed in an earlier one comes in again by it.
	Generation int64 `json:"generation,omitempty"`
}

type personValue struct {
	Name     string `json:"name"`
	Endpoint string `json:"endpoint"`
	Seal     string `json:"seal,omitempty"`
	Moves    int64  `json:"moves,omitempty"`
}

// merger finds the facts that count: by key, the last in the order of facts that
// an allowed signer signed.
type merger struct {
	root  Key
	facts map[string][]*signed // by key, the last first
	room  Room
}

// Merge returns what entries say of a room whose key is root. It depends on
// nothing but its arguments: any order of the same entries gives the same room.
func Merge(roomID string, root Key, entries []Entry) Room {
	m := &merger{root: root, facts: map[string][]*signed{}, room: Room{
		Settings: map[string]json.RawMessage{}, Members: map[Key]Member{}, Sensors: map[SensorRef]Sensor{},
		Invites: map[Key]sensocto.Role{}, InvitedTo: map[Key]int64{}, Moved: map[Key]Moved{}, Documents: map[string]int64{}, Facts: map[string]Said{}, Refused: map[string]int{},
	}}
	m.read(roomID, entries)
	m.owner()
	m.admins()
	m.invites()
	m.members()
	m.about()
	m.people()
	m.sensors()
	m.moved()
	m.documents()
	return m.room
}

func (m *merger) read(roomID string, entries []Entry) {
	for _, e := range entries {
		if e.State == "missing" {
			continue // it will come
		}
		f, err := decodeFact(roomID, e)
		if err != nil {
			m.room.Refused[err.Error()]++
			continue
		}
		m.facts[f.key] = append(m.facts[f.key], f)
	}
	for _, all := range m.facts {
		slices.SortFunc(all, func(a, b *signed) int {
			switch {
			case bytes.Equal(a.body, b.body) && m.isRoot(a) != m.isRoot(b):
				if m.isRoot(a) { // what the room has confirmed does not end with who said it
					return -1
				}
				return 1
			case a.before(b):
				return 1
			case b.before(a):
				return -1
			}
			return 0
		})
	}
}

// last returns the last fact of a key that counts, or nil. Deletions count.
func (m *merger) last(key string, allowed func(*signed) bool) *signed {
	for _, f := range m.facts[key] {
		if allowed(f) && f.authentic() {
			return f
		}
		m.room.Refused["not_allowed"]++
	}
	return nil
}

// settle notes that a fact counts, and reports whether it says something.
func (m *merger) settle(f *signed) bool {
	if f == nil {
		return false
	}
	m.room.Facts[f.key] = Said{f.Fact, f.signer, f.value}
	return !f.Deleted
}

// under calls f for each key of a kind, in order, with what the key names.
func (m *merger) under(prefix string, parts int, f func(key string, parts []string)) {
	for _, key := range slices.Sorted(maps.Keys(m.facts)) {
		kind, named, ok := splitKey(key)
		if !ok || kind != prefix {
			continue
		}
		if len(named) != parts || (prefix != prefixSetting && prefix != prefixDocument && !Key(named[0]).Valid()) {
			m.room.Refused["malformed"] += len(m.facts[key])
			continue
		}
		f(key, named)
	}
}

func (m *merger) isRoot(f *signed) bool { return f.signer == m.root }

// admin reports whether a key may change the room.
func (m *merger) admin(k Key) bool { return m.room.Members[k].Role.AtLeast(sensocto.RoleAdmin) }

func (m *merger) byAdmin(f *signed) bool { return m.isRoot(f) || m.admin(f.signer) }

func (m *merger) owner() {
	f := m.last(keyOwner, m.isRoot)
	var owner Key
	if m.settle(f) && json.Unmarshal(f.Value, &owner) == nil && owner.Valid() {
		m.room.Owner = owner
		m.room.Members[owner] = Member{Role: sensocto.RoleOwner}
	}
}

// leaves reports whether it is the member's own word that they go.
func leaves(f *signed, k Key) bool { return f.Deleted && f.signer == k }

func role(f *signed) sensocto.Role {
	var v memberValue
	if f.Deleted || json.Unmarshal(f.Value, &v) != nil {
		return ""
	}
	return v.Role
}

// admins are named by the room's key alone.
func (m *merger) admins() {
	m.under(prefixMember, 1, func(key string, parts []string) {
		k := Key(parts[0])
		if k == m.room.Owner {
			return
		}
		for _, f := range m.facts[key] {
			if (m.isRoot(f) || leaves(f, k)) && f.authentic() {
				if role(f) == sensocto.RoleAdmin && len(m.room.Members) < maxMembers {
					m.room.Members[k] = Member{Role: sensocto.RoleAdmin}
					m.settle(f)
				}
				return
			}
		}
	})
}

// invites are of the room and of administrators. Whom they let in again the room alone says.
func (m *merger) invites() {
	m.under(prefixInvite, 1, func(key string, parts []string) {
		f := m.last(key, func(f *signed) bool { return m.isRoot(f) || (m.byAdmin(f) && invitation(f).Generation == 0) })
		if !m.settle(f) {
			return
		}
		v := invitation(f)
		if (v.Role != sensocto.RoleMember && v.Role != sensocto.RoleGuest) || !validCount(v.Generation) || len(m.room.Invites) >= maxInvites {
			return
		}
		m.room.Invites[Key(parts[0])] = v.Role
		if v.Generation > 0 {
			m.room.InvitedTo[Key(parts[0])] = v.Generation
		}
	})
}

func invitation(f *signed) (v inviteValue) {
	if f.Deleted || json.Unmarshal(f.Value, &v) != nil {
		return inviteValue{}
	}
	return v
}

// decides reports whether the signer may say that of a member who is no
// administrator, whatever an invitation says.
func (m *merger) decides(f *signed, k Key) bool {
	if r := role(f); !f.Deleted && r != sensocto.RoleMember && r != sensocto.RoleGuest {
		return false
	}
	if f.Generation > maxConfirmed && !m.isRoot(f) {
		return false // the generations above are the room's alone, so that it always has the last word
	}
	return m.byAdmin(f) || leaves(f, k)
}

// decided returns the last that was said of a member by who decides, or nil.
func (m *merger) decided(key string, k Key) *signed {
	for _, f := range m.facts[key] {
		if m.decides(f, k) && f.authentic() {
			return f
		}
	}
	return nil
}

// admits reports whether it is the word of an invitation and of the person who came by it,
// where decided was said of them before. It has no say about who is in the room, and about
// who is out only beyond the generation in which they left: so it admits once, and who was
// removed after it was made does not come back by it.
func (m *merger) admits(f *signed, k Key, decided *signed) bool {
	r, most := role(f), m.room.Invites[f.signer]
	return (r == sensocto.RoleMember || r == sensocto.RoleGuest) && most.AtLeast(r) && most != "" &&
		f.Generation <= m.room.InvitedTo[f.signer] &&
		(decided == nil || (decided.Deleted && f.Generation > decided.Generation)) &&
		f.Invitation == f.signer && f.consented(k)
}

// members are those of whom the room or an administrator says so. An invitation has
// a say only about people of whom these have said nothing, or who are out since before
// it was made, and only about so many, counting those whom the room has confirmed.
func (m *merger) members() {
	type guest struct{ by, before *signed } // what an invitation says of somebody, and what was decided before
	var invited []guest
	used := map[Key]int{} // people by invitation
	add := func(f *signed, k Key) {
		if m.settle(f) && len(m.room.Members) < maxMembers {
			m.room.Members[k] = Member{Role: role(f)}
			used[f.Invitation]++
		}
	}
	m.under(prefixMember, 1, func(key string, parts []string) {
		k := Key(parts[0])
		if m.admin(k) {
			return
		}
		decided := m.decided(key, k)
		f := m.last(key, func(f *signed) bool { return f == decided || m.admits(f, k, decided) })
		if f != decided {
			invited = append(invited, guest{f, decided})
			return
		}
		add(f, k)
	})
	for _, g := range invited {
		if used[g.by.Invitation] >= maxByInvite {
			m.room.Refused["not_allowed"]++
			m.settle(g.before)
			continue
		}
		_, parts, _ := splitKey(g.by.key)
		add(g.by, Key(parts[0]))
	}
}

// invitationGeneration returns to which generation of a member an invitation admits that is
// made now: beyond those of all who are out. Where somebody says of themself that they left
// in a generation that nobody else has got to, that is not counted: generations have an end.
func (m Room) invitationGeneration(root Key) (next int64) {
	reached := m.lastInvitedTo()
	for key, f := range m.Facts {
		if strings.HasPrefix(key, prefixMember) && f.Signer == root {
			reached = max(reached, f.Generation)
		}
	}
	for key, f := range m.Facts {
		if strings.HasPrefix(key, prefixMember) && f.Deleted && f.Generation <= reached {
			next = max(next, f.Generation+1)
		}
	}
	return min(next, maxCount)
}

// lastInvitedTo returns the last generation of a member to which any invitation admits.
func (m Room) lastInvitedTo() (last int64) {
	for _, g := range m.InvitedTo {
		last = max(last, g)
	}
	return last
}

func (m *merger) about() {
	m.room.Closed = m.settle(m.last(keyClosed, m.isRoot))
	if f := m.last(keyName, m.byAdmin); m.settle(f) {
		var name string
		if json.Unmarshal(f.Value, &name) == nil && sensocto.CheckName(name) == nil {
			m.room.Name = name
		}
	}
	if f := m.last(keyDescription, m.byAdmin); m.settle(f) {
		var text string
		if json.Unmarshal(f.Value, &text) == nil && validDescription(text) {
			m.room.Description = text
		}
	}
	size := 0
	m.under(prefixSetting, 1, func(key string, parts []string) {
		f := m.last(key, m.byAdmin)
		name, err := url.PathUnescape(parts[0])
		if !m.settle(f) || err != nil || settingKey(name) != key || !utf8.ValidString(name) {
			return
		}
		size += len(name) + len(f.Value) + 8
		if len(m.room.Settings) < maxSettings && size <= maxSettingsBytes {
			m.room.Settings[name] = f.Value
		}
	})
}

func validDescription(text string) bool {
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) && r != '\n' }
	return utf8.RuneCountInString(text) <= maxDescription && utf8.ValidString(text) && !strings.ContainsFunc(text, unprintable)
}

func (m *merger) people() {
	m.under(prefixPerson, 1, func(key string, parts []string) {
		k := Key(parts[0])
		member, ok := m.room.Members[k]
		if !ok {
			return
		}
		f := m.last(key, func(f *signed) bool { return f.signer == k })
		var v personValue
		if m.settle(f) && json.Unmarshal(f.Value, &v) == nil && sensocto.CheckName(v.Name) == nil && len(v.Endpoint) <= 64 && len(v.Seal) <= 64 && validCount(v.Moves) {
			member.Name, member.Endpoint, member.Seal, member.Moves = v.Name, v.Endpoint, v.Seal, v.Moves
			m.room.Members[k] = member
		}
	})
}

func (m *merger) sensors() {
	count := map[Key]int{}
	m.under(prefixSensor, 2, func(key string, parts []string) {
		k, id := Key(parts[0]), parts[1]
		if !m.room.Members[k].Role.AtLeast(sensocto.RoleMember) || !sensocto.ValidID(id) {
			return
		}
		// Whoever may change the room may also take a sensor out.
		f := m.last(key, func(f *signed) bool { return f.signer == k || (f.Deleted && m.byAdmin(f)) })
		var s Sensor
		if m.settle(f) && json.Unmarshal(f.Value, &s) == nil && len(s.Name) <= 4*sensocto.MaxNameRunes && len(s.Type) <= 128 && count[k] < maxSensorsOfMember {
			count[k]++
			m.room.Sensors[SensorRef{k, id}] = s
		}
	})
}

func (m *merger) moved() {
	m.under(prefixMoved, 1, func(key string, parts []string) {
		f := m.last(key, m.isRoot)
		var sealed []byte
		if m.settle(f) && json.Unmarshal(f.Value, &sealed) == nil && len(sealed) <= 8<<10 {
			m.room.Moved[Key(parts[0])] = Moved{f.Version, sealed}
		}
	})
}

// documents are numbered by the room's key alone, so that nobody leads a server back to
// one that the room has left.
func (m *merger) documents() {
	m.under(prefixDocument, 1, func(key string, parts []string) {
		f := m.last(key, m.isRoot)
		var moves int64
		if m.settle(f) && json.Unmarshal(f.Value, &moves) == nil && validCount(moves) {
			m.room.Documents[parts[0]] = moves
		}
	})
}
