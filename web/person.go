package web

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/sensocto/sensocto"
)

// personExportPath is where a person takes everything along.
const personExportPath = "/api/v1/users/me/export"

func (s *server) registerPerson() {
	const tag = "People"
	op := s.personal("erase-me", http.MethodDelete, "/users/me", signedIn, tag, "Erase one's account with everything that is one's own")
	op.Description = "Sensors with all measurements, rooms, tokens, and what one was sent. It cannot be undone. 204: it is gone; 202: it goes on."
	op.DefaultStatus = http.StatusNoContent
	op.Errors = append(op.Errors, http.StatusConflict, http.StatusUnprocessableEntity)
	huma.Register(s.api, op, s.eraseMe)
	op = s.personal("erase-user", http.MethodDelete, "/users/{id}", moderator, tag, "Erase a user with everything that is theirs")
	op.DefaultStatus = http.StatusNoContent
	op.Errors = append(op.Errors, http.StatusConflict)
	huma.Register(s.api, op, s.eraseUser)

	op = s.personal("export-me", http.MethodGet, "/users/me/export", signedIn, tag, "Take everything along, in one ZIP archive")
	op.Description = "The account, sessions and tokens without their secrets, passkeys, linked issuers, rooms, invitations, notifications, alert rules, what the audit log holds, " +
		"and all sensors of one's own as CSV or Parquet, with whom they are shared. " + brokenArchive
	op.Responses = map[string]*huma.Response{"200": {Description: "The archive", Content: map[string]*huma.MediaType{
		"application/zip": {Schema: &huma.Schema{Type: "string", Format: "binary"}},
	}}}
	op.Errors = append(op.Errors, http.StatusConflict)
	huma.Register(s.api, op, s.exportMe)
}

// eraseTime is how long an answer waits for an erasure, which goes on without it.
const eraseTime = 20 * time.Second

type eraseMeInput struct {
	FromClient
	Body *struct {
		CurrentPassword string `json:"current_password,omitempty" maxLength:"1024" doc:"Needed where the account has a password."`
	}
}

type erasedAnswer struct {
	Status    int
	SetCookie []http.Cookie `header:"Set-Cookie"`
}

func (s *server) eraseMe(ctx context.Context, in *eraseMeInput) (*erasedAnswer, error) {
	u, err := s.me(ctx)
	if err != nil {
		return nil, err
	}
	if u.PasswordHash != "" {
		password := ""
		if in.Body != nil {
			password = in.Body.CurrentPassword
		}
		if password == "" {
			return nil, problem(http.StatusUnprocessableEntity, "body.current_password: say the account's password, so that nobody else erases it")
		}
		if err := s.Accounts.CheckPassword(ctx, u, password, in.client); err != nil {
			return nil, s.personalProblem(err, "check a password")
		}
	}
	status, err := s.erase(ctx, u)
	if err != nil {
		return nil, err
	}
	return &erasedAnswer{Status: status, SetCookie: s.sessionCookie(&in.FromClient, "", time.Time{})}, nil
}

func (s *server) eraseUser(ctx context.Context, in *UserPath) (*erasedAnswer, error) {
	u, err := s.Accounts.User(ctx, in.UserID)
	if err != nil {
		return nil, s.personalProblem(err, "erase a user")
	}
	status, err := s.erase(ctx, u)
	if err != nil {
		return nil, err
	}
	return &erasedAnswer{Status: status}, nil
}

// erase marks the user, and waits a while until everything is gone. What is not
// then follows: the mark stays.
func (s *server) erase(ctx context.Context, u sensocto.User) (status int, err error) {
	if err := s.Accounts.Erase(ctx, u); err != nil {
		return 0, s.personalProblem(err, "erase a user")
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), eraseTime)
	defer cancel()
	if err := s.Erase(ctx, u.ID); err != nil {
		s.Log.Warn("an erasure goes on in the background", "user", u.ID, "err", err)
		return http.StatusAccepted, nil
	}
	return http.StatusNoContent, nil
}

type exportMeInput struct {
	Format string `query:"format" enum:"csv,parquet" default:"csv" doc:"Of the sensors' files."`
}

func (s *server) exportMe(ctx context.Context, in *exportMeInput) (*huma.StreamResponse, error) {
	u, err := s.me(ctx)
	if err != nil {
		return nil, err
	}
	id := identityOf(ctx)
	s.record(ctx, sensocto.AuditExported, "", "archive of the account")
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		out := &download{w: w, deadline: http.NewResponseController(w)}
		out.mediaType = "application/zip"
		w.Header().Set("Content-Disposition", `attachment; filename="sensocto.zip"`)
		s.finishDownload(r, out, "export a person", s.writePerson(r.Context(), out, u, id, in.Format))
	}}, nil
}

// writePerson writes the archive.
func (s *server) writePerson(ctx context.Context, out io.Writer, u sensocto.User, id sensocto.Identity, format string) error {
	z := zip.NewWriter(out)
	for _, part := range s.partsOf(ctx, u, id) {
		value, err := part.read()
		if err == nil {
			err = writeJSON(z, part.name, value)
		}
		if err != nil {
			return fmt.Errorf("write %s: %w", part.name, err)
		}
	}
	for _, sensor := range s.Sensors.Sensors() {
		if owner, known := s.Sensors.Owner(sensor.ID); !known || owner != u.ID { // it may have been handed over while the others were written
			continue
		}
		if err := s.writeSensor(ctx, z, id, sensor, format); err != nil {
			return err
		}
	}
	return z.Close()
}

// allEvents returns what the audit log holds of a person.
func (s *server) allEvents(ctx context.Context, id sensocto.Identity) (all []auditView, err error) {
	const page = 500
	all = []auditView{}
	if s.AuditLog == nil {
		return all, nil
	}
	for before := ""; ; {
		events, err := s.AuditLog.List(ctx, id, sensocto.AuditQuery{UserID: id.UserID, Before: before, Limit: page})
		if err != nil {
			return nil, err
		}
		for _, e := range events {
			all = append(all, auditView(e))
		}
		if len(events) < page {
			return all, nil
		}
		before = events[len(events)-1].ID
	}
}

// exportedNotifications is more than are kept of anybody.
const exportedNotifications = 10_000

func (s *server) allRooms(ctx context.Context, id sensocto.Identity) (all []sensocto.RoomView, err error) {
	const page = 200
	all = []sensocto.RoomView{}
	for after := ""; ; {
		rooms, err := s.Rooms.List(ctx, id, false, after, page)
		if err != nil {
			return nil, err
		}
		all = append(all, rooms...)
		if len(rooms) < page {
			return all, nil
		}
		after = rooms[len(rooms)-1].ID
	}
}

// writeSensor writes all measurements of a sensor of one's own.
func (s *server) writeSensor(ctx context.Context, z *zip.Writer, id sensocto.Identity, sensor sensocto.Sensor, format string) error {
	if s.Export == nil {
		return nil
	}
	own := func() bool { owner, known := s.Sensors.Owner(sensor.ID); return known && owner == id.UserID }
	return s.writeEntry(ctx, z, id, ExportQuery{Sensor: sensor, Format: format}, own)
}
