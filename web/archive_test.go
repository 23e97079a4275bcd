package web_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sensocto/sensocto/web"
)

// slowFile is an export that waits in its middle until it may go on. It does not
// look at its context by itself.
type slowFile struct {
	csvFile
	begun, goOn chan struct{}
}

func (f slowFile) Write(_ context.Context, w io.Writer) error {
	half := make([]byte, 256<<10) // more than is kept back on its way
	rand.Read(half)
	if _, err := w.Write(half); err != nil {
		return err
	}
	f.begun <- struct{}{}
	<-f.goOn
	_, err := io.WriteString(w, "second half")
	return err
}

// download begins to read an archive, calls lose in the middle of a sensor, and
// returns what came and how it ended.
func (p *person) download(path string, f slowFile, lose func()) ([]byte, error) {
	p.t.Helper()
	server := httptest.NewServer(p)
	defer server.Close()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, server.URL+"/api/v1"+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Cookie", web.SessionCookie+"="+p.cookie)
	go func() {
		<-f.begun
		lose()
		close(f.goOn)
	}()
	resp, err := server.Client().Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		p.t.Errorf("%d %s", resp.StatusCode, body)
	}
	return body, err
}

// An archive in whose middle a right ends does not look complete.
func TestArchive_BreaksWhereARightEnds(t *testing.T) {
	for name, lose := range map[string]func(p *people, ada, bob *person, room string){
		"nothing": nil,
		"no longer shared": func(_ *people, ada, _ *person, room string) {
			ada.asks(204, "DELETE", "/rooms/"+room+"/sensors/strap", "")
		},
		"deleted": func(p *people, _, _ *person, _ string) { p.remove("strap") },
		"handed over": func(_ *people, ada, bob *person, _ string) {
			ada.asks(200, "PATCH", "/sensors/strap", `{"owner_id":"`+bob.id+`"}`)
		},
		"another's, shared": func(_ *people, ada, _ *person, _ string) {
			ada.asks(200, "PATCH", "/sensors/strap", `{"sensor_name":"renamed"}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := slowFile{"strap", make(chan struct{}), make(chan struct{})}
			p := newPeopleWith(t, func(o *web.Options) {
				o.Export = func(context.Context, web.ExportQuery) (web.ExportFile, error) { return f, nil }
			})
			ada, bob := p.signUp("ada"), p.signUp("bob")
			ada.bring("strap")
			room := decode[struct{ ID string }](t, ada.asks(201, "POST", "/rooms", `{"name":"Lab","is_public":true}`).Body).ID
			bob.asks(200, "POST", "/rooms/"+room+"/join", "")
			ada.asks(204, "PUT", "/rooms/"+room+"/sensors/strap", `{}`)
			rec := decode[struct{ ID string }](t, ada.asks(201, "POST", "/rooms/"+room+"/recordings", `{}`).Body).ID
			ada.asks(200, "POST", "/rooms/"+room+"/recordings/"+rec+"/stop", "")
			who, path := bob, "/rooms/"+room+"/recordings/"+rec+"/export"
			if name == "handed over" {
				who, path = ada, "/users/me/export"
			}
			body, err := who.download(path, f, func() {
				if lose != nil {
					lose(p, ada, bob, room)
				}
			})
			_, zipErr := zip.NewReader(bytes.NewReader(body), int64(len(body)))
			if keeps := name == "nothing" || name == "another's, shared"; keeps != (err == nil) || keeps != (zipErr == nil) {
				t.Errorf("%d bytes, %v, %v", len(body), err, zipErr)
			}
		})
	}
}

// remove deletes a sensor without asking for a right.
func (p *people) remove(sensorID string) {
	if _, err := p.sensors.Delete(p.t.Context(), sensorID); err != nil {
		p.t.Error(err)
	}
}
