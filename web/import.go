package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/sensocto/sensocto"
)

const importType = "application/vnd.sensocto.import"

// readTimeout is how long a client may take to send one piece of an upload.
const readTimeout = 30 * time.Second

func (s *server) registerImport() {
	op := s.operation("import-recording", http.MethodPost, "/api/v1/sensors/{id}/import", sensocto.ScopeIngest, "Measurements", "Upload a recording")
	op.Description = "Stores measurements with the times at which they were made, past everything live: nobody who watches is sent them. " +
		"The body is what `sensocto import` sends (docs/exchange.md): measurements in order of time, in encoded chunks. " +
		"What is stored already (same attribute, time and value) is not stored again, so an upload that ended early is simply repeated. " +
		"The answer comes when all of it is on disk. 409 says that a recording of this sensor, or too many others, are being imported."
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		importType: {Schema: &huma.Schema{Type: "string", Format: "binary"}},
	}}
	op.Responses = map[string]*huma.Response{"200": {
		Description: "Everything is stored",
		Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{
			Type: huma.TypeObject, Properties: map[string]*huma.Schema{
				"stored":   {Type: huma.TypeInteger, Description: "Measurements that are stored now and were not before."},
				"known":    {Type: huma.TypeInteger, Description: "Measurements that were there already."},
				"left_out": {Type: huma.TypeInteger, Description: "How many kinds of things the file held and the upload did not, as its manifest says; absent where there are none."},
			},
		}}},
	}}
	op.Errors = append(op.Errors, http.StatusConflict, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity)
	huma.Register(s.api, op, s.importRecording)
}

func (s *server) importRecording(caller context.Context, in *SensorPath) (*huma.StreamResponse, error) {
	if s.Import == nil {
		return nil, problem(http.StatusNotFound, "this server imports nothing")
	}
	if _, err := s.may(caller, in.SensorID, toIngest); err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		control := http.NewResponseController(w)
		if r.Header.Get("Content-Type") != importType {
			writeProblem(w, http.StatusUnsupportedMediaType, "send "+importType+": 'sensocto import' does")
			return
		}
		_ = control.EnableFullDuplex() // so that a refusal is sent while the upload still comes
		body := &upload{body: r.Body, control: control}
		done, err := s.takeImport(r, in.SensorID, body)
		_ = control.SetWriteDeadline(time.Now().Add(writeTimeout))
		if err == nil || done.Stored > 0 { // what came before an early end stays
			s.record(caller, sensocto.AuditImported, in.SensorID, fmt.Sprintf("%d samples", done.Stored))
		}
		if err != nil {
			var p huma.StatusError
			if errors.As(s.translate(err, "import", in.SensorID), &p) {
				w.Header().Set("Connection", "close")
				writeProblem(w, p.GetStatus(), p.Error())
			}
			_ = control.Flush()
			body.drain()
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(done)
	}}, nil
}

func (s *server) takeImport(r *http.Request, sensorID string, body io.Reader) (sensocto.Imported, error) {
	id, err := s.Auth.Authenticate(r.Context(), credential(r))
	if err != nil {
		return sensocto.Imported{}, err
	}
	return s.Import(r.Context(), id, sensorID, body)
}

// upload is a body of any length: the client may take its time, but not to
// send one piece.
type upload struct {
	body    io.Reader
	control *http.ResponseController
}

// Read implements io.Reader.
func (u *upload) Read(b []byte) (int, error) {
	_ = u.control.SetReadDeadline(time.Now().Add(readTimeout)) // not every connection has deadlines
	return u.body.Read(b)
}

// drain takes what is on its way for a moment, so that the client comes to
// read the answer.
func (u *upload) drain() {
	_ = u.control.SetReadDeadline(time.Now().Add(2 * time.Second))
	_, _ = io.Copy(io.Discard, io.LimitReader(u.body, 64<<20))
}
