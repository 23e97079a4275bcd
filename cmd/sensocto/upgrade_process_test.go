//go:build unix

package main

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sensocto/sensocto/postgres/postgrestest"
)

// What the version before there were people had written, with one simulated sensor
// and this token of the scopes ingest, view and admin, which is good nowhere else.
var beforePeople = map[string]string{
	"sqlite.db":    "sno_hpykxzza_5LXHY4XS2Qj1xxDS4WgmI08xDeXSFEuIVLWFmNERiuQ",
	"postgres.sql": "sno_obq4lpnk_-yStonUAQ6BRT-ePV6sw_Bbki-RvSZ_egeRjs_6j3Ys",
}

func unpacked(t *testing.T, name string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "before-people", name+".gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// A data directory and a PostgreSQL database of the version before there were
// people start with their sensors and tokens; the operator's sensors can be handed
// to somebody.
func TestUpgrade_FromBeforePeople(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "sensocto.db"), unpacked(t, "sqlite.db"), 0o600); err != nil {
			t.Fatal(err)
		}
		upgrades(t, dir, beforePeople["sqlite.db"])
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		_, url := postgresServer(t)
		postgrestest.Exec(t, url, string(unpacked(t, "postgres.sql")))
		upgrades(t, t.TempDir(), beforePeople["postgres.sql"], "--database-url", url)
	})
}

func upgrades(t *testing.T, dir, token string, flags ...string) {
	t.Helper()
	p := launchProcess(t, dir, "127.0.0.1:0", append([]string{"--registration", "open"}, flags...)...)
	if err := p.awaitURL(); err != nil {
		t.Fatal(err)
	}
	p.use(token)
	if code, body := p.status("/api/v1/sensors/sim-1"); code != 200 || !strings.Contains(body, `"sensor_type":"vitals"`) {
		t.Fatalf("the sensor: %d %s", code, body)
	}
	_, body := p.status("/api/v1/sensors/sim-1/attributes/ecg/measurements?limit=10")
	if strings.Count(body, `"payload"`) != 10 {
		t.Errorf("its measurements: %s", body)
	}
	ada := &browser{t: t, url: p.url}
	me := ada.asks(201, "POST", "/users", fmt.Sprintf(`{"name":"ada","email":"ada@example.org","password":%q}`, goodPassword))
	ada.asks(404, "GET", "/sensors/sim-1", "")
	operator := &apiClient{remoteFlags: remoteFlags{Server: p.url, Token: token}}
	if err := operator.call(t.Context(), "PATCH", "/sensors/sim-1", map[string]any{"owner_id": me["id"]}, nil); err != nil {
		t.Fatal(err)
	}
	ada.asks(200, "GET", "/sensors/sim-1", "")
	p.ends()
}
