package web

import (
	"context"
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
	op := s.ownerOperation("add-note", http.MethodPost, "/api/v1/sensors/{id}/notes", "Measurements", "Note what happened")
	op.Description = "For whoever may send commands to the sensor. The note is a measurement of the attribute `annotations`: it is in the history, whoever watches gets it live, " +
		"and exports hold it as an annotation. It is on disk when the answer comes."
	op.DefaultStatus = http.StatusCreated
	op.Errors = append(op.Errors, http.StatusConflict, http.StatusServiceUnavailable)
	huma.Register(s.api, op, s.addNote)
}

// noteSkew is how far the clock of whoever notes something may be ahead.
const noteSkew = time.Hour

type noteInput struct {
	SensorPath
	Body struct {
		_         struct{} `additionalProperties:"false"`
		Text      string   `json:"text" minLength:"1" maxLength:"2000" doc:"What happened." example:"Stood up"`
		Timestamp float64  `json:"timestamp,omitempty" doc:"When it happened or began, in Unix milliseconds; now, where it is missing."`
		Duration  float64  `json:"duration,omitempty" minimum:"0" maximum:"31622400" doc:"How long it lasted, in seconds."`
	}
}

type noteAnswer struct{ Body measurementView }

// note is the document of a note, with the names that annotations of recordings
// have.
type note struct {
	Text     string  `json:"text"`
	Duration float64 `json:"duration,omitempty"` // s
	By       string  `json:"by,omitempty"`       // the name of the user
}

func (s *server) addNote(ctx context.Context, in *noteInput) (*noteAnswer, error) {
	if _, _, err := s.known(ctx, in.SensorID, toCommand); err != nil {
		return nil, err
	}
	at, err := in.at()
	if err != nil {
		return nil, err
	}
	n := note{Text: in.Body.Text, Duration: in.Body.Duration}
	if id := identityOf(ctx); id.UserID != "" {
		n.By = id.Name
	}
	document, err := json.Marshal(n)
	if err != nil {
		return nil, s.translate(err, "note", in.SensorID)
	}
	sample := sensocto.Sample{Timestamp: at, Document: document}
	if err := s.Sensors.Put(ctx, in.SensorID, sensocto.Measurement{AttributeID: notesID, Sample: sample}); err != nil {
		return nil, s.translate(err, "note", in.SensorID)
	}
	s.record(ctx, sensocto.AuditNoted, in.SensorID, "")
	return &noteAnswer{measurementView{timestamp(at), document}}, nil
}

// at returns the note's time in µs.
func (in *noteInput) at() (int64, error) {
	if in.Body.Timestamp == 0 {
		return time.Now().UnixMicro(), nil
	}
	at, ok := sensocto.TimestampFromMS(in.Body.Timestamp)
	if !ok || sensocto.CheckTimestamp(at, time.Now(), noteSkew) != nil {
		return 0, problem(http.StatusUnprocessableEntity, "body.timestamp: must be Unix milliseconds, after the year 2000 and not in the future")
	}
	return at, nil
}
