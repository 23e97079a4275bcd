package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sensocto/sensocto"
)

// AuditLog is who did what to whom; *audit.Log is one.
type AuditLog interface {
	// List returns a page of events that the identity may read, newest first.
	List(ctx context.Context, id sensocto.Identity, q sensocto.AuditQuery) ([]sensocto.AuditEvent, error)
}

// record notes in the audit log what the caller did, to a sensor where there is
// one.
func (s *server) record(ctx context.Context, action sensocto.AuditAction, sensorID, detail string) {
	e := s.sensorEvent(action, sensorID)
	e.Detail = detail
	s.Audit.Record(ctx, e)
}

// sensorEvent is an event that concerns the owner of a sensor, if that is a user.
func (s *server) sensorEvent(action sensocto.AuditAction, sensorID string) sensocto.AuditEvent {
	owner, _ := s.Sensors.Owner(sensorID)
	return sensocto.AuditOfSensor(action, sensorID, owner)
}

// recordHandOver notes that a sensor has another owner. It concerns the new one,
// and the one before where somebody else did it.
func (s *server) recordHandOver(ctx context.Context, before sensocto.AuditEvent, ownerID string) {
	after := before
	after.UserID, after.Detail = ownerID, "from "+cmp.Or(before.UserID, "the operator")
	s.Audit.Record(ctx, after)
	if before.UserID != "" && before.UserID != identityOf(ctx).UserID && before.UserID != ownerID {
		before.Detail = "to " + ownerID
		s.Audit.Record(ctx, before)
	}
}

// recordAlert notes what became of an alert rule: it concerns the owner of the
// sensor, too, whose measurements are told to others by it.
func (s *server) recordAlert(ctx context.Context, action sensocto.AuditAction, r sensocto.AlertRule) {
	ways := []string{string(r.Condition), fmt.Sprintf("tells %d", len(r.Notify))}
	if r.Email {
		ways = append(ways, "e-mail")
	}
	if r.WebhookURL != "" {
		ways = append(ways, "webhook")
	}
	s.record(ctx, action, r.SensorID, strings.Join(ways, ", "))
}

func (s *server) registerAudit() {
	op := s.personal("list-audit", http.MethodGet, "/audit", signedIn, "People", "Who did what")
	op.Description = "What one did and what was done to oneself, newest first: sign-ins and those that were refused, changes of accounts, ways to sign in, tokens, rooms, members, " +
		"recordings, shared sensors, commands, alert rules, exports and deletions. Administrators see what everybody did. The address of another person is left out, except for administrators. " +
		"An event appears within a second."
	huma.Register(s.api, op, s.listAudit)
}

type auditInput struct {
	PageQuery
	UserID string `query:"user_id" maxLength:"64" doc:"What this user did, and what was done to the user. By default oneself; for an administrator everybody."`
}

type auditView struct {
	ID           string               `json:"id"`
	At           time.Time            `json:"at"`
	Action       sensocto.AuditAction `json:"action" doc:"A word such as signed_in; there may be new ones."`
	ActorID      string               `json:"actor_id" doc:"Who did it: a user's id, operator or guest; empty where nobody knows."`
	CredentialID string               `json:"credential_id,omitempty" doc:"The session or token that was used."`
	UserID       string               `json:"user_id,omitempty" doc:"To whom it was done."`
	SensorID     string               `json:"sensor_id,omitempty"`
	RoomID       string               `json:"room_id,omitempty"`
	Address      string               `json:"address,omitempty" doc:"From where."`
	Detail       string               `json:"detail,omitempty"`
}

type auditAnswer struct {
	Body struct {
		Events []auditView `json:"events" nullable:"false"`
		Next   string      `json:"next" doc:"Where the list goes on; empty at its end."`
	}
}

func (s *server) listAudit(ctx context.Context, in *auditInput) (*auditAnswer, error) {
	events, err := s.AuditLog.List(ctx, identityOf(ctx), sensocto.AuditQuery{UserID: in.UserID, Before: in.After, Limit: in.Limit})
	if err != nil {
		return nil, s.personalProblem(err, "read the audit log")
	}
	var out auditAnswer
	out.Body.Events = make([]auditView, len(events))
	for i, e := range events {
		out.Body.Events[i] = auditView(e)
	}
	out.Body.Next = next(events, in.Limit, func(e sensocto.AuditEvent) string { return e.ID })
	return &out, nil
}
