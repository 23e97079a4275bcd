package sensocto

import (
	"encoding/json"
	"time"
)

// UserView is a user as others see it: `User` in docs/protocol.md.
type UserView struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	IsGuest   bool      `json:"is_guest"`
	IsAdmin   bool      `json:"is_admin"`
	CreatedAt time.Time `json:"created_at"`
	// Email is for the user and for administrators.
	Email string `json:"email,omitempty"`
	// EmailProven says that the user has shown to receive mails there.
	EmailProven bool `json:"email_proven,omitempty"`
	// DisabledAt is for administrators.
	DisabledAt *time.Time `json:"disabled_at,omitempty"`
}

// View returns the user as others see it, with private data where that is due.
func (u User) View(private bool) UserView {
	v := UserView{ID: u.ID, Name: u.Name, IsGuest: u.IsGuest, IsAdmin: u.IsAdmin, CreatedAt: u.CreatedAt}
	if private {
		v.Email, v.EmailProven, v.DisabledAt = u.Email, u.EmailProven, optionalTime(u.DisabledAt)
	}
	return v
}

func optionalTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// RoomView is a room on the wire: `Room` in docs/protocol.md.
type RoomView struct {
	ID          string          `json:"id"`
	Name        string          `json:"name"`
	Description string          `json:"description"`
	OwnerID     string          `json:"owner_id"`
	IsPublic    bool            `json:"is_public"`
	CreatedAt   time.Time       `json:"created_at"`
	MemberCount int             `json:"member_count"`
	Sensors     []Sensor        `json:"sensors"`
	Settings    json.RawMessage `json:"settings"`
	Version     int64           `json:"version"`
	// What follows is different for each asker, and missing in broadcasts.
	Role          *Role      `json:"role,omitempty"`
	JoinCode      string     `json:"join_code,omitempty"` // for whoever may invite
	CodeExpiresAt *time.Time `json:"code_expires_at,omitempty"`
	JoinLink      string     `json:"join_link,omitempty"` // with the code; over HTTP alone
}

// MemberView is a member of a room on the wire.
type MemberView struct {
	UserID   string    `json:"user_id"`
	Name     string    `json:"name"`
	Role     Role      `json:"role"`
	JoinedAt time.Time `json:"joined_at"`
	Online   bool      `json:"online"` // has the room open on some device
}

// RoomState is everything that a member sees of a room.
type RoomState struct {
	RoomID      string          `json:"room_id"`
	Room        RoomView        `json:"room"`
	Sensors     []Sensor        `json:"sensors"`
	Members     []MemberView    `json:"members"`
	MemberCount int             `json:"member_count"`
	Settings    json.RawMessage `json:"settings"`
}

// MemberEvent says that a person came into a room or left it.
type MemberEvent struct {
	RoomID string `json:"room_id"`
	UserID string `json:"user_id"`
	Name   string `json:"name"`
	Role   Role   `json:"role"`
	// Online says whether the person has the room open on some device.
	Online bool `json:"online"`
	// Member says whether the person is a member of the room from now on.
	Member bool `json:"member"`
}

// RoomSensorEvent says that a sensor is in a room from now on, or no longer.
type RoomSensorEvent struct {
	RoomID   string  `json:"room_id"`
	SensorID string  `json:"sensor_id"`
	Sensor   *Sensor `json:"sensor,omitempty"`
}

// RoomRef names a room that is no more.
type RoomRef struct {
	RoomID string `json:"room_id"`
	ID     string `json:"id"`
}

// InvitationView is an invitation on the wire.
type InvitationView struct {
	ID        string    `json:"id"`
	RoomID    string    `json:"room_id"`
	RoomName  string    `json:"room_name"`
	Role      Role      `json:"role"`
	UserID    string    `json:"user_id,omitempty"`
	UserName  string    `json:"user_name,omitempty"`
	Email     string    `json:"email,omitempty"`
	InvitedBy string    `json:"invited_by"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

// RoomRecordingView is a recording on the wire.
type RoomRecordingView struct {
	ID        string     `json:"id"`
	RoomID    string     `json:"room_id"`
	Name      string     `json:"name"`
	StartedBy string     `json:"started_by"`
	BeganAt   time.Time  `json:"began_at"`
	EndedAt   *time.Time `json:"ended_at"` // null while it goes on
	SensorIDs []string   `json:"sensor_ids"`
}

// View returns the recording as it is on the wire.
func (r RoomRecording) View() RoomRecordingView {
	return RoomRecordingView{r.ID, r.RoomID, r.Name, r.StartedBy, r.BeganAt, optionalTime(r.EndedAt), r.SensorIDs}
}

// View returns the invitation as it is on the wire.
func (i Invitation) View() InvitationView {
	return InvitationView{i.ID, i.RoomID, i.RoomName, i.Role, i.UserID, i.UserName, i.Email, i.InvitedBy, i.CreatedAt, i.ExpiresAt}
}

// InvitationRef names an invitation that is no more.
type InvitationRef struct {
	ID     string `json:"id"`
	RoomID string `json:"room_id"`
}

// BanView is a ban on the wire.
type BanView struct {
	UserID   string    `json:"user_id"`
	Name     string    `json:"name"`
	BannedAt time.Time `json:"banned_at"`
}

// View returns the ban as it is on the wire.
func (b Ban) View() BanView { return BanView{b.UserID, b.Name, b.BannedAt} }

// NotificationView is a notification on the wire.
type NotificationView struct {
	ID        string          `json:"id"`
	Kind      string          `json:"kind"`
	Data      json.RawMessage `json:"data"`
	CreatedAt time.Time       `json:"created_at"`
	ReadAt    *time.Time      `json:"read_at"`
}

// View returns the notification as it is on the wire.
func (n Notification) View() NotificationView {
	return NotificationView{n.ID, n.Kind, n.Data, n.CreatedAt, optionalTime(n.ReadAt)}
}

// Mail is a message in plain text.
type Mail struct {
	To, Subject, Text string
}

// SignUp is what a person says to get an account.
type SignUp struct {
	Email, Name, Password string
	// Invitation is the secret of an invitation's link; "" for none.
	Invitation string
	// Admin and EmailProven count only from an administrator.
	Admin, EmailProven bool
	// From is where the person is: of one address only so many may sign up.
	From Client
}

// Session is what a sign-in begins.
type Session struct {
	User    User
	Token   Token
	Secret  string // the credential, known only to whoever signed in
	Expires time.Time
}

// Client is where a request comes from.
type Client struct {
	Address string // of the network
	Device  string // what it says it is, for people
	Way     string // how somebody signs in, for the log; package account says so
}

// SignInWays are how people sign in beside passwords.
type SignInWays struct {
	Origin   string // of the server's pages, such as https://sensors.example.org; "" where it is not known
	Passkeys bool   // are made, for pages of Origin
	Issuer   string // the name of the OpenID Connect issuer; "" for none
}

// DeviceRequest is a program that waits for its owner to confirm its code.
type DeviceRequest struct {
	Name      string // what it calls itself
	Address   string // where it asks from
	Scopes    []Scope
	ExpiresAt time.Time
}

// IssuerRequest is what a browser is sent to an OpenID Connect issuer for.
type IssuerRequest struct {
	LinkTo string // the user to whom the identity is linked; "" for a sign-in
	Fresh  bool   // the issuer is to ask the person anew, for a recent confirmation
}

// IssuerAnswer is what an OpenID Connect issuer sends a browser back with.
type IssuerAnswer struct {
	State, Code, Error string
	Issuer             string // who answers (RFC 9207); "" where it does not say
}

// RoomDraft is a new room, as its maker describes it.
type RoomDraft struct {
	Name        string
	Description string
	IsPublic    bool
	Settings    json.RawMessage
}

// RoomPatch is what changes of a room; nil stays.
type RoomPatch struct {
	Name, Description *string
	IsPublic          *bool
	Settings          json.RawMessage
}

// ShareTerms are how a sensor is shared.
type ShareTerms struct {
	Control    bool // others may send commands
	AllHistory bool // others see what was before
}
