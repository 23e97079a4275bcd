package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/sqlite"
)

func dbPath(t testing.TB) string { return filepath.Join(t.TempDir(), "data", "sensocto.db") }

func requireRefused(t *testing.T, path string, words ...string) {
	t.Helper()
	before, _ := os.ReadFile(path)
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err == nil {
		_ = db.Close()
		t.Fatal("opened")
	}
	for _, word := range append(words, path) {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %q", err, word)
		}
	}
	if after, _ := os.ReadFile(path); string(before) != string(after) {
		t.Error("the file was changed")
	}
}

// with runs statements on a database by another way than ours.
func with(t testing.TB, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOpen_RefusesANewerVersion(t *testing.T) {
	path := dbPath(t)
	if err := open(t, path, sqlite.Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	with(t, path, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)")
	requireRefused(t, path, "newer version", "schema 99", "backup")
}

func TestOpen_RefusesWhatIsNoDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sensocto.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("not a database\n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	requireRefused(t, path, "not a database", "data directory")
}

func TestOpen_RefusesADatabaseOfAnotherProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sensocto.db")
	with(t, path, "CREATE TABLE recipe (name TEXT)")
	requireRefused(t, path, "another program")
}

func TestOpen_TellsOfDamage(t *testing.T) {
	path := dbPath(t)
	if err := open(t, path, sqlite.Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 100; i < 16384; i++ { // the schema's page, but not the file's header
		data[i] ^= 0x5a
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	requireRefused(t, path, "damaged", "backup")
}

func TestOpen_FilesAreTheOwnersAlone(t *testing.T) {
	path := dbPath(t)
	db := open(t, path, sqlite.Options{Exclusive: true})
	if _, err := db.LoadSensors(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{
		filepath.Dir(path): 0o700, path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600, path + ".lock": 0o600,
	} {
		info, err := os.Stat(name)
		if err != nil {
			t.Error(err)
		} else if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
}

func TestOpen_APathMayHaveAnyCharacters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?c=d&mode=memory#e%20f", "sensocto.db")
	open(t, path, sqlite.Options{})
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestOpen_OneServerADirectory(t *testing.T) {
	path := dbPath(t)
	first := open(t, path, sqlite.Options{Exclusive: true})
	if _, err := sqlite.Open(t.Context(), path, sqlite.Options{Exclusive: true}); err == nil || !strings.Contains(err.Error(), "another server") {
		t.Errorf("second server: %v", err)
	}
	open(t, path, sqlite.Options{}) // a command beside it
	if err := errors.Join(first.Close(), first.Close()); err != nil {
		t.Error(err)
	}
	open(t, path, sqlite.Options{Exclusive: true})
}

func TestOpen_SeveralAtTheSameTime(t *testing.T) {
	path := dbPath(t)
	var work sync.WaitGroup
	for range 6 {
		work.Go(func() {
			db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
			if err != nil {
				t.Error(err)
				return
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
}

func TestCatalog(t *testing.T) {
	path := dbPath(t)
	db := open(t, path, sqlite.Options{})
	plain := sensocto.Sensor{ID: "b", Name: "B", Attributes: []sensocto.Attribute{}}
	full := sensocto.Sensor{
		ID: "a", Name: "Strap", Type: "ecg", ConnectorID: "c", ConnectorName: "Phone", SamplingRate: 62.5, OwnerID: "operator", BroughtBy: "t1",
		Attributes: []sensocto.Attribute{
			{ID: "ecg", Name: "ECG", Type: "waveform", Unit: "mV", SamplingRate: 512},
			{ID: "temp", Name: "Temperature", Type: "number", Unit: "°C"},
		},
	}
	live := full
	live.Activity = sensocto.ActivityOnline
	live.Attributes = append([]sensocto.Attribute(nil), full.Attributes...)
	live.Attributes[0].LastValue = &sensocto.Sample{Value: 1}
	for _, s := range []sensocto.Sensor{plain, live} {
		if err := db.SaveSensor(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	other := open(t, path, sqlite.Options{})
	requireSensors(t, other, full, plain)

	full.Name, full.Attributes = "Belt", full.Attributes[1:]
	if err := db.SaveSensor(t.Context(), full); err != nil {
		t.Fatal(err)
	}
	requireSensors(t, other, full, plain)
	if err := errors.Join(db.DeleteSensor(t.Context(), "a"), db.DeleteSensor(t.Context(), "never seen")); err != nil {
		t.Fatal(err)
	}
	requireSensors(t, other, plain)
}

func requireSensors(t testing.TB, db *sqlite.DB, want ...sensocto.Sensor) {
	t.Helper()
	got, err := db.LoadSensors(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("-want +got\n%s", diff)
	}
}

func TestWriteChunks_ASeriesThatAnotherProcessDeleted(t *testing.T) {
	path := dbPath(t)
	server, command := open(t, path, sqlite.Options{}), open(t, path, sqlite.Options{})
	write := func(first int64) error {
		return server.WriteChunks(t.Context(), []sensocto.Chunk{{SensorID: "s", AttributeID: "a", FirstSeq: first, Count: 1, Data: []byte("x")}})
	}
	if err := write(0); err != nil {
		t.Fatal(err)
	}
	if _, err := command.DeleteSamples(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	if write(1) == nil {
		t.Error("wrote to a series that is gone")
	}
	if err := write(1); err != nil {
		t.Errorf("second try: %v", err)
	}
}

func TestDeleteSamples_ALongHistoryGoesBitByBit(t *testing.T) {
	path := dbPath(t)
	db := open(t, path, sqlite.Options{})
	var chunks []sensocto.Chunk
	for i := range int64(5000) {
		chunks = append(chunks, sensocto.Chunk{SensorID: "s", AttributeID: "a", FirstSeq: i, Count: 1, MinTime: i, MaxTime: i, Data: []byte("x")})
	}
	if err := db.WriteChunks(t.Context(), chunks); err != nil {
		t.Fatal(err)
	}
	removed, err := db.DeleteSamples(t.Context(), "s")
	if err != nil || removed.Samples != 5000 {
		t.Fatal(removed, err)
	}
	for range 4 {
		if err := db.WriteChunks(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	var left int
	if err := raw.QueryRow("SELECT (SELECT count(*) FROM chunk) + (SELECT count(*) FROM doomed)").Scan(&left); err != nil || left != 0 {
		t.Errorf("%d rows left, %v", left, err)
	}
}

// A range is looked up in an index whatever spans there are, and never sorted.
func TestReadChunks_UsesTheIndexes(t *testing.T) {
	path := dbPath(t)
	open(t, path, sqlite.Options{})
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	for index, r := range map[string]sensocto.ChunkRange{
		"chunk_min_time":            {From: 5, To: 9, BeforeSeq: 7},
		"chunk_max_time":            {From: 5, To: 9, FromSeq: 3, BeforeSeq: 7, Order: sensocto.Descending},
		"sqlite_autoindex_chunk_1":  {From: 5, To: 9, FromSeq: 3, BeforeSeq: 7, ByNumber: true},
		"rollup_min_time":           {Level: 2, From: 5, To: 9, FromSeq: 3, BeforeSeq: 7, NoData: true},
		"rollup_max_time":           {Level: 1, From: 5, To: 9, BeforeSeq: 7, Order: sensocto.Descending},
		"sqlite_autoindex_rollup_1": {Level: 1, From: 5, To: 9, BeforeSeq: 7, ByNumber: true},
	} {
		parts := 3
		if r.ByNumber {
			parts = 1
		}
		plan := queryPlan(t, raw, r)
		if strings.Contains(plan, "TEMP B-TREE") || strings.Contains(plan, "SCAN "+index[:5]) || strings.Count(plan, "USING INDEX "+index) != parts {
			t.Errorf("%s: plan:\n%s", index, plan)
		}
	}
}

func queryPlan(t *testing.T, raw *sql.DB, r sensocto.ChunkRange) string {
	t.Helper()
	query, args := sqlite.RangeQuery(r, 1, 0b1011_0000)
	rows, err := raw.Query("EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var steps []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	return strings.Join(steps, "\n")
}

func TestDB_MetricsAndCancelledContext(t *testing.T) {
	db := open(t, dbPath(t), sqlite.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.SaveSensor(ctx, sensocto.Sensor{ID: "s"}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := db.SaveSensor(t.Context(), sensocto.Sensor{ID: "s"}); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	db.Metrics(func(m sensocto.Metric) {
		seen[m.Name] = m.Value > 0 || m.Histogram != nil && m.Histogram.Count > 0 || seen[m.Name]
	})
	if !seen["database_write_seconds"] || !seen["database_bytes"] {
		t.Errorf("%v", seen)
	}
}

// Whoever reads must not take a database that fails for one that is empty.
func TestReadChunks_TellsOfAFailure(t *testing.T) {
	db := open(t, dbPath(t), sqlite.Options{})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	none := func(*sensocto.Chunk) bool { t.Error("a chunk of a closed database"); return false }
	if err := db.ReadChunks(t.Context(), sensocto.ChunkRange{SensorID: "s", AttributeID: "a", BeforeSeq: 1}, none); err == nil {
		t.Error("no error")
	}
}

// Many sensors are saved in one transaction: all of them, or none.
func TestSaveSensors_AllOrNone(t *testing.T) {
	db := open(t, dbPath(t), sqlite.Options{})
	var many []sensocto.Sensor
	for i := range 1000 {
		many = append(many, sensocto.Sensor{ID: fmt.Sprintf("s%04d", i), Attributes: []sensocto.Attribute{{ID: "ecg", Name: "ECG"}}})
	}
	if err := db.SaveSensors(t.Context(), many); err != nil {
		t.Fatal(err)
	}
	requireSensors(t, db, many...)
	twice := sensocto.Sensor{ID: "t", Attributes: []sensocto.Attribute{{ID: "ecg"}, {ID: "ecg"}}} // an attribute is unique
	if err := db.SaveSensors(t.Context(), []sensocto.Sensor{{ID: "new"}, twice}); err == nil || !strings.Contains(err.Error(), "sensor t") {
		t.Errorf("a sensor that cannot be saved: %v", err)
	}
	requireSensors(t, db, many...)
}

func TestLoadSensors_CleansTextsFromBeforeTheyWereChecked(t *testing.T) {
	db := open(t, dbPath(t), sqlite.Options{})
	old := sensocto.Sensor{ID: "s", Name: "a\x00b", Type: strings.Repeat("x", 1<<20), Attributes: []sensocto.Attribute{{ID: "ecg", Unit: "\x1b[2J"}}}
	if err := db.SaveSensor(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	requireSensors(t, db, sensocto.Sensor{ID: "s", Name: "a\ufffdb", Type: strings.Repeat("x", sensocto.MaxText), Attributes: []sensocto.Attribute{{ID: "ecg", Unit: "\ufffd[2J"}}})
}
