package web_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/web"
)

// file is an export as web sees it.
type file struct {
	text   string
	err    error
	closed *atomic.Int32
}

func (f file) Name() string      { return "s1.csv" }
func (f file) MediaType() string { return "text/csv" }
func (f file) Notes() []string   { return []string{"rounded", "gaps\nfilled"} }
func (f file) Close() error      { f.closed.Add(1); return nil }
func (f file) Write(_ context.Context, w io.Writer) error {
	_, err := io.WriteString(w, f.text)
	return errors.Join(err, f.err)
}

func TestExport_SaysWhatItIsAndWhatItLacks(t *testing.T) {
	var asked web.ExportQuery
	var closed atomic.Int32
	w := newWorld(t, setup{web: func(o *web.Options) {
		o.Export = func(_ context.Context, q web.ExportQuery) (web.ExportFile, error) {
			asked = q
			return file{text: "time,ecg\n", closed: &closed}, nil
		}
	}})
	link, _ := w.connect(t, "s1")
	defer link.Close()
	const path = "/api/v1/sensors/s1/export"
	checkProblem(t, w.do(call{path: path}), http.StatusUnauthorized)
	checkProblem(t, w.do(call{path: path, token: w.ingester}), http.StatusForbidden)
	answer := w.get(t, path+"?format=edf&attributes=ecg&from=1767225600000&to=1767225601000.5&resample=250")
	if answer.Body.String() != "time,ecg\n" || answer.Header().Get("Content-Disposition") != "attachment; filename=s1.csv" {
		t.Errorf("%v %s", answer.Header(), answer.Body)
	}
	if notes := answer.Header().Values("Sensocto-Note"); len(notes) != 2 || notes[1] != "gaps?filled" {
		t.Errorf("notes %q", notes)
	}
	if asked.Format != "edf" || len(asked.Sensor.Attributes) != 1 || asked.From != 1767225600000000 || asked.To != 1767225601000500 || asked.Resample != 250 {
		t.Errorf("asked %+v", asked)
	}
	if w.do(call{method: http.MethodHead, path: path, token: w.viewer}).Body.Len() > 0 {
		t.Error("HEAD has a body")
	}
	if n := closed.Load(); n != 2 {
		t.Errorf("closed %d files of 2", n)
	}
	for query, status := range map[string]int{
		"format=xml": 422, "attributes=ecg,resp": 404, "from=x": 422, "from=5&to=4": 422, "to=0": 422, "resample=-1": 422, "resample=1e999": 422,
	} {
		checkProblem(t, w.do(call{path: path + "?" + query, token: w.viewer}), status)
	}
	checkProblem(t, w.do(call{path: "/api/v1/sensors/never/export", token: w.viewer}), http.StatusNotFound)
	checkProblem(t, newWorld(t, setup{}).do(call{path: path, token: w.viewer}), http.StatusUnauthorized)
}

func TestExport_FailsAsAProblemOrBreaksOff(t *testing.T) {
	var closed atomic.Int32
	var refusal error = &sensocto.Error{Code: sensocto.CodeInvalid, Message: "irregular"}
	w := newWorld(t, setup{web: func(o *web.Options) {
		o.Export = func(context.Context, web.ExportQuery) (web.ExportFile, error) {
			if refusal != nil {
				return nil, refusal
			}
			return file{text: "half of it", err: errors.New("the disk failed"), closed: &closed}, nil
		}
	}})
	link, _ := w.connect(t, "s1")
	defer link.Close()
	checkProblem(t, w.do(call{path: "/api/v1/sensors/s1/export", token: w.viewer}), http.StatusUnprocessableEntity)
	refusal = nil
	s := httptest.NewServer(w)
	defer s.Close()
	if body, err := request(t, http.MethodGet, s.URL+"/api/v1/sensors/s1/export", w.viewer, "", nil); err == nil {
		t.Errorf("half an answer passed for all: %s", body)
	}
	s.Close() // waits for the handler
	if n := closed.Load(); n != 1 {
		t.Errorf("closed %d times", n)
	}
}

// request returns the answer of a real server.
func request(t *testing.T, method, url, token, mediaType string, body io.Reader) (string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", mediaType)
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.Status + " " + string(text), err
}

func TestImport_StreamsToWhoMayTakeIt(t *testing.T) {
	const importType = "application/vnd.sensocto.import"
	refused := &sensocto.Error{Code: sensocto.CodeConflict, Message: "another one is under way"}
	var as sensocto.Identity
	w := newWorld(t, setup{web: func(o *web.Options) {
		o.Import = func(_ context.Context, id sensocto.Identity, sensorID string, body io.Reader) (sensocto.Imported, error) {
			as = id
			if sensorID == "busy" {
				return sensocto.Imported{}, refused
			}
			n, err := io.Copy(io.Discard, body)
			return sensocto.Imported{Stored: n}, err
		}
	}})
	const path = "/api/v1/sensors/s1/import"
	post := func(path, token, mediaType string) *httptest.ResponseRecorder {
		return w.do(call{method: http.MethodPost, path: path, token: token, body: "12345", header: map[string]string{"Content-Type": mediaType}})
	}
	checkProblem(t, post(path, "", importType), http.StatusUnauthorized)
	checkProblem(t, post(path, w.viewer, importType), http.StatusForbidden)
	checkProblem(t, post(path, w.ingester, "text/csv"), http.StatusUnsupportedMediaType)
	checkProblem(t, post("/api/v1/sensors/a%20b/import", w.ingester, importType), http.StatusUnprocessableEntity)
	checkProblem(t, post("/api/v1/sensors/busy/import", w.ingester, importType), http.StatusConflict)
	if answer := post(path, w.ingester, importType); answer.Code != 200 || answer.Body.String() != `{"stored":5,"known":0}`+"\n" {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
	if as.OwnerID != sensocto.OperatorID {
		t.Errorf("as %+v", as)
	}

	s := httptest.NewServer(w)
	defer s.Close()
	large := 20 << 20
	got, err := request(t, http.MethodPost, s.URL+path, w.ingester, importType, io.LimitReader(endless{}, int64(large)))
	if err != nil || !strings.Contains(got, `"stored":20971520`) {
		t.Errorf("%s %v", got, err)
	}
	// A refusal comes through while the upload still goes on.
	got, err = request(t, http.MethodPost, s.URL+"/api/v1/sensors/busy/import", w.ingester, importType, io.LimitReader(endless{}, int64(large)))
	if err != nil || !strings.HasPrefix(got, "409") {
		t.Errorf("%s %v", got, err)
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }
