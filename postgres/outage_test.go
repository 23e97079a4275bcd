package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/postgres"
	"github.com/sensocto/sensocto/postgres/postgrestest"
)

// patience is for slow machines; nothing is measured with it.
const patience = 60 * time.Second

// eventually calls f until it returns nil.
func eventually(t testing.TB, what string, f func() error) {
	t.Helper()
	tick, late := time.NewTicker(10*time.Millisecond), time.After(patience)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("waited too long for %s: %v", what, err)
		}
	}
}

// small returns chunk i of a series of chunks of 10 samples.
func small(series string, i int64, bytes int) sensocto.Chunk {
	return sensocto.Chunk{
		SensorID: series, AttributeID: "a", FirstSeq: i * 10, Count: 10, MinTime: epoch + i*10, MaxTime: epoch + i*10 + 9,
		Numbers: sensocto.Bucket{Count: 10, Min: float64(i), Max: float64(i), From: epoch, To: epoch}, Data: make([]byte, bytes),
	}
}

// requireChunks wants the chunks 0 … n−1 of a series, each once, and totals to match.
func requireChunks(t testing.TB, db *postgres.DB, series string, n int64) {
	t.Helper()
	next := int64(0)
	err := db.ReadChunks(t.Context(), sensocto.ChunkRange{SensorID: series, AttributeID: "a", BeforeSeq: 1 << 60, ByNumber: true}, func(c *sensocto.Chunk) bool {
		if c.FirstSeq != next*10 || c.Numbers.Min != float64(next) {
			t.Errorf("%s: number %d instead of %d", series, c.FirstSeq, next*10)
		}
		next++
		return true
	})
	if err != nil || next != n {
		t.Fatalf("%s: %d chunks, want %d: %v", series, next, n, err)
	}
	list, err := db.Series(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		if s.SensorID == series && (s.Samples != n*10 || s.Chunks != n || s.NextSeq != n*10) {
			t.Errorf("%+v, want %d chunks", s, n)
		}
	}
}

// A write that fails is repeated until it succeeds; whatever the server's death
// made of the attempts, each chunk is there once.
func TestWriteChunks_WhileTheServerIsKilled(t *testing.T) {
	postgrestest.Require(t)
	server, err := postgrestest.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	db := open(t, server.Database(t, "sensocto"), postgres.Options{Exclusive: true, Timeout: 10 * time.Second})
	const kills = 6
	stop := make(chan struct{})
	var writing sync.WaitGroup
	var written int64
	writing.Go(func() {
		for ; ; written++ {
			select {
			case <-stop:
				return
			default:
			}
			chunks := []sensocto.Chunk{small("s", written, 5000), small("x", written, 100)}
			eventually(t, "the server", func() error {
				err := db.WriteChunks(context.Background(), chunks)
				if err != nil && !errors.Is(err, sensocto.ErrUnavailable) {
					t.Error(err)
				}
				return err
			})
		}
	})
	for range kills {
		before := chunksOf(db)
		eventually(t, "writes", func() error {
			if n := chunksOf(db); n < before+int64(5+rand.IntN(40)) {
				return fmt.Errorf("%d chunks", n)
			}
			return nil
		})
		server.Kill()
		if err := server.Restart(); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	writing.Wait()
	requireChunks(t, db, "s", written)
	requireChunks(t, db, "x", written)
}

func chunksOf(db *postgres.DB) (n int64) {
	list, err := db.Series(context.Background())
	if err != nil {
		return -1
	}
	for _, s := range list {
		n += s.Chunks
	}
	return n
}

// Connections are cut at any point of a transaction: before, in the middle of a
// COPY, and between the commit and its answer.
func TestWriteChunks_WhileConnectionsAreCut(t *testing.T) {
	shared.Database(t)
	proxy := postgrestest.NewProxy(t, shared.Server(t).Address())
	name := "cut"
	shared.Server(t).Database(t, name)
	db := open(t, postgrestest.URLAt(proxy.Address(), name), postgres.Options{Exclusive: true})
	written, failed := int64(0), 0
	for size := range 24 {
		chunks := []sensocto.Chunk{small("s", written, 20_000), small("s", written+1, 20_000)}
		proxy.CutAfter(int64(size) * 2200)
		for {
			err := db.WriteChunks(t.Context(), chunks)
			if err == nil {
				break
			}
			failed++
			if !errors.Is(err, sensocto.ErrUnavailable) {
				t.Fatal(err)
			}
			proxy.Mend()
		}
		written += 2
	}
	if failed < 12 {
		t.Errorf("only %d writes failed", failed)
	}
	proxy.Mend()
	eventually(t, "the database", db.Err)
	requireChunks(t, db, "s", written)
}

// Between the commit and its answer: the answer does not come through.
func TestWriteChunks_TheAnswerIsLost(t *testing.T) {
	server := shared.Server(t)
	proxy := postgrestest.NewProxy(t, server.Address())
	url := server.Database(t, "lost_answer")
	db := open(t, postgrestest.URLAt(proxy.Address(), "lost_answer"), postgres.Options{Exclusive: true})
	// The trigger runs within the commit, and waits until the test lets it go on.
	holder := connect(t, url)
	hold := func(sql string) {
		t.Helper()
		if _, err := holder.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	hold(`SELECT pg_advisory_lock(4711)`)
	postgrestest.Exec(t, url, `CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NULL; END'`,
		`CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON sensocto.series DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow()`)
	failed := make(chan error, 1) // one result
	go func() { failed <- db.WriteChunks(context.Background(), []sensocto.Chunk{small("s", 0, 100)}) }()
	eventually(t, "the commit", func() error {
		if n := postgrestest.Query[int64](t, url, `SELECT count(*) FROM pg_stat_activity WHERE datname = 'lost_answer' AND query ILIKE 'commit%' AND state = 'active'`)[0]; n != 1 {
			return fmt.Errorf("%d commits", n)
		}
		return nil
	})
	proxy.Cut()
	hold(`SELECT pg_advisory_unlock(4711)`)
	if err := <-failed; !errors.Is(err, sensocto.ErrUnavailable) {
		t.Errorf("the answer did not come, but: %v", err)
	}
	proxy.Mend()
	eventually(t, "the database", func() error {
		return db.WriteChunks(t.Context(), []sensocto.Chunk{small("s", 0, 100), small("s", 1, 100)})
	})
	requireChunks(t, db, "s", 2)
}

// A database that says nothing makes calls fail in a bounded time, and the
// later ones at once.
func TestDB_ThatHangs(t *testing.T) {
	server := shared.Server(t)
	proxy := postgrestest.NewProxy(t, server.Address())
	server.Database(t, "hangs")
	db := open(t, postgrestest.URLAt(proxy.Address(), "hangs"), postgres.Options{Exclusive: true, Timeout: time.Second, ConnectTimeout: time.Second})
	if err := db.WriteChunks(t.Context(), []sensocto.Chunk{small("s", 0, 100)}); err != nil {
		t.Fatal(err)
	}
	if err := db.Err(); err != nil {
		t.Fatal(err)
	}
	proxy.Block()
	calls := map[string]func() error{
		"write": func() error { return db.WriteChunks(t.Context(), []sensocto.Chunk{small("s", 1, 100)}) },
		"read": func() error {
			return db.ReadChunks(t.Context(), sensocto.ChunkRange{SensorID: "s", AttributeID: "a", BeforeSeq: 9}, func(*sensocto.Chunk) bool { return true })
		},
		"people": func() error {
			return db.View(t.Context(), func(ctx context.Context, pool *sql.DB) error {
				return pool.QueryRowContext(ctx, "SELECT version FROM change_version").Scan(new(int64))
			})
		},
		"catalog": func() error { return db.SaveSensor(t.Context(), sensocto.Sensor{ID: "s"}) },
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, sensocto.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if db.Err() == nil {
		t.Error("ready")
	}
	proxy.Mend()
	for name, call := range calls {
		eventually(t, name, func() error {
			if err := call(); !errors.Is(err, sensocto.ErrNotFound) {
				return err
			}
			return nil
		})
	}
	if err := db.Err(); err != nil {
		t.Error(err)
	}
	requireChunks(t, db, "s", 2)
}

// A read that was interrupted is told of, never taken for complete; one that
// has not begun is repeated on a new connection.
func TestReadChunks_Interrupted(t *testing.T) {
	server := shared.Server(t)
	proxy := postgrestest.NewProxy(t, server.Address())
	server.Database(t, "interrupted")
	db := open(t, postgrestest.URLAt(proxy.Address(), "interrupted"), postgres.Options{Exclusive: true})
	for i := range int64(100) {
		if err := db.WriteChunks(t.Context(), []sensocto.Chunk{small("s", i, 5000)}); err != nil {
			t.Fatal(err)
		}
	}
	seen := 0
	all := sensocto.ChunkRange{SensorID: "s", AttributeID: "a", BeforeSeq: 1 << 40}
	err := db.ReadChunks(t.Context(), all, func(*sensocto.Chunk) bool {
		if seen++; seen == 5 {
			proxy.Cut()
			proxy.Mend()
		}
		return true
	})
	if !errors.Is(err, sensocto.ErrUnavailable) {
		t.Errorf("%d chunks and %v", seen, err)
	}
	eventually(t, "the database", func() error { requireChunksOrAway(t, db, all); return db.Err() })
	proxy.Cut() // idle connections are dead
	proxy.Mend()
	requireChunks(t, db, "s", 100)
}

func requireChunksOrAway(t *testing.T, db *postgres.DB, r sensocto.ChunkRange) {
	t.Helper()
	if err := db.ReadChunks(t.Context(), r, func(*sensocto.Chunk) bool { return true }); err != nil && !errors.Is(err, sensocto.ErrUnavailable) {
		t.Error(err)
	}
}

func TestReadChunks_CancelledByItsCaller(t *testing.T) {
	db := open(t, shared.Database(t), postgres.Options{Exclusive: true})
	for i := range int64(200) {
		if err := db.WriteChunks(t.Context(), []sensocto.Chunk{small("s", i, 5000)}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := db.ReadChunks(ctx, sensocto.ChunkRange{SensorID: "s", AttributeID: "a", BeforeSeq: 1 << 40}, func(*sensocto.Chunk) bool { cancel(); return true })
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := db.SaveSensor(ctx, sensocto.Sensor{ID: "s"}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := db.Err(); err != nil {
		t.Errorf("who gives up says nothing of the database: %v", err)
	}
	requireChunks(t, db, "s", 200)
}

// One server has the lock. When its connection is lost another may take it, and
// then the first writes nothing until it has it again.
func TestDB_OneServerWrites(t *testing.T) {
	url := shared.Database(t)
	first := open(t, url, postgres.Options{Exclusive: true})
	_, err := postgres.Open(t.Context(), url, postgres.Options{Exclusive: true})
	if !errors.Is(err, postgres.ErrInUse) {
		t.Fatalf("a second server: %v", err)
	}
	beside := open(t, url, postgres.Options{})
	if err := beside.SaveSensor(t.Context(), sensocto.Sensor{ID: "x"}); err != nil {
		t.Fatal(err)
	}
	if err := first.WriteChunks(t.Context(), []sensocto.Chunk{small("s", 0, 10)}); err != nil {
		t.Fatal(err)
	}
	postgrestest.Exec(t, url, `SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory'
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
	second := open(t, url, postgres.Options{Exclusive: true})
	for range 3 {
		err := first.WriteChunks(t.Context(), []sensocto.Chunk{small("s", 1, 10)})
		if !errors.Is(err, sensocto.ErrUnavailable) {
			t.Errorf("without the lock: %v", err)
		}
	}
	eventually(t, "the reason", func() error {
		if err := first.WriteChunks(t.Context(), nil); !errors.Is(err, postgres.ErrInUse) {
			return fmt.Errorf("without the lock: %w", err)
		}
		return nil
	})
	requireChunks(t, second, "s", 1)
	if err := second.Close(); err != nil {
		t.Error(err)
	}
	eventually(t, "the lock", func() error { return first.WriteChunks(t.Context(), []sensocto.Chunk{small("s", 1, 10)}) })
	requireChunks(t, first, "s", 2)
}
