package web_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/account"
	"github.com/sensocto/sensocto/peopledb"
	"github.com/sensocto/sensocto/postgres"
	"github.com/sensocto/sensocto/postgres/postgrestest"
	"github.com/sensocto/sensocto/web"
)

var shared postgrestest.Shared

// rightsTable reads a table of docs/rights.md: by row and column.
func rightsTable(t *testing.T, heading string) map[string]map[string]string {
	t.Helper()
	text, err := os.ReadFile("../docs/rights.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "## "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var columns []string
	rows := map[string]map[string]string{}
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---"):
		case columns == nil:
			columns = cells
		default:
			rows[cells[0]] = map[string]string{}
			for i, cell := range cells[1:] {
				rows[cells[0]][columns[i+1]] = cell
			}
		}
	}
	return rows
}

// The table of docs/rights.md, asked over HTTP.
func TestRights_OverHTTP(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { testRightsOverHTTP(t, nil) })
	t.Run("postgres", func(t *testing.T) {
		db, err := postgres.Open(t.Context(), shared.Database(t), postgres.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		testRightsOverHTTP(t, db)
	})
}

func testRightsOverHTTP(t *testing.T, db peopledb.SQL) {
	var exportedFrom int64
	more := func(o *web.Options) {
		o.Hosts = []string{"sensors.example"} // by another name nobody is let in without a credential
		o.Export = func(_ context.Context, q web.ExportQuery) (web.ExportFile, error) {
			exportedFrom = q.From
			return csvFile(q.Sensor.ID), nil
		}
		o.Import = func(context.Context, sensocto.Identity, string, io.Reader) (sensocto.Imported, error) {
			return sensocto.Imported{}, nil
		}
	}
	p := newPeopleOn(t, db, more, func(o *account.Options) { o.GuestScopes = []sensocto.Scope{sensocto.ScopeView} })
	w := rightsWorld{people: p, exportedFrom: &exportedFrom, crowd: map[string]*person{"public": {people: p, name: "public"}}}
	for _, name := range []string{"owner", "grantee", "room owner", "room admin", "room member", "room guest", "zoe"} {
		w.crowd[name] = p.signUp(strings.ReplaceAll(name, " ", "-"))
	}
	p.signUp("administrator")
	w.promote("administrator")
	w.openRoom()
	rows := rightsTable(t, "Sensors")
	if len(rows) != 8 {
		t.Fatalf("%d rows", len(rows))
	}
	for who, row := range rows {
		t.Run(who, func(t *testing.T) {
			plain, full := w.try(t, who, `{}`), w.try(t, who, `{"control":true,"history":"all"}`)
			for column, want := range row {
				if got := cell(plain[column], full[column]); got != want {
					t.Errorf("%s: %s (%q and %q), want %s", column, got, plain[column], full[column], want)
				}
			}
		})
	}
}

// cell shows what was allowed with a sensor that is shared in the plainest way, and
// in the fullest.
func cell(plain, full string) string {
	switch {
	case plain == full:
		return full
	case plain == "part" && full == "yes":
		return "since shared"
	case plain == "no" && full == "yes":
		return "with control"
	}
	return plain + " or " + full
}

type rightsWorld struct {
	*people
	crowd        map[string]*person
	room         string
	exportedFrom *int64
	sensors      int
}

func (w *rightsWorld) promote(name string) {
	w.t.Helper()
	who := w.signInAs(name)
	u, err := w.accounts.User(w.t.Context(), who.id)
	if err == nil {
		_, err = w.accounts.SetAdmin(w.t.Context(), u, true)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.crowd[name] = w.signInAs(name)
}

// openRoom makes a room with somebody in every role; the sensors' owner is a member.
func (w *rightsWorld) openRoom() {
	w.t.Helper()
	host := w.crowd["room owner"]
	room := decode[sensocto.RoomView](w.t, host.asks(201, "POST", "/rooms", `{"name":"Room"}`).Body)
	w.room = "/rooms/" + room.ID
	for name, role := range map[string]string{"owner": "member", "room admin": "admin", "room member": "member", "room guest": "guest"} {
		who := w.crowd[name]
		who.asks(200, "POST", "/rooms/join", `{"code":"`+room.JoinCode+`"}`)
		if role != "member" {
			host.asks(204, "PATCH", w.room+"/members/"+who.id, `{"role":"`+role+`"}`)
		}
	}
}

// share brings a sensor with a sample of before it is shared, shares it with one of
// the crowd, and adds a sample.
func (w *rightsWorld) share(who, terms string) (id string) {
	w.t.Helper()
	w.sensors++
	id = fmt.Sprintf("strap-%d", w.sensors)
	owner := w.crowd["owner"]
	link := owner.bring(id)
	time.Sleep(2 * time.Millisecond) // timestamps of shares are in ms
	switch {
	case who == "grantee" || who == "public":
		to := map[string]string{"grantee": w.crowd["grantee"].id, "public": "public"}[who]
		owner.asks(204, "PUT", "/sensors/"+id+"/grants/"+to, terms)
	case strings.HasPrefix(who, "room "):
		owner.asks(204, "PUT", w.room+"/sensors/"+id, terms)
	}
	time.Sleep(2 * time.Millisecond)
	push(w.t, link, "ecg", sensocto.Sample{Timestamp: time.Now().UnixMicro(), Value: 2})
	return id
}

// try does everything that the table is about, as one of the crowd, and returns of
// each whether it was allowed: yes, part (of the history) or no.
func (w *rightsWorld) try(t *testing.T, who, terms string) map[string]string {
	id := w.share(who, terms)
	ask := func(method, path, body string) (int, string) {
		c := call{method: method, path: "/api/v1/sensors" + path, body: body, header: map[string]string{}}
		if w.crowd[who].cookie != "" {
			c.header["Cookie"] = web.SessionCookie + "=" + w.crowd[who].cookie
		}
		if strings.HasSuffix(path, "/import") {
			c.header["Content-Type"] = "application/vnd.sensocto.import"
		}
		answer := w.do(c)
		switch answer.Code {
		case http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		default:
			t.Errorf("%s %s: %d %s", method, path, answer.Code, answer.Body)
		}
		return answer.Code, answer.Body.String()
	}
	yes := func(method, path, body string) string {
		if code, _ := ask(method, path, body); code >= 300 {
			return "no"
		}
		return "yes"
	}
	got := map[string]string{"live": yes("GET", "/"+id, "")}
	if _, list := ask("GET", "", ""); strings.Contains(list, `"`+id+`"`) != (got["live"] == "yes") {
		t.Errorf("live: %s, in the list of sensors: %s", got["live"], list)
	}
	_, history := ask("GET", "/"+id+"/attributes/ecg/measurements", "")
	switch {
	case strings.Contains(history, `"payload":1`) && strings.Contains(history, `"payload":2`):
		got["history"] = "yes"
	case strings.Contains(history, `"payload":2`):
		got["history"] = "part"
	default:
		got["history"] = "no"
	}
	if got["export"] = yes("GET", "/"+id+"/export?format=csv", ""); got["export"] == "yes" && *w.exportedFrom > 0 {
		got["export"] = "part"
	}
	got["command"] = yes("POST", "/"+id+"/command", `{"do":"it"}`)
	got["ingest"] = yes("POST", "/"+id+"/import", "x")
	got["share"] = yes("PUT", "/"+id+"/grants/"+w.crowd["zoe"].id, "{}")
	got["edit"] = yes("PATCH", "/"+id, `{"sensor_name":"Mine"}`)
	got["delete"] = yes("DELETE", "/"+id, "")
	return got
}
