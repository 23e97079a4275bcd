package web

import (
	"archive/zip"
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/sensocto/sensocto"
)

func (s *server) registerRecordings() {
	const tag, path = "Rooms", "/rooms/{id}/recordings"
	huma.Register(s.api, s.personal("list-recordings", http.MethodGet, path, person, tag, "List what a room recorded"), s.listRecordings)
	op := s.personal("start-recording", http.MethodPost, path, person, tag, "Begin to record all sensors of a room")
	op.Description = "While it goes on, the devices of the room's sensors send everything at once. It ends by itself after 24 hours."
	op.DefaultStatus = http.StatusCreated
	op.Errors = append(op.Errors, http.StatusConflict, http.StatusUnprocessableEntity)
	huma.Register(s.api, op, s.startRecording)
	huma.Register(s.api, s.personal("stop-recording", http.MethodPost, path+"/{recording_id}/stop", person, tag, "End a recording"), s.stopRecording)
	op = s.personal("delete-recording", http.MethodDelete, path+"/{recording_id}", person, tag, "Remove the entry of a recording; the measurements stay")
	op.DefaultStatus = http.StatusNoContent
	huma.Register(s.api, op, s.deleteRecording)
	op = s.personal("export-recording", http.MethodGet, path+"/{recording_id}/export", person, tag, "Download a recording as one ZIP archive")
	op.Description = "A file for each sensor that one may export, and recording.json, which says which others were recorded. " + brokenArchive
	op.Responses = map[string]*huma.Response{"200": {Description: "The archive", Content: map[string]*huma.MediaType{
		"application/zip": {Schema: &huma.Schema{Type: "string", Format: "binary"}},
	}}}
	op.Errors = append(op.Errors, http.StatusConflict)
	huma.Register(s.api, op, s.exportRecording)
}

type listRecordingsInput struct {
	RoomPath
	BackQuery
}

type recordingsAnswer struct {
	Body struct {
		Recordings []sensocto.RoomRecordingView `json:"recordings" nullable:"false"`
		Next       string                       `json:"next" doc:"Where the list goes on; empty at its end."`
	}
}

func (s *server) listRecordings(ctx context.Context, in *listRecordingsInput) (*recordingsAnswer, error) {
	list, err := s.Rooms.Recordings(ctx, identityOf(ctx), in.RoomID, in.Before, in.Limit)
	if err != nil {
		return nil, s.personalProblem(err, "list recordings")
	}
	var out recordingsAnswer
	out.Body.Recordings = []sensocto.RoomRecordingView{}
	for _, r := range list {
		out.Body.Recordings = append(out.Body.Recordings, r.View())
	}
	out.Body.Next = next(list, in.Limit, func(r sensocto.RoomRecording) string { return r.ID })
	return &out, nil
}

type startRecordingInput struct {
	RoomPath
	Body *struct {
		Name string `json:"name,omitempty" maxLength:"64" doc:"What it is called; by default the time."`
	}
}

type recordingAnswer struct{ Body sensocto.RoomRecordingView }

func (s *server) startRecording(ctx context.Context, in *startRecordingInput) (*recordingAnswer, error) {
	name := ""
	if in.Body != nil {
		name = in.Body.Name
	}
	r, err := s.Rooms.StartRecording(ctx, identityOf(ctx), in.RoomID, name)
	if err != nil {
		return nil, s.personalProblem(err, "start a recording")
	}
	return &recordingAnswer{r.View()}, nil
}

// RecordingPath is a recording of a room in the path.
type RecordingPath struct {
	RoomPath
	RecordingID string `path:"recording_id" maxLength:"64" doc:"The recording's id."`
}

func (s *server) stopRecording(ctx context.Context, in *RecordingPath) (*recordingAnswer, error) {
	r, err := s.Rooms.StopRecording(ctx, identityOf(ctx), in.RoomID, in.RecordingID)
	if err != nil {
		return nil, s.personalProblem(err, "stop a recording")
	}
	return &recordingAnswer{r.View()}, nil
}

func (s *server) deleteRecording(ctx context.Context, in *RecordingPath) (*empty, error) {
	return s.done(s.Rooms.DeleteRecording(ctx, identityOf(ctx), in.RoomID, in.RecordingID), "delete a recording")
}

type exportRecordingInput struct {
	RecordingPath
	Format string `query:"format" enum:"csv,parquet" default:"csv"`
}

func (s *server) exportRecording(ctx context.Context, in *exportRecordingInput) (*huma.StreamResponse, error) {
	if s.Export == nil {
		return nil, problem(http.StatusNotFound, "this server exports nothing")
	}
	id := identityOf(ctx)
	recording, err := s.Rooms.Recording(ctx, id, in.RoomID, in.RecordingID)
	if err != nil {
		return nil, s.personalProblem(err, "export a recording")
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		out := &download{w: w, deadline: http.NewResponseController(w), mediaType: "application/zip"}
		w.Header().Set("Content-Disposition", `attachment; filename="recording.zip"`)
		s.finishDownload(r, out, "export a recording", s.writeRecording(r.Context(), zip.NewWriter(out), id, recording, in.Format))
	}}, nil
}

// recordingManifest is recording.json of an archive.
type recordingManifest struct {
	sensocto.RoomRecordingView
	Files   map[string]string `json:"files"`    // by sensor
	LeftOut map[string]string `json:"left_out"` // sensors that are not in the archive, and why
}

// writeRecording writes a file for each sensor that the asker may export, within
// the time of the recording and of the right, and says what is left out.
func (s *server) writeRecording(ctx context.Context, z *zip.Writer, id sensocto.Identity, r sensocto.RoomRecording, format string) error {
	manifest := recordingManifest{RoomRecordingView: r.View(), Files: map[string]string{}, LeftOut: map[string]string{}}
	end := r.EndedAt
	if end.IsZero() {
		end = time.Now()
	}
	for _, sensorID := range r.SensorIDs {
		sensor, known := s.Sensors.Sensor(sensorID)
		if !known {
			manifest.LeftOut[sensorID] = "the sensor is gone"
			continue
		}
		rights, err := s.Rights.Sensor(ctx, id, sensorID)
		if err != nil {
			return err
		}
		from := since(r.BeganAt.UnixMicro(), rights)
		if !rights.Export || from >= end.UnixMicro() {
			manifest.LeftOut[sensorID] = "you have no right to export it"
			continue
		}
		still := func() bool { // nothing that is written is from before the right
			rights, err := s.Rights.Sensor(context.WithoutCancel(ctx), id, sensorID)
			_, known := s.Sensors.Sensor(sensorID)
			return err == nil && known && rights.Export && since(from, rights) == from
		}
		if err := s.writeEntry(ctx, z, id, ExportQuery{Sensor: sensor, From: from, To: end.UnixMicro(), Format: format}, still); err != nil {
			return err
		}
		manifest.Files[sensorID] = entryOf(sensorID, format)
		s.record(ctx, sensocto.AuditExported, sensorID, format+" of a recording")
	}
	if err := writeJSON(z, "recording.json", manifest); err != nil {
		return err
	}
	return z.Close()
}
