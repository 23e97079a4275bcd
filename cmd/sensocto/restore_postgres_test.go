//go:build unix

package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/backup"
	"github.com/sensocto/sensocto/peopledb"
	"github.com/sensocto/sensocto/postgres/postgrestest"
	"github.com/sensocto/sensocto/sqlite"
)

// A backup of one kind of database is restored into the other, and back: all
// samples are the same, bit for bit, and SQL reads them.
func TestPostgres_RestoreIntoIt(t *testing.T) {
	t.Parallel() // it mostly waits
	_, url := postgresServer(t)
	s, want := replayed(t)
	s.stop()
	dir, file, there := t.TempDir(), t.TempDir()+"/all.backup", []string{"--database-url", url, "--data-dir", t.TempDir()}
	runCLI(t, nil, "backup", file, "--data-dir", s.dir).wants(t, 0)
	runCLI(t, nil, append([]string{"token", "create", "--name", "stays", "--scope", "view"}, there...)...).wants(t, 0)
	r := runCLI(t, nil, append([]string{"restore", file}, there...)...).wants(t, 0, "restored 2 sensors", "9098 samples", "0 tokens", "2 tokens stayed in the backup: --tokens brings")
	if strings.Contains(r.stdout, "what was there before") {
		t.Errorf("kept what was empty: %s", r.stdout)
	}
	sum := postgrestest.Query[float64](t, url, `SELECT sum(value) + sum(number) FROM sensocto.samples('rec-1', 'ECG_lead_I')`)[0]
	buckets := postgrestest.Query[float64](t, url, `SELECT sum(sum) + 8999 * 8998 / 2 FROM sensocto.buckets('rec-1', 'ECG_lead_I', '1 s')`)[0]
	if diff := sum - buckets; diff > 1e-6 || diff < -1e-6 {
		t.Errorf("SQL reads %v and %v", sum, buckets)
	}
	runCLI(t, nil, append([]string{"token", "list"}, there...)...).wants(t, 0, "stays")
	runCLI(t, nil, append([]string{"restore", file}, there...)...).wants(t, exitFailed, "is not empty", "--database-url", "--replace")
	runCLI(t, nil, append([]string{"restore", file, "--replace"}, there...)...).wants(t, 0, "what was there before is in the schema sensocto_replaced_")
	if n := postgrestest.Query[int64](t, url, `SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'sensocto%'`)[0]; n != 2 {
		t.Errorf("%d schemas", n)
	}

	p := startProcess(t, there[3], there[:2]...)
	for id, text := range readAll(t, &p.running, "rec-1", "rec-2") {
		if text != want[id] {
			t.Errorf("%s reads %d bytes, want %d", id, len(text), len(want[id]))
		}
	}
	refusedRestore := runCLI(t, nil, "restore", file, "--replace", "--database-url", url, "--data-dir", t.TempDir())
	refusedRestore.wants(t, exitFailed, "another server uses it")
	p.ends()
	runCLI(t, nil, append([]string{"backup", file, "--force"}, there...)...).wants(t, 0)
	runCLI(t, nil, "restore", file, "--data-dir", dir).wants(t, 0, "9098 samples")
	for id, text := range readAll(t, startServer(t, dir), "rec-1", "rec-2") {
		if text != want[id] {
			t.Errorf("%s reads %d bytes, want %d", id, len(text), len(want[id]))
		}
	}
}

// A move to another directory or database goes unnoticed by devices: what they
// send again is known, and what follows is taken.
func TestRestore_DevicesGoOnWithTheirStreams(t *testing.T) {
	t.Parallel() // it mostly waits
	_, url := postgresServer(t)
	dir, file := t.TempDir(), t.TempDir()+"/all.backup"
	p := startProcess(t, dir)
	p.device("s").acknowledges(0, 30)
	admin := runCLI(t, nil, "token", "create", "--name", "root", "--scope", "admin", "--data-dir", dir).wants(t, 0)
	asked := []string{"SENSOCTO_SERVER=" + p.url, "SENSOCTO_TOKEN=" + strings.TrimSpace(admin.stdout)}
	runCLI(t, asked, "backup", file).wants(t, 0)
	p.ends()

	for _, there := range [][]string{{"--data-dir", t.TempDir()}, {"--data-dir", t.TempDir(), "--database-url", url}} {
		runCLI(t, nil, append([]string{"restore", file}, there...)...).wants(t, 0)
		p := startProcess(t, there[1], there[2:]...)
		p.device("s").acknowledges(28, 12) // two of them again
		if n := p.wantsCount("s", "n", 40*batchSize); n != 40*batchSize {
			t.Errorf("%d samples", n)
		}
		p.ends()
		runCLI(t, nil, append([]string{"backup", "--force", file}, there...)...).wants(t, 0, "800 samples")
		runCLI(t, nil, append([]string{"restore", "--replace", file}, there...)...).wants(t, 0, "replaced-")
		p = startProcess(t, there[1], there[2:]...)
		p.device("s").acknowledges(39, 2)
		if n := p.wantsCount("s", "n", 41*batchSize); n != 41*batchSize {
			t.Errorf("%d samples", n)
		}
		p.ends()
	}
}

// What ends a restore before its end leaves a PostgreSQL database as it was.
func TestPostgres_RestoreThatEndsEarly(t *testing.T) {
	t.Parallel() // it mostly waits
	_, url := postgresServer(t)
	config := Config{DatabaseURL: databaseURL(url), DataDir: t.TempDir()}
	runCLI(t, nil, "import", writeRecord(t, "rec-1", 9000), "--start", startText, "-q", "--data-dir", config.DataDir, "--database-url", url).wants(t, 0)
	w, err := newWorkplace(t.Context(), config, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.db.SaveSensors(t.Context(), []sensocto.Sensor{{ID: "half"}}); err != nil {
		t.Fatal(err)
	}
	if err := w.discard(); err != nil {
		t.Fatal(err)
	}
	runCLI(t, []string{"SENSOCTO_DATABASE_URL=" + url}, "check", config.DataDir).wants(t, 0, "1 series", "8999 samples", "is sound")
	if n := postgrestest.Query[int64](t, url, `SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'sensocto%'`)[0]; n != 1 {
		t.Errorf("%d schemas", n)
	}
}

// An archive written before texts were checked has names that PostgreSQL does not
// take, or that are far too long: they are restored as the catalog shows them.
func TestPostgres_RestoreOfBadNames(t *testing.T) {
	t.Parallel() // it mostly waits
	_, url := postgresServer(t)
	old, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "old.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	bad := func(context.Context) ([]sensocto.Sensor, error) {
		return []sensocto.Sensor{{
			ID: "s", Name: "a\x00b" + strings.Repeat("x", 1<<20), Type: "\x1b[2J", ConnectorID: "c", ConnectorName: "caf\xe9", OwnerID: sensocto.OperatorID,
			Attributes: []sensocto.Attribute{{ID: "a", Name: "n\x00", Type: "x", Unit: "\x00"}},
		}}, nil
	}
	source := backup.Source{Cold: old, Sensors: bad, Tokens: peopledb.New(old).Tokens, Program: "test"}
	var archive bytes.Buffer
	if _, err := backup.Write(t.Context(), &archive, source, nil); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "old.backup")
	if err := os.WriteFile(file, archive.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	runCLI(t, nil, "restore", file, "--database-url", url, "--data-dir", dir).wants(t, 0, "restored 1 sensor")
	if name := postgrestest.Query[string](t, url, `SELECT name FROM sensocto.sensor`)[0]; !strings.HasPrefix(name, "a") || sensocto.CheckText("name", name) != nil {
		t.Errorf("the name is %.20q, %d bytes", name, len(name))
	}
	p := startProcess(t, dir, "--database-url", url)
	defer p.ends()
	if s := p.stderr.String(); strings.Contains(s, "could not be saved") {
		t.Error(s)
	}
}
