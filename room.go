package sensocto

import (
	"encoding/json"
	"time"
)

// Role is what a member is in a room.
type Role string

// The roles, from the least to the most.
const (
	RoleGuest  Role = "guest"
	RoleMember Role = "member"
	RoleAdmin  Role = "admin"
	RoleOwner  Role = "owner"
)

// rank orders the roles; 0 is no role.
func (r Role) rank() int {
	switch r {
	case RoleGuest:
		return 1
	case RoleMember:
		return 2
	case RoleAdmin:
		return 3
	case RoleOwner:
		return 4
	}
	return 0
}

// Valid reports whether it is one of the roles.
func (r Role) Valid() bool { return r.rank() > 0 }

// AtLeast reports whether the role includes the other.
func (r Role) AtLeast(other Role) bool { return r.rank() >= other.rank() && r.Valid() }

// Room is where people see sensors together.
type Room struct {
	ID          string // UUID, version 7
	Name        string
	Description string
	OwnerID     string // User.ID
	IsPublic    bool   // anybody who is signed in may find and join it
	CreatedAt   time.Time
	Settings    json.RawMessage // an object
	// JoinCode lets whoever knows it in until CodeExpiresAt; "" for none.
	JoinCode      string
	CodeExpiresAt time.Time
	// Version counts changes: an update names the version that it changes.
	Version int64
}

// Member is a user in a room.
type Member struct {
	RoomID   string
	UserID   string
	Name     string // of the user; only in answers
	Role     Role
	JoinedAt time.Time
}

// Ban keeps a user out of a room.
type Ban struct {
	RoomID   string
	UserID   string
	Name     string // of the user
	BannedAt time.Time
}

// Share is a sensor in a room.
type Share struct {
	RoomID   string
	SensorID string
	SharedBy string // User.ID of the sensor's owner then
	SharedAt time.Time
	Control  bool // members may send commands
	// AllHistory lets members see what was before SharedAt.
	AllHistory bool
	// Transient shares end when the sensor's device disconnects.
	Transient bool
}

// RoomRecording is a name for a time in which a room recorded its sensors.
type RoomRecording struct {
	ID        string // UUID, version 7
	RoomID    string
	Name      string
	StartedBy string // User.ID
	BeganAt   time.Time
	EndedAt   time.Time // zero while it goes on
	SensorIDs []string  // that were in the room at any moment of it
}

// Grant gives a single user a right to a sensor.
type Grant struct {
	SensorID  string
	UserID    string // "" for everybody: the sensor is public
	GrantedAt time.Time
	Control   bool
	// AllHistory lets the user see what was before GrantedAt.
	AllHistory bool
}

// Invitation asks somebody into a room.
type Invitation struct {
	ID        string
	RoomID    string
	RoomName  string // only in answers
	UserID    string // whom it is for, or:
	Email     string
	UserName  string // only in answers
	Role      Role
	InvitedBy string
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Notification is a message to a user that waits until it is read.
type Notification struct {
	ID        string
	UserID    string
	Kind      string
	Data      json.RawMessage // an object
	CreatedAt time.Time
	ReadAt    time.Time // zero while it is unread
}

// SensorRights are what somebody may do with one sensor.
type SensorRights struct {
	Live    bool // see measurements as they come, and what the sensor is
	History bool // see those of before, from Since on
	Export  bool // take those away as a file
	Command bool // send commands to the device
	Ingest  bool // bring measurements
	Share   bool // let others see it
	Edit    bool // rename it
	Delete  bool // with all its measurements
	// LiveSince is the first moment of which a last value is shown; zero for all.
	LiveSince time.Time
	// Since is the first moment of which the history may be seen; zero for all.
	Since time.Time
}

// RoomRights are what somebody may do in one room.
type RoomRights struct {
	Role   Role // "" for who is no member
	See    bool // that it is there, its name and description
	Enter  bool // its members, its sensors and what happens in it
	Join   bool // without being asked
	Call   bool
	Share  bool // bring sensors of one's own
	Invite bool // also the join code
	Edit   bool // name, description, visibility, settings, and which sensors are in it
	Record bool
	Kick   bool // members and guests; the owner also administrators
	Manage bool // who is an administrator, and who the owner
	Delete bool
}
