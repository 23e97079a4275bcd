//go:build unix

package main

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/sensocto/sensocto/postgres/postgrestest"
)

// postgresServer starts a PostgreSQL of the test's own.
func postgresServer(t *testing.T) (server *postgrestest.Server, url string) {
	t.Helper()
	postgrestest.Require(t)
	server, err := postgrestest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server, server.Database(t, "sensocto")
}

// acknowledges sends numbered batches, each answered before the next, and
// returns the number of the next.
func (d *rawDevice) acknowledges(from, batches int) int {
	d.t.Helper()
	for i := from; i < from+batches; i++ {
		payload := map[string]any{"stream": "01234567-89ab-4def-8123-456789abcdef", "seq": i + 1, "measurements": numbered(i)}
		if r, err := d.request("measurements", payload); err != nil || r.Status != "ok" {
			d.t.Fatalf("batch %d: %+v %v", i, r, err)
		}
	}
	return from + batches
}

// TestPostgres_GoesAwayWhileIngesting: devices are acknowledged all the time,
// whatever happens to the database and to the server meanwhile, and in the end
// everything is in the database once.
func TestPostgres_GoesAwayWhileIngesting(t *testing.T) {
	t.Parallel() // it mostly waits
	db, url := postgresServer(t)
	dir := t.TempDir()
	p := startProcess(t, dir, "--database-url", url)
	said := p.stderr.String
	d := p.device("s")
	n := d.acknowledges(0, 50)
	waitFor(t, func() bool { return samplesInSQL(t, url) == int64(n*batchSize) })

	db.Kill()
	waitFor(t, func() bool {
		n = d.acknowledges(n, 5)
		code, body := p.status("/readyz")
		return code == http.StatusServiceUnavailable && strings.Contains(body, "degraded")
	})
	if code, _ := p.status("/healthz"); code != http.StatusOK {
		t.Errorf("not healthy: %d", code)
	}
	n = p.device("s").acknowledges(n, 50) // the token is known
	p.wants503("s")
	if _, metrics := p.status("/metrics"); !strings.Contains(metrics, "sensocto_database_up 0") {
		t.Error("no metric says that the database is away")
	}
	if err := db.Restart(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { code, _ := p.status("/readyz"); return code == http.StatusOK })
	n = p.device("s").acknowledges(n, 20)
	p.wantsCount("s", "n", n*batchSize)

	// The server is killed while the database is away, and starts before it.
	db.Stop()
	n = p.device("s").acknowledges(n, 20)
	p.device("new").acknowledges(0, 5) // the database never hears of this sensor before the kill
	p.signal(syscall.SIGKILL)
	output := said()
	started := make(chan error, 1) // one result
	go func() { started <- db.Restart() }()
	p = startProcess(t, dir, "--database-url", url)
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	p.wantsCount("new", "n", 5*batchSize)
	n = p.device("s").acknowledges(n, 20)
	p.wantsCount("s", "n", n*batchSize)
	p.ends()
	if got := samplesInSQL(t, url); got != int64(n*batchSize) {
		t.Errorf("SQL has %d samples, want %d", got, n*batchSize)
	}
	wrong := postgrestest.Query[int64](t, url, `SELECT count(*) FROM sensocto.samples('s', 'n') WHERE number <> value`)[0]
	if wrong != 0 {
		t.Errorf("%d samples are lost, doubled or out of order", wrong)
	}
	output += p.stderr.String() + fmt.Sprint(Config{DatabaseURL: databaseURL(url)})
	if strings.Contains(output, postgrestest.Password()) {
		t.Errorf("the password is in:\n%s", output)
	}
	if !strings.Contains(output, "the database is away") || !strings.Contains(output, "the database is back") {
		t.Errorf("the log does not say it:\n%s", output)
	}
}

// TestPostgres_AwayUntilTheJournalIsFull: at the bound of the journal batches are
// refused, none of those that were acknowledged is dropped, and when the database
// returns there is room again.
func TestPostgres_AwayUntilTheJournalIsFull(t *testing.T) {
	t.Parallel() // it mostly waits
	db, url := postgresServer(t)
	p := startProcess(t, t.TempDir(), "--database-url", url, "--store-journal-max", "256KiB")
	d := p.device("s")
	n := d.acknowledges(0, 10)
	next := func() replyPayload {
		payload := map[string]any{"stream": "01234567-89ab-4def-8123-456789abcdef", "seq": n + 1, "measurements": numbered(n)}
		r, err := d.request("measurements", payload)
		if err != nil {
			t.Fatal(err)
		}
		if r.Status == "ok" {
			n++
		}
		return r
	}
	db.Kill()
	for r := next(); r.Status == "ok"; r = next() {
		if n > 10_000 {
			t.Fatal("the journal has no bound")
		}
	}
	if r := next(); r.Response.Reason != "unavailable" {
		t.Errorf("with a full journal: %+v", r)
	}
	if r, err := d.request("measurements_batch", numbered(n)); err != nil || r.Response.Reason != "unavailable" {
		t.Errorf("not acknowledged, with a full journal: %+v %v", r, err)
	}
	if err := db.Restart(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return next().Status == "ok" })
	n = d.acknowledges(n, 20)
	p.wantsCount("s", "n", n*batchSize)
	p.ends()
	if got := samplesInSQL(t, url); got != int64(n*batchSize) {
		t.Errorf("SQL has %d samples, want %d", got, n*batchSize)
	}
}

// wants503 wants that what is only in the database is unavailable, not absent.
func (p *process) wants503(sensor string) {
	p.t.Helper()
	code, body := p.status("/api/v1/sensors/" + sensor + "/attributes/n/measurements?limit=5")
	if code != http.StatusServiceUnavailable && code != http.StatusOK || code == http.StatusOK && !strings.Contains(body, `"payload":0`) {
		p.t.Errorf("reading while the database is away: %d %s", code, body)
	}
}

func samplesInSQL(t *testing.T, url string) int64 {
	t.Helper()
	return postgrestest.Query[int64](t, url, `SELECT count(*) FROM sensocto.samples('s', 'n')`)[0]
}

func TestPostgres_CommandsUseIt(t *testing.T) {
	t.Parallel() // it mostly waits
	_, url := postgresServer(t)
	dir := t.TempDir()
	p := startProcess(t, dir, "--database-url", url)
	p.device("s").acknowledges(0, 5)

	other := []string{"--database-url", url, "--data-dir", t.TempDir()}
	refused(t, []string{"another server uses it"}, append([]string{"--listen", "127.0.0.1:0", "--shutdown-timeout", "1s"}, other...)...)
	runCLI(t, nil, append([]string{"token", "list"}, other...)...).wants(t, 0, "test-", "ingest,view")
	p.ends()

	runCLI(t, nil, append([]string{"cleanup", "s", "--dry-run"}, other...)...).wants(t, 0, "would delete sensor s with 100 samples")
	csv := runCLI(t, nil, append([]string{"export", "s", "--format", "csv", "-o", "-"}, other...)...).wants(t, 0).stdout
	if n := strings.Count(csv, "\n"); n != 101 {
		t.Errorf("exported %d lines", n)
	}
	runCLI(t, []string{"SENSOCTO_RETENTION=[{raw: 1h}]"}, append([]string{"retention", "--dry-run"}, other...)...).wants(t, 0, "would remove 100 samples")
	file := t.TempDir() + "/all.backup"
	runCLI(t, nil, append([]string{"backup", file}, other...)...).wants(t, 0)
	runCLI(t, nil, "restore", file, "--data-dir", t.TempDir()).wants(t, 0, "100 samples")
	runCLI(t, nil, append([]string{"cleanup", "s", "--yes", "--erase"}, other...)...).wants(t, exitFailed, "VACUUM FULL")
	runCLI(t, nil, append([]string{"cleanup", "s", "--dry-run"}, other...)...).wants(t, 0, "100 samples") // nothing was deleted
	runCLI(t, nil, append([]string{"cleanup", "s", "--yes"}, other...)...).wants(t, 0, "deleted sensor s: 100 samples")
	r := runCLI(t, []string{"SENSOCTO_DATABASE_URL=" + url}, "config", "print").wants(t, 0, "database_url: \"postgres://sensocto:xxxxx@")
	if strings.Contains(r.stdout, postgrestest.Password()) {
		t.Error("the password is shown")
	}
	for _, bad := range []string{"mysql://u:topsecret@h/d", "postgres://u:topsecret@h:x/d", "postgres://u:topsecret@h/d?sslmode=nonsense", "u:topsecret"} {
		r := runCLI(t, []string{"SENSOCTO_DATABASE_URL=" + bad}, "config", "check").wants(t, exitUsage, "database_url")
		if strings.Contains(r.stdout+r.stderr, "topsecret") {
			t.Errorf("the password is shown: %s", r.stderr)
		}
	}
}

// What check and repair do for a file they do for PostgreSQL: they read every
// row, and mend what can be mended.
func TestPostgres_CheckAndRepair(t *testing.T) {
	t.Parallel() // it mostly waits
	_, url := postgresServer(t)
	dir := t.TempDir()
	env := []string{"SENSOCTO_DATABASE_URL=" + url}
	runCLI(t, env, "import", writeRecord(t, "rec-1", 70_000), "--start", startText, "-q", "--data-dir", dir).wants(t, 0)
	runCLI(t, env, "check", dir).wants(t, 0, "1 series", "69999 samples", "is sound")
	runCLI(t, nil, "repair", dir, "--yes", "--database-url", url).wants(t, 0, "is sound")

	postgrestest.Exec(t, url,
		`UPDATE sensocto.chunk SET data = set_byte(data, 40, get_byte(data, 40) # 129) WHERE level = 0 AND first_seq = 8192`,
		`UPDATE sensocto.chunk SET max = max + 1 WHERE level = 0 AND first_seq = 4096`,
		`UPDATE sensocto.series SET samples = 5`)
	r := runCLI(t, env, "check", dir).wants(t, exitFailed, "unreadable: rec-1", "row: rec-1", "totals: rec-1", "is not sound")
	if strings.Contains(r.stdout+r.stderr, postgrestest.Password()) {
		t.Errorf("the password is shown: %s", r.stdout+r.stderr)
	}
	runCLI(t, env, "repair", dir, "--yes").wants(t, 0, "removed: ", "rewritten: ", "recounted: ", "repair-", "is sound")
	runCLI(t, env, "check", dir).wants(t, 0, "65903 samples", "is sound")
	if kept := globIn(dir, "repair-*"); len(kept) != 1 {
		t.Errorf("kept %v", kept)
	}

	p := startProcess(t, dir, "--database-url", url)
	runCLI(t, env, "check", dir).wants(t, exitFailed, "stop it first")
	runCLI(t, env, "check", t.TempDir()).wants(t, exitFailed, "another server uses it")
	p.ends()
}
