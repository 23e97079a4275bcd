package web

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sensocto/sensocto"
)

// notesID is the attribute that holds what people note of a sensor. Annotations of
// imported recordings are there as well, in the same form, and exports write both
// as annotations.
const notesID = "annotations"

func (s *server) registerNotes() {
	op := s.operation("add-note", http.MethodPost, "/api/v1/sensors/{id}/notes", sensocto.ScopeIngest, "Measurements", "Note what happened")
	op.Description = "For whoever may send commands to the sensor, or bring measurements of it. The note is a measurement of the attribute `annotations`: it is in the history, whoever watches gets it live, " +
		"and exports hold it as an annotation. It is on disk when the answer comes. Its `id` is made here unless it is given: a note that was removed comes back with the id that it had, " +
		"and with its author where its text and duration are the same."
	op.DefaultStatus = http.StatusCreated
	op.Errors = append(op.Errors, http.StatusConflict, http.StatusServiceUnavailable)
	huma.Register(s.api, op, s.addNote)

	op = s.operation("remove-note", http.MethodDelete, "/api/v1/sensors/{id}/notes/{note_id}", sensocto.ScopeIngest, "Measurements", "Take a note back")
	op.Description = "For whoever may add notes. Nothing stored is changed: another measurement of the note's time says that it is removed, and exports as EDF+ and WFDB leave it out."
	op.DefaultStatus = http.StatusNoContent
	op.Errors = append(op.Errors, http.StatusConflict, http.StatusServiceUnavailable)
	huma.Register(s.api, op, s.removeNote)
}

// noteSkew is how far the clock of whoever notes something may be ahead.
const noteSkew = time.Hour

type noteInput struct {
	SensorPath
	Body struct {
		_         struct{} `additionalProperties:"false"`
		ID        string   `json:"id,omitempty" pattern:"^[A-Za-z0-9_-]{1,64}$" doc:"Names the note; made by the server where it is missing."`
		Text      string   `json:"text" minLength:"1" maxLength:"2000" doc:"What happened." example:"Stood up"`
		Timestamp float64  `json:"timestamp,omitempty" doc:"When it happened or began, in Unix milliseconds; now, where it is missing."`
		Duration  float64  `json:"duration,omitempty" minimum:"0" maximum:"31622400" doc:"How long it lasted, in seconds."`
	}
}

type noteAnswer struct{ Body measurementView }

// note is the document of a note, with the names that annotations of recordings
// have.
type note struct {
	ID       string  `json:"id"`
	Removed  bool    `json:"removed,omitempty"`
	Text     string  `json:"text,omitempty"`
	Duration float64 `json:"duration,omitempty"` // s
	By       string  `json:"by,omitempty"`       // the name of the user
}

func (s *server) addNote(ctx context.Context, in *noteInput) (*noteAnswer, error) {
	if _, _, err := s.known(ctx, in.SensorID, toNote); err != nil {
		return nil, err
	}
	at, err := noteTime(in.Body.Timestamp, "body.timestamp")
	if err != nil {
		return nil, err
	}
	n := note{ID: cmp.Or(in.Body.ID, rand.Text()), Text: in.Body.Text, Duration: in.Body.Duration, By: by(ctx)}
	if in.Body.ID != "" {
		if n.By, err = s.author(ctx, in.SensorID, at, n); err != nil {
			return nil, s.translate(err, "note", in.SensorID)
		}
	}
	document, err := s.putNote(ctx, in.SensorID, at, n)
	if err != nil {
		return nil, err
	}
	s.record(ctx, sensocto.AuditNoted, in.SensorID, "")
	return &noteAnswer{measurementView{timestamp(at), document}}, nil
}

// mostVersions bounds what is read to restore a note.
const mostVersions = 1000

// author returns who is the author of a note that is stored: who wrote it, if it
// was removed and comes back as it was, else n.By. Nobody puts words into the
// mouth of somebody else.
func (s *server) author(ctx context.Context, sensorID string, at int64, n note) (string, error) {
	page, err := s.Store.Read(ctx, sensorID, notesID, sensocto.Query{From: at, To: at + 1, Order: sensocto.Descending, Limit: mostVersions})
	if err != nil {
		return "", err
	}
	removed := false
	for _, sample := range page.Samples { // the last first
		var stored note
		if json.Unmarshal(sample.Document, &stored) != nil || stored.ID != n.ID {
			continue
		}
		if stored.Removed {
			removed = true
			continue
		}
		if removed && stored.Text == n.Text && stored.Duration == n.Duration {
			return stored.By, nil
		}
		break
	}
	return n.By, nil
}

// by is the name of the user who notes something; tokens of the operator have none.
func by(ctx context.Context) string {
	if id := identityOf(ctx); id.UserID != "" {
		return id.Name
	}
	return ""
}

// putNote stores a note as a measurement of its sensor.
func (s *server) putNote(ctx context.Context, sensorID string, at int64, n note) (document []byte, err error) {
	if document, err = json.Marshal(n); err == nil {
		sample := sensocto.Sample{Timestamp: at, Document: document}
		err = s.Sensors.Put(ctx, sensorID, sensocto.Measurement{AttributeID: notesID, Sample: sample})
	}
	if err != nil {
		return nil, s.translate(err, "note", sensorID)
	}
	return document, nil
}

type removeNoteInput struct {
	SensorPath
	NoteID    string  `path:"note_id" pattern:"^[A-Za-z0-9_-]{1,64}$" doc:"The note's id."`
	Timestamp float64 `query:"timestamp" required:"true" doc:"The note's time, in Unix milliseconds."`
}

func (s *server) removeNote(ctx context.Context, in *removeNoteInput) (*empty, error) {
	if _, _, err := s.known(ctx, in.SensorID, toNote); err != nil {
		return nil, err
	}
	at, err := noteTime(in.Timestamp, "query.timestamp")
	if err != nil {
		return nil, err
	}
	if _, err := s.putNote(ctx, in.SensorID, at, note{ID: in.NoteID, Removed: true, By: by(ctx)}); err != nil {
		return nil, err
	}
	s.record(ctx, sensocto.AuditNoteRemoved, in.SensorID, "")
	return nil, nil
}

// noteTime returns a time in µs; 0 ms is now.
func noteTime(ms float64, field string) (int64, error) {
	if ms == 0 {
		return time.Now().UnixMicro(), nil
	}
	at, ok := sensocto.TimestampFromMS(ms)
	if !ok || sensocto.CheckTimestamp(at, time.Now(), noteSkew) != nil {
		return 0, problem(http.StatusUnprocessableEntity, field+": must be Unix milliseconds, after the year 2000 and not in the future")
	}
	return at, nil
}
