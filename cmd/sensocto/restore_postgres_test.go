//go:build unix

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/postgres/postgrestest"
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
	r := runCLI(t, nil, append([]string{"restore", file}, there...)...).wants(t, 0, "restored 2 sensors", "9098 samples", "0 tokens")
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
	if err := w.db.SaveSensor(t.Context(), sensocto.Sensor{ID: "half"}); err != nil {
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
