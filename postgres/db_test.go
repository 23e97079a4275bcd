package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/peopledb"
	"github.com/sensocto/sensocto/postgres"
	"github.com/sensocto/sensocto/postgres/postgrestest"
)

func requireRefused(t *testing.T, url string, words ...string) {
	t.Helper()
	db, err := postgres.Open(t.Context(), url, postgres.Options{ConnectTimeout: 2 * time.Second})
	if err == nil {
		_ = db.Close()
		t.Fatal("opened")
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %q", err, word)
		}
	}
	if strings.Contains(err.Error(), postgrestest.Password()) {
		t.Errorf("%q has the password", err)
	}
}

func TestOpen_Refuses(t *testing.T) {
	server := shared.Server(t)
	newer := shared.Database(t)
	if err := open(t, newer, postgres.Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	postgrestest.Exec(t, newer, "INSERT INTO "+postgres.VersionTable+" (version_id, is_applied) VALUES (99, true)")
	requireRefused(t, newer, "newer version", "schema 99", "backup")

	foreign := shared.Database(t)
	postgrestest.Exec(t, foreign, "CREATE SCHEMA sensocto", "CREATE TABLE sensocto.recipe (name text)")
	requireRefused(t, foreign, "another program")

	postgrestest.Exec(t, foreign, "DROP DATABASE IF EXISTS latin", "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
	requireRefused(t, server.URL("latin"), "encoding is LATIN1", "UTF8")

	postgrestest.Exec(t, foreign, "DROP ROLE IF EXISTS weak", "CREATE ROLE weak LOGIN PASSWORD 's3cret-of-the-tests'")
	weak := strings.Replace(shared.Database(t), "sensocto:", "weak:", 1)
	requireRefused(t, weak, "lacks a right", "docs/postgres.md")

	requireRefused(t, server.URL("nothing"), "no such database", "createdb")
	requireRefused(t, strings.Replace(newer, postgrestest.Password(), postgrestest.Password()+"%20x", 1), "refuses the user")
	requireRefused(t, postgrestest.URLAt("127.0.0.1:1", "x"), "cannot be reached", "database_url")
	requireRefused(t, strings.Replace(newer, "postgres://", "mysql://", 1), "postgres://user:password@host")
	requireRefused(t, strings.Replace(newer, "127.0.0.1", "[", 1), "postgres://user:password@host")
	requireRefused(t, newer+"&pool_max_conns=many", "pool_max_conns")
	requireRefused(t, postgres.Redact(newer), "not shown")
}

func TestRedact(t *testing.T) {
	for url, want := range map[string]string{
		"postgres://u@h/d":             "postgres://u@h/d",
		"postgres://u:p%40ss@h:1/d":    "postgres://u:xxxxx@h:1/d",
		"postgres://h/d?password=p":    "postgres://h/d?password=xxxxx",
		"postgres://u:p@h/d?sslmode=x": "postgres://u:xxxxx@h/d?sslmode=x",
		"postgres://u:p@[h/d":          "xxxxx",
	} {
		if got := postgres.Redact(url); got != want {
			t.Errorf("%s: %s", url, got)
		}
	}
}

// Nothing that is logged or returned while the database goes away has the password.
func TestDB_NeverShowsThePassword(t *testing.T) {
	server := shared.Server(t)
	server.Database(t, "quiet")
	proxy := postgrestest.NewProxy(t, server.Address())
	log := &lockedBuffer{}
	db := open(t, postgrestest.URLAt(proxy.Address(), "quiet"), postgres.Options{
		Exclusive: true, Log: slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	proxy.Cut()
	_, err := db.LoadSensors(t.Context())
	err = errors.Join(err, db.SaveSensor(t.Context(), sensocto.Sensor{ID: "s"}), db.Err())
	proxy.Mend()
	eventually(t, "the database", func() error { _, err := db.LoadSensors(t.Context()); return err })
	postgrestest.Exec(t, server.URL("postgres"), "ALTER DATABASE quiet ALLOW_CONNECTIONS false",
		"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = 'quiet'")
	err = errors.Join(err, db.SaveSensor(t.Context(), sensocto.Sensor{ID: "s"}))
	text := log.String() + err.Error()
	if !strings.Contains(text, "away") || !strings.Contains(text, "back") {
		t.Errorf("says nothing: %s", text)
	}
	if strings.Contains(text, postgrestest.Password()) {
		t.Errorf("has the password: %s", text)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestOpen_SeveralAtTheSameTime(t *testing.T) {
	url := shared.Database(t)
	var work sync.WaitGroup
	for range 5 {
		work.Go(func() {
			db, err := postgres.Open(t.Context(), url, postgres.Options{})
			if err != nil {
				t.Error(err)
				return
			}
			if err := errors.Join(db.SaveSensor(t.Context(), sensocto.Sensor{ID: "s"}), db.Close(), db.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	if n := postgrestest.Query[int64](t, url, "SELECT max(version_id) FROM "+postgres.VersionTable)[0]; n != postgres.SchemaVersion() {
		t.Errorf("the schema has version %d", n)
	}
}

// A database of an earlier version gets what is new, and keeps what it has.
func TestOpen_BringsAnOldDatabaseUpToDate(t *testing.T) {
	url := shared.Database(t)
	db := open(t, url, postgres.Options{Exclusive: true})
	if err := db.WriteChunks(t.Context(), []sensocto.Chunk{small("s", 0, 10)}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	postgrestest.Exec(t, url, withoutNewer)
	postgrestest.Exec(t, url, "SET search_path = sensocto; "+
		"DROP TABLE change_version, change, notification, invitation, sensor_grant, share, ban, member, room, external_identity, passkey, link, account; "+
		"DROP INDEX token_account; ALTER TABLE token DROP COLUMN kind, DROP COLUMN account_id, DROP COLUMN expires_at, DROP COLUMN sensor_ids, DROP COLUMN device; "+
		"CREATE TABLE token_version (version bigint NOT NULL); INSERT INTO token_version VALUES (7); "+
		"INSERT INTO token (id, name, scopes, secret_hash, created_at) VALUES ('old', 'strap', 'ingest', '\\x01', 1000000)")
	postgrestest.Exec(t, url, "DROP FUNCTION sensocto._widest", "DROP FUNCTION sensocto.buckets", "DELETE FROM "+postgres.VersionTable+" WHERE version_id >= 5")
	db = open(t, url, postgres.Options{})
	requireChunks(t, db, "s", 1)
	token, err := peopledb.New(db).Token(t.Context(), "old")
	if err != nil || token.Name != "strap" || token.Kind != sensocto.KindToken || !token.Valid(time.Now()) {
		t.Errorf("the old token is %+v, %v", token, err)
	}
	if n := postgrestest.Query[int64](t, url, "SELECT count(*) FROM sensocto.buckets('x', 'y', '1 s')")[0]; n != 0 {
		t.Errorf("%d buckets", n)
	}
}

func TestCatalog(t *testing.T) {
	url := shared.Database(t)
	db := open(t, url, postgres.Options{})
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
	for _, s := range []sensocto.Sensor{plain, live} {
		if err := db.SaveSensor(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	other := open(t, url, postgres.Options{})
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

func requireSensors(t testing.TB, db *postgres.DB, want ...sensocto.Sensor) {
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
	url := shared.Database(t)
	server, command := open(t, url, postgres.Options{}), open(t, url, postgres.Options{})
	write := func(i int64) error { return server.WriteChunks(t.Context(), []sensocto.Chunk{small("s", i, 10)}) }
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

// Of chunks of one call, a later one takes the place of those that begin within it.
func TestWriteChunks_ReplacesWithinACall(t *testing.T) {
	db := open(t, shared.Database(t), postgres.Options{})
	whole := small("s", 0, 100)
	part := whole
	part.FirstSeq, part.Count, part.MinTime = 5, 5, whole.MinTime+5
	if err := db.WriteChunks(t.Context(), []sensocto.Chunk{part, whole, small("s", 1, 10)}); err != nil {
		t.Fatal(err)
	}
	requireChunks(t, db, "s", 2)
	list, err := db.Series(t.Context())
	if err != nil || list[0].Bytes != 110 {
		t.Errorf("%+v %v", list, err)
	}
}

func TestDeleteSamples_ALongHistoryGoesBitByBit(t *testing.T) {
	url := shared.Database(t)
	db := open(t, url, postgres.Options{})
	var chunks []sensocto.Chunk
	for i := range int64(5000) {
		chunks = append(chunks, small("s", i, 1))
	}
	if err := db.WriteChunks(t.Context(), chunks); err != nil {
		t.Fatal(err)
	}
	removed, err := db.DeleteSamples(t.Context(), "s")
	if err != nil || removed.Samples != 50_000 {
		t.Fatal(removed, err)
	}
	for range 5 {
		if err := db.WriteChunks(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := postgrestest.Query[int64](t, url, "SELECT (SELECT count(*) FROM sensocto.chunk) + (SELECT count(*) FROM sensocto.doomed)")[0]; n != 0 {
		t.Errorf("%d rows left", n)
	}
}

// Chunks lie in the partition of the month in which they begin; whoever reads
// does not hold up the making of one.
func TestPartitions(t *testing.T) {
	url := shared.Database(t)
	db := open(t, url, postgres.Options{Exclusive: true})
	write := func(i int64, at time.Time) {
		t.Helper()
		c := small("s", i, 10)
		c.MinTime, c.MaxTime = at.UnixMicro(), at.UnixMicro()+9
		if err := db.WriteChunks(t.Context(), []sensocto.Chunk{c}); err != nil {
			t.Fatal(err)
		}
	}
	date := func(y int, m time.Month) time.Time { return time.Date(y, m, 1, 0, 0, 0, 0, time.UTC) }
	write(0, date(2026, time.January))
	err := db.ReadChunks(t.Context(), sensocto.ChunkRange{SensorID: "s", AttributeID: "a", BeforeSeq: 1}, func(*sensocto.Chunk) bool {
		write(1, date(2026, time.February).Add(-time.Microsecond))
		write(2, date(2026, time.February))
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	write(3, date(1970, time.March))
	write(4, date(2100, time.January))
	write(5, date(2099, time.December))
	write(6, date(2000, time.January))
	requireChunks(t, db, "s", 7)
	got := postgrestest.Query[string](t, url, `SELECT tableoid::regclass || ' ' || first_seq FROM sensocto.chunk ORDER BY first_seq`)
	want := []string{"chunk_2026_01 0", "chunk_2026_01 10", "chunk_2026_02 20", "chunk_early 30",
		"chunk_late 40", "chunk_2099_12 50", "chunk_2000_01 60"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, url, postgres.Options{Exclusive: true})
	write(7, date(2026, time.January)) // the partition is found again
	requireChunks(t, db, "s", 8)
}

// A range is looked up in an index of few partitions, and never sorted.
func TestReadChunks_UsesTheIndexes(t *testing.T) {
	url := shared.Database(t)
	db := open(t, url, postgres.Options{Exclusive: true})
	month := int64(31 * 24 * 3600 * 1_000_000)
	for i := range int64(6) {
		c := small("s", i, 10)
		c.MinTime, c.MaxTime = epoch+i*month, epoch+i*month+9
		if err := db.WriteChunks(t.Context(), []sensocto.Chunk{c}); err != nil {
			t.Fatal(err)
		}
	}
	// As the connections of a DB have them.
	const settings = "&search_path=sensocto&enable_seqscan=off&enable_sort=off&enable_bitmapscan=off&enable_incremental_sort=off&enable_material=off"
	for name, r := range map[string]sensocto.ChunkRange{
		"min_time": {From: epoch + 2*month, To: epoch + 2*month + 5, BeforeSeq: 1000},
		"max_time": {From: epoch + 2*month, To: epoch + 2*month + 5, BeforeSeq: 1000, Order: sensocto.Descending},
		"pkey":     {From: epoch, BeforeSeq: 1000, ByNumber: true},
	} {
		plan := strings.Join(postgrestest.Query[string](t, url+settings, "EXPLAIN (COSTS off) "+postgres.RangeQuery(r, 1, 0b10_0010)), "\n")
		if strings.Contains(plan, "->  Sort") || strings.HasPrefix(plan, "Sort") || strings.Contains(plan, "Seq Scan") || !strings.Contains(plan, name) {
			t.Errorf("%s: plan:\n%s", name, plan)
		}
		if n := strings.Count(plan, "Scan using"); !r.ByNumber && n > 4 {
			t.Errorf("%s: looks at %d partitions:\n%s", name, n, plan)
		}
	}
}

func TestDB_Metrics(t *testing.T) {
	db := open(t, shared.Database(t), postgres.Options{})
	if err := db.SaveSensor(t.Context(), sensocto.Sensor{ID: "s"}); err != nil {
		t.Fatal(err)
	}
	if _, err := db.LoadSensors(context.Background()); err != nil {
		t.Fatal(err)
	}
	seen := map[string]float64{}
	db.Metrics(func(m sensocto.Metric) {
		if m.Histogram != nil {
			m.Value = float64(m.Histogram.Count)
		}
		seen[strings.Join(append([]string{m.Name}, m.Labels...), " ")] = m.Value
	})
	for _, name := range []string{"database_write_seconds", "database_read_seconds", "database_up", "database_readers state idle"} {
		if seen[name] == 0 {
			t.Errorf("%s is 0 in %v", name, seen)
		}
	}
}

// Many sensors are saved in one transaction: all of them, or none.
func TestSaveSensors_AllOrNone(t *testing.T) {
	db := open(t, shared.Database(t), postgres.Options{})
	var many []sensocto.Sensor
	for i := range 1000 {
		many = append(many, sensocto.Sensor{ID: fmt.Sprintf("s%04d", i), Attributes: []sensocto.Attribute{{ID: "ecg", Name: "ECG"}}})
	}
	if err := db.SaveSensors(t.Context(), many); err != nil {
		t.Fatal(err)
	}
	requireSensors(t, db, many...)
	twice := sensocto.Sensor{ID: "t", Attributes: []sensocto.Attribute{{ID: "ecg"}, {ID: "ecg"}}} // an attribute is unique
	if err := db.SaveSensors(t.Context(), []sensocto.Sensor{{ID: "new"}, twice}); err == nil {
		t.Error("a sensor that cannot be saved was accepted")
	}
	requireSensors(t, db, many...)
}
