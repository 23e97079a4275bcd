package web_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/web"
)

func backing(f func(context.Context, io.Writer) error) setup {
	return setup{web: func(o *web.Options) { o.Backup = f }}
}

func TestBackup_IsForAdmins(t *testing.T) {
	w := newWorld(t, backing(func(_ context.Context, out io.Writer) error {
		_, err := io.WriteString(out, "the archive")
		return err
	}))
	const path = "/api/v1/backup"
	checkProblem(t, w.do(call{path: path}), http.StatusUnauthorized)
	checkProblem(t, w.do(call{path: path, token: w.viewer}), http.StatusForbidden)
	answer := w.do(call{path: path, token: w.admin})
	if answer.Code != http.StatusOK || answer.Body.String() != "the archive" || answer.Header().Get("Content-Type") != "application/vnd.sensocto.backup" {
		t.Errorf("%d %v %s", answer.Code, answer.Header(), answer.Body)
	}
	w = newWorld(t, setup{})
	checkProblem(t, w.do(call{path: path, token: w.admin}), http.StatusNotFound)
}

func TestBackup_FailsAsAProblemOrBreaksOff(t *testing.T) {
	w := newWorld(t, backing(func(context.Context, io.Writer) error {
		return &sensocto.Error{Code: sensocto.CodeConflict, Message: "another one is under way"}
	}))
	checkProblem(t, w.do(call{path: "/api/v1/backup", token: w.admin}), http.StatusConflict)

	w = newWorld(t, backing(func(_ context.Context, out io.Writer) error {
		_, err := io.WriteString(out, "half of it")
		return errors.Join(err, errors.New("the disk failed"))
	}))
	s := httptest.NewServer(w)
	defer s.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/api/v1/backup", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.admin)
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return // it broke before the head was sent
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("half an answer passed for all: %s", body)
	}
}
