package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/sensocto/sensocto"
)

const (
	backupPath    = "/api/v1/backup"
	retentionPath = "/api/v1/retention"
	backupType    = "application/vnd.sensocto.backup"
)

func (s *server) registerBackup() {
	op := s.operation("backup", http.MethodGet, backupPath, sensocto.ScopeAdmin, "Operation", "Download a backup of everything")
	op.Description = "All that was acknowledged before the request is in it; what comes meanwhile may be. " +
		"`sensocto backup` downloads it and checks that it is complete: a connection that breaks leaves an archive that is refused. " +
		"There is one backup at a time: 409 while another one runs."
	op.Responses = map[string]*huma.Response{"200": {
		Description: "The archive, see docs/storage.md",
		Content:     map[string]*huma.MediaType{backupType: {Schema: &huma.Schema{Type: "string", Format: "binary"}}},
	}}
	op.Errors = append(op.Errors, http.StatusConflict)
	huma.Register(s.api, op, s.backup)
}

func (s *server) backup(ctx context.Context, _ *struct{}) (*huma.StreamResponse, error) {
	if s.Backup == nil {
		return nil, problem(http.StatusNotFound, "this server makes no backups")
	}
	if !identityOf(ctx).Operator() { // an administrator's account does not open everybody's measurements
		return nil, problem(http.StatusForbidden, "a backup holds everybody's measurements: it takes a token of the server itself, as 'sensocto token create' makes it")
	}
	s.record(ctx, sensocto.AuditBackedUp, "", "")
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		out := &download{w: w, deadline: http.NewResponseController(w), mediaType: backupType}
		s.finishDownload(r, out, "backup", s.Backup(r.Context(), out))
	}}, nil
}

// finishDownload reports an error as a problem where nothing was sent yet.
// Otherwise it breaks the connection: half an answer must not pass for all.
func (s *server) finishDownload(r *http.Request, out *download, doing string, err error) {
	switch {
	case err == nil:
		return
	case !out.begun:
		var p huma.StatusError
		if errors.As(s.translate(err, doing, ""), &p) {
			writeProblem(out.w, p.GetStatus(), p.Error())
		}
		return
	case errors.Is(err, errRightEnded):
		s.Log.InfoContext(r.Context(), "download broken off: the right to a sensor ended", "doing", doing)
	case r.Context().Err() == nil:
		s.Log.Error("download ended early", "doing", doing, "err", err)
	}
	panic(http.ErrAbortHandler)
}

// download is an answer of any length: the client may take its time, but not
// to accept one piece.
type download struct {
	w         http.ResponseWriter
	deadline  *http.ResponseController
	mediaType string
	begun     bool
}

var _ io.Writer = (*download)(nil)

// Write implements io.Writer.
func (d *download) Write(b []byte) (int, error) {
	if !d.begun {
		d.begun = true
		d.w.Header().Set("Content-Type", d.mediaType)
		d.w.WriteHeader(http.StatusOK)
	}
	_ = d.deadline.SetWriteDeadline(time.Now().Add(writeTimeout)) // not every ResponseWriter has deadlines
	return d.w.Write(b)
}
