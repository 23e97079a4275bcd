package backup_test

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/backup"
	"github.com/sensocto/sensocto/peopledb"
	"github.com/sensocto/sensocto/sqlite"
	"github.com/sensocto/sensocto/store"
)

const base = 1_700_000_000_000_000 // µs

func openDB(t testing.TB) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func sourceOf(db *sqlite.DB) backup.Source {
	return backup.Source{Cold: db, Sensors: db.LoadSensors, Tokens: peopledb.New(db).Tokens, Program: "test"}
}

func targetOf(db *sqlite.DB) backup.Target {
	return backup.Target{Cold: db, SaveSensor: db.SaveSensor, InsertToken: peopledb.New(db).InsertToken}
}

// fill puts sensors, tokens and samples into a database: numbers, documents,
// late samples, full chunks and parts.
func fill(t testing.TB, db *sqlite.DB, sensors, samples int) {
	t.Helper()
	s, err := store.Open(t.Context(), db, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for n := range sensors {
		id := fmt.Sprintf("sensor-%d", n)
		saved := sensocto.Sensor{ID: id, Name: "Sensor é", Type: "ecg", ConnectorID: "c", ConnectorName: "C", SamplingRate: 512, OwnerID: sensocto.OperatorID, BroughtBy: "t1",
			Attributes: []sensocto.Attribute{{ID: "ecg", Name: "ECG", Type: "ecg", Unit: "mV", SamplingRate: 512}, {ID: "state"}}}
		if err := db.SaveSensor(t.Context(), saved); err != nil {
			t.Fatal(err)
		}
		for i := 0; i < samples; i += 1000 {
			if err := s.Put(t.Context(), batch(id, i, min(i+1000, samples))); err != nil {
				t.Fatal(err)
			}
			if err := s.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, revoked := range []time.Time{{}, time.UnixMicro(base).UTC()} {
		token := sensocto.Token{ID: fmt.Sprintf("token%d", i), Name: "n", Scopes: []sensocto.Scope{sensocto.ScopeView},
			SecretHash: bytes.Repeat([]byte{byte(i)}, 32), CreatedAt: time.UnixMicro(base + int64(i)).UTC(), RevokedAt: revoked}
		if err := peopledb.New(db).InsertToken(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
}

// batch is samples of two attributes; what it holds is told by the numbers.
func batch(sensor string, from, to int) *sensocto.Batch {
	b := &sensocto.Batch{SensorID: sensor}
	for i := from; i < to; i++ {
		at := base + int64(i)*1953
		if i%97 == 0 {
			at -= 3_000_000 // late
		}
		b.Measurements = append(b.Measurements, sensocto.Measurement{AttributeID: "ecg", Sample: sensocto.Sample{Timestamp: at, Value: float64(i%2048) * 0.005}})
		if i%50 == 0 {
			b.Measurements = append(b.Measurements, sensocto.Measurement{AttributeID: "state",
				Sample: sensocto.Sample{Timestamp: at, Document: fmt.Appendf(nil, `{"n":%d}`, i)}})
		}
	}
	return b
}

func archive(t testing.TB, s backup.Source) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := backup.Write(t.Context(), &b, s, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// content is everything that a database shows, in comparable form.
type content struct {
	Sensors []sensocto.Sensor
	Tokens  []sensocto.Token
	Series  []sensocto.SeriesInfo
	Samples map[string][]sensocto.Sample
}

func contentOf(t testing.TB, db *sqlite.DB) content {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	var c content
	var err error
	if c.Sensors, err = db.LoadSensors(ctx); err != nil {
		t.Fatal(err)
	}
	if c.Tokens, err = peopledb.New(db).Tokens(ctx); err != nil {
		t.Fatal(err)
	}
	if c.Series, err = db.Series(ctx); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(c.Series, func(a, b sensocto.SeriesInfo) int {
		return slices.Compare([]string{a.SensorID, a.AttributeID}, []string{b.SensorID, b.AttributeID})
	})
	s, err := store.Open(ctx, db, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c.Samples = make(map[string][]sensocto.Sample)
	for _, info := range c.Series {
		page, err := s.Read(ctx, info.SensorID, info.AttributeID, sensocto.Query{})
		if err != nil {
			t.Fatal(err)
		}
		c.Samples[info.SensorID+"/"+info.AttributeID] = page.Samples
	}
	return c
}
