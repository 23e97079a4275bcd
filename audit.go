package sensocto

import (
	"context"
	"net"
	"time"
)

// AuditAction names what somebody did.
type AuditAction string

// The actions that are recorded.
const (
	AuditSignedIn        AuditAction = "signed_in"
	AuditSignInRefused   AuditAction = "sign_in_refused"
	AuditSignedOut       AuditAction = "signed_out"
	AuditPasswordChanged AuditAction = "password_changed"
	AuditEmailChanged    AuditAction = "email_changed"
	AuditPasskeyAdded    AuditAction = "passkey_added"
	AuditPasskeyRemoved  AuditAction = "passkey_removed"
	AuditLinked          AuditAction = "identity_linked" // with an OpenID Connect issuer
	AuditUnlinked        AuditAction = "identity_unlinked"
	AuditTokenCreated    AuditAction = "token_created"
	AuditTokenRevoked    AuditAction = "token_revoked"
	AuditUserCreated     AuditAction = "user_created"
	AuditUserDisabled    AuditAction = "user_disabled"
	AuditUserEnabled     AuditAction = "user_enabled"
	AuditUserErased      AuditAction = "user_erased"
	AuditUserInvited     AuditAction = "user_invited"    // to the server, by a link
	AuditResetLinkMade   AuditAction = "reset_link_made" // with which a password can be set
	AuditAdminGranted    AuditAction = "admin_granted"
	AuditAdminRevoked    AuditAction = "admin_revoked"

	AuditRoomCreated    AuditAction = "room_created"
	AuditRoomChanged    AuditAction = "room_changed"
	AuditRoomDeleted    AuditAction = "room_deleted"
	AuditMemberJoined   AuditAction = "member_joined"
	AuditMemberLeft     AuditAction = "member_left"
	AuditMemberKicked   AuditAction = "member_kicked"
	AuditMemberBanned   AuditAction = "member_banned"
	AuditMemberUnbanned AuditAction = "member_unbanned"
	AuditRoleChanged    AuditAction = "role_changed"
	AuditInvited        AuditAction = "invited"              // into a room
	AuditWithdrawn      AuditAction = "invitation_withdrawn" // by the room

	AuditRecordingStarted AuditAction = "recording_started"
	AuditRecordingStopped AuditAction = "recording_stopped"

	AuditSensorShared   AuditAction = "sensor_shared"
	AuditSensorUnshared AuditAction = "sensor_unshared"
	AuditGrantGiven     AuditAction = "grant_given"
	AuditGrantRevoked   AuditAction = "grant_revoked"
	AuditSensorRenamed  AuditAction = "sensor_renamed"
	AuditSensorDeleted  AuditAction = "sensor_deleted"
	AuditHandedOver     AuditAction = "sensor_handed_over"
	AuditCommanded      AuditAction = "sensor_commanded"
	AuditNoted          AuditAction = "note_added"
	AuditNoteRemoved    AuditAction = "note_removed"
	AuditExported       AuditAction = "exported"
	AuditImported       AuditAction = "imported"

	AuditAlertCreated AuditAction = "alert_created"
	AuditAlertChanged AuditAction = "alert_changed"
	AuditAlertDeleted AuditAction = "alert_deleted"

	AuditBackedUp         AuditAction = "backed_up"
	AuditRetentionApplied AuditAction = "retention_applied"
	AuditRead             AuditAction = "audit_read" // by an administrator, of others
)

// AuditEvent is one thing that somebody did. Fields that do not apply are empty.
type AuditEvent struct {
	ID     string // UUID, version 7: in order of time
	At     time.Time
	Action AuditAction
	// ActorID is who did it: a user, OperatorID or GuestID; "" where nobody knows.
	ActorID string
	// CredentialID is the public id of the session or token that was used.
	CredentialID string
	// UserID is the user to whom it was done.
	UserID   string
	SensorID string
	RoomID   string
	Address  string // of the actor's network, without a port
	// Detail says more in a few words, such as the role that somebody got. It
	// never holds a secret.
	Detail string
}

// AuditQuery selects events, newest first.
type AuditQuery struct {
	UserID string // those that the user did or that were done to the user; "" means all
	Before string // an event's id; "" begins with the newest
	Limit  int
}

// AuditOfSensor returns an event that concerns the owner of a sensor, if that is a
// user.
func AuditOfSensor(action AuditAction, sensorID, ownerID string) AuditEvent {
	e := AuditEvent{Action: action, SensorID: sensorID}
	if ownerID != OperatorID && ownerID != GuestID {
		e.UserID = ownerID
	}
	return e
}

// Auditor records what people do.
type Auditor interface {
	// Record notes an event. It never blocks. ID and At are given by the
	// Auditor; an empty ActorID and Address are those of the Caller in ctx,
	// except for a refused sign-in, whose actor is unknown. So is an empty
	// CredentialID where the actor is the caller.
	Record(ctx context.Context, e AuditEvent)
}

// NoAudit is an Auditor that keeps nothing.
type NoAudit struct{}

// Record implements Auditor.
func (NoAudit) Record(context.Context, AuditEvent) {}

// Caller is on whose behalf something is done.
type Caller struct {
	Identity Identity
	Address  string // of the network, with or without a port
}

type callerKey struct{}

// WithCaller returns a context that names the caller.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerOf returns the caller that a context names; the zero value for none.
func CallerOf(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

// HostOf returns a network address without its port.
func HostOf(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return address
}
